"""One home on trial: its clean period once, and from a snapshot at the beginning of each incident a branch of its own.

The model is the service's own. Nothing here judges: what was told, and what each method had come to, is only kept.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np

from anomaly.clock_bins import Floats
from anomaly.home_model import HomeModel
from anomaly.open_finding import Finding
from anomaly.plan import HomePlan, Limits, plan_of_file
from anomaly.scorecard.edits import LATE_BY, failed, happened
from anomaly.scorecard.homes import Change, EvaluatedHome
from anomaly.scorecard.incidents import WATCHED, Incident, Twin, instant, planned, planned_gradual
from anomaly.scorecard.onlooker import Onlooker, Trace, fresh_onlooker
from anomaly.scorecard.own_budget import AtOwnBudgets, points
from store.deviation import Deviation, Grade
from store.home import SensorKind
from store.recording import Row

WARM_UP = timedelta(days=28)
JUST_TOLD = 6 * 3600.0  # seconds: whoever was told so recently is looking already
_GRADUAL_WATCHED = timedelta(days=28)
_ONLOOKER, _OWN = "scorecard", "scorecard, own budgets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A finding about the resident, in the highest grade it reached."""

    id: str
    kind: str
    grade: str
    at: float  # epoch seconds, when it first had this grade
    once_in_days: float | None
    unable_to_verify: bool = False
    feature: str = ""
    explanation: str = ""
    is_said_anyway: bool = False  # of a branch: in the clean period as well

    @property
    def reaches_people(self) -> bool:
        """More than a note on a page."""
        return Grade(self.grade).rank >= Grade.ATTENTION.rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one incident, or of its technical twin."""

    incident: Incident
    twin: Twin | None
    told: tuple[Told, ...]
    open_before: tuple[Told, ...]  # that people had been told when it began
    usually_up: float | None = None  # epoch seconds of the usual getting up after it began; of `not_up`
    nights: Floats = field(default_factory=lambda: np.zeros((0, 2)))  # of a slow change: as in `HomeResult`
    daily: Floats = field(default_factory=lambda: np.zeros((0, 2)))  # … rows of (midnight after it, the day's N)
    traces: dict[str, Trace] = field(default_factory=dict)
    own: dict[str, float] = field(default_factory=dict)  # of `own_budget`: minutes until it told people


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeResult:
    """Everything that was seen of one home."""

    code: str
    days: float  # observed days after the warm-up
    warm_up_days: float
    told: tuple[Told, ...]  # in the clean period, after the warm-up
    peaks: dict[str, Floats]  # method → rows of (when a quiet ended, how far it had come)
    daily_once: Floats  # the largest N of each learnable day, and 0 of a day without a quiet
    nights: Floats  # rows of (midnight after it, visits to the bathroom), of learnable days; the warm-up included
    has_bed_sensor: bool
    outcomes: tuple[Outcome, ...]
    changes: tuple[Change, ...]  # of the home itself
    residents: int
    zone: ZoneInfo
    seconds: float
    own_told: dict[str, tuple[float, ...]] = field(default_factory=dict)  # of `own_budget`: when it told people


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What to do with each home."""

    incidents: int = 9  # acute ones
    seed: int = 1
    warm_up: timedelta = WARM_UP
    limits: Limits = field(default_factory=Limits)
    gradual: bool = True


def tried(home: EvaluatedHome, trial: Trial) -> HomeResult:
    """Replay, branch, and keep what was said. The same home and trial give the same result."""
    started = time.perf_counter()
    plan = replace(plan_of_file(home.file, always_observed=False), limits=trial.limits)
    first = home.rows[0].at
    warm_up = min(trial.warm_up, timedelta(days=home.days / 2))  # a short recording is halved; the report says so
    begin = (first + warm_up).timestamp()
    incidents = planned(home, plan, begin=begin, wanted=trial.incidents, seed=trial.seed)
    if trial.gradual:
        watched = _GRADUAL_WATCHED / timedelta(days=1)
        incidents += planned_gradual(home, plan, begin=begin, days=watched, seed=trial.seed)

    run = _Run(home, plan)
    for incident in sorted(incidents, key=lambda each: each.at):
        run.to(incident)
    clean, onlooker = run.finish()
    told = tuple(each for each in _told(clean) if each.at >= begin)
    known_already = {(each.id, each.grade) for each in _told(clean)}
    daily = [once for midnight, once in onlooker.days if midnight > begin]
    own = {name: tuple(at for at in times if at >= begin) for name, times in run.own_told().items()}
    return HomeResult(
        code=home.file.id,
        days=run.observed_days(begin),
        warm_up_days=warm_up / timedelta(days=1),
        told=told,
        peaks={
            name: np.array([peak for peak in peaks if peak[0] >= begin]).reshape(-1, 2)
            for name, peaks in onlooker.peaks.items()
        },
        daily_once=np.array(daily),
        nights=np.array(onlooker.nights).reshape(-1, 2),
        has_bed_sensor=any(sensor.kind is SensorKind.BED for sensor in plan.sensors),
        outcomes=tuple(
            replace(o, told=tuple(replace(t, is_said_anyway=(t.id, t.grade) in known_already) for t in o.told))
            for o in run.outcomes
        ),
        changes=home.changes,
        residents=plan.residents,
        zone=plan.zone,
        seconds=time.perf_counter() - started,
        own_told=own,
    )


class _Run:
    """The clean replay of one home, and the branches that leave it."""

    def __init__(self, home: EvaluatedHome, plan: HomePlan) -> None:
        self._rows, self._plan = home.rows, plan
        self._caused = home.caused()
        self._times = np.array([row.at.timestamp() for row in home.rows])
        self._model = HomeModel(plan)
        self._onlooker = fresh_onlooker()
        self._own = AtOwnBudgets(points(plan.limits))
        self._model.attach(_ONLOOKER, self._onlooker)
        self._model.attach(_OWN, self._own)
        self._fed = 0
        self._findings: list[Finding] = []
        self.outcomes: list[Outcome] = []

    def to(self, incident: Incident) -> None:
        """Replay up to the minute in which it begins, then try it and its twins."""
        minute = incident.at // 60.0 * 60.0
        self._advance(minute)
        length = _GRADUAL_WATCHED if incident.kind.is_gradual else WATCHED
        first, last = self._span(minute, minute + length.total_seconds())
        ahead, caused = self._rows[first:last], self._caused[first:last]
        before = self._rows[slice(*self._span(minute - 2 * 86400.0, minute))]
        state = self._model.to_bytes()
        self._branch(state, incident, None, happened(incident, ahead, caused, self._plan, before), [], minute, length)
        if not incident.kind.is_gradual:
            for twin in Twin:
                rows, late = failed(twin, incident, ahead, self._plan)
                self._branch(state, incident, twin, rows, late, minute, length)

    def _branch(
        self, state: bytes, incident: Incident, twin: Twin | None,
        rows: Sequence[Row], late: Sequence[Row], minute: float, length: timedelta,
    ) -> None:  # fmt: skip
        model = HomeModel(self._plan, state)
        onlooker = self._onlooker.branch(closely=not incident.kind.is_gradual)
        model.attach(_ONLOOKER, onlooker)
        own = None if twin is not None or incident.kind.is_gradual else self._own.branch()
        if own is not None:
            model.attach(_OWN, own)
        before = tuple(each for each in _told(model.open_findings()) if each.reaches_people)
        model.feed(rows)
        findings: list[Finding] = []
        if late:
            findings += model.advance(instant(incident.at) + LATE_BY)
            model.feed(late)
        findings += model.advance(instant(minute) + length)
        traces = {}
        if not incident.kind.is_gradual:
            found = onlooker.traces_until(minute + length.total_seconds(), model.known)
            last = slice(-1, None) if twin is not None else slice(None)  # of a twin only how far it came
            traces = {name: _after(trace, incident.at, last) for name, trace in found.items()}
        self.outcomes.append(
            Outcome(
                incident=incident,
                twin=twin,
                told=tuple(_told(findings)),
                open_before=before,
                usually_up=_usually_up(self._model, incident.at),
                nights=np.array(onlooker.nights).reshape(-1, 2),
                daily=np.array(onlooker.days).reshape(-1, 2),
                traces=traces,
                own={} if own is None else _own_delays(own, self._own, incident.at),
            )
        )

    def _span(self, start: float, end: float) -> tuple[int, int]:
        first, last = np.searchsorted(self._times, (start, end))
        return int(first), int(last)

    def _advance(self, until: float) -> None:
        last = int(np.searchsorted(self._times, until))
        self._model.feed(self._rows[self._fed : last])
        self._fed = max(self._fed, last)
        self._findings += self._model.advance(instant(until))
        self._model.chances.clear()

    def finish(self) -> tuple[list[Finding], Onlooker]:
        """Replay the rest."""
        self._advance(self._times[-1] // 60.0 * 60.0 + 60.0)
        return self._findings, self._onlooker

    def own_told(self) -> dict[str, list[float]]:
        """When each detector with limits of its own told people in the clean period."""
        found = zip(self._own.points, self._own.told, strict=True)
        return {point.name: _first_told(findings) for point, findings in found}

    def observed_days(self, begin: float) -> float:
        """Days after the warm-up that were observed well enough to count."""
        return float(sum(midnight > begin for midnight, _ in self._onlooker.days))


def _first_told(findings: Sequence[Finding]) -> list[float]:
    """When people were told of each of these, once for each."""
    first: dict[str, float] = {}
    for told in _told(findings):
        if told.reaches_people:
            first.setdefault(told.id, told.at)
    return sorted(first.values())


def _own_delays(branch: AtOwnBudgets, clean: AtOwnBudgets, at: float) -> dict[str, float]:
    """Minutes until each detector with limits of its own told people; 0 if it had just told them."""
    found = {}
    for point, findings, open_before in zip(branch.points, branch.told, clean.open_findings(), strict=True):
        before = [each.raised for each in open_before if Grade(each.grade).rank >= Grade.ATTENTION.rank]
        told = _first_told(findings)
        delay = (told[0] - at) / 60.0 if told else math.inf
        found[point.name] = 0.0 if any(raised > at - JUST_TOLD for raised in before) else delay
    return found


def _usually_up(model: HomeModel, at: float) -> float:
    """When half of the mornings like the next one have seen the resident up."""
    clock = model.known.situation.clock
    morning = clock.midnight_after(at) if clock.hour(at) >= 14.0 else at
    _, day_type, day = clock.at(morning)
    return clock.instant(day, float(model.not_up.usual.quantiles(day_type, (0.5,))[0]) / 60.0)


def _told(findings: Sequence[Finding]) -> list[Told]:
    """Each finding about the resident once for each grade it had, when it first had it."""
    first: dict[tuple[str, str], Told] = {}
    for finding in findings:
        if not isinstance(finding, Deviation):
            continue
        key = (str(finding.id), str(finding.grade))
        told = Told(
            id=key[0],
            kind=str(finding.kind),
            grade=key[1],
            at=finding.raised_at.timestamp(),
            once_in_days=finding.once_in_days,
            unable_to_verify=bool(finding.evidence.get("unable_to_verify")),
            feature=str(finding.evidence.get("feature", "")),
            explanation=finding.explanation,
        )
        first.setdefault(key, told)
    return sorted(first.values(), key=lambda each: (each.at, each.kind, each.grade))


def _after(trace: Trace, at: float, kept: slice) -> Trace:
    """Minutes since the incident began; what was reached before it counts as reached at once."""
    times, scores = trace[0][kept], trace[1][kept]
    return np.maximum(0.0, (times - at) / 60.0).astype(np.float32), scores.astype(np.float32)

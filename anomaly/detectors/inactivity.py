"""No movement for longer than is usual here, at this hour, in this place: the person may be unable to move.

The score of the running quiet, its surprise Λ (`hazard`) and what waiting costs (`waiting`), grows minute by minute;
when it passes what the home's own days reach about once in N days (`return_period`), the finding is raised, and rises
under the same id. Between two signs of life nothing can change but the clock: the minute at which the next grade would
be reached is computed once and waited for.

While a dead sensor explains the quiet at least as well (`doubt`), the same people are told at the same minute, but what
is true: that it cannot be observed how the resident is. The ceilings, and a quiet that no dead sensor explains any
more, are inactivity again.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from anomaly import explain
from anomaly.clock_bins import QUARTER, Floats
from anomaly.clock_change import least
from anomaly.detectors.detector import Known, says_nothing, unheeded
from anomaly.doubt import Doubt, doubt_about
from anomaly.hazard import CLOCK_STARTS, Path
from anomaly.open_finding import Finding, OpenFinding, next_minute
from anomaly.plan import PlanSensor
from anomaly.situation import Quiet, with_absence
from anomaly.waiting import costs_of_waiting, minutes_left
from store.deviation import DeviationKind, Grade

_LOOK_FARTHER = (4 * 3600.0, 12 * 3600.0)  # seconds; where the next grade is looked for first
_LOOK_AHEAD = 2 * 3600.0  # seconds; doubled while a quiet goes on
_USUALLY = math.log(10.0)  # nats: nine quiets in ten are over
_PROBABLY = 0.5
_CLOSE = 1e-6  # nats: nearer than this, it is looked at minute by minute


class Inactivity:
    """Watches the running quiet of one home."""

    def __init__(self) -> None:
        self.due = math.inf
        self.open: OpenFinding | None = None
        self.doubt: OpenFinding | None = None  # said in its place

    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterable[Finding]:
        """Somebody moved: whatever was found is over, and a new quiet begins."""
        self.due = next_minute(t + CLOCK_STARTS) if known.situation.watching else math.inf
        return () if self.open is None and self.doubt is None else self._all_over(t, known)

    @unheeded
    def reading(self, sensor: PlanSensor, t: float, value: float, known: Known) -> Iterator[Finding]:
        """Nothing to say: see `Detector`."""
        return says_nothing()

    def changed(self, t: float, known: Known) -> Iterator[Finding]:
        """Nothing is said while nobody can see; afterwards we look anew."""
        if known.situation.is_away(t):
            yield from self._all_over(t, known)
        quiet = known.situation.quiet
        self.due = next_minute(t) if known.situation.watching and quiet is not None else math.inf

    def look(self, t: float, known: Known) -> Iterator[Finding]:
        """Raise what has been reached, and find out when the next grade would be."""
        quiet = known.situation.quiet
        if quiet is None or not known.situation.watching:
            self.due = math.inf
            return
        age = quiet.age(t)
        until = next_minute(t + max(_LOOK_AHEAD, age))
        if self.open is None and self.doubt is None:
            safe_until = _out_of_reach_until(quiet, known, until=until)
            if safe_until > t:
                self.due = safe_until
                return
        reach = _Reach(quiet, known, until=until)
        grade = reach.grade_at(t)
        if grade is not None and (self.open is None or grade.rank > Grade(self.open.grade).rank):
            if self.doubt is None:
                self.open = reach.finding(grade, t)
                yield self.open.finding(known.plan)
            elif grade is Grade.URGENT:  # no dead sensor explains that: it is what it seemed to be
                yield from self._all_over(t, known)
                self.open = reach.finding(grade, t)
                yield self.open.finding(known.plan)
        elif reach.is_doubtful(t) and self.doubt is None and not _is_told(self.open):
            self.doubt = reach.doubtful(t)
            yield self.doubt.finding(known.plan)
        self.due = reach.next_after(t, self.open, self.doubt) or until

    def _all_over(self, t: float, known: Known) -> Iterator[Finding]:
        for found in (self.open, self.doubt):
            if found is not None:
                yield found.finding(known.plan, ended=t)
        self.open = self.doubt = None

    def next_grade_at(self, t: float, known: Known, *, within: float = 48 * 3600.0) -> float | None:
        """When continued silence would raise the next grade; None if not within so many seconds."""
        quiet = known.situation.quiet
        if quiet is None or not known.situation.watching:
            return None
        for ahead in (*(hours for hours in _LOOK_FARTHER if hours < within), within):
            until = next_minute(t + ahead)
            if self.open is None and self.doubt is None and _out_of_reach_until(quiet, known, until=until) >= until:
                continue
            found = _Reach(quiet, known, until=until).next_after(t, self.open, self.doubt)
            if found is not None:
                return found
        return None

    def day_over(self, midnight: float, known: Known, *, learnable: bool) -> None:
        """The thresholds may have moved: look again."""
        if known.situation.watching and known.situation.quiet is not None:
            self.due = max(next_minute(known.situation.quiet.began + CLOCK_STARTS), midnight)

    def held(self) -> list[OpenFinding]:
        """What is unusual just now."""
        return [found for found in (self.open, self.doubt) if found is not None]

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "due": self.due,
            "open": None if self.open is None else asdict(self.open),
            "doubt": None if self.doubt is None else asdict(self.doubt),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.due = saved["due"]
        self.open = None if saved["open"] is None else OpenFinding(**saved["open"])
        self.doubt = None if saved["doubt"] is None else OpenFinding(**saved["doubt"])


def _out_of_reach_until(quiet: Quiet, known: Known, *, until: float) -> float:
    """The full minute up to which nothing is to be said of this quiet for certain, `until` at most; else −∞.

    Found without going through it minute by minute, because most quiets are over by then. Lost sensors and absence
    only make a quiet less surprising, and every part of it is less surprising than the next.
    """
    limits, observed = known.plan.limits, quiet.observed(until)
    age = sum(end - start for start, end in observed)
    if age + 60.0 >= 3600.0 * min(limits.quiet_waking_hours, limits.out_hours):
        return -math.inf
    needed = known.required_days(limits.false_inactivity_a_month)
    if not needed:
        return until
    lowest = min(known.maxima.surprise_of(days) for days in needed.values()) - _CLOSE
    lowest += known.offset(DeviationKind.INACTIVITY)
    spells = known.hazard.spells(observed, quiet.place, known.situation.clock)
    before = minutes_left(known.hazard, spells, score=lowest, out=quiet.chance_out)
    return math.floor((until - 60.0 * before) / 60.0 + 1e-9) * 60.0


def score_of(quiet: Quiet, path: Path, known: Known) -> Floats:
    """By the end of every step of this quiet's path, in nats, what is compared with what the home's days reach."""
    return least(lambda shifted: _score_of(quiet, shifted, known), path, known.situation.clock)


def surprise_of(quiet: Quiet, path: Path, known: Known) -> Floats:
    """Λ at the end of every step of this quiet's path, in nats."""
    return least(lambda shifted: _surprise_of(quiet, shifted, known), path, known.situation.clock)


def _score_of(quiet: Quiet, path: Path, known: Known) -> Floats:
    if not len(path.ends):
        return np.zeros(0)
    highest: Floats = np.maximum.accumulate(_surprise_of(quiet, path, known) + costs_of_waiting(known.hazard, path))
    return highest


def _surprise_of(quiet: Quiet, path: Path, known: Known) -> Floats:
    seen = known.witnesses.without(path, known.situation.lost_sensors)
    return with_absence(known.hazard.surprise(seen), quiet.chance_out)


class _Reach:
    """How far one quiet has come, and will come if nobody moves until an instant."""

    def __init__(self, quiet: Quiet, known: Known, *, until: float) -> None:
        self.quiet, self.known = quiet, known
        self.path = known.hazard.path(quiet.observed(until), quiet.place, known.situation.clock)
        self.score = score_of(quiet, self.path, known)
        self.surprise = surprise_of(quiet, self.path, known)
        self.until = until
        self._doubt: Doubt | None = None
        limits = known.plan.limits
        at_home = known.hazard.surprise(self.path) if known.may_be_out() else np.zeros(len(self.path.ends))
        self.is_out = known.may_be_out() & (quiet.out >= (1.0 - quiet.out) * np.exp(-at_home))  # at every step
        self.waking = np.cumsum(self.path.seconds * _is_waking(self.path, limits.waking_hours)) + CLOCK_STARTS
        needed = known.required_days(limits.false_inactivity_a_month)
        offset = known.offset(DeviationKind.INACTIVITY)
        self.needed = {grade: known.maxima.surprise_of(days) + offset for grade, days in needed.items()}

    def scored(self, grade: Grade) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """For every step: is the quiet rare enough for this grade, whatever explains it?"""
        return self.score >= self.needed.get(grade, math.inf)

    @property
    def doubt(self) -> Doubt:
        """Would a dead sensor explain it? Asked only when something is to be said."""
        if self._doubt is None:
            self._doubt = doubt_about(self.quiet, self.path, self.known, until=self.until)
        return self._doubt

    def ceiling(self, grade: Grade) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """For every step: does a limit that learning cannot move call for this grade?"""
        limits = self.known.plan.limits
        if grade is Grade.URGENT:
            reached: np.ndarray[Any, np.dtype[np.bool_]] = self.waking >= limits.quiet_waking_hours * 3600.0
            return reached & ~self.is_out
        return np.zeros(len(self.path.ends), dtype=np.bool_)

    def grade_at(self, t: float) -> Grade | None:
        """The highest grade reached by now."""
        step = self._step(t)
        if step is None:
            return None
        return next((grade for grade in reversed(Grade) if self._is_reached(grade, step)), None)

    def _is_reached(self, grade: Grade, step: int) -> bool:
        if self.ceiling(grade)[step]:
            return True
        return bool(self.scored(grade)[step]) and not self.doubt.explains[step]

    def is_doubtful(self, t: float) -> bool:
        """Rare enough for a telephone, and a dead sensor explains it."""
        step = self._step(t)
        return step is not None and bool(self.scored(Grade.ATTENTION)[step]) and bool(self.doubt.explains[step])

    def next_after(self, t: float, found: OpenFinding | None, doubt: OpenFinding | None) -> float | None:
        """The first full minute after `t` at which there is more to say."""
        have = -1 if found is None else Grade(found.grade).rank
        if doubt is not None:
            have = max(have, Grade.ATTENTION.rank)
        now = self._step(t)
        due = math.inf
        for grade in Grade:
            if grade.rank > have:
                scored = self.scored(grade)
                if now is not None and scored[now]:  # it is withheld: until no dead sensor explains it any more
                    scored = scored & ~self.doubt.explains
                ends = self.path.ends[(scored | self.ceiling(grade)) & (self.path.ends > t)]
                due = min(due, next_minute(float(ends[0]))) if len(ends) else due
        return None if math.isinf(due) else due

    def doubtful(self, t: float) -> OpenFinding:
        """That nobody can say how the resident is, in words and numbers."""
        known, quiet, suspect = self.known, self.quiet, self.doubt.suspect
        step = self._step(t)
        assert step is not None
        assert suspect is not None
        once = known.maxima.once_in_days(float(self.score[step]))
        shown = known.maxima.shown(once)
        return OpenFinding(
            kind=DeviationKind.CANNOT_OBSERVE,
            grade=Grade.ATTENTION,
            raised=t,
            started=quiet.began,
            once_in_days=round(shown, 1),
            evidence={
                "quiet_minutes": round((t - quiet.began) / 60),
                "unable_to_verify": True,
                "suspect": suspect.code,
                "suspect_heard": explain.clock_time(suspect.heard_at, known.plan.zone, seen_from=t),
                "place": quiet.place.name.lower(),
                "room": quiet.room,
            },
            explanation=explain.doubtful(
                quiet=explain.duration(t - quiet.began),
                since=self._since(t),
                rare=explain.rarity(shown, once),
                suspect=explain.sensor(suspect.code, known.situation.sensors),
                heard=explain.clock_time(suspect.heard_at, known.plan.zone, seen_from=t),
                stays_on=suspect.stays_on,
            ),
        )

    def _since(self, t: float) -> str:
        at = explain.clock_time(self.quiet.began, self.known.plan.zone, seen_from=t)
        return f"{explain.since_where(self.quiet.place, self.quiet.room)} at {at}"

    def finding(self, grade: Grade, t: float) -> OpenFinding:
        """In words and numbers."""
        known, quiet, situation = self.known, self.quiet, self.known.situation
        step = self._step(t)
        assert step is not None
        score = float(self.score[step])
        once = known.maxima.once_in_days(score)
        shown = known.maxima.shown(once)
        scored = score >= self.needed.get(Grade.NOTICE, math.inf)
        usual = self._usual_seconds()
        evidence = {
            "quiet_minutes": round((t - quiet.began) / 60),
            "observed_minutes": round(quiet.age(t) / 60),
            "usual_minutes": None if usual is None else round(usual / 60),
            "surprise_nats": round(float(self.surprise[step]), 3),
            "score": round(score, 3),
            "rests_on_days": round(known.learned_days, 1),
            "place": quiet.place.name.lower(),
            "room": quiet.room,
            "chance_out": round(quiet.out, 3),
            "reason": "score" if scored else "ceiling",
            "residents": known.plan.residents,
        }
        return OpenFinding(
            kind=DeviationKind.INACTIVITY,
            grade=grade,
            raised=t,
            started=quiet.began,
            once_in_days=round(shown, 1),
            evidence=evidence,
            explanation=explain.inactivity(
                quiet=explain.duration(t - quiet.began),
                since=self._since(t),
                usually_within=None if usual is None else explain.duration(usual),
                rare=explain.rarity(shown, once) if scored else None,
                ceiling=None if scored else self._ceiling_words(),
                seen=explain.equipment(situation, t),
                door=explain.door(situation, t),
            ),
        )

    def _ceiling_words(self) -> str:
        limits = self.known.plan.limits
        return f"That is {limits.quiet_waking_hours:g} waking hours, the limit set for every home."

    def _usual_seconds(self) -> float | None:
        """The quiet within which nine in ten that begin here and now are over."""
        steps = np.flatnonzero(self.surprise >= _USUALLY)
        return None if not len(steps) else float(self.path.ends[steps[0]] - self.quiet.began)

    def _step(self, t: float) -> int | None:
        """The last step that is over by `t`."""
        found = int(np.searchsorted(self.path.ends, t, side="right")) - 1
        return None if found < 0 else found


def _is_told(found: OpenFinding | None) -> bool:
    """Is it more than a note on a page?"""
    return found is not None and Grade(found.grade).rank >= Grade.ATTENTION.rank


def _is_waking(path: Path, hours: tuple[float, float]) -> Floats:
    first, last = hours[0] * 3600 / QUARTER, hours[1] * 3600 / QUARTER
    return ((path.bins >= first) & (path.bins < last)).astype(np.float64)

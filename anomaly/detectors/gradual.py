"""A slow change in how somebody lives: one of the daily figures has moved. "A change worth asking about", no more.

Every figure has its own baseline and CUSUMs (`trend`). They are looked at once a day, at noon, when the night that is
over has been counted and nobody is woken; from the 21st learned day on. A figure that moves so by chance once in three
hundred days is noted on the page; people are told when all figures together would do so no oftener than the budget
allows, and of one of a group of figures that go together. A sensor that is lost, or may be dead, moves no figure. Never
a diagnosis.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from anomaly import explain
from anomaly.clock_bins import QUARTER
from anomaly.cusum import thresholds
from anomaly.daily_features import DayTally, Feature, Figures, sources
from anomaly.detectors.detector import Known, says_nothing, unheeded
from anomaly.nights import NOON, Nights
from anomaly.open_finding import Finding, OpenFinding
from anomaly.plan import HomePlan, PlanSensor
from anomaly.situation import Quiet
from anomaly.trend import NEW_NORMAL_DAYS, OVER_BELOW, Trend
from store.deviation import DeviationKind, Grade

LEARNED_DAYS = 21.0  # before, no change is looked for
NOTICE_DAYS = 300.0  # days between two false changes of one figure that are noted on the page
_TOLD_AT = NOON  # civil hour
_TOLD_FOR_DAYS = 28  # a group that people were told of is for the page only; one change moves several figures in turn
_SUSPECT = 5.0  # nats that a sensor is dead: what it counts is not counted

_GROUPS = (
    {Feature.NIGHT_BATHROOM_VISITS, Feature.NIGHT_OUT_OF_BED, Feature.BED_EXITS},
    {Feature.SLEEP_WINDOW, Feature.RISE_TIME, Feature.BED_TIME},
    {Feature.ACTIVE_QUARTERS, Feature.ROOM_TRANSITIONS, Feature.REST_BY_DAY},
    {Feature.OUTINGS, Feature.TIME_OUT},
    {Feature.DAY_BATHROOM_VISITS},
    {Feature.KITCHEN_SESSIONS},
)
# Seasons and weather move these: one gardener's autumn made 3 of 7 false calls in 30 home-months. For the page only.
# For people to see on the page, not to be called for: 0.44 calls a home-month where 0.15 were promised (16 evaluation
# homes, 38 home-months). To be raised when the scorecard says otherwise.
_MOST = Grade.NOTICE
_SEASONAL = {Feature.OUTINGS, Feature.TIME_OUT}
_WORDS = {
    Feature.NIGHT_BATHROOM_VISITS: "Visits to the bathroom a night",
    Feature.DAY_BATHROOM_VISITS: "Visits to the bathroom by day",
    Feature.NIGHT_OUT_OF_BED: "Minutes up at night",
    Feature.SLEEP_WINDOW: "Hours from going to bed to getting up",
    Feature.RISE_TIME: "Getting up",
    Feature.BED_TIME: "Going to bed",
    Feature.BED_EXITS: "Times out of bed a night",
    Feature.KITCHEN_SESSIONS: "Times in the kitchen a day",
    Feature.ACTIVE_QUARTERS: "Active quarter hours a day",
    Feature.ROOM_TRANSITIONS: "Changes of room a day",
    Feature.OUTINGS: "Outings a day",
    Feature.TIME_OUT: "Minutes out a day",
    Feature.REST_BY_DAY: "Minutes of rest by day",
}
_CLOCK_TIMES = {Feature.RISE_TIME, Feature.BED_TIME}


class Gradual:
    """Watches the daily figures of one home."""

    def __init__(self, nights: Nights) -> None:
        self.due = math.inf
        self.nights = nights
        self.tally = DayTally()
        self.trends: dict[Feature, Trend] = {}
        self.open: dict[Feature, OpenFinding] = {}
        self.day: int | None = None  # on which it was looked last
        self.day_type = 0
        self.figures: Figures = {}  # the newest of each
        self.masked: set[int] = set()  # civil days that must not teach
        self.told: list[int | None] = [None] * len(_GROUPS)  # on which day people were told of each group

    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterable[Finding]:
        """Somebody moved: counted."""
        self.tally.life(sensor, t, before, known.situation)
        return ()

    @unheeded
    def reading(self, sensor: PlanSensor, t: float, value: float, known: Known) -> Iterator[Finding]:
        """Nothing to say: see `Detector`."""
        return says_nothing()

    def changed(self, t: float, known: Known) -> Iterator[Finding]:
        """The view came or went."""
        self.tally.changed(t, known.situation)
        return says_nothing()

    def day_over(self, midnight: float, known: Known, *, learnable: bool) -> None:
        """The waking hours' figures: judged now, told at noon."""
        situation = known.situation
        figures = self.tally.day_over(midnight, situation)
        _, day_type, day = situation.clock.at(midnight - QUARTER)
        self._note(figures if learnable else dict.fromkeys(figures), day, day_type, known)
        self.due = situation.clock.instant(day + 1, _TOLD_AT)

    def _note(self, figures: Figures, day: int, day_type: int, known: Known) -> None:
        self.figures.update(figures)
        doubtful = self._doubtful(known)
        for feature, value in figures.items():
            told_by = self.tally.told_by(known.plan)[feature]
            trend = self._trend(feature, told_by)
            if trend is not None:
                trend.pass_day(day)
                if value is not None and not told_by & doubtful:
                    trend.note(day, value, day_type)

    def look(self, t: float, known: Known) -> Iterator[Finding]:
        """Say what has changed, and what has not after all."""
        self.due = math.inf
        situation = known.situation
        self.nights.turn(t, situation)
        _, self.day_type, self.day = situation.clock.at(t)
        figures = self.tally.night_over(situation, self.nights)
        self._note(figures if not situation.is_settling(t) else dict.fromkeys(figures), self.day, self.day_type, known)
        if situation.is_away(t):
            return
        for feature in list(self.open):
            if feature not in self.trends:  # another sensor: another figure
                yield self.open.pop(feature).finding(known.plan, ended=t)
        for feature, trend in self.trends.items():
            if trend.open_since is not None:
                yield from self._still_open(feature, trend, t, known)
            if known.learned_days >= LEARNED_DAYS:
                yield from self._changed_now(feature, trend, t, known)

    def mask(self, days: set[int]) -> None:
        """These civil days must not teach, and no others; those older than a week are part of the baseline."""
        self.masked = days
        for trend in self.trends.values():
            trend.journal.mask(days)

    def discount(self, share: float) -> None:
        """The past counts so much from now on."""
        for trend in self.trends.values():
            trend.base.scale(share)

    def _trend(self, feature: Feature, told_by: frozenset[str]) -> Trend | None:
        if not told_by:
            self.trends.pop(feature, None)
            return None
        codes = sorted(told_by)
        trend = self.trends.get(feature)
        if trend is None or trend.sources != codes:
            trend = self.trends[feature] = Trend.of(feature)
            trend.sources = codes
            trend.journal.mask(self.masked)
        return trend

    def _doubtful(self, known: Known) -> set[str]:
        """Sensors that may be dead, not counted today; what a lost one seemed to count since it spoke is taken back."""
        suspects = known.suspects()
        lost = known.situation.lost_sensors
        clock = known.situation.clock
        for suspect in suspects:
            if suspect.code in lost:
                for trend in self.trends.values():
                    if suspect.code in trend.sources:
                        for day, _ in list(trend.journal.entries):
                            if day >= clock.at(suspect.heard_at)[2]:
                                trend.take_out(day)
        return lost | {s.code for s in suspects if s.evidence >= _SUSPECT}

    def _still_open(self, feature: Feature, trend: Trend, t: float, known: Known) -> Iterator[Finding]:
        assert trend.open_since is not None
        assert self.day is not None
        if self.day - trend.open_since >= NEW_NORMAL_DAYS:
            trend.becomes_normal()
        elif trend.height(NOTICE_DAYS, up=trend.is_up) >= OVER_BELOW:
            return
        else:
            trend.change_over()
        if feature in self.open:
            yield self.open.pop(feature).finding(known.plan, ended=t)

    def _changed_now(self, feature: Feature, trend: Trend, t: float, known: Known) -> Iterator[Finding]:
        assert self.day is not None
        up = trend.is_up
        if trend.open_since is None:
            up = trend.height(NOTICE_DAYS, up=True) >= trend.height(NOTICE_DAYS, up=False)
        if not trend.journal.entries or trend.height(NOTICE_DAYS, up=up) < 1.0:
            return
        told_days = 30.0 * len(self.trends) / known.plan.limits.false_gradual_a_month
        is_quiet = feature in _SEASONAL or self._is_told_of_group(feature)
        is_told = trend.height(told_days, up=up) >= 1.0 and not is_quiet
        grade = min(Grade.ATTENTION if is_told else Grade.NOTICE, _MOST, key=lambda each: each.rank)
        found = self.open.get(feature)
        if found is not None and grade.rank <= Grade(found.grade).rank:
            return
        if trend.open_since is None:
            trend.open_since, trend.is_up = self.day, up
        if is_told:
            self.told[_group_of(feature)] = self.day
        self.open[feature] = self._finding(feature, trend, grade, t, known)
        yield self.open[feature].finding(known.plan)

    def _is_told_of_group(self, feature: Feature) -> bool:
        told = self.told[_group_of(feature)]
        return told is not None and self.day is not None and self.day - told < _TOLD_FOR_DAYS

    def _finding(self, feature: Feature, trend: Trend, grade: Grade, t: float, known: Known) -> OpenFinding:
        lately, days = trend.lately()
        usual = trend.usual(self.day_type)
        reached = max((n for n in thresholds().days if trend.height(n, up=trend.is_up) >= 1.0), default=NOTICE_DAYS)
        once = max(reached, NOTICE_DAYS) / len(self.trends)  # any of the figures would have been told
        shown = known.maxima.shown(once)
        before = self.open.get(feature)
        return OpenFinding(
            kind=DeviationKind.GRADUAL,
            grade=grade,
            raised=t,
            started=t if before is None else before.started,
            once_in_days=round(shown, 1),
            explanation=(
                f"A change worth asking about. {_WORDS[feature]}: {_said(feature, lately)} on average over the last "
                f"{days} days that could be judged, before that usually {_said(feature, usual)}. Such a change in one "
                f"of {len(self.trends)} figures {explain.rarity(shown, once)}."
            ),
            evidence={
                "feature": str(feature),
                "direction": "up" if trend.is_up else "down",
                "lately": round(lately, 2),
                "usual": round(usual, 2),
                "days": days,
                "rests_on_days": round(trend.base.days, 1),
                "sensors": len(trend.sources),
            },
        )

    def held(self) -> list[OpenFinding]:
        """What is unusual just now."""
        return list(self.open.values())

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "due": self.due,
            "day": self.day,
            "day_type": self.day_type,
            "tally": self.tally.saved(),
            "trends": {str(feature): trend.saved() for feature, trend in self.trends.items()},
            "open": {str(feature): asdict(found) for feature, found in self.open.items()},
            "figures": {str(feature): value for feature, value in self.figures.items()},
            "told": self.told,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.due, self.day, self.day_type = saved["due"], saved["day"], saved["day_type"]
        self.tally.restore(saved["tally"])
        self.trends = {Feature(name): Trend.of(Feature(name)) for name in saved["trends"]}
        for feature, trend in self.trends.items():
            trend.restore(saved["trends"][feature])
        self.open = {Feature(name): OpenFinding(**found) for name, found in saved["open"].items()}
        self.figures = {Feature(name): value for name, value in saved["figures"].items()}
        self.told = saved["told"]


def features_of(plan: HomePlan) -> list[Feature]:
    """The figures this home can have."""
    return [feature for feature in Feature if sources(feature, plan)]


def _group_of(feature: Feature) -> int:
    return next(i for i, group in enumerate(_GROUPS) if feature in group)


def _said(feature: Feature, value: float) -> str:
    return explain.hour_words(value / 60.0) if feature in _CLOCK_TIMES else f"{value:.1f}"

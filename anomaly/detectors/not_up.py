"""Not up yet, though usually up long before: by the home's own mornings, and by an hour that learning cannot move.

Up means: through the front door, or in the kitchen or living room; long before the usual time twice within an hour,
because a glass of water at five is not getting up. Nothing is said of a morning that could not be seen, of a resident
who is away or probably out, or of one who was moving about within the last hour.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from anomaly import explain, prior
from anomaly.clock_bins import DAY_TYPES
from anomaly.detectors.detector import Known, says_nothing, unheeded
from anomaly.detectors.lateness import later
from anomaly.open_finding import Finding, OpenFinding, next_minute
from anomaly.plan import PlanSensor
from anomaly.situation import CENSORED_AFTER, Quiet
from anomaly.usual_time import UsualTime
from store.deviation import DeviationKind, Grade

MORNING_BEGINS = 4.5  # civil hour; before, it is still the night before
_AGAIN_AFTER, _AGAIN_WITHIN = 600.0, 3600.0  # seconds between the two signs of being up early
_EARLY = 90.0  # minutes before the usual time
_STIRRED = 3600.0  # seconds; whoever moved so recently can get up when they like
_PROBABLY = 0.5


class NotUp:
    """Watches the mornings of one home."""

    def __init__(self) -> None:
        self.due = math.inf
        self.open: OpenFinding | None = None
        self.usual = UsualTime(mean=prior.UP_MEAN_MINUTES, spread=prior.UP_SPREAD_MINUTES)
        self.morning: float | None = None  # when the running day's morning began, once the day is known
        self.day_type = 0
        self.first: float | None = None  # the first sign of the morning, not yet confirmed
        self.up: float | None = None
        self.unseen = 0.0  # seconds of this morning that nobody could see
        self.unseen_from: float | None = None
        self.was_out = False
        self.lesson: list[Any] | None = None  # of the day that is over: minutes or none, and the kind of day

    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterable[Finding]:
        """A sign of life: is it one of being up?"""
        if self.morning is None:
            self._new_day(t, known)
        if self.open is None and (self.up is not None or (self.morning is not None and t < self.morning)):
            return ()
        return self._sign(sensor, t, before, known)

    def _sign(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterator[Finding]:
        if not (sensor.is_living_place or not _has_living_places(known)):
            return
        if self.open is not None:
            yield self.open.finding(known.plan, ended=t)
            self.open = None
        if self.up is not None or self.morning is None or t < self.morning:
            return
        if before is not None and before.out >= _PROBABLY and sensor.is_exit:
            self.was_out = True  # comes home in the morning: says nothing of getting up
        if self.first is None or t - self.first > _AGAIN_WITHIN:
            self.first = t
        minutes = known.situation.clock.hour(t) * 60.0
        is_early = minutes < self.usual.quantiles(self.day_type, (0.5,))[0] - _EARLY
        if sensor.is_exit or not is_early or t - self.first >= _AGAIN_AFTER:
            self.up = self.first
            self.due = math.inf
        else:
            self.due = next_minute(self.first + _AGAIN_WITHIN)

    @unheeded
    def reading(self, sensor: PlanSensor, t: float, value: float, known: Known) -> Iterator[Finding]:
        """Nothing to say: see `Detector`."""
        return says_nothing()

    def changed(self, t: float, known: Known) -> Iterator[Finding]:
        """Keep account of what could not be seen; look again when one can."""
        if self.morning is None:
            return
        if not known.situation.watching and self.unseen_from is None:
            self.unseen_from = t
        elif known.situation.watching and self.unseen_from is not None:
            self.unseen += max(0.0, t - max(self.unseen_from, self.morning))
            self.unseen_from = None
            if self.up is None:
                self.due = max(next_minute(t), next_minute(self.morning))
        if self.open is not None and known.situation.is_away(t):
            yield self.open.finding(known.plan, ended=t)
            self.open = None

    def look(self, t: float, known: Known) -> Iterator[Finding]:
        """Raise what has been reached, and find out when the next grade would be."""
        self.due = math.inf
        quiet = known.situation.quiet
        if self.morning is None or self.up is not None or quiet is None:
            return
        if self.first is not None and t < self.first + _AGAIN_WITHIN:
            self.due = next_minute(self.first + _AGAIN_WITHIN)
            return
        if known.probably_out(t):
            self.was_out = True
        if not known.situation.watching or self.unseen > CENSORED_AFTER or self.was_out:
            return
        if t < quiet.began + _STIRRED:
            self.due = next_minute(quiet.began + _STIRRED)
            return
        hour = known.situation.clock.hour(t)
        minutes = np.arange(hour * 60.0, 24 * 60.0)
        if not len(minutes):
            return
        reached = self._reached(minutes, known, later=later(t, known))
        grade = next((grade for grade in reversed(Grade) if reached[grade][0]), None)
        if grade is not None and (self.open is None or grade.rank > Grade(self.open.grade).rank):
            self.open = self._finding(grade, t, known)
            yield self.open.finding(known.plan)
        have = -1 if self.open is None else Grade(self.open.grade).rank
        for higher in Grade:
            ahead = np.flatnonzero(reached[higher])
            if higher.rank > have and len(ahead):
                self.due = min(self.due, next_minute(t + 60.0 * max(1.0, float(ahead[0]))))

    def day_over(self, midnight: float, known: Known, *, learnable: bool) -> None:
        """Learn the time of getting up, if the morning could be seen; begin a new day."""
        self.lesson = None
        if self.morning is not None:
            unseen = self.unseen
            if self.unseen_from is not None:
                unseen += midnight - max(self.unseen_from, self.morning)
            if learnable and unseen <= CENSORED_AFTER and not self.was_out and self.open is None:
                minutes = None if self.up is None else known.situation.clock.hour(self.up) * 60.0
                self.lesson = [minutes, self.day_type]
        self._new_day(midnight, known)

    def learn_day(self, lesson: list[Any]) -> None:
        """The time of another morning."""
        self.usual.learn_one(*lesson)

    def learned(self) -> Any:
        """The counts as JSON."""
        return {"moments": self.usual.moments.tolist(), "occurred": self.usual.occurred.tolist()}

    def relearn(self, learned: Any) -> None:
        """From there."""
        self.usual.moments[...] = learned["moments"]
        self.usual.occurred[...] = learned["occurred"]

    def discount(self, share: float) -> None:
        """The past counts so much from now on."""
        self.usual.discount(share)

    def _new_day(self, t: float, known: Known) -> None:
        _, self.day_type, day = known.situation.clock.at(t)
        self.morning = known.situation.clock.instant(day, MORNING_BEGINS)
        self.first = self.up = None
        self.unseen = 0.0
        self.unseen_from = None if known.situation.watching else t
        self.was_out = False
        self.due = next_minute(max(self.morning, t))

    def _reached(
        self, minutes: np.ndarray[Any, Any], known: Known, *, later: float
    ) -> dict[Grade, np.ndarray[Any, Any]]:
        """For each grade: at which of these times of day is it reached, if they are still not up?

        By the home's own mornings they may be `later` by so many minutes, because the clocks were changed.
        """
        limits = known.plan.limits
        once = math.exp(-known.offset(DeviationKind.NOT_UP)) / self.usual.scores(minutes - later, self.day_type)
        once[minutes - later < self.usual.quantiles(self.day_type, (0.5,))[0]] = 0.0
        needed = known.required_days(limits.false_not_up_a_month)
        reached = {grade: once >= needed.get(grade, math.inf) for grade in Grade}
        reached[Grade.URGENT] = reached[Grade.URGENT] | (minutes >= limits.not_up_hour * 60.0)
        return reached

    def _finding(self, grade: Grade, t: float, known: Known) -> OpenFinding:
        situation, zone, limits = known.situation, known.plan.zone, known.plan.limits
        assert situation.quiet is not None
        quiet = situation.quiet
        hour = situation.clock.hour(t)
        once = 1.0 / self.usual.score_one(hour * 60.0, self.day_type)
        shown = known.maxima.shown(once)
        middle, late = self.usual.quantiles(self.day_type, (0.5, 0.9))
        needed = known.required_days(limits.false_not_up_a_month)
        scored = once >= needed.get(Grade.NOTICE, math.inf)
        begun = situation.clock.instant(situation.clock.at(t)[2], middle / 60.0)
        words = [
            f"Not up yet at {explain.clock_time(t, zone, seen_from=t)}; last movement "
            f"{explain.where(quiet.place, quiet.room)} at {explain.clock_time(quiet.began, zone, seen_from=t)}.",
            f"On a {DAY_TYPES[self.day_type]} usually up by {explain.hour_words(middle / 60)}, "
            f"nine days in ten by {explain.hour_words(late / 60)}"
            + (f"; this late {explain.rarity(shown, once)}." if scored else "."),
            "" if scored else f"{explain.hour_words(limits.not_up_hour)} is the limit set for every home.",
            explain.equipment(situation, t) or "",
            explain.door(situation, t) or "",
        ]
        return OpenFinding(
            kind=DeviationKind.NOT_UP,
            grade=grade,
            raised=t,
            started=min(begun, t),
            once_in_days=round(shown, 1),
            explanation=" ".join(word for word in words if word),
            evidence={
                "usual": explain.hour_words(middle / 60),
                "nine_in_ten_by": explain.hour_words(late / 60),
                "minutes_later": round(hour * 60 - middle),
                "day_type": DAY_TYPES[self.day_type],
                "rests_on_days": round(known.learned_days, 1),
                "reason": "score" if scored else "ceiling",
                "residents": known.plan.residents,
            },
        )

    def held(self) -> list[OpenFinding]:
        """What is unusual just now."""
        return [] if self.open is None else [self.open]

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "due": self.due,
            "open": None if self.open is None else asdict(self.open),
            "moments": self.usual.moments.tolist(),
            "occurred": self.usual.occurred.tolist(),
            "morning": self.morning,
            "day_type": self.day_type,
            "first": self.first,
            "up": self.up,
            "unseen": self.unseen,
            "unseen_from": self.unseen_from,
            "was_out": self.was_out,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.open = None if saved["open"] is None else OpenFinding(**saved["open"])
        self.usual.moments[...] = saved["moments"]
        self.usual.occurred[...] = saved["occurred"]
        for name in ("due", "morning", "day_type", "first", "up", "unseen", "unseen_from", "was_out"):
            setattr(self, name, saved[name])


def _has_living_places(known: Known) -> bool:
    return any(s.is_living_place and not s.is_exit and not s.kind.is_measurement for s in known.plan.sensors)

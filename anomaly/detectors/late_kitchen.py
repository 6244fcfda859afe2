"""Up, but not in the kitchen long after the usual time: no breakfast, perhaps no drink.

Said only of somebody who has been up and about for an hour; of one who is not, `not_up` speaks, and the two never speak
of one episode. Nothing is said of a morning that could not be seen, of a resident who is or was out, or while a kitchen
sensor is lost or may be dead. It is a reason to call, never urgent: the resident moves about.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from anomaly import explain
from anomaly.clock_bins import DAY_TYPES
from anomaly.detectors.detector import Known, says_nothing, unheeded
from anomaly.detectors.lateness import how_rare, judged, later, needed_days, usual_words
from anomaly.habit import Habit
from anomaly.open_finding import Finding, OpenFinding, next_minute
from anomaly.plan import Place, PlanSensor
from anomaly.situation import CENSORED_AFTER, Quiet
from anomaly.unseen import Unseen
from store.deviation import DeviationKind, Grade

MORNING_BEGINS = 4.5  # civil hour; as for `not_up`
_MEAN_MINUTES, _SPREAD_MINUTES = 480.0, 75.0  # of the population; assumed, half an hour after getting up
_AGAIN_AFTER, _AGAIN_WITHIN = 600.0, 3600.0  # seconds between two signs of breakfast, early in the morning
_EARLY = 90.0  # minutes before the usual time
_ABOUT_FOR = 3600.0  # seconds since the resident was first seen up
_AN_OUTING = 900.0  # seconds
_SUSPECT = math.log(20.0)  # nats: a sensor that may well be dead
_PROBABLY = 0.5
_DAY = 24 * 60.0


class LateKitchen:
    """Watches for the first visit to the kitchen on each day of one home."""

    def __init__(self) -> None:
        self.due = math.inf
        self.open: OpenFinding | None = None
        self.habit = Habit(mean=_MEAN_MINUTES, spread=_SPREAD_MINUTES)
        self.morning: float | None = None  # when the running day's morning began, once the day is known
        self.day_type = 0
        self.about: float | None = None  # first seen up
        self.first: float | None = None  # the first sign from the kitchen, not yet confirmed
        self.done: float | None = None
        self.unseen = Unseen(0.0)
        self.was_out = False

    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterable[Finding]:
        """Somebody moved: in the kitchen?"""
        if self.morning is None:
            self._new_day(t, known)
        if self.open is None and (self.done is not None or self.morning is None or t < self.morning):
            return ()
        return self._sign(sensor, t, before, known)

    def _sign(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterator[Finding]:
        if self.open is not None and sensor.place is Place.KITCHEN:
            yield self.open.finding(known.plan, ended=t)
            self.open = None
        if self.done is not None or self.morning is None or t < self.morning:
            return
        if before is not None and before.out >= _PROBABLY and t - before.began >= _AN_OUTING:
            self.was_out = True
        if self.about is None and sensor.is_living_place:
            self.about = t
            self.due = next_minute(t + _ABOUT_FOR)
        if sensor.place is not Place.KITCHEN:
            return
        if self.first is None or t - self.first > _AGAIN_WITHIN:
            self.first = t
        minutes = known.situation.clock.hour(t) * 60.0
        is_early = minutes < self.habit.usual.quantiles(self.day_type, (0.5,))[0] - _EARLY
        if not is_early or t - self.first >= _AGAIN_AFTER:
            self.done = self.first
            self.due = math.inf
        else:
            self.due = next_minute(self.first + _AGAIN_WITHIN)

    @unheeded
    def reading(self, sensor: PlanSensor, t: float, value: float, known: Known) -> Iterator[Finding]:
        """Nothing to say: see `Detector`."""
        return says_nothing()

    def changed(self, t: float, known: Known) -> Iterator[Finding]:
        """Keep account of what could not be seen; look again when one can."""
        self.unseen.changed(t, watching=known.situation.watching)
        if known.situation.watching and self.about is not None and self.done is None:
            self.due = next_minute(max(t, self.about + _ABOUT_FOR))
        if self.open is not None and known.situation.is_away(t):
            yield self.open.finding(known.plan, ended=t)
            self.open = None

    def look(self, t: float, known: Known) -> Iterator[Finding]:
        """Raise what has been reached, and find out when the next grade would be."""
        self.due = math.inf
        situation = known.situation
        quiet = situation.quiet
        if self.morning is None or self.about is None or self.done is not None or quiet is None:
            return
        if self.first is not None and t < self.first + _AGAIN_WITHIN:
            self.due = next_minute(self.first + _AGAIN_WITHIN)
            return
        if known.probably_out(t):
            if t - quiet.began < _AN_OUTING:  # fetching the post?
                self.due = next_minute(quiet.began + _AN_OUTING)
                return
            self.was_out = True
        if not situation.watching or self.unseen.total(t) > CENSORED_AFTER or self.was_out or not _is_seen(known):
            return
        minutes = situation.clock.hour(t) * 60.0
        needed = needed_days(known, known.plan.limits.false_late_kitchen_a_month, of=DeviationKind.LATE_KITCHEN)
        grade, wait = judged(self.habit, minutes - later(t, known), _DAY, self.day_type, needed=needed, open_=self.open)
        if grade is not None:
            self.open = self._finding(grade, t, minutes, known)
            yield self.open.finding(known.plan)
        if wait is not None:
            self.due = next_minute(t + 60.0 * wait)

    def day_over(self, midnight: float, known: Known, *, learnable: bool) -> None:
        """Learn the time, if the day could be seen; whatever is open ends with its day, and is not learned from."""
        clock = known.situation.clock
        if self.morning is not None:
            day = clock.at(self.morning)[2]
            self.habit.pass_day(day)
            seen = self.unseen.total(midnight) <= CENSORED_AFTER and _is_seen(known)
            was_up = self.about is not None or self.done is not None
            alarmed = self.open is not None and Grade(self.open.grade) is not Grade.NOTICE
            if learnable and seen and was_up and not self.was_out and not alarmed:
                minutes = None if self.done is None else clock.hour(self.done) * 60.0
                self.habit.learn_one(day, minutes, self.day_type, until=_DAY)
        self._new_day(midnight, known)

    def mask(self, days: set[int]) -> None:
        """These civil days must not teach, and no others."""
        self.habit.mask(days)

    def discount(self, share: float) -> None:
        """The past counts so much from now on."""
        self.habit.discount(share)

    def _new_day(self, t: float, known: Known) -> None:
        _, self.day_type, day = known.situation.clock.at(t)
        self.morning = known.situation.clock.instant(day, MORNING_BEGINS)
        self.about = self.first = self.done = None
        self.unseen = Unseen(self.morning, since=None if known.situation.watching else t)
        if t > self.morning:  # heard of for the first time, in the middle of a day
            self.unseen.seconds = t - self.morning
        self.was_out = False
        # What is open ends at the next sign from the kitchen; it is looked at no more, so it stays what it was.
        self.due = math.inf

    def _finding(self, grade: Grade, t: float, minutes: float, known: Known) -> OpenFinding:
        situation, zone = known.situation, known.plan.zone
        quiet = situation.quiet
        assert quiet is not None
        assert self.about is not None
        once, shown = how_rare(self.habit, minutes, self.day_type, known)
        usually, numbers = usual_words(self.habit, self.day_type, what="in the kitchen")
        middle = self.habit.usual.quantiles(self.day_type, (0.5,))[0]
        begun = situation.clock.instant(situation.clock.at(t)[2], middle / 60.0)
        sensors = _kitchen_sensors(known)
        words = [
            f"Up since {explain.clock_time(self.about, zone, seen_from=t)}, but not yet in the kitchen at "
            f"{explain.clock_time(t, zone, seen_from=t)}; last movement {explain.where(quiet.place, quiet.room)} at "
            f"{explain.clock_time(quiet.began, zone, seen_from=t)}.",
            f"{usually}; this late {explain.rarity(shown, once)}.",
            "One sensor watches the kitchen; if it has failed it looks the same." if len(sensors) == 1 else "",
            explain.equipment(situation, t) or "",
            explain.door(situation, t) or "",
        ]
        return OpenFinding(
            kind=DeviationKind.LATE_KITCHEN,
            grade=grade,
            raised=t,
            started=self.open.started if self.open is not None else min(begun, t),
            once_in_days=round(shown, 1),
            explanation=" ".join(word for word in words if word),
            evidence={
                **numbers,
                "minutes_later": round(minutes - middle),
                "day_type": DAY_TYPES[self.day_type],
                "rests_on_days": round(self.habit.days, 1),
                "kitchen_sensors": len(sensors),
                "residents": known.plan.residents,
            },
        )

    def held(self) -> list[OpenFinding]:
        """What is unusual just now."""
        return [] if self.open is None else [self.open]

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "open": None if self.open is None else asdict(self.open),
            "habit": self.habit.saved(),
            "unseen": asdict(self.unseen),
            **{name: getattr(self, name) for name in _PLAIN},
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.open = None if saved["open"] is None else OpenFinding(**saved["open"])
        self.habit.restore(saved["habit"])
        self.unseen = Unseen(**saved["unseen"])
        for name in _PLAIN:
            setattr(self, name, saved[name])


_PLAIN = ("due", "morning", "day_type", "about", "first", "done", "was_out")


def _kitchen_sensors(known: Known) -> list[PlanSensor]:
    return [s for s in known.plan.sensors if s.place is Place.KITCHEN and (s.shows_life(1.0) or s.shows_life(0.0))]


def _is_seen(known: Known) -> bool:
    """Would somebody in the kitchen be seen?"""
    codes = {s.code for s in _kitchen_sensors(known)}
    if not codes or codes & known.situation.lost_sensors:
        return False
    return not codes <= {s.code for s in known.suspects() if s.evidence >= _SUSPECT}

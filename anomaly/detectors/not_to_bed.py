"""Not in bed long after the usual time: asleep in the chair, unwell, or on the floor of another room.

Needs a bed mat, or a bedroom that tells movements from those elsewhere; with neither, or with more than one resident,
it says nothing. Nothing is said of a night that could not be seen, of a resident who is or was out, or of one who seems
to have settled in the bedroom, whatever the mat says. A reason to call, never urgent: quiet in the wrong room is judged
as such elsewhere (`inactivity`, `dwell`).
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
from anomaly.nights import EVENING, SMALL_HOURS, Night, Nights, tells_bed_time
from anomaly.open_finding import Finding, OpenFinding, next_minute
from anomaly.plan import PlanSensor
from anomaly.situation import CENSORED_AFTER, Quiet
from store.deviation import DeviationKind, Grade

_MEAN_MINUTES, _SPREAD_MINUTES = 22.5 * 60.0, 75.0  # of the population; assumed
_SETTLES = 2700.0  # seconds in the bedroom alone that may still become going to bed
_UNTIL = 24 * 60.0 + SMALL_HOURS * 60.0  # minutes; then it is morning
_AN_OUTING = 900.0  # seconds
_PROBABLY = 0.5


class NotToBed:
    """Watches the evenings of one home."""

    def __init__(self, nights: Nights) -> None:
        self.due = math.inf
        self.open: OpenFinding | None = None
        self.nights = nights
        self.habit = Habit(mean=_MEAN_MINUTES, spread=_SPREAD_MINUTES)
        self.day: int | None = None  # the civil day of the evening that is watched
        self.day_type = 0
        self.may_teach = False  # that day

    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterable[Finding]:
        """Somebody moved: look when they may have settled."""
        night = self.nights.night
        if night is not None and night.to_bed is None and (night.evening <= t or self.open is not None):
            rests = self.nights.rests(t)
            if rests is not None:
                self.due = min(self.due, next_minute(max(rests, night.evening) + _SETTLES))
        if self.day is None:
            self.due = next_minute(t)
        return ()

    @unheeded
    def reading(self, sensor: PlanSensor, t: float, value: float, known: Known) -> Iterator[Finding]:
        """Nothing to say: see `Detector`."""
        return says_nothing()

    def changed(self, t: float, known: Known) -> Iterator[Finding]:
        """Look again when one can see."""
        if known.situation.watching and self.day is not None:
            self.due = min(self.due, next_minute(t))
        if self.open is not None and known.situation.is_away(t):
            yield self.open.finding(known.plan, ended=t)
            self.open = None

    def look(self, t: float, known: Known) -> Iterator[Finding]:
        """Raise what has been reached, and find out when the next grade would be."""
        situation, nights = known.situation, self.nights
        nights.turn(t, situation)
        night = nights.night
        assert night is not None
        if night.day != self.day:
            yield from self._new_evening(night, t, known)
        self.due = next_minute(night.noon)
        if t < night.evening:
            self.due = next_minute(night.evening)
            return
        nights.settle(t, situation)
        if night.to_bed is not None:
            if self.open is not None:
                yield self.open.finding(known.plan, ended=t)
                self.open = None
            return
        quiet = situation.quiet
        if quiet is not None and known.probably_out(t):
            if t - quiet.began < _AN_OUTING:  # at the door?
                self.due = min(self.due, next_minute(quiet.began + _AN_OUTING))
                return
            nights.note_out(t)
        if quiet is None or night.was_out or not self._can_tell(t, known):
            return
        rests = nights.rests(t)
        if rests is not None and t < max(rests, night.evening) + _SETTLES:
            self.due = min(self.due, next_minute(max(rests, night.evening) + _SETTLES))
            return
        if rests is not None:  # settled in the bedroom; if there is a mat, it does not know
            return
        yield from self._judge(t, night, known)

    def _judge(self, t: float, night: Night, known: Known) -> Iterator[Finding]:
        minutes = _minutes(t, night, known)
        needed = needed_days(known, known.plan.limits.false_not_to_bed_a_month, of=DeviationKind.NOT_TO_BED)
        grade, wait = judged(
            self.habit, minutes - later(t, known), _UNTIL, self.day_type, needed=needed, open_=self.open
        )
        if grade is not None:
            self.open = self._finding(grade, t, minutes, night, known)
            yield self.open.finding(known.plan)
        if wait is not None:
            self.due = min(self.due, next_minute(t + 60.0 * wait))

    def _can_tell(self, t: float, known: Known) -> bool:
        situation = known.situation
        unseen = self.nights.unseen.total(t)
        alone = known.plan.residents <= 1
        return alone and situation.watching and unseen <= CENSORED_AFTER and tells_bed_time(situation)

    def _new_evening(self, night: Night, t: float, known: Known) -> Iterator[Finding]:
        """Noon: the evening before is over, and teaches if it could be seen and nothing is open from it."""
        last = self.nights.last
        if last is not None and last.day == self.day and self.may_teach and self._teaches(last, known):
            minutes = None if last.to_bed is None else _minutes(last.to_bed, last, known)
            self.habit.learn_one(last.day, minutes, self.day_type, until=_UNTIL)
        if self.open is not None:
            yield self.open.finding(known.plan, ended=t)
            self.open = None
        self.day = night.day
        self.may_teach = False
        _, self.day_type, _ = known.situation.clock.at(night.begins)
        self.habit.pass_day(night.day)

    def _teaches(self, last: Night, known: Known) -> bool:
        alarmed = self.open is not None and Grade(self.open.grade) is not Grade.NOTICE
        seen = self.nights.last_unseen <= CENSORED_AFTER and tells_bed_time(known.situation)
        return seen and self.nights.is_usable(last, self.nights.last_unseen) and not last.was_out and not alarmed

    def day_over(self, midnight: float, known: Known, *, learnable: bool) -> None:
        """Whether the evening's day may teach."""
        self.may_teach = learnable

    def mask(self, days: set[int]) -> None:
        """The evenings of these civil days must not teach, and no others."""
        self.habit.mask(days)

    def discount(self, share: float) -> None:
        """The past counts so much from now on."""
        self.habit.discount(share)

    def _finding(self, grade: Grade, t: float, minutes: float, night: Night, known: Known) -> OpenFinding:
        situation, zone = known.situation, known.plan.zone
        quiet = situation.quiet
        assert quiet is not None
        once, shown = how_rare(self.habit, minutes, self.day_type, known)
        usually, numbers = usual_words(self.habit, self.day_type, what="in bed")
        middle = self.habit.usual.quantiles(self.day_type, (0.5,))[0]
        begun = max(night.evening, situation.clock.instant(night.day, middle / 60.0))
        words = [
            f"Not in bed yet at {explain.clock_time(t, zone, seen_from=t)}; last movement "
            f"{explain.where(quiet.place, quiet.room)} at {explain.clock_time(quiet.began, zone, seen_from=t)}.",
            f"{usually}; this late {explain.rarity(shown, once)}.",
            explain.equipment(situation, t) or "",
            explain.door(situation, t) or "",
        ]
        return OpenFinding(
            kind=DeviationKind.NOT_TO_BED,
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
                "room": quiet.room,
                "evening_begins": explain.hour_words(EVENING),
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
            **{name: getattr(self, name) for name in _PLAIN},
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.open = None if saved["open"] is None else OpenFinding(**saved["open"])
        self.habit.restore(saved["habit"])
        for name in _PLAIN:
            setattr(self, name, saved[name])


_PLAIN = ("due", "day", "day_type", "may_teach")


def _minutes(t: float, night: Night, known: Known) -> float:
    """Civil minutes since the midnight that began the evening's day."""
    clock = known.situation.clock
    return clock.hour(t) * 60.0 + 1440.0 * (clock.at(t)[2] - night.day)

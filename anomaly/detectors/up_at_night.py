"""Out of bed at night for longer than the nights of this home usually have, all spells together.

With a bed mat, the minutes off it between going to bed and five o'clock; without one, the minutes in which somebody
was active outside the bedroom. Their number only grows, so it may be watched continuously: the night's whole sum has a
negative-binomial predictive, and the sum that comes about once in N nights is waited for. Nothing is said of a night
that could not be seen, of a resident who is out, or with more than one resident. A reason to call, never urgent alone.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from anomaly import explain
from anomaly.day_journal import TAKEN_BACK_DAYS, DayJournal
from anomaly.detectors.detector import Known, says_nothing, unheeded
from anomaly.detectors.lateness import KNOWN_DAYS, needed_days
from anomaly.gradual_baseline import OVERDISPERSED, Baseline, negative_binomial
from anomaly.nights import Night, Nights, has_mat
from anomaly.open_finding import Finding, OpenFinding, next_minute
from anomaly.own_tail import OwnTail
from anomaly.plan import Place, PlanSensor
from anomaly.situation import CENSORED_AFTER, Quiet
from store.deviation import DeviationKind, Grade
from store.home import SensorKind

_POPULATION = (15.0, 30.0)  # minutes a night and their standard deviation; assumed, and counts as many nights as …
_POPULATION_NIGHTS = 3.0
_MOST_MINUTES = 600  # more than a night has
_LEAST_MINUTES = 20  # said of nobody who is up for less
_AN_OUTING = 900.0  # seconds
_PROBABLY = 0.5


class UpAtNight:
    """Watches the nights of one home."""

    def __init__(self, nights: Nights) -> None:
        self.due = math.inf
        self.open: OpenFinding | None = None
        self.nights = nights
        self.base = Baseline(spread=None)
        self.tail = OwnTail()
        self.journal: DayJournal[float] = DayJournal(lag=TAKEN_BACK_DAYS)  # minutes of the newest nights
        self.day: int | None = None
        self.told_on: int | None = None  # the night on which people were told last
        self.limits: dict[Grade, int] = {}  # minutes for each grade in the running night
        self.may_teach = False
        self.by_mat: bool | None = None

    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterable[Finding]:
        """Somebody moved: out of bed, in again, or about."""
        night = self.nights.night
        if night is None or night.day != self.day:
            self.due = next_minute(t)
            return ()
        if self.open is None and (not self.limits or t < night.evening or t >= night.ends):
            return ()
        return self._sign(sensor, t, night, known)

    def _sign(self, sensor: PlanSensor, t: float, night: Night, known: Known) -> Iterator[Finding]:
        if self.open is not None and (t >= night.ends or (sensor.kind is SensorKind.BED and self.nights.left is None)):
            yield self.open.finding(known.plan, ended=t)
            self.open = None
        # By the mat only the mat's word changes anything; by activity only another minute.
        matters = sensor.kind is SensorKind.BED if self.by_mat else sensor.place is not Place.BEDROOM
        if matters and self.limits and night.evening <= t < night.ends:
            self.due = min(self.due, self._next(t, night))

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
        """Raise what has been reached; wait for the next grade."""
        situation, nights = known.situation, self.nights
        nights.turn(t, situation)
        night = nights.night
        assert night is not None
        if night.day != self.day:
            yield from self._new_night(night, t, known)
        self.due = next_minute(night.noon)
        if t < night.evening:
            self.due = next_minute(night.evening)
            return
        if not self.limits:
            self.limits = self._limits(known)
        if t >= night.ends:
            return
        nights.settle(t, situation)
        if not self._can_tell(t, night, known):
            return
        minutes = self._minutes(t, night)
        reached = [grade for grade, limit in self.limits.items() if minutes >= limit]
        have = -1 if self.open is None else Grade(self.open.grade).rank
        if self.told_on == night.day:
            return  # one night is one matter: going back to bed for a while does not make it another
        if reached and reached[-1].rank > have and nights.since is None:
            if reached[-1].rank >= Grade.ATTENTION.rank:
                self.told_on = night.day
            self.open = self._finding(reached[-1], t, minutes, known)
            yield self.open.finding(known.plan)
        self.due = min(self.due, self._next(t, night))

    def _next(self, t: float, night: Night) -> float:
        """When the next grade could be reached if nobody goes back to bed."""
        have = -1 if self.open is None else Grade(self.open.grade).rank
        ahead = [limit for grade, limit in self.limits.items() if grade.rank > have]
        if not ahead:
            return math.inf
        minutes = self._minutes(t, night)
        if not self.by_mat:
            return next_minute(t) if minutes >= ahead[0] else math.inf
        if night.to_bed is None or self.nights.left is None:
            return math.inf
        return max(next_minute(t), next_minute(t + 60.0 * (ahead[0] - minutes)))

    def _minutes(self, t: float, night: Night) -> float:
        return self.nights.out_seconds(t) / 60.0 if self.by_mat else float(night.minutes)

    def _can_tell(self, t: float, night: Night, known: Known) -> bool:
        situation = known.situation
        quiet = situation.quiet
        if quiet is None or known.plan.residents > 1 or not situation.watching:
            return False
        if t - quiet.began >= _AN_OUTING and known.probably_out(t):
            self.nights.note_out(t)
        lost_mat = self.by_mat and not has_mat(situation)
        return not night.was_out and not lost_mat and self.nights.unseen.total(t) <= CENSORED_AFTER

    def _new_night(self, night: Night, t: float, known: Known) -> Iterator[Finding]:
        """Noon: the night before is over, and teaches if it could be seen and nothing is open from it."""
        last = self.nights.last
        if last is not None and last.day == self.day and self._teaches(last, known):
            self.journal.add(last.day, last.out / 60.0 if self.by_mat else float(last.minutes))
        if self.open is not None:
            yield self.open.finding(known.plan, ended=t)
            self.open = None
        self.day, self.may_teach, self.limits = night.day, False, {}
        for _, minutes in self.journal.pass_day(night.day):
            if self.base.days >= KNOWN_DAYS:  # by the baseline alone: no night that may be taken back has a part in it
                above, same = negative_binomial(round(minutes), *_usual(self.base))
                self.tail.learn_one(above + 0.5 * same)
            self.base.learn_one(minutes, 0)
        by_mat = has_mat(known.situation)
        if self.by_mat is not None and by_mat is not self.by_mat and not known.situation.lost_sensors:
            self.base, self.tail = Baseline(spread=None), OwnTail()  # another figure
            self.journal = DayJournal(lag=TAKEN_BACK_DAYS)
        self.by_mat = by_mat if self.by_mat is None or not known.situation.lost_sensors else self.by_mat

    def _teaches(self, last: Night, known: Known) -> bool:
        usable = self.nights.is_usable(last, self.nights.last_unseen) and self.nights.last_unseen <= CENSORED_AFTER
        told = last.to_bed is not None or not self.by_mat
        lost_mat = self.by_mat and not has_mat(known.situation)
        return self.may_teach and usable and told and not lost_mat and not last.was_out and self.open is None

    def day_over(self, midnight: float, known: Known, *, learnable: bool) -> None:
        """Whether the evening's day may teach."""
        self.may_teach = learnable

    def mask(self, days: set[int]) -> None:
        """The nights that began on these civil days must not teach, and no others."""
        if self.journal.mask(days):
            self.limits = {}

    def discount(self, share: float) -> None:
        """The past counts so much from now on."""
        self.base.scale(share)
        self.tail.maxima.discount(share)
        self.limits = {}

    def usual(self) -> tuple[float, float]:
        """Mean and variance of the next night's minutes, by the baseline and the journal."""
        known = Baseline(spread=None, moments=[list(row) for row in self.base.moments])
        for _, minutes in self.journal.entries:
            known.learn_one(minutes, 0)
        return _usual(known)

    def _limits(self, known: Known) -> dict[Grade, int]:
        """The fewest minutes that are rare enough for each grade. Empty: too early to say."""
        if self.base.days + len(self.journal.entries) < KNOWN_DAYS:
            return {}
        needed = needed_days(known, known.plan.limits.false_up_at_night_a_month, of=DeviationKind.UP_AT_NIGHT)
        mean, variance = self.usual()
        return {
            grade: max(_LEAST_MINUTES, _fewest(mean, variance, self.tail.chance_of(days)))
            for grade, days in needed.items()
        }

    def _finding(self, grade: Grade, t: float, minutes: float, known: Known) -> OpenFinding:
        situation, zone = known.situation, known.plan.zone
        quiet = situation.quiet
        assert quiet is not None
        above, same = negative_binomial(round(minutes), *self.usual())
        once = self.tail.once_in_days(above + same)
        shown = min(once, known.maxima.shown(once))
        mean, _ = self.usual()
        since = self.nights.left if self.by_mat and self.nights.left is not None else t - 60.0 * minutes
        what = "Out of bed" if self.by_mat else "Active outside the bedroom"
        words = [
            f"{what} for {explain.duration(minutes * 60.0)} so far this night; last movement "
            f"{explain.where(quiet.place, quiet.room)} at {explain.clock_time(quiet.began, zone, seen_from=t)}.",
            f"Usually it is {explain.duration(mean * 60.0)} a night; so much {explain.rarity(shown, once)}.",
            explain.equipment(situation, t) or "",
            explain.door(situation, t) or "",
        ]
        return OpenFinding(
            kind=DeviationKind.UP_AT_NIGHT,
            grade=grade,
            raised=t,
            started=self.open.started if self.open is not None else since,
            once_in_days=round(shown, 1),
            explanation=" ".join(word for word in words if word),
            evidence={
                "minutes": round(minutes),
                "usual_minutes": round(mean),
                "by": "bed mat" if self.by_mat else "activity outside the bedroom",
                "rests_on_days": round(self.base.days + len(self.journal.entries), 1),
                "room": quiet.room,
            },
        )

    def held(self) -> list[OpenFinding]:
        """What is unusual just now."""
        return [] if self.open is None else [self.open]

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "open": None if self.open is None else asdict(self.open),
            "base": self.base.moments,
            "tail": self.tail.maxima.sums.tolist(),
            "journal": [[day, minutes] for day, minutes in self.journal.kept],
            "limits": {str(grade): limit for grade, limit in self.limits.items()},
            **{name: getattr(self, name) for name in _PLAIN},
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.open = None if saved["open"] is None else OpenFinding(**saved["open"])
        self.base.moments = saved["base"]
        self.tail.maxima.sums[...] = saved["tail"]
        self.journal.kept = [(day, minutes) for day, minutes in saved["journal"]]
        self.limits = {Grade(grade): limit for grade, limit in saved["limits"].items()}
        for name in _PLAIN:
            setattr(self, name, saved[name])


_PLAIN = ("due", "day", "told_on", "may_teach", "by_mat")


def _usual(known: Baseline) -> tuple[float, float]:
    """Mean and variance of the next night, with a little of the population; the variance is larger than the mean."""
    mean, spread = _POPULATION
    moments = [list(row) for row in known.moments]
    moments[0][0] += _POPULATION_NIGHTS
    moments[0][1] += _POPULATION_NIGHTS * mean
    moments[0][2] += _POPULATION_NIGHTS * (mean * mean + spread * spread)
    usual = Baseline(spread=None, moments=moments).predictive(0)
    return usual.mean, max(usual.variance, 1.01 * OVERDISPERSED * usual.mean)


def _fewest(mean: float, variance: float, chance: float) -> int:
    """The smallest n with P(N ≥ n) ≤ chance."""
    shape = mean * mean / (variance - mean)
    ratio = mean / (mean + shape)
    each = math.exp(shape * math.log1p(-ratio))
    left = 1.0  # P(N ≥ n)
    for n in range(_MOST_MINUTES):
        if left <= chance:
            return n
        left -= each
        each *= (n + shape) / (n + 1.0) * ratio
    return _MOST_MINUTES

"""Gone out and not back, later than usual: somebody may have fallen on the way, or lost it.

An outing begins at the front door, if the situation says that they have probably left, and ends at the front door or
when enough movement shows that somebody is at home. How long outings usually last is the home's own, by weekday and
the hours at which they begin. Never urgent: nobody knows where they are, and somebody can call. Two limits that
learning cannot move: still out at a set hour of the night, and nobody seen for so many hours.

Where people go in and out without the front door's sensor, or sit still after it, passages teach that it means little
(`situation`), and nothing is said. What a pause of the equipment may have hidden is not judged.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from anomaly import explain
from anomaly.detectors.detector import Known, says_nothing, unheeded
from anomaly.detectors.rarity import Rarity, grade_of
from anomaly.duration import Durations
from anomaly.open_finding import Finding, OpenFinding, next_minute
from anomaly.plan import PlanSensor
from anomaly.situation import CENSORED_AFTER, PASSAGE, Quiet
from store.deviation import DeviationKind, Grade

_LOOK_AGAIN = 3600.0  # seconds, when somebody may have left who was thought to be in
_SHORTEST = 900.0  # seconds; the bin, the post, a word with the neighbour
_KNOWN_FROM = 8.0  # outings before which too little is known
_PROBABLY = 0.5
_MINUTES, _SPREAD = 80.0, 0.9  # before anything is known; assumed
_OUTINGS_A_DAY = 1.0
_BLOCK_HOURS = 4
_JUST_LEFT_HOURS = 2.0  # before the set hour of the night: being out at it is no sign of anything
_WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
_MIDDLE, _LATE = math.log(2.0), math.log(10.0)


@dataclass(slots=True, kw_only=True)
class Outing:
    """Plain values, so that it can be saved as JSON."""

    left: float  # the front door
    day: int  # civil, on which they left
    weekday: int
    block: int  # of hours
    stirred: bool = False  # something moved at home since
    blind: float = 0.0
    blind_from: float | None = None
    is_told: bool = False
    is_supposed: bool = False  # nobody was seen to leave at `left`: a noted absence ended then, or one stray movement

    @property
    def group(self) -> tuple[str, str, str]:
        """From the general to the particular."""
        return _group(self.weekday, self.block)


class NotReturned:
    """Watches for who has gone out of one home."""

    def __init__(self) -> None:
        self.due = math.inf
        self.durations = Durations(minutes=_MINUTES, spread=_SPREAD, shortest=_SHORTEST)
        self.rarity = Rarity(a_day=_OUTINGS_A_DAY, of=DeviationKind.NOT_RETURNED)
        self.outing: Outing | None = None
        self.open: OpenFinding | None = None
        # Of the outings of the running day: weekday, block, seconds, and a surprise where people were told.
        self.today: list[list[Any]] = []
        self.lesson: list[list[Any]] | None = None  # the same of the day that is over

    @unheeded
    def reading(self, sensor: PlanSensor, t: float, value: float, known: Known) -> Iterator[Finding]:
        """Nothing to say: see `Detector`."""
        return says_nothing()

    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterable[Finding]:
        """Through the front door, or at home after all?"""
        if before is not None and self.outing is None and not known.situation.gone:
            return ()
        return self._moved(sensor, t, before, known)

    def _moved(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterator[Finding]:
        situation = known.situation
        if before is None and t < situation.at:  # late; what it says of where they are now is not known
            yield from self._over(t, known, is_spoilt=True)
            return
        is_out = situation.gone >= _PROBABLY
        if self.outing is not None:
            is_again = sensor.is_exit and t - self.outing.left > PASSAGE
            if is_again or not is_out:
                yield from self._over(t, known)
            elif t - self.outing.left > PASSAGE:
                self.outing.stirred = True
        if not is_out and known.may_be_out():
            self._wake(t + _LOOK_AGAIN)
        if is_out and self.outing is None and situation.watching:
            self.outing = _outing(t, known, is_supposed=not sensor.is_exit)
            self._wake(t + _SHORTEST)

    def changed(self, t: float, known: Known) -> Iterator[Finding]:
        """Whoever is known to be away is not missed; a return that nobody could see is not held against anybody."""
        situation, outing = known.situation, self.outing
        if outing is None:
            if situation.watching and situation.quiet is not None and situation.quiet.out >= _PROBABLY:
                self.outing = _outing(t, known, is_supposed=True)
                self._wake(t + _SHORTEST)
        elif situation.is_away(t) or situation.has_visit(t):
            yield from self._over(t, known, is_spoilt=True)
        elif not situation.watching:
            outing.blind_from = t if outing.blind_from is None else outing.blind_from
        elif outing.blind_from is not None:
            outing.blind += t - outing.blind_from
            outing.blind_from = None
            self._wake(t)

    def look(self, t: float, known: Known) -> Iterator[Finding]:
        """Raise what has been reached, and find out when the next grade would be."""
        self.due = math.inf
        if self.outing is None and known.situation.watching and known.may_be_out():
            if known.probably_out(t):  # they were thought to have stayed in, and nobody has moved since
                assert known.situation.door_at is not None
                self.outing = _outing(known.situation.door_at, known, is_supposed=True)
            else:
                self._wake(t + _LOOK_AGAIN)
        outing = self.outing
        if outing is None or not known.situation.watching or not _would_be_seen(known):
            return
        needed, surprise = self._needed(outing, known), self._surprise(outing, t)
        grade = grade_of(surprise, needed)
        ceiling = self._ceiling(outing, known)
        if t >= ceiling:
            grade = Grade.ATTENTION
        have = -1 if self.open is None else Grade(self.open.grade).rank
        if grade is not None and grade.rank > have:
            self.open = self._finding(outing, grade, t, known, is_scored=surprise >= needed.get(grade, math.inf))
            outing.is_told |= grade is not Grade.NOTICE
            have = grade.rank
            yield self.open.finding(known.plan)
        if have < Grade.ATTENTION.rank:
            for higher, wanted in needed.items():
                if higher.rank > have and wanted > surprise:
                    self._wake(max(t + 60.0, outing.left + self.durations.reached_at(wanted, outing.group)))
            self._wake(max(t + 60.0, ceiling))

    def day_over(self, midnight: float, known: Known, *, learnable: bool) -> None:
        """How long they were out is learned by `learn_day`, if the day may teach."""
        self.lesson, self.today = self.today, []
        if self.outing is not None and known.situation.watching:
            self._wake(midnight)

    def learn_day(self, lesson: list[list[Any]]) -> None:
        """The outings of another day, and how surprising they were by the days before it."""
        surprises = [
            told[0] if told else self.durations.surprise(seconds, _group(weekday, block))
            for weekday, block, seconds, *told in lesson
        ]
        for weekday, block, seconds, *told in lesson:
            if not told:
                self.durations.learn_one(seconds, _group(weekday, block))
        self.durations.day_over()
        self.rarity.learn_day(max(surprises, default=0.0))

    def learned(self) -> Any:
        """The counts as JSON."""
        return {"durations": self.durations.saved(), "rarity": self.rarity.saved()}

    def relearn(self, learned: Any) -> None:
        """From there."""
        self.durations.restore(learned["durations"])
        self.rarity.restore(learned["rarity"])

    def discount(self, share: float) -> None:
        """The past counts so much from now on."""
        self.durations.discount(share)
        self.rarity.discount(share)

    def _over(self, t: float, known: Known, *, is_spoilt: bool = False) -> Iterator[Finding]:
        """Back, or nobody can tell any more."""
        outing, self.outing = self.outing, None
        if self.open is not None:
            yield self.open.finding(known.plan, ended=max(t, self.open.started))
            self.open = None
        if outing is None or is_spoilt or outing.is_supposed or outing.blind > 0.0 or outing.blind_from is not None:
            return
        seconds = t - outing.left
        if seconds <= _SHORTEST:
            return
        told = None
        if outing.is_told:  # the day counts as one that reached it, so that repeated alarms grow rarer, slowly
            surprise = self._surprise(outing, t)
            told = min(surprise, self._needed(outing, known).get(Grade.ATTENTION, surprise))
        found = [outing.weekday, outing.block, round(seconds)]
        self.today.append(found if told is None else [*found, told])

    def _wake(self, t: float) -> None:
        if math.isfinite(t):
            self.due = min(self.due, next_minute(t))

    def _surprise(self, outing: Outing, t: float) -> float:
        return self.durations.surprise(t - outing.left - outing.blind, outing.group)

    def _needed(self, outing: Outing, known: Known) -> dict[Grade, float]:
        if outing.is_supposed or outing.blind > CENSORED_AFTER:
            return {}  # nobody saw them leave, or a return may have been missed: only the longest limit counts
        if self.durations.known(("any",)) < _KNOWN_FROM:
            return {}
        return self.rarity.needed(known, known.plan.limits.false_not_returned_a_month, most=Grade.ATTENTION)

    def _ceiling(self, outing: Outing, known: Known) -> float:
        """When a limit that learning cannot move calls for attention."""
        limits, clock = known.plan.limits, known.situation.clock
        longest = outing.left + limits.out_hours * 3600.0
        if outing.stirred or outing.is_supposed or outing.blind > CENSORED_AFTER:
            return longest  # whoever moved at home after the door, or was not watched, may not have left at all
        late = clock.instant(outing.day, limits.out_by_hour)
        if outing.left >= clock.instant(outing.day, limits.out_by_hour - _JUST_LEFT_HOURS):
            late = clock.instant(outing.day + 1, limits.out_by_hour)  # left so late that this is no sign of anything
        return min(longest, late)

    def _finding(self, outing: Outing, grade: Grade, t: float, known: Known, *, is_scored: bool) -> OpenFinding:
        situation, zone, limits = known.situation, known.plan.zone, known.plan.limits
        surprise = self._surprise(outing, t)
        shown = self.rarity.shown(surprise, known)
        middle, late = (self.durations.reached_at(nats, outing.group) for nats in (_MIDDLE, _LATE))
        first = outing.block * _BLOCK_HOURS
        hours = f"{first:02d}:00 and {first + _BLOCK_HOURS:02d}:00"
        rare = explain.rarity(shown, self.rarity.once_in_days(surprise))
        if is_scored:
            why = f"On {_WEEKDAYS[outing.weekday]}, outings that begin between {hours} usually take "
            why += f"{explain.duration(middle)}, nine in ten under {explain.duration(late)}; so long {rare}."
        elif t >= outing.left + limits.out_hours * 3600.0:
            why = f"Nobody has been seen for {limits.out_hours:g} h and no absence is noted."
        else:
            why = f"{explain.hour_words(limits.out_by_hour)} is the limit set for every home, and no absence is noted."
        left = explain.clock_time(outing.left, zone, seen_from=t)
        lasts = explain.duration(t - outing.left)
        words = [
            f"Probably out, and not seen at home since {left}, {lasts} ago."
            if outing.is_supposed
            else f"Left by the front door at {left}, {lasts} ago, and not seen since.",
            why,
            explain.equipment(situation, t) or "",
        ]
        return OpenFinding(
            kind=DeviationKind.NOT_RETURNED,
            grade=grade,
            raised=t,
            started=outing.left,
            once_in_days=round(shown, 1),
            explanation=" ".join(word for word in words if word),
            evidence={
                "minutes_out": round((t - outing.left) / 60),
                "usual_minutes": round(middle / 60),
                "nine_in_ten_minutes": round(late / 60),
                "surprise_nats": round(surprise, 3),
                "chance_out": round(situation.gone, 3),
                "rests_on_days": round(known.learned_days, 1),
                "reason": "score" if is_scored else "ceiling",
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
            **self.learned(),
            "outing": None if self.outing is None else asdict(self.outing),
            "open": None if self.open is None else asdict(self.open),
            "today": self.today,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.due = saved["due"]
        self.relearn(saved)
        self.outing = None if saved["outing"] is None else Outing(**saved["outing"])
        self.open = None if saved["open"] is None else OpenFinding(**saved["open"])
        self.today = [_from_older(*each) if isinstance(each[0], list) else each for each in saved["today"]]


def _would_be_seen(known: Known) -> bool:
    """Is there a sensor inside that would tell of whoever has come home? The front door alone cannot."""
    lost = known.situation.lost_sensors
    return any(s.shows_life(1.0) and not s.is_exit and s.code not in lost for s in known.plan.sensors)


def _group(weekday: int, block: int) -> tuple[str, str, str]:
    return ("any", f"block/{block}", f"{weekday}/{block}")


def _from_older(group: list[str], seconds: float) -> list[Any]:
    """As earlier releases kept what a day teaches."""
    weekday, block = group[-1].split("/")
    return [int(weekday), int(block), round(seconds)]


def _outing(t: float, known: Known, *, is_supposed: bool = False) -> Outing:
    bin_, _, day = known.situation.clock.at(t)
    block = bin_ // (4 * _BLOCK_HOURS)
    return Outing(left=t, day=day, weekday=(day - 1) % 7, block=block, is_supposed=is_supposed)

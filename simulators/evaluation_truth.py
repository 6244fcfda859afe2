"""What was true in an evaluation home, for whoever judges a method. No detector may see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from simulators.absences import Absence
from simulators.changes import Change
from simulators.diary import Stay, Visit
from simulators.resident import WakingDay, epoch
from simulators.troubles import Trouble

Span = tuple[float, float]  # epoch seconds [start, end)

AWAY = "away"


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthDay:
    """One civil day of the resident (not of a partner). Times are epoch seconds."""

    day: date
    stays: tuple[Stay, ...]  # where they were, what for; absences are place "out", doing "away"
    rose_at: float | None  # None: away, or not this day
    to_bed_at: float | None  # for the night that begins this day; may lie after midnight
    night_bathroom_visits: int  # in the night that ends with this day's getting up
    meals: int  # cooked
    outings: tuple[Span, ...]
    visits: tuple[Visit, ...]

    def place_at(self, at: float) -> str | None:
        """Where they were; None outside this day or between two stays."""
        return next((stay.place for stay in self.stays if stay.start <= at < stay.end), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """All of it."""

    persona: str
    kit: str
    residents: int
    has_pet: bool
    first_day: date
    days: tuple[TruthDay, ...]
    absences: tuple[Absence, ...]  # noted (`is_noted`) and not
    troubles: tuple[Trouble, ...]  # of the equipment
    changes: tuple[Change, ...]  # slow ones, of the resident


def truth_day(day: date, lived: Sequence[WakingDay], absences: Sequence[Absence], zone: ZoneInfo) -> TruthDay:
    """What was true of this civil day, from the waking days around it."""
    start, end = epoch(day, 0.0, zone), epoch(day + timedelta(days=1), 0.0, zone)
    near = {each.day: each for each in lived if abs((each.day - day).days) <= 1}
    own, before = near[day], near.get(day - timedelta(days=1))
    both = [each for each in (before, own) if each is not None]
    stays = [
        Stay(max(stay.start, start), min(stay.end, end), stay.place, stay.doing)
        for each in both
        for stay in each.stays
        if stay.end > start and stay.start < end
    ]
    away = [absence for absence in absences if absence.start < end and absence.end > start]
    stays = _without(stays, away)
    stays += [Stay(max(a.start, start), min(a.end, end), "out", AWAY) for a in away]
    stays.sort()
    visits = [visit for each in both for visit in each.visits if start <= visit.start < end]
    return TruthDay(
        day=day,
        stays=tuple(stays),
        rose_at=own.start if _is_at_home(own.start, absences) else None,
        to_bed_at=next((s.start for s in own.stays if s.doing == "sleep" and _is_at_home(s.start, absences)), None),
        night_bathroom_visits=0 if before is None else _night_visits(before, absences),
        meals=sum(1 for stay in stays if stay.doing == "cook"),
        outings=tuple((stay.start, stay.end) for stay in stays if stay.place == "out" and stay.doing != AWAY),
        visits=tuple(visit for visit in visits if _is_at_home(visit.start, absences)),
    )


def _is_at_home(at: float, absences: Sequence[Absence]) -> bool:
    return not any(absence.covers(at) for absence in absences)


def _night_visits(day: WakingDay, absences: Sequence[Absence]) -> int:
    """Of the night that ends the waking day: every toilet after they first lay down to sleep."""
    asleep = next((stay.start for stay in day.stays if stay.doing == "sleep"), day.end)
    return sum(
        1 for stay in day.stays if stay.doing == "toilet" and stay.start > asleep and _is_at_home(stay.start, absences)
    )


def _without(stays: list[Stay], absences: Sequence[Absence]) -> list[Stay]:
    """The parts of the stays outside the absences."""
    for absence in absences:
        cut: list[Stay] = []
        for stay in stays:
            if stay.end <= absence.start or stay.start >= absence.end:
                cut.append(stay)
                continue
            if stay.start < absence.start:
                cut.append(stay._replace(end=absence.start))
            if stay.end > absence.end:
                cut.append(stay._replace(start=absence.end))
        stays = cut
    return stays

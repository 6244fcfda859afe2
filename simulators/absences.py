"""When the residents of an evaluation home are away for more than an outing, and whether anybody was told. Pure."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from simulators.diary import Impulse
from simulators.resident import epoch

_LEAVE_AFTER_DAYS = 3  # the first days are at home, so that there is something to compare with


class AbsenceKind(StrEnum):
    """Why nobody is at home."""

    HOLIDAY = "holiday"
    FAMILY = "family"  # a night or two away
    HOSPITAL = "hospital"


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """From when until when nobody lives there, epoch seconds, and what staff were told (None: nothing)."""

    kind: AbsenceKind
    start: float
    end: float
    noted_from: float | None = None
    noted_until: float | None = None

    @property
    def is_noted(self) -> bool:
        """Did anybody tell?"""
        return self.noted_from is not None

    def covers(self, at: float) -> bool:
        """Are they away then?"""
        return self.start <= at < self.end


def some_absences(rng: random.Random, *, first: date, days: int, zone: ZoneInfo) -> tuple[Absence, ...]:
    """The absences of one home: some noted, some not, never two that touch."""
    found: list[Absence] = []
    wishes = (  # a 105 days, nights, the chance that somebody is told
        (AbsenceKind.HOLIDAY, 0.35, (3, 13), 0.7),
        (AbsenceKind.FAMILY, 0.55, (1, 2), 0.35),
        (AbsenceKind.HOSPITAL, 0.15, (1, 9), 0.6),
    )
    for kind, in_105_days, nights, told in wishes:
        for _ in range(2):
            wanted, long = rng.random() < in_105_days * days / 105 / 2, rng.randint(*nights)
            leaves = rng.randrange(_LEAVE_AFTER_DAYS, max(_LEAVE_AFTER_DAYS + 1, days))
            hours = rng.uniform(9.5, 16.5), rng.uniform(11.0, 18.5)
            is_told = rng.random() < told
            if not wanted or leaves + long >= days:
                continue
            start = epoch(first + timedelta(days=leaves), hours[0], zone)
            end = epoch(first + timedelta(days=leaves + long), hours[1], zone)
            if any(start < other.end + 2 * 86400 and other.start < end + 2 * 86400 for other in found):
                continue
            found.append(_as_told(kind, start, end, rng) if is_told else Absence(kind=kind, start=start, end=end))
    return tuple(sorted(found, key=lambda absence: absence.start))


def _as_told(kind: AbsenceKind, start: float, end: float, rng: random.Random) -> Absence:
    """Staff note whole hours, and learn of a hospital stay only afterwards."""
    late = 3600.0 * rng.uniform(2.0, 20.0) if kind is AbsenceKind.HOSPITAL else -3600.0 * rng.uniform(0.0, 2.0)
    noted_from = (start + late) // 3600.0 * 3600.0
    noted_until = (end + 3600.0 * rng.uniform(0.0, 3.0)) // 3600.0 * 3600.0
    if noted_until <= noted_from:
        return Absence(kind=kind, start=start, end=end)
    return Absence(kind=kind, start=start, end=end, noted_from=noted_from, noted_until=noted_until)


def edges(absence: Absence, rng: random.Random) -> list[Impulse]:
    """Leaving, coming back, and whoever looks in meanwhile; oldest first."""
    made: list[Impulse] = []
    if absence.kind is AbsenceKind.HOSPITAL:  # the crew is about for a while before they all leave
        for i in range(20):
            room = rng.choice(("hall", "bedroom", "lounge", "hall"))
            made.append(Impulse(absence.start - 1500 + 70 * i, f"motion/{room}", True, 0, "visitor"))
        made += _door(absence.start - 1600, "visitor")
    made += [Impulse(absence.start, role, False, 0, "resident") for role in ("bed/bedroom", "chair/lounge")]
    made.append(Impulse(absence.start + 5, "motion/hall", True, 0, "resident"))
    made += _door(absence.start + 20, "resident")
    if rng.random() < 0.4:  # somebody waters the plants
        at = absence.start + 86400 * rng.uniform(0.7, 1.6)
        while at < absence.end - 7200:
            made += _door(at, "visitor")
            made += [
                Impulse(at + 20 + 60 * i, f"motion/{rng.choice(('hall', 'lounge', 'kitchen'))}", True, 0, "visitor")
                for i in range(rng.randint(1, 5))
            ]
            made += _door(at + 400, "visitor")
            at += 86400 * rng.uniform(0.8, 3.0)
    made += _door(absence.end, "resident")
    rooms = ("hall", "lounge", "kitchen", "bedroom", "bathroom")
    made += [Impulse(absence.end + 20 + 70 * i, f"motion/{rooms[i % 5]}", True, 0, "resident") for i in range(10)]
    return made


def without_absences(impulses: Sequence[Impulse], absences: Sequence[Absence]) -> list[Impulse]:
    """What is caused by those who live there, less what falls into an absence."""
    if not absences:
        return list(impulses)
    return [each for each in impulses if not any(absence.covers(each.at) for absence in absences)]


def _door(at: float, by: str) -> list[Impulse]:
    return [Impulse(at, "door/front", True, 0, by), Impulse(at + 9, "door/front", False, 0, by)]

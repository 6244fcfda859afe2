"""When a home and each of its places could be observed: pure arithmetic, the same for model, charts and reports.

    home      its hub had checked in lately, and no numbered reading of that time is missing
    a place   the home was covered, and at least one sensor there that tells of people was neither silent nor stuck

Stretches are half-open, in order and never overlap. Not here: how a silent sensor is found (`anomaly`), which rows are
read for it (`coverage_day`), and how uncovered time is drawn (`api`).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from store.home import SensorKind
from store.hub import HubState

Interval = tuple[datetime, datetime]

QUARTER = timedelta(minutes=15)
QUARTERS = 96
MISSED_CHECK_INS = 3  # so many without a word, and nobody knows whether a movement would have been recorded


class CheckIn(Protocol):
    """What coverage needs of a check-in: a `HubCheckIn`, or the same of a recording."""

    @property
    def occurred_at(self) -> datetime:
        """The hub's clock."""

    @property
    def state(self) -> HubState:
        """What the hub said."""


class Watcher(Protocol):
    """What coverage needs of a sensor."""

    @property
    def id(self) -> int:
        """In the database."""

    @property
    def kind(self) -> SensorKind:
        """What it is."""

    @property
    def room(self) -> str:
        """Where it is."""


_NOT_OF_PEOPLE = {SensorKind.SMOKE, SensorKind.FLOOD, SensorKind.SOS}


def tells_of_people(kind: SensorKind) -> bool:
    """Would a sensor of this kind notice that somebody moves about?"""
    return not kind.is_measurement and kind not in _NOT_OF_PEOPLE


def covered_for(check_in_interval: timedelta) -> timedelta:
    """How long one check-in vouches for what follows it."""
    return MISSED_CHECK_INS * check_in_interval


def covered_intervals(
    check_ins: Iterable[CheckIn], interval: timedelta, start: datetime, end: datetime, *, always: bool = False
) -> list[tuple[datetime, datetime]]:
    """The parts of [start, end) in which the hub was in touch, in order and not overlapping.

    Each check-in covers three intervals from its own time on, unless the hub goes offline before. Give check-ins
    from `start - covered_for(interval)` on, or the first minutes look uncovered. `always` is for recordings
    without any hub row, which count as observed throughout.
    """
    if start >= end:
        return []
    if always:
        return [(start, end)]
    found: list[tuple[datetime, datetime]] = []
    begun: datetime | None = None  # the running covered stretch …
    until = start  # … and how far it is vouched for
    for check_in in sorted(check_ins, key=lambda each: each.occurred_at):
        at = check_in.occurred_at
        if begun is not None and at > until:
            found.append((begun, until))
            begun = None
        if check_in.state is HubState.OFFLINE:
            if begun is not None:
                found.append((begun, at))
            begun = None
            continue
        if begun is None:
            begun = at
        until = at + covered_for(interval)
    if begun is not None:
        found.append((begun, until))
    clipped = ((max(a, start), min(b, end)) for a, b in found)
    return [(a, b) for a, b in clipped if a < b]


def without(covered: Sequence[Interval], holes: Iterable[Interval]) -> list[Interval]:
    """What is left of the covered stretches outside the holes, which may overlap and come in any order."""
    left = list(covered)
    for begins, ends in holes:
        if begins >= ends:
            continue
        cut: list[Interval] = []
        for start, end in left:
            cut += [(start, min(end, begins)), (max(start, ends), end)]
        left = [(start, end) for start, end in cut if start < end]
    return left


def joined(stretches: Iterable[Interval]) -> list[Interval]:
    """The same time without overlaps, in order."""
    found: list[Interval] = []
    for start, end in sorted(stretches):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def in_both(ones: Sequence[Interval], others: Sequence[Interval]) -> list[Interval]:
    """Where a stretch of each holds."""
    found = [(max(a, c), min(b, d)) for a, b in ones for c, d in others]
    return sorted((start, end) for start, end in found if start < end)


def place_coverage(
    covered: Sequence[Interval], sensors: Iterable[Watcher], silent: Mapping[int, Sequence[Interval]]
) -> dict[str, list[Interval]]:
    """For each room with a sensor that tells of people: when it could be observed.

    `covered` is the home's, `silent` the stretches by sensor id in which that sensor would have told nothing. A room is
    dark only while all of its sensors are.
    """
    dark: dict[str, list[Interval]] = {}
    for sensor in sensors:
        if not tells_of_people(sensor.kind):
            continue
        mine = joined(silent.get(sensor.id, ()))
        dark[sensor.room] = in_both(dark[sensor.room], mine) if sensor.room in dark else mine
    return {room: without(covered, dark[room]) for room in sorted(dark)}


def share_covered(covered: Iterable[Interval], start: datetime, end: datetime) -> float:
    """The share of [start, end) that was covered, 0 to 1; 0 for an empty span."""
    if start >= end:
        return 0.0
    seen = sum((max(timedelta(0), min(b, end) - max(a, start)) for a, b in covered), timedelta(0))
    return min(1.0, seen / (end - start))


def quarter_seconds(covered: Iterable[Interval], midnight: datetime) -> list[int]:
    """Whole seconds, 0 to 900, that were covered of each of the 96 quarter hours from this UTC midnight on."""
    seconds = [0.0] * QUARTERS
    for start, end in covered:
        first = max(0, (start - midnight) // QUARTER)
        last = min(QUARTERS - 1, (end - midnight) // QUARTER)
        for quarter in range(first, last + 1):
            begins = midnight + quarter * QUARTER
            inside = min(end, begins + QUARTER) - max(start, begins)
            seconds[quarter] += max(0.0, inside.total_seconds())
    return [min(round(each), round(QUARTER.total_seconds())) for each in seconds]

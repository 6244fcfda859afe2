"""What goes wrong in a pretend home: incidents of the resident and of the equipment.

An incident of the resident is a cut: from its first moment everything somebody would have caused is gone, until
somebody comes (`until`). Sensors and hub go on: a kettle that boils switches itself off, a bed mat stays pressed. An
incident of the equipment leaves the resident's day alone.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from simulators.diary import Impulse, Stay
from simulators.resident import Resident, WakingDay, waking_day

_HELP_STAYS_S = 40 * 60.0
_SOON_S = 3 * 3600.0  # who does not go out by then anyway, goes out for the incident
_AT_MOST_DAYS = 3  # how far ahead we look for the moment an incident needs


class IncidentKind(StrEnum):
    """What happens."""

    COLLAPSE = "collapse"  # wherever the resident is then; if out or in bed, soon after
    NIGHT_BATHROOM = "night_bathroom"  # gets up, reaches the bathroom, collapses there
    NOT_UP = "not_up"  # stays in bed
    BESIDE_BED = "beside_bed"  # slips out of bed and lies beside it
    NOT_RETURNED = "not_returned"  # goes out, if possible when they would anyway, and does not come back
    AWAY = "away"  # the same, but planned: a holiday, hospital
    HUB_OFFLINE = "hub_offline"  # the hub loses its connection and keeps recording
    POWER_CUT = "power_cut"  # the hub is dead: nothing is recorded
    SENSOR_DEAD = "sensor_dead"  # one sensor says nothing any more

    @property
    def is_of_equipment(self) -> bool:
        """True if the resident is well."""
        return self in (IncidentKind.HUB_OFFLINE, IncidentKind.POWER_CUT, IncidentKind.SENSOR_DEAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that goes wrong at about `start`, until somebody comes or repairs it (never, if None)."""

    kind: IncidentKind
    start: datetime
    until: datetime | None = None
    sensor: str = ""  # of `sensor_dead`


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """From when until when nobody causes anything, and what happens at its edges."""

    start: float  # epoch seconds
    until: float
    impulses: tuple[Impulse, ...]  # the fall itself; somebody coming


def cuts(resident: Resident, incidents: Iterable[Incident]) -> tuple[Cut, ...]:
    """The exact moments of the resident's incidents, which depend on what they were doing."""
    return tuple(_cut(resident, incident) for incident in incidents if not incident.kind.is_of_equipment)


def suffer(day: WakingDay, cuts: Sequence[Cut]) -> list[Impulse]:
    """What is caused on that day, given the cuts; oldest first."""
    touching = [cut for cut in cuts if cut.start < day.end + _HELP_STAYS_S * 2 and cut.until >= day.start - 7200]
    if not touching:
        return list(day.impulses)
    left = [i for i in day.impulses if not any(cut.start <= i.at < cut.until for cut in touching)]
    left += [i for cut in cuts for i in cut.impulses if day.start <= i.at < day.end]
    left.sort()
    return left


def _cut(resident: Resident, incident: Incident) -> Cut:
    start, impulses = _begins(resident, incident.kind, incident.start)
    until = incident.until.timestamp() if incident.until else float("inf")
    if until <= start:  # it could only begin late: whoever comes, comes as much later
        until += start - incident.start.timestamp()
    if incident.until:
        impulses = [*impulses, *_somebody_comes(until)]
    return Cut(start=start, until=until, impulses=tuple(impulses))


def _begins(resident: Resident, kind: IncidentKind, wanted: datetime) -> tuple[float, list[Impulse]]:
    at = wanted.timestamp()
    if kind is IncidentKind.COLLAPSE:
        stay = _first(resident, wanted, _is_up)
        at = max(at, stay.start + 20)
        return at, [_moves(at, stay.place), *_leaves_pads(at + 1)]
    if kind in (IncidentKind.NOT_RETURNED, IncidentKind.AWAY):
        outing = _first(resident, wanted, lambda stay: stay.place == "out" or stay.start > at + _SOON_S)
        if outing.place == "out":
            return max(at, outing.start + 1), []
        stay = _first(resident, wanted, _is_up)  # no occasion of their own: they leave for this
        at = max(at, stay.start + 20)
        return at, [_moves(at, "hall"), *_leaves_pads(at), *_door(at + 20, by="resident")]

    stay = _first(resident, wanted, lambda stay: stay.doing == "sleep")
    at = max(at, stay.start + 600)
    if kind is IncidentKind.NOT_UP:
        return at, []
    if kind is IncidentKind.BESIDE_BED:
        return at, [*_leaves_pads(at), _moves(at + 2, "bedroom")]
    way = [_moves(at + 6, "bedroom"), _moves(at + 18, "hall")]
    fall = [_moves(at + after, "bathroom") for after in (26, 45, 70)]
    return at, [*_leaves_pads(at), *way, *fall]


def _first(resident: Resident, wanted: datetime, fits: Callable[[Stay], bool]) -> Stay:
    """The first stay of that sort which is going on at `wanted` or begins later."""
    at = wanted.timestamp()
    day = wanted.astimezone(resident.zone).date() - timedelta(days=1)
    for ahead in range(_AT_MOST_DAYS):
        for stay in waking_day(resident, day + timedelta(days=ahead)).stays:
            if stay.end > at + 30 and fits(stay) and stay.end - stay.start > 30:
                return stay
    raise ValueError(f"{resident.persona.name} gives no occasion within {_AT_MOST_DAYS} days of {wanted.isoformat()}")


def _is_up(stay: Stay) -> bool:
    return stay.place != "out" and stay.doing not in ("sleep", "nap", "pass")


def _door(at: float, *, by: str) -> list[Impulse]:
    return [Impulse(at, "door/front", True, 0, by), Impulse(at + 9, "door/front", False, 0, by)]


def _moves(at: float, room: str, *, by: str = "resident") -> Impulse:
    return Impulse(at, f"motion/{room}", True, 0, by)


def _leaves_pads(at: float) -> list[Impulse]:
    """Off the bed or the chair, if they were on one."""
    return [Impulse(at, role, False, 0, "resident") for role in ("bed/bedroom", "chair/lounge")]


def _somebody_comes(at: float) -> list[Impulse]:
    """A key in the door, and somebody who is busy in several rooms for a while."""
    rooms = ("hall", "lounge", "kitchen", "bathroom", "bedroom")
    busy = [_moves(at + 5 + 50 * i, rooms[i % len(rooms)], by="visitor") for i in range(int(_HELP_STAYS_S / 50))]
    return [*_door(at, by="visitor"), *busy, *_leaves_pads(at + 300)]

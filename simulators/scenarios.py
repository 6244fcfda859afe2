"""What goes wrong in a pretend home: incidents of the resident, of the home and of the equipment.

An incident of the resident is a cut: from its first moment everything somebody would have caused is gone, until
somebody comes (`until`). Sensors and hub go on: a kettle that boils switches itself off, a bed mat stays pressed. On a
strange day (`strange_days`) the resident does something else instead until then. An incident of the equipment, or of
the heating, leaves the resident's day alone; a slow change begins on a day and does not end.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from simulators import strange_days
from simulators.diary import Impulse, Stay
from simulators.resident import Resident, WakingDay
from simulators.strange_days import first_stay, front_door, moves

_HELP_STAYS_S = 40 * 60.0
_SOON_S = 3 * 3600.0  # who does not go out by then anyway, goes out for the incident


class IncidentKind(StrEnum):
    """What happens."""

    COLLAPSE = "collapse"  # wherever the resident is then; if out or in bed, soon after
    NIGHT_BATHROOM = "night_bathroom"  # gets up, reaches the bathroom, collapses there
    NOT_UP = "not_up"  # stays in bed
    BESIDE_BED = "beside_bed"  # slips out of bed and lies beside it
    NOT_RETURNED = "not_returned"  # goes out, if possible when they would anyway, and does not come back
    AWAY = "away"  # the same, but planned: a holiday, hospital
    LONG_BATHROOM = "long_bathroom"  # cannot get up in the bathroom, and is seen there now and then
    NO_BREAKFAST = "no_breakfast"  # about, but not in the kitchen
    STAYS_IN_BED = "stays_in_bed"  # turns over now and then, and does not get up
    NOT_TO_BED = "not_to_bed"  # asleep in the armchair until the small hours
    UP_AT_NIGHT = "up_at_night"  # walks about for hours
    OUT_AT_NIGHT = "out_at_night"  # leaves by the front door while everybody sleeps
    MORE_NIGHT_VISITS = "more_night_visits"  # from that day on `size` more visits to the bathroom a night
    HEATING_OFF = "heating_off"  # the home grows cold
    HUB_OFFLINE = "hub_offline"  # the hub loses its connection and keeps recording
    POWER_CUT = "power_cut"  # the hub is dead: nothing is recorded
    SENSOR_DEAD = "sensor_dead"  # one sensor says nothing any more
    SENSOR_STUCK = "sensor_stuck"  # one sensor says "on" and nothing more

    @property
    def is_of_equipment(self) -> bool:
        """True if the resident is well, and goes on as ever."""
        return self in _OF_EQUIPMENT

    @property
    def is_strange(self) -> bool:
        """True if the resident does something unusual; of the others of theirs, nobody stirs."""
        return self in _STRANGE


_OF_EQUIPMENT = frozenset({
    IncidentKind.HUB_OFFLINE, IncidentKind.POWER_CUT, IncidentKind.SENSOR_DEAD, IncidentKind.SENSOR_STUCK,
    IncidentKind.HEATING_OFF, IncidentKind.MORE_NIGHT_VISITS,
})  # fmt: skip
_STRANGE = {
    IncidentKind.LONG_BATHROOM: strange_days.long_in_bathroom,
    IncidentKind.NO_BREAKFAST: strange_days.no_breakfast,
    IncidentKind.STAYS_IN_BED: strange_days.stays_in_bed,
    IncidentKind.NOT_TO_BED: strange_days.asleep_in_the_chair,
    IncidentKind.UP_AT_NIGHT: strange_days.up_at_night,
    IncidentKind.OUT_AT_NIGHT: strange_days.out_at_night,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that goes wrong at about `start`, until somebody comes or repairs it (never, if None)."""

    kind: IncidentKind
    start: datetime
    until: datetime | None = None
    sensor: str = ""  # of `sensor_dead` and `sensor_stuck`
    size: float = 0.0  # of `more_night_visits`


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
    if incident.kind.is_strange:
        if incident.until is None:
            raise ValueError(f"{incident.kind} needs an end")
        start, until, impulses = _STRANGE[incident.kind](resident, incident.start, incident.until.timestamp())
        return Cut(start=start, until=until + 1.0, impulses=tuple(sorted(impulses)))
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
        stay = first_stay(resident, wanted, _is_up)
        at = max(at, stay.start + 20)
        return at, [moves(at, stay.place), *_leaves_pads(at + 1)]
    if kind in (IncidentKind.NOT_RETURNED, IncidentKind.AWAY):
        outing = first_stay(resident, wanted, lambda stay: stay.place == "out" or stay.start > at + _SOON_S)
        if outing.place == "out":
            return max(at, outing.start + 1), []
        stay = first_stay(resident, wanted, _is_up)  # no occasion of their own: they leave for this
        at = max(at, stay.start + 20)
        return at, [moves(at, "hall"), *_leaves_pads(at), *front_door(at + 20, by="resident")]

    stay = first_stay(resident, wanted, lambda stay: stay.doing == "sleep")
    at = max(at, stay.start + 600)
    if kind is IncidentKind.NOT_UP:
        return at, []
    if kind is IncidentKind.BESIDE_BED:
        return at, [*_leaves_pads(at), moves(at + 2, "bedroom")]
    way = [moves(at + 6, "bedroom"), moves(at + 18, "hall")]
    fall = [moves(at + after, "bathroom") for after in (26, 45, 70)]
    return at, [*_leaves_pads(at), *way, *fall]


def _is_up(stay: Stay) -> bool:
    return stay.place != "out" and stay.doing not in ("sleep", "nap", "pass")


def _leaves_pads(at: float) -> list[Impulse]:
    """Off the bed or the chair, if they were on one."""
    return [Impulse(at, role, False, 0, "resident") for role in ("bed/bedroom", "chair/lounge")]


def _somebody_comes(at: float) -> list[Impulse]:
    """A key in the door, and somebody who is busy in several rooms for a while."""
    rooms = ("hall", "lounge", "kitchen", "bathroom", "bedroom")
    busy = [moves(at + 5 + 50 * i, rooms[i % len(rooms)], by="visitor") for i in range(int(_HELP_STAYS_S / 50))]
    return [*front_door(at, by="visitor"), *busy, *_leaves_pads(at + 300)]

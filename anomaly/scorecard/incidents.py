"""What is injected, and when: incidents of the resident, by part of day and place, the same for every method.

Occasions are read off the truth of a simulated home, else off the rows: when somebody was clearly at home and awake,
asleep, in the bathroom at night, or on the way out. All chance comes from the seed. What an incident does to the rows
stands in `edits`.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from anomaly.clock_bins import PART_OF_BIN, PARTS, ClockBins
from anomaly.plan import HomePlan, Place, PlanSensor
from anomaly.scorecard.homes import EvaluatedHome, Stay
from store.recording import HUB, Row

_AWAKE = 3600.0  # whoever moves again within so many seconds was awake, in the hours in which people are up
_UP_HOURS = (7.0, 22.0)
_NIGHT_VISIT_OVER = 1800.0
_SHORTEST_OUTING = 1200.0


class IncidentKind(StrEnum):
    """What happens to the resident."""

    COLLAPSE = "collapse"  # somewhere at home, awake; from then on nothing
    NIGHT_BATHROOM = "night_bathroom"  # the same in the bathroom at night
    NOT_UP = "not_up"  # stays in bed
    NOT_RETURNED = "not_returned"  # goes out and does not come back
    UP_AT_NIGHT = "up_at_night"  # about all night instead of in bed
    DOOR_AT_NIGHT = "door_at_night"  # the front door opens in the small hours
    NIGHT_VISITS = "night_visits"  # gradual: two more visits to the bathroom every night
    LATER = "later"  # gradual: everything 90 minutes later

    @property
    def is_gradual(self) -> bool:
        """Lasts for weeks."""
        return self in (IncidentKind.NIGHT_VISITS, IncidentKind.LATER)

    @property
    def is_silent(self) -> bool:
        """From its beginning nobody moves any more."""
        return self in _SILENT


_SILENT = (IncidentKind.COLLAPSE, IncidentKind.NIGHT_BATHROOM, IncidentKind.NOT_UP, IncidentKind.NOT_RETURNED)


class Twin(StrEnum):
    """What happens to the equipment instead, at the same moment, while the resident is well."""

    HUB_OFF = "hub_off"
    SENSOR_DEAD = "sensor_dead"
    LATE_BURST = "late_burst"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One incident of one home."""

    kind: IncidentKind
    at: float  # epoch seconds
    part: str  # of the day
    place: str
    seed: int  # for what else is left to chance in it


@dataclass(frozen=True, slots=True)
class Life:
    """A sign of life."""

    at: float
    sensor: PlanSensor


def signs_of_life(rows: Sequence[Row], plan: HomePlan) -> list[Life]:
    """Who moved when, as the model sees it."""
    sensors = {sensor.code: sensor for sensor in plan.sensors}
    return [
        Life(row.at.timestamp(), sensors[row.sensor])
        for row in rows
        if row.sensor != HUB and row.sensor in sensors and sensors[row.sensor].shows_life(float(row.value))
    ]


def planned(home: EvaluatedHome, plan: HomePlan, *, begin: float, wanted: int, seed: int) -> list[Incident]:
    """About so many acute incidents of this home from `begin` on, in order of time; fewer where there is no occasion.

    Half of them are collapses, spread over parts of the day and places in turn. None in a home of two: the other one
    is the better alarm.
    """
    if plan.residents > 1:
        return []
    end = home.rows[-1].at.timestamp() - 86400.0
    clock, rng = ClockBins(plan.zone), random.Random(f"{seed}/{plan.code}/incidents")
    has_exit = any(sensor.is_exit for sensor in plan.sensors)
    if home.stays is None:
        life = [each for each in signs_of_life(home.rows, plan) if begin <= each.at]
        found = [each for a, b in pairwise(life) for each in _guessed(a, b, clock, rng)]
    else:
        known = [stay for stay in home.stays if begin <= stay.start]
        found = [each for stay in known for each in _known(stay, clock, rng)]
    strata: dict[tuple[IncidentKind, str, str], list[float]] = {}
    for kind, at, place in found:
        needs_exit = kind in (IncidentKind.NOT_RETURNED, IncidentKind.DOOR_AT_NIGHT)
        if begin <= at < end and _is_watched(at, plan) and (has_exit or not needs_exit):
            part = PARTS[int(PART_OF_BIN[clock.at(at)[0]])]
            strata.setdefault((kind, part, place), []).append(at)
    chosen = _in_turn(strata, wanted, rng)
    return sorted(chosen, key=lambda incident: (incident.at, incident.kind))


def planned_gradual(home: EvaluatedHome, plan: HomePlan, *, begin: float, days: float, seed: int) -> list[Incident]:
    """One of each gradual change, if enough days are left for it to be found and the home does not change by itself."""
    if plan.residents > 1 or home.changes:
        return []
    at = ClockBins(plan.zone).midnight_after(begin) + 12 * 3600.0
    if home.rows[-1].at.timestamp() < at + days * 86400.0:
        return []
    kinds = [kind for kind in IncidentKind if kind.is_gradual]
    if not any(sensor.place is Place.BATHROOM for sensor in plan.sensors):
        kinds.remove(IncidentKind.NIGHT_VISITS)
    return [Incident(kind=kind, at=at, part="", place="", seed=seed) for kind in kinds]


def _is_watched(at: float, plan: HomePlan) -> bool:
    return not any(p.start - 3600 <= at < p.end + 3600 for p in (*plan.absences, *plan.visits))


Found = tuple[IncidentKind, float, str]


def _known(stay: Stay, clock: ClockBins, rng: random.Random) -> Iterator[Found]:
    """What could begin during this stay. Collapses at random minutes awake, so that long stays count more."""
    seconds, hour = stay.end - stay.start, clock.hour(stay.start)
    at = stay.start + rng.random() * seconds
    is_night = hour >= 23.0 or hour < 5.5
    if stay.place == "out":
        if stay.doing == "out" and seconds >= _SHORTEST_OUTING:
            yield IncidentKind.NOT_RETURNED, stay.start + 15.0, "hall"  # when the door is shut
    elif stay.doing == "sleep":
        if clock.hour(stay.end) > 5.0 and seconds > 3600.0 and hour < 11.0 and stay.end - stay.start < 43200.0:
            yield IncidentKind.NOT_UP, stay.end - rng.uniform(0.2, 0.95) * min(seconds, 10800.0), "bed"
        if seconds >= 5400.0 and (hour >= 22.0 or hour < 2.0):
            yield IncidentKind.UP_AT_NIGHT, stay.start + 900.0, "bed"
            yield IncidentKind.DOOR_AT_NIGHT, max(stay.start + 1800.0, at), "bed"
    elif stay.doing == "toilet" and is_night:
        yield IncidentKind.NIGHT_BATHROOM, stay.start + min(60.0, seconds / 2), stay.place
    elif stay.doing not in ("nap", "pass") and _UP_HOURS[0] <= hour < _UP_HOURS[1] and rng.random() < seconds / _AWAKE:
        yield IncidentKind.COLLAPSE, at, stay.place


def _guessed(a: Life, b: Life, clock: ClockBins, rng: random.Random) -> Iterator[Found]:
    """The same between two signs of life, where only the sensors tell."""
    gap, hour = b.at - a.at, clock.hour(a.at)
    at, place = a.at + rng.random() * gap, a.sensor.place.name.lower()
    at_home = not a.sensor.is_exit and not b.sensor.is_exit
    is_night = hour >= 23.0 or hour < 5.5
    if at_home and gap <= _AWAKE and _UP_HOURS[0] <= hour < _UP_HOURS[1] and rng.random() < gap / _AWAKE:
        yield IncidentKind.COLLAPSE, at, place
    if is_night and at_home and a.sensor.place is Place.BATHROOM and 5.0 < gap <= _NIGHT_VISIT_OVER:
        yield IncidentKind.NIGHT_BATHROOM, a.at + 5.0, place
    if at_home and gap >= 1800.0 and a.sensor.place in (Place.BEDROOM, Place.IN_BED, Place.BATHROOM):
        early = max(a.at + 60.0, clock.instant(clock.at(b.at)[2], 4.0))
        if early < b.at and clock.hour(b.at) < 11.0 and hour < 8.0:
            yield IncidentKind.NOT_UP, early, "bed"
    if gap >= _SHORTEST_OUTING and a.sensor.is_exit and b.sensor.is_exit and 8.0 <= hour < 21.0:
        yield IncidentKind.NOT_RETURNED, a.at + 15.0, place
    if gap >= 5400.0 and at_home and (hour >= 22.0 or hour < 2.0):
        yield IncidentKind.UP_AT_NIGHT, a.at + 900.0, "bed"
        yield IncidentKind.DOOR_AT_NIGHT, max(a.at + 1800.0, at), "bed"


_SHARES = {  # of the acute incidents
    IncidentKind.COLLAPSE: 8,
    IncidentKind.NIGHT_BATHROOM: 3,
    IncidentKind.NOT_UP: 2,
    IncidentKind.NOT_RETURNED: 2,
    IncidentKind.UP_AT_NIGHT: 1,
    IncidentKind.DOOR_AT_NIGHT: 1,
}


def _in_turn(
    strata: dict[tuple[IncidentKind, str, str], list[float]], wanted: int, rng: random.Random
) -> list[Incident]:
    """So many incidents, kinds by their share, and within a kind one stratum after the other."""
    by_kind: dict[IncidentKind, list[tuple[str, str, list[float]]]] = {}
    for kind, part, place in sorted(strata):
        times = strata[kind, part, place]
        rng.shuffle(times)
        by_kind.setdefault(kind, []).append((part, place, times))
    for each in by_kind.values():
        rng.shuffle(each)
    chosen: list[Incident] = []
    credit = {kind: rng.random() * _SHARES[kind] for kind in by_kind}
    while by_kind and len(chosen) < wanted:
        for kind in credit:
            credit[kind] += _SHARES[kind]
        kind = max(credit, key=lambda each: credit[each])
        credit[kind] -= sum(_SHARES[each] for each in credit)
        part, place, times = by_kind[kind].pop(0)
        at = times.pop()
        chosen.append(Incident(kind=kind, at=at, part=part, place=place, seed=rng.randrange(1 << 30)))
        if times:
            by_kind[kind].append((part, place, times))
        elif not by_kind[kind]:
            del by_kind[kind], credit[kind]
    return chosen


def instant(t: float) -> datetime:
    """Aware, UTC."""
    return datetime.fromtimestamp(t, UTC)


WATCHED = timedelta(hours=24)  # after the beginning of an acute incident

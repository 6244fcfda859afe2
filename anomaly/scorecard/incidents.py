"""What is injected, and when: incidents of the resident, by part of day and place, the same for every method.

Occasions are read off the truth of a simulated home, else off the rows: when somebody was clearly at home and awake,
asleep, in the bathroom at night, or on the way out. A collapse by day may come at any waking minute at home, each as
likely as the other; those that are chosen are spread over parts of the day and places as the minutes are. All chance
comes from the seed. What an incident does to the rows stands in `edits`.
"""

import math
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

_AWAKE = 7200.0  # whoever moves again within so many seconds was awake, in the hours in which people are up
_UP_HOURS = (7.0, 22.0)  # civil time: what counts as by day
_PIECE = 600.0  # seconds: waking time is cut into pieces no longer than this
_ASLEEP = ("sleep", "nap")
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

    In a home of two both collapse by day, and nothing else is tried: while one of them moves, the sensors cannot tell
    that the other does not.
    """
    clock, rng = ClockBins(plan.zone), random.Random(f"{seed}/{plan.code}/incidents")
    waking, others = _occasions(home, plan, begin, clock, rng)
    by_kind: dict[IncidentKind, list[_Stratum]] = {}
    in_turn = sum(_SHARES.values()) / _SHARES[IncidentKind.COLLAPSE] if plan.residents == 1 else 1.0
    first = math.ceil(wanted / in_turn)
    collapses = [*_at_random(waking, first, rng), *_at_random(waking, wanted - first, rng)]
    if collapses:
        by_kind[IncidentKind.COLLAPSE] = [
            (PARTS[int(PART_OF_BIN[clock.at(at)[0]])], place, [at]) for at, place in collapses
        ]
    if plan.residents == 1:
        by_kind |= _strata(others, clock, rng)
    chosen = _in_turn(by_kind, wanted, rng)
    return sorted(chosen, key=lambda incident: (incident.at, incident.kind))


def _occasions(
    home: EvaluatedHome, plan: HomePlan, begin: float, clock: ClockBins, rng: random.Random
) -> tuple[list["Waking"], list["Found"]]:
    """Waking time at home by day, and when anything else could begin."""
    end = home.rows[-1].at.timestamp() - 86400.0
    if home.stays is None:
        life = [each for each in signs_of_life(home.rows, plan) if begin <= each.at]
        found = [each for a, b in pairwise(life) for each in _guessed(a, b, clock)]
        spans = [Waking(a.at, b.at, a.sensor.place.name.lower()) for a, b in pairwise(life) if _is_waking(a, b)]
    else:
        known = [stay for stay in home.stays if begin <= stay.start]
        found = [each for stay in known for each in _known(stay, clock, rng)]
        spans = [Waking(s.start, s.end, s.place) for s in known if s.place != "out" and s.doing not in _ASLEEP]
    has_exit = any(sensor.is_exit for sensor in plan.sensors)
    waking = [
        piece
        for span in spans
        for piece in _pieces(span)
        if begin <= piece.start
        and piece.end <= end
        and _UP_HOURS[0] <= clock.hour(piece.start) < _UP_HOURS[1]
        and _is_watched(piece.start, plan)
    ]
    others = [
        (kind, at, place)
        for kind, at, place in found
        if begin <= at < end and _is_watched(at, plan) and (has_exit or kind not in _NEED_A_DOOR)
    ]
    return waking, others


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
_Stratum = tuple[str, str, list[float]]  # part of the day, place, when
_NEED_A_DOOR = (IncidentKind.NOT_RETURNED, IncidentKind.DOOR_AT_NIGHT)


@dataclass(frozen=True, slots=True)
class Waking:
    """Somebody was at home and awake."""

    start: float
    end: float
    place: str


def _pieces(span: Waking) -> Iterator[Waking]:
    at = span.start
    while at < span.end:
        yield Waking(at, min(span.end, at + _PIECE), span.place)
        at += _PIECE


def _at_random(waking: Sequence[Waking], wanted: int, rng: random.Random) -> list[tuple[float, str]]:
    """So many minutes, every waking second as likely as any other; evenly over hours and places, in random order."""
    ordered = sorted(waking, key=lambda piece: (piece.place, piece.start % 86400.0, piece.start))
    total = sum(piece.end - piece.start for piece in ordered)
    if wanted < 1 or total < wanted * 60.0:
        return []
    chosen, passed = [], 0.0
    next_at = rng.random() * total / wanted
    for piece in ordered:
        length = piece.end - piece.start
        while next_at < passed + length:
            chosen.append((piece.start + next_at - passed, piece.place))
            next_at += total / wanted
        passed += length
    rng.shuffle(chosen)
    return chosen


def _strata(found: Sequence[Found], clock: ClockBins, rng: random.Random) -> dict[IncidentKind, list[_Stratum]]:
    """By kind, and within it by part of the day and place; everything in random order."""
    times: dict[tuple[IncidentKind, str, str], list[float]] = {}
    for kind, at, place in found:
        times.setdefault((kind, PARTS[int(PART_OF_BIN[clock.at(at)[0]])], place), []).append(at)
    by_kind: dict[IncidentKind, list[_Stratum]] = {}
    for kind, part, place in sorted(times):
        rng.shuffle(times[kind, part, place])
        by_kind.setdefault(kind, []).append((part, place, times[kind, part, place]))
    for each in by_kind.values():
        rng.shuffle(each)
    return by_kind


def _known(stay: Stay, clock: ClockBins, rng: random.Random) -> Iterator[Found]:
    """What else could begin during this stay."""
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


def _is_waking(a: Life, b: Life) -> bool:
    """Was somebody at home and awake between these two signs of life? Without truth: if they are near each other."""
    return b.at - a.at <= _AWAKE and not a.sensor.is_exit and not b.sensor.is_exit


def _guessed(a: Life, b: Life, clock: ClockBins) -> Iterator[Found]:
    """The same between two signs of life, where only the sensors tell."""
    gap, hour = b.at - a.at, clock.hour(a.at)
    middle, place = a.at + gap / 2.0, a.sensor.place.name.lower()
    at_home = not a.sensor.is_exit and not b.sensor.is_exit
    is_night = hour >= 23.0 or hour < 5.5
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
        yield IncidentKind.DOOR_AT_NIGHT, max(a.at + 1800.0, middle), "bed"


_SHARES = {  # of the acute incidents
    IncidentKind.COLLAPSE: 8,
    IncidentKind.NIGHT_BATHROOM: 4,
    IncidentKind.NOT_UP: 3,
    IncidentKind.NOT_RETURNED: 2,
    IncidentKind.UP_AT_NIGHT: 1,
    IncidentKind.DOOR_AT_NIGHT: 1,
}


def _in_turn(by_kind: dict[IncidentKind, list[_Stratum]], wanted: int, rng: random.Random) -> list[Incident]:
    """So many incidents, kinds by their share, and within a kind one stratum after the other."""
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

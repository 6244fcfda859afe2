"""From single sensor events to where the resident was: segments that never overlap. Pure; no database, no drawing.

The rules, in the order in which they are applied (a later one paints over an earlier one):

1. A *sighting* is an event that a person causes: movement, a door or drawer in either direction, a mat pressed or left,
   a flush, an appliance switched on. Measurements, smoke and flood are none, nor is what switches itself off.
2. A sighting holds the person in its room until the next one: for `SEEN_FOR` as *seen*, after that as *last seen*.
3. A quiet of `OUT_AFTER` or more that begins within `DOOR_BEFORE_LEAVING` of a front-door event, and ends with one (or
   has not ended), is *out of home*. A quiet that ends inside the home without the door is not: nobody came back.
4. A pressed bed or chair mat is *in bed* or *in chair*. Mats chatter: releases shorter than `MAT_BRIDGE` without a
   sighting in another room are nobody getting up. A mat is not believed until it changes after `MAT_AT_MOST`, or once
   somebody has been about elsewhere for `UP_AND_ABOUT` without a front door that let them in (mats stick; two of three
   homes on record have one that stayed pressed all day while its owner was at work).
5. A sighting in another room while a mat is pressed wins for `ELSEWHERE_FOR` (two people, or a mat that sticks).
6. Where coverage is missing, nothing is claimed but what was reported, for `ELSEWHERE_FOR`. After a blind time of
   `BLIND_AT_MOST` or more, where somebody was last seen says nothing until the next sighting.

Everything is computed on a grid of `CELL`, so segments cannot overlap by construction.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from api.charts.places import Place, place_of_room
from store.home import Sensor, SensorKind
from store.sensor_event import Changes, SensorEvent

SEEN_FOR = timedelta(minutes=15)  # a quarter hour, the grain of the routine
OUT_AFTER = timedelta(minutes=20)
DOOR_BEFORE_LEAVING = timedelta(minutes=2)  # measured on a year of recordings: did better than 5 or 10
MAT_BRIDGE = timedelta(minutes=10)
MAT_AT_MOST = timedelta(hours=16)
UP_AND_ABOUT = timedelta(minutes=10)
ELSEWHERE_FOR = timedelta(minutes=2)
BLIND_AT_MOST = timedelta(minutes=15)  # as the model censors a gap
CELL = timedelta(seconds=10)
LEAD_IN = timedelta(hours=36)  # events before the first row, so that it begins with the right state

Interval = tuple[datetime, datetime]
_Spans = list[tuple[float, float]]  # seconds since the epoch
_Floats = npt.NDArray[np.float64]
_Codes = npt.NDArray[np.int8]

_PLACES = tuple(Place)
_CODE = {place: code for code, place in enumerate(_PLACES, start=1)}
_NOT_KNOWN = 0
_LAST_SEEN = 64  # added to a room's code

_IN_BOTH_DIRECTIONS = {SensorKind.DOOR, SensorKind.BED, SensorKind.CHAIR}
_NOBODY = {SensorKind.SMOKE, SensorKind.FLOOD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The resident in one place for a while."""

    start: datetime  # UTC
    end: datetime  # UTC
    place: Place
    is_seen: bool  # False: last seen here, quiet since


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Where the resident was in [start, end); times that no segment covers are not known."""

    start: datetime
    end: datetime
    segments: list[Segment]
    sightings: _Floats  # seconds since the epoch, sorted
    last_sighting: tuple[datetime, Place] | None


def shows_a_person(kind: SensorKind, value: float) -> bool:
    """True if somebody must have been there for a sensor of this kind to report this value."""
    if kind.is_measurement or kind in _NOBODY:
        return False
    return value > 0 or kind in _IN_BOTH_DIRECTIONS


def build_timeline(
    events: Changes | Sequence[SensorEvent],
    sensors: Mapping[int, Sensor],
    *,
    covered: Iterable[Interval],
    start: datetime,
    end: datetime,
) -> Timeline:
    """Apply the rules above to events sorted by `occurred_at`; `covered` as `store.coverage` gives it."""
    readings = _readings(events, sensors, end)
    times, rooms = _sightings(readings, sensors)
    last = None
    if len(times):
        last = (datetime.fromtimestamp(float(times[-1]), UTC), _PLACES[int(rooms[-1]) - 1])
    if end <= start:
        return Timeline(start=start, end=start, segments=[], sightings=times, last_sighting=last)

    grid = _Grid(start, end)
    codes = grid.empty()
    if len(times):
        here, age = grid.latest(times, rooms)
        codes = np.where(age < SEEN_FOR.total_seconds(), here, here + _LAST_SEEN).astype(np.int8)
        codes[here == _NOT_KNOWN] = _NOT_KNOWN
        is_fresh = (here != _NOT_KNOWN) & (age < ELSEWHERE_FOR.total_seconds())
    else:
        here, is_fresh = grid.empty(), np.zeros(len(codes), dtype=np.bool_)

    exits = readings.of(i for i, sensor in sensors.items() if sensor.is_exit).at
    for span in _outings(times, exits, end.timestamp()):
        grid.paint(codes, [span], _CODE[Place.OUT])
    uncovered = _uncovered(covered, start, end)
    _forget_after_blindness(grid, codes, times, uncovered)

    for kind, place in ((SensorKind.CHAIR, Place.IN_CHAIR), (SensorKind.BED, Place.IN_BED)):
        for room in {_CODE[place_of_room(s.room)] for s in sensors.values() if s.kind is kind}:
            mats = {i for i, s in sensors.items() if s.kind is kind and _CODE[place_of_room(s.room)] == room}
            pressed = grid.mask(_pressed(readings.of(mats), times[rooms != room], exits, end.timestamp()))
            codes[pressed & ~(is_fresh & (here != room))] = _CODE[place]

    blind = grid.mask([(first.timestamp(), last.timestamp()) for first, last in uncovered])
    codes[blind & ~is_fresh] = _CODE[Place.UNOBSERVED]
    return Timeline(start=start, end=end, segments=grid.segments(codes), sightings=times, last_sighting=last)


class _Grid:
    """Cells of equal length over [start, end); the last one may reach beyond."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self._start, self._end = start, end
        self._origin, self.end = start.timestamp(), end.timestamp()
        self._count = -((start - end) // CELL)

    def empty(self) -> _Codes:
        return np.zeros(self._count, dtype=np.int8)

    def latest(self, times: _Floats, rooms: _Codes) -> tuple[_Codes, _Floats]:
        """For each cell: the room of the latest sighting up to its end (or not known), and its age in seconds."""
        edges = self._origin + CELL.total_seconds() * np.arange(self._count + 1)
        found = np.searchsorted(times, edges[1:], side="left") - 1
        index = np.maximum(found, 0)
        here = np.where(found >= 0, rooms[index], _NOT_KNOWN).astype(np.int8)
        return here, edges[:-1] - times[index]

    def paint(self, codes: _Codes, spans: _Spans, code: int) -> None:
        for first, last in spans:
            codes[self._cell(first) : self._cell(last)] = code

    def mask(self, spans: _Spans) -> npt.NDArray[np.bool_]:
        inside = np.zeros(self._count, dtype=np.bool_)
        for first, last in spans:
            inside[self._cell(first) : self._cell(last)] = True
        return inside

    def segments(self, codes: _Codes) -> list[Segment]:
        changes = np.flatnonzero(np.diff(codes)) + 1
        bounds = [0, *changes.tolist(), len(codes)]
        return [
            Segment(
                start=self._start + first * CELL,
                end=min(self._start + last * CELL, self._end),
                place=_PLACES[code % _LAST_SEEN - 1],
                is_seen=code < _LAST_SEEN,
            )
            for first, last in pairwise(bounds)
            if (code := int(codes[first])) != _NOT_KNOWN
        ]

    def _cell(self, at: float) -> int:
        if at >= self.end:
            return self._count
        return min(max(0, round((at - self._origin) / CELL.total_seconds())), self._count)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Readings:
    """The events as columns; those of sensors that the home does not have are left out."""

    at: _Floats
    sensor: npt.NDArray[np.int64]
    value: _Floats

    def of(self, wanted: Iterable[int]) -> "_Readings":
        chosen = np.isin(self.sensor, list(wanted))
        return _Readings(at=self.at[chosen], sensor=self.sensor[chosen], value=self.value[chosen])


def _readings(events: Changes | Sequence[SensorEvent], sensors: Mapping[int, Sensor], end: datetime) -> _Readings:
    if isinstance(events, Changes):
        at, sensor, value = events.ats, events.sensor_ids, events.values
    else:
        at = np.array([event.occurred_at.timestamp() for event in events], dtype=np.float64)
        sensor = np.array([event.sensor_id for event in events], dtype=np.int64)
        value = np.array([event.value for event in events], dtype=np.float64)
    chosen = np.isin(sensor, list(sensors)) & (at < end.timestamp())
    return _Readings(at=at[chosen], sensor=sensor[chosen], value=value[chosen])


def _sightings(readings: _Readings, sensors: Mapping[int, Sensor]) -> tuple[_Floats, _Codes]:
    ids = np.array(sorted(sensors), dtype=np.int64)
    if not len(readings.at):
        return np.empty(0), np.empty(0, dtype=np.int8)
    index = np.searchsorted(ids, readings.sensor)
    ordered = [sensors[int(i)] for i in ids]
    rooms = np.array([_CODE[place_of_room(sensor.room)] for sensor in ordered], dtype=np.int8)
    by_on = np.array([shows_a_person(sensor.kind, 1) for sensor in ordered])
    by_off = np.array([shows_a_person(sensor.kind, 0) for sensor in ordered])
    seen = np.where(readings.value > 0, by_on[index], by_off[index])
    return readings.at[seen], rooms[index][seen]


def _outings(times: _Floats, exits: _Floats, end: float) -> _Spans:
    """Rule 3."""
    if not len(times) or not len(exits):
        return []
    slack = DOOR_BEFORE_LEAVING.total_seconds()
    found = []
    later = np.append(times[1:], end)
    for index in np.flatnonzero(later - times >= OUT_AFTER.total_seconds()):
        quiet_from, quiet_until = float(times[index]), float(later[index])
        before = int(np.searchsorted(exits, quiet_from, side="right")) - 1
        after = int(np.searchsorted(exits, quiet_until, side="left"))
        left = before >= 0 and exits[before] >= quiet_from - slack
        is_open = index == len(times) - 1
        came_back = is_open or (after < len(exits) and exits[after] <= quiet_until + slack)
        if left and came_back:
            found.append((quiet_from, quiet_until))
    return found


def _pressed(mats: _Readings, elsewhere: _Floats, exits: _Floats, end: float) -> _Spans:
    """Rule 4: when any of these mats was pressed and believed, chatter bridged."""
    since: dict[int, float] = {}
    spans: _Spans = []
    for at, mat, value in zip(mats.at.tolist(), mats.sensor.tolist(), mats.value.tolist(), strict=True):
        if value > 0:
            since.setdefault(mat, at)
        elif mat in since:
            began = since.pop(mat)
            spans.append((began, _believed_until(began, at, elsewhere, exits)))
    spans += [(began, _believed_until(began, end, elsewhere, exits)) for began in since.values()]

    bridged: _Spans = []
    others = elsewhere.tolist()  # bisecting a list is ten times faster than asking numpy 18,000 times
    for first, last in sorted(spans):
        if bridged and _is_bridge(bridged[-1][1], first, others):
            bridged[-1] = (bridged[-1][0], max(bridged[-1][1], last))
        else:
            bridged.append((first, last))
    return bridged


def _believed_until(began: float, until: float, elsewhere: _Floats, exits: _Floats) -> float:
    until = min(until, began + MAT_AT_MOST.total_seconds())
    about = UP_AND_ABOUT.total_seconds()
    if until - began < about:
        return until
    first, last = (int(index) for index in np.searchsorted(elsewhere, (began, until)))
    if last <= first or elsewhere[last - 1] - elsewhere[first] < about:
        return until
    somebody_came = np.searchsorted(exits, began) < np.searchsorted(exits, elsewhere[first], side="right")
    return until if somebody_came else float(elsewhere[first])


def _is_bridge(left_at: float, back_at: float, elsewhere: list[float]) -> bool:
    if back_at - left_at >= MAT_BRIDGE.total_seconds():
        return False
    if back_at <= left_at:
        return True
    return bisect_left(elsewhere, left_at) == bisect_left(elsewhere, back_at)


def _uncovered(covered: Iterable[Interval], start: datetime, end: datetime) -> list[Interval]:
    """What is left of [start, end) outside the covered intervals (sorted, disjoint)."""
    gaps = []
    at = start
    for first, last in covered:
        if first > at:
            gaps.append((at, min(first, end)))
        at = max(at, last)
        if at >= end:
            break
    if at < end:
        gaps.append((at, end))
    return [(first, last) for first, last in gaps if first < last]


def _forget_after_blindness(grid: _Grid, codes: _Codes, times: _Floats, uncovered: list[Interval]) -> None:
    """Rule 6, second half."""
    for first, last in uncovered:
        if last - first >= BLIND_AT_MOST:
            seen_again = int(np.searchsorted(times, last.timestamp(), side="left"))
            until = float(times[seen_again]) if seen_again < len(times) else grid.end
            grid.paint(codes, [(last.timestamp(), until)], _NOT_KNOWN)

"""What an incident, and its technical twin, make of the rows. Pure: rows in, other rows out, in order of time.

The hub goes on checking in, and thermometers go on measuring: only what somebody causes is missing.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import timedelta

from anomaly.clock_bins import ClockBins
from anomaly.plan import HomePlan, Place
from anomaly.scorecard.incidents import Incident, IncidentKind, Twin, instant
from store.home import SensorKind
from store.recording import HUB, Row

LATER_BY = timedelta(minutes=90)
LATE_BY = timedelta(hours=3)  # of a late burst
_GOES_OFF = timedelta(seconds=60)  # a movement sensor that was on when nobody moved any more
_ABOUT_AT_NIGHT = (14.0, 20.0)  # civil hours of an ordinary day that are lived again at night
_MATS = (SensorKind.BED, SensorKind.CHAIR)


def happened(
    incident: Incident, rows: Sequence[Row], caused: Sequence[bool], plan: HomePlan, before: Sequence[Row]
) -> list[Row]:
    """The rows as they would have been. `caused` says which of them a person caused; `before`: the two days before."""
    at = instant(incident.at)
    if incident.kind.is_silent:
        left = [row for row, by_people in zip(rows, caused, strict=True) if row.at < at or not by_people]
        left += _comes_to_rest(incident, before, rows, plan)
    elif incident.kind is IncidentKind.UP_AT_NIGHT:
        left = list(_about_at_night(incident, rows, plan, before))
    elif incident.kind is IncidentKind.DOOR_AT_NIGHT:
        door = next(sensor.code for sensor in plan.sensors if sensor.is_exit)
        left = [row for row in rows if row.sensor != door or row.at >= at + timedelta(hours=1)]
        left += [Row(at=at + timedelta(seconds=s), sensor=door, value=v) for s, v in ((0, 1.0), (8, 0.0))]
    elif incident.kind is IncidentKind.LATER:
        left = [
            row._replace(at=row.at + LATER_BY) if by_people and row.at >= at else row
            for row, by_people in zip(rows, caused, strict=True)
        ]
        left = [row for row in left if row.at <= rows[-1].at]
    else:
        left = [*rows, *_more_visits(incident, rows, plan)]
    return sorted(left, key=lambda row: row.at)


def failed(twin: Twin, incident: Incident, rows: Sequence[Row], plan: HomePlan) -> tuple[list[Row], list[Row]]:
    """(what comes in time, what comes in one burst `LATE_BY` after the beginning)."""
    at = instant(incident.at)
    if twin is Twin.HUB_OFF:
        return [row for row in rows if row.at < at], []
    if twin is Twin.SENSOR_DEAD:
        dead = suspect(rows, plan, incident.seed)
        return [row for row in rows if row.sensor != dead or row.at < at], []
    held = [row for row in rows if at <= row.at < at + LATE_BY]
    return [row for row in rows if not at <= row.at < at + LATE_BY], held


def suspect(rows: Sequence[Row], plan: HomePlan, seed: int) -> str:
    """The sensor that dies: one of the three that say most."""
    sensors = {sensor.code for sensor in plan.sensors if not sensor.kind.is_measurement}
    said: dict[str, int] = {}
    for row in rows:
        if row.sensor in sensors:
            said[row.sensor] = said.get(row.sensor, 0) + 1
    busiest = sorted(said, key=lambda code: (-said[code], code))[:3]
    return random.Random(seed).choice(busiest) if busiest else ""


def _comes_to_rest(incident: Incident, before: Sequence[Row], rows: Sequence[Row], plan: HomePlan) -> Iterator[Row]:
    """A movement sensor goes off by itself; who falls leaves the mat, who stays in bed does not."""
    at = instant(incident.at)
    last = {row.sensor: row.value for row in (*before, *(row for row in rows if row.at < at))}
    for sensor in plan.sensors:
        if last.get(sensor.code) != 1.0:
            continue
        if sensor.kind in _MATS and incident.kind is not IncidentKind.NOT_UP:
            yield Row(at=at, sensor=sensor.code, value=0.0)
        elif sensor.kind in (SensorKind.MOTION, SensorKind.FLUSH, SensorKind.APPLIANCE):
            off = (row for row in rows if row.sensor == sensor.code and row.at >= at and row.value == 0.0)
            first = next(off, None)
            soon = at + _GOES_OFF
            yield Row(at=soon if first is None else min(soon, first.at), sensor=sensor.code, value=0.0)


def _about_at_night(incident: Incident, rows: Sequence[Row], plan: HomePlan, before: Sequence[Row]) -> Iterator[Row]:
    """An afternoon of the day before is lived again instead of the night; nobody goes out in it."""
    clock = ClockBins(plan.zone)
    at = instant(incident.at)
    sensors = {sensor.code: sensor for sensor in plan.sensors}
    until = at + timedelta(hours=_ABOUT_AT_NIGHT[1] - _ABOUT_AT_NIGHT[0])
    day = clock.at(incident.at - 12 * 3600.0)[2]
    source = instant(clock.instant(day, _ABOUT_AT_NIGHT[0]))
    for row in rows:
        if row.at < at or row.at >= until or row.sensor == HUB or sensors[row.sensor].kind.is_measurement:
            yield row
    last = {row.sensor: row.value for row in before}
    for sensor in plan.sensors:  # out of bed
        if sensor.kind in _MATS and last.get(sensor.code) == 1.0:
            yield Row(at=at, sensor=sensor.code, value=0.0)
    for row in before:
        moved = row.at - source
        if timedelta(0) <= moved < until - at and row.sensor != HUB:
            sensor = sensors[row.sensor]
            if not (sensor.is_exit or sensor.kind.is_measurement or sensor.kind is SensorKind.BED):
                yield row._replace(at=at + moved)


def _more_visits(incident: Incident, rows: Sequence[Row], plan: HomePlan) -> Iterator[Row]:
    """Two more visits to the bathroom every night: up from the bed, the bathroom for some minutes, back to bed."""
    rng = random.Random(incident.seed)
    clock = ClockBins(plan.zone)
    beds = [s.code for s in plan.sensors if s.kind is SensorKind.BED]
    there = [s for s in plan.sensors if s.place is Place.BATHROOM and not s.kind.is_measurement]
    moves = [s for s in there if s.kind is SensorKind.MOTION] or there[:1]
    midnight = clock.midnight_after(incident.at)
    while midnight < rows[-1].at.timestamp() - 7 * 3600.0:
        for _ in range(2):
            up = midnight + rng.uniform(0.5, 5.0) * 3600.0
            minutes = rng.uniform(3.0, 8.0)
            for code in beds[:1]:
                yield Row(at=instant(up), sensor=code, value=0.0)
                yield Row(at=instant(up + minutes * 60 + 60), sensor=code, value=1.0)
            for second in (20.0, 20.0 + minutes * 30):
                yield Row(at=instant(up + second), sensor=moves[0].code, value=1.0)
                yield Row(at=instant(up + second + 25), sensor=moves[0].code, value=0.0)
        midnight = clock.midnight_after(midnight + 3600.0)

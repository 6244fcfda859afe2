"""Faults that the equipment tells by itself: batteries, links, clocks, sensors lost or never placed. Pure.

Each decision takes what is known and the fault that is open, and says what has changed: a fault to raise, the same one
in a higher grade, in newer words, or over. Not here: faults that are found by missing something (`detectors`), and
reading and writing (`equipment_watch`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from anomaly import explain, signal
from anomaly.battery import Charge, forecast, since_replaced
from anomaly.signal import Reception
from store.deviation import Grade, finding_id
from store.equipment import HUB_ITSELF, BatteryForecast, EquipmentDay, Unplaced
from store.fault import Fault, FaultKind
from store.home import Home, Sensor
from store.hub import HubClock

BATTERY_LOW = 15  # percent; weeks, not months, are left
BATTERY_GOOD = 30  # percent; somebody has changed it
_NEARLY_EMPTY = 5  # percent; it may stop any day
_FORETOLD = timedelta(days=28)  # empty within: worth noting for the next visit
_FORETOLD_NO_MORE = timedelta(days=42)
_VISIT_ESSENTIAL = timedelta(days=14)  # empty within: worth a journey, if the home cannot be observed without it …
_VISIT = timedelta(days=7)  # … and for any other
LOST_AFTER = timedelta(hours=24)  # unavailable by its own bridge's word
CLOCK_WRONG = timedelta(minutes=2)  # believed skew; ingest corrects it, but a clock that drifts will be lost one day
_CLOCK_RIGHT = timedelta(minutes=1)
_CLOCK_FAR_OFF = timedelta(hours=1)
_IMPLAUSIBLE, _IMPLAUSIBLE_FOR = 3, timedelta(hours=24)  # readings whose time cannot be true, and how long they count
_UNPLACED_AFTER = timedelta(hours=1)  # whoever pairs a sensor places it on the same visit
_UNPLACED_TOO_LONG = timedelta(hours=24)
BY = "by"  # in the evidence: whose word it is
_BRIDGE = "bridge"


class Why(StrEnum):
    """Why a fault was raised, for its evidence."""

    LEVEL = "level"  # the charge is low
    FORECAST = "forecast"  # it is not yet, but falls
    UNREACHED = "unreached"
    WEAK = "weak"
    SKEW = "skew"
    IMPLAUSIBLE = "implausible"
    UNPLACED = "unplaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A sensor, or the hub itself."""

    id: int
    code: str
    name: str  # as it is told
    is_essential: bool
    battery_percent: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """All that the equipment of one home says of itself."""

    sensors: Sequence[Sensor]
    hub_battery_percent: int | None = None
    days: Sequence[EquipmentDay] = ()  # by part and day
    forecasts: Mapping[int, BatteryForecast] = field(default_factory=dict)  # by sensor id
    clock: HubClock | None = None  # of the hub as it runs now; None: as far as we know it is right
    unplaced: Sequence[Unplaced] = ()


def equipment_faults(home: Home, condition: Condition, open_: Sequence[Fault], *, now: datetime) -> Iterator[Fault]:
    """What has changed: faults to raise, to grade higher, to tell in newer words, and open ones that are over."""
    found = {(fault.kind, fault.sensor_id or HUB_ITSELF): fault for fault in open_}
    for part in _parts(condition):
        days = [day for day in condition.days if day.sensor_id == part.id]
        foretold = condition.forecasts.get(part.id)
        yield from _battery(home, part, days, foretold, found.get((FaultKind.BATTERY_LOW, part.id)), now=now)
        yield from _signal(home, part, days, found.get((FaultKind.WEAK_SIGNAL, part.id)), now=now)
    for sensor in condition.sensors:
        yield from _unreached(home, sensor, found.get((FaultKind.SENSOR_SILENT, sensor.id)), now=now)
    yield from _clock(home, condition.clock, found.get((FaultKind.CLOCK_WRONG, HUB_ITSELF)), now=now)
    yield from _unplaced(home, condition.unplaced, found.get((FaultKind.UNKNOWN_SENSOR, HUB_ITSELF)), now=now)


def is_by_bridge(fault: Fault) -> bool:
    """Was it found here, and not by the model?"""
    return fault.evidence.get(BY) == _BRIDGE


def forecasts_of(days: Sequence[EquipmentDay], *, today: date) -> dict[int, BatteryForecast]:
    """Of every part of which one can be made, by sensor id. `days` are in order."""
    made = {}
    for sensor_id in {each.sensor_id for each in days}:
        found = forecast(_charges([each for each in days if each.sensor_id == sensor_id]), today=today)
        if found is not None:
            made[sensor_id] = BatteryForecast(
                sensor_id=sensor_id, empty_on=found.empty_on, earliest=found.earliest, latest=found.latest,
                points_per_day=found.points_per_day, rests_on_days=found.rests_on_days,
            )  # fmt: skip
    return made


def _charges(days: Sequence[EquipmentDay]) -> list[Charge]:
    return [Charge(day=each.day, percent=each.battery_percent) for each in days if each.battery_percent is not None]


def forecast_words(found: BatteryForecast, *, today: date) -> str:
    """`empty in about 3 weeks, between 12 Mar and 2 Apr`: never more exact than it is."""
    left = (found.empty_on - today).days
    about = "today" if left < 1 else f"in about {left} days" if left < 14 else f"in about {round(left / 7)} weeks"
    if left > 70:
        about = f"in about {round(left / 30.4)} months"
    earliest = f"{found.earliest.day} {found.earliest:%b}"
    if found.latest is None:
        return f"empty {about}, at the earliest on {earliest}"
    return f"empty {about}, between {earliest} and {found.latest.day} {found.latest:%b}"


def _parts(condition: Condition) -> Iterator[Part]:
    yield Part(
        id=HUB_ITSELF, code="hub", name="The hub", is_essential=True, battery_percent=condition.hub_battery_percent
    )
    for sensor in condition.sensors:
        yield Part(
            id=sensor.id, code=sensor.code, name=f"Sensor {sensor.code}", is_essential=sensor.is_essential,
            battery_percent=sensor.battery_percent,
        )  # fmt: skip


def _battery(
    home: Home, part: Part, days: Sequence[EquipmentDay], foretold: BatteryForecast | None, open_: Fault | None, *,
    now: datetime,
) -> Iterator[Fault]:  # fmt: skip
    charges = _charges(days)
    percent = part.battery_percent if part.battery_percent is not None or not charges else charges[-1].percent
    if percent is None:
        return
    today = now.astimezone(ZoneInfo(home.time_zone)).date()
    left = None if foretold is None else foretold.empty_on - today
    if open_ is not None and percent >= BATTERY_GOOD and (left is None or left > _FORETOLD_NO_MORE):
        yield replace(open_, ended_at=now)
        return
    why = Why.LEVEL if percent <= BATTERY_LOW else Why.FORECAST if left is not None and left <= _FORETOLD else None
    if why is None and open_ is None:
        return
    visit = _VISIT_ESSENTIAL if part.is_essential else _VISIT
    is_pressing = percent <= _NEARLY_EMPTY or (left is not None and left <= visit)
    is_pressing |= part.is_essential and percent <= BATTERY_LOW
    text = f"{part.name}: {percent} % of its battery left"
    text += f", {forecast_words(foretold, today=today)}." if foretold is not None else "."
    evidence: dict[str, Any] = {"battery_percent": percent}
    if why is not None:
        evidence["why"] = why
    if foretold is not None:
        evidence |= {
            "empty_on": foretold.empty_on.isoformat(),
            "earliest": foretold.earliest.isoformat(),
            "latest": None if foretold.latest is None else foretold.latest.isoformat(),
            "points_per_day": round(foretold.points_per_day, 2),
            "rests_on_days": foretold.rests_on_days,
        }
    low = [charge.day for charge in since_replaced(charges) if charge.percent <= BATTERY_LOW]
    since = _midnight(home, low[0] if low else today)
    grade = Grade.ATTENTION if is_pressing else Grade.NOTICE
    yield _told(home, part, FaultKind.BATTERY_LOW, grade, text, evidence, open_, started_at=since, now=now)


def _signal(
    home: Home, part: Part, days: Sequence[EquipmentDay], open_: Fault | None, *, now: datetime
) -> Iterator[Fault]:
    link = signal.judged(days)
    if open_ is not None and link.reception is Reception.GOOD:
        yield replace(open_, ended_at=now)
    elif link.reception is Reception.WEAK and link.since is not None:
        unit = "dBm" if part.id == HUB_ITSELF else "of 255"
        hours = ", ".join(f"{hour:02d}:00" for hour in link.worst_hours)
        text = f"{part.name}: weak signal on most days, down to {link.weakest} {unit}, worst at {hours}."
        evidence = {"why": Why.WEAK, "weakest": link.weakest, "worst_hours": link.worst_hours}
        grade = Grade.ATTENTION if part.is_essential else Grade.NOTICE
        since = _midnight(home, link.since)
        yield _told(home, part, FaultKind.WEAK_SIGNAL, grade, text, evidence, open_, started_at=since, now=now)


def _unreached(home: Home, sensor: Sensor, open_: Fault | None, *, now: datetime) -> Iterator[Fault]:
    heard_at = sensor.last_heard_at or sensor.value_at
    is_lost = sensor.is_available is False and heard_at is not None and now - heard_at >= LOST_AFTER
    if open_ is None and is_lost and heard_at is not None:
        for_so_long = explain.duration((now - heard_at).total_seconds())
        part = Part(id=sensor.id, code=sensor.code, name="", is_essential=False, battery_percent=None)
        text = f"Sensor {sensor.code}: its bridge has not reached it for {for_so_long}."
        grade = Grade.ATTENTION if sensor.is_essential else Grade.NOTICE
        evidence = {"why": Why.UNREACHED}
        yield _told(home, part, FaultKind.SENSOR_SILENT, grade, text, evidence, None, started_at=heard_at, now=now)
    elif open_ is not None and is_by_bridge(open_) and sensor.is_available is not False:
        yield replace(open_, ended_at=now)


def _clock(home: Home, clock: HubClock | None, open_: Fault | None, *, now: datetime) -> Iterator[Fault]:
    off = timedelta(0) if clock is None or clock.measured_at is None else abs(clock.skew)
    said_at = None if clock is None else clock.implausible_at
    is_implausible = (
        clock is not None
        and said_at is not None
        and clock.implausible >= _IMPLAUSIBLE
        and now - said_at < _IMPLAUSIBLE_FOR
    )
    if open_ is not None and off <= _CLOCK_RIGHT and not is_implausible:
        yield replace(open_, ended_at=now)
        return
    if clock is None or not (off > CLOCK_WRONG or is_implausible):
        return
    part = Part(id=HUB_ITSELF, code="hub", name="", is_essential=True, battery_percent=None)
    if off > CLOCK_WRONG:
        which = "slow" if clock.skew > timedelta(0) else "fast"
        text = f"The hub's clock is {explain.duration(off.total_seconds())} {which}. Times are corrected on arrival."
        evidence: dict[str, Any] = {"why": Why.SKEW, "skew_seconds": round(clock.skew.total_seconds())}
    else:
        text = "The hub's clock says times that cannot be true. Readings are kept with the time of their arrival."
        evidence = {"why": Why.IMPLAUSIBLE}
        if clock.implausible_hub_at is not None:
            evidence["hub_said"] = clock.implausible_hub_at.isoformat()
    grade = Grade.ATTENTION if is_implausible or off > _CLOCK_FAR_OFF else Grade.NOTICE
    since = clock.measured_at or said_at or now
    yield _told(home, part, FaultKind.CLOCK_WRONG, grade, text, evidence, open_, started_at=since, now=now)


def _unplaced(home: Home, unplaced: Sequence[Unplaced], open_: Fault | None, *, now: datetime) -> Iterator[Fault]:
    waiting = [each for each in unplaced if now - each.since >= _UNPLACED_AFTER]
    if not waiting:
        if open_ is not None and not unplaced:
            yield replace(open_, ended_at=now)
        return
    part = Part(id=HUB_ITSELF, code="hub", name="", is_essential=False, battery_percent=None)
    codes = [each.code for each in waiting]
    some = "1 sensor reports" if len(codes) == 1 else f"{len(codes)} sensors report"
    listed = ", ".join(codes[:5]) + (" and others" if len(codes) > 5 else "")
    text = f"{some} and nobody has said where: {listed}. Nothing it says is used." if len(codes) == 1 else (
        f"{some} and nobody has said where: {listed}. Nothing they say is used."
    )  # fmt: skip
    since = min(each.since for each in waiting)
    grade = Grade.ATTENTION if now - since >= _UNPLACED_TOO_LONG else Grade.NOTICE
    evidence = {"why": Why.UNPLACED, "sensors": codes}
    yield _told(home, part, FaultKind.UNKNOWN_SENSOR, grade, text, evidence, open_, started_at=since, now=now)


def _told(
    home: Home, part: Part, kind: FaultKind, grade: Grade, text: str, evidence: dict[str, Any], open_: Fault | None, *,
    started_at: datetime, now: datetime,
) -> Fault:  # fmt: skip
    """The fault as it is to be told now: a new one, or the open one in newer words; its grade only rises."""
    evidence = {BY: _BRIDGE, "sensor": part.code, **evidence}
    if open_ is not None:
        rises = grade.rank > open_.grade.rank
        return replace(
            open_, grade=grade if rises else open_.grade, raised_at=now if rises else open_.raised_at,
            explanation=text, evidence=evidence,
        )  # fmt: skip
    return Fault(
        id=finding_id(home.code, f"{kind}/{part.code}", started_at),
        home_id=home.id,
        sensor_id=None if part.id == HUB_ITSELF else part.id,
        kind=kind,
        grade=grade,
        raised_at=now,
        started_at=started_at,
        ended_at=None,
        explanation=text,
        evidence=evidence,
    )


def _midnight(home: Home, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(home.time_zone))

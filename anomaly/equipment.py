"""Faults that the equipment tells by itself: a low battery, a sensor its bridge has lost. Pure, nothing learned."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from anomaly import explain
from store.deviation import Grade, finding_id
from store.fault import Fault, FaultKind
from store.home import Home, Sensor

BATTERY_LOW = 15  # percent; weeks, not months, are left
BATTERY_GOOD = 30  # percent; somebody has changed it
LOST_AFTER = timedelta(hours=24)  # unavailable by its own bridge's word
BY = "by"  # in the evidence: whose word it is
_BRIDGE = "bridge"


def equipment_faults(
    home: Home, sensors: Sequence[Sensor], open_: Sequence[Fault], *, now: datetime
) -> Iterator[Fault]:
    """What has changed: faults to raise, and open ones that are over."""
    found = {(fault.kind, fault.sensor_id): fault for fault in open_}
    for sensor in sensors:
        battery = found.get((FaultKind.BATTERY_LOW, sensor.id))
        percent = sensor.battery_percent
        if battery is None and percent is not None and percent <= BATTERY_LOW:
            text = f"Sensor {sensor.code}: {percent} % of its battery left."
            yield _fault(home, sensor, FaultKind.BATTERY_LOW, text, started_at=now, now=now)
        elif battery is not None and percent is not None and percent >= BATTERY_GOOD:
            yield replace(battery, ended_at=now)

        silent = found.get((FaultKind.SENSOR_SILENT, sensor.id))
        heard_at = sensor.last_heard_at or sensor.value_at
        is_lost = sensor.is_available is False and heard_at is not None and now - heard_at >= LOST_AFTER
        if silent is None and is_lost and heard_at is not None:
            for_so_long = explain.duration((now - heard_at).total_seconds())
            text = f"Sensor {sensor.code}: its bridge has not reached it for {for_so_long}."
            yield _fault(home, sensor, FaultKind.SENSOR_SILENT, text, started_at=heard_at, now=now)
        elif silent is not None and is_by_bridge(silent) and sensor.is_available is not False:
            yield replace(silent, ended_at=now)


def is_by_bridge(fault: Fault) -> bool:
    """Was it found here, and not by the model?"""
    return fault.evidence.get(BY) == _BRIDGE


def _fault(home: Home, sensor: Sensor, kind: FaultKind, text: str, *, started_at: datetime, now: datetime) -> Fault:
    return Fault(
        id=finding_id(home.code, f"{kind}/{sensor.code}", started_at),
        home_id=home.id,
        sensor_id=sensor.id,
        kind=kind,
        grade=Grade.ATTENTION if sensor.is_essential else Grade.NOTICE,
        raised_at=now,
        started_at=started_at,
        ended_at=None,
        explanation=text,
        evidence={BY: _BRIDGE, "sensor": sensor.code},
    )

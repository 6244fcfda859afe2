"""What a component of a Tasmota message means for each kind of sensor. Pure.

A component is a key of the message with what stands behind it: `Switch1` with `ON`, `ENERGY` with an object, a Zigbee
device with its attributes. On is 1 throughout, as `SensorKind` says; how a switch or contact turns into that stands in
`tasmota`. A key that is absent or null says nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingest.dialects.bridged import Found
from ingest.dialects.values import number, truth
from ingest.told import How
from store.home import SensorKind

_ALARM_1 = 1  # bit 0 of a Zigbee zone's status; bit 1 is a second alarm, 2 tamper, 3 the battery

# Kind -> the attributes that carry its state, best first. "!" means 1 is off: a mat's contact opens when nobody lies.
_STATE_KEYS: dict[SensorKind, tuple[str, ...]] = {
    SensorKind.MOTION: ("Occupancy", "Presence", "Motion", "ZoneStatusChange"),
    SensorKind.DOOR: ("Contact", "ZoneStatusChange", "Power"),
    SensorKind.BED: ("Occupancy", "!Contact", "ZoneStatusChange"),
    SensorKind.CHAIR: ("Occupancy", "!Contact", "ZoneStatusChange"),
    SensorKind.FLUSH: ("Vibration", "Contact", "ZoneStatusChange"),
    SensorKind.VIBRATION: ("Vibration", "ZoneStatusChange"),
    SensorKind.SOS: ("ZoneStatusChange",),
    SensorKind.SMOKE: ("Smoke", "Fire", "ZoneStatusChange"),
    SensorKind.FLOOD: ("Water", "ZoneStatusChange"),
    SensorKind.OTHER: ("Occupancy", "Contact", "ZoneStatusChange", "Power"),
}
_MEASURES: dict[SensorKind, tuple[str, ...]] = {
    SensorKind.TEMPERATURE: ("Temperature", "LocalTemperature"),
    SensorKind.HUMIDITY: ("Humidity",),
    SensorKind.ILLUMINANCE: ("Illuminance", "IlluminanceLux"),
    SensorKind.POWER: ("ActivePower", "Power"),
}
_PRESSED_KINDS = {SensorKind.SOS, SensorKind.VIBRATION, SensorKind.FLUSH, SensorKind.OTHER}
_PRESS_KEYS = ("Click", "Action", "AqaraVibrationMode")
_NO_PRESS = ("", "CLEAR", "ON", "OFF", "TOGGLE")  # "CLEAR" ends a long press

# What a component has -> what it is to whoever places it, best first.
_OFFERED = (
    ("Occupancy", SensorKind.MOTION),
    ("Presence", SensorKind.MOTION),
    ("Contact", SensorKind.DOOR),
    ("Smoke", SensorKind.SMOKE),
    ("Fire", SensorKind.SMOKE),
    ("Water", SensorKind.FLOOD),
    ("AqaraVibrationMode", SensorKind.VIBRATION),
    ("Click", SensorKind.SOS),
    ("ActivePower", SensorKind.APPLIANCE),
    ("Temperature", SensorKind.TEMPERATURE),
    ("Humidity", SensorKind.HUMIDITY),
    ("Illuminance", SensorKind.ILLUMINANCE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One key of a message and what stands behind it."""

    name: str
    value: Any
    is_fahrenheit: bool

    @property
    def properties(self) -> Mapping[str, Any]:
        """What stands behind it if that is an object, else nothing."""
        return self.value if isinstance(self.value, dict) else {}


def reading_value(kind: SensorKind, component: Component, suffix: str) -> Found:
    """What this component says for a sensor of this kind; `suffix` is what its code has after the component."""
    properties = component.properties
    if kind is SensorKind.APPLIANCE:
        return _in_use(component, suffix)
    if kind in _MEASURES:
        return _measured(kind, component, suffix)
    if not isinstance(component.value, dict):
        is_on = truth(component.value)
        return f"{component.name}: neither on nor off" if is_on is None else (float(is_on), How.STATE)
    for pattern in _STATE_KEYS[kind]:
        key = pattern.lstrip("!")
        if properties.get(key) is not None:
            is_on = _alarm(properties[key]) if key == "ZoneStatusChange" else truth(properties[key])
            if is_on is None:
                return f"{key}: neither 0 nor 1"
            return float(is_on != pattern.startswith("!")), How.STATE
    action = properties.get("Action")
    if action in ("ON", "OFF"):  # a switch that tells its state: {"Switch1": {"Action": "ON"}}
        return float(action == "ON"), How.STATE
    if kind in _PRESSED_KINDS and any(_is_press(properties.get(key)) for key in _PRESS_KEYS):
        return 1.0, How.PULSE
    if kind is SensorKind.SOS and properties.get("Power") is not None:
        return 1.0, How.PULSE  # a Zigbee button commands lamps: off, on or toggle, it was pressed
    return None


def kind_offered(component: Component, *, is_zigbee: bool) -> SensorKind | None:
    """What this component seems to be; None if it is nothing that could be placed, as a relay."""
    properties = component.properties
    for key, kind in _OFFERED:
        if key in properties:
            return kind
    if is_zigbee:
        return SensorKind.OTHER
    if component.name == "ENERGY":
        return SensorKind.APPLIANCE
    if component.name.startswith("Button"):
        return SensorKind.SOS
    return SensorKind.OTHER if component.name.startswith("Switch") else None


def _in_use(component: Component, suffix: str) -> Found:
    properties = component.properties
    if not isinstance(component.value, dict):
        is_on = truth(component.value)  # a relay or switch that somebody has placed as the appliance
        return f"{component.name}: neither on nor off" if is_on is None else (float(is_on), How.STATE)
    is_metered = properties.get("ActivePower") is not None
    if not is_metered and component.name != "ENERGY":
        is_on = truth(properties.get("Power"))  # the relay of a Zigbee plug
        return (0.0, How.STATE) if is_on is False else None
    found = _measured(SensorKind.POWER, component, suffix)
    return found if not isinstance(found, tuple) else (found[0], How.WATTS)


def _measured(kind: SensorKind, component: Component, suffix: str) -> Found:
    if not isinstance(component.value, dict):
        plain = number(component.value)
        return f"{component.name}: not a number" if plain is None else (plain, How.STATE)
    for key in _MEASURES[kind]:
        value = component.properties.get(key)
        if value is None or (key == "Power" and component.name != "ENERGY"):
            continue
        measured = _channel(value, suffix)
        if measured is None:
            return f"{component.name}.{key}: not a number"
        if kind is SensorKind.TEMPERATURE and component.is_fahrenheit:
            measured = (measured - 32) / 1.8
        return measured, How.STATE
    return None


def _channel(value: Any, suffix: str) -> float | None:
    """The number; of a meter with several channels the one that the code names, or all together."""
    if not isinstance(value, list):
        return number(value)
    if suffix.isdecimal():
        at = int(suffix[:4]) - 1
        return number(value[at]) if 0 <= at < len(value) else None
    channels = [number(one) for one in value]
    return number(sum(one for one in channels if one is not None)) if None not in channels and channels else None


def _alarm(status: Any) -> bool | None:
    return bool(status & _ALARM_1) if isinstance(status, int) and not isinstance(status, bool) else None


def _is_press(value: Any) -> bool:
    return isinstance(value, str) and value.upper() not in _NO_PRESS

"""What the keys of a Zigbee2MQTT payload mean for each kind of sensor. Pure.

On is 1 throughout, as `SensorKind` says. A contact's `true` means closed, which for a door is off and for a mat (closed
by whoever lies on it) is on. A key that is absent or null says nothing. A vibration sensor's `strength` and angles say
nothing either: they are repeated with every report, long after anybody moved.
"""

from collections.abc import Collection, Iterator
from typing import Any

from ingest.dialects.bridged import Found
from ingest.dialects.values import Properties, number, truth
from ingest.told import How
from store.home import SensorKind

# Kind -> the keys that carry its state, best first; "_x" stands for any key that ends so; "!" means true is off.
_STATE_KEYS: dict[SensorKind, tuple[str, ...]] = {
    SensorKind.MOTION: ("occupancy", "presence", "_occupancy", "_presence"),
    SensorKind.DOOR: ("!contact", "!_contact"),
    SensorKind.BED: ("occupancy", "presence", "_occupancy", "_presence", "contact", "_contact"),
    SensorKind.CHAIR: ("occupancy", "presence", "_occupancy", "_presence", "contact", "_contact"),
    SensorKind.FLUSH: ("vibration", "water_leak", "!contact", "!_contact"),
    SensorKind.VIBRATION: ("vibration",),
    SensorKind.SOS: ("sos", "emergency"),
    SensorKind.SMOKE: ("smoke", "_smoke"),
    SensorKind.FLOOD: ("water_leak", "_water_leak", "_leak"),
    SensorKind.OTHER: ("occupancy", "presence", "vibration", "!contact", "!_contact", "water_leak", "smoke", "state"),
}
_PULSES = {SensorKind.VIBRATION, SensorKind.SOS, SensorKind.FLUSH, SensorKind.OTHER}  # an `action` is one
_NUMBER_KEYS: dict[SensorKind, tuple[str, ...]] = {
    SensorKind.TEMPERATURE: ("temperature", "local_temperature"),
    SensorKind.HUMIDITY: ("humidity",),
    SensorKind.ILLUMINANCE: ("illuminance_lux", "illuminance"),
    SensorKind.POWER: ("power",),
}
_PLAIN_NAMES = tuple(
    dict.fromkeys(
        key.lstrip("!")
        for keys in (*_STATE_KEYS.values(), *_NUMBER_KEYS.values())
        for key in keys
        if not key.lstrip("!").startswith("_")
    )
)

# What a device offers -> what it is, best first.
_OFFERED = (
    ("occupancy", SensorKind.MOTION),
    ("presence", SensorKind.MOTION),
    ("contact", SensorKind.DOOR),
    ("smoke", SensorKind.SMOKE),
    ("water_leak", SensorKind.FLOOD),
    ("vibration", SensorKind.VIBRATION),
    ("power", SensorKind.APPLIANCE),
    ("temperature", SensorKind.TEMPERATURE),
    ("humidity", SensorKind.HUMIDITY),
    ("illuminance", SensorKind.ILLUMINANCE),
)


def property_names() -> tuple[str, ...]:
    """The properties that may stand behind a friendly name to make a code of their own."""
    return _PLAIN_NAMES


def reading_value(kind: SensorKind, properties: Properties, *, only: str | None = None) -> Found:
    """The value and how it becomes an event; None if these properties say none; a text, `key: what is wrong`.

    With `only`, nothing but that key is looked at: the sensor is one property of its device.
    """
    if only is not None:
        properties = {only: properties.get(only)}
    if kind is SensorKind.APPLIANCE:
        return _appliance(properties)
    if kind in _NUMBER_KEYS:
        for key in _NUMBER_KEYS[kind]:
            if properties.get(key) is not None:
                measured = number(properties[key])
                return f"{key}: not a number" if measured is None else (measured, How.STATE)
        return None
    for pattern in _STATE_KEYS.get(kind, ()):
        for key in _matching(pattern.lstrip("!"), properties):
            is_on = truth(properties[key])
            if is_on is None:
                return f"{key}: neither true nor false"
            return float(is_on != pattern.startswith("!")), How.STATE
    if kind in _PULSES and isinstance(properties.get("action"), str) and properties["action"]:
        return 1.0, How.PULSE  # "" and null are the bridge's way to end an action
    return None


def kind_offered(exposes: Any) -> SensorKind:
    """What a device is, by the properties it exposes; `other` if they do not tell."""
    return kind_of_names(set(_exposed(exposes)))


def kind_of_names(names: Collection[str]) -> SensorKind:
    """What a device is, by the names of the properties it has; `other` if they do not tell."""
    for name, kind in _OFFERED:
        if name in names or any(found.endswith(f"_{name}") for found in names):
            return kind
    return SensorKind.OTHER


def _appliance(properties: Properties) -> Found:
    state = truth(properties.get("state")) if properties.get("state") is not None else None
    if state is False:
        return 0.0, How.STATE  # switched off at the plug: nothing can be running
    if properties.get("power") is not None:
        watts = number(properties["power"])
        return "power: not a number" if watts is None else (watts, How.WATTS)
    # A topic that carries nothing but `state` is the switch of a plug that tells its power elsewhere.
    return (1.0, How.STATE) if state and len(properties) > 1 else None


def _matching(pattern: str, properties: Properties) -> Iterator[str]:
    for key, value in properties.items():
        if value is not None and (key.endswith(pattern) if pattern.startswith("_") else key == pattern):
            yield key


def _exposed(exposes: Any) -> Iterator[str]:
    if not isinstance(exposes, list):
        return
    for expose in exposes:
        if isinstance(expose, dict):
            if isinstance(expose.get("property"), str):
                yield expose["property"]
            yield from _exposed(expose.get("features"))

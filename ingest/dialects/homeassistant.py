"""Home Assistant's MQTT Statestream: every entity's state, and its attributes, as topics. Pure.

    <domain>/<object id>/state         the state as it stands: on, off, open, 21.5, unavailable, unknown
    <domain>/<object id>/<attribute>   an attribute as JSON: "motion", 87, {…} (publish_attributes: true)
    <domain>/<object id>/last_changed, …/last_updated      ISO 8601 (publish_timestamps: true); not used
    status                             online | offline: Home Assistant's birth and last will, if it is bridged here
    bridge/state                       online | offline | 1 | 0: of the home's own broker, where there is one

Anything may stand before the domain (a `base_topic` that is bridged with its name). A sensor's code is the entity id,
`binary_sensor.hall_motion`.

States: `unavailable` makes the sensor unavailable, `unknown` and an empty one say nothing, anything else makes it
available. on, open, true and 1 are on, whatever the device class; a `cover` that is opening or closing is still open.
An appliance is a number in W (`sensor.kettle_power`; not kW: the unit is a topic of its own and not looked at), a
switch, or a media player, in use while it is on, playing, paused or buffering. The state of an `event`, `button` or
`input_button` is the time of its last press: one event at that time, however often it is told. Numbers are taken as
they are: °C, %, lx, W.

A state in quotation marks is an attribute that is called `state` (home-assistant/core#11225): taken if it makes sense,
else passed over. From attributes come `battery`/`battery_level`, `linkquality`, `rssi` (dBm, by
`values.quality_of_dbm`) and, of an entity nobody has placed, `device_class` for the offer. Many devices have entities
of their own for that: `sensor.hall_motion_battery` (also `_linkquality`, `_lqi`, `_rssi`, `_signal_strength`) is news
of every sensor whose object id is `hall_motion` or begins with `hall_motion_`.

Offered are binary sensors, events and buttons, and sensors whose name ends in what they measure. Home Assistant knows
hundreds of other entities: choose with `include:` in its settings what is sent at all; the rest is passed over here.

Everything is published retained and without a usable time. So a state is an event only if it differs from the one
before, and counts as said when it arrived; also one that waited at home. Two deliveries of one message are told apart
from news by `ingest.repeats` and by the rules of `ingest.changes` only.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ingest.dialects.bridged import (
    Found,
    Message,
    offer,
    read_bridge_state,
    reject_unknown,
    sign_of_life,
    take,
)
from ingest.dialects.values import battery_percent, iso_time, link_quality, number, quality_of_dbm, truth
from ingest.payload import parse_json
from ingest.told import How, SensorNews, TimeLimits, Told, time_fault
from ingest.wire import Reason, Rejected
from store.home import SensorKind

_DOMAIN = re.compile(r"[a-z_]{1,40}")
_OBJECT = re.compile(r"[a-z0-9_]{1,200}")
_LONGEST_STATE = 255  # characters, by Home Assistant's own rule

_PRESS_DOMAINS = ("event", "button", "input_button")
_OPEN = ("opening", "closing")
_IN_USE = ("playing", "paused", "buffering")
_NOT_IN_USE = ("standby", "idle")
_MEASURES = (SensorKind.TEMPERATURE, SensorKind.HUMIDITY, SensorKind.ILLUMINANCE, SensorKind.POWER)
_BATTERY = ("_battery", "_battery_level")
_QUALITY = ("_linkquality", "_lqi")
_DBM = ("_rssi", "_signal_strength")

# Words of an object id or a device class -> what the entity is, best first.
_OFFERED = (
    (("motion", "occupancy", "presence", "pir", "moving"), SensorKind.MOTION),
    (("door", "window", "contact", "opening", "garage_door", "fridge", "drawer"), SensorKind.DOOR),
    (("smoke",), SensorKind.SMOKE),
    (("moisture", "leak", "flood", "water"), SensorKind.FLOOD),
    (("vibration",), SensorKind.VIBRATION),
    (("bed",), SensorKind.BED),
    (("chair", "seat", "sofa"), SensorKind.CHAIR),
    (("sos", "panic", "button"), SensorKind.SOS),
)
_MEASURED = {
    "temperature": SensorKind.TEMPERATURE,
    "humidity": SensorKind.HUMIDITY,
    "illuminance": SensorKind.ILLUMINANCE,
    "power": SensorKind.APPLIANCE,
}


def read(
    rest: str,
    payload: bytes,
    *,
    is_retained: bool,
    sensors: Mapping[str, SensorKind],
    received_at: datetime,
    limits: TimeLimits,
) -> Told:
    """What a message below `…/homeassistant/` told us, given the home's sensors by code. Never raises."""
    told = Told()
    if not payload:
        return told  # a cleared retained topic
    message = Message(
        rest=rest, payload=payload, is_retained=is_retained, sensors=sensors, received_at=received_at, limits=limits
    )
    parts = rest.split("/")
    if rest == "bridge/state" or (parts[-1] == "status" and len(parts) < 3):
        read_bridge_state(told, message)
    elif len(parts) < 3 or not _DOMAIN.fullmatch(parts[-3]) or not _OBJECT.fullmatch(parts[-2]):
        detail = f"topic: homeassistant/{rest[:80]!r} is not <domain>/<object id>/…"
        told.rejected.append(Rejected(reason=Reason.TOPIC, detail=detail))
    elif parts[-1] == "state":
        _read_state(told, message, parts[-3], parts[-2])
    else:
        _read_attribute(told, message, parts[-3], parts[-2], parts[-1])
    sign_of_life(told, message, received_at)
    return told


# States -------------------------------------------------------------------------------------


def _read_state(told: Told, message: Message, domain: str, object_id: str) -> None:
    code = f"{domain}.{object_id}"
    state, is_quoted = _text(message.payload)
    if state is None:
        detail = f"payload: more than {_LONGEST_STATE} characters, or not UTF-8"
        told.rejected.append(Rejected(reason=Reason.SHAPE, detail=detail))
    elif code in message.sensors:
        _take_state(told, message, code, state, is_quoted=is_quoted)
    elif not _take_news(told, message, domain, object_id, state):
        kind = _kind_offered(domain, object_id)
        if kind is not None:
            offer(told, code, kind)
            reject_unknown(told, message, code)


def _take_state(told: Told, message: Message, code: str, state: str, *, is_quoted: bool) -> None:
    word = state.strip().lower()
    if word == "unavailable":
        told.sensors.append(SensorNews(sensor=code, is_heard=False, is_available=False))
        return
    at, found = _value(message.sensors[code], code, word, state, message)
    if isinstance(found, str) and (word in ("unknown", "none", "") or is_quoted):
        return
    fault = time_fault(at, now=message.received_at, limits=message.limits)
    if fault is not None:
        told.rejected.append(Rejected(reason=fault[0], detail=f"payload: {fault[1]}"))
        return
    take(told, message, code, found, at=at)
    if not message.is_retained and not isinstance(found, str):
        told.sensors.append(SensorNews(sensor=code, is_available=True))


def _value(kind: SensorKind, code: str, word: str, state: str, message: Message) -> tuple[datetime, Found]:
    if code.startswith(tuple(f"{domain}." for domain in _PRESS_DOMAINS)):
        pressed_at = iso_time(state.strip())
        if pressed_at is None or kind.is_measurement:
            return message.received_at, "state: not the time of a press"
        return pressed_at, (1.0, How.PULSE)
    if kind in _MEASURES:
        measured = number(word)
        return message.received_at, "state: not a number" if measured is None else (measured, How.STATE)
    if kind is SensorKind.APPLIANCE:
        if word in _IN_USE or word in _NOT_IN_USE:
            return message.received_at, (float(word in _IN_USE), How.STATE)
        watts = number(word) if code.startswith("sensor.") else None
        if watts is not None:
            return message.received_at, (watts, How.WATTS)
    is_on = True if word in _OPEN else truth(word)
    return message.received_at, "state: neither on nor off" if is_on is None else (float(is_on), How.STATE)


def _text(payload: bytes) -> tuple[str | None, bool]:
    """The state, and whether it stood in quotation marks; None if it cannot be a state."""
    try:
        text = payload[: 4 * _LONGEST_STATE + 3].decode("utf-8")
    except UnicodeDecodeError:
        return None, False
    is_quoted = len(text) > 1 and text[0] == text[-1] == '"'
    if is_quoted:
        parsed = parse_json(payload)
        text = parsed if isinstance(parsed, str) else text[1:-1]
    return (text if len(text) <= _LONGEST_STATE else None), is_quoted


# Attributes, and entities that speak of others ----------------------------------------------


def _read_attribute(told: Told, message: Message, domain: str, object_id: str, attribute: str) -> None:
    code = f"{domain}.{object_id}"
    value: Any = None if len(message.payload) > _LONGEST_STATE else parse_json(message.payload)
    if isinstance(value, Rejected):
        return  # a time, or another attribute without quotation marks
    battery = battery_percent(value) if attribute in ("battery", "battery_level") else None
    quality = link_quality(value) if attribute == "linkquality" else None
    quality = quality_of_dbm(value) if attribute == "rssi" else quality
    if code in message.sensors:
        if battery is not None or quality is not None:
            told.sensors.append(
                SensorNews(sensor=code, is_heard=False, battery_percent=battery, signal_quality=quality)
            )
    elif attribute == "device_class" and isinstance(value, str) and domain in ("binary_sensor", "sensor"):
        kind = _MEASURED.get(value) if domain == "sensor" else _kind_of_words({value})
        if kind is not None:
            offer(told, code, kind)


def _take_news(told: Told, message: Message, domain: str, object_id: str, state: str) -> bool:
    """True if the entity is the battery or radio of others; their sensors then have the news."""
    stem = next((object_id.removesuffix(end) for end in (*_BATTERY, *_QUALITY, *_DBM) if object_id.endswith(end)), None)
    if domain != "sensor" or not stem:
        return domain == "binary_sensor" and object_id.endswith(("_battery", "_battery_low", "_update_available"))
    battery = battery_percent(state) if object_id.endswith(_BATTERY) else None
    quality = link_quality(state) if object_id.endswith(_QUALITY) else None
    quality = quality_of_dbm(state) if object_id.endswith(_DBM) else quality
    for code in message.sensors:
        other = code.partition(".")[2]
        if (other == stem or other.startswith(f"{stem}_")) and (battery is not None or quality is not None):
            told.sensors.append(
                SensorNews(sensor=code, is_heard=False, battery_percent=battery, signal_quality=quality)
            )
    return True


def _kind_offered(domain: str, object_id: str) -> SensorKind | None:
    """What the entity seems to be; None if nobody would place it."""
    if domain == "sensor":
        return next((kind for word, kind in _MEASURED.items() if object_id.endswith(f"_{word}")), None)
    if domain in _PRESS_DOMAINS:
        return SensorKind.SOS if domain != "button" else None  # a `button` is one that Home Assistant presses
    if domain != "binary_sensor":
        return None
    return _kind_of_words({object_id, *object_id.split("_")}) or SensorKind.OTHER


def _kind_of_words(words: set[str]) -> SensorKind | None:
    return next((kind for known, kind in _OFFERED if words.intersection(known)), None)

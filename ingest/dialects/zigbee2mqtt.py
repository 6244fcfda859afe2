"""Zigbee2MQTT as it publishes: what of it is a reading, a check-in, news of a device. Pure.

A sensor's code is the device's friendly name; a second value of the same device is `<friendly name>/<property>`, for
example `Hall motion/temperature`. Devices leave out keys, repeat them, put `contact` under another name
(`garage_door_contact`), give numbers as text and say an action by JSON and on a topic of its own: all of that is usual
and none of it is rejected. What the values mean is in `zigbee2mqtt_values`.

Two settings of the bridge matter: `advanced.last_seen: ISO_8601`, because without it a message that waited at home
counts as heard when it arrives; and `advanced.output: json`, because attribute topics (`<name>/contact` with `true`)
carry no time. Both are read all the same.

A message that the broker delivers a second time after we were killed is told from news in three ways: by its time,
where it has one; by `ingest.repeats`, if the broker delivers it under the same packet id; and by the rules of
`ingest.changes`, which drop a state that is the same as the last. What is left: a bridge without `last_seen` behind a
broker that gives new packet ids to repeated messages, and one whose own broker sends again what it had sent already.
There on/off/on, stored but not yet answered when we were killed, is stored twice.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ingest.dialects.bridged import (
    Message,
    offer,
    read_bridge_state,
    reject_unknown,
    sign_of_life,
    state_of,
    take,
)
from ingest.dialects.values import Properties, battery_percent, iso_time, link_quality, unix_time
from ingest.dialects.zigbee2mqtt_values import kind_of_names, kind_offered, property_names, reading_value
from ingest.payload import MAX_READINGS, parse_json
from ingest.told import CheckIn, SensorNews, TimeLimits, Told, time_fault
from ingest.wire import Reason, Rejected
from store.home import SensorKind
from store.hub import HubState

_AVAILABILITY = "/availability"
_COMMANDS = ("/set", "/get")
_LARGEST_MS = 1e15  # of `last_seen`, far beyond any year


def read(
    rest: str,
    payload: bytes,
    *,
    is_retained: bool,
    sensors: Mapping[str, SensorKind],
    received_at: datetime,
    limits: TimeLimits,
) -> Told:
    """What a message below `…/zigbee2mqtt/` told us, given the home's sensors by code. Never raises."""
    told = Told()
    if not payload or rest.endswith(_COMMANDS) or "/set/" in rest:
        return told  # a cleared retained topic, or somebody's command to a device
    message = Message(
        rest=rest, payload=payload, is_retained=is_retained, sensors=sensors, received_at=received_at, limits=limits
    )
    at: datetime | None = received_at
    if rest.startswith("bridge/"):
        _read_bridge(told, message, rest.removeprefix("bridge/"))
    elif rest.endswith(_AVAILABILITY):
        _read_availability(told, message, rest.removesuffix(_AVAILABILITY))
    else:
        at = _read_device(told, message)
    if at is not None:
        sign_of_life(told, message, at)
    return told


# Devices ------------------------------------------------------------------------------------


def _read_device(told: Told, message: Message) -> datetime | None:
    """Read a device's state; the time at which its bridge was alive, or None if that cannot be said."""
    rest, sensors = message.rest, message.sensors
    parsed = parse_json(message.payload)
    codes = _codes_of(rest, sensors)
    if isinstance(parsed, dict) and codes:
        properties: Properties = parsed
    else:
        device, _, attribute = rest.rpartition("/")
        above = _codes_of(device, sensors)
        if not above:
            _refuse(told, message, parsed, is_known=bool(codes))
            return message.received_at
        codes = above
        text = message.payload[:200].decode("utf-8", "replace")
        rest, properties = device, {attribute: text if isinstance(parsed, Rejected) else parsed}
    at = _last_seen(properties.get("last_seen")) or message.received_at
    fault = time_fault(at, now=message.received_at, limits=message.limits)
    if fault is not None:
        told.rejected.append(Rejected(reason=fault[0], detail=f"payload.last_seen: {fault[1]}"))
        return None
    battery, quality = battery_percent(properties.get("battery")), link_quality(properties.get("linkquality"))
    for code in codes:
        only = code.removeprefix(rest).removeprefix("/") or None
        found = reading_value(sensors[code], properties, only=only)
        take(told, message, code, found, at=at, battery_percent=battery, signal_quality=quality)
    return at


def _refuse(told: Told, message: Message, parsed: Any, *, is_known: bool) -> None:
    """A device nobody has placed, which is then offered too, or a payload that says nothing of a known one."""
    if message.is_retained:
        return  # it comes again with each subscription
    if isinstance(parsed, Rejected) and (is_known or parsed.reason is Reason.TOO_LARGE):
        told.rejected.append(parsed)
    elif is_known:
        told.rejected.append(Rejected(reason=Reason.SHAPE, detail="payload: not an object"))
    else:
        reject_unknown(told, message, message.rest)
        device, _, attribute = message.rest.rpartition("/")
        if isinstance(parsed, dict):
            offer(told, message.rest, kind_of_names(parsed.keys()))
        elif device and attribute in property_names():
            offer(told, device, kind_of_names([attribute]))


def _codes_of(device: str, sensors: Mapping[str, SensorKind]) -> list[str]:
    """The codes under which this home knows the device: its friendly name, and that with a property."""
    if not device:
        return []
    codes = [f"{device}/{name}" for name in property_names() if f"{device}/{name}" in sensors]
    return [device, *codes] if device in sensors else codes


def _read_availability(told: Told, message: Message, device: str) -> None:
    state = state_of(message.payload)
    if state is None:
        told.rejected.append(Rejected(reason=Reason.SHAPE, detail="payload: neither online nor offline"))
        return
    told.sensors.extend(
        SensorNews(sensor=code, is_heard=False, is_available=state is HubState.ONLINE)
        for code in _codes_of(device, message.sensors)
    )  # the availability of a device nobody has placed is no news


def _last_seen(value: Any) -> datetime | None:
    """The time of `last_seen` in any of the bridge's three forms, or None if there is no such time."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return unix_time(value / 1_000) if abs(value) <= _LARGEST_MS else None
    return iso_time(value)


# The bridge itself --------------------------------------------------------------------------


def _read_bridge(told: Told, message: Message, topic: str) -> None:
    if topic == "state":
        read_bridge_state(told, message)
    elif topic == "health" and not message.is_retained:
        _read_health(told, message)
    elif topic == "devices":
        _read_devices(told, message.payload)


def _read_health(told: Told, message: Message) -> None:
    """The bridge's own regular report; `response_time` is its clock in milliseconds."""
    health = parse_json(message.payload)
    if not isinstance(health, dict):
        told.rejected.append(
            health if isinstance(health, Rejected) else Rejected(reason=Reason.SHAPE, detail="payload: not an object")
        )
        return
    at = _last_seen(health.get("response_time")) or message.received_at
    fault = time_fault(at, now=message.received_at, limits=message.limits)
    if fault is not None:
        told.rejected.append(Rejected(reason=fault[0], detail=f"payload.response_time: {fault[1]}"))
        return
    mqtt = health.get("mqtt")
    queued = mqtt.get("queued") if isinstance(mqtt, dict) else None
    is_count = isinstance(queued, int) and not isinstance(queued, bool) and 0 <= queued < 2**31
    told.check_ins.append(CheckIn(at=at, state=HubState.CHECKIN, backlog=queued if is_count else 0))


def _read_devices(told: Told, payload: bytes) -> None:
    """The list of paired devices: each is offered to whoever sets up the home."""
    devices = parse_json(payload)
    if not isinstance(devices, list):
        told.rejected.append(
            devices if isinstance(devices, Rejected) else Rejected(reason=Reason.SHAPE, detail="payload: not a list")
        )
        return
    for device in devices[:MAX_READINGS]:
        if not isinstance(device, dict) or device.get("type") == "Coordinator":
            continue
        name = device.get("friendly_name")
        if isinstance(name, str):
            definition = device.get("definition")
            described = definition if isinstance(definition, dict) else {}
            model = described.get("model")
            kind = kind_offered(described.get("exposes"))
            offer(told, name, kind, model=model if isinstance(model, str) else "")

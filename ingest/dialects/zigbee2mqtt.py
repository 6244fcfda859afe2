"""Zigbee2MQTT as it publishes: what of it is a reading, a check-in, news of a device. Pure.

A sensor's code is the device's friendly name; a second value of the same device is `<friendly name>/<property>`, for
example `Hall motion/temperature`. Devices leave out keys, repeat them, put `contact` under another name
(`garage_door_contact`), give numbers as text and say an action by JSON and on a topic of its own: all of that is usual
and none of it is rejected. What the values mean is in `zigbee2mqtt_values`.

Two settings of the bridge matter: `advanced.last_seen: ISO_8601`, because without it a message that waited at home
counts as heard when it arrives, and a repeated delivery cannot be told from news; and `advanced.output: json`, because
attribute topics carry no time.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ingest.dialects.zigbee2mqtt_values import (
    Properties,
    battery_percent,
    kind_offered,
    link_quality,
    property_names,
    reading_value,
)
from ingest.payload import MAX_READINGS, parse_json
from ingest.told import CheckIn, How, Offer, Reading, SensorNews, TimeLimits, Told, time_fault
from ingest.wire import Reason, Rejected
from store.home import SensorKind
from store.hub import HubState

_AVAILABILITY = "/availability"
_COMMANDS = ("/set", "/get")


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
    if rest.startswith("bridge/"):
        _read_bridge(told, rest.removeprefix("bridge/"), payload, is_retained, received_at, limits)
    elif rest.endswith(_AVAILABILITY):
        _read_availability(told, rest.removesuffix(_AVAILABILITY), payload, sensors)
    else:
        at = _read_device(told, rest, payload, is_retained, sensors, received_at, limits)
        if at is not None:
            _sign_of_life(told, at, is_retained)
        return told
    if not told.rejected and not told.check_ins:
        _sign_of_life(told, received_at, is_retained)
    return told


def _sign_of_life(told: Told, at: datetime, is_retained: bool) -> None:
    if not is_retained:
        told.check_ins.append(CheckIn(at=at, state=HubState.CHECKIN, is_stated=False))


# Devices ------------------------------------------------------------------------------------


def _read_device(
    told: Told,
    rest: str,
    payload: bytes,
    is_retained: bool,
    sensors: Mapping[str, SensorKind],
    received_at: datetime,
    limits: TimeLimits,
) -> datetime | None:
    """Read a device's state; the time at which its bridge was alive, or None if that cannot be said."""
    parsed = parse_json(payload)
    if isinstance(parsed, dict) and _codes_of(rest, sensors):
        device, properties = rest, parsed
    else:
        device, _, attribute = rest.rpartition("/")
        if not _codes_of(device, sensors):
            if not is_retained:  # else it comes again with each subscription
                told.rejected.append(_unreadable(rest, parsed, sensors))
            return received_at
        text = payload[:200].decode("utf-8", "replace")
        properties = {attribute: text if isinstance(parsed, Rejected) else parsed}
    at = _last_seen(properties.get("last_seen")) or received_at
    fault = time_fault(at, now=received_at, limits=limits)
    if fault is not None:
        told.rejected.append(Rejected(reason=fault[0], detail=f"payload.last_seen: {fault[1]}"))
        return None
    for code in _codes_of(device, sensors):
        _read_sensor(told, code, sensors[code], device, properties, at, is_retained)
    return at


def _unreadable(rest: str, parsed: Any, sensors: Mapping[str, SensorKind]) -> Rejected:
    if isinstance(parsed, Rejected) and (parsed.reason is Reason.TOO_LARGE or _codes_of(rest, sensors)):
        return parsed
    if _codes_of(rest, sensors):
        return Rejected(reason=Reason.SHAPE, detail="payload: not an object")
    return Rejected(reason=Reason.UNKNOWN_SENSOR, detail=f"topic: no sensor {rest[:80]!r} in this home")


def _codes_of(device: str, sensors: Mapping[str, SensorKind]) -> list[str]:
    """The codes under which this home knows the device: its friendly name, and that with a property."""
    if not device:
        return []
    codes = [f"{device}/{name}" for name in property_names() if f"{device}/{name}" in sensors]
    return [device, *codes] if device in sensors else codes


def _read_sensor(
    told: Told, code: str, kind: SensorKind, device: str, properties: Properties, at: datetime, is_retained: bool
) -> None:
    only = code.removeprefix(device).removeprefix("/") or None
    found = reading_value(kind, properties, only=only)
    initial: float | None = None
    if isinstance(found, str):
        told.rejected.append(Rejected(reason=Reason.VALUE, detail=f"payload.{found}"))
    elif found is not None:
        value, how = found
        if not is_retained:
            told.readings.append(Reading(sensor=code, value=value, at=at, how=how))
        elif how is How.STATE:
            initial = value
    told.sensors.append(
        SensorNews(
            sensor=code,
            is_heard=not is_retained,
            battery_percent=battery_percent(properties.get("battery")),
            signal_quality=link_quality(properties.get("linkquality")),
            initial_value=initial,
        )
    )


def _read_availability(told: Told, device: str, payload: bytes, sensors: Mapping[str, SensorKind]) -> None:
    state = _state_word(payload)
    if state is None:
        told.rejected.append(Rejected(reason=Reason.SHAPE, detail="payload: neither online nor offline"))
        return
    told.sensors.extend(
        SensorNews(sensor=code, is_heard=False, is_available=state == "online") for code in _codes_of(device, sensors)
    )  # the availability of a device nobody has placed is no news


def _last_seen(value: Any) -> datetime | None:
    """The time of `last_seen` in any of the bridge's three forms, or None if there is no such time."""
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            return at.astimezone(UTC) if at.tzinfo is not None else None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)
    except (ValueError, OverflowError):
        pass
    return None


# The bridge itself --------------------------------------------------------------------------


def _read_bridge(
    told: Told, topic: str, payload: bytes, is_retained: bool, received_at: datetime, limits: TimeLimits
) -> None:
    if topic == "state":
        state = _state_word(payload)
        if state is None:
            told.rejected.append(Rejected(reason=Reason.SHAPE, detail="payload: neither online nor offline"))
        else:
            told.check_ins.append(CheckIn(at=received_at, state=HubState(state), is_retained=is_retained))
    elif topic == "health" and not is_retained:
        _read_health(told, payload, received_at, limits)
    elif topic == "devices":
        _read_devices(told, payload)


def _state_word(payload: bytes) -> str | None:
    """`online` or `offline`, plain as older bridges say it or as JSON; None if it is neither."""
    parsed = parse_json(payload)
    word = parsed.get("state") if isinstance(parsed, dict) else parsed
    if isinstance(parsed, Rejected):
        word = payload[:20].decode("utf-8", "replace").strip()
    return word if isinstance(word, str) and word in ("online", "offline") else None


def _read_health(told: Told, payload: bytes, received_at: datetime, limits: TimeLimits) -> None:
    """The bridge's own regular report; `response_time` is its clock in milliseconds."""
    health = parse_json(payload)
    if not isinstance(health, dict):
        told.rejected.append(
            health if isinstance(health, Rejected) else Rejected(reason=Reason.SHAPE, detail="payload: not an object")
        )
        return
    at = _last_seen(health.get("response_time")) or received_at
    fault = time_fault(at, now=received_at, limits=limits)
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
        if isinstance(name, str) and 0 < len(name) <= 128 and name.isprintable():
            definition = device.get("definition")
            described = definition if isinstance(definition, dict) else {}
            model = described.get("model")
            told.offers.append(
                Offer(
                    code=name,
                    kind=kind_offered(described.get("exposes")),
                    model=model if isinstance(model, str) and len(model) <= 128 and model.isprintable() else "",
                )
            )

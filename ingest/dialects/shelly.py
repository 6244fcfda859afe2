"""Shelly devices of the second generation and later (Plus, Pro, Gen3, Gen4), as they publish over MQTT. Pure.

    <device>/events/rpc            {"src": …, "dst": …, "method": M, "params": {"ts": Unix seconds, …}}
        M = NotifyStatus           params hold the components that changed, each with the attributes that changed:
                                   "switch:0": {"id": 0, "apower": 11.5}
        M = NotifyFullStatus       the same with every component: after waking up or connecting
        M = NotifyEvent            params.events: [{"component": "input:0", "event": "single_push", "ts": …}, …]
    <device>/status/<component>    one component's whole status, without a time ("Generic status update over MQTT")
    <device>/online                true | false; false is the last will
    bridge/state                   online | offline | 1 | 0: of the home's own broker, where there is one

`<device>` is the "MQTT prefix" of the device's settings and may hold slashes. Commands and answers (`<device>/rpc`,
`<device>/command…`, `<device>/debug/…`) say no more than that the device is there. Any other topic is refused, those of
the first generation (`shellies/…`) among them, so that the installer sees that something is set up wrongly.

A sensor's code is `<device>/<component>`: `kettle/switch:0`, `hall/input:1`. One more part without a colon may follow
when two sensors share a component (`kettle/switch:0/watts`). A Bluetooth sensor behind a Shelly (BLU door, motion,
button) is a component of its own, `hall/bthomesensor:200`; name its device too,
`hall/bthomedevice:200/bthomesensor:200`, and battery and radio strength of that device reach the sensor. What is read,
by component:

    switch, pm1, em, em1, light   apower (act_power, total_act_power) in W; output false: what is plugged in is off
    input        state true: the circuit is closed. A door is then closed (as with any contact), anything else is on.
                 Buttons have no state but events: btn_down, single_push, double_push, triple_push, long_push
    bthomesensor, presencezone     value: true, 1 or "open": on (a BTHome door or window says 1 when it is open)
    smoke, flood                   alarm
    temperature.tC, humidity.rh, illuminance.lux
    devicepower                    battery.percent, unless the device hangs on external power
    wifi.rssi, bthomedevice.rssi   dBm, as `values.quality_of_dbm` turns it into 0–255

`ts` is the device's clock; before 2020 it has not been set, and our receipt time counts. Leave the generic status off
(it is off when new): it tells the same changes a second time without their time. A notification without a time that is
delivered twice is told from news by `ingest.repeats` and by the rules of `ingest.changes` only.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ingest.dialects.bridged import (
    Found,
    Message,
    has_too_many,
    offer,
    read_bridge_state,
    reject_unknown,
    sign_of_life,
    take,
)
from ingest.dialects.values import battery_percent, number, quality_of_dbm, truth, unix_time
from ingest.payload import parse_json
from ingest.told import How, SensorNews, TimeLimits, Told, time_fault
from ingest.wire import Reason, Rejected
from store.home import SensorKind

Status = Mapping[str, Any]

_CLOCK_SET = datetime(2020, 1, 1, tzinfo=UTC)  # the first of these devices is younger
_NOTIFIES_STATUS = ("NotifyStatus", "NotifyFullStatus")
_PRESSES = ("btn_down", "single_push", "double_push", "triple_push", "long_push")
_PRESSED_KINDS = {SensorKind.SOS, SensorKind.OTHER, SensorKind.VIBRATION, SensorKind.FLUSH}

_WATTS = ("apower", "act_power", "total_act_power")
_STATES = ("state", "value", "alarm")  # of input; bthomesensor and presencezone; smoke and flood
_MEASURES: dict[SensorKind, tuple[str, ...]] = {
    SensorKind.TEMPERATURE: ("tC", "value"),
    SensorKind.HUMIDITY: ("rh", "value"),
    SensorKind.ILLUMINANCE: ("lux", "value"),
    SensorKind.POWER: (*_WATTS, "value"),
}

# Component -> what it is to whoever places it. A bthomesensor could be anything: its status does not say.
_OFFERED = {
    "switch": SensorKind.APPLIANCE,
    "pm1": SensorKind.APPLIANCE,
    "input": SensorKind.OTHER,
    "bthomesensor": SensorKind.OTHER,
    "presencezone": SensorKind.MOTION,
    "smoke": SensorKind.SMOKE,
    "flood": SensorKind.FLOOD,
    "temperature": SensorKind.TEMPERATURE,
    "humidity": SensorKind.HUMIDITY,
    "illuminance": SensorKind.ILLUMINANCE,
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
    """What a message below `…/shelly/` told us, given the home's sensors by code. Never raises."""
    told = Told()
    if not payload:
        return told  # a cleared retained topic
    message = Message(
        rest=rest, payload=payload, is_retained=is_retained, sensors=sensors, received_at=received_at, limits=limits
    )
    at: datetime | None = received_at
    device, _, last = rest.rpartition("/")
    above, _, word = device.rpartition("/")
    if rest == "bridge/state":
        read_bridge_state(told, message)
    elif last == "online" and device:
        at = received_at if _read_online(told, message, device) else None
    elif word == "events" and last == "rpc" and above:
        at = _read_notification(told, message, above)
    elif word == "status" and above and (":" in last or last == "wifi"):
        _read_status(told, message, above, {last: _parsed(told, message)}, at=received_at)
    elif rest.startswith("shellies/") or not _is_quiet(device, word, last):
        told.rejected.append(Rejected(reason=Reason.TOPIC, detail=f"topic: shelly/{rest[:80]!r} is not known"))
    if at is not None:
        sign_of_life(told, message, at)
    return told


def _is_quiet(device: str, word: str, last: str) -> bool:
    """Whether this is a topic of the grammar that says nothing about a sensor: a command, an answer, a log line."""
    return bool(device) and (last in ("rpc", "command", "announce") or word in ("status", "command", "debug"))


def _parsed(told: Told, message: Message) -> Any:
    value = parse_json(message.payload)
    if isinstance(value, Rejected):
        told.rejected.append(value)
        return None
    if not isinstance(value, dict):
        told.rejected.append(Rejected(reason=Reason.SHAPE, detail="payload: not an object"))
        return None
    return value


def _read_online(told: Told, message: Message, device: str) -> bool:
    """Read it; false if it is no sign of life: a last will is published by a broker, perhaps by ours."""
    is_online = {b"true": True, b"false": False}.get(message.payload.strip().lower())
    if is_online is None:
        told.rejected.append(Rejected(reason=Reason.SHAPE, detail="payload: neither true nor false"))
        return True
    told.sensors.extend(
        SensorNews(sensor=code, is_heard=False, is_available=is_online) for code, _ in _of_device(message, device)
    )
    return is_online


# Notifications ------------------------------------------------------------------------------


def _read_notification(told: Told, message: Message, device: str) -> datetime | None:
    """Read it; the time at which the device was alive, or None if that cannot be said."""
    frame = _parsed(told, message)
    if frame is None:
        return message.received_at
    params, method = frame.get("params"), frame.get("method")
    if method not in (*_NOTIFIES_STATUS, "NotifyEvent"):
        return message.received_at  # an answer to somebody's question
    if not isinstance(params, dict):
        told.rejected.append(Rejected(reason=Reason.SHAPE, detail="payload.params: not an object"))
        return message.received_at
    at = _time(told, message, params.get("ts"), "payload.params.ts")
    if at is None:
        return None
    if has_too_many(told, params, "payload.params"):
        return at
    if method == "NotifyEvent":
        _read_events(told, message, device, params.get("events"), at)
    else:
        _read_status(told, message, device, params, at=at)
    return at


def _time(told: Told, message: Message, value: Any, place: str) -> datetime | None:
    at = unix_time(value)
    if at is None or at < _CLOCK_SET:
        return message.received_at
    fault = time_fault(at, now=message.received_at, limits=message.limits)
    if fault is not None:
        told.rejected.append(Rejected(reason=fault[0], detail=f"{place}: {fault[1]}"))
        return None
    return at


def _read_events(told: Told, message: Message, device: str, events: Any, at: datetime) -> None:
    if not isinstance(events, list):
        told.rejected.append(Rejected(reason=Reason.SHAPE, detail="payload.params.events: not a list"))
        return
    if has_too_many(told, events, "payload.params.events"):
        return
    placed = _of_device(message, device)
    for index, event in enumerate(events):
        if not isinstance(event, dict) or event.get("event") not in _PRESSES:
            continue  # settings changed, firmware loaded, energy counted
        component = event.get("component")
        if not isinstance(component, str):
            continue
        pressed_at = (
            _time(told, message, event.get("ts"), f"payload.params.events[{index}].ts") if "ts" in event else at
        )
        if pressed_at is None:
            continue
        codes = [code for code, parts in placed if _component_of(parts) == component]
        for code in codes:
            is_press = message.sensors[code] in _PRESSED_KINDS
            take(told, message, code, (1.0, How.PULSE) if is_press else None, at=pressed_at)
        if not codes:
            offer(told, f"{device}/{component}", SensorKind.SOS)
            if not placed:
                reject_unknown(told, message, f"{device}/{component}")


# Status -------------------------------------------------------------------------------------


def _read_status(told: Told, message: Message, device: str, components: Mapping[str, Any], *, at: datetime) -> None:
    placed = _of_device(message, device)
    known = {_component_of(parts) for _, parts in placed}
    for code, parts in placed:
        status = components.get(_component_of(parts))
        found = _value(message.sensors[code], _component_of(parts), status) if isinstance(status, dict) else None
        battery, quality = _news_of(components, parts)
        if isinstance(status, dict) or battery is not None or quality is not None:
            take(told, message, code, found, at=at, battery_percent=battery, signal_quality=quality)
    unplaced = [name for name in components if name not in known and _is_sensor(name, components[name])]
    for name in unplaced:
        offer(told, f"{device}/{name}", _OFFERED[name.partition(":")[0]])
    if unplaced and not placed:
        reject_unknown(told, message, f"{device}/{unplaced[0]}")


def _value(kind: SensorKind, component: str, status: Status) -> Found:
    """What this status says for a sensor of this kind."""
    if kind is SensorKind.APPLIANCE:
        return _in_use(status)
    if kind in _MEASURES:
        for key in _MEASURES[kind]:
            if status.get(key) is not None:
                measured = number(status[key])
                return f"{key}: not a number" if measured is None else (measured, How.STATE)
        return None
    for key in (*_STATES, *(("output",) if kind is SensorKind.OTHER else ())):
        if status.get(key) is not None:
            is_on = truth(status[key])
            if is_on is None:
                return f"{key}: neither true nor false"
            is_contact = kind is SensorKind.DOOR and component.startswith("input:")
            return float(is_on != is_contact), How.STATE
    return None


def _in_use(status: Status) -> Found:
    if status.get("output") is False:
        return 0.0, How.STATE  # switched off at the plug: nothing can be running
    for key in _WATTS:
        if status.get(key) is not None:
            watts = number(status[key])
            return f"{key}: not a number" if watts is None else (watts, How.WATTS)
    for key in _STATES:
        if status.get(key) is not None:
            is_on = truth(status[key])
            return f"{key}: neither true nor false" if is_on is None else (float(is_on), How.STATE)
    return None


def _news_of(components: Mapping[str, Any], parts: list[str]) -> tuple[int | None, int | None]:
    """Battery and radio of what a sensor hangs on: its BTHome device if its code names one, else the Shelly itself."""
    bluetooth = next((part for part in parts if part.startswith("bthomedevice:")), None)
    if bluetooth is not None:
        of_device = _part(components, bluetooth)
        return battery_percent(of_device.get("battery")), quality_of_dbm(of_device.get("rssi"))
    if any(part.startswith("bthomesensor:") for part in parts):
        return None, None  # neither the Shelly's battery nor its Wi-Fi is this sensor's
    power = _part(components, "devicepower:0")
    is_external = _part(power, "external").get("present") is True
    charge = None if is_external else battery_percent(_part(power, "battery").get("percent"))
    return charge, quality_of_dbm(_part(components, "wifi").get("rssi"))


def _part(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def _is_sensor(name: str, status: Any) -> bool:
    """Whether this component could be placed: a relay without a meter, for one, could not."""
    kind, colon, _ = name.partition(":")
    if not colon or kind not in _OFFERED or not isinstance(status, dict):
        return False
    return kind not in ("switch", "pm1") or any(key in status for key in _WATTS)


# Codes --------------------------------------------------------------------------------------


def _of_device(message: Message, device: str) -> list[tuple[str, list[str]]]:
    """The home's sensors on this device: their codes, and what follows the device's name in parts."""
    return list(_codes(message.sensors, f"{device}/"))


def _codes(sensors: Mapping[str, SensorKind], prefix: str) -> Iterator[tuple[str, list[str]]]:
    for code in sensors:
        if code.startswith(prefix):
            parts = code[len(prefix) :].split("/")
            if ":" in parts[0]:  # else it is of another device, whose name goes on
                yield code, parts


def _component_of(parts: list[str]) -> str:
    """The component whose status is this sensor's: the last part that has a colon."""
    return next((part for part in reversed(parts) if ":" in part), "")

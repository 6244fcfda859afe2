"""Tasmota devices as they publish over MQTT, also as a bridge for Zigbee devices (Zigbee2Tasmota). Pure.

    tele/<device>/SENSOR   {"Time": …, "Switch1": "ON", "ENERGY": {"Power": 11, …}, "AM2301": {"Temperature": 21.5, …}}
                           or {"ZbReceived": {"0x5FA7": {"Device": "0x5FA7", "Name": "Hall door", "Contact": 1, …}}}
    tele/<device>/STATE    {"Time": …, "POWER": "OFF", "Wifi": {"RSSI": 44, "Signal": -78, …}, …}
    tele/<device>/LWT      Online | Offline (the last will)
    stat/<device>/RESULT   {"POWER": "ON"}, {"Switch1": {"Action": "ON"}}, {"Button1": {"Action": "SINGLE"}}, …
    stat/<device>/POWER    ON | OFF, likewise POWER1 …, and SWITCH1 … where that is switched on
    bridge/state           online | offline | 1 | 0: of the home's own broker, where there is one

The other order, `<device>/tele/SENSOR` (FullTopic %topic%/%prefix%/), is read as well, and `<device>` may hold slashes.
Commands (`cmnd/…`) say nothing; other news (INFO1, STATUS, UPTIME …, discovery) only that the device is there; any
other topic is refused.

A sensor's code is `<device>/<component>`, the component being the key as Tasmota writes it: `kettle/ENERGY`,
`hall/Switch1`, `bath/AM2301`. One more part may follow when two sensors share a component (`bath/AM2301/Humidity`);
for a meter with several channels it is the number of the channel (`board/ENERGY/2`), without it they are added up.
A Zigbee device's code is `<bridge>/<its name>`, or `<bridge>/0x5FA7` while it has none: short addresses change when a
device is paired again, so name it (ZbName), and not in capitals only, as Tasmota's own components are. It makes no
difference which of SetOption83, 89, 100, 118 and 119 are set.

What the values mean: `ON` and 1 are on. Whether a switch says `ON` when its circuit is open or closed depends on wiring
and SwitchMode; choose it (1, or 2 to turn it round) so that `ON` is an open door or an occupied mat. Zigbee's `Contact`
and bit 0 of `ZoneStatusChange` are 1 when the door is open; the same bit is smoke, water or movement on other sensors.
`Power` of a Zigbee plug is its relay, `ActivePower` its watts.
`TempUnit` F is turned into °C. Wi-Fi's `Signal` (dBm) becomes 0–255 by `values.quality_of_dbm`. ZbInfo is what the
bridge remembers of a device, so it is taken like a retained state: never an event.

Tasmota's `Time` has no offset from UTC as a rule, so that it could be any hour: then our receipt time counts, and a
message that waited at home counts as said when it arrived. A message that is delivered twice is told from news by
`ingest.repeats` and by the rules of `ingest.changes` only.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ingest.dialects.bridged import (
    Message,
    has_too_many,
    offer,
    read_bridge_state,
    reject_unknown,
    sign_of_life,
    state_of,
    take,
)
from ingest.dialects.tasmota_values import Component, kind_offered, reading_value
from ingest.dialects.values import battery_percent, iso_time, link_quality, quality_of_dbm, truth
from ingest.payload import parse_json
from ingest.told import SensorNews, TimeLimits, Told, time_fault
from ingest.wire import Reason, Rejected
from store.home import SensorKind
from store.hub import HubState

_PREFIXES = ("tele", "stat", "cmnd")
_DISCOVERY = ("tasmota/discovery/", "homeassistant/")
_READ = ("SENSOR", "STATE", "RESULT", "ZbReceived")
_SCALARS = re.compile(r"(POWER|SWITCH|BUTTON)[0-9]{0,2}")
_OWN = re.compile(r"(Switch|Button)[0-9]*|[A-Z][A-Z0-9_.-]*")  # a component of the device itself
_NO_COMPONENTS = ("Time", "TempUnit", "PressureUnit", "SpeedUnit", "Wifi", "ZbReceived", "ZbInfo")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """One component of one message, and where it hangs."""

    code: str
    component: Component
    is_zigbee: bool = False
    is_remembered: bool = False


def read(
    rest: str,
    payload: bytes,
    *,
    is_retained: bool,
    sensors: Mapping[str, SensorKind],
    received_at: datetime,
    limits: TimeLimits,
) -> Told:
    """What a message below `…/tasmota/` told us, given the home's sensors by code. Never raises."""
    told = Told()
    if not payload:
        return told  # a cleared retained topic
    message = Message(
        rest=rest, payload=payload, is_retained=is_retained, sensors=sensors, received_at=received_at, limits=limits
    )
    prefix, device, what = _parts(rest)
    at: datetime | None = received_at
    if rest == "bridge/state":
        read_bridge_state(told, message)
    elif prefix == "cmnd":
        return told
    elif what == "LWT" and device:
        at = received_at if _read_will(told, message, device) else None
    elif what in _READ and device:
        at = _read_object(told, message, device, is_zigbee_only=what == "ZbReceived")
    elif device and _SCALARS.fullmatch(what):
        _read_scalar(told, message, device, what)
    elif not device and not rest.startswith(_DISCOVERY):
        told.rejected.append(Rejected(reason=Reason.TOPIC, detail=f"topic: tasmota/{rest[:80]!r} is not known"))
    if at is not None:
        sign_of_life(told, message, at)
    return told


def _parts(rest: str) -> tuple[str, str, str]:
    """Prefix, device and last part of the topic; an empty device if it is not of the grammar."""
    parts = rest.split("/")
    if len(parts) >= 3 and parts[0] in _PREFIXES:
        return parts[0], "/".join(parts[1:-1]), parts[-1]
    if len(parts) >= 3 and parts[-2] in _PREFIXES:
        return parts[-2], "/".join(parts[:-2]), parts[-1]
    return "", "", ""


def _read_will(told: Told, message: Message, device: str) -> bool:
    """Read it; false if it is no sign of life: a last will is published by a broker, perhaps by ours."""
    state = state_of(message.payload)
    if state is None:
        told.rejected.append(Rejected(reason=Reason.SHAPE, detail="payload: neither Online nor Offline"))
        return True
    prefix = f"{device}/"
    told.sensors.extend(
        SensorNews(sensor=code, is_heard=False, is_available=state is HubState.ONLINE)
        for code in message.sensors
        if code.startswith(prefix)
    )
    return state is HubState.ONLINE


def _read_scalar(told: Told, message: Message, device: str, what: str) -> None:
    """`stat/<device>/POWER1`: told once more in RESULT, so nothing is lost if nobody has placed it."""
    text = message.payload[:40].decode("utf-8", "replace").strip()
    name = what if what.startswith("POWER") else what.capitalize()
    component = Component(name=name, value=text, is_fahrenheit=False)
    for code, suffix in _codes_of(message, f"{device}/{name}"):
        take(told, message, code, reading_value(message.sensors[code], component, suffix), at=message.received_at)


# Objects ------------------------------------------------------------------------------------


def _read_object(told: Told, message: Message, device: str, *, is_zigbee_only: bool) -> datetime | None:
    """Read it; the time at which the device was alive, or None if that cannot be said."""
    said = parse_json(message.payload)
    if isinstance(said, Rejected):
        told.rejected.append(said)
        return message.received_at
    if not isinstance(said, dict):
        told.rejected.append(Rejected(reason=Reason.SHAPE, detail="payload: not an object"))
        return message.received_at
    at = iso_time(said.get("Time")) or message.received_at
    fault = time_fault(at, now=message.received_at, limits=message.limits)
    if fault is not None:
        told.rejected.append(Rejected(reason=fault[0], detail=f"payload.Time: {fault[1]}"))
        return None
    for held in (said, said.get("ZbReceived"), said.get("ZbInfo")):
        if isinstance(held, dict) and has_too_many(told, held, "payload"):
            return at
    own = [] if is_zigbee_only else list(_own(device, said))
    _take_own(told, message, own, at)
    _take_signal(told, message, device, said.get("Wifi"))
    for one in _zigbee(device, {"ZbReceived": said} if is_zigbee_only else said):
        _take_zigbee(told, message, one, at)
    unplaced = _offer(told, message, own)
    if unplaced is not None and not _has_any(message, device):
        reject_unknown(told, message, unplaced)
    return at


def _take_own(told: Told, message: Message, own: list[_Told], at: datetime) -> None:
    for one in own:
        for code, suffix in _codes_of(message, one.code):
            take(told, message, code, reading_value(message.sensors[code], one.component, suffix), at=at)


def _take_signal(told: Told, message: Message, device: str, wifi: Any) -> None:
    """The device's Wi-Fi is that of its own sensors, not of Zigbee devices behind it."""
    quality = quality_of_dbm(wifi.get("Signal")) if isinstance(wifi, dict) else None
    if quality is None:
        return
    prefix = f"{device}/"
    told.sensors.extend(
        SensorNews(sensor=code, is_heard=False, signal_quality=quality)
        for code in message.sensors
        if code.startswith(prefix) and _OWN.fullmatch(code[len(prefix) :].partition("/")[0])
    )


def _take_zigbee(told: Told, message: Message, one: _Told, at: datetime) -> None:
    properties = one.component.properties
    codes = list(_codes_of(message, one.code))
    for code, suffix in codes:
        take(
            told,
            message,
            code,
            reading_value(message.sensors[code], one.component, suffix),
            at=at,
            battery_percent=battery_percent(properties.get("BatteryPercentage")),
            signal_quality=link_quality(properties.get("LinkQuality")),
            is_remembered=one.is_remembered,
        )
        is_reachable = truth(properties.get("Reachable"))
        if one.is_remembered and is_reachable is not None:
            told.sensors.append(SensorNews(sensor=code, is_heard=False, is_available=is_reachable))
    if not codes:
        unplaced = _offer(told, message, [one])
        if not one.is_remembered:
            reject_unknown(told, message, unplaced or one.code)


def _offer(told: Told, message: Message, components: list[_Told]) -> str | None:
    """Offer those that are not placed; the code of the first of them."""
    first = None
    for one in components:
        kind = kind_offered(one.component, is_zigbee=one.is_zigbee)
        if kind is not None and not any(_codes_of(message, one.code)):
            model = one.component.properties.get("ModelId")
            offer(told, one.code, kind, model=model if isinstance(model, str) else "")
            first = first or one.code
    return first


def _own(device: str, said: Mapping[str, Any]) -> Iterator[_Told]:
    """The device's own components: its switches, buttons, meters and sensors."""
    is_fahrenheit = said.get("TempUnit") == "F"
    for key, value in said.items():
        if key not in _NO_COMPONENTS and value is not None and not _is_zigbee(value):
            yield _Told(code=f"{device}/{key}", component=Component(name=key, value=value, is_fahrenheit=is_fahrenheit))


def _zigbee(bridge: str, said: Mapping[str, Any]) -> Iterator[_Told]:
    """The Zigbee devices that the message speaks of, in any of the forms that the bridge's options allow."""
    for holder in ("ZbReceived", "ZbInfo", ""):
        held = said.get(holder) if holder else {key: it for key, it in said.items() if key not in _NO_COMPONENTS}
        if not isinstance(held, dict):
            continue
        for properties in (held,) if _is_zigbee(held) else held.values():
            if not _is_zigbee(properties):
                continue
            name, address = properties.get("Name"), properties["Device"]
            label = name.strip() if isinstance(name, str) and name.strip() else address
            yield _Told(
                code=f"{_above(bridge, label, address)}/{label}",
                component=Component(name=label, value=properties, is_fahrenheit=False),
                is_zigbee=True,
                is_remembered=holder == "ZbInfo",
            )


def _above(bridge: str, label: str, address: str) -> str:
    """The bridge's own name where its options have added the Zigbee device's to the topic (SetOption89)."""
    above, _, last = bridge.rpartition("/")
    return above if above and last in (label, address, address.removeprefix("0x")) else bridge


def _is_zigbee(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("Device"), str) and value["Device"].startswith("0x")


# Codes --------------------------------------------------------------------------------------


def _codes_of(message: Message, component_code: str) -> Iterator[tuple[str, str]]:
    """The home's sensors on this component: their codes, and what follows the component ("" if nothing does)."""
    if component_code in message.sensors:
        yield component_code, ""
    prefix = f"{component_code}/"
    for code in message.sensors:
        if code.startswith(prefix) and "/" not in code[len(prefix) :]:
            yield code, code[len(prefix) :]


def _has_any(message: Message, device: str) -> bool:
    return any(code.startswith(f"{device}/") for code in message.sensors)

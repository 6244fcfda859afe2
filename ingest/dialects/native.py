"""The native hub's payloads: what they are, how they are written, how they are read. Pure.

    native/events    one reading or a list of them, oldest first:
                     {"boot": "b7", "seq": 17, "sensor": "M001", "value": true, "at": "2026-11-23T06:50:01.250Z"}
    native/checkin   {"boot": "b7", "at": "…", "uptime_s": 3600, "backlog": 0, "battery": 100, "signal": -61}
                     published after everything that happened before `at`; only `at` is required; a hub that catches
                     up may send a list of them, oldest first
    native/status    {"state": "online" | "offline", "boot": "b7", "at": "…"}; "offline" is also the last will, which
                     carries no `at` (the hub wrote it when it connected), so that our receipt time counts
    acks/{home}      ours to the hub: {"boot": "b7", "seq": 17}, everything from 1 to 17 is committed

`boot` is new each time the hub loses its counter; `seq` counts its readings from 1 without a gap. A reading whose
`boot` and `seq` can be read is answered even if the rest of it is rejected: it is durably kept as rejected, and a hub
that went on sending it would never be rid of it. So one bad reading neither blocks its hub nor the readings beside it.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    TypeAdapter,
    ValidationError,
)

from ingest.payload import MAX_READINGS, parse_json
from ingest.told import CheckIn, How, Reading, TimeLimits, Told, time_fault
from ingest.wire import Reason, Rejected
from store.hub import HubState

EVENTS, CHECK_IN, STATUS = "events", "checkin", "status"  # the rest of the topic

_MAX_SEQ = 2**63 - 2  # its successor still fits a bigint


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("not printable")
    return text


def _written(at: object) -> object:
    if not isinstance(at, datetime) and not (isinstance(at, str) and "T" in at):
        raise ValueError("neither date nor number is a time")
    return at


_Code = Annotated[str, Field(strict=True, min_length=1, max_length=128), AfterValidator(_printable)]
_Boot = Annotated[str, Field(strict=True, min_length=1, max_length=64), AfterValidator(_printable)]
_Time = Annotated[AwareDatetime, BeforeValidator(_written)]


class NativeReading(BaseModel):
    """One numbered reading of a native hub."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    boot: _Boot
    seq: int = Field(ge=1, le=_MAX_SEQ, strict=True)
    sensor: _Code
    value: StrictBool | Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e12, le=1e12)]
    at: _Time


class NativeCheckIn(BaseModel):
    """The hub says that it is alive, after everything that happened before `at`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    boot: _Boot | None = None
    at: _Time
    uptime_s: float | None = None
    backlog: int = Field(default=0, ge=0, le=2**31 - 1)  # readings it still holds
    battery: int | None = Field(default=None, ge=0, le=100)  # percent
    signal: int | None = Field(default=None, ge=-200, le=100)  # dBm


class NativeStatus(BaseModel):
    """The hub's connection begins, or has ended."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: Literal["online", "offline"]
    boot: _Boot | None = None
    at: _Time | None = None


class Ack(BaseModel):
    """Everything of this boot from 1 to `seq` is committed."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    boot: str
    seq: int = Field(ge=0)


# What a wrong field should have been, for whoever looks at the rejected message.
_SHOULD_BE = {
    "boot": "not 1 to 64 printable characters",
    "seq": "not a whole number from 1",
    "sensor": "not 1 to 128 printable characters",
    "value": "not true, false or a number",
    "at": "not a time with its offset from UTC",
    "backlog": "not a whole number from 0",
    "battery": "not a percentage",
    "signal": "not dBm",
    "state": "neither online nor offline",
}

_READINGS = TypeAdapter(list[NativeReading])
_CHECK_INS = TypeAdapter(list[NativeCheckIn])


def encode_readings(readings: Sequence[NativeReading]) -> bytes:
    """The payload of `native/events`: one object, or a list of them."""
    if len(readings) == 1:
        return readings[0].model_dump_json().encode()
    return _READINGS.dump_json(list(readings))


def encode_check_in(check_in: NativeCheckIn) -> bytes:
    """The payload of `native/checkin`."""
    return check_in.model_dump_json(exclude_none=True).encode()


def encode_check_ins(check_ins: Sequence[NativeCheckIn]) -> bytes:
    """The payload of `native/checkin` of a hub that catches up: several, oldest first."""
    return _CHECK_INS.dump_json(list(check_ins), exclude_none=True)


def encode_status(status: NativeStatus) -> bytes:
    """The payload of `native/status`."""
    return status.model_dump_json(exclude_none=True).encode()


def encode_ack(ack: Ack) -> bytes:
    """The payload of `acks/{home}`."""
    return ack.model_dump_json().encode()


def decode_ack(payload: bytes) -> Ack | None:
    """The acknowledgement, or None if it cannot be read: the hub then waits for the next."""
    try:
        return Ack.model_validate_json(payload)
    except ValidationError:
        return None


def read(rest: str, payload: bytes, *, is_retained: bool, received_at: datetime, limits: TimeLimits) -> Told:
    """What a message of a native hub told us. Never raises."""
    told = Told()
    value = parse_json(payload)
    if isinstance(value, Rejected):
        told.rejected.append(value)
    elif rest == EVENTS:
        _read_events(told, value, received_at, limits)
    elif rest == CHECK_IN:
        _read_check_ins(told, value, received_at, limits)
    elif rest == STATUS:
        _read_status(told, value, is_retained, received_at, limits)
    else:
        told.rejected.append(Rejected(reason=Reason.TOPIC, detail=f"topic: native/{rest[:40]} is not known"))
    return told


def _read_events(told: Told, value: Any, received_at: datetime, limits: TimeLimits) -> None:
    if not isinstance(value, list):
        _read_one(told, value, "payload", False, received_at, limits)
        return
    if len(value) > MAX_READINGS:
        detail = f"payload: {len(value)} readings, more than {MAX_READINGS}"
        told.rejected.append(Rejected(reason=Reason.TOO_LARGE, detail=detail))
        return
    for index, element in enumerate(value):
        _read_one(told, element, f"payload[{index}]", True, received_at, limits)


def _read_one(told: Told, element: Any, place: str, is_part: bool, received_at: datetime, limits: TimeLimits) -> None:
    try:
        native = NativeReading.model_validate(element)
    except ValidationError as exc:
        boot, seq = _number_of(element)
        if boot is not None:
            told.boots.add(boot)
        fault = (Reason.SHAPE, _wording(exc, place))
    else:
        boot, seq = native.boot, native.seq
        told.boots.add(boot)
        late_or_early = time_fault(native.at, now=received_at, limits=limits)
        if late_or_early is None:
            told.readings.append(
                Reading(
                    sensor=native.sensor, value=float(native.value), at=native.at, how=How.EVENT, boot=boot, seq=seq
                )
            )
            return
        fault = (late_or_early[0], f"{place}.at: {late_or_early[1]}")
    part = _encode(element) if is_part else None
    told.rejected.append(Rejected(reason=fault[0], detail=fault[1], part=part, boot=boot, seq=seq))


def _read_check_ins(told: Told, value: Any, received_at: datetime, limits: TimeLimits) -> None:
    if not isinstance(value, list):
        _read_check_in(told, value, "payload", False, received_at, limits)
        return
    if len(value) > MAX_READINGS:
        detail = f"payload: {len(value)} check-ins, more than {MAX_READINGS}"
        told.rejected.append(Rejected(reason=Reason.TOO_LARGE, detail=detail))
        return
    for index, element in enumerate(value):
        _read_check_in(told, element, f"payload[{index}]", True, received_at, limits)


def _read_check_in(
    told: Told, value: Any, place: str, is_part: bool, received_at: datetime, limits: TimeLimits
) -> None:
    part = _encode(value) if is_part else None
    try:
        native = NativeCheckIn.model_validate(value)
    except ValidationError as exc:
        told.rejected.append(Rejected(reason=Reason.SHAPE, detail=_wording(exc, place), part=part))
        return
    if native.boot is not None:
        told.boots.add(native.boot)
    fault = time_fault(native.at, now=received_at, limits=limits)
    if fault is not None:
        told.rejected.append(Rejected(reason=fault[0], detail=f"{place}.at: {fault[1]}", part=part))
        return
    told.check_ins.append(
        CheckIn(
            at=native.at,
            state=HubState.CHECKIN,
            backlog=native.backlog,
            battery_percent=native.battery,
            signal_dbm=native.signal,
        )
    )


def _read_status(told: Told, value: Any, is_retained: bool, received_at: datetime, limits: TimeLimits) -> None:
    try:
        native = NativeStatus.model_validate(value)
    except ValidationError as exc:
        told.rejected.append(Rejected(reason=Reason.SHAPE, detail=_wording(exc, "payload")))
        return
    at = native.at or received_at
    fault = time_fault(at, now=received_at, limits=limits)
    if fault is not None:
        told.rejected.append(Rejected(reason=fault[0], detail=f"payload.at: {fault[1]}"))
        return
    told.check_ins.append(CheckIn(at=at, state=HubState(native.state), is_retained=is_retained))


def _number_of(element: Any) -> tuple[str | None, int | None]:
    """`boot` and `seq` of a reading that is otherwise wrong, or neither."""
    if not isinstance(element, dict):
        return None, None
    boot, seq = element.get("boot"), element.get("seq")
    if (
        isinstance(boot, str)
        and 0 < len(boot) <= 64
        and boot.isprintable()
        and type(seq) is int
        and 0 < seq <= _MAX_SEQ
    ):
        return boot, seq
    return None, None


def _wording(exc: ValidationError, place: str) -> str:
    error = exc.errors(include_url=False, include_context=False, include_input=False)[0]
    name = str(error["loc"][0]) if error["loc"] else ""
    if not name:
        return f"{place}: not an object"
    if error["type"] == "missing":
        return f"{place}.{name}: missing"
    return f"{place}.{name}: {_SHOULD_BE.get(name, 'wrong')}"


def _encode(element: Any) -> bytes:
    return json.dumps(element, ensure_ascii=True).encode()

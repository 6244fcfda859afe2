"""The native hub's payloads: what they are, how they are written, how they are read. Pure.

    native/events    one reading or a list of them, oldest first:
                     {"boot": "b7", "seq": 17, "sensor": "M001", "value": true, "at": "2026-11-23T06:50:01.250Z"}
    native/checkin   {"boot": "b7", "seq": 17, "at": "…", "sent": "…", "uptime_s": 3600, "backlog": 0, "battery": 100,
                     "signal": -61}; `at` is when it was taken, `sent` when it is published, both by the hub's clock:
                     so it is told how late it is, whatever that clock is worth. Published after everything that
                     happened before `at`, which is every reading up to `seq`. Only `at` is required; without `sent` it
                     counts as sent when taken. A hub that catches up may send a list of them, oldest first
    native/status    {"state": "online" | "offline", "boot": "b7", "at": "…", "sent": "…"}; "offline" is also the last
                     will, which carries no time (the hub wrote it when it connected), so that our receipt time counts
    native/lost      {"boot": "b7", "spans": [[17, 40], [44, 44]], "from": "…", "until": "…"}: these readings were
                     thrown away by a hub whose disk was full, and will never come
    acks/{home}      ours to the hub: {"boot": "b7", "seq": 17}, everything from 1 to 17 is committed

`boot` is new each time the hub loses its counter; `seq` counts its readings from 1 without a gap. They need not come
in that order: an alarm overtakes what waits. A reading whose
`boot` and `seq` can be read is answered even if the rest of it is rejected: it is durably kept as rejected, and a hub
that went on sending it would never be rid of it. So one bad reading neither blocks its hub nor the readings beside it.
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
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

from ingest.dialects.native_quick import read_reading
from ingest.payload import MAX_READINGS, parse_json
from ingest.told import CheckIn, How, Lost, Reading, Told
from ingest.wire import Reason, Rejected
from store.hub import HubState

EVENTS, CHECK_IN, STATUS, LOST = "events", "checkin", "status", "lost"  # the rest of the topic

_MOST_LOST = 100_000_000  # readings: more than any hub has ever counted
_MAX_SEQ = 2**63 - 2  # its successor still fits a bigint


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("not printable")
    return text


def _in_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as exc:  # the last evening of the year 9999, west of Greenwich
        raise ValueError("not a time in UTC") from exc


def _written(at: object) -> object:
    if not isinstance(at, datetime) and not (isinstance(at, str) and "T" in at):
        raise ValueError("neither date nor number is a time")
    return at


_Code = Annotated[str, Field(strict=True, min_length=1, max_length=128), AfterValidator(_printable)]
_Boot = Annotated[str, Field(strict=True, min_length=1, max_length=64), AfterValidator(_printable)]
_Seq = Annotated[int, Field(ge=1, le=_MAX_SEQ, strict=True)]
_Time = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_in_utc)]


class NativeReading(BaseModel):
    """One numbered reading of a native hub."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    boot: _Boot
    seq: _Seq
    sensor: _Code
    value: StrictBool | Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e12, le=1e12)]
    at: _Time


class NativeCheckIn(BaseModel):
    """The hub says that it is alive, after everything that happened before `at`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    boot: _Boot | None = None
    at: _Time
    sent: _Time | None = None
    seq: Annotated[int, Field(ge=0, le=_MAX_SEQ, strict=True)] | None = None
    uptime_s: float | None = None
    backlog: int = Field(default=0, ge=0, le=2**31 - 1)  # readings it still holds
    oldest: int | None = Field(default=None, ge=1, le=_MAX_SEQ, strict=True)  # of `boot`: holds nothing lower any more
    battery: int | None = Field(default=None, ge=0, le=100)  # percent
    signal: int | None = Field(default=None, ge=-200, le=100)  # dBm


class NativeStatus(BaseModel):
    """The hub's connection begins, or has ended."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: Literal["online", "offline"]
    boot: _Boot | None = None
    at: _Time | None = None
    sent: _Time | None = None


class NativeLost(BaseModel):
    """The hub had to throw these readings away."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    boot: _Boot
    spans: list[tuple[_Seq, _Seq]] = Field(min_length=1, max_length=MAX_READINGS)
    began: _Time = Field(alias="from")
    ended: _Time = Field(alias="until")


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
    "sent": "not a time with its offset from UTC",
    "spans": "not a list of [first, last]",
    "from": "not a time with its offset from UTC",
    "until": "not a time with its offset from UTC",
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


def encode_lost(lost: NativeLost) -> bytes:
    """The payload of `native/lost`."""
    return lost.model_dump_json(by_alias=True).encode()


def encode_ack(ack: Ack) -> bytes:
    """The payload of `acks/{home}`."""
    return ack.model_dump_json().encode()


def ack_payload(boot: str, seq: int) -> bytes:
    """The same, for some thousand hubs a second. `boot` is printable."""
    return f'{{"boot":{json.dumps(boot, ensure_ascii=False)},"seq":{seq}}}'.encode()


def decode_ack(payload: bytes) -> Ack | None:
    """The acknowledgement, or None if it cannot be read: the hub then waits for the next."""
    try:
        return Ack.model_validate_json(payload)
    except ValidationError:
        return None


def read(rest: str, payload: bytes, *, is_retained: bool, received_at: datetime) -> Told:
    """What a message of a native hub told us. Never raises. Times are the hub's: `ingest.clocks` judges them."""
    if rest == EVENTS and (reading := read_reading(payload)) is not None and reading.boot is not None:
        return Told(readings=[reading], boots={reading.boot})
    told = Told()
    value = parse_json(payload)
    if isinstance(value, Rejected):
        told.rejected.append(value)
    elif rest == EVENTS:
        _read_all(told, value, _read_reading)
    elif rest == CHECK_IN:
        _read_all(told, value, _read_check_in)
    elif rest == STATUS:
        _read_status(told, value, is_retained, received_at)
    elif rest == LOST:
        _read_lost(told, value)
    else:
        told.rejected.append(Rejected(reason=Reason.TOPIC, detail=f"topic: native/{rest[:40]} is not known"))
    return told


def _read_all(told: Told, value: Any, read_one: Callable[[Told, Any, str, bool], None]) -> None:
    if not isinstance(value, list):
        read_one(told, value, "payload", False)
        return
    if len(value) > MAX_READINGS:
        detail = f"payload: a list of {len(value)}, more than {MAX_READINGS}"
        told.rejected.append(Rejected(reason=Reason.TOO_LARGE, detail=detail))
        return
    for index, element in enumerate(value):
        read_one(told, element, f"payload[{index}]", True)


def _read_reading(told: Told, element: Any, place: str, is_part: bool) -> None:
    try:
        native = NativeReading.model_validate(element)
    except ValidationError as exc:
        boot, seq = _number_of(element)
        if boot is not None:
            told.boots.add(boot)
        part = _encode(element) if is_part else None
        told.rejected.append(Rejected(reason=Reason.SHAPE, detail=_wording(exc, place), part=part, boot=boot, seq=seq))
        return
    _tell(told, native)


def _tell(told: Told, native: NativeReading) -> None:
    told.boots.add(native.boot)
    told.readings.append(
        Reading(
            sensor=native.sensor,
            value=float(native.value),
            at=native.at,
            how=How.EVENT,
            boot=native.boot,
            seq=native.seq,
        )
    )


def _read_check_in(told: Told, value: Any, place: str, is_part: bool) -> None:
    try:
        native = NativeCheckIn.model_validate(value)
    except ValidationError as exc:
        part = _encode(value) if is_part else None
        told.rejected.append(Rejected(reason=Reason.SHAPE, detail=_wording(exc, place), part=part))
        return
    if native.boot is not None:
        told.boots.add(native.boot)
    told.check_ins.append(
        CheckIn(
            at=native.at,
            state=HubState.CHECKIN,
            sent_at=native.sent,
            boot=native.boot,
            seq=native.seq if native.boot is not None else None,
            backlog=native.backlog,
            oldest=native.oldest,
            battery_percent=native.battery,
            signal_dbm=native.signal,
        )
    )


def _read_status(told: Told, value: Any, is_retained: bool, received_at: datetime) -> None:
    try:
        native = NativeStatus.model_validate(value)
    except ValidationError as exc:
        told.rejected.append(Rejected(reason=Reason.SHAPE, detail=_wording(exc, "payload")))
        return
    told.check_ins.append(
        CheckIn(
            at=native.at or received_at,
            state=HubState(native.state),
            is_retained=is_retained,
            sent_at=native.sent,
            boot=native.boot if native.at is not None else None,
        )
    )


def _read_lost(told: Told, value: Any) -> None:
    try:
        native = NativeLost.model_validate(value)
    except ValidationError as exc:
        told.rejected.append(Rejected(reason=Reason.SHAPE, detail=_wording(exc, "payload")))
        return
    if not all(0 <= last - first < _MOST_LOST for first, last in native.spans):
        told.rejected.append(Rejected(reason=Reason.SHAPE, detail="payload.spans: not forward, or too many readings"))
        return
    told.boots.add(native.boot)
    told.lost.append(Lost(boot=native.boot, spans=tuple(native.spans), from_at=native.began, until_at=native.ended))


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

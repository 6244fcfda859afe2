"""What a native hub says of its sensors themselves: batteries, radio links, devices nobody has placed. Pure.

    native/sensors   {"sent": "2026-11-23T06:50:01Z",
                      "sensors": [{"sensor": "Hall motion", "battery": 87, "link": 120, "available": true,
                                   "heard": "2026-11-23T06:49:12Z"}],
                      "offers": [{"sensor": "0x00158d0001", "kind": "door", "model": "MCCGQ11LM"}]}

`battery` in percent, `link` 0 to 255 as Zigbee has it, `available` as its bridge says; all may be missing. `heard` is
when the sensor last said anything, by the hub's clock, as is `sent`. `offers` are devices that report and are not in
the home file, with the kind they seem to be.

None of it is numbered, answered or kept by the hub: it is how things stand, the newest counts, and it is told again. So
it neither waits for readings nor says anything of how far the hub's story is told: it is no check-in.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationError

from ingest.dialects.bridged import MAX_CODE, MAX_PARTS, offer
from ingest.payload import parse_json
from ingest.told import SensorNews, Told
from ingest.wire import Reason, Rejected
from store.home import SensorKind

SENSORS = "sensors"  # the rest of the topic

# Heard so shortly before it was told, a sensor counts as heard now. The hub tells of what it heard since it told last.
_HEARD_WITHIN = timedelta(hours=1)
_ON_ITS_WAY = timedelta(hours=1)  # what waited in a broker for longer, or has such a clock, says nothing of now


def _written(at: object) -> object:
    if not isinstance(at, datetime) and not (isinstance(at, str) and "T" in at):
        raise ValueError("neither date nor number is a time")
    return at


_Code = Annotated[str, Field(strict=True, min_length=1, max_length=MAX_CODE)]
_Time = Annotated[AwareDatetime, BeforeValidator(_written)]


class SensorWord(BaseModel):
    """How one sensor of the home file is."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sensor: _Code
    battery: int | None = Field(default=None, ge=0, le=100, strict=True)  # percent
    link: int | None = Field(default=None, ge=0, le=255, strict=True)  # link quality
    available: StrictBool | None = None  # by its bridge's word
    heard: _Time | None = None  # by the hub's clock


class OfferWord(BaseModel):
    """A device that is not in the home file."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sensor: _Code
    kind: SensorKind
    model: Annotated[str, Field(strict=True)] = ""


class NativeSensors(BaseModel):
    """How they all are, as far as there is news."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sent: _Time  # by the hub's clock
    sensors: Sequence[SensorWord] = ()
    offers: Sequence[OfferWord] = ()


def encode_sensors(words: NativeSensors) -> bytes:
    """The payload of `native/sensors`."""
    return words.model_dump_json(exclude_none=True).encode()


def read(payload: bytes, *, is_retained: bool, sensors: Mapping[str, SensorKind], received_at: datetime) -> Told:
    """What the hub of a home with these sensors says of them. Never raises. One bad part does not spoil the others."""
    told = Told()
    parsed = parse_json(payload)
    if not isinstance(parsed, dict):
        told.rejected.append(
            parsed if isinstance(parsed, Rejected) else Rejected(reason=Reason.SHAPE, detail="payload: not an object")
        )
        return told
    try:
        sent = NativeSensors.model_validate({"sent": parsed.get("sent")}).sent
    except ValidationError:
        _refuse(told, "payload.sent: not a time with its offset from UTC")
        return told
    is_now = not is_retained and abs(received_at - sent) <= _ON_ITS_WAY
    for place, part in _parts(told, parsed, "sensors"):
        try:
            word = SensorWord.model_validate(part)
        except ValidationError as exc:
            _refuse(told, f"{place}{_wrong_in(exc)}")
            continue
        if word.sensor in sensors:  # of any other its readings are refused, with the reason
            told.sensors.append(_news(word, sent, is_now=is_now))
    for place, part in _parts(told, parsed, "offers"):
        try:
            offered = OfferWord.model_validate(part)
        except ValidationError as exc:
            _refuse(told, f"{place}{_wrong_in(exc)}")
            continue
        if offered.sensor not in sensors:
            offer(told, offered.sensor, offered.kind, model=offered.model)
    return told


def _news(word: SensorWord, sent: datetime, *, is_now: bool) -> SensorNews:
    is_heard = word.heard is not None and abs(sent - word.heard) <= _HEARD_WITHIN
    return SensorNews(
        sensor=word.sensor,
        is_heard=is_now and is_heard,
        is_available=word.available,
        battery_percent=word.battery,
        signal_quality=word.link,
    )


def _parts(told: Told, parsed: Mapping[str, Any], name: str) -> list[tuple[str, Any]]:
    """The elements of this list, each with its place; none if it is no list or far too long."""
    found = parsed.get(name, [])
    if not isinstance(found, list):
        _refuse(told, f"payload.{name}: not a list")
        return []
    if len(found) > MAX_PARTS:
        detail = f"payload.{name}: {len(found)} parts, more than {MAX_PARTS}"
        told.rejected.append(Rejected(reason=Reason.TOO_LARGE, detail=detail))
        return []
    return [(f"payload.{name}[{index}]", part) for index, part in enumerate(found)]


def _refuse(told: Told, detail: str) -> None:
    told.rejected.append(Rejected(reason=Reason.SHAPE, detail=detail))


def _wrong_in(exc: ValidationError) -> str:
    error = exc.errors(include_url=False, include_context=False, include_input=False)[0]
    name = str(error["loc"][0]) if error["loc"] else ""
    if not name:
        return ": not an object"
    return f".{name}: {'missing' if error['type'] == 'missing' else 'wrong'}"

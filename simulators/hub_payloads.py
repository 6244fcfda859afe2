"""From what a native hub holds to the payloads it publishes. Pure; the form is `ingest.dialects.native`'s."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from ingest.dialects.native import (
    CHECK_IN,
    STATUS,
    NativeCheckIn,
    NativeReading,
    NativeStatus,
    encode_check_in,
    encode_check_ins,
    encode_readings,
    encode_status,
)
from simulators.hub_queue import Held
from store.hub import HubState


def readings_payload(held: Sequence[Held]) -> bytes:
    """The readings among them as one message."""
    # Made by ourselves a moment ago and read strictly on the other side: no need to check a quarter of a million here.
    return encode_readings(
        [
            NativeReading.model_construct(
                boot=one.boot, seq=one.seq, sensor=one.sensor, value=one.value, at=_aware(one.at)
            )
            for one in held
            if one.seq is not None
        ]
    )


def hub_word_payloads(held: Sequence[Held], *, backlog: int, installed: float) -> Iterator[tuple[str, bytes]]:
    """What the hub said of itself, as (end of the topic, payload), oldest first: check-ins that follow each other
    make one message.
    """
    waiting: list[NativeCheckIn] = []
    for one in held:
        if one.value is HubState.CHECKIN:
            waiting.append(_check_in(one, backlog=backlog, installed=installed))
        elif isinstance(one.value, HubState):
            if waiting:
                yield CHECK_IN, _check_ins_payload(waiting)
                waiting = []
            yield STATUS, status_payload(one.value, boot=one.boot, at=_aware(one.at))
    if waiting:
        yield CHECK_IN, _check_ins_payload(waiting)


def status_payload(state: HubState, *, boot: str, at: datetime | None) -> bytes:
    """`online` or `offline`; the last will has no time."""
    return encode_status(NativeStatus.model_validate({"state": str(state), "boot": boot, "at": at}))


def _check_in(one: Held, *, backlog: int, installed: float) -> NativeCheckIn:
    return NativeCheckIn(
        boot=one.boot,
        at=_aware(one.at),
        uptime_s=round(one.at - installed),
        backlog=backlog,
        battery=100,
        signal=-58 - int(one.at / 3600) % 9,  # dBm; somebody leaves the door of the cupboard open
    )


def _check_ins_payload(check_ins: Sequence[NativeCheckIn]) -> bytes:
    return encode_check_in(check_ins[0]) if len(check_ins) == 1 else encode_check_ins(check_ins)


def _aware(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)

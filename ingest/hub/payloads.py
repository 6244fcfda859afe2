"""From what a native hub holds to the payloads it publishes. Pure; the form is `ingest.dialects.native`'s."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ingest.dialects.native import (
    CHECK_IN,
    STATUS,
    NativeCheckIn,
    NativeLost,
    NativeReading,
    NativeStatus,
    encode_check_in,
    encode_check_ins,
    encode_lost,
    encode_readings,
    encode_status,
)
from ingest.hub.queue import Held, Lost
from store.hub import HubState


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How a hub is: what it knows of itself when it checks in."""

    uptime_s: float | None = None
    battery_percent: int | None = None
    signal_dbm: int | None = None


def readings_payload(held: Sequence[Held]) -> bytes:
    """The readings among them as one message."""
    # Made by ourselves a moment ago and read strictly on the other side: no need to check a quarter of a million here.
    return encode_readings(
        [
            NativeReading.model_construct(
                boot=one.boot, seq=one.seq, sensor=one.sensor, value=one.value, at=aware(one.at)
            )
            for one in held
            if one.seq is not None
        ]
    )


def hub_word_payloads(
    held: Sequence[Held],
    *,
    backlog: int,
    sent: datetime,
    condition: Callable[[float], Condition],
    lowest: Callable[[str], int | None],
) -> Iterator[tuple[str, bytes]]:
    """What the hub said of itself, as (end of the topic, payload), oldest first: check-ins that follow each other
    make one message. `condition` tells how the hub was at an epoch second, `lowest` what it still holds of a boot.
    """
    waiting: list[NativeCheckIn] = []
    for one in held:
        if one.value is HubState.CHECKIN:
            oldest = lowest(one.boot)
            waiting.append(_check_in(one, backlog=backlog, oldest=oldest, sent=sent, condition=condition(one.at)))
        elif isinstance(one.value, HubState):
            if waiting:
                yield CHECK_IN, _check_ins_payload(waiting)
                waiting = []
            yield STATUS, status_payload(one.value, boot=one.boot, at=aware(one.at), sent=sent)
    if waiting:
        yield CHECK_IN, _check_ins_payload(waiting)


def status_payload(state: HubState, *, boot: str, at: datetime | None, sent: datetime | None = None) -> bytes:
    """`online` or `offline`; the last will has no time."""
    return encode_status(NativeStatus.model_validate({"state": str(state), "boot": boot, "at": at, "sent": sent}))


def lost_payload(lost: Lost) -> bytes:
    """What had to be thrown away."""
    return encode_lost(
        NativeLost.model_validate(
            {
                "boot": lost.boot,
                "spans": lost.spans,
                "from": aware(lost.began),
                "until": aware(lost.ended),
            }
        )
    )


def aware(at: float) -> datetime:
    """An epoch second as a time in UTC."""
    return datetime.fromtimestamp(at, UTC)


def _check_in(one: Held, *, backlog: int, oldest: int | None, sent: datetime, condition: Condition) -> NativeCheckIn:
    return NativeCheckIn(
        boot=one.boot,
        seq=one.before,
        at=aware(one.at),
        sent=sent,
        uptime_s=condition.uptime_s,
        backlog=backlog,
        oldest=oldest,
        battery=condition.battery_percent,
        signal=condition.signal_dbm,
    )


def _check_ins_payload(check_ins: Sequence[NativeCheckIn]) -> bytes:
    return encode_check_in(check_ins[0]) if len(check_ins) == 1 else encode_check_ins(check_ins)

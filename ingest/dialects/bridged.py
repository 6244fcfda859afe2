"""What the dialects of bridges have in common: time, signs of life, and sensors that nobody has placed. Pure.

The one rule for a sensor that reports and is not in the home's list: its message is rejected as `unknown_sensor` (kept
and counted), and the sensor is offered to whoever sets up the home, with the kind its words suggest. Of a device that
is in use already, what else it reports is offered only. A retained statement is never rejected: it comes again with
each subscription.

A retained state is not a new event. The flag says so only to who has just subscribed: what a home's own broker hands on
again after a reconnect comes to us without it. There the comparison with what the sensor said last decides
(`How.STATE`), and a press is known by its own time where the dialect has one.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ingest.payload import parse_json
from ingest.told import CheckIn, How, Offer, Reading, SensorNews, TimeLimits, Told
from ingest.wire import Reason, Rejected
from store.home import SensorKind
from store.hub import HubState

MAX_CODE = 128  # characters of a sensor's code
MAX_PARTS = 1_000  # components, Zigbee devices or presses in one message: real ones have a few dozen

# A value and how it becomes an event; None: nothing is said; a text, `key: what is wrong`.
Found = tuple[float, How] | str | None

_STATE_WORDS = {"online": HubState.ONLINE, "1": HubState.ONLINE, "offline": HubState.OFFLINE, "0": HubState.OFFLINE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a bridge, with what is needed to read it."""

    rest: str  # the topic below `homes/{partition}/{home}/{dialect}/`
    payload: bytes
    is_retained: bool
    sensors: Mapping[str, SensorKind]  # of this home, by code
    received_at: datetime
    limits: TimeLimits


def sign_of_life(told: Told, message: Message, at: datetime) -> None:
    """Something of the home spoke at `at`, unless it is an old statement or already a check-in."""
    if not message.is_retained and not told.check_ins:
        told.check_ins.append(CheckIn(at=at, state=HubState.CHECKIN, is_stated=False))


def take(
    told: Told,
    message: Message,
    code: str,
    found: Found,
    *,
    at: datetime,
    battery_percent: int | None = None,
    signal_quality: int | None = None,
    is_remembered: bool = False,
) -> None:
    """Note what a placed sensor said. With `is_remembered` the bridge tells it from memory, as if it were retained."""
    is_old = message.is_retained or is_remembered
    initial: float | None = None
    if isinstance(found, str):
        told.rejected.append(Rejected(reason=Reason.VALUE, detail=f"payload.{legible(found)}"))
    elif found is not None:
        value, how = found
        if not is_old:
            told.readings.append(Reading(sensor=code, value=value, at=at, how=how))
        elif how is How.STATE:
            initial = value
    told.sensors.append(
        SensorNews(
            sensor=code,
            is_heard=not is_old,
            battery_percent=battery_percent,
            signal_quality=signal_quality,
            initial_value=initial,
        )
    )


def offer(told: Told, code: str, kind: SensorKind, *, model: str = "") -> None:
    """Offer a sensor that is not placed, if its code can be one."""
    if 0 < len(code) <= MAX_CODE and code.isprintable():
        is_fit = len(model) <= MAX_CODE and model.isprintable()
        told.offers.append(Offer(code=code, kind=kind, model=model if is_fit else ""))


def reject_unknown(told: Told, message: Message, name: str) -> None:
    """The message speaks of something this home does not have."""
    if not message.is_retained:
        detail = f"topic: no sensor {name[:80]!r} in this home"
        told.rejected.append(Rejected(reason=Reason.UNKNOWN_SENSOR, detail=detail))


def read_bridge_state(told: Told, message: Message) -> None:
    """The connection of the home's own broker, or of its bridge: `online`/`offline`, `1`/`0`, plain or JSON."""
    state = state_of(message.payload)
    if state is None:
        told.rejected.append(Rejected(reason=Reason.SHAPE, detail="payload: neither online nor offline"))
    else:
        told.check_ins.append(CheckIn(at=message.received_at, state=state, is_retained=message.is_retained))


def state_of(payload: bytes) -> HubState | None:
    """`online` or `offline` in any of the forms bridges use; None if it is neither."""
    parsed = parse_json(payload)
    word = parsed.get("state") if isinstance(parsed, dict) else parsed
    if isinstance(parsed, Rejected):
        word = payload[:20].decode("utf-8", "replace").strip()
    if isinstance(word, bool):
        return HubState.ONLINE if word else HubState.OFFLINE
    return _STATE_WORDS.get(str(word).lower()) if isinstance(word, (str, int)) else None


def has_too_many(told: Told, parts: Collection[Any], place: str) -> bool:
    """True, and the message is rejected, if it has more parts than any home could have sensors."""
    if len(parts) > MAX_PARTS:
        detail = f"{place}: {len(parts)} parts, more than {MAX_PARTS}"
        told.rejected.append(Rejected(reason=Reason.TOO_LARGE, detail=detail))
    return len(parts) > MAX_PARTS


def legible(text: str) -> str:
    """The text as it can be stored and shown: what cannot be printed is escaped, and it does not go on for ever."""
    short = text[:200]
    return short if short.isprintable() else ascii(short)[1:-1]

"""From what a sensor says to an event: only a change is one. Pure.

A bridge repeats itself: every message carries the whole state, some devices report each minute. So what a sensor said
last decides. The rules, by `How`:

    EVENT   (native hubs) each reading is an event
    STATE   an event if the value differs. The very first value is one only if it is not "off": nothing has changed.
            A value older than the last one (a broker may repeat a delivery late) is an event too if it differs, but
            does not change what the sensor says now
    PULSE   an event each time, but once in `PULSE_GAP`: some bridges tell the same action on two topics
    WATTS   an event when the power of a plug crosses from idle to in use or back. A rise counts at once. A fall counts
            when a later reading confirms it, because some plugs say 0 W now and then while they are in use
            (Koenkk/zigbee2mqtt#16709), and each such slip would end in a false "switched on": a sign of life that
            was none. The event has the time of the confirmation, so that a home's events stay in order
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from ingest.told import How, Reading
from store.home import SensorKind

PULSE_GAP = timedelta(seconds=2)  # JSON and attribute topic of one action arrive within a second
IN_USE_WATTS = 5.0  # above any standby we have seen; a kettle draws 2,000, a television 40
IDLE_WATTS = 2.5  # half of it, so that a load near the line does not chatter
FALL_CONFIRMED_AFTER = timedelta(seconds=10)  # by a second low reading
FALL_BELIEVED_AFTER = timedelta(seconds=150)  # without one: longer than two polls of a plug


class LastSaid(NamedTuple):
    """What a sensor said last."""

    value: float | None = None
    value_at: datetime | None = None
    falling_at: datetime | None = None  # since when a plug in use says idle, not yet believed


def value_fault(kind: SensorKind, value: float) -> str | None:
    """What is wrong with this value for this kind of sensor, or None."""
    if value in (0.0, 1.0) or kind.is_measurement:
        return None
    return f"a {kind} sensor says on or off, not {value:g}"


def change(reading: Reading, last: LastSaid) -> tuple[float | None, LastSaid]:
    """The value of the event this reading is (None: it is none), and what the sensor said last from now on."""
    value, at = reading.value, reading.at
    match reading.how:
        case How.EVENT:
            is_newer = last.value_at is None or at >= last.value_at
            return value, LastSaid(value, at) if is_newer else last
        case How.PULSE:
            is_same = last.value_at is not None and abs(at - last.value_at) < PULSE_GAP
            return (None, last) if is_same else (value, LastSaid(value=value, value_at=at))
        case How.STATE:
            differs = value != last.value and not (last.value is None and value == 0.0)
            return value if differs else None, last if _is_older(at, last) else LastSaid(value=value, value_at=at)
        case How.WATTS:
            return _crossing(value, at, last)


def believed_fall(last: LastSaid, at: datetime) -> bool:
    """True if a fall of the power, seen once, has stood long enough at `at` (the time of any message of that home)."""
    return last.falling_at is not None and at - last.falling_at >= FALL_BELIEVED_AFTER


def _is_older(at: datetime, last: LastSaid) -> bool:
    return last.value_at is not None and at < last.value_at


def _crossing(watts: float, at: datetime, last: LastSaid) -> tuple[float | None, LastSaid]:
    is_rise = watts >= IN_USE_WATTS and last.value != 1.0
    if _is_older(at, last):
        return 1.0 if is_rise else None, last
    if is_rise:
        return 1.0, LastSaid(value=1.0, value_at=at)
    if last.value != 1.0:
        return None, LastSaid(value=0.0, value_at=at)
    if watts >= IDLE_WATTS:
        return None, LastSaid(value=1.0, value_at=at)
    if last.falling_at is None:
        return None, LastSaid(value=1.0, value_at=at, falling_at=at)
    if at - last.falling_at < FALL_CONFIRMED_AFTER:
        return None, last._replace(value_at=at)
    return 0.0, LastSaid(value=0.0, value_at=at)

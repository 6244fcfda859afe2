"""What one message of a home told us: the common form that every dialect is read into. Pure."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from ingest.wire import Reason, Rejected
from store.home import SensorKind
from store.hub import HubState


class How(StrEnum):
    """How a reading becomes an event."""

    EVENT = "event"  # it is one: the hub reports changes only
    STATE = "state"  # only if it differs from what the sensor said before
    PULSE = "pulse"  # it is one, unless the same was said within the second
    WATTS = "watts"  # only where a plug's power crosses the line between idle and in use


class Reading(NamedTuple):
    """One sensor said one thing."""

    sensor: str  # its code
    value: float  # 1/0 for on/off, else the measurement
    at: datetime  # the hub's clock, or ours if the dialect has no time
    how: How
    boot: str | None = None  # with `seq`: a native hub's number of it
    seq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckIn:
    """The hub said that it is alive, or that its connection begins or ends."""

    at: datetime
    state: HubState
    is_stated: bool = True  # False: any message is a sign of life, stored only now and then
    is_retained: bool = False  # an old statement, handed to us on subscribing
    sent_at: datetime | None = None  # by the same clock as `at`: when it was published
    boot: str | None = None  # of a native hub: whose clock it is
    seq: int | None = None  # of that boot: the last reading that happened before it
    backlog: int | None = None
    oldest: int | None = None  # the lowest number of `boot` that the hub can still send
    battery_percent: int | None = None
    signal_dbm: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Numbered readings of a native hub that will never come: its disk was full."""

    boot: str
    spans: tuple[tuple[int, int], ...]  # (first, last) of each
    from_at: datetime  # the hub's clock: the first of them …
    until_at: datetime  # … and the last


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorNews:
    """What a message says of a sensor itself."""

    sensor: str
    is_heard: bool = True
    is_available: bool | None = None
    battery_percent: int | None = None
    signal_quality: int | None = None
    initial_value: float | None = None  # a retained state: taken only if nothing is known yet, never an event


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A sensor that a bridge lists, or that reports, and that nobody has named and placed yet."""

    code: str
    kind: SensorKind  # what it seems to be
    model: str  # "" if that is not known: then the kind is a guess by what it said


def better_offer(old: Offer | None, new: Offer) -> Offer:
    """Which of two offers of one sensor knows more: a bridge's list names the model, a guess by words does not."""
    if old is None or new.model or (not old.model and new.kind is not SensorKind.OTHER):
        return new
    return old


@dataclass(slots=True, kw_only=True)
class Told:
    """All that one message told us; what of it cannot be taken is in `rejected`."""

    readings: list[Reading] = field(default_factory=list)
    check_ins: list[CheckIn] = field(default_factory=list)
    sensors: list[SensorNews] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    boots: set[str] = field(default_factory=set)  # of a native hub: each gets its acknowledgement


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimits:
    """Which times of a hub's clock are believed."""

    oldest: timedelta = timedelta(days=400)  # a year of history, and a month for late installation
    ahead: timedelta = timedelta(minutes=5)  # more than any clock set by NTP is off
    ignored_skew: timedelta = timedelta(seconds=30)  # of a native hub's clock: not told from latency


def time_fault(at: datetime, *, now: datetime, limits: TimeLimits) -> tuple[Reason, str] | None:
    """Why this time cannot be taken, or None."""
    if at > now + limits.ahead:
        return Reason.IN_FUTURE, f"{at.isoformat()} is more than {limits.ahead} in the future"
    if at < now - limits.oldest:
        return Reason.TOO_OLD, f"{at.isoformat()} is more than {limits.oldest.days} days ago"
    return None

"""What one message of a home told us: the common form that every dialect is read into. Pure."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ingest.wire import Reason, Rejected
from store.home import SensorKind
from store.hub import HubState


class How(StrEnum):
    """How a reading becomes an event."""

    EVENT = "event"  # it is one: the hub reports changes only
    STATE = "state"  # only if it differs from what the sensor said before
    PULSE = "pulse"  # it is one, unless the same was said within the second
    WATTS = "watts"  # only where a plug's power crosses the line between idle and in use


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
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
    backlog: int | None = None
    battery_percent: int | None = None
    signal_dbm: int | None = None


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
    """A device the bridge lists and nobody has named and placed yet."""

    code: str
    kind: SensorKind
    model: str


@dataclass(slots=True, kw_only=True)
class Told:
    """All that one message told us; what of it cannot be taken is in `rejected`."""

    readings: list[Reading] = field(default_factory=list)
    check_ins: list[CheckIn] = field(default_factory=list)
    sensors: list[SensorNews] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    boots: set[str] = field(default_factory=set)  # of a native hub: each gets its acknowledgement


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimits:
    """Which times of a hub's clock are believed."""

    oldest: timedelta = timedelta(days=400)  # a year of history, and a month for late installation
    ahead: timedelta = timedelta(minutes=5)  # more than any clock set by NTP is off


def time_fault(at: datetime, *, now: datetime, limits: TimeLimits) -> tuple[Reason, str] | None:
    """Why this time cannot be taken, or None."""
    if at > now + limits.ahead:
        return Reason.IN_FUTURE, f"{at.isoformat()} is more than {limits.ahead} in the future"
    if at < now - limits.oldest:
        return Reason.TOO_OLD, f"{at.isoformat()} is more than {limits.oldest.days} days ago"
    return None

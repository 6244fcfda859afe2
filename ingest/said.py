"""What a batch is sorted into: what is new, and what each hub and sensor said last. Pure; `ingest.desk` fills it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ingest.changes import LastSaid
from store.hub import HubState
from store.intake_open import IntakeSensor

CheckInKey = tuple[int, datetime, HubState]
EventKey = tuple[int, int, datetime, float]


class NewEvent(NamedTuple):
    """An event that gets its number once it is known not to be stored already."""

    home_id: int
    sensor_id: int
    at: datetime
    received_at: datetime
    value: float
    is_numbered: bool  # by its hub: then it cannot be a repetition
    hub_at: datetime | None = None  # what the hub's clock said, where `at` was corrected

    @property
    def key(self) -> EventKey:
        """What makes an event without a number the same as another."""
        return self.home_id, self.sensor_id, self.at, self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCheckIn:
    """A check-in that gets its number once it is known not to be stored already."""

    home_id: int
    at: datetime
    received_at: datetime
    state: HubState
    backlog: int
    sent_at: datetime | None = None
    hub_at: datetime | None = None
    is_complete: bool = True

    @property
    def key(self) -> CheckInKey:
        """What makes a check-in the same as another."""
        return self.home_id, self.at, self.state


@dataclass(slots=True, kw_only=True)
class HubSaid:
    """What a hub said last, while a batch is sorted."""

    state: HubState | None
    last_hub_time: datetime | None
    backlog: int | None
    last_heard_at: datetime | None = None
    battery_percent: int | None = None
    signal_dbm: int | None = None


@dataclass(slots=True, kw_only=True)
class SensorSaid:
    """What a sensor said last, and news of itself, while a batch is sorted."""

    sensor: IntakeSensor
    last: LastSaid
    last_heard_at: datetime | None = None
    is_available: bool | None = None
    battery_percent: int | None = None
    signal_quality: int | None = None

"""Up to when a home's story is told: the event time until which the model may decide.

A hub publishes a check-in only after everything that happened before it, and numbers show whether it came so (if not,
it is not complete). So a hub that is catching up has told everything until its newest complete check-in; one that has
nothing waiting, or that has fallen silent, has told everything until now, but for what is still on its way to the
database. Readings say nothing about this: an alarm overtakes what
waits.

How late a check-in is told is `sent - at`, both by the hub's clock: no wrong clock and no slow network can be mistaken
for it, at whatever pace the hub catches up. How long it was on its way is `received - sent`, and is only believed for
a while, because a clock that is slow by hours looks the same until it has been measured.
"""

import math
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from anomaly.state import StateError
from store.hub import HubCheckIn, HubState

LATE_CHECK_IN = timedelta(minutes=15)  # told so long afterwards, or so long on its way: more is waiting behind it

# A queue in the broker is drained in minutes when ingest comes back. What stays late for longer has a slow clock, and
# must not hold the model back: people would never be told.
LONGEST_DRAIN = timedelta(hours=1)

_MAGIC = b"TCHF"
_FORM = struct.Struct("<4sHdddq")
_VERSION = 1
_FIRST_FORM = struct.Struct("<ddq")  # before it had a version; the model's own state followed
_MODEL_MAGIC = b"TCHM"
_NEVER = -1.0


@dataclass(slots=True)
class Frontier:
    """What the hub's check-ins say of it, in the order they came."""

    hub_time: float = _NEVER  # newest check-in; epoch seconds
    received: float = _NEVER  # when we last had a word of it, by our clock
    backlog: int = 0
    late_since: float = _NEVER  # since when, by our clock, all check-ins were long on their way

    def note(self, check_in: HubCheckIn) -> None:
        """Another check-in. A hub that has just come back may hold anything; its first check-in will tell.

        One that goes in the middle of catching up will hopefully come back to it: patience decides, not its going.
        """
        if not check_in.is_complete and self.received != _NEVER:
            self.backlog = max(self.backlog, 1)  # readings before it are still to come; patience limits how long
            return
        self.received = max(self.received, check_in.received_at.timestamp())
        if check_in.state is HubState.OFFLINE:
            return
        if not check_in.is_complete:
            self.backlog = max(self.backlog, 1)
            return
        if check_in.state is HubState.ONLINE:
            self.backlog = max(self.backlog, 1)
            return
        self.hub_time = max(self.hub_time, min(check_in.occurred_at.timestamp(), self.received))
        if self._has_more_behind_it(check_in):
            self.backlog = max(check_in.backlog, 1)
        else:
            self.backlog = check_in.backlog

    def heard(self, *, occurred_at: datetime, received_at: datetime) -> None:
        """A reading of the past: a hub that is catching up is alive, though its next check-in may be far."""
        if self.backlog > 0 and received_at - occurred_at > LATE_CHECK_IN:
            self.received = max(self.received, received_at.timestamp())

    def at(self, now: datetime, *, settle: timedelta, patience: timedelta) -> datetime | None:
        """Until when the model may decide, as of `now`; None before the hub has been heard at all.

        `settle` is how long a reading may take from the hub to us, `patience` how long a hub that is catching up may
        pause before we go on without it.
        """
        if self.received == _NEVER:
            return None
        if self.backlog > 0 and now.timestamp() - self.received <= patience.total_seconds():
            return None if self.hub_time == _NEVER else datetime.fromtimestamp(self.hub_time, UTC)
        return now - settle

    def to_bytes(self) -> bytes:
        """Saved in front of the model's state."""
        return _FORM.pack(_MAGIC, _VERSION, self.hub_time, self.received, self.late_since, self.backlog)

    @classmethod
    def from_bytes(cls, saved: bytes) -> tuple[Self, bytes]:
        """The frontier, and what came after it. Raises `StateError` if another version saved it."""
        if saved[_FIRST_FORM.size :].startswith(_MODEL_MAGIC) and not saved.startswith(_MAGIC):
            hub_time, received, backlog = _FIRST_FORM.unpack_from(saved)
            return cls(hub_time, received, backlog), saved[_FIRST_FORM.size :]
        if len(saved) < _FORM.size:
            raise StateError("cut off before the model begins")
        magic, version, hub_time, received, late_since, backlog = _FORM.unpack_from(saved)
        if magic != _MAGIC or version != _VERSION or not all(map(math.isfinite, (hub_time, received, late_since))):
            raise StateError("up to when the home had told everything was saved by another version")
        return cls(hub_time, received, backlog, late_since), saved[_FORM.size :]

    def _has_more_behind_it(self, check_in: HubCheckIn) -> bool:
        """Whether it was told afterwards, or has waited on its way to us, as what comes after it then has too."""
        sent_at = check_in.sent_at or check_in.occurred_at
        if sent_at - check_in.occurred_at > LATE_CHECK_IN:
            return True
        if check_in.sent_at is None or check_in.received_at - sent_at <= LATE_CHECK_IN:
            self.late_since = _NEVER
            return False
        received = check_in.received_at.timestamp()
        if self.late_since == _NEVER:
            self.late_since = received
        return received - self.late_since <= LONGEST_DRAIN.total_seconds()

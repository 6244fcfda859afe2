"""Up to when a home's story is told: the event time until which the model may decide.

A hub publishes strictly oldest first, and a check-in only after everything that happened before it. So a hub that is
catching up has told everything until its newest check-in; one that has nothing waiting, or that has fallen
silent, has told everything until now, but for what is still on its way to the database.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from store.hub import HubCheckIn, HubState

# A check-in this old when it comes was told afterwards, if they also come faster than the hub made them: its hub is
# behind, even if only check-ins are left to tell. One that comes at its usual pace has a wrong clock, and must not hold
# the model back for ever: people would never be told.
LATE_CHECK_IN = timedelta(minutes=15)

_FORM = struct.Struct("<ddq")
_NEVER = -1.0


@dataclass(slots=True)
class Frontier:
    """What the hub's check-ins say of it, in the order they came."""

    hub_time: float = _NEVER  # newest check-in by the hub's clock; epoch seconds
    received: float = _NEVER  # … by ours
    backlog: int = 0

    def note(self, check_in: HubCheckIn) -> None:
        """Another check-in. A hub that has just come back may hold anything; its first check-in will tell.

        One that goes in the middle of catching up will hopefully come back to it: patience decides, not its going.
        """
        received = check_in.received_at.timestamp()
        waited = 0.0 if self.received == _NEVER else received - self.received
        self.received = received
        if check_in.state is HubState.OFFLINE:
            return
        is_faster = check_in.occurred_at.timestamp() - self.hub_time > 2 * waited
        is_told_late = is_faster and check_in.received_at - check_in.occurred_at > LATE_CHECK_IN
        self.hub_time = max(self.hub_time, min(check_in.occurred_at.timestamp(), received))
        if check_in.state is HubState.CHECKIN and not is_told_late:
            self.backlog = check_in.backlog
        else:
            self.backlog = max(self.backlog, check_in.backlog, 1)

    def at(self, now: datetime, *, settle: timedelta, patience: timedelta) -> datetime | None:
        """Until when the model may decide, as of `now`; None before the hub has been heard at all.

        `settle` is how long a reading may take from the hub to us, `patience` how long a hub that is catching up may
        pause before we go on without it.
        """
        if self.received == _NEVER:
            return None
        if self.backlog > 0 and now.timestamp() - self.received <= patience.total_seconds():
            return datetime.fromtimestamp(self.hub_time, UTC)
        return now - settle

    def to_bytes(self) -> bytes:
        """Saved in front of the model's state."""
        return _FORM.pack(self.hub_time, self.received, self.backlog)

    @classmethod
    def from_bytes(cls, saved: bytes) -> tuple[Self, bytes]:
        """The frontier, and what came after it."""
        return cls(*_FORM.unpack_from(saved)), saved[_FORM.size :]

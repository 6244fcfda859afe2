"""What usually happens in each quarter hour, for people to look at: shares of days and of rooms. Not used to score."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly.clock_bins import BINS, Floats
from anomaly.hazard import forget

Float32s = NDArray[np.float32]
Flags = NDArray[np.bool_]

ROOMS = (
    "bedroom",
    "bathroom",
    "toilet",
    "kitchen",
    "lounge",
    "dining",
    "hall",
    "stairs",
    "utility",
    "outside",
    "other",
)
HALF_LIFE_DAYS = 35.0
_ROW_OF_ROOM = {room: row for row, room in enumerate(ROOMS)}
_OTHER = len(ROOMS) - 1


class QuarterCounts:
    """Counted per quarter hour of civil time over the learned days."""

    def __init__(self) -> None:
        self.seen: Float32s = np.zeros(BINS, np.float32)  # days in which it was observed
        self.active: Float32s = np.zeros(BINS, np.float32)  # … and somebody moved
        self.rooms: Float32s = np.zeros((len(ROOMS), BINS), np.float32)  # … in this room
        self.today: Flags = np.zeros((len(ROOMS), BINS), np.bool_)  # with movement on the running day

    def life(self, quarter: int, room: str) -> None:
        """Somebody moved."""
        self.today[_ROW_OF_ROOM.get(room, _OTHER), quarter] = True

    def day_over(self, seen_seconds: Floats, *, learnable: bool) -> None:
        """The day counts where it was observed, if it may teach; or not at all."""
        if learnable:
            add_day(self.seen, self.active, self.rooms, self.today, seen_seconds)
        self.today[...] = False

    def saved_today(self) -> list[list[int]]:
        """[quarter hour, room] with movement on the running day."""
        return np.argwhere(self.today.T).tolist()

    def restore_today(self, saved: list[list[int]]) -> None:
        """From there."""
        self.today[...] = False
        for quarter, room in saved:
            self.today[room, quarter] = True

    def active_share(self) -> list[float]:
        """The share of observed days with movement in each quarter hour."""
        share = np.divide(self.active, self.seen, out=np.zeros(BINS, np.float32), where=self.seen > 0)
        return [round(float(each), 3) for each in np.minimum(share, 1.0)]

    def room_share(self) -> dict[str, list[float]]:
        """Of what moved in a quarter hour, the share in each room that ever had movement."""
        total = self.rooms.sum(0)
        share = np.divide(self.rooms, total, out=np.zeros_like(self.rooms), where=total > 0)
        return {
            room: [round(float(each), 3) for each in share[i]] for i, room in enumerate(ROOMS) if self.rooms[i].any()
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The state itself, not copies."""
        return {"seen_days": self.seen, "active_days": self.active, "room_days": self.rooms}

    def live_in(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """From now on the state is in these arrays, and the running day in `today`; they take over what it is."""
        for name, mine in (*self.arrays().items(), ("today", self.today)):
            arrays[name][...] = mine
        self.seen, self.active, self.rooms = arrays["seen_days"], arrays["active_days"], arrays["room_days"]
        self.today = arrays["today"]


def add_day(seen: Float32s, active: Float32s, rooms: Float32s, today: Flags, seen_seconds: Floats) -> None:
    """Forget a little and add a day: of one home or, with a dimension in front, of many."""
    for counts in (seen, active, rooms):
        forget(counts, HALF_LIFE_DAYS)
    share = np.minimum(seen_seconds / 900.0, 1.0)
    seen += share.astype(np.float32)
    moved = today & (share > 0.0)[..., np.newaxis, :]
    rooms += moved
    active += moved.any(-2)

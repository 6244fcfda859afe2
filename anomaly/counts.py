"""What usually happens in each quarter hour, for people to look at: shares of days and of rooms. Not used to score."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly.clock_bins import BINS, Floats

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


class QuarterCounts:
    """Counted per quarter hour of civil time over the learned days."""

    def __init__(self) -> None:
        self.seen: NDArray[np.float32] = np.zeros(BINS, np.float32)  # days in which it was observed
        self.active: NDArray[np.float32] = np.zeros(BINS, np.float32)  # … and somebody moved
        self.rooms: NDArray[np.float32] = np.zeros((len(ROOMS), BINS), np.float32)  # … in this room
        self.today: set[tuple[int, int]] = set()  # (quarter hour, room) with movement on the running day

    def life(self, quarter: int, room: str) -> None:
        """Somebody moved."""
        self.today.add((quarter, ROOMS.index(room) if room in ROOMS else len(ROOMS) - 1))

    def day_over(self, seen_seconds: Floats, *, learnable: bool) -> None:
        """The day counts where it was observed, if it may teach; or not at all."""
        if learnable:
            keep = np.float32(2.0 ** (-1.0 / HALF_LIFE_DAYS))
            for counts in (self.seen, self.active, self.rooms):
                counts *= keep
            share = np.minimum(seen_seconds / 900.0, 1.0)
            self.seen += share.astype(np.float32)
            for quarter, room in self.today:
                if share[quarter] > 0:
                    self.rooms[room, quarter] += 1.0
            for quarter in {quarter for quarter, _ in self.today}:
                if share[quarter] > 0:
                    self.active[quarter] += 1.0
        self.today.clear()

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

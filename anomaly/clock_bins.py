"""Civil time for counting: which quarter hour of which kind of day an instant belongs to.

Exposures are UTC seconds put into civil bins, so days of 23 and 25 hours need no special case: a quarter hour that
happens twice gets its seconds twice. Instants are epoch seconds (float) here and in all arithmetic of the model.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

BINS = 96  # quarter hours of a civil day
QUARTER = 900  # seconds; every offset of an IANA zone since 1972 is a multiple of it
DAY_TYPES = ("weekday", "weekend")
PARTS = ("night", "morning", "day", "evening")  # 23–06, 06–11, 11–18, 18–23

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_PART_OF_HOUR = np.array([0] * 6 + [1] * 5 + [2] * 7 + [3] * 5 + [0])
PART_OF_BIN: Ints = np.repeat(_PART_OF_HOUR, 4)
_KEEP_INSTANTS = 4096  # quarter hours whose place in the calendar is remembered
_KEEP_DAYS = 400  # UTC days remembered; a quiet or an absence that is longer is looked up again
_CHANGED_FOR = timedelta(days=7)  # for so long a change of the clocks is felt


@cache
def clock_of(zone: ZoneInfo) -> "ClockBins":
    """The calendar of this zone, one for all its homes: what it remembers would be a megabyte for each."""
    return ClockBins(zone)


class ClockBins:
    """The civil calendar of a time zone."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._days: dict[int, Ints] = {}
        self._instants: dict[int, tuple[int, int, int]] = {}  # the same for single quarter hours, without numpy
        self._changed: dict[int, bool] = {}  # by quarter hour: have the clocks been changed in the week before?

    def quarters(self, first: int, last: int) -> Ints:
        """For the quarter hours `first` … `last` (epoch seconds // 900): rows of bin, day type, civil day number."""
        days = [self._day(day) for day in range(first // BINS, last // BINS + 1)]
        table = days[0] if len(days) == 1 else np.concatenate(days, axis=1)
        start = (first // BINS) * BINS
        return table[:, first - start : last - start + 1]

    def at(self, t: float) -> tuple[int, int, int]:
        """Bin, day type and civil day number of an instant."""
        quarter = int(t // QUARTER)
        found = self._instants.get(quarter)
        if found is None:
            if len(self._instants) >= _KEEP_INSTANTS:
                self._instants.clear()
            bin_, day_type, day = self._day(quarter // BINS)[:, quarter % BINS].tolist()
            found = self._instants[quarter] = (bin_, day_type, day)
        return found

    def midnight_after(self, t: float) -> float:
        """The first instant of the next civil day."""
        local = datetime.fromtimestamp(t, UTC).astimezone(self.zone)
        return self.instant(local.toordinal() + 1, 0.0)

    def instant(self, day: int, hour: float) -> float:
        """The instant when clocks show `hour` on this civil day; may be 24 or more."""
        more, minutes = divmod(round(hour * 60), 24 * 60)
        civil = datetime.fromordinal(day + more).replace(hour=minutes // 60, minute=minutes % 60, tzinfo=self.zone)
        return civil.timestamp()

    def hour(self, t: float) -> float:
        """What clocks show, as hours since midnight."""
        local = datetime.fromtimestamp(t, UTC).astimezone(self.zone)
        return local.hour + local.minute / 60 + local.second / 3600

    def changed_lately(self, t: float) -> bool:
        """Were the clocks put on or back in the seven days before this quarter hour?"""
        quarter = int(t // QUARTER)
        found = self._changed.get(quarter)
        if found is None:
            if len(self._changed) >= _KEEP_INSTANTS:
                self._changed.clear()
            now = datetime.fromtimestamp(quarter * QUARTER, UTC)
            before = (now - _CHANGED_FOR).astimezone(self.zone)
            found = self._changed[quarter] = now.astimezone(self.zone).utcoffset() != before.utcoffset()
        return found

    def spread(self, start: float, end: float) -> Floats:
        """Seconds of [start, end) in each of the 96 bins."""
        if end <= start:
            return np.zeros(BINS)
        first, last = int(start // QUARTER), int(np.ceil(end / QUARTER)) - 1
        seconds = np.full(last - first + 1, float(QUARTER))
        seconds[0] -= start - first * QUARTER
        seconds[-1] -= (last + 1) * QUARTER - end
        return np.bincount(self.quarters(first, last)[0], weights=seconds, minlength=BINS).astype(np.float64)

    def _day(self, day: int) -> Ints:
        found = self._days.get(day)
        if found is None:
            if len(self._days) >= _KEEP_DAYS:
                self._days.clear()
            found = self._days[day] = self._made(day)
        return found

    def _made(self, day: int) -> Ints:
        table = np.empty((3, BINS), dtype=np.int64)
        for i in range(BINS):
            local = datetime.fromtimestamp((day * BINS + i) * QUARTER, UTC).astimezone(self.zone)
            table[0, i] = local.hour * 4 + local.minute // 15
            table[1, i] = local.weekday() >= 5
            table[2, i] = local.toordinal()
        return table

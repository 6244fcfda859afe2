"""One row of a recording, and rows put in order. Not here: how they are written in a file (`recording`)."""

import heapq
import math
from bisect import bisect_left
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from store.hub import HubState

HUB = "hub"  # the reserved sensor
_TAKEN_OUT = 4096  # rows whose place is given back together


class Row(NamedTuple):  # made in a quarter of the time of a frozen dataclass, and a year has a million
    """One row of a recording. `value` is a `HubState` for the hub and a number for everything else."""

    at: datetime  # aware, UTC
    sensor: str
    value: float | HubState


class RowsInOrder:
    """Rows in an order that depends on the rows alone, not on the order they came in.

    By time, then sensor. Of two rows of one sensor in the same second, that one comes first which changes
    something: a pulse that began and ended within a second ends where it began. Nearly all rows come in order, and
    cost nothing; a heap holds the others.
    """

    def __init__(self, last_values: dict[str, float | HubState] | None = None) -> None:
        self._rows: list[Row] = []  # came in order …
        self._next = 0  # … and those before this one are taken out
        self._heap: list[tuple[datetime, str, str, int, Row]] = []  # came too late for that
        self._pushed = 0
        self._last = dict(last_values or {})

    def __len__(self) -> int:
        return len(self._rows) - self._next + len(self._heap)

    @property
    def first_at(self) -> datetime:
        """The time of the row that comes next; there must be one."""
        if not self._heap:
            return self._rows[self._next].at
        return self._first().at

    def first_epoch(self) -> float:
        """The same in epoch seconds; inf if there is none."""
        if not self._heap:
            return self._rows[self._next].at.timestamp() if self._next < len(self._rows) else math.inf
        return self._first().at.timestamp()

    def push(self, row: Row) -> None:
        """Put it in its place."""
        rows = self._rows
        if not rows or row.at > rows[-1].at or (row.at == rows[-1].at and _order(row) >= _order(rows[-1])):
            rows.append(row)
        else:
            self._push_late(row)

    def pop(self) -> Row:
        """Take the next row."""
        if not self._heap and self._next + 1 < len(self._rows):  # nearly always, and nothing to choose
            row, following = self._rows[self._next], self._rows[self._next + 1]
            if row.at != following.at:
                self._next += 1
                if self._next >= _TAKEN_OUT:
                    del self._rows[: self._next]
                    self._next = 0
                self._last[row.sensor] = row.value
                return row
        row = self._take()
        if row.value == self._last.get(row.sensor) and len(self):
            following = self._first()
            if following.at == row.at and following.sensor == row.sensor:
                self._take()
                self._push_late(row)
                row = following
        self._last[row.sensor] = row.value
        return row

    def take_before(self, at: datetime) -> list[Row]:
        """Take out all rows before this instant, as `pop` does one by one."""
        taken: list[Row] = []
        rows, last = self._rows, self._last
        place, end = self._next, len(rows) - 1
        if not self._heap:
            while place < end:  # nearly always all of them
                row = rows[place]
                if row.at >= at or row.at == rows[place + 1].at:
                    break
                last[row.sensor] = row.value
                taken.append(row)
                place += 1
            del rows[:place]
            self._next = 0
        while len(self) and self.first_at < at:
            taken.append(self.pop())
        return taken

    def has(self, row: Row) -> bool:
        """Does just this row wait here, among those that came in order?"""
        rows = self._rows
        place = bisect_left(rows, row.at, lo=self._next, key=_at_of)
        while place < len(rows) and rows[place].at == row.at:
            if rows[place] == row:
                return True
            place += 1
        return False

    def waiting(self) -> list[Row]:
        """The rows not yet taken out, in order but for pulses within a second."""
        return sorted([*self._rows[self._next :], *(entry[-1] for entry in self._heap)], key=_order)

    def last_values(self) -> dict[str, float | HubState]:
        """What each sensor said last, of the rows taken out."""
        return self._last

    def _push_late(self, row: Row) -> None:
        self._pushed += 1  # only so that rows themselves are never compared
        heapq.heappush(self._heap, (*_order(row), self._pushed, row))

    def _is_heap_first(self) -> bool:
        if not self._heap:
            return False
        if self._next >= len(self._rows):
            return True
        at = self._rows[self._next].at
        if self._heap[0][0] != at:
            return self._heap[0][0] < at
        return self._heap[0][:3] <= _order(self._rows[self._next])

    def _first(self) -> Row:
        return self._heap[0][-1] if self._is_heap_first() else self._rows[self._next]

    def _take(self) -> Row:
        if self._is_heap_first():
            return heapq.heappop(self._heap)[-1]
        row = self._rows[self._next]
        self._next += 1
        if self._next == len(self._rows) or self._next >= _TAKEN_OUT:
            del self._rows[: self._next]
            self._next = 0
        return row


_at_of = attrgetter("at")


def _order(row: Row) -> tuple[datetime, str, str]:
    return row.at, row.sensor, str(row.value)

"""The state of all homes of a worker in a few large arrays: what concerns all of them at once is one calculation.

A home is a row. Its model's arrays are views of the row, so the scalar model and the fleet work on one and the same
state, by the same formulas. Rows lie in blocks that never move, so a view stays what it is while the fleet grows; a row
that is given back is used again. Not here: what is saved, which stays a home's own (`HomeModel.to_bytes`), and
anything that differs from home to home (`home_model`).
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly import hazard as one_home
from anomaly.clock_bins import Floats, Ints
from anomaly.counts import QuarterCounts, add_day
from anomaly.hazard import Hazard
from anomaly.return_period import DailyMaximum

BLOCK = 128  # rows: what is computed of them at once stays in a processor's cache, and a demo's few homes cost 1.5 MB
_AT_ONCE = 1024  # homes whose thresholds are solved together

Flags = NDArray[np.bool_]
Arrays = dict[str, NDArray[Any]]
_DECAYED = ("endings", "minutes", "cell_endings", "cell_expected")
_COUNTED = ("seen_days", "active_days", "room_days")


class Fleet:
    """Rows for homes, and what is asked of all of them."""

    def __init__(self) -> None:
        counts = QuarterCounts()
        self._like: Arrays = {
            **Hazard().arrays(),
            **counts.arrays(),
            "today": counts.today,
            "maxima": DailyMaximum().sums,
        }
        self._blocks: list[Arrays] = []
        self._free: list[int] = []
        # Epoch seconds of the service's clock: when something may happen in a home by itself, and when to look whether
        # it has news. Infinite for rows that nobody has.
        self.due: Floats = np.zeros(0)
        self.turn: Floats = np.zeros(0)

    def __len__(self) -> int:
        return len(self.due) - len(self._free)

    @property
    def bytes_per_home(self) -> int:
        """Of state, without what differs from home to home."""
        return sum(array.nbytes for array in self._like.values()) + 2 * self.due.itemsize

    def take(self) -> int:
        """A row for another home, as a fresh model has it."""
        if not self._free:
            self._grow()
        row = self._free.pop()
        for name, array in self.arrays(row).items():
            array[...] = self._like[name]
        return row

    def free(self, row: int) -> None:
        """Nobody has this row any more. Its views must not be used again."""
        self.due[row] = self.turn[row] = np.inf
        self._free.append(row)

    def arrays(self, row: int) -> Arrays:
        """The state of one home: views, by the names under which it is saved."""
        block, place = divmod(row, BLOCK)
        return {name: array[place] for name, array in self._blocks[block].items()}

    def ready(self, now: float) -> Ints:
        """The rows that must be looked at now, the most urgent first: those in which something may be due by itself."""
        due = np.flatnonzero(self.due <= now)
        turn = np.flatnonzero((self.turn <= now) & (self.due > now))
        return np.concatenate((due[np.argsort(self.due[due], kind="stable")], turn))

    def day_over(self, rows: Iterable[int], learned: Iterable[bool], seen_seconds: Floats) -> None:
        """Midnight has passed in these homes: forget a little, add the day where it teaches, make the rates anew.

        `seen_seconds` (a row a home, 96 columns) is the observed part of each quarter hour. What `Hazard.day_over` and
        `QuarterCounts.day_over` do for one.
        """
        given, taught = np.fromiter(rows, np.int64), np.fromiter(learned, np.bool_)
        if (np.diff(given) < 0).any():
            order = np.argsort(given, kind="stable")
            given, taught, seen_seconds = given[order], taught[order], seen_seconds[order]
        edges = np.searchsorted(given, np.arange(len(self._blocks) + 1) * BLOCK).tolist()
        for block, first, end in zip(self._blocks, edges[:-1], edges[1:], strict=True):
            if first < end:
                _day_over(block, given[first:end] % BLOCK, taught[first:end], seen_seconds[first:end])

    def thresholds(self, rows: Sequence[int], once_in_days: Sequence[float]) -> Floats:
        """For each home (row) and each N the surprise that comes about once in N days (`DailyMaximum.surprise_of`)."""
        sums = self._gathered("maxima", rows)
        firsts = range(0, len(sums), _AT_ONCE)
        parts = [DailyMaximum.surprises_of(sums[i : i + _AT_ONCE], once_in_days) for i in firsts]
        return np.concatenate(parts) if parts else np.zeros((0, len(once_in_days)))

    def surprises(self, rows: Sequence[int], minutes: Floats, types: Ints, bins: Ints, cells: Ints) -> Floats:
        """Λ of one quiet in each home, given as spells (`Hazard.spells`), in nats.

        All four are (homes, spells); a quiet with fewer spells than others ends with spells of no minutes in its last
        cell.
        """
        at = np.asarray(rows)
        homes = np.arange(len(at))[:, np.newaxis]
        exposure = self._gathered("rates", rows)[homes, types, bins] * minutes
        endings = self._gathered("cell_endings", rows).reshape(len(at), -1)[homes, cells].astype(np.float64)
        expected = self._gathered("cell_expected", rows).reshape(len(at), -1)[homes, cells].astype(np.float64)
        means = self._gathered("means", rows)[homes, cells // one_home.CELLS_OF_PLACE, cells % one_home.AGES]
        total = np.cumsum(exposure, axis=1)
        # At the last spell of each run through one cell: what came before the run is taken off.
        last = np.ones(cells.shape, np.bool_)
        last[:, :-1] = cells[:, 1:] != cells[:, :-1]
        ends = np.where(last, total, 0.0)
        before = np.zeros_like(ends)
        before[:, 1:] = np.maximum.accumulate(ends, axis=1)[:, :-1]
        here = np.where(last, ends - before, 0.0)
        passed = one_home.passed(here, means.astype(np.float64), endings, expected)
        return np.asarray(passed.sum(axis=1), dtype=np.float64)

    def _gathered(self, name: str, rows: Sequence[int]) -> NDArray[Any]:
        """Copies of one array of these rows."""
        at = np.asarray(rows, dtype=np.int64)
        found = np.empty((len(at), *self._like[name].shape), self._like[name].dtype)
        for number in np.unique(at // BLOCK):
            mine = at // BLOCK == number
            found[mine] = self._blocks[number][name][at[mine] % BLOCK]
        return found

    def _grow(self) -> None:
        first = len(self._blocks) * BLOCK
        self._blocks.append({name: np.zeros((BLOCK, *like.shape), like.dtype) for name, like in self._like.items()})
        self._free.extend(range(first + BLOCK - 1, first - 1, -1))
        nobodys = np.full(BLOCK, np.inf)
        self.due, self.turn = np.concatenate((self.due, nobodys)), np.concatenate((self.turn, nobodys))


def _day_over(block: Arrays, places: Ints, taught: Flags, seen_seconds: Floats) -> None:
    """Of the homes at these places of one block, in order of place."""
    if taught.all() and len(places) == BLOCK:  # the night of a whole country: without copies
        _learned_day(block, seen_seconds)
    elif taught.any():
        learners = places[taught]
        part = {name: block[name][learners] for name in (*_DECAYED, *_COUNTED, "today")}
        _learned_day(part, seen_seconds[taught])
        for name in (*_DECAYED, *_COUNTED):
            block[name][learners] = part[name]
    chosen: slice | Ints = slice(None) if len(places) == BLOCK else places
    block["rates"][chosen] = one_home.fresh_rates(block["endings"][chosen], block["minutes"][chosen])
    block["means"][chosen] = one_home.fresh_means(block["cell_endings"][chosen], block["cell_expected"][chosen])
    block["today"][chosen] = False


def _learned_day(part: Arrays, seen_seconds: Floats) -> None:
    for name in _DECAYED:
        one_home.forget(part[name])
    seen, active, rooms, today = (part[name] for name in (*_COUNTED, "today"))
    add_day(seen, active, rooms, today, seen_seconds)

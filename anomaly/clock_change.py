"""The week after the clocks were put on or back: people, and daylight, still live by the old time.

For seven days a quiet is as surprising as it would be at the kindest of five shifts of an hour at most to either side,
and habits of the day may be an hour late. What is learned in that week is learned by the clock on the wall: new habits
are what it will show from then on.
"""

from collections.abc import Callable

import numpy as np

from anomaly.clock_bins import BINS, ClockBins, Floats
from anomaly.hazard import AGES, BLOCK_OF_BIN, BLOCKS, CELLS_OF_PLACE, Path, Spell, cell_of

SHIFTS = (-4, -2, 2, 4)  # quarter hours, beside the clock on the wall
TOLERANCE = 60.0  # minutes that a habit may be later
_BLOCK_OF_BIN = BLOCK_OF_BIN.tolist()


def shifts_at(clock: ClockBins, t: float) -> tuple[int, ...]:
    """By how many quarter hours the clock may be wrong for the resident at this instant; usually none."""
    return SHIFTS if clock.changed_lately(t) else ()


def tolerance(clock: ClockBins, t: float) -> float:
    """Minutes that a habit of the day may be later just now."""
    return TOLERANCE if clock.changed_lately(t) else 0.0


def least(of: Callable[[Path], Floats], path: Path, clock: ClockBins) -> Floats:
    """What `of` says of a quiet, step by step: the least of it over the times that may be true for the resident."""
    found = of(path)
    if len(path.ends):
        for shift in shifts_at(clock, float(path.ends[-1])):
            found = np.minimum(found, of(shifted_path(path, shift)))
    return found


def shifted_path(path: Path, quarters: int) -> Path:
    """The same quiet if clocks showed so much more. The kind of day stays."""
    bins = (path.bins + quarters) % BINS
    cells = cell_of(path.cells // CELLS_OF_PLACE, bins, path.cells % AGES)
    return Path(path.ends, path.seconds, bins, path.types, np.asarray(cells, dtype=path.cells.dtype))


def shifted_spells(spells: list[Spell], quarters: int) -> list[Spell]:
    """The same as spells."""
    found = []
    for minutes, day_type, bin_, cell in spells:
        bin_ = (bin_ + quarters) % BINS
        cell = (cell // CELLS_OF_PLACE * BLOCKS + _BLOCK_OF_BIN[bin_]) * AGES + cell % AGES
        found.append((minutes, day_type, bin_, cell))
    return found

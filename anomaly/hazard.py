"""How soon quiet usually ends: the rate of the next sign of life by time of day, place and age of the quiet.

    λ[b,y]  endings of quiet per minute at risk, by quarter hour and kind of day, smoothed over five bins
    θ[c]    how a place, three hours of the day and an age of the quiet (c) speed that up or slow it down
    m[c]    what is expected of θ[c]: the age in this home, and in this place of it, each held by the level above
    Λ(t)    = Σ_c (κ m[c] + k[c]) · log(1 + X_c(t) / (κ + e[c])),   X_c = ∫ λ over the part of the quiet in c

Λ is −log of the predictive chance that quiet lasts this long, the uncertainty of θ included (Gamma–Poisson), in nats:
high means unusual. Everything is a count over an exposure, so it decays, adds up and can be explained. The clock of a
quiet starts after five minutes: what is shorter is nobody's business and most of the data.

Not here: whether the home could be observed, and whether the resident is at home (`situation`).
"""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly import prior
from anomaly.clock_bins import BINS, PART_OF_BIN, PARTS, QUARTER, ClockBins, Floats, Ints
from anomaly.plan import Place

CLOCK_STARTS = 300.0  # seconds of quiet before it counts
AGE_EDGES = (
    np.array(prior.AGE_EDGES_MINUTES[1:], dtype=np.float64) * 60.0
)  # seconds; the first age begins at five minutes
AGES = len(prior.AGE_EDGES_MINUTES)
BLOCKS = 8  # of three hours: an afternoon's nap and the hours after it are not one part of the day
BLOCK_OF_BIN: Ints = np.arange(BINS) * BLOCKS // BINS
CELLS_OF_PLACE = BLOCKS * AGES
_AGE_EDGES = AGE_EDGES.tolist()  # the same for the arithmetic without numpy, which is quicker for a few numbers
_BLOCK_OF_BIN = BLOCK_OF_BIN.tolist()
STEP = 60.0  # seconds; ages and rates are constant within a minute
HALF_LIFE_DAYS = 35.0  # learned days
_POOL_MINUTES = 240.0  # exposure at which a bin of this home weighs as much as the population
_TYPE_MINUTES = 240.0  # exposure at which a kind of day weighs as much as all days together
# κ: expected endings at which a level of this home weighs as much as the one above it
_AGE_EVENTS, _PLACE_EVENTS, _CELL_EVENTS = 300.0, 100.0, 8.0

Float32s = NDArray[np.float32]
Stretch = tuple[float, float]  # observed, epoch seconds [start, end)
Spell = tuple[float, int, int, int]  # minutes at risk, day type, bin, cell: part of a quiet with one rate and one cell


@dataclass(frozen=True, slots=True)
class Path:
    """A quiet cut into steps in which rate and cell are constant."""

    ends: Floats  # epoch seconds
    seconds: Floats
    bins: Ints
    types: Ints
    cells: Ints


class Hazard:
    """What is known of one home's quiets."""

    def __init__(self) -> None:
        self.endings: Float32s = np.zeros((2, BINS), np.float32)  # K
        self.minutes: Float32s = np.zeros((2, BINS), np.float32)  # E
        shape = (len(Place), BLOCKS, AGES)
        self.cell_endings: Float32s = np.zeros(shape, np.float32)  # k
        self.cell_expected: Float32s = np.zeros(shape, np.float32)  # e
        self.rates: Float32s = fresh_rates(
            self.endings, self.minutes
        )  # λ per minute at risk; made anew only at midnight …
        self.means: Float32s = fresh_means(self.cell_endings, self.cell_expected)  # … as is m[place, age]

    def path(self, stretches: list[Stretch], place: Place, clock: ClockBins) -> Path:
        """The steps of a quiet in this place over what could be observed of it; its age is observed time only."""
        starts, ends, ages = [], [], []
        age = 0.0
        for start, end in stretches:
            skip = max(0.0, CLOCK_STARTS - age)
            if start + skip < end:
                edges = _edges(start + skip, end)
                starts.append(edges[:-1])
                ends.append(edges[1:])
                ages.append(edges[:-1] - start + age)
            age += end - start
        if not starts:
            nothing = np.zeros(0)
            none = np.zeros(0, np.int64)
            return Path(nothing, nothing, none, none, none)
        begins, stops = np.concatenate(starts), np.concatenate(ends)
        quarters = (begins // QUARTER).astype(np.int64)
        table = clock.quarters(int(quarters[0]), int(quarters[-1]))[:, quarters - quarters[0]]
        aged = np.searchsorted(AGE_EDGES, np.concatenate(ages) + 1e-3, side="right")
        cells = cell_of(place, table[0], aged)
        return Path(stops, stops - begins, table[0], table[1], cells)

    def spells(self, stretches: list[Stretch], place: Place, clock: ClockBins) -> list[Spell]:
        """The same as `path` in as few parts as can be: for what is asked of every quiet, ten times as quick."""
        found: list[Spell] = []
        age = 0.0
        for start, end in stretches:
            at = start + max(0.0, CLOCK_STARTS - age)
            while at < end:
                bin_, day_type, _ = clock.at(at)
                aged = bisect_right(_AGE_EDGES, at - start + age + 1e-3)
                until = min(end, (at // QUARTER + 1.0) * QUARTER)
                if aged < AGES - 1:  # an age begins with the full minute at which it is reached
                    older = math.ceil((start + _AGE_EDGES[aged] - age - 1e-3) / STEP) * STEP
                    if at < older < until:
                        until = older
                cell = (place * BLOCKS + _BLOCK_OF_BIN[bin_]) * AGES + aged
                found.append(((until - at) / 60.0, day_type, bin_, cell))
                at = until
            age += end - start
        return found

    def surprise_of(self, spells: list[Spell]) -> float:
        """Λ at the end of these, in nats."""
        rates, endings, expected = self.rates, self.cell_endings.reshape(-1), self.cell_expected.reshape(-1)
        means = self.means
        surprise = exposure = 0.0
        current = -1
        for minutes, day_type, bin_, cell in spells:
            if cell != current:
                if exposure:
                    surprise += _passed(exposure, _mean(means, current), endings.item(current), expected.item(current))
                current, exposure = cell, 0.0
            exposure += rates.item(day_type, bin_) * minutes
        if exposure:
            surprise += _passed(exposure, _mean(means, current), endings.item(current), expected.item(current))
        return surprise

    def learn_one(self, spells: list[Spell]) -> None:
        """Add a quiet that somebody's moving ended."""
        if not spells:
            return
        minutes, rates, expected = self.minutes, self.rates, self.cell_expected.reshape(-1)
        for spell, day_type, bin_, cell in spells:
            minutes[day_type, bin_] += spell
            expected[cell] += rates.item(day_type, bin_) * spell
        _, day_type, bin_, cell = spells[-1]
        self.endings[day_type, bin_] += 1.0
        self.cell_endings.reshape(-1)[cell] += 1.0

    def surprise(self, path: Path) -> Floats:
        """Λ at the end of every step, in nats. Never falls."""
        if not len(path.ends):
            return np.zeros(0)
        expected = np.cumsum(self.rates[path.types, path.bins] * path.seconds / 60.0)
        shape, scale = self.shape_and_scale(path.cells)
        enters = path.cells[1:] != path.cells[:-1]  # another cell than the step before
        run = np.concatenate(([0], np.cumsum(enters)))
        lasts = np.flatnonzero(enters)
        entered = np.concatenate(([0.0], expected[lasts]))
        here = shape * np.log1p((expected - entered[run]) / scale)
        done = np.concatenate(([0.0], np.cumsum(here[lasts])))
        surprise: Floats = here + done[run]
        return surprise

    def learn(self, path: Path, *, ended: bool) -> None:
        """Add a quiet; `ended` if somebody moved at its end (not if it was only cut off)."""
        if not len(path.ends):
            return
        np.add.at(self.minutes, (path.types, path.bins), (path.seconds / 60.0).astype(np.float32))
        expected = (self.rates[path.types, path.bins] * path.seconds / 60.0).astype(np.float32)
        np.add.at(self.cell_expected.reshape(-1), path.cells, expected)
        if ended:
            self.endings[path.types[-1], path.bins[-1]] += 1.0
            self.cell_endings.reshape(-1)[path.cells[-1]] += 1.0

    def day_over(self, *, learned: bool) -> None:
        """Bring the rates up to date; forget a little if the day taught something."""
        if learned:
            for counts in (self.endings, self.minutes, self.cell_endings, self.cell_expected):
                forget(counts)
        self.rates[...] = fresh_rates(self.endings, self.minutes)
        self.means[...] = fresh_means(self.cell_endings, self.cell_expected)

    def speed(self) -> Floats:
        """θ of every cell (place, block, age): the posterior mean."""
        shape, scale = self.shape_and_scale(np.arange(self.cell_endings.size))
        return (shape / scale).reshape(self.cell_endings.shape)

    def arrays(self) -> dict[str, Float32s]:
        """The state itself, not copies."""
        return {
            "endings": self.endings,
            "minutes": self.minutes,
            "cell_endings": self.cell_endings,
            "cell_expected": self.cell_expected,
            "rates": self.rates,
            "means": self.means,
        }

    def shape_and_scale(self, cells: Ints) -> tuple[Floats, Floats]:
        """Of θ[c]'s Gamma distribution: κ m + k and κ + e."""
        means = self.means[cells // CELLS_OF_PLACE, cells % AGES].astype(np.float64)
        shape = _CELL_EVENTS * means + self.cell_endings.reshape(-1)[cells].astype(np.float64)
        return shape, _CELL_EVENTS + self.cell_expected.reshape(-1)[cells].astype(np.float64)

    def shape_and_scale_of(self, cell: int) -> tuple[float, float]:
        """The same of one cell."""
        shape = _CELL_EVENTS * _mean(self.means, cell) + float(self.cell_endings.reshape(-1).item(cell))
        return shape, _CELL_EVENTS + float(self.cell_expected.reshape(-1).item(cell))

    def live_in(self, arrays: Mapping[str, Float32s]) -> None:
        """From now on the state is in these arrays (by the names of `arrays`), which take over what it is."""
        for name, mine in self.arrays().items():
            arrays[name][...] = mine
            setattr(self, name, arrays[name])


# Of one home or, with more dimensions in front, of as many homes as one likes: `fleet` asks for a thousand at once.


def forget(counts: Float32s, half_life_days: float = HALF_LIFE_DAYS) -> None:
    """A learned day has passed: a little is forgotten, and what is left is kept to a two-thousandth.

    No count is worth more than that, and two copies of it are saved with every snapshot (`learning`): half their bytes.
    """
    counts *= np.float32(2.0 ** (-1.0 / half_life_days))
    bits = counts.view(np.uint32)
    bits += np.uint32(0x1000)
    bits &= np.uint32(0xFFFFE000)


def cell_of(place: Ints | int, bins: Ints, ages: Ints) -> Ints:
    """The cell of each of these places, quarter hours and ages."""
    return np.asarray((place * BLOCKS + BLOCK_OF_BIN[bins]) * AGES + ages)


def by_block(counts: Float32s) -> Float32s:
    """Counts of cells as they are now; those of a state that knew four parts of the day are spread over their hours."""
    if counts.shape[-2] == BLOCKS:
        return counts
    share = np.zeros((BLOCKS, len(PARTS)))
    np.add.at(share, (BLOCK_OF_BIN, PART_OF_BIN), 1.0)
    share /= share.sum(axis=0)
    return (share @ counts).astype(np.float32)


def fresh_means(cell_endings: Float32s, cell_expected: Float32s) -> Float32s:
    """m[place, age] from k and e[place, block, age]."""
    endings, expected = _over(cell_endings), _over(cell_expected)
    by_age = (_AGE_EVENTS * prior.speeds_by_age() + _over(endings)) / (_AGE_EVENTS + _over(expected))
    endings += _PLACE_EVENTS * by_age[..., np.newaxis, :]
    expected += _PLACE_EVENTS
    return np.asarray(np.divide(endings, expected, out=endings), dtype=np.float32)


def fresh_rates(endings: Float32s, minutes: Float32s) -> Float32s:
    """λ[y, b] per minute at risk from K and E[y, b]."""
    smooth, exposed = _smooth(endings), _smooth(minutes)
    pooled = _over(smooth) + _POOL_MINUTES * prior.rates_per_minute()
    pooled /= _over(exposed) + _POOL_MINUTES
    smooth += _TYPE_MINUTES * pooled[..., np.newaxis, :]
    exposed += _TYPE_MINUTES
    return np.asarray(np.divide(smooth, exposed, out=smooth), dtype=np.float32)


def _mean(means: Float32s, cell: int) -> float:
    """m of one cell."""
    return float(means.item(cell // CELLS_OF_PLACE, cell % AGES))


def _passed(exposure: float, mean: float, endings: float, expected: float) -> float:
    """Λ of one cell that was passed through."""
    return (_CELL_EVENTS * mean + endings) * math.log1p(exposure / (_CELL_EVENTS + expected))


def passed(exposure: Floats, means: Floats, endings: Floats, expected: Floats) -> Floats:
    """The same of many cells."""
    return np.asarray((_CELL_EVENTS * means + endings) * np.log1p(exposure / (_CELL_EVENTS + expected)))


def _edges(start: float, end: float) -> Floats:
    """`start`, every full minute between, `end`."""
    inner = np.arange(np.floor(start / STEP) + 1.0, np.ceil(end / STEP)) * STEP
    return np.concatenate(([start], inner, [end]))


def _smooth(counts: Float32s) -> Floats:
    """Over five quarter hours; midnight has neighbours too."""
    wide = np.concatenate((counts[..., -2:], counts, counts[..., :2]), axis=-1, dtype=np.float64)
    for _ in range(2):  # three neighbours, twice: weights 1 2 3 2 1
        narrow = wide[..., :-2] + wide[..., 1:-1]
        narrow += wide[..., 2:]
        wide = narrow
    wide /= 9.0
    return wide


def _over(counts: NDArray[Any]) -> Floats:
    """The sum over the last dimension but one. Faster than numpy's, which is not made for so few."""
    total = counts[..., 0, :].astype(np.float64)
    for i in range(1, counts.shape[-2]):
        total += counts[..., i, :]
    return np.asarray(total, dtype=np.float64)

"""How soon quiet usually ends: the rate of the next sign of life by time of day, place and age of the quiet.

    λ[b,y]  endings of quiet per minute at risk, by quarter hour and kind of day, smoothed over five bins
    θ[c]    how a place, a part of the day and an age of the quiet (c) speed that up or slow it down
    Λ(t)    = Σ_c (κ m[c] + k[c]) · log(1 + X_c(t) / (κ + e[c])),   X_c = ∫ λ over the part of the quiet in c

Λ is −log of the predictive chance that quiet lasts this long, the uncertainty of θ included (Gamma–Poisson), in nats:
high means unusual. Everything is a count over an exposure, so it decays, adds up and can be explained. The clock of a
quiet starts after five minutes: what is shorter is nobody's business and most of the data.

Not here: whether the home could be observed, and whether the resident is at home (`situation`).
"""

from dataclasses import dataclass

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
STEP = 60.0  # seconds; ages and rates are constant within a minute
HALF_LIFE_DAYS = 35.0  # learned days
_POOL_MINUTES = 240.0  # exposure at which a bin of this home weighs as much as the population
_TYPE_MINUTES = 240.0  # exposure at which a kind of day weighs as much as all days together
_CELL_EVENTS = 8.0  # κ: expected endings at which a cell of this home weighs as much as the population
_KERNEL = np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0

Float32s = NDArray[np.float32]
Stretch = tuple[float, float]  # observed, epoch seconds [start, end)


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
        shape = (len(Place), len(PARTS), AGES)
        self.cell_endings: Float32s = np.zeros(shape, np.float32)  # k
        self.cell_expected: Float32s = np.zeros(shape, np.float32)  # e
        self.rates: Float32s = self._fresh_rates()  # λ per minute at risk; made anew only at midnight

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
        cells = (place * len(PARTS) + PART_OF_BIN[table[0]]) * AGES + aged
        return Path(stops, stops - begins, table[0], table[1], cells)

    def surprise(self, path: Path) -> Floats:
        """Λ at the end of every step, in nats. Never falls."""
        if not len(path.ends):
            return np.zeros(0)
        expected = np.cumsum(self.rates[path.types, path.bins] * path.seconds / 60.0)
        shape, scale = self._shape_and_scale(path.cells)
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
            keep = np.float32(2.0 ** (-1.0 / HALF_LIFE_DAYS))
            for counts in (self.endings, self.minutes, self.cell_endings, self.cell_expected):
                counts *= keep
        self.rates[...] = self._fresh_rates()

    def speed(self) -> Floats:
        """θ of every cell (place, part, age): the posterior mean."""
        shape, scale = self._shape_and_scale(np.arange(self.cell_endings.size))
        return (shape / scale).reshape(self.cell_endings.shape)

    def arrays(self) -> dict[str, Float32s]:
        """The state itself, not copies."""
        return {
            "endings": self.endings,
            "minutes": self.minutes,
            "cell_endings": self.cell_endings,
            "cell_expected": self.cell_expected,
            "rates": self.rates,
        }

    def _shape_and_scale(self, cells: Ints) -> tuple[Floats, Floats]:
        shape = _CELL_EVENTS * prior.MULTIPLIER + self.cell_endings.reshape(-1)[cells].astype(np.float64)
        return shape, _CELL_EVENTS + self.cell_expected.reshape(-1)[cells].astype(np.float64)

    def _fresh_rates(self) -> Float32s:
        endings, minutes = _smooth(self.endings), _smooth(self.minutes)
        population = prior.rates_per_minute()
        pooled = (endings.sum(0) + _POOL_MINUTES * population) / (minutes.sum(0) + _POOL_MINUTES)
        rates: Float32s = ((endings + _TYPE_MINUTES * pooled) / (minutes + _TYPE_MINUTES)).astype(np.float32)
        return rates


def _edges(start: float, end: float) -> Floats:
    """`start`, every full minute between, `end`."""
    inner = np.arange(np.floor(start / STEP) + 1.0, np.ceil(end / STEP)) * STEP
    return np.concatenate(([start], inner, [end]))


def _smooth(counts: Float32s) -> Floats:
    """Over five quarter hours; midnight has neighbours too."""
    wide = np.concatenate((counts[:, -2:], counts, counts[:, :2]), axis=1).astype(np.float64)
    smooth = np.zeros(counts.shape)
    for i, weight in enumerate(_KERNEL):
        smooth += weight * wide[:, i : i + BINS]
    return smooth

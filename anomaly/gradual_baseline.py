"""What one daily figure usually is, and how far from it a new day lies, as a standard normal z.

    counts   N ~ negative binomial with the mean m and the variance v of this home's days, mid-p PIT → z
    times    X ~ Normal–Inverse-Gamma → Student-t, PIT → z

m and v come from sums of x and x² per kind of day, forgotten with a half-life, so that days can be added and the past
be made to count less. A kind of day borrows from all days; overdispersion is learned, and counts that vary less than a
Poisson variable are judged as times are. Not here: when a day enters (`trend`), and what a change means.
"""

import math
from dataclasses import dataclass, field
from statistics import NormalDist

HALF_LIFE_DAYS = 42.0
KEEP = 2.0 ** (-1.0 / HALF_LIFE_DAYS)
FIRST_DAYS = 14  # in a baseline before a day is judged by it
CLIP = 3.0  # one monstrous day is one day: |z| counts for no more
TYPE_DAYS = 8.0  # days of all kinds that count in one kind of day
PRIOR_DAYS = 4.0  # days for which the assumed spread counts
OVERDISPERSED = 1.05  # v / m from which counts are negative binomial
_ASSUMED_DISPERSION = 1.3  # v / m of a count before much is known
_SMALLEST_MEAN = 0.05  # a count that never happened yet may happen
_SURE = 1e-4


def _no_moments() -> list[list[float]]:
    return [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictive:
    """What the next day of this kind should be."""

    mean: float
    variance: float  # of the next value, the doubt about the mean included
    freedom: float


@dataclass(slots=True, kw_only=True)
class Baseline:
    """The past of one figure. Plain values; scoring changes nothing."""

    spread: float | None  # assumed standard deviation of a time; None: a count
    moments: list[list[float]] = field(default_factory=_no_moments)  # per kind of day: n, Σ x, Σ x²

    @property
    def days(self) -> float:
        """Days of evidence, old ones counting less."""
        return self.moments[0][0] + self.moments[1][0]

    def learn_one(self, x: float, day_type: int) -> None:
        """Another day."""
        self.scale(KEEP)
        row = self.moments[day_type]
        row[0] += 1.0
        row[1] += x
        row[2] += x * x

    def scale(self, factor: float) -> None:
        """Let everything so far count this much of what it did."""
        self.moments = [[each * factor for each in row] for row in self.moments]

    def absorb(self, other: "Baseline") -> None:
        """Take another past in."""
        self.moments = [
            [a + b for a, b in zip(mine, theirs, strict=True)]
            for mine, theirs in zip(self.moments, other.moments, strict=True)
        ]

    def predictive(self, day_type: int) -> Predictive:
        """Needs at least one day."""
        days = self.days
        mean_of_all = (self.moments[0][1] + self.moments[1][1]) / days
        borrowed = min(TYPE_DAYS, days)
        squares = 0.0
        means = []
        for n, total, square in self.moments:
            mean = (total + borrowed * mean_of_all) / (n + borrowed)
            squares += max(square - 2.0 * mean * total + n * mean * mean, 0.0)
            means.append(mean)
        assumed = self.spread**2 if self.spread is not None else _ASSUMED_DISPERSION * max(mean_of_all, _SMALLEST_MEAN)
        variance = (squares + PRIOR_DAYS * assumed) / (days + PRIOR_DAYS)
        known = self.moments[day_type][0] + borrowed
        return Predictive(mean=means[day_type], variance=variance * (1.0 + 1.0 / known), freedom=days + PRIOR_DAYS)

    def score_one(self, x: float, day_type: int) -> float:
        """z of this value: 0 is the middle, ±CLIP the farthest."""
        usual = self.predictive(day_type)
        if self.spread is None:
            mean = max(usual.mean, _SMALLEST_MEAN)
            if usual.variance > OVERDISPERSED * mean:
                above, same = negative_binomial(round(x), mean, usual.variance)
                below = 1.0 - above - 0.5 * same
                return clipped(NormalDist().inv_cdf(min(max(below, _SURE), 1.0 - _SURE)))
        return clipped(normal_of_t((x - usual.mean) / math.sqrt(usual.variance), usual.freedom))


def negative_binomial(count: int, mean: float, variance: float) -> tuple[float, float]:
    """P(N > count) and P(N = count); the variance must be larger than the mean."""
    shape = mean * mean / (variance - mean)
    ratio = mean / (mean + shape)
    chance = math.exp(shape * math.log1p(-ratio))
    below = 0.0
    for n in range(count):
        below += chance
        chance *= (n + shape) / (n + 1.0) * ratio
    return max(1.0 - below - chance, 0.0), chance


def normal_of_t(t: float, freedom: float) -> float:
    """The z that is as rare as this Student t (Wallace 1959); exact to a few thousandths from 8 degrees on."""
    z = math.sqrt(freedom * math.log1p(t * t / freedom)) * (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0)
    return math.copysign(z, t)


def clipped(z: float) -> float:
    """Not farther than CLIP."""
    return max(-CLIP, min(CLIP, z))

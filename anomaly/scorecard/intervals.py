"""Intervals that 95 of 100 such sets of homes would give: drawn by home, and by exact arithmetic where little was seen.

Homes differ more than days do, so homes are drawn with replacement. That alone claims too much where there is little:
six of six found would be "100 to 100 per cent", no false alert in a month "0 to 0". So with few cases the interval is
the wider of the drawn one and the exact one of the binomial or the Poisson distribution.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from anomaly.clock_bins import Floats

_DRAWS = 400
_PERCENT = (2.5, 97.5)
_TAIL = 0.025
_FEW = 10  # cases on one side, from which on drawing homes is enough
_FEW_ORDERED = 30  # … and for a quantile
_STEPS = 60  # of a bisection


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure and the interval that 95 of 100 such sets of homes would give."""

    value: float
    low: float
    high: float

    def widened(self, low: float, high: float) -> "Estimate":
        """To cover these as well."""
        return Estimate(value=self.value, low=min(self.low, low), high=max(self.high, high))


UNKNOWN = Estimate(value=math.nan, low=math.nan, high=math.nan)


def percentile(values: Floats, percent: float) -> float:
    """The nearest value from above: what was never found stays infinite, and nothing is interpolated with it."""
    ordered = np.sort(values)
    return float(ordered[max(0, math.ceil(percent / 100.0 * len(ordered) - 1e-9) - 1)])


def drawn(parts: Sequence[Floats], statistics: Sequence[Callable[[Floats], float]]) -> list[Estimate]:
    """Each statistic of all values together (rows, if parts have rows); intervals by drawing homes (parts)."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return [UNKNOWN] * len(statistics)
    together = np.concatenate(filled)
    picks = np.random.default_rng(0).integers(0, len(filled), (_DRAWS, len(filled)))
    resampled = [np.concatenate([filled[i] for i in pick]) for pick in picks.tolist()]
    found = []
    for statistic in statistics:
        values = np.array([statistic(each) for each in resampled])
        low, high = (percentile(values, each) for each in _PERCENT)
        found.append(Estimate(value=statistic(together), low=low, high=high))
    return found


def _share(values: Floats, at_most: float) -> float:
    return float(np.count_nonzero(values <= at_most) / len(values))


def shares(parts: Sequence[Floats], limits: Sequence[float]) -> list[Estimate]:
    """The share of values not above each of these."""
    found = drawn(parts, [partial(_share, at_most=limit) for limit in limits])
    total = sum(len(part) for part in parts)
    widened = []
    for limit, estimate in zip(limits, found, strict=True):
        below = sum(int(np.count_nonzero(part <= limit)) for part in parts)
        is_few = total > 0 and min(below, total - below) < _FEW
        widened.append(estimate.widened(*exact_share(below, total)) if is_few else estimate)
    return widened


def quantiles(parts: Sequence[Floats], percents: Sequence[float]) -> list[Estimate]:
    """What so many per cent do not exceed."""
    found = drawn(parts, [partial(percentile, percent=percent) for percent in percents])
    ordered = np.sort(np.concatenate([np.zeros(0), *parts]))
    widened = []
    for percent, estimate in zip(percents, found, strict=True):
        above = len(ordered) * (1.0 - percent / 100.0)
        is_few = len(ordered) > 0 and (len(ordered) < _FEW_ORDERED or above < _FEW)
        widened.append(estimate.widened(*_exact_quantile(ordered, percent)) if is_few else estimate)
    return widened


def rate(counts: Sequence[float], exposures: Sequence[float]) -> Estimate:
    """Events per unit of exposure; a home each."""
    parts = [np.array([pair]) for pair in zip(counts, exposures, strict=True) if pair[1] > 0.0]
    estimate = drawn(parts, [lambda both: float(both[:, 0].sum() / both[:, 1].sum())])[0]
    total, exposure = float(sum(counts)), float(sum(exposures))
    if total >= _FEW or not parts:
        return estimate
    low, high = exact_count(round(total))
    return estimate.widened(low / exposure, high / exposure)


def inverted(estimate: Estimate, nominal: float) -> Estimate:
    """Of a rate: how far apart the events are, in units of what was promised."""

    def apart(rate: float) -> float:
        return math.inf if rate <= 0.0 else 1.0 / (rate * nominal)

    if math.isnan(estimate.value):
        return UNKNOWN
    return Estimate(value=apart(estimate.value), low=apart(estimate.high), high=apart(estimate.low))


def exact_share(successes: int, trials: int) -> tuple[float, float]:
    """Clopper and Pearson's interval of a chance."""
    low = 0.0 if successes == 0 else _solved(lambda p: 1.0 - _binomial(successes - 1, trials, p), _TAIL)
    high = 1.0 if successes == trials else _solved(lambda p: -_binomial(successes, trials, p), -_TAIL)
    return low, high


def exact_count(count: int) -> tuple[float, float]:
    """Garwood's interval of the mean of a Poisson variable."""
    most = 2.0 * count + 20.0
    low = 0.0 if count == 0 else most * _solved(lambda m: 1.0 - _poisson(count - 1, most * m), _TAIL)
    return low, most * _solved(lambda m: -_poisson(count, most * m), -_TAIL)


def _exact_quantile(ordered: Floats, percent: float) -> tuple[float, float]:
    """Between which order statistics the quantile lies; infinite if there are too few to say."""
    number, chance = len(ordered), percent / 100.0
    low = max((k for k in range(number) if _binomial(k, number, chance) <= _TAIL), default=-1)
    high = min((k for k in range(number) if _binomial(k, number, chance) >= 1.0 - _TAIL), default=number)
    least = float(ordered[low]) if low >= 0 else min(0.0, float(ordered[0]))
    return least, float(ordered[high]) if high < number else math.inf


def _solved(rising: Callable[[float], float], target: float) -> float:
    """Where in [0, 1] a rising function comes to this."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if rising(middle) < target else (low, middle)
    return (low + high) / 2.0


def _binomial(most: int, trials: int, chance: float) -> float:
    """P(X ≤ most)."""
    if most >= trials or chance <= 0.0:
        return 1.0
    if chance >= 1.0:
        return 0.0
    logs = (
        math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
        + k * math.log(chance) + (trials - k) * math.log1p(-chance)
        for k in range(most + 1)
    )  # fmt: skip
    return math.fsum(math.exp(log) for log in logs)


def _poisson(most: int, mean: float) -> float:
    """P(X ≤ most)."""
    if mean <= 0.0:
        return 1.0
    return math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(most + 1))

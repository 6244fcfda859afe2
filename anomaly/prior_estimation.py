"""What is usual in a population of homes, estimated from their rows: pure functions behind `telecare prior`.

    λ̄[y,b]  endings of quiet per minute at risk, all homes together, smoothed over five quarter hours
    m[c]    endings in a cell (place, part of day, age) over what λ of the home itself would have expected
    κ       how alike homes are: the expected endings at which a home's own counts weigh as much as what is assumed of
            them, by maximum marginal likelihood of k[h,c] ~ NegativeBinomial(κ·m[c], κ / (κ + e[h,c])); for cells
            against the population, and for the levels of `hazard`: age, place within age, cell within place and age
    μ, σ    of the daily maxima of Λ (Gumbel, maximum likelihood), in days that were not learned from
    up      mean and spread of the time of getting up, so that a new home's predictive covers the population's

Not here: how a home's rows become quiets (`prior_quiets`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly.clock_bins import BINS, Floats
from anomaly.prior_quiets import CELLS, HomeQuiets

_POOL_MINUTES = 240.0  # as in `hazard`
_CELL_PRIOR = 20.0  # expected endings by which m is pulled to 1
_KERNEL = np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What was found."""

    rates: Floats  # [weekday, weekend, all][96] endings per minute
    multiplier: Floats  # shape CELLS
    cell_events: float  # κ of a cell that leans on the population's cell
    by_age: Floats  # shape (ages,)
    level_events: tuple[float, float, float]  # κ of age, of place within age, of cell within both
    expected: Floats  # shape CELLS: endings each multiplier rests on
    maximum_mu: float  # nats
    maximum_sigma: float
    home_sigmas: tuple[float, float]  # the tenth and the ninetieth of a hundred homes
    up_mean: float  # minutes after midnight
    up_spread: float
    passages: Floats  # [at home before, outside before][left, stayed], shares of five passages
    quiets: int


def estimate(homes: Sequence[HomeQuiets]) -> Estimate:
    """The population of these homes. Raises `ValueError` if there is nothing to learn from."""
    homes = [home for home in homes if len(home.days)]
    if not homes:
        raise ValueError("no home has a quiet of more than five minutes")
    endings, minutes = _sums(homes)
    rates = np.vstack((_rates(endings, minutes), _rates(endings.sum(0), minutes.sum(0))[None, :]))
    counts = [_cells(home, _home_rates(home, rates[2])) for home in homes]
    ended = np.array([k for k, _ in counts])
    expected = np.array([e for _, e in counts])
    multiplier = (ended.sum(0) + _CELL_PRIOR) / (expected.sum(0) + _CELL_PRIOR)
    strength = cell_strength(ended, expected, multiplier)
    by_age = _by_age(ended.sum(0), expected.sum(0))
    fits = [gumbel(_later_maxima(home, rates[2], multiplier, strength)) for home in homes]
    fits = [fit for fit in fits if not math.isnan(fit[1])]
    sigmas = np.array([sigma for _, sigma in fits]) if fits else np.array([1.0])
    mean, spread = _rising([home.rises for home in homes])
    passages = np.sum([home.passages for home in homes], axis=0) + 0.5
    return Estimate(
        rates=rates,
        multiplier=multiplier.reshape(CELLS),
        cell_events=strength,
        by_age=by_age,
        level_events=_levels(ended.reshape(-1, *CELLS), expected.reshape(-1, *CELLS), by_age),
        expected=expected.sum(0).reshape(CELLS),
        maximum_mu=float(np.mean([mu for mu, _ in fits])) if fits else 3.0,
        maximum_sigma=float(sigmas.mean()),
        home_sigmas=(float(np.quantile(sigmas, 0.1)), float(np.quantile(sigmas, 0.9))),
        up_mean=mean,
        up_spread=spread,
        passages=5.0 * passages / passages.sum(axis=1, keepdims=True),
        quiets=sum(len(home.days) for home in homes),
    )


def _sums(homes: Sequence[HomeQuiets]) -> tuple[Floats, Floats]:
    endings, minutes = np.zeros((2, BINS)), np.zeros((2, BINS))
    for home in homes:
        np.add.at(minutes, (home.types, home.bins), home.seconds / 60.0)
        np.add.at(endings, (home.types[home.last], home.bins[home.last]), 1.0)
    return endings, minutes


def _rates(endings: Floats, minutes: Floats) -> Floats:
    """Smoothed over five quarter hours along the last axis; where nothing was seen, the mean of all."""
    usual = endings.sum() / max(minutes.sum(), 1.0)
    up, down = _smooth(endings), _smooth(minutes)
    return np.asarray((up + 30.0 * usual) / (down + 30.0), dtype=np.float64)


def _smooth(counts: Floats) -> Floats:
    smooth = np.zeros_like(counts)
    for shift, weight in zip(range(-2, 3), _KERNEL, strict=True):
        smooth += weight * np.roll(counts, shift, axis=-1)
    return smooth


def _home_rates(home: HomeQuiets, population: Floats) -> Floats:
    """λ of one home by quarter hour, leaning on the population where little is known."""
    endings, minutes = _sums([home])
    own: Floats = (_smooth(endings.sum(0)) + _POOL_MINUTES * population) / (_smooth(minutes.sum(0)) + _POOL_MINUTES)
    return own


def _cells(home: HomeQuiets, rates: Floats) -> tuple[Floats, Floats]:
    """Endings and expected endings of each cell."""
    size = math.prod(CELLS)
    ended = np.bincount(home.cells[home.last], minlength=size).astype(np.float64)
    expected = np.bincount(home.cells, weights=rates[home.bins] * home.seconds / 60.0, minlength=size)
    return ended, expected.astype(np.float64)


def cell_strength(ended: Floats, expected: Floats, multiplier: Floats) -> float:
    """κ of greatest marginal likelihood, between 0.25 and 128. Homes come first; `multiplier` broadcasts."""
    seen = expected > 0.5
    k, e = ended[seen], expected[seen]
    m = np.broadcast_to(multiplier, expected.shape)[seen]

    def likelihood(log_strength: float) -> float:
        a, b = math.exp(log_strength) * m, math.exp(log_strength)
        return float(np.sum(_log_gamma(a + k) - _log_gamma(a) + a * np.log(b / (b + e)) - k * np.log(b + e)))

    low, high, golden = math.log(0.25), math.log(128.0), (math.sqrt(5.0) - 1.0) / 2.0
    for _ in range(30):
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (left, high) if likelihood(left) < likelihood(right) else (low, right)
    return math.exp((low + high) / 2.0)


def _by_age(ended: Floats, expected: Floats) -> Floats:
    """m of each age, all places and parts of the day together."""
    k, e = ended.reshape(CELLS).sum((0, 1)), expected.reshape(CELLS).sum((0, 1))
    return np.asarray((k + _CELL_PRIOR) / (e + _CELL_PRIOR), dtype=np.float64)


def _levels(ended: Floats, expected: Floats, by_age: Floats) -> tuple[float, float, float]:
    """κ of each level, given the posterior mean of the level above it, as `hazard` uses them."""
    k_age, e_age = ended.sum((1, 2)), expected.sum((1, 2))
    of_age = cell_strength(k_age, e_age, by_age)
    mean = (of_age * by_age + k_age) / (of_age + e_age)
    k_place, e_place = ended.sum(2), expected.sum(2)
    of_place = cell_strength(k_place, e_place, mean[:, None, :])
    mean = (of_place * mean[:, None, :] + k_place) / (of_place + e_place)
    return of_age, of_place, cell_strength(ended, expected, mean[:, :, None, :])


def _log_gamma(x: Floats) -> Floats:
    """Stirling's series after eight steps up; right to 1e-12."""
    up = x + 8.0
    series = 1.0 / (12.0 * up) - 1.0 / (360.0 * up**3) + 1.0 / (1260.0 * up**5)
    value = (up - 0.5) * np.log(up) - up + 0.5 * math.log(2.0 * math.pi) + series
    for i in range(8):
        value -= np.log(x + i)
    return np.asarray(value, dtype=np.float64)


def _later_maxima(home: HomeQuiets, population: Floats, multiplier: Floats, strength: float) -> Floats:
    """The largest Λ of each day of the second half of the period, by what the first half taught."""
    middle = (int(home.days[0]) + int(home.days[-1])) // 2
    is_first = home.days <= middle
    taught = _only(home, is_first)
    if not len(taught.days):
        return np.zeros(0)
    rates = _home_rates(taught, population)
    ended, expected = _cells(taught, rates)
    later = _only(home, ~is_first)
    surprises = surprise(later, rates, strength * multiplier + ended, strength + expected)
    days = later.days - middle - 1
    maxima = np.zeros(int(days.max()) + 1 if len(days) else 0)
    np.maximum.at(maxima, days, surprises)
    return maxima[maxima > 0.0]


def surprise(home: HomeQuiets, rates: Floats, shape: Floats, scale: Floats) -> Floats:
    """Λ at the end of each quiet, in nats: Σ_c shape·log(1 + X_c / scale), as in `hazard`."""
    if not len(home.days):
        return np.zeros(0)
    begins = np.append(True, (home.quiet[1:] != home.quiet[:-1]) | (home.cells[1:] != home.cells[:-1]))
    run = np.cumsum(begins) - 1
    waited = np.bincount(run, weights=rates[home.bins] * home.seconds / 60.0)
    cells = home.cells[begins]
    each = shape[cells] * np.log1p(waited / scale[cells])
    return np.bincount(home.quiet[begins], weights=each, minlength=len(home.days)).astype(np.float64)


def _only(home: HomeQuiets, chosen: NDArray[np.bool_]) -> HomeQuiets:
    steps = chosen[home.quiet]
    number = np.cumsum(chosen) - 1
    return HomeQuiets(
        seconds=home.seconds[steps],
        bins=home.bins[steps],
        types=home.types[steps],
        cells=home.cells[steps],
        quiet=number[home.quiet[steps]],
        days=home.days[chosen],
        passages=home.passages,
        rises=home.rises,
    )


def gumbel(maxima: Floats) -> tuple[float, float]:
    """μ and σ of greatest likelihood; NaN for fewer than ten days."""
    if len(maxima) < 10:
        return math.nan, math.nan
    sigma = max(0.05, float(maxima.std()) * math.sqrt(6.0) / math.pi)
    for _ in range(200):
        weight = np.exp(-(maxima - maxima.min()) / sigma)
        sigma = max(0.05, 0.5 * sigma + 0.5 * float(maxima.mean() - (maxima * weight).sum() / weight.sum()))
    mu = float(maxima.min() - sigma * math.log(np.exp(-(maxima - maxima.min()) / sigma).mean()))
    return mu, sigma


def _rising(homes: Sequence[Floats]) -> tuple[float, float]:
    """Mean of the homes' means, and the spread for which a new home's predictive covers them all.

    A Normal–Inverse-Gamma with two days behind its mean predicts with 1.5 times the variance of a day (`usual_time`).
    """
    known = [rises for rises in homes if len(rises) >= 5]
    if not known:
        return 450.0, 75.0
    means = np.array([float(np.median(rises)) for rises in known])
    within = float(np.mean([np.mean((rises - np.median(rises)) ** 2) for rises in known]))
    return float(means.mean()), math.sqrt((within + float(means.var())) / 1.5)

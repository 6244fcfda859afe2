"""From a surprise to "about once in N days": the distribution of a home's daily maxima.

    P(M > z) = 1 − exp(−exp(−(z − μ)/σ)),   N(z) = 1 / P

A Gumbel distribution of the largest Λ of a day. μ belongs to the home, σ to the population and, slowly, to the home:
five values of σ are carried side by side and weighted by their likelihood. For each, exp(μ/σ) is a ratio of two sums,
so that days can be added, forgotten and taken away, and one monstrous day moves nothing (its exp(−M/σ) is almost 0).

A home that is new is scored by what is not known yet, and its first days come out higher, and farther apart, than its
later ones ever will. So σ is expected larger at first, and days are forgotten the sooner the fewer they are: kept as
the others are, the first fortnight made every threshold two and a half times as rare as promised, for half a year.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly import prior

HALF_LIFE_DAYS = 90.0
PRIOR_DAYS = 12.0  # days of evidence that the population counts for
_SIGMAS = np.array([0.5, 0.7, 0.95, 1.3, 1.8])
_NEWTON_STEPS, _LONGEST_STEP, _NEAR_ENOUGH = 60, 4.0, 1e-7  # nats; the step after it is smaller than any float
_HELD_DAYS = 30.0  # how firmly the population's σ is held
_YOUNG_DAYS = 3.0  # days of evidence after which half of what σ is larger by at first is gone
_SHORTEST, _DAYS_TO_HALF = 2.0, 1.2  # half-life in days: at least, and for each day of evidence


class DailyMaximum:
    """What the largest surprise of a day usually is in this home. High surprise = rare."""

    def __init__(
        self,
        *,
        mu: float = prior.DAILY_MAXIMUM_MU,
        sigma: float = prior.DAILY_MAXIMUM_SIGMA,
        young: float = prior.DAILY_MAXIMUM_YOUNG,
        held: float = _HELD_DAYS,
        settles: bool = True,
    ) -> None:
        """`young`: how much larger σ is at first; `held`: how firmly σ is; `settles`: are the first days others?"""
        self._mu, self._sigma, self._young = mu, sigma, young  # of the population, nats
        self._held, self._settles = held, settles
        # days, Σ M, Σ exp(−M/σ) for each σ; the population's days are added when asked
        self.sums: NDArray[np.float64] = np.zeros(2 + len(_SIGMAS))
        self._thresholds: dict[float, float] = {}  # until the next day is learned

    @property
    def days(self) -> float:
        """Days of this home's own evidence."""
        return float(self.sums[0])

    def live_in(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """From now on the state is in `arrays["maxima"]`, which takes over what it is."""
        arrays["maxima"][...] = self.sums
        self.sums = arrays["maxima"]

    def learn_one(self, surprise: float) -> None:
        """Another observed day had this maximum."""
        half_life = min(max(_DAYS_TO_HALF * self.days, _SHORTEST), HALF_LIFE_DAYS) if self._settles else HALF_LIFE_DAYS
        self.sums *= 2.0 ** (-1.0 / half_life)
        self._thresholds.clear()
        self.sums += np.concatenate(([1.0, surprise], np.exp(-surprise / _SIGMAS)))

    def relearn(self, sums: NDArray[np.float64]) -> None:
        """Back to these sums, or on to them."""
        self.sums[...] = sums
        self._thresholds.clear()

    def discount(self, share: float) -> None:
        """The days until now count so much."""
        self.relearn(self.sums * share)

    def score_one(self, surprise: float) -> float:
        """The chance that a day of this home has a maximum above this."""
        mu, weight = self._fitted()
        return float(weight @ -np.expm1(-np.exp(-(surprise - mu) / _SIGMAS)))

    def once_in_days(self, surprise: float) -> float:
        """N: by chance about once in so many days. Not capped; say `shown`, not this, to people."""
        return 1.0 / max(self.score_one(surprise), 1e-9)

    def shown(self, once_in_days: float) -> float:
        """What may be told: never more than the days it rests on."""
        return min(once_in_days, self.days + PRIOR_DAYS)

    def surprise_of(self, once_in_days: float) -> float:
        """z: the surprise that comes about once in so many days."""
        if once_in_days not in self._thresholds:
            self._thresholds[once_in_days] = self._solved(once_in_days)
        return self._thresholds[once_in_days]

    def _solved(self, once_in_days: float) -> float:
        mu, weight = self._fitted()
        target = 1.0 / once_in_days
        low, high = float((mu - 3 * _SIGMAS).min()), float((mu + 25 * _SIGMAS).max())
        for _ in range(60):
            middle = (low + high) / 2
            above = float(weight @ -np.expm1(-np.exp(-(middle - mu) / _SIGMAS)))
            low, high = (middle, high) if above > target else (low, middle)
        return high

    @staticmethod
    def surprises_of(
        sums: NDArray[np.float64],
        once_in_days: Sequence[float],
        *,
        mu: float = prior.DAILY_MAXIMUM_MU,
        sigma: float = prior.DAILY_MAXIMUM_SIGMA,
        young: float = prior.DAILY_MAXIMUM_YOUNG,
    ) -> NDArray[np.float64]:
        """`surprise_of` for many homes and several N at once, from their `sums` (a row a home): a column for each N.

        Newton's method on log P, where bisection would take sixty steps.
        """
        days, total = sums[:, 0, np.newaxis], sums[:, 1, np.newaxis]
        mus = _SIGMAS * np.log((days + PRIOR_DAYS) / (sums[:, 2:] + PRIOR_DAYS * np.exp(-mu / _SIGMAS)))
        fit = -days * np.log(_SIGMAS) - (total - days * mus) / _SIGMAS - np.exp(mus / _SIGMAS) * sums[:, 2:]
        fit -= _HELD_DAYS * np.log(_SIGMAS / (sigma + young * 2.0 ** (-days / _YOUNG_DAYS))) ** 2
        weight = np.exp(fit - fit.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        found = np.empty((len(sums), len(once_in_days)))
        weight, mus = np.ascontiguousarray(weight.T), np.ascontiguousarray(mus.T)  # a row for each σ
        sigmas = _SIGMAS[:, np.newaxis]
        # The chance is a mixture, so the answer lies between those of its parts: begin at their average …
        before = once_in_days[0]
        z = (weight * (mus - sigmas * math.log(-math.log1p(-1.0 / before)))).sum(axis=0)
        tangent = np.zeros_like(z)
        for column, days_between in enumerate(once_in_days):
            z = z + tangent * math.log(days_between / before)  # … and go on along the tangent
            before = days_between
            for _ in range(_NEWTON_STEPS):
                tail = np.exp((mus - z) / sigmas)
                below = np.exp(-tail)
                chance = 1.0 - (weight * below).sum(axis=0)
                slope = (weight / sigmas * below * tail).sum(axis=0)
                tangent = chance / slope
                step = np.log(chance * days_between) * tangent
                z += np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
                if np.abs(step).max(initial=0.0) < _NEAR_ENOUGH:
                    break
            found[:, column] = z
        return found

    def _fitted(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """μ for each σ, and how much each σ is believed."""
        own = self.sums
        prior_terms = PRIOR_DAYS * np.exp(-self._mu / _SIGMAS)
        mu = _SIGMAS * np.log((own[0] + PRIOR_DAYS) / (own[2:] + prior_terms))
        fit = -own[0] * np.log(_SIGMAS) - (own[1] - own[0] * mu) / _SIGMAS - np.exp(mu / _SIGMAS) * own[2:]
        sigma = self._sigma + self._young * 2.0 ** (-self.days / _YOUNG_DAYS)
        fit -= self._held * np.log(_SIGMAS / sigma) ** 2
        weight = np.exp(fit - fit.max())
        return mu, weight / weight.sum()


def nats(probability: float) -> float:
    """−log of a probability, without a crash at 0."""
    return -math.log(max(probability, 1e-300))

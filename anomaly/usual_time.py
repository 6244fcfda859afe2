"""At what time something happens each day, if it does: the time of getting up, and later others of its kind.

    T ~ Normal–Inverse-Gamma per kind of day → Student-t predictive F, with a small lie-in component
    π ~ Beta: on what share of days it happens at all
    P(not yet by t) = 1 − π F(t)

An irregular habit has a wide F or a small π, so its P never becomes small: it falls silent by construction.
"""

import math
from bisect import bisect_left

import numpy as np
from numpy.typing import NDArray

HALF_LIFE_DAYS = 42.0
_DECIMALS = 4  # that are kept of the counts of older days
_PRIOR_DAYS = 2.0  # κ₀: days for which the population's mean counts
_PRIOR_SHAPE = 2.0  # α₀; 2·α₀ degrees of freedom before the first day
_TYPE_DAYS = 4.0  # days for which all kinds of day together count in one kind
# Beta, days on which it happened and did not: hardly anybody fails to get up, and a few days cannot prove otherwise.
NEARLY_ALWAYS = (100.0, 0.2)
_LATEST = 48 * 60.0  # minutes; a night's habits go on after midnight
_LIE_IN_SHARE, _LIE_IN_LATER, _LIE_IN_SPREAD = 0.02, 120.0, 60.0  # minutes


class UsualTime:
    """The daily time of one habit, in minutes after midnight of civil time. Scoring changes nothing."""

    def __init__(self, *, mean: float, spread: float, occurs: tuple[float, float] = NEARLY_ALWAYS) -> None:
        self._mean, self._spread = mean, spread  # of the population, minutes
        self._occurs, self._fails = occurs  # days of the population
        self.moments: NDArray[np.float64] = np.zeros((2, 3))  # per kind of day: n, Σ T, Σ T²
        self.occurred: NDArray[np.float64] = np.zeros(2)  # happened, did not

    def learn_one(self, minutes: float | None, day_type: int) -> None:
        """Another observed day: the time, or None if it did not happen."""
        self.discount(2.0 ** (-1.0 / HALF_LIFE_DAYS))
        if minutes is None:
            self.occurred[1] += 1.0
        else:
            self.occurred[0] += 1.0
            self.moments[day_type] += (1.0, minutes, minutes * minutes)

    def discount(self, share: float) -> None:
        """The days until now count so much."""
        self.moments[...] = np.round(self.moments * share, _DECIMALS)
        self.occurred[...] = np.round(self.occurred * share, _DECIMALS)

    def score_one(self, minutes: float, day_type: int) -> float:
        """The chance that it has not happened by this time on a day of this kind."""
        return float(self.scores(np.array([minutes]), day_type)[0])

    def scores(self, minutes: NDArray[np.float64], day_type: int) -> NDArray[np.float64]:
        """The same for many times."""
        mean, scale, freedom = self._predictive(day_type)
        usual = _student_t_above((minutes - mean) / scale, freedom)
        lie_in = 0.5 * _erfc((minutes - mean - _LIE_IN_LATER) / (_LIE_IN_SPREAD * math.sqrt(2.0)))
        later = (1.0 - _LIE_IN_SHARE) * usual + _LIE_IN_SHARE * lie_in
        happens = (self._occurs + self.occurred[0]) / (self._occurs + self._fails + self.occurred.sum())
        return np.asarray(1.0 - happens * (1.0 - later), dtype=np.float64)

    def quantiles(self, day_type: int, chances: tuple[float, ...]) -> list[float]:
        """The minutes after midnight by which it has happened with these chances, days without it left out."""
        mean, scale, freedom = self._predictive(day_type)

        def has_happened(minute: int, chance: float) -> bool:
            return 1.0 - float(_student_t_above(np.array([(minute - mean) / scale]), freedom)[0]) >= chance

        minutes = range(int(_LATEST))
        return [float(min(bisect_left(minutes, True, key=lambda m: has_happened(m, c)), len(minutes) - 1))
                for c in chances]  # fmt: skip

    def _predictive(self, day_type: int) -> tuple[float, float, float]:
        """Location, scale and degrees of freedom; all days first, then this kind of day upon them."""
        mean, count, shape, rate = self._mean, _PRIOR_DAYS, _PRIOR_SHAPE, _PRIOR_SHAPE * self._spread**2
        mean, count, shape, rate = _updated(self.moments.sum(0), mean, count, shape, rate)
        count, shape, rate = min(count, _TYPE_DAYS), min(shape, _TYPE_DAYS), rate / shape * min(shape, _TYPE_DAYS)
        mean, count, shape, rate = _updated(self.moments[day_type], mean, count, shape, rate)
        return mean, math.sqrt(rate * (count + 1.0) / (shape * count)), 2.0 * shape


def _updated(
    moments: NDArray[np.float64], mean: float, count: float, shape: float, rate: float
) -> tuple[float, float, float, float]:
    """Normal–Inverse-Gamma: the posterior after n values with these sums."""
    n, total, squares = (float(moment) for moment in moments)
    if n <= 0.0:
        return mean, count, shape, rate
    average = total / n
    spread = max(squares - n * average * average, 0.0)
    rate += 0.5 * spread + 0.5 * count * n * (average - mean) ** 2 / (count + n)
    return (count * mean + total) / (count + n), count + n, shape + n / 2.0, rate


def _erfc(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([math.erfc(each) for each in x])


def _student_t_above(x: NDArray[np.float64], freedom: float) -> NDArray[np.float64]:
    """P(T > x) by Wallace's normal approximation; within 4 % of the true value where it matters (from 4 degrees)."""
    z = np.sign(x) * np.sqrt(freedom * np.log1p(x * x / freedom)) * (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0)
    return np.asarray(0.5 * _erfc(z / math.sqrt(2.0)), dtype=np.float64)

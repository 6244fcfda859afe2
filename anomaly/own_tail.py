"""From a chance that a formula gives to "about once in N days", corrected by what this home's own days have shown.

Some habits are judged once a day, with the chance p of being this late or this long. If the formula were right, p
would be uniform over days; −log(−log(1 − p)) is then a standard Gumbel variable, and `DailyMaximum` learns how far from
it this home is: where small chances come too often, they are called less rare. Pure.
"""

import math

from anomaly.return_period import DailyMaximum

_SMALLEST = 1e-12  # chances outside [_SMALLEST, 1 − _SMALLEST] are beyond what any formula here knows


class OwnTail:
    """How rare a chance really is in one home. Scoring changes nothing."""

    def __init__(self) -> None:
        self.maxima = DailyMaximum(mu=0.0, sigma=1.0, young=0.0, held=20.0, settles=False)

    def learn_one(self, chance: float) -> None:
        """Another observed day ended with this chance."""
        self.maxima.learn_one(_gumbel(chance))

    def once_in_days(self, chance: float) -> float:
        """N: by chance about once in so many days. Not capped."""
        return self.maxima.once_in_days(_gumbel(chance))

    def chance_of(self, once_in_days: float) -> float:
        """The chance that comes about once in so many days."""
        return -math.expm1(-math.exp(-self.maxima.surprise_of(once_in_days)))


def _gumbel(chance: float) -> float:
    """The quantile of a standard Gumbel variable that is exceeded with this chance."""
    return -math.log(-math.log1p(-min(max(chance, _SMALLEST), 1.0 - _SMALLEST)))

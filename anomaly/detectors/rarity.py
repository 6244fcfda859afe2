"""What detectors of single events share: how rare a day's largest surprise is, and which grade that makes.

A detector that judges many things a day (every visit to the bathroom) must not call each of them rare that is rare
among visits: what counts is how often a *day* has one like it. The chance of a day whose largest surprise M is above z,

    P(M > z) = r · (1 + (z − u) / (k₀ + Σ excess))^−(k₀ + k)      k days with M above u, Σ of how far; N(z) = 1 / P

is that of peaks over a threshold u: r is the share of days with one, and what lies above u is exponential with a scale
that is 1 if the chances are right, its uncertainty included. Not `return_period`: a Gumbel distribution needs a largest
surprise on every day, and most days have no outing, no trip at night and no door opened at night. Its scale would be
fitted to zeros, come out far too small, and call everything rare.
"""

import math
from typing import Any

from anomaly.detectors.detector import CEILINGS_ONLY_DAYS, WARM_UP_DAYS, Known
from anomaly.return_period import HALF_LIFE_DAYS, PRIOR_DAYS
from store.deviation import Grade

_PRIOR_PEAKS = 20.0  # k₀: how firmly the scale of 1 is held
_URGENT_TIMES = 2.0  # urgent is at least so many times rarer than what somebody is told of
_FORGOTTEN = 1.0  # days that have faded in the first fortnight
_NEVER = 1e-9
# How much rarer than promised something must be before people are told: single events have worse tails than days. With
# 1, dwell told 0.26 and not returned 0.3 times a home-month where 0.10 were promised (16 evaluation homes, 38 months).
_TOLD_TIMES = 4.0


class Rarity:
    """The days of one detector, with the running one. `a_day`: chances a day that are expected of any home."""

    def __init__(self, *, a_day: float, of: str = "") -> None:
        self._of = of  # the detector whose budget it is
        self.peak_from = math.log(a_day) + 1.0  # u, nats
        self._prior_share = -math.expm1(-math.exp(-1.0))  # of days above u, with right chances
        self.days = self.peaks = self.excess = 0.0
        self.top = 0.0  # of the running day, for who does not learn whole days

    def note(self, surprise: float) -> None:
        """Something of this surprise is over."""
        self.top = max(self.top, surprise)

    def needed(
        self, known: Known, false_a_month: float, *, share: float = 1.0, most: Grade = Grade.URGENT
    ) -> dict[Grade, float]:
        """The surprise for each grade up to `most`; empty while it is too early for any.

        `share` of the detector's findings may come from this: the others watch something else.
        """
        times = 1.0 / share
        if self.days < CEILINGS_ONLY_DAYS - _FORGOTTEN:
            return {}  # a detector that is newer than the home's model is as new as a home
        if known.learned_days >= WARM_UP_DAYS > self.days + _FORGOTTEN:
            times *= 2.0
        days = {grade: times * required for grade, required in known.required_days(false_a_month).items()}
        if Grade.ATTENTION in days:
            days[Grade.ATTENTION] *= _TOLD_TIMES
        if Grade.ATTENTION in days and Grade.URGENT in days:  # a small budget makes attention rarer than once a year
            days[Grade.URGENT] = max(days[Grade.URGENT], _URGENT_TIMES * days[Grade.ATTENTION])
        offset = known.offset(self._of)
        return {grade: self.surprise_of(needed) + offset for grade, needed in days.items() if grade.rank <= most.rank}

    def score_one(self, surprise: float) -> float:
        """The chance that a day has one of this surprise or more."""
        share, shape, scale = self._fitted()
        above = max(0.0, surprise - self.peak_from)
        return float(min(share, 1.0) * (1.0 + above / scale) ** -shape)

    def once_in_days(self, surprise: float) -> float:
        """N: by chance about once in so many days. Not capped; say `shown`, not this, to people."""
        return 1.0 / max(self.score_one(surprise), _NEVER)

    def surprise_of(self, once_in_days: float) -> float:
        """z: the surprise that comes about once in so many days; at least where the tail begins."""
        share, shape, scale = self._fitted()
        rarer = max(1.0, share * once_in_days)
        return float(self.peak_from + scale * (rarer ** (1.0 / shape) - 1.0))

    def shown(self, surprise: float, known: Known) -> float:
        """What people may be told: never more than the days it rests on."""
        return min(self.once_in_days(surprise), self.days + PRIOR_DAYS, known.maxima.shown(math.inf))

    def day_over(self, *, learnable: bool) -> None:
        """Learn the day's largest surprise, if the day may teach."""
        if learnable:
            self.learn_day(self.top)
        self.top = 0.0

    def learn_day(self, top: float) -> None:
        """Another day, and its largest surprise; 0 if it had none."""
        self.discount(2.0 ** (-1.0 / HALF_LIFE_DAYS))
        self.days += 1.0
        if top > self.peak_from:
            self.peaks += 1.0
            self.excess += top - self.peak_from

    def discount(self, share: float) -> None:
        """The days until now count so much."""
        self.days, self.peaks, self.excess = self.days * share, self.peaks * share, self.excess * share

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {name: getattr(self, name) for name in ("days", "peaks", "excess", "top")}

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.days, self.peaks, self.excess, self.top = (saved[name] for name in ("days", "peaks", "excess", "top"))

    def _fitted(self) -> tuple[float, float, float]:
        """r, and shape and scale of what lies above u."""
        share = (self.peaks + PRIOR_DAYS * self._prior_share) / (self.days + PRIOR_DAYS)
        return share, _PRIOR_PEAKS + self.peaks, _PRIOR_PEAKS + self.excess


def grade_of(surprise: float, needed: dict[Grade, float]) -> Grade | None:
    """The highest grade whose surprise is reached."""
    return next((grade for grade in reversed(Grade) if surprise >= needed.get(grade, math.inf)), None)


def perhaps_out(surprise: float, out: float) -> float:
    """The surprise when with this chance nobody is there: −log(p + (1 − p)·exp(−Λ)), as `situation.with_absence`."""
    return surprise if out <= 0.0 else -math.log(out + (1.0 - out) * math.exp(-surprise))


def surely_home(surprise: float, out: float) -> float:
    """The opposite: the Λ at which `perhaps_out` comes to this surprise; inf if it never does."""
    if out <= 0.0:
        return surprise
    left = math.exp(-surprise) - out
    return math.inf if left <= 0.0 else -math.log(left / (1.0 - out))

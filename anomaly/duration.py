"""How long something usually lasts: a visit to the bathroom, a time out of bed, an outing. Pure; no clock, no sensors.

    log d ~ Normal–Inverse-Gamma, from the general to the particular (any hour → this part of the day)
    u(d)  = −log of the Student-t predictive chance to last longer than d, from the shortest that counts
    Λ(d)  = Σ_j (κ + k_j) · log(1 + X_j(d) / (κ + e_j))      X_j: the part of u(d) in the step j of a fixed ladder

k are endings and e exposures on the ladder of u, so they correct the *shape* of the tail: who goes from the hall to a
room without a sensor makes many long visits to the hall, their e outgrow their k, and Λ stays low. Homes like that
fall silent by construction; where durations are log-normal, k keeps up with e and Λ = u. In nats: high means unusual.
"""

import math
from collections.abc import Sequence
from typing import Any

HALF_LIFE_DAYS = 42.0  # learned days
_PRIOR_COUNT = 2.0  # κ₀: how many durations the population's mean counts for
_PRIOR_SHAPE = 1.5  # α₀: … and its spread
_GENERAL_COUNT = 8.0  # durations for which all that is more general counts in the particular
_LADDER = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0, math.inf)  # nats of u
_DECIMALS = 4  # that are kept of the counts of older days
_STEP_EVENTS = 2.0  # κ of the ladder: endings for which the Student-t counts
_LONGEST = 30 * 86400.0  # seconds; nothing is looked for beyond


class Durations:
    """The durations of one kind of thing in one home, in several groups. Scoring changes nothing.

    A group is a tuple of keys from the general to the particular, such as ("hall", "hall/night"); the tail is learned
    for the first of them. Durations of `shortest` seconds or less do not exist here: who asks must leave them out.
    """

    def __init__(self, *, minutes: float, spread: float, shortest: float) -> None:
        self._mean, self._spread = math.log(minutes * 60.0), spread  # of the population; `spread` of the logarithm
        self.shortest = shortest
        self.moments: dict[str, list[float]] = {}  # n, Σ log d, Σ log² d
        self.tails: dict[str, list[list[float]]] = {}  # [k, e] of each step

    def known(self, group: Sequence[str]) -> float:
        """How many durations of the group's most general kind have been learned, the older ones counting less."""
        return self.moments.get(group[0], [0.0])[0]

    def surprise(self, seconds: float, group: Sequence[str]) -> float:
        """Λ: −log of the chance that it lasts longer than this. Never falls with the duration."""
        return self._adjusted(self._student(seconds, group), group)

    def score_one(self, seconds: float, group: Sequence[str]) -> float:
        """The chance that it lasts longer than this."""
        return math.exp(-self.surprise(seconds, group))

    def reached_at(self, surprise: float, group: Sequence[str]) -> float:
        """The duration in seconds at which Λ comes to `surprise`; inf if not within a month."""
        if surprise <= 0.0:
            return self.shortest
        low, high = math.log(self.shortest), math.log(_LONGEST)
        if self.surprise(_LONGEST, group) < surprise:
            return math.inf
        mean, scale, freedom = self._predictive(group)
        needed = self._unadjusted(surprise, group) - log_above((math.log(self.shortest) - mean) / scale, freedom)
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if -log_above((middle - mean) / scale, freedom) < needed else (low, middle)
        return math.exp(high)

    def learn_one(self, seconds: float, group: Sequence[str]) -> None:
        """Another one lasted this long."""
        if seconds <= self.shortest:
            return
        u = self._student(seconds, group)
        tail = self.tails.setdefault(group[0], [[0.0, 0.0] for _ in _LADDER])
        below = 0.0
        for step, upper in zip(tail, _LADDER, strict=True):
            step[1] += min(u, upper) - below
            if u <= upper:
                step[0] += 1.0
                break
            below = upper
        log = math.log(seconds)
        for key in group:
            moments = self.moments.setdefault(key, [0.0, 0.0, 0.0])
            moments[0] += 1.0
            moments[1] += log
            moments[2] += log * log

    def day_over(self) -> None:
        """Forget a little, after a day that taught."""
        self.discount(2.0 ** (-1.0 / HALF_LIFE_DAYS))

    def discount(self, share: float) -> None:
        """What has been learned until now counts so much."""
        for moments in self.moments.values():
            moments[:] = [round(each * share, _DECIMALS) for each in moments]
        for tail in self.tails.values():
            tail[:] = [[round(each * share, _DECIMALS) for each in step] for step in tail]

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {"moments": self.moments, "tails": self.tails}

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.moments = {key: list(moments) for key, moments in saved["moments"].items()}
        self.tails = {key: [list(step) for step in tail] for key, tail in saved["tails"].items()}

    def _adjusted(self, u: float, group: Sequence[str]) -> float:
        tail = self.tails.get(group[0])
        total = below = 0.0
        for i, upper in enumerate(_LADDER):
            ended, exposed = (0.0, 0.0) if tail is None else tail[i]
            inside = min(u, upper) - below
            total += (_STEP_EVENTS + ended) * math.log1p(inside / (_STEP_EVENTS + exposed))
            if u <= upper:
                break
            below = upper
        return total

    def _unadjusted(self, surprise: float, group: Sequence[str]) -> float:
        """The u that `_adjusted` makes into this: its inverse."""
        tail = self.tails.get(group[0])
        total = below = 0.0
        for i, upper in enumerate(_LADDER):
            ended, exposed = (0.0, 0.0) if tail is None else tail[i]
            shape, scale = _STEP_EVENTS + ended, _STEP_EVENTS + exposed
            step = shape * math.log1p((upper - below) / scale)
            if total + step >= surprise:
                return below + scale * math.expm1((surprise - total) / shape)
            total, below = total + step, upper
        return math.inf

    def _student(
        self, seconds: float, group: Sequence[str], predictive: tuple[float, float, float] | None = None
    ) -> float:
        """u: in nats, 0 at the shortest."""
        if seconds <= self.shortest:
            return 0.0
        mean, scale, freedom = predictive or self._predictive(group)
        from_start = -log_above((math.log(self.shortest) - mean) / scale, freedom)
        return max(0.0, -log_above((math.log(seconds) - mean) / scale, freedom) - from_start)

    def _predictive(self, group: Sequence[str]) -> tuple[float, float, float]:
        """Location, scale and degrees of freedom of log d."""
        mean, count, shape, rate = self._mean, _PRIOR_COUNT, _PRIOR_SHAPE, _PRIOR_SHAPE * self._spread**2
        for key in group:
            weight = min(1.0, _GENERAL_COUNT / count)
            mean, count, shape, rate = _updated(
                self.moments.get(key), mean, count * weight, shape * weight, rate * weight
            )
        return mean, math.sqrt(rate * (count + 1.0) / (shape * count)), 2.0 * shape


def _updated(
    moments: list[float] | None, mean: float, count: float, shape: float, rate: float
) -> tuple[float, float, float, float]:
    """Normal–Inverse-Gamma: the posterior after these logarithms."""
    if moments is None or moments[0] <= 0.0:
        return mean, count, shape, rate
    n, total, squares = moments
    average = total / n
    rate += 0.5 * max(squares - n * average * average, 0.0) + 0.5 * count * n * (average - mean) ** 2 / (count + n)
    return (count * mean + total) / (count + n), count + n, shape + n / 2.0, rate


def log_above(x: float, freedom: float) -> float:
    """log P(T > x) of Student's t, by Wallace's normal approximation: in the tail as well, where 1 − F is 0."""
    z = math.sqrt(freedom * math.log1p(x * x / freedom)) * (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0)
    if x < 0.0:
        return math.log1p(-0.5 * math.erfc(z / math.sqrt(2.0)))
    if z < 30.0:
        return math.log(0.5 * math.erfc(z / math.sqrt(2.0)))
    return -0.5 * z * z - math.log(z * math.sqrt(2.0 * math.pi))

"""Methods that look at the clock instead of at a quiet: counts of movements in an hour, and river's learners on them.

Every quarter hour they are shown how much somebody moved lately. Through the same gates: nothing is scored of an hour
in which nobody could be seen or the resident was probably out, and a day that may not teach is forgotten.
"""

import copy
import math
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from river import anomaly, drift

_REMEMBERED_DAYS = 42
_LEAST_DAYS = 7
_LEAST_SPREAD = 1.0  # events an hour
_LONGEST_HOURS, _MOST_EVENTS = 12.0, 60.0  # what is 1 for the trees, which take values from 0 to 1
_TREES_WINDOW = 7 * 96  # quarter hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What a quarter hour shows."""

    at: float  # epoch seconds
    hour: float  # civil time
    last_hour: int  # signs of life
    last_four_hours: int
    quiet_hours: float  # since the last one, observed


class TickedMethod(Protocol):
    """Scores each quarter hour, or each full one."""

    name: str

    def score(self, tick: Tick) -> float | None:
        """None: nothing to say at this time."""

    def day_over(self, *, learnable: bool) -> None:
        """Learn from the ticks of the day, or forget them."""

    def branched(self) -> Self:
        """One that goes on from here and teaches this one nothing. It is not told of the end of a day."""


class _ByHour:
    """How much somebody moves in each hour of the day."""

    def __init__(self) -> None:
        self.today = np.full(24, np.nan)
        self.days: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []
        self.mean, self.spread = np.full(24, np.nan), np.ones(24)

    def z(self, tick: Tick) -> float | None:
        """Standard deviations below the mean of this hour; None before it is known, and between full hours."""
        if round(tick.hour * 60) % 60:
            return None
        hour = (round(tick.hour) - 1) % 24
        self.today[hour] = tick.last_hour
        mean = float(self.mean[hour])
        return None if math.isnan(mean) else (mean - tick.last_hour) / float(self.spread[hour])

    def day_over(self, *, learnable: bool) -> None:
        """Mean and spread of the remembered days."""
        if learnable:
            self.days = [*self.days[1 - _REMEMBERED_DAYS :], self.today]
            seen = np.array(self.days)
            known = (~np.isnan(seen)).sum(0) >= _LEAST_DAYS
            self.mean[known] = np.nanmean(seen[:, known], axis=0)
            self.spread[known] = np.maximum(np.nanstd(seen[:, known], axis=0), _LEAST_SPREAD)
        self.today = np.full(24, np.nan)


class HourlyZ(_ByHour):
    """The usual z-score: so many standard deviations less movement than is usual in this hour of the day."""

    name = "hourly z"

    def score(self, tick: Tick) -> float | None:
        """Only at full hours."""
        return self.z(tick)

    def branched(self) -> Self:
        """It learns at midnight only."""
        return self


class Hinkley(_ByHour):
    """river's PageHinkley on the hourly z-scores: the evidence adds up while it stays quieter than usual.

    Its statistic is read, not its verdict, because the threshold is only chosen in hindsight.
    """

    name = "PageHinkley"

    def __init__(self) -> None:
        super().__init__()
        self.test = drift.PageHinkley(min_instances=1, delta=0.5, threshold=math.inf, mode="up")

    def score(self, tick: Tick) -> float | None:
        """How far its sum lies above its lowest point."""
        z = self.z(tick)
        if z is None:
            return None
        self.test.update(z)
        return hinkley_statistic(self.test)

    def branched(self) -> Self:
        """A test of its own."""
        branch = copy.copy(self)
        branch.test, branch.today = copy.deepcopy(self.test), self.today.copy()
        return branch


def hinkley_statistic(test: drift.PageHinkley) -> float:
    """What river compares with its threshold (a contract test holds it to that)."""
    return float(test._sum_increase - test._min_increase)


class Trees:
    """river's HalfSpaceTrees on the time of day, the running quiet and the movements of the last hours."""

    name = "HalfSpaceTrees"

    def __init__(self) -> None:
        self.trees = anomaly.HalfSpaceTrees(n_trees=25, height=8, window_size=_TREES_WINDOW, seed=1)
        self.today: list[dict[str, float]] = []
        self.days = 0

    def score(self, tick: Tick) -> float | None:
        """1: like nothing seen before."""
        angle = tick.hour / 24.0 * 2.0 * math.pi
        shown = {
            "sin": (math.sin(angle) + 1.0) / 2.0,
            "cos": (math.cos(angle) + 1.0) / 2.0,
            "quiet": min(1.0, tick.quiet_hours / _LONGEST_HOURS),
            "hour": min(1.0, tick.last_hour / _MOST_EVENTS),
            "four": min(1.0, tick.last_four_hours / (4.0 * _MOST_EVENTS)),
        }
        self.today.append(shown)
        return float(self.trees.score_one(shown)) if self.days >= _LEAST_DAYS else None

    def day_over(self, *, learnable: bool) -> None:
        """Learn the whole day at once."""
        if learnable:
            self.days += 1
            for shown in self.today:
                self.trees.learn_one(shown)
        self.today = []

    def branched(self) -> Self:
        """The same trees, which a branch never teaches."""
        branch = copy.copy(self)
        branch.today = []
        return branch


def ticked_methods() -> list[TickedMethod]:
    """All of them, knowing nothing yet."""
    return [HourlyZ(), Hinkley(), Trees()]

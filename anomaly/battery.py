"""When will this battery be empty? A robust straight line through its daily readings, with an honest interval. Pure.

Theil–Sen: the slope is the median of the slopes between all pairs of days, so that a cold night or a false reading
moves little; the line runs through the median of what the readings leave. The interval comes from the pair slopes at
Kendall's quantiles (Sen 1968), widened because daily readings repeat each other, and from the battery's steps. Two
windows are tried, four weeks and sixteen, since lithium cells hold long and then fall quickly: the earlier date counts.

A battery that was replaced begins anew. One that knows only 100 and 0, or has not fallen for certain, has no forecast.

Rule of thumb: it is worth a visit when `until` is nearer than the next visit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import ceil, floor, sqrt

import numpy as np
from numpy.typing import NDArray

EMPTY = 0.0  # percent; many sensors stop a little earlier, which the interval allows for
KEPT_DAYS = 112  # of readings; the longer window
_WINDOWS = ((28, 1), (KEPT_DAYS, 4))  # days looked back, and how many of them give one reading
_FEWEST = 7  # readings in a window
_REPLACED_BY = 15  # points upwards from one reading to the next: nobody's battery grows so much by warmth
_Z = 1.645  # of a normal distribution: nine in ten …
_REPEATED = 1.5  # … if days were independent, which they are not
_FARTHEST = 365  # days; farther is not known
_DIGITS = 6  # of a day: two dates that differ by less are one

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What a battery said last on a day."""

    day: date
    percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """When it will be empty if it goes on like this: in nine of ten cases between `earliest` and `latest`."""

    empty_on: date
    earliest: date
    latest: date | None  # None: not within a year
    points_per_day: float  # by which it falls
    rests_on_days: int


def since_replaced(charges: Sequence[Charge]) -> list[Charge]:
    """The readings of the battery that is in there now. `charges` are in order of days, one a day."""
    start = 0
    for i in range(1, len(charges)):
        if charges[i].percent - charges[i - 1].percent >= _REPLACED_BY:
            start = i
    return list(charges[start:])


def is_two_valued(charges: Sequence[Charge]) -> bool:
    """Does it know only full and empty?"""
    return {charge.percent for charge in charges} <= {0, 100}


def step_of(charges: Sequence[Charge]) -> float:
    """The smallest difference between two values it ever said, in points: each may be wrong by as much."""
    said = sorted({charge.percent for charge in charges})
    return float(min((higher - lower for lower, higher in pairwise(said)), default=0))


def forecast(charges: Sequence[Charge], *, today: date) -> Forecast | None:
    """When the battery will be empty; None if that cannot be said. Never before `today`."""
    mine = since_replaced(charges)
    if not mine or is_two_valued(mine):
        return None
    step = step_of(mine)
    lines = [line for days, every in _WINDOWS if (line := _fitted(_thinned(mine, days, every), step)) is not None]
    if not lines:
        return None
    origin = mine[-1].day.toordinal()
    soonest = min(lines, key=lambda line: (round(line.empty_at, _DIGITS), line.latest))
    return Forecast(
        empty_on=_day(origin, soonest.empty_at, today),
        earliest=_day(origin, min(line.earliest for line in lines), today),
        latest=None if soonest.latest > _FARTHEST else _day(origin, soonest.latest, today),
        points_per_day=-soonest.slope,
        rests_on_days=soonest.days,
    )


@dataclass(frozen=True, slots=True)
class _Line:
    slope: float  # points a day, negative
    empty_at: float  # days after the newest reading
    earliest: float
    latest: float
    days: int


def _thinned(charges: Sequence[Charge], days: int, every: int) -> tuple[Floats, Floats]:
    """Days before the newest reading (0, −1 …) and percent, at most one reading in every so many days."""
    newest = charges[-1].day.toordinal()
    chosen: dict[int, tuple[int, int]] = {}
    for charge in charges:
        ago = newest - charge.day.toordinal()
        if ago < days:
            chosen[ago // every] = (-ago, charge.percent)  # the newest of its block stays: they come in order
    found = sorted(chosen.values())
    return np.array([at for at, _ in found], np.float64), np.array([percent for _, percent in found], np.float64)


def _fitted(readings: tuple[Floats, Floats], step: float) -> _Line | None:
    at, percent = readings
    count = len(at)
    if count < _FEWEST:
        return None
    first, second = np.triu_indices(count, 1)
    slopes = np.sort((percent[second] - percent[first]) / (at[second] - at[first]))
    spread = _Z * _REPEATED * sqrt(count * (count - 1) * (2 * count + 5) / 18.0)  # of Kendall's S
    low = max(0, int((len(slopes) - spread) / 2.0))
    high = min(len(slopes) - 1, ceil((len(slopes) + spread) / 2.0))
    slope, steep, flat = float(np.median(slopes)), float(slopes[low]), float(slopes[high])
    if slope >= 0.0 or flat > 0.0:  # it may as well be standing still
        return None
    level = _level(at, percent, slope)
    return _Line(
        slope=slope,
        empty_at=_reaches(level, slope),
        earliest=_reaches(_level(at, percent, steep) - step, steep),
        latest=float("inf") if flat == 0.0 else _reaches(_level(at, percent, flat) + step, flat),
        days=int(at[-1] - at[0]) + 1,
    )


def _level(at: Floats, percent: Floats, slope: float) -> float:
    """What the line says of the newest day."""
    return float(np.median(percent - slope * at))


def _reaches(level: float, slope: float) -> float:
    return max(0.0, (level - EMPTY) / -slope)


def _day(origin: int, days: float, today: date) -> date:
    whole = floor(round(min(days, 4.0 * _FARTHEST), 6))  # so that the last bit of a float does not move the date
    return max(date.fromordinal(origin) + timedelta(days=whole), today)

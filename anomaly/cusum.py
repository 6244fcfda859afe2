"""Two one-sided CUSUMs with two slacks, and how high they may rise by chance.

    S⁺ = max(0, S⁺ + z − k),   S⁻ = max(0, S⁻ − z − k),   k = 0.75 finds large changes soon, k = 0.4 small ones at all

A change is found when any of the four passes its threshold h(k, ARL). The thresholds were measured (`cusum_table`), on
days judged by the same baselines that judge real days, guard lag and all; they stand in `cusum_table.json`.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SLACKS = (0.75, 0.4)
Sums = tuple[float, float, float, float]  # up and down with the first slack, up and down with the second
NOTHING: Sums = (0.0, 0.0, 0.0, 0.0)
ROOM = 3.0  # above the highest threshold: how far a sum may rise, so that it comes down when the change is over


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """h for each slack, by the days between two false changes of one figure."""

    days: tuple[float, ...]
    heights: tuple[tuple[float, float], ...]

    def of(self, days: float) -> tuple[float, float]:
        """h for one false change in so many days; between the measured ones by the logarithm, beyond them the last."""
        days = min(max(days, self.days[0]), self.days[-1])
        upper = next(i for i, each in enumerate(self.days) if each >= days)
        if upper == 0:
            return self.heights[0]
        low, high = self.heights[upper - 1], self.heights[upper]
        share = math.log(days / self.days[upper - 1]) / math.log(self.days[upper] / self.days[upper - 1])
        return low[0] + share * (high[0] - low[0]), low[1] + share * (high[1] - low[1])

    @property
    def highest(self) -> tuple[float, float]:
        """Where sums stop, for each slack."""
        return self.heights[-1][0] + ROOM, self.heights[-1][1] + ROOM


@cache
def thresholds() -> Thresholds:
    """The measured ones."""
    table = json.loads(files("anomaly").joinpath("cusum_table.json").read_text(encoding="utf-8"))
    rows = table["thresholds"]
    return Thresholds(
        days=tuple(float(row["days"]) for row in rows),
        heights=tuple((float(row["h"][0]), float(row["h"][1])) for row in rows),
    )


def summed(start: Sums, values: Iterable[float | None], highest: tuple[float, float]) -> Sums:
    """The sums after these days; a missing day changes nothing."""
    sums = start
    for z in values:
        if z is not None:
            sums = (
                min(max(0.0, sums[0] + z - SLACKS[0]), highest[0]),
                min(max(0.0, sums[1] - z - SLACKS[0]), highest[0]),
                min(max(0.0, sums[2] + z - SLACKS[1]), highest[1]),
                min(max(0.0, sums[3] - z - SLACKS[1]), highest[1]),
            )
    return sums


def height(sums: Sums, limits: tuple[float, float], *, up: bool) -> float:
    """How high the sums of one direction stand, as a share of their thresholds; 1 and more is a change."""
    first, second = (sums[0], sums[2]) if up else (sums[1], sums[3])
    return max(first / limits[0], second / limits[1])

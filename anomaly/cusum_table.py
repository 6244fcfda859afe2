"""Measures how high CUSUMs rise by chance, and writes the table they are judged by: `python -m anomaly.cusum_table`.

Pretend homes without any change: independent normal days, two kinds of day, judged by the formulas of
`gradual_baseline` with its half-life and its guard lag (all homes at once, with numpy), from the first day on which
changes are looked for. So the doubt about a baseline of two weeks is in the table. What is not: days that depend on
each other, and figures that are nothing like a normal variable after their PIT.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly.cusum import SLACKS
from anomaly.day_journal import LAG_DAYS
from anomaly.gradual_baseline import CLIP, FIRST_DAYS, KEEP, PRIOR_DAYS, TYPE_DAYS

TARGETS = (100, 200, 300, 600, 1000, 1600, 2600, 4000)  # days between two false changes
_SEED, _HOMES, _DAYS = 20261123, 12_000, 360
_LOWEST, _HIGHEST, _STEP = 1.5, 14.0, 0.05

Floats = NDArray[np.float64]


def pretend_z(*, homes: int, days: int, seed: int, ahead: int = LAG_DAYS) -> Floats:
    """(days, homes): the z of days without any change, each judged by the days up to a lag before."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((FIRST_DAYS + ahead + days, homes))
    moments = np.zeros((2, 3, homes))
    judged = np.empty((days, homes))
    first = rng.integers(0, 7)
    for day in range(len(x)):
        entering = day - ahead
        if entering >= 0:
            value = x[entering]
            moments *= KEEP
            moments[int((first + entering) % 7 >= 5)] += np.stack((np.ones(homes), value, value * value))
        if day >= FIRST_DAYS + ahead:
            judged[day - FIRST_DAYS - ahead] = scores(moments, x[day], int((first + day) % 7 >= 5))
    return judged


def scores(moments: Floats, x: Floats, day_type: int) -> Floats:
    """`Baseline.score_one` of a time with an assumed spread of 1, for many homes."""
    n, total, square = moments[:, 0], moments[:, 1], moments[:, 2]
    days = n.sum(0)
    borrowed = np.minimum(TYPE_DAYS, days)
    mean = (total + borrowed * total.sum(0) / days) / (n + borrowed)
    squares = np.maximum(square - 2.0 * mean * total + n * mean * mean, 0.0).sum(0)
    variance = (squares + PRIOR_DAYS) / (days + PRIOR_DAYS) * (1.0 + 1.0 / (n[day_type] + borrowed))
    freedom = days + PRIOR_DAYS
    t = (x - mean[day_type]) / np.sqrt(variance)
    z = np.sqrt(freedom * np.log1p(t * t / freedom)) * (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0)
    return np.asarray(np.clip(np.copysign(z, t), -CLIP, CLIP), dtype=np.float64)


def false_changes_a_day(z: Floats, heights: Floats) -> Floats:
    """(thresholds): changes found per day, for each pair of thresholds (rows of `heights`); sums start anew after one.

    While a change is open nothing else is found: like the service, a week is left out after each.
    """
    found = np.zeros(len(heights))
    watched = np.zeros(len(heights))
    sums = np.zeros((4, z.shape[1], len(heights)), dtype=np.float32)
    pause = np.zeros((z.shape[1], len(heights)), dtype=np.int8)
    for row in z.astype(np.float32)[:, :, None]:
        for i, sign in enumerate((1, -1, 1, -1)):
            np.maximum(sums[i] + (sign * row - np.float32(SLACKS[i // 2])), 0.0, out=sums[i])
        over = (sums[:2] >= heights[:, 0]).any(0) | (sums[2:] >= heights[:, 1]).any(0)
        awake = pause == 0
        found += (over & awake).sum(0)
        watched += awake.sum(0)
        pause = np.where(over & awake, np.int8(7), np.maximum(pause - 1, 0)).astype(np.int8)
        sums *= ~(over | ~awake)
    return found / watched


def paired_heights(z: Floats) -> Floats:
    """Pairs of thresholds that each find equally many changes alone, from low to high."""
    grid = np.arange(_LOWEST, _HIGHEST, _STEP)
    never = np.full(len(grid), np.inf)
    rates = [false_changes_a_day(z, np.stack(pair, axis=1)) for pair in ((grid, never), (never, grid))]
    wanted = np.geomspace(60.0, 20_000.0, 40)
    alone = [np.interp(np.log(wanted), -np.log(np.maximum(rate, 1e-9)), grid) for rate in rates]
    return np.stack(alone, axis=1)


def measured(*, homes: int = _HOMES, days: int = _DAYS, seed: int = _SEED) -> dict[str, Any]:
    """The table, with how it was made."""
    few = pretend_z(homes=max(homes // 4, 200), days=days, seed=seed)
    pairs = paired_heights(few)
    joint = -np.log(false_changes_a_day(pretend_z(homes=homes, days=days, seed=seed + 1), pairs))
    rows = [
        {"days": target, "h": [round(float(np.interp(np.log(target), joint, pairs[:, i])), 3) for i in range(2)]}
        for target in TARGETS
    ]
    return {
        "what": "thresholds of two-sided CUSUMs with two slacks, by days between two false changes of one figure",
        "command": "python -m anomaly.cusum_table",
        "homes": homes,
        "days": days,
        "seed": seed,
        "slacks": list(SLACKS),
        "thresholds": rows,
    }


def main() -> None:
    """Measure, and write the table beside this file."""
    parser = argparse.ArgumentParser(description="Measure the thresholds of the CUSUMs for gradual changes.")
    parser.add_argument("--homes", type=int, default=_HOMES)
    parser.add_argument("--days", type=int, default=_DAYS, help="of each home, after the first that are only learned")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("cusum_table.json"))
    arguments = parser.parse_args()
    table = measured(homes=arguments.homes, days=arguments.days)
    arguments.output.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

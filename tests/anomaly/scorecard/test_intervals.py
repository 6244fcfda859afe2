"""Intervals: they hold the truth as often as they say, and claim nothing where there is little."""

import math

import numpy as np
import pytest

from anomaly.clock_bins import Floats
from anomaly.scorecard import intervals


# From the tables of scipy.stats (binomtest, chi2), which is not a dependency of ours.
@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 6, 0.0, 0.459258), (6, 6, 0.540742, 1.0), (3, 10, 0.066740, 0.652453), (40, 47, 0.716942, 0.937956)],
)
def test_the_exact_interval_of_a_share_is_clopper_and_pearsons(
    successes: int, trials: int, low: float, high: float
) -> None:
    assert intervals.exact_share(successes, trials) == pytest.approx((low, high), abs=1e-5)


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0.0, 3.688879), (1, 0.025318, 5.571643), (3, 0.618672, 8.767273)]
)
def test_the_exact_interval_of_a_count_is_garwoods(count: int, low: float, high: float) -> None:
    assert intervals.exact_count(count) == pytest.approx((low, high), abs=1e-5)


def test_six_of_six_is_not_certainty_and_no_alert_in_a_month_is_not_none_ever() -> None:
    found = intervals.shares([np.full(6, 10.0)], [60.0])[0]
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low < 0.6
    quiet = intervals.rate([0.0, 0.0], [0.5, 0.5])
    assert (quiet.value, quiet.low) == (0.0, 0.0)
    assert quiet.high == pytest.approx(3.69, abs=0.01)
    few = intervals.quantiles([np.array([5.0, 6.0, 7.0, 8.0])], [50.0])[0]
    assert (few.value, few.low, few.high) == (6.0, 0.0, math.inf)


def test_of_nothing_nothing_is_known() -> None:
    for found in (
        *intervals.shares([], [60.0]), *intervals.quantiles([np.zeros(0)], [50.0]), intervals.rate([], []),
        intervals.inverted(intervals.rate([], []), 30.0),
    ):  # fmt: skip
        assert math.isnan(found.value)


def _lives(rng: np.random.Generator, *, homes: int, each: int) -> list[Floats]:
    """Minutes of incidents in homes that differ: two in three are found within an hour, in some homes nearly all."""
    return [rng.exponential(60.0 / rng.gamma(3.0, 0.45), size=each) for _ in range(homes)]


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    everybody = np.concatenate(_lives(np.random.default_rng(0), homes=20_000, each=20))
    truth = float((everybody <= 60.0).mean()), float(np.median(everybody))
    held = np.zeros(2)
    runs = 100
    for run in range(runs):
        parts = _lives(np.random.default_rng(run + 1), homes=40, each=5)
        found = (intervals.shares(parts, [60.0])[0], intervals.quantiles(parts, [50.0])[0])
        held += [each.low <= true <= each.high for each, true in zip(found, truth, strict=True)]
    assert (held / runs >= 0.88).all()  # 95 of 100; 88 or fewer would come by chance once in 400 runs
    assert (held / runs < 1.0).all()  # and they are not simply wide


def test_a_rate_turned_round_is_a_time_with_its_interval_turned_round() -> None:
    each_day = intervals.rate([2.0, 4.0], [90.0, 90.0])
    apart = intervals.inverted(each_day, 1.0)
    assert apart.value == pytest.approx(30.0)
    assert apart.low == pytest.approx(1.0 / each_day.high)
    assert math.isinf(intervals.inverted(intervals.rate([0.0], [90.0]), 1.0).high)

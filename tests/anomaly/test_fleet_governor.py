"""The fleet's governor: what it may never do, and that it brings the rate back to what was promised."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anomaly.fleet_governor import GAIN, HIGHEST, LAG_DAYS, LOWEST, STEADY, Reason, decide, gain_of
from store.governor import FleetDay

DAYS = st.builds(
    FleetDay,
    homes=st.integers(0, 10_000),
    home_days=st.floats(0, 10_000),
    alerts=st.integers(0, 5_000),
    promised=st.floats(0, 700),
)


def seen(home_days: float, alerts: int, *, a_month: float = 1.0) -> FleetDay:
    return FleetDay(homes=round(home_days), home_days=home_days, alerts=alerts, promised=home_days * a_month / 30.0)


@given(nats=st.floats(LOWEST, HIGHEST), days=st.lists(DAYS, max_size=30))
@example(nats=HIGHEST, days=[seen(1e-9, 5_000)])
def test_it_never_leaves_its_bounds_and_says_when_it_would(nats: float, days: list[FleetDay]) -> None:
    for day in days:
        before, decision = nats, decide(nats, day)
        nats = decision.nats
        assert LOWEST <= nats <= HIGHEST
        if decision.reason is Reason.AT_HIGHEST:
            assert nats == HIGHEST
        elif decision.reason is Reason.AT_LOWEST:
            assert nats == LOWEST
        elif decision.reason is Reason.NOTHING_OBSERVED:
            assert nats == before


@given(nats=st.floats(LOWEST, HIGHEST), home_days=st.floats(0.7, 10_000), alerts=st.integers(0, 50))
def test_one_more_alert_never_makes_it_more_sensitive(nats: float, home_days: float, alerts: int) -> None:
    assert decide(nats, seen(home_days, alerts + 1)).nats >= decide(nats, seen(home_days, alerts)).nats


@given(nats=st.floats(LOWEST, HIGHEST), home_days=st.floats(0.7, 10_000))
def test_a_day_without_an_alert_lowers_the_thresholds_by_little(nats: float, home_days: float) -> None:
    step = nats - decide(nats, seen(home_days, 0)).nats
    assert 0.0 <= step <= GAIN / 30.0 + 1e-9


def test_one_alert_in_one_home_moves_the_threshold_by_little_and_in_a_hundred_homes_by_as_much_as_it_weighs() -> None:
    alone = decide(0.0, seen(1.0, 1))
    assert alone.reason is Reason.MORE_THAN_PROMISED
    assert alone.nats == pytest.approx(gain_of(1.0) * (1 - 1 / 30))
    assert alone.nats < 0.13  # an eighth more rare, not twelve times
    assert decide(0.0, seen(100.0, 4)).nats == pytest.approx(GAIN * (0.04 - 1 / 30))


def run(home_days: float, base: float, *, promised: float, days: int, seed: int) -> tuple[list[float], list[int]]:
    """g and the alerts of each day, when alerts come by chance at base · exp(−g) a home-month; judged days later."""
    chance = np.random.default_rng(seed)
    nats, alerts = [0.0], [int(chance.poisson(home_days * base / 30.0))]
    for day in range(1, days):
        judged = day - LAG_DAYS
        g = nats[-1]
        nats.append(g if judged < 0 else decide(g, seen(home_days, alerts[judged], a_month=promised)).nats)
        alerts.append(int(chance.poisson(home_days * base / 30.0 * math.exp(-nats[-1]))))
    return nats, alerts


@settings(max_examples=25, deadline=None)
@given(
    home_days=st.sampled_from([100.0, 300.0]),
    base=st.floats(0.3, 6.0),
    promised=st.sampled_from([0.5, 1.0, 2.0]),
    seed=st.integers(0, 10_000),
)
def test_a_model_that_alarms_too_often_or_too_seldom_comes_to_what_was_promised(
    home_days: float, base: float, promised: float, seed: int
) -> None:
    wanted = math.log(base / promised)
    nats, alerts = run(home_days, base, promised=promised, days=400, seed=seed)
    settled = slice(150, None)
    expected = home_days * promised / 30.0 * len(alerts[settled])
    if LOWEST + 0.3 < wanted < HIGHEST - 0.3:
        assert sum(alerts[settled]) == pytest.approx(expected, rel=0.08 + 5.0 / math.sqrt(expected))
    elif wanted > HIGHEST + 0.3:
        assert np.mean(nats[settled]) > HIGHEST - 0.15  # as far as it may go, and not further
    elif wanted < LOWEST - 0.3:
        assert np.mean(nats[settled]) < LOWEST + 0.15


@pytest.mark.parametrize("home_days", [1.0, 10.0, 100.0])
def test_where_nothing_is_wrong_it_stays_near_zero_however_small_the_fleet(home_days: float) -> None:
    """A fleet of one would swing by more than a nat with the gain of a large one; here alerts stay within 1.3 times."""
    last = [run(home_days, 1.0, promised=1.0, days=500, seed=seed)[0][-1] for seed in range(40)]
    assert np.std(last) < 1.3 * STEADY
    assert abs(np.mean(last)) < 0.15

"""When a battery will be empty: robust, honest, and never absurd."""

import random
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from anomaly.battery import Charge, forecast, since_replaced, step_of

TODAY = date(2026, 3, 10)


def days_of(percents: list[int], *, until: date = TODAY) -> list[Charge]:
    """One reading a day, the last one on `until`."""
    first = until - timedelta(days=len(percents) - 1)
    return [Charge(day=first + timedelta(days=i), percent=percent) for i, percent in enumerate(percents)]


readings = st.lists(st.integers(0, 100), min_size=1, max_size=60)
falling = st.builds(
    lambda start, slope, noise: [
        max(1, round(start - slope * i + (noise[i % len(noise)] if noise else 0))) for i in range(40)
    ],
    st.integers(60, 100),
    st.floats(0.2, 1.4),
    st.lists(st.integers(-2, 2), max_size=9),
)


def test_a_straight_fall_is_followed_to_its_end() -> None:
    found = forecast(days_of([70 - 2 * i for i in range(20)]), today=TODAY)
    assert found is not None
    assert found.empty_on == TODAY + timedelta(days=16)  # 32 % left, two a day
    assert found.earliest <= found.empty_on
    assert found.latest is not None
    assert found.empty_on <= found.latest
    assert found.points_per_day == pytest.approx(2.0)


def test_a_cold_night_and_a_false_reading_move_the_date_little() -> None:
    clean = [90 - i for i in range(28)]
    spoilt = clean.copy()
    spoilt[9], spoilt[17] = 41, 60
    one, other = forecast(days_of(clean), today=TODAY), forecast(days_of(spoilt), today=TODAY)
    assert one is not None
    assert other is not None
    assert abs(one.empty_on - other.empty_on) <= timedelta(days=3)


def test_a_battery_that_falls_in_steps_of_ten_has_a_date_and_says_how_unsure_it_is() -> None:
    percents = [max(10, 100 - 10 * (i // 9)) for i in range(64)]
    found = forecast(days_of(percents), today=TODAY)
    assert found is not None
    true_days = (64 // 9 * 9 + 27 - 64) + 9  # it would say 0 after ten steps of nine days
    assert timedelta(days=true_days / 2) <= found.empty_on - TODAY <= timedelta(days=true_days * 2)
    assert found.latest is None or found.latest - found.earliest >= timedelta(days=9)


@pytest.mark.parametrize(
    "percents",
    [[100] * 40, [100] * 30 + [0] * 2, [80], [80, 79, 78], [90 + i // 20 for i in range(60)], [60, 61] * 20],
    ids=["stands", "full or empty", "one", "three", "rises", "flickers"],
)
def test_what_cannot_be_foretold_is_not(percents: list[int]) -> None:
    assert forecast(days_of(percents), today=TODAY) is None


def test_a_replaced_battery_begins_anew() -> None:
    old, new = [40 - 2 * i for i in range(15)], [100, 100, 99]
    assert [charge.percent for charge in since_replaced(days_of(old + new))] == new
    assert forecast(days_of(old + new), today=TODAY) is None


def test_warmth_is_no_new_battery() -> None:
    percents = [50, 49, 52, 60, 48, 47]
    assert len(since_replaced(days_of(percents))) == len(percents)


@given(readings, st.integers(0, 400))
def test_no_forecast_is_ever_in_the_past_and_its_interval_holds_it(percents: list[int], silent_days: int) -> None:
    today = TODAY + timedelta(days=silent_days)
    found = forecast(days_of(percents), today=today)
    if found is not None:
        assert today <= found.earliest <= found.empty_on
        assert found.latest is None or found.empty_on <= found.latest


@given(falling, st.integers(1, 60))
def test_a_lower_last_reading_never_gives_a_later_date(percents: list[int], lower: int) -> None:
    before = forecast(days_of(percents), today=TODAY)
    lowered = [*percents[:-1], max(1, percents[-1] - lower)]
    assume(step_of(days_of(lowered)) == step_of(days_of(percents)))  # finer steps are a narrower interval
    after = forecast(days_of(lowered), today=TODAY)
    if before is not None:
        assert after is not None
        assert after.empty_on <= before.empty_on
        assert after.earliest <= before.earliest


@given(falling, st.integers(1, 30))
def test_a_battery_that_is_lower_throughout_is_empty_no_later(percents: list[int], lower: int) -> None:
    before, after = (forecast(days_of([percent - less for percent in percents]), today=TODAY) for less in (0, lower))
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert after.empty_on <= before.empty_on


@given(falling, st.integers(2, 9))
def test_the_unit_of_charge_does_not_matter(percents: list[int], factor: int) -> None:
    gentle = [percent // 3 for percent in percents]  # so that a jump counts as a new battery in neither
    scaled = [percent * factor for percent in gentle]
    if max(b - a for a, b in pairwise(scaled)) < 15:
        one, other = forecast(days_of(gentle), today=TODAY), forecast(days_of(scaled), today=TODAY)
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert (one.empty_on, one.earliest, one.latest) == (other.empty_on, other.earliest, other.latest)


@given(falling, st.integers(-300, 300))
def test_the_calendar_does_not_matter(percents: list[int], shift: int) -> None:
    moved = timedelta(days=shift)
    one = forecast(days_of(percents), today=TODAY)
    other = forecast(days_of(percents, until=TODAY + moved), today=TODAY + moved)
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert other.empty_on - one.empty_on == moved


def test_nine_of_ten_intervals_hold_the_truth() -> None:
    """Batteries that fall straight, read in whole per cent with noise that lasts for days, as temperature does."""
    rng, held, tried = random.Random(7), 0, 0
    for _ in range(300):
        per_day, weather, percents = rng.uniform(0.6, 2.0), 0.0, []
        start = rng.uniform(70, 100)
        for i in range(35):
            weather = 0.7 * weather + rng.gauss(0, 0.8)
            percents.append(max(1, round(start - per_day * i + weather)))
        found = forecast(days_of(percents), today=TODAY)
        truth = TODAY + timedelta(days=max(0.0, start - per_day * 34) / per_day)
        if found is not None:
            tried += 1
            held += found.earliest <= truth and (found.latest is None or truth <= found.latest)
    assert tried > 250
    assert held / tried >= 0.9

"""Gradual changes: calibrated against mathematics, found soon, taken back exactly, told in words people can check."""

import json
import math
import random
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.cusum import NOTHING, SLACKS, summed, thresholds
from anomaly.cusum_table import false_changes_a_day, measured, pretend_z, scores
from anomaly.daily_features import Feature, sources
from anomaly.day_journal import LAG_DAYS
from anomaly.detectors.gradual import Gradual
from anomaly.gradual_baseline import FIRST_DAYS, KEEP, Baseline, negative_binomial
from anomaly.home_model import HomeModel
from anomaly.trend import NEW_NORMAL_DAYS, Trend
from store.deviation import Deviation, DeviationKind, Grade
from store.finding import finding_json
from tests.anomaly.conftest import FIRST_DAY, LONDON
from tests.anomaly.sleeper import Bent, a_sleeper, sleeper_plan

NIGHT = Feature.NIGHT_BATHROOM_VISITS


def visits(rng: random.Random, mean: float) -> int:
    """Poisson, from a mean that itself varies from night to night."""
    return int(np.random.default_rng(rng.getrandbits(32)).poisson(mean * rng.gammavariate(8.0, 1.0 / 8.0)))


def a_trend(rng: random.Random, days: int, mean: float) -> Trend:
    trend = Trend.of(NIGHT)
    for number in range(days):
        trend.pass_day(number)
        trend.note(number, float(visits(rng, mean)), int(number % 7 >= 5))
    return trend


# Calibration -----------------------------------------------------------------------------------


def test_the_table_is_what_its_command_measures() -> None:
    """Another seed, fewer homes: within a tenth. A threshold for a quarter more or fewer false changes would fail."""
    z = pretend_z(homes=2500, days=300, seed=5)
    table = thresholds()
    for days in (100, 300):
        found = false_changes_a_day(z, np.array([table.of(days)]))[0]
        assert 1.0 / found == pytest.approx(days, rel=0.12)


def test_the_command_makes_such_a_table() -> None:
    table = measured(homes=400, days=120, seed=3)
    assert table["slacks"] == list(SLACKS)
    heights = [row["h"] for row in table["thresholds"]]
    assert heights == sorted(heights)
    assert heights[2] == pytest.approx(thresholds().of(300), rel=0.12)


def test_the_tables_days_are_judged_as_real_days_are() -> None:
    """The vectorised formulas of the table and the scalar ones of the service agree to a billionth."""
    rng = np.random.default_rng(2)
    base, moments = Baseline(spread=1.0), np.zeros((2, 3, 1))
    for number in range(40):
        x, day_type = float(rng.standard_normal()), int(number % 7 >= 5)
        if number > 3:
            assert base.score_one(x, day_type) == pytest.approx(float(scores(moments, np.array([x]), day_type)[0]))
        base.learn_one(x, day_type)
        moments *= KEEP
        moments[day_type, :, 0] += (1.0, x, x * x)


def test_z_of_times_is_standard_normal() -> None:
    z = pretend_z(homes=300, days=150, seed=9).ravel()
    shares = np.histogram(z, bins=[-9, -0.8416, -0.2533, 0.2533, 0.8416, 9])[0] / len(z)
    assert shares == pytest.approx([0.2] * 5, abs=0.01)
    assert (np.abs(z) > 2.5758).mean() == pytest.approx(0.01, rel=0.25)


@pytest.mark.parametrize("mean", [0.7, 1.5, 4.0])
def test_z_of_overdispersed_counts_is_as_wide_as_it_should_be(mean: float) -> None:
    """Mid-p of a small count is a little narrow, never wide; its upper tail is what it says."""
    rng = random.Random(int(mean * 10))
    found = []
    for _ in range(12):
        trend = a_trend(rng, 200, mean)
        found += [trend.base.score_one(float(visits(rng, mean)), 0) for _ in range(300)]
    assert abs(float(np.mean(found))) < 0.1
    assert 0.8 < float(np.std(found)) < 1.06
    assert float((np.array(found) > 2.0).mean()) < 0.0228 * 1.6


def test_randomised_chances_of_counts_are_uniform() -> None:
    """Among equally likely days a place is drawn: then a count's PIT is uniform, or the formula is wrong."""
    rng = random.Random(11)
    places = []
    for _ in range(30):
        mean = rng.uniform(0.5, 4.0)
        base = a_trend(rng, 150, mean).base
        usual = base.predictive(0)
        for _ in range(100):
            above, same = negative_binomial(visits(rng, mean), usual.mean, max(usual.variance, 1.06 * usual.mean))
            places.append(above + rng.random() * same)
    shares = np.histogram(places, bins=5, range=(0.0, 1.0))[0] / len(places)
    assert shares == pytest.approx([0.2] * 5, abs=0.04)


def test_the_negative_binomial_adds_up() -> None:
    mean, variance = 3.0, 7.0
    chances = [negative_binomial(n, mean, variance)[1] for n in range(200)]
    assert sum(chances) == pytest.approx(1.0)
    assert sum(n * p for n, p in enumerate(chances)) == pytest.approx(mean)
    assert sum(n * n * p for n, p in enumerate(chances)) - mean**2 == pytest.approx(variance)
    above, same = negative_binomial(4, mean, variance)
    assert above + same + sum(chances[:4]) == pytest.approx(1.0)


def test_false_changes_of_a_count_stay_below_the_table() -> None:
    """40 homes of 250 judged days: 33 false changes at one in 300 days would be expected, 50 are too many."""
    found = 0
    for seed in range(40):
        rng = random.Random(seed)
        mean = rng.uniform(0.5, 3.0)
        trend = Trend.of(NIGHT)
        for number in range(FIRST_DAYS + LAG_DAYS + 250):
            trend.pass_day(number)
            trend.note(number, float(visits(rng, mean)), int(number % 7 >= 5))
            if max(trend.height(300.0, up=True), trend.height(300.0, up=False)) >= 1.0:
                found += 1
                trend.change_over()
    assert found <= 50


# Detection -------------------------------------------------------------------------------------


def test_two_more_visits_a_night_are_found_within_days() -> None:
    """At one false change in 300 days of this figure. The days that must be reached stand in the issue."""
    delays = []
    for seed in range(100):
        rng, counts = random.Random(seed), np.random.default_rng(seed)
        mean = rng.uniform(0.5, 2.5)
        trend = Trend.of(NIGHT)
        for number in range(60):
            trend.pass_day(number)
            trend.note(number, float(counts.poisson(mean)), int(number % 7 >= 5))
        delay = 99
        for number in range(60, 75):
            trend.pass_day(number)
            trend.note(number, float(counts.poisson(mean + 2.0)), int(number % 7 >= 5))
            if trend.height(300.0, up=True) >= 1.0:
                delay = number - 59
                break
        delays.append(delay)
    assert np.mean(np.array(delays) <= 14) >= 0.9
    assert np.mean(np.array(delays) <= 5) >= 0.45  # measured, not the 0.6 that is wanted: see decision 0025


def test_a_change_that_lasts_becomes_normal_and_the_past_counts_a_quarter() -> None:
    rng = random.Random(4)
    trend = a_trend(rng, 60, 1.0)
    for number in range(60, 68):
        trend.pass_day(number)
        trend.note(number, float(visits(rng, 4.0)), 0)
    trend.open_since = 67
    for number in range(68, 68 + NEW_NORMAL_DAYS):
        trend.pass_day(number)
        trend.note(number, float(visits(rng, 4.0)), 0)
    old, apart = trend.base.days, trend.apart.days
    trend.becomes_normal()
    assert trend.base.days == pytest.approx(0.25 * old + apart)
    assert trend.sums == NOTHING
    assert trend.usual(0) > 2.5  # it was 1 before
    assert trend.open_since is None


def test_the_newest_week_is_not_in_the_baseline() -> None:
    trend = a_trend(random.Random(1), 40, 1.0)
    before = [list(row) for row in trend.base.moments]
    for number in range(40, 46):
        trend.note(number, 30.0, 0)
    assert trend.base.moments == before
    trend.pass_day(47)
    assert trend.base.moments != before


# Taking back -----------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=30, max_size=60),
    back=st.integers(0, LAG_DAYS - 1),
    later=st.integers(0, 12),
)
def test_a_day_that_is_taken_out_leaves_the_bits_of_a_masked_day(
    values: list[int | None], back: int, later: int
) -> None:
    bad = len(values) - 1 - back
    taught, masked = Trend.of(NIGHT), Trend.of(NIGHT)
    values = [*values, *values[:later]]
    for number, value in enumerate(values):
        for trend in (taught, masked):
            trend.pass_day(number)
            if value is not None and (trend is taught or number != bad):
                trend.note(number, float(value), int(number % 7 >= 5))
        if number == bad + back:
            assert taught.take_out(bad) is (values[bad] is not None)
    assert json.dumps(taught.saved()) == json.dumps(masked.saved())


def test_a_trend_goes_on_from_its_saved_form() -> None:
    trend = a_trend(random.Random(3), 50, 1.5)
    again = Trend.of(NIGHT)
    again.restore(json.loads(json.dumps(trend.saved())))
    for each in (trend, again):
        each.pass_day(50)
        each.note(50, 6.0, 0)
    assert json.dumps(again.saved()) == json.dumps(trend.saved())
    assert again.sums == trend.sums


@given(st.lists(st.one_of(st.none(), st.floats(-3, 3)), max_size=40), st.integers(0, 40))
def test_sums_may_be_taken_in_two_parts(values: list[float | None], cut: int) -> None:
    highest = thresholds().highest
    first = summed(NOTHING, values[:cut], highest)
    assert summed(first, values[cut:], highest) == summed(NOTHING, values, highest)


# In a home -------------------------------------------------------------------------------------


def day(number: int, hour: float = 0.0) -> datetime:
    return FIRST_DAY + timedelta(days=number, hours=hour)


def gradual_of(model: HomeModel) -> Gradual:
    found = model._detectors["gradual"]
    assert isinstance(found, Gradual)
    return found


@pytest.fixture(scope="module")
def changed() -> tuple[HomeModel, list[Deviation]]:
    """Five weeks as usual, then four visits a night more for two weeks."""
    model = HomeModel(sleeper_plan())
    model.feed(a_sleeper(50, bent={n: Bent(visits=5) for n in range(36, 50)}))
    found = [f for f in model.advance(day(50)) if isinstance(f, Deviation) and f.kind is DeviationKind.GRADUAL]
    return model, found


def test_more_visits_at_night_are_a_change_worth_asking_about(changed: tuple[HomeModel, list[Deviation]]) -> None:
    found = [f for f in changed[1] if f.evidence["feature"] == NIGHT and f.raised_at >= day(36)]
    assert found[0].raised_at < day(41)
    assert found[0].evidence["direction"] == "up"
    assert found[0].evidence["lately"] > found[0].evidence["usual"] + 1
    assert "A change worth asking about" in found[0].explanation
    assert {f.raised_at.astimezone(LONDON).hour for f in found} == {12}
    said = finding_json(found[0], LONDON)
    assert (said["feature"], said["direction"]) == (NIGHT, "up")


def test_figures_that_go_together_are_findings_of_their_own_and_for_the_page_only(
    changed: tuple[HomeModel, list[Deviation]],
) -> None:
    found = [f for f in changed[1] if f.raised_at >= day(36)]
    night = [f for f in found if f.evidence["feature"] in {NIGHT, "bed_exits", "night_out_of_bed"}]
    assert len({f.id for f in night}) >= 2  # each figure is a finding of its own …
    assert {f.grade for f in found} == {Grade.NOTICE}


def test_every_figure_of_the_home_is_counted_and_makes_sense(changed: tuple[HomeModel, list[Deviation]]) -> None:
    figures = gradual_of(changed[0]).figures
    assert set(figures) == set(Feature)
    usual = {feature: trend.usual(0) for feature, trend in gradual_of(changed[0]).trends.items()}
    assert usual[NIGHT] == pytest.approx(1.0, abs=0.5)
    assert usual[Feature.BED_EXITS] == pytest.approx(usual[NIGHT], abs=0.3)
    assert usual[Feature.RISE_TIME] == pytest.approx(420, abs=20)
    assert usual[Feature.BED_TIME] == pytest.approx(1350, abs=20)
    assert usual[Feature.SLEEP_WINDOW] == pytest.approx(8.5, abs=0.4)
    assert usual[Feature.OUTINGS] == usual[Feature.TIME_OUT] == pytest.approx(0.0, abs=1e-9)
    assert 2 < usual[Feature.KITCHEN_SESSIONS] < 14
    assert usual[Feature.ACTIVE_QUARTERS] > 20


def test_what_a_lost_sensor_counts_is_missing_not_nought() -> None:
    model = HomeModel(sleeper_plan())
    model.feed(row for row in a_sleeper(6) if not (row.sensor == "M-bathroom" and row.at >= day(2)))
    model.advance(day(2, 23))
    model.known.situation.silent_sensors = {"M-bathroom"}
    model.sensor_silence.silent = {"M-bathroom"}
    model.advance(day(5, 13))
    figures = gradual_of(model).figures
    assert figures[Feature.DAY_BATHROOM_VISITS] is None
    assert figures[NIGHT] is None
    assert figures[Feature.KITCHEN_SESSIONS] is not None


def test_a_home_with_only_a_door_has_only_the_figures_a_door_can_tell() -> None:
    plan = sleeper_plan(without=("M-bedroom", "M-bathroom", "M-kitchen", "M-lounge", "B1"))
    told = {feature for feature in Feature if sources(feature, plan)}
    assert {Feature.OUTINGS, Feature.TIME_OUT} <= told
    assert not told & {NIGHT, Feature.BED_TIME, Feature.SLEEP_WINDOW, Feature.BED_EXITS, Feature.KITCHEN_SESSIONS}


def test_a_new_sensor_makes_another_figure() -> None:
    gradual = gradual_of(HomeModel(sleeper_plan()))
    first = gradual._trend(NIGHT, frozenset({"A"}))
    assert first is not None
    first.note(1, 2.0, 0)
    assert gradual._trend(NIGHT, frozenset({"A"})) is first
    second = gradual._trend(NIGHT, frozenset({"A", "B"}))
    assert second is not None
    assert second.journal.entries == []


def test_thresholds_between_and_beyond_the_measured_ones() -> None:
    table = thresholds()
    assert table.of(1.0) == table.heights[0]
    assert table.of(1e9) == table.heights[-1]
    middle = table.of(math.sqrt(table.days[0] * table.days[1]))
    assert middle[0] == pytest.approx((table.heights[0][0] + table.heights[1][0]) / 2)

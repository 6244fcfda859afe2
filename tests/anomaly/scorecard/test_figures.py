"""The arithmetic of the scorecard, on results that can be worked out by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly.clock_bins import Floats
from anomaly.scorecard import figures, intervals
from anomaly.scorecard.card import false_alerts, technical
from anomaly.scorecard.homes import Change
from anomaly.scorecard.incidents import IncidentKind, Twin
from anomaly.scorecard.slow import threshold_for
from tests.anomaly.scorecard.made import outcome, result, told

HOUR = 3600.0
T0 = 1e9  # when the incidents of `made` begin


def test_a_method_that_never_alerts_finds_nothing_and_disturbs_nobody() -> None:
    home = result(peaks=[(0.0, 1.0), (HOUR * 10, 5.0)], outcomes=[outcome(scores=[(0, 1), (60, 9)])])
    assert figures.alerts_over(home.peaks["m"], math.inf) == 0
    found = figures.delays([np.array([figures.delay_at(home.outcomes[0], "m", math.inf)])])
    assert [found.within[hours].value for hours in (1, 2, 4, 12)] == [0, 0, 0, 0]
    assert math.isinf(found.median.value)


def test_a_method_that_always_alerts_finds_everything_at_once_and_is_charged_for_it() -> None:
    peaks = [(hour * HOUR, 1.0) for hour in range(24 * 60)]
    home = result(peaks=peaks, outcomes=[outcome(scores=[(0, 1), (60, 9)])])
    assert figures.alerts_over(home.peaks["m"], 0.0) == 4 * 60  # one every six hours, for 60 days
    assert figures.delay_at(home.outcomes[0], "m", 0.0) == 0.0


def test_an_alert_is_charged_once_in_six_hours() -> None:
    peaks = np.array([(0.0, 9.0), (5.9 * HOUR, 9.0), (6.0 * HOUR, 9.0), (11.0 * HOUR, 2.0), (40.0 * HOUR, 9.0)])
    assert figures.alerts_over(peaks, 3.0) == 3


def test_delay_is_the_first_minute_at_which_the_threshold_is_reached() -> None:
    one = outcome(scores=[(0.0, 0.5), (90.0, 1.0), (150.0, 2.0)])
    assert figures.delay_at(one, "m", 0.4) == 0.0
    assert figures.delay_at(one, "m", 1.0) == 90.0
    assert figures.delay_at(one, "m", 1.5) == 150.0
    assert figures.delay_at(one, "m", 2.5) == math.inf


@given(
    scores=st.lists(st.floats(0, 100, width=32), min_size=1, max_size=60),
    budget=st.sampled_from([0.33, 1.0, 2.0, 30.0]),
)
def test_the_hindsight_threshold_is_the_lowest_that_keeps_to_the_budget(scores: list[float], budget: float) -> None:
    home = result(days=30.0, peaks=[(i * 7 * HOUR, score) for i, score in enumerate(scores)])
    threshold = figures.hindsight_threshold([home], "m", budget)
    assert figures.rate_over([home], "m", threshold)[0] <= budget
    lower = [score for score in scores if score < threshold]
    if lower and len(scores) > budget:  # one peak more and it would cost too much
        assert figures.alerts_over(home.peaks["m"], max(lower)) > budget


def test_what_was_never_found_keeps_the_median_infinite_instead_of_being_left_out() -> None:
    found = figures.delays([np.array([30.0, 60.0, math.inf, math.inf, math.inf])])
    assert math.isinf(found.median.value)
    assert found.within[1].value == pytest.approx(0.4)
    assert intervals.percentile(np.array([1.0, 2.0, 3.0, math.inf]), 50.0) == 2.0


def test_the_interval_is_by_home_not_by_incident() -> None:
    alike = [np.array([10.0] * 50), np.array([600.0] * 50)]  # two homes, as different as can be
    found = intervals.shares(alike, [60.0])[0]
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)


def test_people_are_told_by_the_first_finding_that_answers_the_incident() -> None:
    said = [
        told("inactivity", at=T0 + 30 * 60, grade="notice"),  # on the page only
        told("door_at_night", at=T0 + 40 * 60),  # of something else
        told("inactivity", at=T0 + 90 * 60),
    ]
    assert figures.delay_told(outcome(said=said)) == 90.0
    assert figures.delay_told(outcome(kind=IncidentKind.DOOR_AT_NIGHT, said=said)) == 40.0
    assert figures.delay_told(outcome(kind=IncidentKind.NIGHT_VISITS, said=said)) == math.inf
    assert figures.delay_told(outcome(before=[told("not_up", at=T0 - 60)])) == 0.0
    assert figures.delay_told(outcome(before=[told("not_returned", at=T0 - 7 * HOUR)])) == math.inf  # looked long ago


def test_a_technical_twin_is_mistaken_only_by_findings_of_absence_that_the_day_had_not_anyway() -> None:
    wrong = told("inactivity", at=T0 + 5 * HOUR)
    blind = told("cannot_observe", at=T0 + 1 * HOUR)
    twins = [outcome(twin=Twin.HUB_OFF, said=[blind]), outcome(twin=Twin.SENSOR_DEAD, said=[wrong])]
    counted = technical([result(outcomes=twins)])
    assert (counted["hub_off"]["mistaken"], counted["sensor_dead"]["mistaken"]) == (0, 1)
    same_day = result(said=[told("not_up", at=T0 + 4 * HOUR)], outcomes=twins)
    assert technical([same_day])["sensor_dead"]["mistaken"] == 0


def test_every_finding_that_reaches_people_is_false_but_a_change_that_is_really_there() -> None:
    said = [
        told("inactivity", at=T0, id="a"),
        told("inactivity", at=T0 + 60, grade="urgent", id="a"),  # the same, risen
        told("not_up", at=T0 + HOUR, grade="notice"),
        told("gradual", at=T0 + 10 * 86400),
    ]
    home = result(days=30.0, said=said)
    assert false_alerts([home])["a_home_month"]["value"] == 2.0
    changed = result(days=30.0, said=said)
    object.__setattr__(changed, "changes", (Change(kind="later_rise", begins=T0 + 86400),))
    by_kind = false_alerts([changed])["by_kind_a_home_month"]
    assert {kind: rate["value"] for kind, rate in by_kind.items()} == {"inactivity": 1.0}


def _daily(rng: np.random.Generator, *, homes: int, days: int, off: float) -> list[Floats]:
    """Days of homes whose surprise is exponential, and a model that believes it to be rarer by this factor."""
    return [np.exp(rng.exponential(size=days)) * off for _ in range(homes)]


@pytest.mark.parametrize(("off", "at_least", "at_most"), [(1.0, 0.0, 0.12), (1.25, 0.8, 1.0), (0.8, 0.8, 1.0)])
def test_calibration_that_is_a_quarter_off_is_noticed_and_one_that_is_right_is_not(
    off: float, at_least: float, at_most: float
) -> None:
    homes, days, runs = 48, 105, 100
    noticed = 0
    for run in range(runs):
        rng = np.random.default_rng(run)
        found = figures.calibration(_daily(rng, homes=homes, days=days, off=off), 30.0)
        assert found.would_show
        noticed += not found.ratio.low <= 1.0 <= found.ratio.high
    assert at_least <= noticed / runs <= at_most


def test_too_few_days_are_said_to_be_too_few() -> None:
    few = figures.calibration(_daily(np.random.default_rng(1), homes=8, days=100, off=1.0), 30.0)
    assert not few.would_show
    assert few.days == 800
    assert math.isnan(figures.calibration([], 30.0).ratio.value)
    nothing = figures.calibration([np.ones(50)], 30.0).ratio  # ever exceeded it: and 50 days cannot tell why
    assert math.isinf(nothing.value)
    assert nothing.low < 0.8


def test_calibration_worked_out_by_hand() -> None:
    once = np.ones(120)
    once[[5, 50]] = 31.0
    found = figures.calibration([once], 30.0)
    assert (found.days, found.exceeded, found.ratio.value) == (120, 2, 2.0)  # once in 60 days instead of 30


def test_a_slow_change_is_not_found_by_what_was_said_before_it_or_without_it() -> None:
    anyway = replace(told("gradual", at=T0 + 86400), is_said_anyway=True)
    before = told("gradual", at=T0 - 60)
    assert figures.delay_told(outcome(kind=IncidentKind.NIGHT_VISITS, said=[anyway], before=[before])) == math.inf
    because = told("gradual", at=T0 + 2 * 86400, id="other")
    assert figures.delay_told(outcome(kind=IncidentKind.NIGHT_VISITS, said=[anyway, because])) == 2 * 1440.0


def test_a_collapse_is_found_by_an_alert_that_would_have_been_false_without_it() -> None:
    anyway = replace(told("inactivity", at=T0 + HOUR), is_said_anyway=True)
    assert figures.delay_told(outcome(said=[anyway])) == 60.0
    twin = outcome(twin=Twin.HUB_OFF, said=[anyway])
    assert figures.mistaken(result(outcomes=[twin]), twin) == []


def test_the_worst_tenth_is_the_mean_of_the_homes_with_the_most() -> None:
    assert figures.worst_tenth(np.array([0.0] * 18 + [2.0, 4.0])) == 3.0
    assert figures.worst_tenth(np.array([0.5, 1.5])) == 1.5


def test_alerts_of_six_hours_are_one_call() -> None:
    assert figures.episodes([0.0, 5.0 * HOUR, 5.9 * HOUR, 6.1 * HOUR, 100 * HOUR]) == 3


def test_the_threshold_of_a_nightly_score_is_passed_once_in_so_many_nights() -> None:
    scores = np.arange(600.0)  # rises for ever: whatever it passes, it stays above
    assert threshold_for([scores], 300.0) > 500.0
    assert threshold_for([np.zeros(0)], 300.0) == math.inf

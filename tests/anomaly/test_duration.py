"""Durations and how rare a day's largest one is, against what mathematics says they must do."""

import math
import random
from collections.abc import Callable
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.detectors.detector import Known
from anomaly.detectors.rarity import Rarity, grade_of, perhaps_out, surely_home
from anomaly.duration import Durations, log_above
from anomaly.hazard import Hazard
from anomaly.plan import plan_of_file
from anomaly.return_period import DailyMaximum
from anomaly.situation import Situation
from store.deviation import Grade
from tests.anomaly.conftest import a_home

GROUP = ("any", "any/night")
SHORTEST = 120.0
minutes = st.floats(2.5, 2000.0)


def durations() -> Durations:
    return Durations(minutes=8.0, spread=0.8, shortest=SHORTEST)


def known(learned_days: float) -> Known:
    plan = plan_of_file(a_home(), always_observed=True)
    return Known(situation=Situation(plan), hazard=Hazard(), maxima=DailyMaximum(), learned_days=learned_days)


def lognormal(rng: random.Random) -> float:
    return SHORTEST + rng.lognormvariate(math.log(6 * 60.0), 0.6)


def exponential(rng: random.Random) -> float:
    return SHORTEST + rng.expovariate(1 / 600.0)


def sits_unseen(rng: random.Random) -> float:
    """Nine in ten are short; one in ten goes on to a room without a sensor for an hour or two."""
    middle, spread = (5 * 60.0, 0.4) if rng.random() < 0.9 else (90 * 60.0, 0.4)
    return SHORTEST + rng.lognormvariate(math.log(middle), spread)


@given(x=st.floats(0.0, 60.0), freedom=st.floats(3.0, 400.0))
def test_the_tail_of_students_t_is_a_tail(x: float, freedom: float) -> None:
    assert log_above(x, freedom) <= log_above(x / 2, freedom) + 1e-12 <= 1e-12
    assert math.isfinite(log_above(x, freedom))
    assert math.exp(log_above(x, freedom)) + math.exp(log_above(-x, freedom)) == pytest.approx(1.0, abs=1e-9)


def test_the_tail_of_students_t_agrees_with_the_tables() -> None:
    for x, freedom, above in ((2.571, 5, 0.025), (3.365, 5, 0.01), (2.228, 10, 0.025), (3.169, 10, 0.005)):
        assert math.exp(log_above(x, freedom)) == pytest.approx(above, rel=0.05)


@settings(max_examples=50)
@given(seen=st.lists(minutes, max_size=40), asked=st.lists(minutes, min_size=2, max_size=8))
def test_the_longer_the_rarer_and_scoring_changes_nothing(seen: list[float], asked: list[float]) -> None:
    known_of = durations()
    for each in seen:
        known_of.learn_one(each * 60.0, GROUP)
    before = deepcopy(known_of.saved())
    found = [known_of.surprise(each * 60.0, GROUP) for each in sorted(asked)]
    assert found == sorted(found)
    assert all(0.0 <= each < math.inf for each in found)
    for surprise in found:
        at = known_of.reached_at(surprise, GROUP)
        assert math.isinf(at) or known_of.surprise(at, GROUP) == pytest.approx(surprise, abs=1e-3)
    assert known_of.saved() == before


@settings(max_examples=25)
@given(seen=st.lists(minutes, max_size=30), asked=minutes)
def test_what_was_saved_goes_on_bit_for_bit(seen: list[float], asked: float) -> None:
    whole, half = durations(), durations()
    for i, each in enumerate(seen):
        if i == len(seen) // 2:
            again = durations()
            again.restore(deepcopy(half.saved()))
            half = again
        for one in (whole, half):
            one.learn_one(each * 60.0, GROUP)
            one.day_over()
    assert whole.saved() == half.saved()
    assert whole.surprise(asked * 60.0, GROUP) == half.surprise(asked * 60.0, GROUP)


@pytest.mark.parametrize("life", [lognormal, exponential, sits_unseen])
def test_the_chances_are_right_for_every_shape_of_life(life: Callable[[random.Random], float]) -> None:
    """Of 6,000 stays of each kind, those with a chance of 1 in 2, 10 and 50 come about as often, and never 4 times."""
    rng, chances = random.Random(3), []
    for _home in range(6):
        known_of = durations()
        for day in range(150):
            for _stay in range(8):
                seconds = life(rng)
                if day >= 25:
                    chances.append(known_of.score_one(seconds, GROUP))
                known_of.learn_one(seconds, GROUP)
            known_of.day_over()
    for chance, least, most in ((0.5, 0.8, 1.2), (0.1, 0.8, 1.2), (0.02, 0.7, 1.45), (0.001, 0.0, 4.0)):
        realised = sum(each <= chance for each in chances) / len(chances)
        assert least <= realised / chance <= most, chance


@pytest.mark.parametrize("life", [lognormal, exponential, sits_unseen])
def test_what_is_called_once_in_thirty_days_comes_about_so_often(life: Callable[[random.Random], float]) -> None:
    rng, days, reached = random.Random(5), 0, {10: 0, 30: 0}
    for _home in range(12):
        known_of, rarity = durations(), Rarity(a_day=12.0)
        for day in range(200):
            stays = [life(rng) for _ in range(6)]
            top = max(known_of.surprise(seconds, GROUP) for seconds in stays)
            if day >= 30:
                days += 1
                for once in reached:
                    reached[once] += top >= rarity.surprise_of(once)
            rarity.note(top)
            for seconds in stays:
                known_of.learn_one(seconds, GROUP)
            known_of.day_over()
            rarity.day_over(learnable=True)
    for once, times in reached.items():
        assert 0.6 <= times / (days / once) <= 1.5, once


def test_most_days_without_any_make_nothing_rare() -> None:
    """Why peaks over a threshold: a distribution fitted to days without an outing called all of them rare."""
    rng, reached, days = random.Random(7), 0, 0
    for _home in range(20):
        rarity = Rarity(a_day=1.0)
        for day in range(250):
            top = rng.expovariate(1.0) if rng.random() < 0.15 else 0.0
            if day >= 30:
                days += 1
                reached += top >= rarity.surprise_of(60.0)
            rarity.note(top)
            rarity.day_over(learnable=True)
    assert 0.5 <= reached / (days / 60.0) <= 1.4


@given(surprise=st.floats(0.0, 60.0), tops=st.lists(st.floats(0.0, 30.0), max_size=60))
def test_what_is_shown_never_exceeds_what_it_rests_on(surprise: float, tops: list[float]) -> None:
    rarity = Rarity(a_day=3.0)
    for top in tops:
        rarity.note(top)
        rarity.day_over(learnable=True)
    assert rarity.shown(surprise, known(0.0)) <= 12.0
    assert rarity.shown(surprise, known(0.0)) <= rarity.once_in_days(surprise)
    assert rarity.once_in_days(rarity.surprise_of(300.0)) == pytest.approx(300.0, rel=1e-6)


def test_no_grade_is_easier_than_the_one_below_it_however_small_the_budget() -> None:
    rarity = Rarity(a_day=1.0)
    for _ in range(40):
        rarity.day_over(learnable=True)
    for budget in (0.01, 0.05, 0.1, 1.0, 5.0):
        needed = rarity.needed(known(60.0), budget)
        found = [needed[grade] for grade in (Grade.ATTENTION, Grade.URGENT)]
        assert found == sorted(found)
    assert grade_of(5.0, {Grade.NOTICE: 1.0, Grade.ATTENTION: 6.0}) is Grade.NOTICE


def test_nothing_is_known_in_the_first_days_and_little_in_the_first_fortnight() -> None:
    rarity = Rarity(a_day=1.0)
    assert rarity.needed(known(60.0), 0.1) == {}  # the detector is new, though the home is not
    for _ in range(8):
        rarity.day_over(learnable=True)
    early = rarity.needed(known(60.0), 0.1)
    assert early[Grade.ATTENTION] == rarity.surprise_of(2400.0)  # twice 300 days, four times rarer for the tail
    assert rarity.needed(known(2.0), 0.1) == {}


@given(surprise=st.floats(0.0, 30.0), out=st.floats(0.0, 0.49))
def test_whoever_may_be_out_is_less_of_a_surprise(surprise: float, out: float) -> None:
    assert perhaps_out(surprise, out) <= surprise + 1e-12
    back = surely_home(perhaps_out(surprise, out), out)
    assert math.isinf(back) or back == pytest.approx(surprise, rel=1e-3, abs=1e-3)

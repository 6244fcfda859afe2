"""When to ask: what waiting costs, in both its forms."""

import math
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly.clock_bins import clock_of
from anomaly.hazard import AGES, BLOCKS, CLOCK_STARTS, Hazard, by_block
from anomaly.passages import ELSEWHERE, Passage, Passages, less_likely, speaks_for_home
from anomaly.plan import Place
from anomaly.situation import with_absence
from anomaly.waiting import costs_of_waiting, highest_score, minutes_left
from store.home import SensorKind

LONDON = clock_of(ZoneInfo("Europe/London"))
MONDAY = 1_767_571_200.0  # 2026-01-05 00:00, in winter, when London is UTC


def learned() -> Hazard:
    """A home in which quiets end soon in the kitchen and late in the bedroom."""
    hazard = Hazard()
    for day in range(20):
        for hour in range(7, 22):
            begins = MONDAY + day * 86_400.0 + hour * 3600.0
            place, minutes = (Place.KITCHEN, 8 + hour % 5) if hour % 3 else (Place.BEDROOM, 25 + 7 * (hour % 4))
            spells = hazard.spells([(begins, begins + minutes * 60.0)], place, LONDON)
            hazard.learn_one(spells)
        hazard.day_over(learned=True)
    return hazard


@pytest.fixture(scope="module")
def hazard() -> Hazard:
    """Learned once: scoring changes nothing."""
    return learned()


@given(
    hour=st.floats(0.0, 23.9), minutes=st.integers(6, 900), place=st.sampled_from(list(Place)), out=st.floats(0.0, 0.4)
)
def test_both_forms_come_to_the_same_score(hazard: Hazard, hour: float, minutes: int, place: Place, out: float) -> None:
    begins = MONDAY + round(hour * 60.0) * 60.0
    observed = [(begins, begins + minutes * 60.0)]
    path = hazard.path(observed, place, LONDON)
    by_minute = with_absence(hazard.surprise(path), out) + costs_of_waiting(hazard, path)
    spells = hazard.spells(observed, place, LONDON)
    assert highest_score(hazard, spells, out=out) == pytest.approx(float(by_minute.max()), abs=1e-6)


def test_the_time_in_which_it_can_have_begun_is_the_integral_of_the_chance_to_last(hazard: Hazard) -> None:
    """Each minute counts by how lively the home usually is then."""
    begins = MONDAY + 13 * 3600.0
    path = hazard.path([(begins, begins + 5 * 3600.0)], Place.LOUNGE, LONDON)
    surprise = np.concatenate(([0.0], hazard.surprise(path)))
    lasting = np.exp(-surprise)
    most = np.sort(hazard.rates[0].astype(float))[48:].mean()
    lively = np.minimum(1.0, hazard.rates[0].astype(float)[path.bins] / most)
    assert lively.min() < 0.5 < lively.max()
    minutes = (lasting[1:] + lasting[:-1]) / 2.0 * path.seconds / 60.0
    summed = CLOCK_STARTS / 60.0 * lively[0] + np.cumsum(minutes * lively)
    within = np.diff(path.cells, append=-1) == 0  # a last minute in a cell has another rate than the next
    within &= np.diff(path.bins, append=-1) == 0
    slopes = np.diff(surprise) / (path.seconds / 60.0)  # h, in the middle of each minute
    ends = np.flatnonzero(within[:-1])
    expected = np.log(summed[ends]) - np.log((slopes[ends] + slopes[ends + 1]) / 2.0)
    assert len(ends) > 200
    assert np.allclose(costs_of_waiting(hazard, path)[ends], expected, atol=0.005)


@given(hour=st.floats(6.0, 20.0), score=st.floats(3.0, 20.0), out=st.sampled_from([0.0, 1e-6, 0.02]))
def test_what_is_out_of_reach_is_not_reached(hazard: Hazard, hour: float, score: float, out: float) -> None:
    begins = MONDAY + round(hour * 60.0) * 60.0
    observed = [(begins, begins + 6 * 3600.0)]
    path = hazard.path(observed, Place.KITCHEN, LONDON)
    scores = with_absence(hazard.surprise(path), out) + costs_of_waiting(hazard, path)
    left = minutes_left(hazard, hazard.spells(observed, Place.KITCHEN, LONDON), score=score, out=out)
    before = path.ends <= begins + 6 * 3600.0 - left * 60.0
    assert not (scores[before] > score + 1e-9).any()
    assert left > 0.0 or scores.max() < score + 1e-9


def test_where_quiets_are_long_one_asks_at_a_smaller_surprise(hazard: Hazard) -> None:
    begins = MONDAY + 9 * 3600.0
    found = {}
    for place in (Place.KITCHEN, Place.BEDROOM):
        path = hazard.path([(begins, begins + 20 * 3600.0)], place, LONDON)
        surprise = hazard.surprise(path)
        step = int(np.searchsorted(np.maximum.accumulate(surprise + costs_of_waiting(hazard, path)), 13.0))
        found[place] = float(surprise[step])
    assert found[Place.BEDROOM] < found[Place.KITCHEN] - 0.3


def test_whoever_comes_home_and_is_seen_nowhere_has_probably_gone_again() -> None:
    passages, noon = Passages(), 48
    assert passages.chance_left(noon, Passage.FROM_INSIDE) > 0.5
    assert passages.chance_left(noon, Passage.CAME_IN) < 0.5 < passages.chance_left(noon, Passage.FROM_OUTSIDE)


def test_the_evening_door_is_learned_apart_from_the_morning_door() -> None:
    passages = Passages()
    for _ in range(12):
        passages.learn(32, Passage.FROM_INSIDE, left=True)  # 08:00, to work
        passages.learn(90, Passage.FROM_INSIDE, left=False)  # 22:30, the bins
    assert passages.chance_left(32, Passage.FROM_INSIDE) > 0.8
    assert passages.chance_left(90, Passage.FROM_INSIDE) < 0.3
    again = Passages()
    again.restore(passages.counts.tolist())
    assert again.chance_left(90, Passage.FROM_INSIDE) == passages.chance_left(90, Passage.FROM_INSIDE)
    again.restore([[[9.0, 0.0], [0.0, 0.0]]])  # of a release that did not tell the hour
    assert again.chance_left(90, Passage.FROM_INSIDE) == passages.chance_left(90, Passage.FROM_INSIDE)


def test_one_stray_event_is_no_return_and_a_few_minutes_are() -> None:
    chance = 0.85
    chance = less_likely(chance, ELSEWHERE)
    assert -math.log(chance) < 3.0  # caps Λ: an empty home raises nothing
    for _ in range(6):
        chance = less_likely(chance, speaks_for_home(SensorKind.MOTION, is_elsewhere=False, after=60.0))
    assert -math.log(chance) > 12.0
    assert speaks_for_home(SensorKind.CHAIR, is_elsewhere=False, after=60.0) == 1.0  # a mat may stir by itself
    assert speaks_for_home(SensorKind.MOTION, is_elsewhere=False, after=5.0) == 1.0


def test_an_ordinary_night_that_nobody_watches_is_no_stranger_than_an_odd_noon() -> None:
    """One sensor, in the lounge: every night is a quiet of eleven hours there. They fall when they are up."""
    hazard = Hazard()
    for day in range(30):
        midnight = MONDAY + day * 86_400.0
        for begins, minutes in ((20.5, 660.0), *((hour, 14.0 + hour % 4 * 6.0) for hour in range(8, 20))):
            observed = [(midnight + begins * 3600.0, midnight + begins * 3600.0 + minutes * 60.0)]
            hazard.learn_one(hazard.spells(observed, Place.LOUNGE, LONDON))
        hazard.day_over(learned=True)

    def highest(begins: float, hours: float) -> float:
        at = MONDAY + begins * 3600.0
        return highest_score(hazard, hazard.spells([(at, at + hours * 3600.0)], Place.LOUNGE, LONDON), out=1e-6)

    assert highest(20.5, 11.0) < highest(12.0, 2.5)
    assert highest(20.5, 11.0) < highest(12.0, 4.0) - 3.0


def test_a_nap_every_day_slows_its_own_hours_and_not_the_rest_of_the_afternoon() -> None:
    hazard = Hazard()
    for day in range(30):
        midnight = MONDAY + day * 86_400.0
        for begins, minutes in ((12.5, 115.0), (15.1, 12.0), (15.6, 25.0), (16.2, 20.0), (16.8, 25.0), (17.4, 15.0)):
            observed = [(midnight + begins * 3600.0, midnight + begins * 3600.0 + minutes * 60.0)]
            hazard.learn_one(hazard.spells(observed, Place.LOUNGE, LONDON))
        hazard.day_over(learned=True)

    def surprise(begins: float) -> float:
        at = MONDAY + begins * 3600.0
        return hazard.surprise_of(hazard.spells([(at, at + 100 * 60.0)], Place.LOUNGE, LONDON))

    assert surprise(12.5) < 1.0
    assert surprise(15.5) > surprise(12.5) + 4.0


def test_counts_of_four_parts_of_the_day_are_spread_over_their_hours() -> None:
    counts = np.arange(8 * 4 * AGES, dtype=np.float32).reshape(8, 4, AGES)
    spread = by_block(counts)
    assert spread.shape == (8, BLOCKS, AGES)
    assert np.allclose(spread.sum(axis=1), counts.sum(axis=1), rtol=1e-6)
    assert np.allclose(spread[:, 4], counts[:, 2] * 3 / 7, rtol=1e-6)  # 12 to 15 of 11 to 18 hours
    assert np.array_equal(by_block(spread), spread)

"""The fleet's arrays are the homes' own state, and what it computes for all is what each computes for itself."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.clock_bins import BINS, ClockBins
from anomaly.counts import QuarterCounts
from anomaly.fleet import BLOCK, Fleet
from anomaly.hazard import Hazard
from anomaly.home_model import HomeModel
from anomaly.plan import HomePlan, Place, plan_of_file
from anomaly.return_period import DailyMaximum
from store.deviation import DeviationKind
from tests.anomaly.conftest import FIRST_DAY, LONDON, a_home, a_life, check_ins_only

MONDAY = FIRST_DAY.timestamp()
DAY = 86400.0
OLD_STATE = Path(__file__).parent / "state_of_version_2.bin"  # saved by the release before there was a fleet
OLD_STATE_AT = FIRST_DAY + timedelta(days=16, hours=10)


def the_plan() -> HomePlan:
    return plan_of_file(a_home(), always_observed=False)


def lived(hazard: Hazard, seed: int, quiets: int) -> None:
    """Some quiets of any length, at any time and place, learned."""
    rng = np.random.default_rng(seed)
    clock = ClockBins(LONDON)
    for _ in range(quiets):
        begun = MONDAY + rng.uniform(0, 14 * DAY)
        ended = begun + rng.choice((400.0, 3000.0, 30000.0)) * rng.uniform(0.5, 1.5)
        hazard.learn_one(hazard.spells([(begun, ended)], Place(int(rng.integers(len(Place)))), clock))


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    parts=st.lists(st.tuples(st.floats(0, 5 * DAY), st.floats(0, 40000)), min_size=1, max_size=4),
    place=st.sampled_from(Place),
)
def test_spells_say_of_a_quiet_what_minutes_say(seed: int, parts: list[tuple[float, float]], place: Place) -> None:
    hazard, by_minutes, clock = Hazard(), Hazard(), ClockBins(LONDON)
    lived(hazard, seed, 15)
    hazard.day_over(learned=True)
    for name, array in by_minutes.arrays().items():
        array[...] = hazard.arrays()[name]
    at, stretches = MONDAY + 76 * DAY + seed % 1000 / 7, []  # the week in which clocks change
    for pause, length in parts:
        stretches.append((at + pause % 5000, at + pause % 5000 + length))
        at = stretches[-1][1]
    spells, path = hazard.spells(stretches, place, clock), hazard.path(stretches, place, clock)
    surprise = hazard.surprise(path)
    assert hazard.surprise_of(spells) == pytest.approx(surprise[-1] if len(surprise) else 0.0, abs=1e-9, rel=1e-9)
    hazard.learn_one(spells)
    by_minutes.learn(path, ended=True)
    for name, array in hazard.arrays().items():
        np.testing.assert_allclose(array, by_minutes.arrays()[name], rtol=2e-5, atol=2e-5)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    homes=st.integers(1, 12),
    quiets=st.lists(
        st.tuples(st.floats(0, 14 * DAY), st.floats(0, 50000), st.sampled_from(Place)), min_size=12, max_size=12
    ),
)
def test_the_surprise_of_many_homes_is_that_of_each(
    seed: int, homes: int, quiets: list[tuple[float, float, Place]]
) -> None:
    fleet, clock = Fleet(), ClockBins(LONDON)
    rows, spells, expected = [], [], []
    for number, (begun, length, place) in enumerate(quiets[:homes]):
        hazard = Hazard()
        row = fleet.take()
        hazard.live_in(fleet.arrays(row))
        lived(hazard, seed + number, 8)
        hazard.day_over(learned=True)
        found = hazard.spells([(MONDAY + begun, MONDAY + begun + length)], place, clock)
        if found:
            rows.append(row)
            spells.append(found)
            expected.append(hazard.surprise_of(found))
    if not rows:
        return
    longest = max(len(found) for found in spells)
    table = np.array([[*found, *[(0.0, *found[-1][1:])] * (longest - len(found))] for found in spells])
    minutes = table[:, :, 0]
    types, bins, cells = (table[:, :, column].astype(np.int64) for column in (1, 2, 3))
    np.testing.assert_allclose(fleet.surprises(rows, minutes, types, bins, cells), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("homes", [3, BLOCK, BLOCK + 7])
def test_a_night_of_all_homes_is_the_night_of_each(homes: int) -> None:
    fleet, rng = Fleet(), np.random.default_rng(homes)
    rows, alone, learned = [], [], []
    seen = rng.uniform(0, 1000, (homes, BINS)) * (rng.random((homes, BINS)) < 0.9)
    for number in range(homes):
        hazard, counts, row = Hazard(), QuarterCounts(), fleet.take()
        for array in (*hazard.arrays().values(), *counts.arrays().values(), counts.today):
            array[...] = rng.random(array.shape) * 5 if array.dtype != np.bool_ else rng.random(array.shape) < 0.2
        twin, twin_counts = Hazard(), QuarterCounts()
        hazard.live_in(fleet.arrays(row))
        counts.live_in(fleet.arrays(row))
        for name, array in twin.arrays().items():
            array[...] = hazard.arrays()[name]
        for name, array in twin_counts.arrays().items():
            array[...] = counts.arrays()[name]
        twin_counts.today[...] = counts.today
        rows.append(row)
        alone.append((hazard, counts, twin, twin_counts))
        learned.append(homes == BLOCK or number % 3 > 0)
    untouched = fleet.take()
    before = {name: array.copy() for name, array in fleet.arrays(untouched).items()}
    order = rng.permutation(homes)
    fleet.day_over([rows[i] for i in order], [learned[i] for i in order], seen[order])
    for number, (hazard, counts, twin, twin_counts) in enumerate(alone):
        twin.day_over(learned=learned[number])
        twin_counts.day_over(seen[number], learnable=learned[number])
        for name, array in (*twin.arrays().items(), *twin_counts.arrays().items(), ("today", twin_counts.today)):
            mine = {**hazard.arrays(), **counts.arrays(), "today": counts.today}[name]
            np.testing.assert_allclose(mine, array, rtol=1e-6, atol=1e-6, err_msg=name)
    for name, array in fleet.arrays(untouched).items():
        np.testing.assert_array_equal(array, before[name])


@settings(max_examples=40, deadline=None)
@given(
    days=st.lists(st.lists(st.floats(0, 30), max_size=40), min_size=1, max_size=8),
    once=st.lists(st.floats(1.5, 5000), min_size=1, max_size=4),
)
def test_the_thresholds_of_many_homes_are_those_of_each(days: list[list[float]], once: list[float]) -> None:
    fleet, rows, alone = Fleet(), [], []
    for maxima in days:
        one, row = DailyMaximum(), fleet.take()
        one.live_in(fleet.arrays(row))
        for surprise in maxima:
            one.learn_one(surprise)
        rows.append(row)
        alone.append([one.surprise_of(each) for each in once])
    np.testing.assert_allclose(fleet.thresholds(rows, once), alone, rtol=1e-6, atol=1e-6)


def test_rows_are_given_back_and_begin_afresh_and_views_stay_when_the_fleet_grows() -> None:
    fleet = Fleet()
    first = fleet.take()
    view = fleet.arrays(first)["rates"]
    view[...] = 7.0
    others = [fleet.take() for _ in range(2 * BLOCK)]
    assert np.shares_memory(view, fleet.arrays(first)["rates"])
    assert len({first, *others}) == len(fleet) == 2 * BLOCK + 1
    fleet.due[first] = 5.0
    fleet.free(first)
    assert len(fleet) == 2 * BLOCK
    assert fleet.ready(10.0).tolist() == []
    again = fleet.take()
    assert again == first
    assert (fleet.arrays(again)["rates"] == Hazard().rates).all()


def test_who_is_ready_comes_in_order_of_what_is_due() -> None:
    fleet = Fleet()
    rows = [fleet.take() for _ in range(5)]
    fleet.turn[rows[0]], fleet.turn[rows[1]] = 100.0, 300.0
    fleet.due[rows[2]], fleet.due[rows[3]] = 90.0, 80.0
    fleet.turn[rows[3]] = 10.0
    assert fleet.ready(200.0).tolist() == [rows[3], rows[2], rows[0]]


def test_a_model_in_a_fleet_is_bit_for_bit_the_model_alone() -> None:
    days = 17
    rows = list(a_life(days)) + list(check_ins_only(FIRST_DAY + timedelta(days=days), FIRST_DAY + timedelta(days=18)))
    fleet = Fleet()
    alone = HomeModel(the_plan())
    row = fleet.take()
    among = HomeModel(the_plan(), arrays=fleet.arrays(row))
    found = []
    for model in (alone, among):
        model.feed(rows)
        found.append(model.advance(FIRST_DAY + timedelta(days=18)))
    assert [f.id for f in found[0]] == [f.id for f in found[1]]
    state = alone.to_bytes()
    assert state == among.to_bytes()
    elsewhere = HomeModel(the_plan(), state, arrays=fleet.arrays(fleet.take()))
    assert elsewhere.to_bytes() == state
    np.testing.assert_array_equal(fleet.arrays(row)["endings"], alone.known.hazard.endings)


def test_asking_what_is_due_and_how_surprising_it_is_changes_nothing() -> None:
    model = HomeModel(the_plan(), OLD_STATE.read_bytes())
    before = model.to_bytes()
    hazard, clock = model.known.hazard, model.known.situation.clock
    spells = hazard.spells([(MONDAY, MONDAY + 9000)], Place.KITCHEN, clock)
    hazard.surprise_of(spells)
    assert model.due > OLD_STATE_AT.timestamp() - 60
    assert model.inactivity.next_grade_at(OLD_STATE_AT.timestamp(), model.known) is not None
    assert model.to_bytes() == before


def test_a_state_of_the_last_release_goes_on() -> None:
    model = HomeModel(the_plan(), OLD_STATE.read_bytes())
    assert model.at == OLD_STATE_AT
    assert model.known.learned_days == pytest.approx(16.0, abs=0.1)
    end = OLD_STATE_AT + timedelta(hours=14)
    model.feed(check_ins_only(OLD_STATE_AT, end))
    kinds = {finding.kind for finding in model.advance(end)}
    assert DeviationKind.INACTIVITY in kinds
    assert HomeModel(the_plan(), model.to_bytes()).to_bytes() == model.to_bytes()

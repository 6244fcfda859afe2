"""What the design says must always hold, and which test proves it. Those that had none are here.

`PROVEN` is the list of `routine-model.md`, section "Tests", in its order. A test that is renamed or taken away makes
this file fail, so no property can lose its proof unnoticed. That a calibration test would notice a model that is a
quarter off is part of each of them (`test_calibration`): it asks the same of a model that is bent by as much.
"""

import ast
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.clock_bins import ClockBins
from anomaly.home_model import HomeModel
from anomaly.open_finding import Finding
from anomaly.plan import HomePlan, plan_of_file
from anomaly.replay import replayed
from anomaly.scorecard.figures import ABSENCE_KINDS
from anomaly.state import VERSION, unpack
from store.deviation import Deviation, DeviationKind
from store.recording import HUB, Row
from tests.anomaly.conftest import FIRST_DAY, LONDON, a_home, a_life, check_ins_only

HERE = Path(__file__).parent
PROVEN = {
    "time rescaling: exp(−Λ) of ended quiets is uniform": (
        "test_calibration.py::test_time_rescaled_by_a_learned_life_is_exponential",
        "test_calibration.py::test_the_tail_of_quiets_is_what_it_says",
        "test_parts.py::test_the_quiets_of_a_memoryless_person_are_uniform_once_learned",
        "test_duration.py::test_the_chances_are_right_for_every_shape_of_life",
        "test_daily_habits.py::test_chances_of_a_habit_are_uniform_and_its_rare_days_as_rare_as_said",
    ),
    "randomised PIT of counts": (
        "test_calibration.py::test_a_place_drawn_among_equal_counts_is_uniform",
        "test_gradual.py::test_randomised_chances_of_counts_are_uniform",
        "test_gradual.py::test_z_of_overdispersed_counts_is_as_wide_as_it_should_be",
    ),
    "coverage of predictive quantiles from day 0": (
        "test_calibration.py::test_nine_quiets_in_ten_are_over_by_then_from_the_first_day_on",
        "test_calibration.py::test_a_habit_happens_by_its_quantiles_as_often_as_they_say_from_day_0",
        "test_calibration.py::test_a_stay_is_over_by_its_quantiles_as_often_as_they_say_from_day_0",
    ),
    "return periods are what they say": (
        "test_calibration.py::test_once_in_n_days_is_once_in_n_days",
        "test_calibration.py::test_once_in_n_days_of_single_events_is_once_in_n_days",
        "test_duration.py::test_what_is_called_once_in_thirty_days_comes_about_so_often",
        "scorecard/test_figures.py::test_calibration_that_is_a_quarter_off_is_noticed_and_one_that_is_right_is_not",
    ),
    "average run length against the table": (
        "test_calibration.py::test_false_changes_come_as_often_as_the_table_says",
        "test_gradual.py::test_the_table_is_what_its_command_measures",
        "test_gradual.py::test_false_changes_of_a_count_stay_below_the_table",
    ),
    "no finding of absence while nobody could see": (
        "test_properties.py::test_nobody_is_missed_while_nobody_could_see",
        "test_home_model.py::test_while_the_hub_is_silent_no_inactivity_is_found",
        "test_dwell.py::test_while_the_hub_is_silent_nothing_is_said",
    ),
    "a masked day leaves the state bit-identical": (
        "test_learning.py::test_a_day_that_is_masked_later_leaves_the_bits_of_one_masked_from_the_start",
        "test_gradual.py::test_a_day_that_is_taken_out_leaves_the_bits_of_a_masked_day",
        "test_daily_habits.py::test_a_day_that_is_taken_out_leaves_what_a_masked_day_leaves",
        "test_home_model.py::test_nobody_is_missed_during_a_noted_absence",
    ),
    "unlearn ∘ learn = identity": (
        "test_learning.py::test_what_is_put_back_is_as_if_it_had_never_been_taken_out",
        "test_learning.py::test_one_day_is_enough_to_move_what_is_known_and_its_own_values_are_gone",
    ),
    "order within the watermark does not matter": (
        "test_home_model.py::test_the_order_in_which_rows_are_given_does_not_matter",
        "test_recording.py::test_the_order_of_lines_within_an_hour_does_not_matter",
        "test_replay.py::test_shuffled_lines_within_the_hour_find_the_same",
    ),
    "replay is idempotent": (
        "test_properties.py::test_a_recording_that_is_told_twice_is_told_once",
        "test_home_model.py::test_a_run_cut_anywhere_and_gone_on_from_its_bytes_says_the_same",
        "test_replay.py::test_a_run_cut_in_two_finds_the_same",
        "test_worker.py::test_a_second_reading_of_the_same_log_says_nothing_new",
    ),
    "days of 23 and 25 hours: Σ exposure = elapsed seconds": (
        "test_properties.py::test_a_day_of_any_length_is_observed_to_the_second",
        "test_parts.py::test_exposures_add_up_to_the_time_that_passed_on_every_kind_of_day",
        "test_parts.py::test_the_days_of_a_clock_change_have_23_and_25_hours",
    ),
    "scalar = vector": (
        "test_fleet.py::test_the_surprise_of_many_homes_is_that_of_each",
        "test_fleet.py::test_a_night_of_all_homes_is_the_night_of_each",
        "test_fleet.py::test_the_thresholds_of_many_homes_are_those_of_each",
        "test_fleet.py::test_spells_say_of_a_quiet_what_minutes_say",
        "test_fleet.py::test_a_model_in_a_fleet_is_bit_for_bit_the_model_alone",
        "test_gradual.py::test_the_tables_days_are_judged_as_real_days_are",
    ),
    "scoring never mutates": (
        "test_home_model.py::test_looking_changes_nothing",
        "test_estimators.py::test_scoring_changes_nothing_and_learning_returns_nothing",
        "test_dwell.py::test_looking_changes_nothing_that_is_known",
        "test_fleet.py::test_asking_what_is_due_and_how_surprising_it_is_changes_nothing",
        "test_doubt.py::test_asking_changes_nothing_and_doubt_survives_a_restart",
    ),
    "N is never above its cap": (
        "test_properties.py::test_what_people_read_never_rests_on_more_days_than_there_were",
        "test_parts.py::test_what_is_shown_is_never_above_the_days_it_rests_on",
        "test_home_model.py::test_what_is_shown_never_rests_on_more_days_than_there_were",
        "test_duration.py::test_what_is_shown_never_exceeds_what_it_rests_on",
    ),
    "state files of every release load in the next": (
        "test_properties.py::test_the_states_of_all_releases_load_and_go_on",
        "test_fleet.py::test_a_state_of_the_last_release_goes_on",
        "test_learning.py::test_a_state_of_an_older_release_goes_on_and_can_take_back_what_it_learns_from_now_on",
    ),
}
DAYS = 20
MORNING = FIRST_DAY + timedelta(days=DAYS, hours=6)


@pytest.mark.parametrize("what", list(PROVEN))
def test_every_property_of_the_design_has_a_test(what: str) -> None:
    for proof in PROVEN[what]:
        file, name = proof.split("::")
        tree = ast.parse((HERE / file).read_text(encoding="utf-8"))
        assert name in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}, proof


def the_plan() -> HomePlan:
    return plan_of_file(a_home(), always_observed=False)


@cache
def learned() -> bytes:
    """The state after three weeks, at six in the morning."""
    model = HomeModel(the_plan())
    model.feed(row for row in a_life(DAYS + 1) if row.at < MORNING)
    model.advance(MORNING)
    return model.to_bytes()


@settings(max_examples=12, deadline=None)
@given(
    heard=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 60)), min_size=1, max_size=8),
    lived=st.integers(0, 30),
)
def test_nobody_is_missed_while_nobody_could_see(heard: list[tuple[int, int]], lived: int) -> None:
    """The hub comes and goes in any pattern; they live for so many hours and lie still from then on.

    `heard`: quarter hours of silence, and of check-ins. What is said of a lack of activity, is said within the fifteen
    minutes for which a check-in vouches.
    """
    at, heard_at = MORNING, []
    for silent, present in heard:
        at += timedelta(minutes=15 * silent)
        heard_at += [at + timedelta(minutes=5 * i) for i in range(3 * present)]
        at += timedelta(minutes=15 * present)
    hub = [row for moment in heard_at for row in check_ins_only(moment, moment + timedelta(seconds=1))]
    alive = [row for row in a_life(DAYS + 3) if row.sensor != HUB and timedelta(0) <= row.at - MORNING]
    model = HomeModel(the_plan(), learned())
    model.feed([*hub, *(row for row in alive if row.at < MORNING + timedelta(hours=lived))])
    found = model.advance(at + timedelta(days=1))
    heard_at.insert(0, MORNING)  # the last check-in of the life before
    for each in found:
        if isinstance(each, Deviation) and each.kind in ABSENCE_KINDS and each.ended_at is None:
            since = min(each.raised_at - moment for moment in heard_at if moment <= each.raised_at)
            assert since <= timedelta(minutes=15), each.explanation


def test_a_recording_that_is_told_twice_is_told_once() -> None:
    """Every row twice, and the whole recording again into the same model: nothing new, and the same bits."""
    rows = [row for row in a_life(11) if row.at < FIRST_DAY + timedelta(days=10, hours=9)]
    end = FIRST_DAY + timedelta(days=10, hours=20)
    once, twice = HomeModel(the_plan()), HomeModel(the_plan())
    said = replayed(once, rows, end=end)
    assert said
    assert replayed(twice, [row for row in rows for _ in range(2)], end=end) == said
    assert twice.to_bytes() == once.to_bytes()
    assert replayed(once, rows, end=end) == []
    assert once.to_bytes() == twice.to_bytes()


@pytest.mark.parametrize(("first", "hours"), [("2026-03-28", 23), ("2026-10-24", 25), ("2026-06-10", 24)])
def test_a_day_of_any_length_is_observed_to_the_second(first: str, hours: int) -> None:
    """The model's own account of a whole civil day, spread over 96 quarter hours."""
    begin = datetime.fromisoformat(first).replace(tzinfo=LONDON).astimezone(UTC)
    model = HomeModel(the_plan())
    rows = list(check_ins_only(begin - timedelta(hours=1), begin + timedelta(days=2, hours=2)))
    lived = [Row(at=row.at, sensor="M-lounge", value=float(i % 2)) for i, row in enumerate(rows)]
    model.feed([*rows, *lived])
    clock = ClockBins(LONDON)
    midnight = clock.midnight_after(clock.midnight_after(begin.timestamp() - 3600.0) + 3600.0)
    model.advance(datetime.fromtimestamp(midnight + hours * 3600.0 - 60.0, UTC))
    situation = model.known.situation
    seen = situation.seen.sum() + (situation.at - (situation._seen_from or situation.at))
    assert seen == pytest.approx(hours * 3600.0 - 60.0, abs=1e-3)


def test_what_people_read_never_rests_on_more_days_than_there_were() -> None:
    """Of every kind of finding, through three weeks with a monstrous end: no shorter path to a large N."""
    model = HomeModel(the_plan())
    cut = FIRST_DAY + timedelta(days=18, hours=11)
    model.feed([*(row for row in a_life(19) if row.at < cut), *check_ins_only(cut, cut + timedelta(days=2))])
    found: list[Finding] = []
    for hour in range(20 * 24):
        found = model.advance(FIRST_DAY + timedelta(hours=hour))
        days = hour / 24
        for each in found:
            if isinstance(each, Deviation) and each.once_in_days is not None:
                assert each.once_in_days <= days + 12 + 0.1, each.explanation  # twelve days the population counts for


@pytest.mark.parametrize("name", sorted(path.name for path in HERE.glob("state_of_version_*.bin")))
def test_the_states_of_all_releases_load_and_go_on(name: str) -> None:
    """A home is no stranger after an upgrade: what it had learned is there, and a collapse is found the same day."""
    model = HomeModel(the_plan(), (HERE / name).read_bytes())
    at = model.at
    assert at is not None
    assert model.known.learned_days > 15.0
    assert model.known.hazard.endings.sum() > 100.0
    model.feed(check_ins_only(at, at + timedelta(hours=13)))
    kinds = {each.kind for each in model.advance(at + timedelta(hours=13))}
    assert DeviationKind.INACTIVITY in kinds
    again = model.to_bytes()
    assert HomeModel(the_plan(), again).to_bytes() == again
    unpack(again)


def test_there_is_a_state_of_the_version_that_is_written_now() -> None:
    """Whoever raises the version adds a state that was saved before: then the test above proves that it still loads."""
    assert any(path.name.startswith(f"state_of_version_{VERSION}") for path in HERE.glob("state_of_version_*.bin"))

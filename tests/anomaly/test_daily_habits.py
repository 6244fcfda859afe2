"""Late first kitchen, not to bed, up at night: what is said, and above all when nothing is."""

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.detectors.nights import NightWatch
from anomaly.detectors.not_to_bed import NotToBed
from anomaly.habit import Habit
from anomaly.home_model import HomeModel
from anomaly.open_finding import Finding
from anomaly.own_tail import OwnTail
from anomaly.plan import HomePlan
from store.deviation import Deviation, Grade
from store.hub import HubState
from store.recording import HUB, Row
from tests.anomaly.conftest import FIRST_DAY, LONDON
from tests.anomaly.sleeper import Bent, a_sleeper, sleeper_plan

DAYS = 34
P = TypeVar("P")
MINE = {"late_kitchen", "not_to_bed", "up_at_night"}


def day(number: int, hour: float = 0.0) -> datetime:
    return FIRST_DAY + timedelta(days=number, hours=hour)  # London in winter: civil time is UTC


class State(bytes):
    def __repr__(self) -> str:
        return f"State({len(self)} bytes)"


@pytest.fixture(scope="module")
def learned() -> State:
    """The state of a home after 34 ordinary days, at noon of the last."""
    model = HomeModel(sleeper_plan())
    model.feed(row for row in a_sleeper(DAYS) if row.at < day(DAYS - 1, 12))
    model.advance(day(DAYS - 1, 12))
    return State(model.to_bytes())


def went_on(
    state: bytes,
    bent: dict[int, Bent],
    *,
    days: int = 3,
    plan: HomePlan | None = None,
    also: Iterable[Row] = (),
    leave_out: str = "",
) -> list[Deviation]:
    """What was found when some of the next days were different."""
    model = HomeModel(plan or sleeper_plan(), state)
    model.change_plan(plan or sleeper_plan())
    rows = a_sleeper(DAYS + days, bent=bent, from_day=DAYS - 1)
    model.feed(row for row in rows if row.at >= day(DAYS - 1, 12) and row.sensor != leave_out)
    model.feed(also)
    return since_learned(model.advance(day(DAYS + days)))


def since_learned(found: Iterable[Finding]) -> list[Deviation]:
    return [each for each in found if isinstance(each, Deviation) and each.raised_at >= day(DAYS - 1, 12)]


def of(found: list[Deviation], kind: str) -> list[Deviation]:
    return [each for each in found if each.kind == kind]


def test_ordinary_weeks_tell_nobody() -> None:
    model = HomeModel(sleeper_plan())
    model.feed(a_sleeper(45, seed=3))
    found = model.advance(day(45))
    told = [f for f in found if str(f.kind) in {*MINE, "gradual"} and f.grade is not Grade.NOTICE]
    assert told == []


def test_no_kitchen_all_morning_is_a_reason_to_call(learned: State) -> None:
    found = of(went_on(learned, {DAYS: Bent(cooks=False)}), "late_kitchen")
    assert [f.grade for f in found][:2] == [Grade.NOTICE, Grade.ATTENTION]
    assert day(DAYS, 8) < found[1].raised_at < day(DAYS, 13)
    assert "not yet in the kitchen" in found[1].explanation
    assert found[-1].ended_at is not None  # the day after they cook again
    assert len({f.id for f in found}) == 1


def test_of_somebody_who_is_not_up_only_not_up_speaks(learned: State) -> None:
    found = went_on(learned, {DAYS: Bent(later=5.0)})
    assert of(found, "not_up")
    assert of(found, "late_kitchen") == []


@pytest.mark.parametrize("plan", [sleeper_plan(without=("M-kitchen",)), sleeper_plan()])
def test_without_a_kitchen_sensor_that_works_nothing_is_said_of_the_kitchen(learned: State, plan: HomePlan) -> None:
    lost = tuple(replace(s, is_available=s.code != "M-kitchen") for s in plan.sensors)
    found = went_on(learned, {DAYS: Bent(cooks=False)}, plan=replace(plan, sensors=lost))
    assert of(found, "late_kitchen") == []


def test_who_leaves_before_breakfast_is_not_late_for_it(learned: State) -> None:
    model = HomeModel(sleeper_plan(), learned)
    model.feed(row for row in a_sleeper(DAYS + 1, from_day=DAYS - 1) if day(DAYS - 1, 12) <= row.at < day(DAYS, 6.3))
    leaves = [("M-bedroom", 7.0), ("B1", 7.0), ("M-lounge", 7.1), ("D1", 7.2), ("D1", 7.201)]
    model.feed(Row(at=day(DAYS, hour), sensor=code, value=float(i != 1 and i != 4))
               for i, (code, hour) in enumerate(leaves))  # fmt: skip
    assert not of([f for f in model.advance(day(DAYS, 18)) if isinstance(f, Deviation)], "late_kitchen")


def test_somebody_who_does_not_go_to_bed_is_noticed_that_night(learned: State) -> None:
    found = of(went_on(learned, {DAYS: Bent(to_bed=False), DAYS + 1: Bent(up_from=0.01)}), "not_to_bed")
    assert [f.grade for f in found][:2] == [Grade.NOTICE, Grade.ATTENTION]
    assert day(DAYS, 22.5) < found[1].raised_at < day(DAYS + 1, 2.0)
    assert "Not in bed yet" in found[1].explanation


@pytest.mark.parametrize(
    "plan",
    [sleeper_plan(residents=2), sleeper_plan(without=("B1", "M-bedroom"))],
    ids=["two residents", "neither mat nor bedroom"],
)
def test_where_bed_time_cannot_be_told_nothing_is_said_of_it(plan: HomePlan) -> None:
    model = HomeModel(plan)
    codes = {s.code for s in plan.sensors}
    bent = {DAYS: Bent(to_bed=False), DAYS + 1: Bent(up_from=0.01)}
    model.feed(row for row in a_sleeper(DAYS + 2, bent=bent) if row.sensor in codes)
    found = since_learned(model.advance(day(DAYS + 2)))
    assert of(found, "not_to_bed") == []


def test_without_a_mat_the_bedrooms_last_movement_tells_bed_time() -> None:
    model = HomeModel(sleeper_plan(without=("B1",)))
    bent = {DAYS: Bent(to_bed=False), DAYS + 1: Bent(up_from=0.01)}
    model.feed(row for row in a_sleeper(DAYS + 2, bent=bent) if row.sensor != "B1")
    found = since_learned(model.advance(day(DAYS + 2)))
    assert [f.grade for f in of(found, "not_to_bed")][:2] == [Grade.NOTICE, Grade.ATTENTION]


def test_a_mat_that_is_lost_does_not_keep_anybody_up(learned: State) -> None:
    plan = sleeper_plan()
    plan = replace(plan, sensors=tuple(replace(s, is_available=s.code != "B1") for s in plan.sensors))
    found = went_on(learned, {}, plan=plan, leave_out="B1")
    assert {f.kind for f in found} & MINE == set()


@pytest.mark.parametrize("stirs", [True, False], ids=["moving about", "lying somewhere"])
def test_out_of_bed_for_hours_at_night_is_found_whether_they_move_or_not(learned: State, stirs: bool) -> None:
    bent = {DAYS: Bent(visits=0, up_from=1.5, stirs=stirs)}
    found = of(went_on(learned, bent), "up_at_night")
    assert [f.grade_alone for f in found][:2] == [Grade.NOTICE, Grade.ATTENTION]
    assert found[1].raised_at < day(DAYS, 3.5)
    assert "Out of bed for" in found[1].explanation


def test_it_is_over_when_they_are_in_bed_again(learned: State) -> None:
    back = Row(at=day(DAYS, 3.9), sensor="B1", value=1.0)
    found = went_on(learned, {DAYS: Bent(visits=0, up_from=1.5, stirs=False)}, also=[back])
    assert of(found, "up_at_night")[-1].ended_at == back.at


def test_a_chattering_mat_tells_nothing() -> None:
    model = HomeModel(sleeper_plan())
    rng = random.Random(1)
    model.feed(row for row in a_sleeper(DAYS) if row.sensor != "B1")
    for number in range(DAYS):
        for i in range(300):
            at = day(number, 23.9 * rng.random())
            model.feed(
                [
                    Row(at=at, sensor="B1", value=float(i % 2)),
                    Row(at=at + timedelta(seconds=300), sensor="B1", value=float(1 - i % 2)),
                ]
            )
    found = [f for f in model.advance(day(DAYS)) if isinstance(f, Deviation)]
    assert [f for f in found if f.kind in {"not_to_bed", "up_at_night"}] == []


def test_a_night_that_could_not_be_seen_tells_nothing() -> None:
    plan = replace(sleeper_plan(), always_observed=False)
    model = HomeModel(plan)
    end = day(DAYS + 2)
    at = FIRST_DAY
    while at < end:  # the hub is silent from 20:00 on, for a night and a morning
        if not day(DAYS, 20) <= at < day(DAYS + 1, 10):
            model.feed([Row(at=at, sensor=HUB, value=HubState.CHECKIN)])
        at += timedelta(minutes=5)
    bent = {DAYS: Bent(to_bed=False), DAYS + 1: Bent(up_from=0.01)}
    model.feed(r for r in a_sleeper(DAYS + 2, bent=bent) if not day(DAYS, 20) <= r.at < day(DAYS + 1, 10))
    found = since_learned(model.advance(end))
    assert {f.kind for f in found} & MINE == set()


@settings(max_examples=5, deadline=None)
@given(cut=st.floats(0.5, 3.5), bend=st.sampled_from(["cooks", "to_bed", "up"]))
def test_a_run_that_is_cut_in_two_says_and_keeps_the_same(learned: State, cut: float, bend: str) -> None:
    bent = {
        "cooks": {DAYS: Bent(cooks=False)},
        "to_bed": {DAYS: Bent(to_bed=False), DAYS + 1: Bent(up_from=0.01)},
        "up": {DAYS: Bent(visits=3), DAYS + 1: Bent(up_from=2.0)},
    }[bend]
    start = day(DAYS - 1, 12)
    rows = [row for row in a_sleeper(DAYS + 4, bent=bent, from_day=DAYS - 1) if row.at >= start]
    end = start + timedelta(days=4)

    whole = HomeModel(sleeper_plan(), learned)
    whole.feed(rows)
    found = whole.advance(end)

    middle = start + timedelta(days=cut)
    first = HomeModel(sleeper_plan(), learned)
    first.feed(row for row in rows if row.at < middle)
    told = first.advance(middle)
    second = HomeModel(sleeper_plan(), first.to_bytes())
    second.feed(row for row in rows if row.at >= middle)
    told += second.advance(end)
    assert told == found
    assert second.to_bytes() == whole.to_bytes()


def test_nights_are_civil_over_both_changes_of_the_clocks() -> None:
    for sunday in (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)):
        model = HomeModel(sleeper_plan())
        first = sunday - timedelta(days=3)
        model.feed(a_sleeper(6, first=first))
        model.advance(first + timedelta(days=6))
        bed, night = part(model, NotToBed, "not_to_bed"), part(model, NightWatch, "nights")
        minutes = [each.minutes for _, each in bed.habit.journal.entries]
        assert minutes == pytest.approx([22.5 * 60] * len(minutes), abs=45)
        assert len(minutes) >= 4
        assert night.nights.last is not None
        assert night.nights.last.up is not None
        up = datetime.fromtimestamp(night.nights.last.up, UTC).astimezone(LONDON)
        assert 6 <= up.hour <= 7


def part(model: HomeModel, kind: type[P], name: str) -> P:
    found = model._detectors[name]
    assert isinstance(found, kind)
    return found


# What mathematics says the parts must do -------------------------------------------------------


def test_chances_of_a_habit_are_uniform_and_its_rare_days_as_rare_as_said() -> None:
    """12 homes of 200 days: 2,400 days. A quarter too many or too few of any fifth would fail."""
    chances: list[float] = []
    rare = told = 0.0
    for seed in range(12):
        rng = random.Random(seed)
        mean, spread = rng.uniform(420, 560), rng.uniform(12, 60)
        habit = Habit(mean=480.0, spread=75.0)
        for number in range(230):
            habit.pass_day(number)
            day_type = int(number % 7 >= 5)
            minutes = rng.gauss(mean + 30 * day_type, spread)
            chance = habit.usual.score_one(minutes, day_type)
            if number >= 30:
                chances.append(chance)
                told += 1
                rare += chance <= habit.tail.chance_of(10.0)
            habit.learn_one(number, minutes, day_type, until=1440.0)
    shares = np.histogram(chances, bins=5, range=(0.0, 1.0))[0] / len(chances)
    assert shares == pytest.approx([0.2] * 5, abs=0.04)
    assert rare / told * 10.0 == pytest.approx(1.0, abs=0.25)


def test_a_tail_that_is_heavier_than_the_formula_is_called_less_rare() -> None:
    tail, rng = OwnTail(), random.Random(1)
    right = OwnTail()
    for _ in range(120):
        right.learn_one(rng.random())
        tail.learn_one(rng.random() ** 2)  # small chances come too often
    assert 60 < right.once_in_days(0.01) < 150
    assert tail.once_in_days(0.01) < 0.5 * right.once_in_days(0.01)


DAYS_OF_A_HABIT = st.lists(st.one_of(st.none(), st.floats(300, 900)), min_size=20, max_size=40)


@settings(max_examples=30, deadline=None)
@given(days=DAYS_OF_A_HABIT, bad=st.integers(0, 19), back=st.integers(0, 6))
def test_a_day_that_is_taken_out_leaves_what_a_masked_day_leaves(days: list[float | None], bad: int, back: int) -> None:
    taught, masked = Habit(mean=480.0, spread=75.0), Habit(mean=480.0, spread=75.0)
    for number, minutes in enumerate(days):
        for habit in (taught, masked):
            habit.pass_day(number)
            if habit is taught or number != bad:
                habit.learn_one(number, minutes, number % 7 // 5, until=1440.0)
        if number == min(bad + back, len(days) - 1):
            assert taught.take_out(bad)
            assert not taught.take_out(bad)
    assert taught.saved() == masked.saved()


def test_an_irregular_habit_falls_silent_by_construction() -> None:
    rng = random.Random(5)
    habit = Habit(mean=480.0, spread=75.0)
    for number in range(90):
        habit.pass_day(number)
        habit.learn_one(number, None if rng.random() < 0.1 else rng.uniform(300, 1000), 0, until=1440.0)
    needed = {Grade.ATTENTION: 750.0}
    assert not habit.reached(np.arange(0.0, 1440.0), 0, needed)[Grade.ATTENTION].any()

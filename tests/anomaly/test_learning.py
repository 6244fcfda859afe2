"""What a day teaches can be taken out again, to the last bit, and what must not teach does not."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from anomaly.day_notes import QuietNote, QuietNotes
from anomaly.hazard import CLOCK_STARTS
from anomaly.home_model import HomeModel
from anomaly.learning import OLD_COUNTS, TAKEN_BACK_DAYS
from anomaly.plan import HomePlan, Period, Place, plan_of_file
from store.recording import HUB, Row
from tests.anomaly.conftest import FIRST_DAY, a_home, a_life, check_ins_only

DAYS = 26  # long enough that days have entered the base
END = FIRST_DAY + timedelta(days=DAYS)
FRONT_DOOR = "D1"
OLD_STATE = Path(__file__).parent / "state_of_version_2.bin"


class State(bytes):
    """The bytes of a model; short when a failing test shows them."""

    def __repr__(self) -> str:
        return f"State({len(self)} bytes)"


def the_plan(*, has_door: bool = True, **changes: object) -> HomePlan:
    sensors = [sensor.model_dump(mode="json") for sensor in a_home().sensors if has_door or sensor.id != FRONT_DOOR]
    return plan_of_file(a_home(sensors=sensors, **changes), always_observed=False)


def a_homely_life(days: int) -> list[Row]:
    """Nobody goes out: where the resident is thought to be is no matter of what has been learned."""
    return [row for row in a_life(days) if row.sensor != FRONT_DOOR]


def masking(*days: int, plan: HomePlan) -> HomePlan:
    """These days, counted from the first, must not teach."""
    noons = [(FIRST_DAY + timedelta(days=day, hours=12)).timestamp() for day in days]
    return replace(plan, masked=tuple(Period(start=noon, end=noon + 60.0) for noon in noons))


def lived(rows: list[Row], plan: HomePlan, *, until: datetime = END, state: bytes | None = None) -> HomeModel:
    model = HomeModel(plan, state)
    model.feed(row for row in rows if row.at < until and (model.at is None or row.at >= model.at))
    model.advance(until)
    return model


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return a_homely_life(DAYS + 1)


@pytest.fixture(scope="module")
def early(rows: list[Row]) -> State:
    """The model after twelve days, before anything is masked."""
    return State(lived(rows, the_plan(has_door=False), until=FIRST_DAY + timedelta(days=12, hours=9)).to_bytes())


@pytest.fixture(scope="module")
def late(rows: list[Row], early: bytes) -> State:
    """The model at the end, nothing masked."""
    return State(lived(rows, the_plan(has_door=False), state=early).to_bytes())


@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(bad=st.sets(st.integers(DAYS - TAKEN_BACK_DAYS, DAYS - 1), min_size=1, max_size=4), told=st.integers(0, 14))
def test_a_day_that_is_masked_later_leaves_the_bits_of_one_masked_from_the_start(
    rows: list[Row], early: bytes, bad: set[int], told: int
) -> None:
    plan = the_plan(has_door=False)
    masked = masking(*bad, plan=plan)
    from_start = lived(rows, masked, state=early)
    told_at = min(FIRST_DAY + timedelta(days=12 + told, hours=15), END)
    model = lived(rows, plan, until=told_at, state=early)
    model.change_plan(masked)
    later = lived(rows, masked, state=State(model.to_bytes()))
    assert later.learning.in_force() == from_start.learning.in_force()
    assert later.known.learned_days == from_start.known.learned_days
    assert later.known.learned_days < DAYS - len(bad) + 0.01


@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(bad=st.sets(st.integers(DAYS - TAKEN_BACK_DAYS, DAYS - 1), min_size=1, max_size=6))
def test_what_is_put_back_is_as_if_it_had_never_been_taken_out(late: bytes, bad: set[int]) -> None:
    plan = the_plan(has_door=False)
    model = HomeModel(plan, late)
    before = State(model.learning.in_force())
    model.change_plan(masking(*bad, plan=plan))
    assert model.learning.in_force() != before
    days = frozenset((FIRST_DAY + timedelta(days=day)).date() for day in bad)
    model.change_plan(replace(masking(*bad, plan=plan), usual=days))  # "usual for this resident"
    assert model.learning.in_force() == before
    model.change_plan(plan)
    assert model.learning.in_force() == before
    assert State(model.learning.packed()) == State(HomeModel(plan, late).learning.packed())


def test_a_state_taken_up_under_another_plan_is_as_if_the_plan_had_been_changed(late: bytes) -> None:
    plan = the_plan(has_door=False)
    masked = masking(DAYS - 3, plan=plan)
    changed = HomeModel(plan, late)
    changed.change_plan(masked)
    assert HomeModel(masked, late).learning.in_force() == changed.learning.in_force()
    assert HomeModel(masked, late).learning.saved() == changed.learning.saved()


def test_one_day_is_enough_to_move_what_is_known_and_its_own_values_are_gone(rows: list[Row], early: bytes) -> None:
    """A day on which nobody moved for four hours: a scare, and then an emergency that people confirmed."""
    plan, scare = the_plan(has_door=False), DAYS - 2
    start = FIRST_DAY + timedelta(days=scare, hours=9)
    quiet = [row for row in rows if not start <= row.at < start + timedelta(hours=4) or row.sensor == HUB]
    model = lived(quiet, plan, state=early)
    told = model.known.maxima.once_in_days(14.0)
    model.change_plan(masking(scare, plan=plan))
    assert model.known.maxima.once_in_days(14.0) > told
    assert scare not in {each.day - FIRST_DAY.toordinal() for each in model.learning.journal} - {
        day - FIRST_DAY.toordinal() for day in model.learning.masked
    }


def test_while_an_alert_is_open_nothing_is_learned_and_when_it_was_nothing_all_of_it_is(
    rows: list[Row], early: bytes, late: bytes
) -> None:
    plan = the_plan(has_door=False)
    opened = (FIRST_DAY + timedelta(days=14, hours=10)).timestamp()
    under_alert = replace(plan, masked=(Period(start=opened, end=float("inf")),))
    model = lived(rows, under_alert, state=early)
    assert model.known.learned_days == pytest.approx(14.0, abs=0.1)
    model.change_plan(plan)  # it was closed as false
    assert model.learning.in_force() == HomeModel(plan, late).learning.in_force()


def test_a_holiday_that_nobody_noted_teaches_nothing() -> None:
    leaves, back = FIRST_DAY + timedelta(days=16, hours=11), FIRST_DAY + timedelta(days=21, hours=16)
    rows = [row for row in a_life(24) if row.sensor == HUB or not leaves <= row.at < back]
    door = [Row(at=leaves + timedelta(seconds=s), sensor=FRONT_DOOR, value=v) for s, v in ((0, 1.0), (5, 0.0))]
    home = [Row(at=back, sensor=FRONT_DOOR, value=1.0), Row(at=back + timedelta(seconds=9), sensor="M-hall", value=1.0)]
    plan = the_plan()
    model = lived([*rows, *door, *home], plan, until=leaves)
    learned, slowest = model.known.learned_days, model.known.hazard.rates.min()
    model = lived([*rows, *door, *home], plan, until=back, state=State(model.to_bytes()))
    assert model.known.learned_days <= learned + 1.0  # the day on which they left
    model = lived([*rows, *door, *home], plan, until=back + timedelta(days=1, hours=10), state=State(model.to_bytes()))
    assert model.known.hazard.rates.min() > 0.9 * slowest  # five days of quiet are not how quiets are here


@pytest.mark.parametrize("why", ["outage", "visit", "absence"])
def test_a_day_that_was_hardly_seen_teaches_nothing(rows: list[Row], early: bytes, why: str) -> None:
    day = FIRST_DAY + timedelta(days=13)
    start, end = day + timedelta(hours=8), day + timedelta(hours=20)
    period = {"from": start.isoformat(), "until": end.isoformat()}
    plan = the_plan(has_door=False)
    if why == "visit":
        plan = the_plan(has_door=False, visits=[{**period, "who": "family"}])
    if why == "absence":
        plan = the_plan(has_door=False, absences=[{**period, "reason": "day centre"}])
    heard = [
        row for row in rows if why == "visit" or not start <= row.at < end or (why, row.sensor) == ("absence", HUB)
    ]
    model = lived(heard, plan, until=day, state=early)
    before = State(model.learning.in_force())
    after = lived(heard, plan, until=day + timedelta(days=1), state=State(model.to_bytes()))
    assert after.learning.in_force() == before


def test_after_a_long_absence_three_days_teach_nothing() -> None:
    start, end = FIRST_DAY + timedelta(days=10, hours=9), FIRST_DAY + timedelta(days=13, hours=9)
    plan = the_plan(absences=[{"from": start.isoformat(), "until": end.isoformat(), "reason": "hospital"}])
    rows = [row for row in a_life(20) if row.sensor == HUB or not start <= row.at < end]
    model = lived(rows, plan, until=start)
    learned = model.known.learned_days
    settled = end + timedelta(days=3)
    model = lived(rows, plan, until=settled + timedelta(hours=14), state=State(model.to_bytes()))
    assert model.known.learned_days == learned
    model = lived(rows, plan, until=settled + timedelta(days=2), state=State(model.to_bytes()))
    assert model.known.learned_days > learned + 0.9


def test_a_new_routine_makes_the_past_count_a_quarter_whenever_it_is_told(
    rows: list[Row], early: bytes, late: bytes
) -> None:
    plan = the_plan(has_door=False)
    since = replace(plan, new_normal_from=FIRST_DAY + timedelta(days=20, hours=8))
    told_at_once = lived(rows, since, state=early)
    told_late = HomeModel(plan, late)
    days = told_late.known.maxima.days
    told_late.change_plan(since)
    assert told_late.learning.in_force() == told_at_once.learning.in_force()
    assert told_late.known.maxima.days < days
    told_late.change_plan(replace(since, new_normal_from=END - timedelta(days=1)))  # put right: a day ago
    assert told_late.known.hazard.minutes.sum() < (OLD_COUNTS + 0.1) * HomeModel(plan, late).known.hazard.minutes.sum()
    again = State(told_late.learning.in_force())
    told_late.change_plan(replace(since, new_normal_from=END - timedelta(days=1), covered_seconds=901.0))
    assert told_late.learning.in_force() == again  # once


def test_a_state_of_an_older_release_goes_on_and_can_take_back_what_it_learns_from_now_on() -> None:
    plan = plan_of_file(a_home(), always_observed=False)
    old = HomeModel(plan, OLD_STATE.read_bytes())
    at = old.at
    assert at is not None
    begun = (at + timedelta(days=1)).replace(hour=0, minute=0)
    rows = list(a_life(3, seed=9, first=begun))
    old.feed(rows)
    before = old.known.learned_days
    old.advance(begun + timedelta(days=3))
    assert old.known.learned_days > before + 1.9
    in_force = old.learning.in_force()
    noon = (begun + timedelta(days=1, hours=12)).timestamp()
    old.change_plan(replace(plan, masked=(Period(start=noon, end=noon),)))
    assert old.known.learned_days < before + 2.1
    old.change_plan(plan)
    assert old.learning.in_force() == in_force


@settings(max_examples=100)
@given(
    quiets=st.lists(
        st.tuples(
            st.lists(st.tuples(st.floats(0.0, 5000.0), st.floats(1.0, 30_000.0)), min_size=1, max_size=3),
            st.sampled_from(Place),
            st.floats(0.0, 1.0),
            st.booleans(),
            st.none() | st.floats(0.0, 30.0),
        ),
        max_size=20,
    )
)
def test_notes_of_quiets_come_back_as_they_were_packed(
    quiets: list[tuple[list[tuple[float, float]], Place, float, bool, float | None]],
) -> None:
    begins, t = FIRST_DAY.timestamp(), FIRST_DAY.timestamp() - 4000.0
    notes, given_ = QuietNotes(), []
    for parts, place, out, teaches, score in quiets:
        stretches = []
        for gap, length in parts:
            stretches.append((t + gap, t + gap + length))
            t += gap + length
        note = QuietNote(stretches=stretches, place=place, out=out, teaches=teaches, score=score)
        notes.note(note)
        given_.append(note)
    back = QuietNotes.unpacked(notes.packed(begins), begins, notes.scores)
    assert back == notes
    found = list(back.quiets())
    assert [(q.place, q.teaches, q.score) for q in found] == [(q.place, q.teaches, q.score) for q in given_]
    for mine, theirs in zip(found, given_, strict=True):
        assert abs(mine.out - theirs.out) <= 1 / 255
        age = sum(end - start for start, end in theirs.stretches)
        kept = sum(end - start for start, end in mine.stretches)
        assert abs(kept - age) <= 60.0 * len(theirs.stretches)
        if len(theirs.stretches) == 1 and age >= CLOCK_STARTS:
            assert kept > CLOCK_STARTS


def test_a_day_is_masked_as_a_whole_and_in_the_clock_of_the_home(late: bytes) -> None:
    plan = the_plan(has_door=False)
    day = (FIRST_DAY + timedelta(days=20)).date()
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    model = HomeModel(replace(plan, masked=(Period(start=begins - 60.0, end=begins),)), late)
    assert {date.fromordinal(each) for each in model.learning.masked} == {day - timedelta(days=1)}
    model.change_plan(replace(plan, masked=(Period(start=begins - 60.0, end=begins + 1.0),)))
    assert {date.fromordinal(each) for each in model.learning.masked} == {day - timedelta(days=1), day}


def test_a_quiet_that_goes_on_is_judged_by_what_is_known_after_the_change(rows: list[Row], late: bytes) -> None:
    plan = the_plan(has_door=False)
    model = HomeModel(plan, late)
    model.feed(check_ins_only(END, END + timedelta(hours=2)))
    model.advance(END + timedelta(hours=1))
    model.change_plan(masking(DAYS - 2, plan=plan))
    assert model.inactivity.due <= (END + timedelta(hours=1, minutes=1)).timestamp()

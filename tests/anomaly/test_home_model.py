"""The model of one home, from rows to findings."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.home_model import HomeModel
from anomaly.open_finding import Finding
from anomaly.plan import HomePlan, plan_of_file
from store.deviation import Deviation, DeviationKind, Grade
from store.fault import Fault, FaultKind
from store.hub import HubState
from store.recording import HUB, Row
from tests.anomaly.conftest import FIRST_DAY, a_home, a_life, check_ins_only

DAYS = 24
TEN = FIRST_DAY + timedelta(days=DAYS - 1, hours=10)  # 10:00 of the last day


def the_plan(**changes: object) -> HomePlan:
    return plan_of_file(a_home(**changes), always_observed=False)


class State(bytes):
    """The bytes of a model; short when a failing test shows them."""

    def __repr__(self) -> str:
        return f"State({len(self)} bytes)"


@pytest.fixture(scope="module")
def learned() -> State:
    """The state of a home after nearly four ordinary weeks, at 10:00."""
    model = HomeModel(the_plan())
    model.feed(row for row in a_life(DAYS) if row.at < TEN)
    model.advance(TEN)
    return State(model.to_bytes())


def kinds(found: list[Finding]) -> set[str]:
    return {str(finding.kind) for finding in found}


def inactivity(found: list[Finding]) -> list[Deviation]:
    return [f for f in found if isinstance(f, Deviation) and f.kind is DeviationKind.INACTIVITY]


def test_ordinary_days_cost_at_most_a_notice_or_two() -> None:
    model = HomeModel(the_plan())
    model.feed(a_life(30, seed=4))
    found = model.advance(FIRST_DAY + timedelta(days=30))
    assert [f.kind for f in found if f.grade is not Grade.NOTICE] == []


def test_a_collapse_by_day_is_found_within_hours_and_rises_under_one_id(learned: bytes) -> None:
    model = HomeModel(the_plan(), learned)
    model.feed(check_ins_only(TEN, TEN + timedelta(hours=12)))
    found = inactivity(model.advance(TEN + timedelta(hours=12)))
    assert [f.grade for f in found] == [Grade.NOTICE, Grade.ATTENTION, Grade.URGENT]
    assert len({f.id for f in found}) == 1
    assert found[1].raised_at - TEN < timedelta(hours=4)
    assert all(f.raised_at.second == 0 and f.ended_at is None for f in found)
    assert "All sensors live" in found[0].explanation


def test_it_ends_when_somebody_moves_again(learned: bytes) -> None:
    model = HomeModel(the_plan(), learned)
    back = TEN + timedelta(hours=6, seconds=30)
    model.feed([*check_ins_only(TEN, TEN + timedelta(hours=8)), Row(at=back, sensor="M-hall", value=1.0)])
    found = inactivity(model.advance(TEN + timedelta(hours=8)))
    assert [f.ended_at for f in found if f.id == found[0].id][-1] == back


@settings(max_examples=15, deadline=None)
@given(silent_after=st.integers(0, 300), hours=st.integers(1, 30))
def test_while_the_hub_is_silent_no_inactivity_is_found(learned: bytes, silent_after: int, hours: int) -> None:
    model = HomeModel(the_plan(), learned)
    last = TEN + timedelta(minutes=silent_after)
    model.feed(check_ins_only(TEN, last))
    model.advance(last + timedelta(minutes=15))
    assert inactivity(model.advance(last + timedelta(hours=hours))) == []


def test_a_silent_hub_is_a_fault_and_a_quiet_that_nobody_can_see_is_told(learned: bytes) -> None:
    model = HomeModel(the_plan(), learned)
    last = TEN + timedelta(hours=3)
    model.feed(check_ins_only(TEN, last))
    found = model.advance(last + timedelta(hours=2))
    fault = next(f for f in found if isinstance(f, Fault))
    assert fault.kind is FaultKind.HUB_SILENT
    assert fault.raised_at - fault.started_at >= timedelta(minutes=30)
    blind = next(f for f in found if isinstance(f, Deviation) and f.kind is DeviationKind.CANNOT_OBSERVE)
    assert blind.grade_alone is Grade.ATTENTION
    told = next(f for f in inactivity(found) if f.grade is not Grade.NOTICE)  # before the hub fell silent …
    assert blind.episode == str(told.id)  # … so that people know of this quiet already
    assert blind.raised_at < fault.raised_at
    assert "Unable to verify" in blind.explanation


def test_a_hub_that_comes_back_ends_its_fault(learned: bytes) -> None:
    model = HomeModel(the_plan(), learned)
    back = TEN + timedelta(hours=2)
    model.feed(check_ins_only(back, back + timedelta(hours=1)))
    found = model.advance(back + timedelta(minutes=30))
    ended = [f for f in found if f.kind is FaultKind.HUB_SILENT and f.ended_at is not None]
    assert [f.ended_at for f in ended] == [back]


def test_an_offline_hub_covers_nothing_any_more(learned: bytes) -> None:
    model = HomeModel(the_plan(), learned)
    model.feed([Row(at=TEN, sensor=HUB, value=HubState.CHECKIN), Row(at=TEN, sensor=HUB, value=HubState.OFFLINE)])
    found = model.advance(TEN + timedelta(hours=10))
    assert inactivity(found) == []
    assert FaultKind.HUB_SILENT in kinds(found)


def test_nobody_is_missed_during_a_noted_absence() -> None:
    start, end = TEN - timedelta(days=1), TEN + timedelta(days=2)
    plan = the_plan(absences=[{"from": start.isoformat(), "until": end.isoformat(), "reason": "holiday"}])
    model = HomeModel(plan)
    model.feed(row for row in a_life(DAYS) if row.at < start)
    model.advance(start)
    before = model.known.learned_days
    model.feed(check_ins_only(start, end))
    assert kinds(model.advance(end)) == set()
    assert model.known.learned_days == before


def test_leaving_by_the_front_door_is_not_inactivity(learned: bytes) -> None:
    model = HomeModel(the_plan(), learned)
    model.feed([Row(at=TEN, sensor="D1", value=1.0), Row(at=TEN + timedelta(seconds=20), sensor="M-hall", value=1.0)])
    model.feed(check_ins_only(TEN, TEN + timedelta(hours=20)))
    found = inactivity(model.advance(TEN + timedelta(hours=20)))
    assert [f for f in found if f.grade is not Grade.NOTICE] == []


def test_one_stray_event_in_an_empty_home_is_not_a_return(learned: bytes) -> None:
    model = HomeModel(the_plan(), learned)
    model.feed([Row(at=TEN, sensor="D1", value=1.0), Row(at=TEN + timedelta(seconds=20), sensor="M-hall", value=1.0)])
    model.feed([Row(at=TEN + timedelta(hours=2), sensor="M-lounge", value=1.0)])
    model.feed(check_ins_only(TEN, TEN + timedelta(hours=20)))
    found = inactivity(model.advance(TEN + timedelta(hours=20)))
    assert [f for f in found if f.grade is not Grade.NOTICE] == []


def test_nobody_up_in_the_morning_is_told_before_the_fixed_hour() -> None:
    model = HomeModel(the_plan())
    bed = FIRST_DAY + timedelta(days=DAYS - 1, hours=1)
    model.feed(row for row in a_life(DAYS) if row.at < bed)
    model.advance(bed)
    model.feed(check_ins_only(bed, bed + timedelta(hours=14)))
    found = [f for f in model.advance(bed + timedelta(hours=14)) if f.kind is DeviationKind.NOT_UP]
    assert found[0].raised_at < FIRST_DAY + timedelta(days=DAYS - 1, hours=10)
    assert found[-1].grade is Grade.URGENT


def test_in_the_first_days_only_the_ceilings_speak() -> None:
    model = HomeModel(the_plan())
    quiet_from = FIRST_DAY + timedelta(days=2, hours=9)
    model.feed(row for row in a_life(3) if row.at < quiet_from)
    model.feed(check_ins_only(quiet_from, quiet_from + timedelta(days=1)))
    found = inactivity(model.advance(quiet_from + timedelta(days=1)))
    assert [f.grade for f in found] == [Grade.URGENT]
    assert found[0].evidence["reason"] == "ceiling"
    assert found[0].raised_at - found[0].started_at >= timedelta(hours=12)


def test_a_dead_sensor_is_a_fault_and_not_a_person() -> None:
    model = HomeModel(the_plan())
    dead_from = FIRST_DAY + timedelta(days=20)
    model.feed(row for row in a_life(25) if row.sensor != "M-kitchen" or row.at < dead_from)
    found = model.advance(FIRST_DAY + timedelta(days=25))
    silent = [f for f in found if f.kind is FaultKind.SENSOR_SILENT]
    assert [f.evidence["sensor"] for f in silent] == ["M-kitchen"]
    assert timedelta(days=1) <= silent[0].raised_at - dead_from < timedelta(days=3)


@settings(max_examples=12, deadline=None)
@given(cut=st.integers(0, 30 * 60))
def test_a_run_cut_anywhere_and_gone_on_from_its_bytes_says_the_same(learned: bytes, cut: int) -> None:
    rows = [
        r for r in a_life(DAYS + 2) if r.at >= TEN and not TEN + timedelta(hours=3) <= r.at < TEN + timedelta(hours=9)
    ]
    end, middle = TEN + timedelta(hours=30), TEN + timedelta(minutes=cut, seconds=13)
    whole = HomeModel(the_plan(), learned)
    whole.feed(rows)
    first = HomeModel(the_plan(), learned)
    first.feed(row for row in rows if row.at < middle)
    found = first.advance(middle)
    second = HomeModel(the_plan(), first.to_bytes())
    assert second.to_bytes() == first.to_bytes()
    second.feed(row for row in rows if row.at >= middle)
    found += second.advance(end)
    assert found == whole.advance(end)
    assert second.to_bytes() == whole.to_bytes()


def test_looking_changes_nothing(learned: bytes) -> None:
    model = HomeModel(the_plan(), learned)
    model.feed(check_ins_only(TEN, TEN + timedelta(hours=3)))
    model.advance(TEN + timedelta(hours=3))
    before = model.to_bytes()
    model.inactivity.next_grade_at(TEN.timestamp(), model.known)
    model.known.maxima.score_one(5.0)
    model.not_up.usual.score_one(600.0, 0)
    model.open_findings()
    assert model.to_bytes() == before


def test_the_order_in_which_rows_are_given_does_not_matter(learned: bytes) -> None:
    rows = [row for row in a_life(DAYS + 1) if row.at >= TEN]
    one, other = HomeModel(the_plan(), learned), HomeModel(the_plan(), learned)
    one.feed(rows)
    other.feed(reversed(rows))
    end = TEN + timedelta(hours=20)
    assert one.advance(end) == other.advance(end)
    assert one.to_bytes() == other.to_bytes()


def test_a_late_sign_of_life_ends_what_was_found_and_teaches_nothing(learned: bytes) -> None:
    model = HomeModel(the_plan(), learned)
    model.feed(check_ins_only(TEN, TEN + timedelta(hours=5)))
    assert inactivity(model.advance(TEN + timedelta(hours=5)))
    counts = model.known.hazard.cell_endings.copy()
    late = TEN + timedelta(hours=4, minutes=50)
    model.feed([Row(at=late, sensor="M-lounge", value=1.0)])
    found = inactivity(model.advance(TEN + timedelta(hours=5, minutes=2)))
    assert [f.ended_at for f in found] == [late]
    model.feed([Row(at=TEN + timedelta(hours=5, minutes=30), sensor="M-hall", value=1.0)])
    model.advance(TEN + timedelta(hours=6))
    assert np.array_equal(model.known.hazard.cell_endings, counts)


def test_what_is_shown_never_rests_on_more_days_than_there_were() -> None:
    model = HomeModel(the_plan())
    model.feed(a_life(20, seed=3))
    model.feed(check_ins_only(FIRST_DAY + timedelta(days=20), FIRST_DAY + timedelta(days=22)))
    found = model.advance(FIRST_DAY + timedelta(days=22))
    shown = [f.once_in_days for f in found if isinstance(f, Deviation) and f.once_in_days is not None]
    assert shown
    assert max(shown) <= model.known.maxima.days + 12


def test_the_state_of_a_home_is_small(learned: bytes) -> None:
    assert len(learned) <= 16_000


def test_a_model_that_has_seen_nothing_says_nothing() -> None:
    model = HomeModel(the_plan())
    assert model.advance(datetime(2026, 1, 1, tzinfo=UTC)) == []
    assert model.at is None
    assert HomeModel(the_plan(), model.to_bytes()).at is None

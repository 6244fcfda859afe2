"""Thresholds rise where too many alerts turned out to be nothing, and never because of what was genuine."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.governor import BUDGETS, GAIN, HIGHEST, KEPT_DAYS, LOWEST, Governor, detector_of
from anomaly.home_model import HomeModel
from anomaly.plan import HomePlan, Limits, plan_of_file
from store.deviation import Deviation, DeviationKind, Grade, finding_id
from store.recording import HUB
from tests.anomaly.conftest import FIRST_DAY, a_home, a_life, check_ins_only

LIMITS = Limits()
DAYS = 20
TEN = FIRST_DAY + timedelta(days=DAYS, hours=10)
ALERTS = st.lists(st.sampled_from(sorted(BUDGETS)), max_size=3)


def an_alert(
    number: int, kind: DeviationKind = DeviationKind.INACTIVITY, grade: Grade = Grade.ATTENTION, **evidence: Any
) -> Deviation:
    at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=number)
    return Deviation(
        id=finding_id("K7", kind, at), home_id=1, kind=kind, grade=grade, raised_at=at, started_at=at, ended_at=None,
        once_in_days=90.0, explanation="", evidence=evidence,
    )  # fmt: skip


def governed(
    days: list[list[str]], confirmed: frozenset[str] = frozenset(), *, seen: list[bool] | None = None
) -> tuple[Governor, list[str]]:
    governor, ids, number = Governor(), [], 0
    for day, kinds in enumerate(days):
        for kind in kinds:
            number += 1
            alert = an_alert(number, DeviationKind(kind))
            ids.append(str(alert.id))
            governor.note([alert])
        governor.day_over(day, LIMITS, confirmed, is_observed=seen is None or seen[day])
    return governor, ids


@settings(max_examples=60, deadline=None)
@given(days=st.lists(ALERTS, max_size=80), fleet=st.floats(-10.0, 10.0))
def test_it_stays_within_its_bounds_whatever_happens(days: list[list[str]], fleet: float) -> None:
    governor, _ = governed(days)
    for name in BUDGETS:
        assert LOWEST <= governor.correction(name) <= HIGHEST
        assert LOWEST <= governor.offset(name, fleet) <= HIGHEST


@settings(max_examples=60, deadline=None)
@given(days=st.lists(ALERTS, max_size=KEPT_DAYS), data=st.data())
def test_a_confirmed_alert_never_raises_a_threshold_whenever_it_is_confirmed(
    days: list[list[str]], data: st.DataObject
) -> None:
    _, ids = governed(days)
    confirmed = frozenset(data.draw(st.sets(st.sampled_from(ids))) if ids else ())
    at_once, _ = governed(days, confirmed)
    later, _ = governed(days)
    before = {name: later.correction(name) for name in BUDGETS}
    later.weigh(LIMITS, confirmed)
    silent, _ = governed([[] for _ in days])
    everything, _ = governed(days, frozenset(ids))
    for name in BUDGETS:
        assert later.correction(name) == at_once.correction(name) <= before[name]
        assert everything.correction(name) == silent.correction(name)


def test_a_door_that_opens_for_nothing_makes_nobody_deaf_to_a_collapse() -> None:
    governor, _ = governed([["door_at_night"] for _ in range(20)])
    assert governor.correction("door_at_night") == HIGHEST
    assert governor.correction("inactivity") < 0.0


def test_as_many_alerts_as_were_promised_move_nothing_in_the_long_run() -> None:
    every = round(30.0 / LIMITS.false_inactivity_a_month)
    governor, _ = governed([["inactivity"] if day % every == every - 1 else [] for day in range(10 * every)])
    assert governor.correction("inactivity") == pytest.approx(0.0, abs=GAIN / 2)


def test_a_day_that_nobody_could_see_does_not_make_it_bolder() -> None:
    governor, _ = governed([[]] * 30, seen=[False] * 30)
    assert governor.correction("inactivity") == 0.0
    blind, _ = governed([["inactivity"]], seen=[False])
    assert blind.correction("inactivity") == GAIN


def test_what_learning_cannot_move_and_what_people_are_not_told_count_for_nothing() -> None:
    assert detector_of(an_alert(1)) == "inactivity"
    assert detector_of(an_alert(1, grade=Grade.NOTICE)) is None
    assert detector_of(an_alert(1, reason="ceiling")) is None
    assert detector_of(an_alert(1, DeviationKind.TEMPERATURE)) is None
    assert detector_of(an_alert(1, DeviationKind.GRADUAL)) is None
    assert detector_of(an_alert(1, DeviationKind.CANNOT_OBSERVE)) is None
    assert detector_of(an_alert(1, DeviationKind.CANNOT_OBSERVE, suspect="M1")) == "inactivity"
    assert detector_of(an_alert(1, DeviationKind.CANNOT_OBSERVE, suspect="M1", what="bathroom")) == "dwell"


def test_an_alert_that_rises_is_one_alert() -> None:
    governor = Governor()
    governor.note([an_alert(1)])
    governor.note([an_alert(1, grade=Grade.URGENT)])
    governor.day_over(1, LIMITS, (), is_observed=False)
    governor.note([an_alert(1, grade=Grade.URGENT)])
    governor.day_over(2, LIMITS, (), is_observed=False)
    assert governor.correction("inactivity") == GAIN


@settings(max_examples=30, deadline=None)
@given(days=st.lists(ALERTS, min_size=1, max_size=90), cut=st.integers(0, 90))
def test_it_goes_on_from_what_was_saved(days: list[list[str]], cut: int) -> None:
    whole, _ = governed(days)
    governor, number = Governor(), 0
    for day, kinds in enumerate(days):
        if day == cut:
            saved = governor.saved()
            governor = Governor()
            governor.restore(saved, LIMITS, ())
        for kind in kinds:
            number += 1
            governor.note([an_alert(number, DeviationKind(kind))])
        governor.day_over(day, LIMITS, (), is_observed=True)
    assert governor.saved() == whole.saved()
    assert all(governor.correction(name) == whole.correction(name) for name in BUDGETS)


def the_plan(**changes: object) -> HomePlan:
    return replace(plan_of_file(a_home(), always_observed=False), **changes)  # type: ignore[arg-type]  # any field


@pytest.fixture(scope="module")
def learned() -> bytes:
    model = HomeModel(the_plan())
    model.feed(row for row in a_life(DAYS + 1) if row.at < TEN)
    model.advance(TEN)
    return model.to_bytes()


def inactivity_told(learned: bytes, plan: HomePlan) -> tuple[datetime, Deviation]:
    model = HomeModel(plan, learned)
    model.feed(check_ins_only(TEN, TEN + timedelta(hours=10)))
    found = [f for f in model.advance(TEN + timedelta(hours=10)) if f.kind is DeviationKind.INACTIVITY]
    told = next(f for f in found if f.grade is not Grade.NOTICE)
    return told.raised_at, told


def test_the_fleets_share_moves_when_people_are_told_but_not_how_rare_they_are_told_it_is(learned: bytes) -> None:
    as_learned, told = inactivity_told(learned, the_plan())
    later, told_later = inactivity_told(learned, the_plan(offset=1.0))
    sooner, _ = inactivity_told(learned, the_plan(offset=-1.0))
    assert sooner < as_learned < later
    assert told.once_in_days is not None
    assert told_later.once_in_days is not None
    assert told_later.once_in_days >= told.once_in_days


def test_limits_that_learning_cannot_move_are_not_moved_by_it_either(learned: bytes) -> None:
    model = HomeModel(the_plan(offset=99.0), learned)
    model.feed(check_ins_only(TEN, TEN + timedelta(hours=30)))
    found = [f for f in model.advance(TEN + timedelta(hours=30)) if f.kind is DeviationKind.INACTIVITY]
    assert [f.grade for f in found][-1] is Grade.URGENT


def test_a_home_that_was_told_of_for_nothing_asks_a_little_later_and_not_if_it_was_genuine(learned: bytes) -> None:
    model = HomeModel(the_plan(), learned)
    rows = [row for row in a_life(DAYS + 3) if row.at >= TEN]
    quiet = [row for row in rows if row.sensor == HUB or not row.at < TEN + timedelta(hours=7)]
    model.feed(quiet)
    found = model.advance(TEN + timedelta(days=1))
    told = {str(f.id) for f in found if detector_of(f) == "inactivity"}
    assert len(told) == 1
    assert model.known.governor.correction("inactivity") > 0.2
    model.change_plan(the_plan(confirmed=frozenset(told)))
    assert model.known.governor.correction("inactivity") < 0.0
    again = HomeModel(the_plan(confirmed=frozenset(told)), model.to_bytes())
    assert again.known.governor.correction("inactivity") == model.known.governor.correction("inactivity")

"""The ladder, without a database: who is next, when, and why."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.escalation import FALLBACK_WAIT, Move, next_move, quiet_until
from store.alert import Alert, AlertState, Audience, Event, Severity
from store.response import ResponsePlan, ResponseStep
from tests.alerts.test_policy import ATTENTION, URGENT

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
WAIT = timedelta(minutes=3)


def with_steps(alert: Alert, *steps: tuple[int, ...], step: int = 0, round_number: int = 1) -> Alert:
    plan = ResponsePlan(
        id=1,
        name="People",
        audience=Audience.PERSON,
        steps=tuple(ResponseStep(wait=WAIT, responder_ids=ids) for ids in steps),
    )
    return replace(alert, plan=plan, step=step, round=round_number)


def events(move: Move) -> list[Event]:
    return [line.event for line in move.lines]


def test_the_first_step_is_told_and_the_second_waits() -> None:
    move = next_move(with_steps(URGENT, (1,), (2, 3)), reachable={1, 2, 3}, now=NOW)
    assert (move.tell, move.told_as, move.step, move.next_at) == ((1,), (1, 0), 1, NOW + WAIT)
    assert move.valid_for == WAIT


def test_a_step_whose_people_have_stopped_sms_is_skipped_at_once_and_recorded() -> None:
    move = next_move(with_steps(URGENT, (1,), (), (2, 3)), reachable={3}, now=NOW)
    assert (move.tell, move.step) == ((3,), 3)
    assert [(line.event, line.reason) for line in move.lines[:2]] == [
        (Event.SKIPPED, "step 1: everybody in it has stopped SMS"),
        (Event.SKIPPED, "step 2: nobody in it"),
    ]


def test_if_nobody_in_the_plan_can_be_reached_everybody_else_is_told() -> None:
    move = next_move(with_steps(URGENT, (1,), (2,)), reachable={8, 9}, now=NOW)
    assert (move.tell, move.next_at) == ((8, 9), NOW + FALLBACK_WAIT)
    assert Event.FALLBACK in events(move)


@pytest.mark.parametrize("steps", [(), ((1,),)])
def test_with_nobody_at_all_the_ladder_says_so_and_comes_back(steps: tuple[tuple[int, ...], ...]) -> None:
    move = next_move(with_steps(URGENT, *steps), reachable=set(), now=NOW)
    assert move.tell == ()
    assert events(move) == [Event.SKIPPED, Event.EXHAUSTED]
    assert NOW < move.next_at <= NOW + timedelta(minutes=15)


def test_after_the_last_step_it_begins_again_at_once_and_then_at_a_slower_pace() -> None:
    again = next_move(with_steps(URGENT, (1,), step=1), reachable={1}, now=NOW)
    slower = next_move(with_steps(URGENT, (1,), step=1, round_number=2), reachable={1}, now=NOW)
    assert (again.round, again.step, again.next_at, events(again)) == (2, 0, NOW, [Event.ROUND_AGAIN])
    assert (slower.round, slower.step, events(slower)) == (3, 0, [Event.EXHAUSTED])
    assert slower.next_at == NOW + timedelta(minutes=15)


@pytest.mark.parametrize("state", [AlertState.ACKNOWLEDGED, AlertState.ATTENDING])
def test_what_somebody_took_on_and_left_goes_back_to_the_ladder(state: AlertState) -> None:
    taken = replace(with_steps(URGENT, (1,), step=1), state=state, acknowledged_by="responder:1")
    move = next_move(taken, reachable={1}, now=NOW)
    assert (move.state, move.round, move.step, move.next_at) == (AlertState.NOTIFIED, 2, 0, NOW)
    assert events(move) == [Event.LAPSED]


@pytest.mark.parametrize(
    ("utc", "until"),
    [
        (datetime(2026, 3, 10, 21, 59, tzinfo=UTC), None),
        (datetime(2026, 3, 10, 22, 0, tzinfo=UTC), datetime(2026, 3, 11, 7, 0, tzinfo=UTC)),
        (datetime(2026, 3, 11, 6, 59, tzinfo=UTC), datetime(2026, 3, 11, 7, 0, tzinfo=UTC)),
        (datetime(2026, 3, 11, 7, 0, tzinfo=UTC), None),
        (datetime(2026, 3, 28, 22, 30, tzinfo=UTC), datetime(2026, 3, 29, 6, 0, tzinfo=UTC)),  # clocks go forward
        (datetime(2026, 10, 24, 21, 30, tzinfo=UTC), datetime(2026, 10, 25, 7, 0, tzinfo=UTC)),  # and back
    ],
)
def test_quiet_hours_are_the_homes_own_over_both_clock_changes(utc: datetime, until: datetime | None) -> None:
    assert quiet_until(ATTENTION, utc) == until


def test_quiet_hours_hold_attention_and_nothing_else() -> None:
    night = datetime(2026, 3, 10, 23, tzinfo=UTC)
    for severity in (Severity.URGENT, Severity.TECHNICAL):
        assert next_move(with_steps(replace(URGENT, severity=severity), (1,)), reachable={1}, now=night).tell == (1,)
    held = next_move(with_steps(ATTENTION, (1,)), reachable={1}, now=night)
    assert (held.tell, events(held), held.step) == ((), [Event.HELD], 0)


def test_an_unknown_time_zone_stops_no_alert() -> None:
    assert next_move(with_steps(replace(ATTENTION, time_zone="Mars/Base"), (1,)), reachable={1}, now=NOW).tell == (1,)


people = st.integers(1, 5)
ladders = st.lists(st.lists(people, max_size=3).map(tuple), max_size=4)


@given(ladders, st.sets(people), st.sampled_from([URGENT, ATTENTION]), st.integers(0, 200))
def test_a_ladder_always_has_a_next_time_and_tells_everybody_it_can(
    steps: list[tuple[int, ...]], reachable: set[int], alert: Alert, minutes: int
) -> None:
    now, current = NOW + timedelta(minutes=minutes * 10), with_steps(alert, *steps)
    told: set[int] = set()
    for _ in range(len(steps) + 4):
        move = next_move(current, reachable=reachable, now=now)
        assert move.next_at >= now
        assert move.lines
        assert set(move.tell) <= reachable
        told |= set(move.tell)
        now = move.next_at
        current = replace(current, state=move.state, round=move.round, step=move.step)
    planned = {person for step in steps for person in step} & reachable
    assert told == (planned or reachable)

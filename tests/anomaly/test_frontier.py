"""How far a home's story is told, from what its hub's check-ins say: whatever pace they come at."""

import struct
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.frontier import LATE_CHECK_IN, LONGEST_DRAIN, Frontier
from anomaly.state import StateError
from store.hub import HubCheckIn, HubState

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SETTLE, PATIENCE = timedelta(seconds=20), timedelta(minutes=15)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
INTERVAL = 5 * MINUTE


def check_in(
    occurred_at: datetime,
    received_at: datetime,
    *,
    sent_at: datetime | None = None,
    backlog: int = 0,
    state: HubState = HubState.CHECKIN,
    is_complete: bool = True,
) -> HubCheckIn:
    return HubCheckIn(
        home_id=1,
        occurred_at=occurred_at,
        received_at=received_at,
        number=1,
        state=state,
        backlog=backlog,
        sent_at=sent_at,
        is_complete=is_complete,
    )


def frontier_after(told: Iterable[HubCheckIn]) -> Frontier:
    frontier = Frontier()
    for one in told:
        frontier.note(one)
    return frontier


def told_until(frontier: Frontier, now: datetime = NOW) -> datetime | None:
    return frontier.at(now, settle=SETTLE, patience=PATIENCE)


def test_a_hub_that_has_only_old_check_ins_left_to_tell_holds_the_model_back() -> None:
    old = [NOW - timedelta(hours=2) + INTERVAL * i for i in range(4)]
    frontier = frontier_after(check_in(at, NOW, sent_at=NOW) for at in old)
    assert told_until(frontier) == old[-1]


def test_a_check_in_of_the_history_is_none_of_the_present_though_it_comes_as_slowly_as_it_was_made() -> None:
    """The journey that failed on a loaded machine: one check-in in five minutes, of weeks ago."""
    frontier = Frontier()
    for i in range(50):
        received_at, at = NOW + INTERVAL * i, NOW - timedelta(days=20) + INTERVAL * i
        frontier.note(check_in(at, received_at, sent_at=received_at - MINUTE))
        assert told_until(frontier, received_at + 4 * MINUTE) == at


@settings(deadline=None)
@given(
    paces=st.lists(st.floats(0.01, 800.0), min_size=3, max_size=60),
    skew_h=st.integers(-48, 48),
    backlogs=st.integers(0, 2),
)
def test_a_hub_that_catches_up_is_never_overtaken_at_any_pace_and_with_any_clock(
    paces: list[float], skew_h: int, backlogs: int
) -> None:
    """Between two check-ins anything up to the patience may pass; the clock may be wrong by days."""
    frontier, received_at = Frontier(), NOW
    begins = NOW - timedelta(days=30)
    for i, seconds in enumerate(paces):
        received_at += timedelta(seconds=seconds)
        hub_now = received_at - skew_h * HOUR
        at = min(begins + INTERVAL * i - skew_h * HOUR, hub_now)
        frontier.note(check_in(at, received_at, sent_at=hub_now, backlog=backlogs))
        for later in (0.0, 800.0):
            assert told_until(frontier, received_at + timedelta(seconds=later)) == at


def test_a_hub_with_a_slow_clock_does_not_hold_the_model_back_for_ever() -> None:
    frontier = Frontier()
    for i in range(24):
        received_at = NOW + INTERVAL * i
        hub_now = received_at - 3 * HOUR
        frontier.note(check_in(hub_now, received_at, sent_at=hub_now))
    assert 24 * INTERVAL > LONGEST_DRAIN
    assert told_until(frontier, received_at) == received_at - SETTLE


def test_a_hub_that_does_not_say_when_it_sends_is_live_whatever_its_clock_says() -> None:
    frontier = frontier_after([check_in(NOW - 3 * HOUR, NOW)])
    assert told_until(frontier) == NOW - SETTLE
    frontier.note(check_in(NOW - 3 * HOUR, NOW, backlog=12))
    assert told_until(frontier) == NOW - 3 * HOUR


def test_what_waited_in_the_broker_while_ingest_was_down_is_not_overtaken_as_it_comes() -> None:
    """Two hours of live check-ins, read within a minute, or within half an hour by a machine under load."""
    for drain in (MINUTE, 30 * MINUTE):
        frontier = Frontier()
        made = [NOW - 2 * HOUR + INTERVAL * i for i in range(24)]
        for i, at in enumerate(made):
            received_at = NOW + drain * i / len(made)
            frontier.note(check_in(at, received_at, sent_at=at))
            behind = received_at - at > LATE_CHECK_IN
            assert told_until(frontier, received_at) == (at if behind else received_at - SETTLE)
        frontier.note(check_in(NOW + drain, NOW + drain, sent_at=NOW + drain))
        assert told_until(frontier, NOW + drain) == NOW + drain - SETTLE


def weeks_at_one_reading_a_second() -> Iterator[tuple[datetime, datetime]]:
    """(when it was read, when it happened): check-ins are half an hour apart, because so many readings lie between."""
    for i in range(20):
        yield NOW + i * 30 * MINUTE, NOW - timedelta(days=21) + INTERVAL * i


def test_late_readings_show_that_a_hub_is_alive_between_two_far_check_ins() -> None:
    frontier = Frontier()
    for received_at, at in weeks_at_one_reading_a_second():
        frontier.note(check_in(at, received_at, sent_at=received_at, backlog=1000))
        for minute in range(1, 30):
            now = received_at + minute * MINUTE
            frontier.heard(occurred_at=at + MINUTE, received_at=now)
            assert told_until(frontier, now + 30 * MINUTE / 60) == at


def test_live_readings_do_not_keep_waiting_for_check_ins_that_never_come() -> None:
    frontier = frontier_after([check_in(NOW, NOW, state=HubState.ONLINE)])
    for minute in range(60):
        at = NOW + minute * MINUTE
        frontier.heard(occurred_at=at, received_at=at)
    assert told_until(frontier, NOW + HOUR) == NOW + HOUR - SETTLE


def test_a_hub_that_dies_in_the_middle_is_waited_for_as_long_as_patience_lasts() -> None:
    at = NOW - timedelta(days=3)
    frontier = frontier_after([check_in(at, NOW, sent_at=NOW, backlog=500)])
    frontier.note(check_in(NOW, NOW, state=HubState.OFFLINE))  # its last will
    assert told_until(frontier, NOW + PATIENCE) == at
    assert told_until(frontier, NOW + PATIENCE + MINUTE) == NOW + PATIENCE + MINUTE - SETTLE
    back = NOW + 2 * HOUR
    frontier.note(check_in(back, back, state=HubState.ONLINE))
    assert told_until(frontier, back) == at
    frontier.note(check_in(at + INTERVAL, back, sent_at=back, backlog=400))
    assert told_until(frontier, back + MINUTE) == at + INTERVAL


def test_a_hub_that_has_just_come_has_told_nothing_before_its_first_check_in() -> None:
    frontier = frontier_after([check_in(NOW, NOW, state=HubState.ONLINE)])
    assert told_until(frontier) is None
    frontier.note(check_in(NOW - timedelta(days=9), NOW, sent_at=NOW))
    assert told_until(frontier) == NOW - timedelta(days=9)


def test_a_check_in_that_came_before_its_readings_says_nothing_of_how_far_the_story_is_told() -> None:
    at = NOW - timedelta(days=3)
    frontier = frontier_after([check_in(at, NOW, sent_at=NOW, backlog=500)])
    for i in range(1, 4):
        frontier.note(check_in(at + INTERVAL * i, NOW + i * MINUTE, sent_at=NOW, is_complete=False))
        assert told_until(frontier, NOW + i * MINUTE) == at
    frontier.note(check_in(at + 4 * INTERVAL, NOW + 4 * MINUTE, sent_at=NOW))
    assert told_until(frontier, NOW + 4 * MINUTE) == at + 4 * INTERVAL


def test_readings_that_never_come_hold_the_model_back_no_longer_than_patience_lasts() -> None:
    for first in ([], [check_in(NOW, NOW, sent_at=NOW)]):
        frontier = frontier_after(first)
        for i in range(12):
            at = NOW + INTERVAL * i
            frontier.note(check_in(at, at, sent_at=at, is_complete=False))
        assert told_until(frontier, at) == at - SETTLE


def test_a_reconnecting_hub_that_says_old_check_ins_again_does_not_put_the_clock_back() -> None:
    newest = NOW - HOUR
    frontier = frontier_after([check_in(newest, NOW, sent_at=NOW, backlog=5)])
    frontier.note(check_in(newest - HOUR, NOW, sent_at=NOW, backlog=9))
    assert told_until(frontier) == newest


def test_it_is_read_back_as_it_was_also_from_before_it_had_a_version() -> None:
    frontier = frontier_after([check_in(NOW - HOUR, NOW, sent_at=NOW - HOUR, backlog=7)])
    assert Frontier.from_bytes(frontier.to_bytes() + b"TCHM the model") == (frontier, b"TCHM the model")
    old = struct.pack("<ddq", 1_000.0, 2_000.0, 3) + b"TCHM the model"
    assert Frontier.from_bytes(old) == (Frontier(1_000.0, 2_000.0, 3), b"TCHM the model")


@pytest.mark.parametrize(
    "saved",
    [
        b"",
        b"TCHF",
        b"TCHF\x09\x00" + bytes(32) + b"TCHM",
        bytes(60),
        struct.pack("<4sHdddq", b"TCHF", 1, 0, float("nan"), 0, 0),
    ],
)
def test_what_another_version_saved_is_refused_so_that_the_home_learns_anew(saved: bytes) -> None:
    with pytest.raises(StateError):
        Frontier.from_bytes(saved)

from datetime import UTC, datetime, timedelta

from anomaly.frontier import Frontier
from store.hub import HubCheckIn, HubState

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SETTLE, PATIENCE = timedelta(seconds=20), timedelta(minutes=15)


def check_in(occurred_at: datetime, received_at: datetime) -> HubCheckIn:
    return HubCheckIn(
        home_id=1, occurred_at=occurred_at, received_at=received_at, number=1, state=HubState.CHECKIN, backlog=0
    )


def frontier_after(*told: HubCheckIn) -> datetime | None:
    frontier = Frontier()
    for one in told:
        frontier.note(one)
    return frontier.at(NOW, settle=SETTLE, patience=PATIENCE)


def test_a_hub_that_has_only_old_check_ins_left_to_tell_holds_the_model_back() -> None:
    old = [NOW - timedelta(hours=2) + timedelta(minutes=5 * i) for i in range(4)]
    assert frontier_after(*(check_in(at, NOW) for at in old)) == old[-1]


def test_a_hub_with_a_slow_clock_does_not_hold_the_model_back() -> None:
    at = [NOW - timedelta(minutes=5 * i) for i in (3, 2, 1, 0)]
    assert frontier_after(*(check_in(one - timedelta(hours=3), one) for one in at)) == NOW - SETTLE

"""What is too old goes, a piece at a time, and what is left is read as before."""

from datetime import UTC, datetime, timedelta

import pytest

from store.database import Conn
from store.hub import HubClock, check_ins_after, hub_clocks, save_hub_clocks
from store.hub_gap import replace_hub_gaps
from store.intake import StoredSequence, save_hub_sequences
from store.rejected_message import RejectedMessage, keep_rejected
from store.retention import Forgotten, KeepSettings, forget_old
from store.sensor_event import events_after
from store.timescale import Kind, database_kind
from tests.store.series import Said, SeriesHome, new_home

pytestmark = pytest.mark.database

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
KEEP = KeepSettings(keep_events_days=60, keep_check_ins_days=90, keep_rejected_days=30)


@pytest.fixture
def home(conn: Conn) -> SeriesHome:
    """A hundred days, one event and one check-in each."""
    if database_kind(conn) is not Kind.PLAIN:
        pytest.skip("TimescaleDB drops old chunks by its own policy: tests/store/timescale")
    home = new_home(conn, now=NOW - 100 * DAY)
    for ago in range(100, 0, -1):
        at = NOW - ago * DAY
        home.store(conn, [Said(at=at), Said(at=at, sensor=None)], received_at=at)
    return home


def test_events_and_check_ins_go_when_they_are_as_old_as_the_settings_say(conn: Conn, home: SeriesHome) -> None:
    other = new_home(conn, now=NOW)
    other.store(conn, [Said(at=NOW - DAY)], received_at=NOW)
    assert forget_old(conn, settings=KEEP, now=NOW) == Forgotten(events=40, check_ins=10, rejected=0, is_more=False)
    events = events_after(conn, home.home.id, 0, limit=999)
    assert [event.occurred_at for event in events] == [NOW - ago * DAY for ago in range(60, 0, -1)]
    assert len(check_ins_after(conn, home.home.id, 0, limit=999)) == 90
    assert len(events_after(conn, other.home.id, 0, limit=9)) == 1
    assert forget_old(conn, settings=KEEP, now=NOW) == Forgotten(events=0, check_ins=0, rejected=0, is_more=False)


def test_nothing_goes_unless_a_setting_says_so(conn: Conn, home: SeriesHome) -> None:
    assert forget_old(conn, settings=KeepSettings(), now=NOW + 9999 * DAY).events == 0
    assert len(events_after(conn, home.home.id, 0, limit=999)) == 100


def test_much_goes_in_pieces_each_in_a_short_transaction(conn: Conn, home: SeriesHome) -> None:
    deleted = []
    while True:
        forgotten = forget_old(conn, settings=KEEP, now=NOW, at_once=15)
        deleted.append(forgotten.events)
        if not forgotten.is_more:
            break
    assert deleted == [15, 15, 10]


def test_rejected_messages_go_after_thirty_days(conn: Conn) -> None:
    keep_rejected(
        conn,
        [
            RejectedMessage(
                home_id=None, topic="x", payload=b"", reason="topic", detail="", received_at=NOW - ago * DAY
            )
            for ago in (31, 29)
        ],
    )
    assert forget_old(conn, settings=KeepSettings(), now=NOW).rejected == 1
    assert conn.execute("SELECT count(*) FROM rejected_message").fetchone() == (1,)


def test_the_clock_of_an_earlier_boot_goes_when_none_of_its_readings_can_come_any_more(conn: Conn) -> None:
    home, dead = new_home(conn, now=NOW).home.id, new_home(conn, now=NOW).home.id
    old, boots = NOW - 61 * DAY, ("done", "remembered", "missed", "lately", "now", "")
    clocks = [
        HubClock(
            home_id=home, boot=boot, skew=timedelta(hours=2), updated_at=NOW - 59 * DAY if boot == "lately" else old
        )
        for boot in boots
    ]
    save_hub_clocks(conn, [*clocks, HubClock(home_id=dead, boot="its last", updated_at=old)])
    known = StoredSequence(contiguous=9, beyond=())
    save_hub_sequences(conn, {(home, "remembered"): known}, now=old)
    save_hub_sequences(conn, {(home, "now"): known}, now=NOW)
    replace_hub_gaps(conn, (home, "missed"), {(3, 4): old}, now=old)
    assert forget_old(conn, settings=KeepSettings(), now=NOW).clocks == 1
    assert {clock.boot for clock in hub_clocks(conn, home)} == {"remembered", "missed", "lately", "now", ""}
    assert [clock.boot for clock in hub_clocks(conn, dead)] == ["its last"]
    assert forget_old(conn, settings=KeepSettings(), now=NOW).clocks == 0


@pytest.mark.parametrize("days", [0.5, 59])
def test_too_short_a_time_is_refused(days: float) -> None:
    with pytest.raises(ValueError, match="at least 60 days"):
        KeepSettings(keep_events_days=days)

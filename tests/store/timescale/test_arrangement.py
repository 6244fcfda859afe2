"""What `telecare migrate` makes of a TimescaleDB database, at first, later, and after a plain one."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from store.activity import home_days
from store.database import Conn, DatabaseSettings
from store.migrate import migrate, require_fit
from store.retention import KeepSettings
from store.sensor_event import events_after
from store.timescale import Kind, arrange, database_kind, describe
from tests.store.series import Said, new_home
from tests.store.timescale.conftest import connected, running_server

DAY = timedelta(days=1)
NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def policies(conn: Conn) -> dict[tuple[str, str], dict[str, str]]:
    rows = conn.execute(
        """
        SELECT hypertable_name, proc_name, config FROM timescaledb_information.jobs WHERE hypertable_schema = 'public'
        """
    ).fetchall()
    return {
        (name, procedure.removeprefix("policy_")): {
            key: value for key, value in config.items() if not key.endswith("hypertable_id")
        }
        for name, procedure, config in rows
    }


DEFAULT_POLICIES = {
    ("sensor_event", "compression"): {"compress_after": "7 days"},
    ("hub_check_in", "compression"): {"compress_after": "7 days"},
    ("sensor_quarter_kept", "compression"): {"compress_after": "30 days"},
    ("sensor_quarter_kept", "refresh_continuous_aggregate"): {"start_offset": None, "end_offset": "01:00:00"},
}


def test_the_time_series_are_hypertables_with_a_chunk_a_day_packed_by_home(timescale: Conn) -> None:
    assert database_kind(timescale) is Kind.TIMESCALE
    assert "TimescaleDB 2." in describe(timescale)
    require_fit(timescale)
    assert timescale.execute(
        """
        SELECT hypertable_name, column_name, time_interval FROM timescaledb_information.dimensions
         WHERE hypertable_schema = 'public' ORDER BY hypertable_name
        """
    ).fetchall() == [("hub_check_in", "occurred_at", DAY), ("sensor_event", "occurred_at", DAY)]
    settings = timescale.execute(
        "SELECT hypertable::text, segmentby, orderby FROM timescaledb_information.hypertable_columnstore_settings"
    ).fetchall()
    assert {row for row in settings if not row[0].startswith("_")} == {
        ("sensor_event", "home_id", "occurred_at,number"),
        ("hub_check_in", "home_id", "occurred_at,number"),
    }


def test_migrating_again_changes_nothing(timescale: Conn) -> None:
    assert migrate(timescale, KeepSettings()) == []


def test_the_policies_follow_the_settings(timescale: Conn) -> None:
    assert policies(timescale) == DEFAULT_POLICIES
    try:
        keep = KeepSettings(
            compress_after_days=3, keep_events_days=400, keep_check_ins_days=100, keep_activity_days=1100
        )
        assert len(migrate(timescale, keep)) == 6
        assert policies(timescale) == {
            ("sensor_event", "compression"): {"compress_after": "3 days"},
            ("hub_check_in", "compression"): {"compress_after": "3 days"},
            ("sensor_quarter_kept", "compression"): {"compress_after": "30 days"},
            # Not the last two days before events are dropped: their figures are to outlive them.
            ("sensor_quarter_kept", "refresh_continuous_aggregate"): {
                "start_offset": "398 days",
                "end_offset": "01:00:00",
            },
            ("sensor_event", "retention"): {"drop_after": "400 days"},
            ("hub_check_in", "retention"): {"drop_after": "100 days"},
            ("sensor_quarter_kept", "retention"): {"drop_after": "1100 days"},
        }
        assert migrate(timescale, keep) == []
    finally:
        migrate(timescale, KeepSettings())
    assert policies(timescale) == DEFAULT_POLICIES


def test_old_chunks_go_and_their_figures_stay(timescale: Conn, run_policy: Callable[[str, str], None]) -> None:
    # The policies' jobs go by the server's own clock.
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    old, young = today - 120 * DAY, today - 20 * DAY
    home = new_home(timescale, now=old)
    for at in (old, young):
        home.store(timescale, [Said(at=at), Said(at=at, sensor=None)], received_at=at)
    try:
        migrate(timescale, KeepSettings(keep_events_days=90, keep_check_ins_days=90))
        # as it was while the old day was young
        timescale.execute(
            "CALL refresh_continuous_aggregate('sensor_quarter_kept', %(start)s::timestamptz, %(end)s::timestamptz)",
            {"start": old - DAY, "end": today},
        )
        run_policy("sensor_event", "retention")
        run_policy("hub_check_in", "retention")
        run_policy("sensor_quarter_kept", "refresh_continuous_aggregate")
    finally:
        migrate(timescale, KeepSettings())
    assert [event.occurred_at for event in events_after(timescale, home.home.id, 0, limit=9)] == [young]
    days = home_days(timescale, home.home.id, old.date() - DAY, today.date(), time_zone="Europe/London")
    assert [day.activities for day in days] == [1, 1]


def test_old_days_are_packed_by_the_policy(timescale: Conn, run_policy: Callable[[str, str], None]) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    home = new_home(timescale, now=today)
    for at in (today - 9 * DAY, today - 2 * DAY):
        home.store(timescale, [Said(at=at)], received_at=at)
    run_policy("sensor_event", "compression")
    packed = timescale.execute(
        """
        SELECT range_start, is_compressed FROM timescaledb_information.chunks
         WHERE hypertable_name = 'sensor_event' AND range_start >= %(since)s ORDER BY range_start
        """,
        {"since": today - 9 * DAY},
    ).fetchall()
    assert packed == [(today - 9 * DAY, True), (today - 2 * DAY, False)]


@pytest.fixture(scope="module")
def plain_server() -> Iterator[DatabaseSettings]:
    """The same server without the extension."""
    with running_server() as settings:
        yield settings


def test_a_plain_installation_with_data_moves_to_timescaledb(plain_server: DatabaseSettings) -> None:
    with connected(plain_server) as conn:
        migrate(conn, KeepSettings())
        assert database_kind(conn) is Kind.PLAIN
        assert "CREATE EXTENSION timescaledb" in describe(conn)  # says how it is done
        assert arrange(conn, KeepSettings().policies) == []
        home = new_home(conn, now=NOW)
        for day in range(5):
            at = NOW + day * DAY
            home.store(conn, [Said(at=at), Said(at=at, sensor=None), Said(at=at, value=0)], received_at=at)
        conn.execute("CREATE VIEW depends_on_it AS SELECT * FROM home_day")  # as a site's own report might
        asked = NOW.date(), (NOW + 9 * DAY).date()
        before = (
            events_after(conn, home.home.id, 0, limit=99),
            home_days(conn, home.home.id, *asked, time_zone="Europe/London"),
            conn.execute("SELECT * FROM depends_on_it ORDER BY day").fetchall(),
        )
        assert [len(found) for found in before] == [10, 5, 5]

        conn.execute("CREATE EXTENSION timescaledb")
        assert migrate(conn, KeepSettings()) != []
        assert migrate(conn, KeepSettings()) == []
        assert database_kind(conn) is Kind.TIMESCALE
        assert conn.execute(
            "SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_schema = 'public'"
        ).fetchone() == (10,)
        after = (
            events_after(conn, home.home.id, 0, limit=99),
            home_days(conn, home.home.id, *asked, time_zone="Europe/London"),
            conn.execute("SELECT * FROM depends_on_it ORDER BY day").fetchall(),
        )
        assert after == before
        home.store(conn, [Said(at=NOW + 6 * DAY)], received_at=NOW + 6 * DAY)
        assert len(events_after(conn, home.home.id, 0, limit=99)) == 11

"""A reader with a cursor sees every row once, whatever days the rows are about, and asks only the days it must."""

import contextlib
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.database import Conn, DatabaseSettings
from store.hub import check_ins_after
from store.sensor_event import SensorEvent, events_after
from store.unread import windows
from tests.store.series import Said, SeriesHome, new_home

pytestmark = pytest.mark.database

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

# (days since the batch before, what it says: how many hours ago, and whether it is an event)
LATENESS = st.one_of(st.integers(0, 30), st.integers(0, 400 * 24))
BATCHES = st.lists(
    st.tuples(st.integers(-1, 3), st.lists(st.tuples(LATENESS, st.booleans()), min_size=1, max_size=6)),
    min_size=1,
    max_size=12,
)


def read_all(conn: Conn, home_id: int, number: int, *, limit: int) -> list[int]:
    """As a reader does it: again and again from its cursor, until there are fewer than it asked for."""
    read: list[int] = []
    while True:
        events = events_after(conn, home_id, number, limit=limit)
        read += [event.number for event in events]
        if len(events) < limit:
            return read
        number = events[-1].number


@given(batches=BATCHES, limit=st.integers(1, 9), data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_row_is_read_from_every_cursor(
    conn: Conn, batches: list[tuple[int, list[tuple[int, bool]]]], limit: int, data: st.DataObject
) -> None:
    home = new_home(conn, now=NOW)
    received_at, stored = NOW, []
    for days, said in batches:
        received_at += days * DAY
        rows = [Said(at=received_at - ago * HOUR, sensor=0 if is_event else None) for ago, is_event in said]
        stored += home.store(conn, rows, received_at=received_at)
    cursor = data.draw(st.integers(0, home.number + 1))
    events = [row.number for row in stored if isinstance(row, SensorEvent) and row.number > cursor]
    check_ins = [row.number for row in stored if not isinstance(row, SensorEvent) and row.number > cursor]
    assert read_all(conn, home.home.id, cursor, limit=limit) == events
    assert [row.number for row in check_ins_after(conn, home.home.id, cursor, limit=1000)] == check_ins
    for row in stored:  # the bounds hold for every row there is, not only for those that were asked for
        (window,) = [w for w in windows(conn, home.home.id, row.number - 1, rows=0) if w.after < row.number < w.until]
        assert window.earliest_at <= row.occurred_at < window.latest_at


def a_year(conn: Conn, *, days: int = 60) -> SeriesHome:
    home = new_home(conn, now=NOW)
    for day in range(days):
        at = NOW + day * DAY
        home.store(conn, [Said(at=at), Said(at=at, sensor=None), Said(at=at + HOUR)], received_at=at + 2 * HOUR)
    return home


def test_a_reader_that_is_up_to_date_asks_for_one_day(conn: Conn) -> None:
    home = a_year(conn)
    (window,) = windows(conn, home.home.id, home.number - 2, rows=5000)
    assert window.latest_at - window.earliest_at == DAY


def test_a_reader_that_has_seen_everything_asks_for_nothing(conn: Conn) -> None:
    home = a_year(conn)
    assert list(windows(conn, home.home.id, home.number, rows=5000)) == []
    assert list(windows(conn, home.home.id, home.number + 7, rows=5000)) == []


def test_a_reader_far_behind_gets_windows_with_room_for_what_it_reads_at_once(conn: Conn) -> None:
    home = a_year(conn)
    found = list(windows(conn, home.home.id, 0, rows=30))
    assert len(found) > 4
    assert all(window.latest_at - window.earliest_at <= 12 * DAY for window in found)
    assert all(before.until == after.after + 1 for before, after in pairwise(found))
    assert found[0].after == 0
    assert found[-1].until == home.number + 1


def test_one_very_late_event_widens_only_the_day_it_came_in(conn: Conn) -> None:
    home = a_year(conn, days=5)
    late = NOW + 5 * DAY
    home.store(conn, [Said(at=late), Said(at=late - 300 * DAY)], received_at=late)
    home.store(conn, [Said(at=late + DAY)], received_at=late + DAY)
    spans = [window.latest_at - window.earliest_at for window in windows(conn, home.home.id, 0, rows=1)]
    assert max(spans) > 299 * DAY
    assert spans[-1] == DAY
    assert max(spans[:-2]) == DAY


def test_a_row_that_is_stored_while_a_reader_reads_is_not_passed_by(conn: Conn, settings: DatabaseSettings) -> None:
    home = a_year(conn, days=3)
    conn.commit()
    begun = windows(conn, home.home.id, home.number - 1, rows=5000)
    window = next(begun)
    with contextlib.closing(psycopg.connect(settings.database_url)) as other:
        later = NOW + 4 * DAY
        # number n+1 is about a day outside the window, number n+2 inside it
        home.store(other, [Said(at=later - 300 * DAY), Said(at=window.earliest_at)], received_at=later)
        other.commit()
    assert window.until == home.number - 1  # so neither is read now …
    assert read_all(conn, home.home.id, window.until - 1, limit=5) == [home.number - 1, home.number]  # … both later


def test_rows_from_before_the_notes_are_found_without_a_bound(conn: Conn) -> None:
    home = a_year(conn, days=3)
    conn.execute(
        "DELETE FROM intake_day WHERE home_id = %(id)s AND first_number < 7",
        {"id": home.home.id},
    )
    assert len(read_all(conn, home.home.id, 0, limit=2)) == 6
    conn.execute("DELETE FROM intake_day WHERE home_id = %(id)s", {"id": home.home.id})
    assert len(read_all(conn, home.home.id, 0, limit=2)) == 6

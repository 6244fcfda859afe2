"""What is new of many homes is read together, and it is what each would have read alone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.database import Conn
from store.hub import check_ins_after
from store.news import FEW, news_of
from store.sensor_event import events_after
from tests.store.series import Said, SeriesHome, new_home

pytestmark = pytest.mark.database

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

# What a home stores in one batch: how many minutes ago each happened, and whether it is an event.
BATCH = st.lists(st.tuples(st.one_of(st.integers(0, 90), st.integers(0, 9000)), st.booleans()), max_size=5)


def alone(conn: Conn, home: SeriesHome, cursor: int) -> list[int]:
    events = events_after(conn, home.home.id, cursor, limit=5000)
    check_ins = check_ins_after(conn, home.home.id, cursor, limit=5000)
    return sorted([*(event.number for event in events), *(check_in.number for check_in in check_ins)])


@given(batches=st.lists(st.tuples(st.integers(0, 2), BATCH), min_size=1, max_size=10), data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_together_they_read_what_each_reads_alone(
    conn: Conn, batches: list[tuple[int, list[tuple[int, bool]]]], data: st.DataObject
) -> None:
    homes = [new_home(conn, now=NOW) for _ in range(3)]
    for number, (which, said) in enumerate(batches):
        at = NOW + number * 20 * MINUTE
        rows = [Said(at=at - ago * MINUTE, sensor=0 if is_event else None) for ago, is_event in said]
        if rows:
            homes[which].store(conn, rows, received_at=at)
    cursors = {home.home.id: data.draw(st.integers(0, home.number + 1)) for home in homes}
    news = news_of(conn, cursors)
    for home in homes:
        cursor = cursors[home.home.id]
        assert (home.home.id in news.last_numbers) == (home.number > cursor)
        if home.number > cursor:
            assert news.last_numbers[home.home.id] == home.number
        if home.home.id in news.rows:
            assert [row.number for row in news.rows[home.home.id]] == alone(conn, home, cursor)


def test_homes_of_the_present_are_read_together_and_one_with_a_backlog_is_not(conn: Conn) -> None:
    homes = [new_home(conn, now=NOW) for _ in range(4)]
    for home in homes[:2]:
        home.store(conn, [Said(at=NOW), Said(at=NOW, sensor=None), Said(at=NOW + MINUTE)], received_at=NOW + MINUTE)
    homes[2].store(conn, [Said(at=NOW + i * MINUTE / 10) for i in range(FEW + 1)], received_at=NOW + 60 * MINUTE)
    homes[3].store(conn, [Said(at=NOW - 30 * DAY)], received_at=NOW)
    news = news_of(conn, {home.home.id: 0 for home in homes})
    assert [[row.number for row in news.rows[home.home.id]] for home in homes[:2]] == [[1, 2, 3], [1, 2, 3]]
    assert {homes[2].home.id, homes[3].home.id} <= news.last_numbers.keys()
    assert not {homes[2].home.id, homes[3].home.id} & news.rows.keys()


def test_a_cursor_older_than_the_notes_is_left_to_the_reader_without_bounds(conn: Conn) -> None:
    home = new_home(conn, now=NOW)
    home.store(conn, [Said(at=NOW), Said(at=NOW + MINUTE)], received_at=NOW + MINUTE)
    conn.execute("DELETE FROM intake_day WHERE home_id = %(id)s", {"id": home.home.id})
    news = news_of(conn, {home.home.id: 0})
    assert news.last_numbers == {home.home.id: 2}
    assert news.rows == {}


def test_nobody_is_asked_for_nothing(conn: Conn) -> None:
    assert news_of(conn, {}).last_numbers == {}

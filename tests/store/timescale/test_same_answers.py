"""The same data gives the same answers on plain PostgreSQL and on TimescaleDB, packed or not, ahead or not."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anomaly.watched_home import WatchedHome
from ingest.told import TimeLimits
from ingest.wire import Dialect
from ingest.writer import Writer
from store.activity import home_days, sensor_hours
from store.clock import Clock
from store.database import Conn, DatabaseSettings, Pool, open_pool
from store.home import SensorKind
from store.hub import check_ins_after, check_ins_between, known_check_ins
from store.routine import routine_of
from store.sensor_event import changes_between, events_after, events_between, known_events
from tests.ingest.homes import arrival, bridged, make_home, native, readings
from tests.store.series import Said, SeriesHome, new_home
from tests.store.timescale.test_statements import pack

pytestmark = pytest.mark.database

NOW = datetime(2026, 3, 30, 12, 0, tzinfo=UTC)  # the day after summer time began in Europe
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
ZONES = ["Europe/London", "Asia/Kathmandu", "Pacific/Chatham", "America/St_Johns", "Australia/Lord_Howe"]
DYADIC = st.integers(-80, 400).map(lambda eighths: eighths / 8)  # sums that do not depend on their order

SAID = st.builds(
    lambda minutes, sensor, value: (minutes, sensor, value if sensor == 2 else float(value > 20)),
    st.one_of(st.integers(0, 3 * 24 * 60), st.integers(0, 40 * 24 * 60)),
    st.sampled_from([0, 0, 1, 2, None]),
    DYADIC,
)
BATCHES = st.lists(st.lists(SAID, min_size=1, max_size=12), min_size=1, max_size=6)


def answers(conn: Conn, home: SeriesHome, *, cursor: int, limit: int, start: datetime, end: datetime) -> list[Any]:
    """What the service asks, without ids that differ from database to database."""
    place = {sensor.id: at for at, sensor in enumerate(home.sensors)}
    zone, home_id = home.home.time_zone, home.home.id
    events = events_between(conn, home_id, start, end)
    changes = changes_between(conn, home_id, start, end)
    assert [(e.sensor_id, e.occurred_at.timestamp(), e.value) for e in events] == list(
        zip(changes.sensor_ids, changes.ats, changes.values, strict=True)
    )
    asked = [(e.home_id, e.sensor_id, e.occurred_at, e.value) for e in events[:20]]
    asked += [(home_id, home.sensors[0].id, start + MINUTE * 7, 0.5)]
    check_ins = check_ins_between(conn, home_id, start, end)
    days = home_days(conn, home_id, start.date(), end.date(), time_zone=zone)
    hours = sensor_hours(conn, home_id, start, end, time_zone=zone)
    return [
        [(e.number, place[e.sensor_id], e.occurred_at, e.received_at, e.value) for e in events],
        [
            (place[int(sensor_id)], at, value)
            for sensor_id, at, value in zip(changes.sensor_ids, changes.ats, changes.values, strict=True)
        ],
        [(e.number, e.occurred_at) for e in events_after(conn, home_id, cursor, limit=limit)],
        [(c.number, c.occurred_at, c.state) for c in check_ins_after(conn, home_id, cursor, limit=limit)],
        [(c.number, c.occurred_at) for c in check_ins],
        sorted((place[sensor_id], at, value) for _, sensor_id, at, value in known_events(conn, asked)),
        len(known_check_ins(conn, [(home_id, c.occurred_at, c.state) for c in check_ins])),
        [(d.day, d.events, d.activities, d.active_sensors, d.first_activity_at, d.last_activity_at) for d in days],
        sorted((h.hour_at, place[h.sensor_id], h.events, h.on_events, h.first_on_at, h.lowest, h.mean) for h in hours),
        # The views that a site's own reports read.
        conn.execute(
            """
            SELECT day, events, activities, active_sensors, first_activity_at, last_activity_at FROM home_day
             WHERE home_id = %(id)s ORDER BY day
            """,
            {"id": home_id},
        ).fetchall(),
        sorted(
            (at, place[sensor_id], *rest)
            for at, sensor_id, *rest in conn.execute(
                """
                SELECT hour_at, sensor_id, events, on_events, last_on_at, highest, mean FROM sensor_hour
                 WHERE home_id = %(id)s
                """,
                {"id": home_id},
            ).fetchall()
        ),
    ]


def refresh(conn: Conn) -> None:
    """As the policy does every half hour: late events show in the figures after it."""
    conn.execute("CALL refresh_continuous_aggregate('sensor_quarter_kept', NULL, %(at)s::timestamptz)", {"at": NOW})


@given(batches=BATCHES, zone=st.sampled_from(ZONES), packed_after=st.integers(0, 5), data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_kinds_of_database_give_the_same_answers(
    conn: Conn,
    timescale: Conn,
    batches: list[list[tuple[int, int | None, float]]],
    zone: str,
    packed_after: int,
    data: st.DataObject,
) -> None:
    homes = [(each, new_home(each, now=NOW - 50 * DAY, time_zone=zone)) for each in (conn, timescale)]
    for turn, batch in enumerate(batches):
        received_at = NOW + turn * DAY / 4
        for each, home in homes:
            said = [Said(at=received_at - ago * MINUTE, sensor=sensor, value=value) for ago, sensor, value in batch]
            home.store(each, said, received_at=received_at)
        if turn == packed_after:  # what comes afterwards is late for packed days
            pack(timescale, before=NOW - 2 * DAY)
    refresh(timescale)
    cursor, limit = data.draw(st.integers(0, homes[0][1].number)), data.draw(st.integers(1, 60))
    start, end = NOW - data.draw(st.integers(0, 60)) * DAY, NOW + data.draw(st.integers(0, 3)) * DAY
    plain, packed = (answers(each, home, cursor=cursor, limit=limit, start=start, end=end) for each, home in homes)
    assert packed == plain


@pytest.mark.parametrize("zone", ZONES)
def test_a_civil_day_begins_at_midnight_of_the_home_whatever_its_zone(conn: Conn, timescale: Conn, zone: str) -> None:
    """Around the days on which clocks change in Europe, America and Australia."""
    for each in (conn, timescale):
        home = new_home(each, now=NOW - 40 * DAY, time_zone=zone)
        begin = datetime(2026, 3, 1, tzinfo=UTC)
        times = [begin + 7 * MINUTE * step for step in range(40 * DAY // (7 * MINUTE))]
        home.store(each, [Said(at=at) for at in times], received_at=NOW)
        if each is timescale:
            refresh(timescale)
        expected: dict[date, int] = {}
        for at in times:
            day = at.astimezone(ZoneInfo(zone)).date()
            expected[day] = expected.get(day, 0) + 1
        found = home_days(each, home.home.id, begin.date() - DAY, NOW.date() + 20 * DAY, time_zone=zone)
        assert {day.day: day.events for day in found} == expected


@pytest.fixture
def pool(timescale_server: DatabaseSettings) -> Iterator[Pool]:
    """One connection, because the server here has one session."""
    with contextlib.closing(open_pool(timescale_server, size=1)) as pool:
        yield pool


def test_ingests_own_writer_stores_late_and_repeated_messages_once(pool: Pool) -> None:
    writer = Writer(pool, clock=Clock(real_start=NOW, start=NOW, speed=1e-6), limits=TimeLimits())
    with pool.connection() as conn:
        home = make_home(conn, {"M1": SensorKind.MOTION}, now=NOW - 50 * DAY)
        bridge = make_home(conn, {"Lamp": SensorKind.MOTION}, now=NOW - 50 * DAY, dialect=Dialect.ZIGBEE2MQTT)
    old = NOW - 20 * DAY
    writer.write([arrival(native(home), readings([1, 2, 3], old), old + MINUTE)])
    with pool.connection() as conn:
        conn.autocommit = True
        pack(conn, before=NOW - 7 * DAY)
        conn.autocommit = False
    for _ in range(2):  # the hub sends it all again, and what was missing
        acks = writer.write([arrival(native(home), readings([2, 3, 4, 5], old), NOW)])
        assert [ack.seq for ack in acks] == [5]
    movement = arrival(bridged(bridge, "Lamp"), b'{"occupancy": true}', NOW)
    writer.write([movement])
    writer.write([movement])
    with pool.connection() as conn:
        found = events_between(conn, home.id, old, old + DAY)
        assert [(event.number, event.occurred_at) for event in found] == [
            (number, old + timedelta(seconds=number)) for number in range(1, 6)
        ]
        assert [event.number for event in events_after(conn, home.id, 3, limit=9)] == [4, 5]
        assert len(events_after(conn, bridge.id, 0, limit=9)) == 1


def test_the_model_reads_its_log_and_writes_its_routine(pool: Pool) -> None:
    with pool.connection() as conn:
        home = new_home(conn, now=NOW - 10 * DAY)
        for day in range(10):
            at = NOW - (10 - day) * DAY
            said = [Said(at=at + n * 5 * MINUTE, sensor=None if n % 2 else 0) for n in range(200)]
            home.store(conn, said, received_at=at + DAY)
    with pool.connection() as conn:
        conn.autocommit = True
        pack(conn, before=NOW - 7 * DAY)
        conn.autocommit = False
    with pool.connection() as conn:
        watched = WatchedHome(conn, home.home, clock=Clock(real_start=NOW, start=NOW, speed=1e-6))
        for _ in range(10):
            is_more, *_ = watched.step(conn, last_number=home.number, now=NOW)
            if not is_more:
                break
        assert watched.cursor == home.number
        assert watched.rows_read == home.number
        assert routine_of(conn, home.home.id) is not None

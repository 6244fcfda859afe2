"""Batches into a real database."""

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from ingest.dialects.native import NativeCheckIn, NativeStatus, encode_check_in, encode_readings, encode_status
from ingest.told import TimeLimits
from ingest.wire import home_prefix
from ingest.writer import Writer
from store.clock import Clock
from store.database import Conn, Pool
from store.home import Home, SensorKind, sensors_of
from store.rejected_message import KEPT_PER_HOUR
from tests.ingest.homes import arrival, bridged, make_home, native, reading, readings, rows

SENSORS = {
    "M1": SensorKind.MOTION,
    "T1": SensorKind.TEMPERATURE,
    "Tür links": SensorKind.DOOR,
    "Plug": SensorKind.APPLIANCE,
}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def home(conn: Conn, now: datetime) -> Home:
    return make_home(conn, SENSORS, now=now)


@pytest.fixture
def writer(pool: Pool, now: datetime) -> Writer:
    return Writer(pool, clock=Clock(real_start=now, start=now), limits=TimeLimits())


def events(conn: Conn) -> list[tuple[Any, ...]]:
    return rows(conn, "SELECT number, value FROM sensor_event ORDER BY home_id, number")


def reasons(conn: Conn) -> list[tuple[Any, ...]]:
    return rows(conn, "SELECT reason, detail, home_id IS NOT NULL FROM rejected_message ORDER BY id")


def test_readings_are_numbered_and_acknowledged_up_to_the_first_gap(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    acks = writer.write([arrival(native(home), readings([1, 2, 5], now - MINUTE), now)])
    assert [(ack.home_code, ack.boot, ack.seq) for ack in acks] == [(home.code, "b1", 2)]
    acks = writer.write([arrival(native(home), readings([4, 3], now - MINUTE), now)])
    assert [ack.seq for ack in acks] == [5]
    assert [number for number, _ in events(conn)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("rest", "payload", "reason"),
    [
        ("native/events", b"x" * 1_000_001, "too_large"),
        ("knx/plug", b"{}", "unknown_dialect"),
        ("native", b"{}", "topic"),
        ("native/", b"{}", "topic"),
    ],
)
def test_what_a_home_publishes_below_its_topic_is_kept_with_that_home_even_if_the_rest_cannot_be_read(
    writer: Writer, conn: Conn, home: Home, now: datetime, rest: str, payload: bytes, reason: str
) -> None:
    writer.write([arrival(home_prefix(home.partition, home.code) + rest, payload, now)])
    assert [(found, is_of_home) for found, _, is_of_home in reasons(conn)] == [(reason, True)]


def test_a_home_named_in_another_partition_is_not_charged_with_what_is_wrong_there(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    writer.write([arrival(home_prefix((home.partition + 1) % 64, home.code) + "knx/plug", b"{}", now)])
    assert [(found, is_of_home) for found, _, is_of_home in reasons(conn)] == [("unknown_dialect", False)]


def test_a_duplicate_is_stored_once_and_acknowledged_again(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    message = arrival(native(home), readings(range(1, 6), now - MINUTE), now)
    writer.write([message, message])
    assert [ack.seq for ack in writer.write([message])] == [5]
    assert len(events(conn)) == 5


def test_a_hub_that_corrects_its_clock_does_not_double_its_readings(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    writer.write([arrival(native(home), readings([1], now - MINUTE), now)])
    writer.write([arrival(native(home), readings([1], now - 60 * MINUTE), now)])
    assert len(events(conn)) == 1


def test_each_boot_of_a_hub_counts_for_itself(writer: Writer, conn: Conn, home: Home, now: datetime) -> None:
    payload = encode_readings([reading(1, now, boot="b1"), reading(1, now, boot="b2"), reading(2, now, boot="b2")])
    acks = writer.write([arrival(native(home), payload, now)])
    assert {(ack.boot, ack.seq) for ack in acks} == {("b1", 1), ("b2", 2)}
    assert len(events(conn)) == 3


def test_one_bad_reading_is_kept_by_itself_and_its_hub_is_not_held_up(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    good = json.loads(readings([1, 2, 3, 4, 5, 6], now - MINUTE))
    good[1]["at"] = "yesterday"
    good[2]["sensor"] = "cellar"
    good[3]["value"] = 7
    good[4]["at"] = "2036-01-01T00:00:00Z"
    acks = writer.write([arrival(native(home), json.dumps(good).encode(), now)])
    assert [ack.seq for ack in acks] == [6]
    assert len(events(conn)) == 3
    assert rows(conn, "SELECT occurred_at, hub_at FROM sensor_event WHERE hub_at IS NOT NULL") == [
        (now, datetime(2036, 1, 1, tzinfo=UTC))
    ]
    assert [(reason, detail.partition(" is more")[0]) for reason, detail, _ in reasons(conn)] == [
        ("shape", "payload[1].at: not a time with its offset from UTC"),
        ("unknown_sensor", "sensor: no sensor 'cellar' in this home"),
        ("value", "value: a motion sensor says on or off, not 7"),
    ]
    kept = [
        json.loads(bytes(payload))["seq"]
        for (payload,) in rows(conn, "SELECT payload FROM rejected_message ORDER BY id")
    ]
    assert kept == [2, 3, 4]
    writer.write([arrival(native(home), json.dumps(good).encode(), now)])  # sent again: not kept twice
    assert len(reasons(conn)) == 3


def test_unknown_homes_and_strange_topics_are_kept_with_their_reason(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    elsewhere = (home.partition + 1) % 64
    for topic in (
        "homes/03/nobody/native/events",
        f"homes/{elsewhere:02d}/{home.code}/native/events",
        f"homes/{home.partition:02d}/{home.code}/carrier-pigeon/events",
        f"homes/{home.partition:02d}/{home.code}/native/poems",
        "weather/today",
        "homes/\x00/\ud800",
    ):
        writer.write([arrival(topic, readings([1], now), now)])
    assert [reason for reason, _, _ in reasons(conn)] == [
        "unknown_home", "wrong_partition", "unknown_dialect", "topic", "topic", "topic",
    ]  # fmt: skip
    assert events(conn) == []


def test_a_row_the_store_refuses_does_not_take_the_batch_with_it(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    conn.execute("ALTER TABLE sensor_event ADD CHECK (value <> 13)")
    conn.commit()
    messages = [arrival(native(home), readings([seq], now - MINUTE), now) for seq in range(1, 41)]
    poisoned = [reading(seq, now, sensor="T1", value=13.0 if seq == 45 else 20.0) for seq in range(41, 51)]
    messages.insert(17, arrival(native(home), encode_readings(poisoned), now))
    acks = writer.write(messages)
    assert [ack.seq for ack in acks] == [50]
    numbers = [number for number, _ in events(conn)]
    assert numbers == list(range(1, 50))
    assert [reason for reason, _, _ in reasons(conn)] == ["store_refused"]


def test_two_writers_on_one_home_leave_no_gap_in_its_numbers(pool: Pool, conn: Conn, home: Home, now: datetime) -> None:
    clock = Clock(real_start=now, start=now)
    failures: list[BaseException] = []

    def write(boot: str) -> None:
        try:
            mine = Writer(pool, clock=clock, limits=TimeLimits())
            for seq in range(1, 41):
                payload = encode_readings([reading(seq, now + timedelta(milliseconds=seq), boot=boot)])
                mine.write([arrival(native(home), payload, now)])
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=write, args=(boot,)) for boot in ("b1", "b2", "b1")]
    for thread in threads:
        thread.start()
    seen = [0]
    while any(thread.is_alive() for thread in threads):
        numbers = [number for (number,) in rows(conn, "SELECT number FROM sensor_event ORDER BY number")]
        assert numbers == list(range(1, len(numbers) + 1))  # never a higher one before a lower one
        seen.append(len(numbers))
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(events(conn)) == 80


def test_check_ins_and_the_last_will_move_the_hub_and_a_repeated_check_in_is_dropped(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    check_in = encode_check_in(NativeCheckIn(boot="b1", at=now - MINUTE, backlog=12, battery=90, signal=-61))
    acks = writer.write([arrival(native(home, "checkin"), check_in, now)] * 2)
    assert [(ack.boot, ack.seq) for ack in acks] == [("b1", 0)]
    writer.write([arrival(native(home, "status"), encode_status(NativeStatus(state="offline")), now + MINUTE)])
    assert rows(conn, "SELECT number, state, backlog FROM hub_check_in ORDER BY number") == [
        (1, "checkin", 12),
        (2, "offline", 12),
    ]
    assert rows(conn, "SELECT state, last_heard_at, last_hub_time, backlog, battery_percent, signal_dbm FROM hub") == [
        ("offline", now + MINUTE, now - MINUTE, 12, 90, -61)
    ]


def test_a_sensor_keeps_the_newest_thing_it_said(writer: Writer, conn: Conn, home: Home, now: datetime) -> None:
    payload = encode_readings([reading(1, now, value=True), reading(2, now - MINUTE, value=False)])
    writer.write([arrival(native(home), payload, now)])
    sensor = next(sensor for sensor in sensors_of(conn, home.id) if sensor.code == "M1")
    assert (sensor.value, sensor.value_at, sensor.last_heard_at) == (1.0, now, now)
    assert len(events(conn)) == 2


def test_a_bridge_that_repeats_itself_makes_one_event_and_few_check_ins(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    for minute in range(11):
        at = now + minute * MINUTE
        state = {"contact": minute < 5, "battery": "97", "linkquality": 77}
        writer.write([arrival(bridged(home, "Tür links"), json.dumps(state).encode(), at)])
    assert rows(conn, "SELECT value, occurred_at FROM sensor_event") == [(1.0, now + 5 * MINUTE)]
    assert rows(conn, "SELECT count(*) FROM hub_check_in") == [(4,)]  # each half interval: 0, 3, 6 and 9 minutes
    door = next(sensor for sensor in sensors_of(conn, home.id) if sensor.code == "Tür links")
    assert (door.value, door.battery_percent, door.signal_quality) == (1.0, 97, 77)


def test_a_bridge_message_delivered_again_is_not_stored_again(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    batch = [
        arrival(
            bridged(home, "M1"),
            json.dumps({"occupancy": bool(step % 2), "last_seen": (now + step * MINUTE).isoformat()}).encode(),
            now + step * MINUTE,
        )
        for step in range(1, 7)
    ]
    writer.write(batch)
    before = events(conn)
    writer.write(batch)  # we stopped between commit and puback
    assert len(before) == 6
    assert events(conn) == before


def test_a_late_message_of_a_bridge_says_that_it_is_catching_up(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    for hours_ago in (30, 20, 10, 0):
        at = now - timedelta(hours=hours_ago)
        payload = json.dumps({"occupancy": hours_ago == 30, "last_seen": at.isoformat()}).encode()
        writer.write([arrival(bridged(home, "M1"), payload, now)])
    assert [backlog for (backlog,) in rows(conn, "SELECT backlog FROM hub_check_in ORDER BY number")] == [1, 1, 1, 0]


def test_a_plug_that_says_zero_watts_once_stays_in_use(writer: Writer, conn: Conn, home: Home, now: datetime) -> None:
    watts = [(0, 0), (1, 70), (2, 0), (3, 71), (4, 0)]
    for minute, power in watts:
        state = {"state": "ON", "power": power}
        writer.write([arrival(bridged(home, "Plug"), json.dumps(state).encode(), now + minute * MINUTE)])
    assert rows(conn, "SELECT value, occurred_at FROM sensor_event") == [(1.0, now + MINUTE)]
    writer.write([arrival(bridged(home, "bridge/info"), b"{}", now + 7 * MINUTE)])  # nothing more from the plug
    assert rows(conn, "SELECT value, occurred_at FROM sensor_event WHERE value = 0") == [(0.0, now + 7 * MINUTE)]
    assert rows(conn, "SELECT count(*) FROM plug_fall") == [(0,)]


def test_retained_states_are_no_events_and_no_sign_of_life(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    writer.write([arrival(bridged(home, "M1"), b'{"occupancy": true}', now, is_retained=True)])
    writer.write([arrival(bridged(home, "bridge/state"), b"online", now, is_retained=True)])
    assert events(conn) == []
    assert rows(conn, "SELECT count(*) FROM hub_check_in") == [(0,)]
    assert rows(conn, "SELECT state, last_heard_at FROM hub") == [("never_heard", None)]
    writer.write([arrival(bridged(home, "M1"), b'{"occupancy": false}', now)])
    assert events(conn) == [(1, 0.0)]  # number 2 is the sign of life


def test_unknown_devices_of_a_bridge_are_offered(writer: Writer, conn: Conn, home: Home, now: datetime) -> None:
    devices = [
        {"type": "Coordinator", "friendly_name": "Coordinator"},
        {"type": "EndDevice", "friendly_name": "M1", "definition": {"model": "x", "exposes": []}},
        {
            "type": "EndDevice",
            "friendly_name": "Küche Bewegung",
            "definition": {"model": "RTCGQ11LM", "exposes": [{"property": "battery"}, {"property": "occupancy"}]},
        },
    ]
    message = arrival(bridged(home, "bridge/devices"), json.dumps(devices).encode(), now, is_retained=True)
    writer.write([message, message])
    assert rows(conn, "SELECT code, kind, model FROM sensor_offer") == [("Küche Bewegung", "motion", "RTCGQ11LM")]


def test_a_broken_hub_cannot_fill_the_disk(writer: Writer, conn: Conn, home: Home, now: datetime) -> None:
    message = arrival(native(home), b"not json " * 1_000, now)
    writer.write([message] * (KEPT_PER_HOUR + 50))
    writer.write([message] * 50)
    assert rows(conn, "SELECT count(*), max(length(payload)) FROM rejected_message") == [(KEPT_PER_HOUR, 4_096)]
    assert rows(conn, "SELECT rejected FROM rejected_hour") == [(KEPT_PER_HOUR + 100,)]


def test_nothing_is_half_written_when_the_database_refuses_the_end_of_a_batch(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    conn.execute("ALTER TABLE hub RENAME TO hub_moved")  # as during a migration
    conn.commit()
    message = arrival(native(home), readings([1], now), now)
    with pytest.raises(psycopg.ProgrammingError):
        writer.write([message])
    conn.execute("ALTER TABLE hub_moved RENAME TO hub")
    conn.commit()
    assert events(conn) == []
    assert [ack.seq for ack in writer.write([message])] == [1]
    assert reasons(conn) == []

"""What a broker delivers again after ingest was killed between the commit and the answer."""

import contextlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from psycopg.errors import Error

from ingest.arrival import Arrival, read_arrival
from ingest.repeats import Deliveries, delivery_key, is_counted_anew, is_of_bridge
from ingest.told import TimeLimits
from ingest.wire import Dialect, home_topic
from ingest.writer import Writer
from store.clock import make_clock
from store.database import Conn, Pool
from store.delivery import KEPT
from store.home import Home, SensorKind
from tests.conftest import TestBroker
from tests.ingest.homes import arrival, bridged, make_home, native, rows
from tests.ingest.wires import SHORT, Wire, broker_settings, subscriber_of, wait_until

DOOR = {"door": SensorKind.DOOR}
WAIT = timedelta(seconds=10)
STORED = "SELECT value FROM sensor_event ORDER BY number"


def states(home: Home, values: Sequence[bool], received_at: datetime, *, first_mid: int = 1) -> list[Arrival]:
    """A door's states without a time, a second apart."""
    topic = home_topic(home.partition, home.code, Dialect.ZIGBEE2MQTT, "door")
    return [
        replace(
            arrival(topic, json.dumps({"contact": not value}).encode(), received_at + timedelta(seconds=index)),
            mid=first_mid + index,
        )
        for index, value in enumerate(values)
    ]


def again(arrivals: Sequence[Arrival], received_at: datetime) -> list[Arrival]:
    """The same deliveries after a reconnect: same packet ids, DUP, a new time of receipt."""
    return [replace(it, is_repeated=True, received_at=received_at) for it in arrivals]


@pytest.fixture
def writer(pool: Pool) -> Writer:
    return Writer(pool, clock=make_clock(), limits=TimeLimits())


def test_a_burst_without_times_that_comes_again_is_stored_once(conn: Conn, writer: Writer, now: datetime) -> None:
    home = make_home(conn, DOOR, now=now, dialect=Dialect.ZIGBEE2MQTT)
    burst = states(home, [True, False, True], now)
    writer.write(burst)
    writer.write(again(burst, now + timedelta(minutes=1)))  # we were killed before the answer
    assert rows(conn, STORED) == [(1.0,), (0.0,), (1.0,)]


def test_so_it_is_with_the_real_broker(broker: TestBroker, pool: Pool, conn: Conn) -> None:
    clock = make_clock()
    home = make_home(conn, DOOR, now=clock.now(), dialect=Dialect.ZIGBEE2MQTT)
    settings = broker_settings(broker.host, broker.port, broker.credentials())
    with contextlib.ExitStack() as stack:
        subscriber = stack.enter_context(contextlib.closing(subscriber_of(settings, home, clock=clock)))
        assert subscriber.take(wait=SHORT) == []
        assert wait_until(lambda: subscriber.is_connected)
        assert subscriber.take(wait=SHORT) == []
        wire = Wire(broker.host, broker.port, broker.credentials(home.code), home)
        stack.enter_context(contextlib.closing(wire))
        writer = Writer(pool, clock=clock, limits=TimeLimits())

        for value in (True, False, True):
            wire.publish(bridged(home, "door/contact"), json.dumps(not value).encode())
        before: list[Arrival] = []
        while len(before) < 3:
            before += (batch := subscriber.take(wait=WAIT))
            assert batch
            writer.write(batch)
        subscriber.reconnect()  # as if we had been killed here: stored, and nothing answered
        wire.publish(bridged(home, "door/contact"), b"true")
        after: list[Arrival] = []
        while len(after) < 4:
            after += (batch := subscriber.take(wait=WAIT))
            assert batch
            writer.write(batch)
    assert len({it.received_at for it in after}) == len(after)  # else on, off and on again would be two events
    assert sorted(it.mid for it in before) == sorted(it.mid for it in after if it.is_repeated)
    assert rows(conn, STORED) == [(1.0,), (0.0,), (1.0,), (0.0,)]


def test_what_was_not_stored_when_we_were_killed_is_stored_when_it_comes_again(
    conn: Conn, writer: Writer, now: datetime
) -> None:
    home = make_home(conn, DOOR, now=now, dialect=Dialect.ZIGBEE2MQTT)
    burst = states(home, [True, False, True, False], now)
    writer.write(burst[:2])
    writer.write(again(burst, now + timedelta(minutes=1)))
    assert rows(conn, STORED) == [(1.0,), (0.0,), (1.0,), (0.0,)]


def test_the_same_words_in_a_new_message_are_news(conn: Conn, writer: Writer, now: datetime) -> None:
    home = make_home(conn, DOOR, now=now, dialect=Dialect.ZIGBEE2MQTT)
    writer.write(states(home, [True, False], now))
    writer.write(states(home, [True, False], now + timedelta(minutes=1), first_mid=3))
    writer.write(again(states(home, [True], now, first_mid=7), now + timedelta(minutes=2)))  # DUP, but never stored
    assert rows(conn, STORED) == [(1.0,), (0.0,), (1.0,), (0.0,), (1.0,)]


def test_what_a_batch_that_failed_had_seen_is_not_taken_as_stored(
    conn: Conn, pool: Pool, writer: Writer, now: datetime
) -> None:
    home = make_home(conn, DOOR, now=now, dialect=Dialect.ZIGBEE2MQTT)
    burst = states(home, [True, False], now)
    conn.execute("ALTER TABLE sensor_event RENAME TO sensor_event_away")
    conn.commit()
    with contextlib.suppress(Error):
        writer.write(burst)
    conn.execute("ALTER TABLE sensor_event_away RENAME TO sensor_event")
    conn.commit()
    writer.write(again(burst, now))
    assert rows(conn, STORED) == [(1.0,), (0.0,)]


def test_only_the_newest_deliveries_of_a_home_are_kept(conn: Conn, writer: Writer, now: datetime) -> None:
    home = make_home(conn, DOOR, now=now, dialect=Dialect.ZIGBEE2MQTT)
    many = states(home, [index % 2 == 0 for index in range(KEPT + 44)], now)
    writer.write(many[:200])
    writer.write(many[200:])
    newest_first = [delivery_key(it) for it in reversed(many)][:KEPT]
    assert rows(conn, "SELECT keys FROM bridge_delivery") == [(newest_first,)]


def test_a_native_hubs_messages_have_numbers_and_need_no_key(conn: Conn, writer: Writer, now: datetime) -> None:
    home = make_home(conn, DOOR, now=now)
    item = read_arrival(replace(arrival(native(home), b"{}", now), mid=5), TimeLimits())
    assert not is_of_bridge(item)
    assert not Deliveries(stored={}).is_repetition(item, home.id)
    writer.write([item.arrival])
    assert rows(conn, "SELECT count(*) FROM bridge_delivery") == [(0,)]


def test_a_broker_that_counts_ids_anew_makes_nobody_take_news_for_a_repetition(
    conn: Conn, writer: Writer, now: datetime
) -> None:
    """RabbitMQ: the door's second opening, in hand when we were killed, comes with the id of the first."""
    home = make_home(conn, DOOR, now=now, dialect=Dialect.ZIGBEE2MQTT)
    writer.write(states(home, [True, False], now))  # under 1 and 2; answered
    (third,) = states(home, [True], now + timedelta(seconds=5), first_mid=1)  # was 3, and is 1 on the new connection
    writer.write([replace(third, is_repeated=True, keeps_id=False)])
    assert rows(conn, STORED) == [(1.0,), (0.0,), (1.0,)]


@pytest.mark.parametrize(
    ("mids", "anew"),
    [
        ([1, 2, 3], [True, True, True]),
        ([3, 4, 5, 6], [False] * 4),  # Mosquitto, resumed
        ([6, 3, 4, 5], [False] * 4),  # NATS: a new one comes first
        ([65_535, 1, 2], [False] * 3),  # went round while we were away
    ],
)
def test_an_id_that_is_just_the_place_on_the_connection_says_nothing(mids: list[int], anew: list[bool]) -> None:
    assert [is_counted_anew(mid, place) for place, mid in enumerate(mids, start=1)] == anew


def test_a_connection_that_has_gone_round_all_ids_counts_on() -> None:
    assert is_counted_anew(65_535, 65_535)
    assert is_counted_anew(1, 65_536)
    assert not is_counted_anew(2, 65_536)


def test_the_key_tells_packet_id_topic_and_payload_apart(now: datetime) -> None:
    said = arrival("homes/00/K7/zigbee2mqtt/door", b"1", now)
    others = [
        said,
        replace(said, mid=65_535),
        replace(said, topic="homes/00/K7/zigbee2mqtt/doo", payload=b"r1"),
        replace(said, payload=b"2"),
    ]
    keys = {delivery_key(it) for it in others}
    assert len(keys) == 4
    assert all(-(2**63) <= key < 2**63 for key in keys)
    assert delivery_key(replace(said, is_repeated=True, received_at=now + timedelta(hours=1))) in keys

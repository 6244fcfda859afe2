"""From the real broker into the real database, with everything around dying once."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from deploy.local_stack.broker import Broker
from ingest.dialects.native import NativeCheckIn, encode_check_in
from ingest.subscriber import BatchLimits, Subscriber
from ingest.told import TimeLimits
from ingest.wire import topic_filters
from ingest.writer import Writer
from store.clock import Clock, make_clock
from store.database import Conn, DatabaseSettings, Pool
from store.home import Home, SensorKind
from tests.conftest import TestBroker
from tests.ingest.homes import make_home, native, readings, rows
from tests.ingest.wires import SHORT, Wire, broker_settings, running, subscriber_of, wait_until

SENSORS = {"M1": SensorKind.MOTION}
WAIT = timedelta(seconds=10)

OpenWire = Callable[[Home], Wire]


@pytest.fixture
def clock() -> Clock:
    return make_clock()


@pytest.fixture
def home(conn: Conn, clock: Clock) -> Home:
    return make_home(conn, SENSORS, now=clock.now())


@pytest.fixture
def wire(broker: TestBroker, home: Home) -> Iterator[Wire]:
    with contextlib.closing(Wire(broker.host, broker.port, broker.credentials(home.code), home)) as wire:
        yield wire


@pytest.fixture
def subscriber(broker: TestBroker, home: Home, clock: Clock) -> Iterator[Subscriber]:
    settings = broker_settings(broker.host, broker.port, broker.credentials())
    with contextlib.closing(subscriber_of(settings, home, clock=clock)) as subscriber:
        yield subscriber


def stored(conn: Conn) -> list[int]:
    return [int(number) for (number,) in rows(conn, "SELECT number FROM sensor_event ORDER BY number")]


def subscribe(subscriber: Subscriber) -> None:
    """Make the session, so that nothing published from here on can be missed."""
    assert subscriber.take(wait=SHORT) == []
    assert wait_until(lambda: subscriber.is_connected)
    assert subscriber.take(wait=SHORT) == []


def test_what_a_hub_publishes_is_stored_and_acknowledged(
    subscriber: Subscriber, pool: Pool, conn: Conn, home: Home, wire: Wire, clock: Clock
) -> None:
    subscribe(subscriber)
    with running(subscriber, pool, clock):
        wire.publish(native(home), readings(range(1, 101), clock.now() - timedelta(hours=1)))
        assert wire.acked(100)
        wire.publish(native(home), readings(range(102, 111), clock.now() - timedelta(hours=1)))
        assert wire.acks.get(timeout=10).seq == 100  # 101 is missing
        wire.publish(native(home), readings([101], clock.now() - timedelta(hours=1)))
        assert wire.acks.get(timeout=10).seq == 110
        wire.publish(native(home, "checkin"), encode_check_in(NativeCheckIn(boot="b1", at=clock.now())))
        assert wire.acks.get(timeout=10).seq == 110  # a hub that lost it gets it again
    assert stored(conn) == list(range(1, 111))
    assert rows(conn, "SELECT number FROM hub_check_in") == [(111,)]
    assert rows(conn, "SELECT service FROM service_seen") == [("ingest",)]


def test_what_was_committed_but_not_answered_comes_again_in_order_and_is_not_doubled(
    subscriber: Subscriber, pool: Pool, conn: Conn, home: Home, wire: Wire, clock: Clock
) -> None:
    subscribe(subscriber)
    start = clock.now() - timedelta(hours=1)
    for seq in (1, 2, 3):
        wire.publish(native(home), readings([seq], start))
    batch = subscriber.take(wait=WAIT)
    writer = Writer(pool, clock=clock, limits=TimeLimits())
    writer.write(batch)
    subscriber.reconnect()  # as if the process had died here: nothing was answered
    assert subscriber.still_due(batch) == []
    subscriber.puback(batch)  # of an earlier connection: must go nowhere
    wire.publish(native(home), readings([4], start))
    again = subscriber.take(wait=WAIT)
    assert [json.loads(arrival.payload)["seq"] for arrival in again] == [1, 2, 3, 4]
    assert [ack.seq for ack in writer.write(again)] == [4]
    assert stored(conn) == [1, 2, 3, 4]
    subscriber.puback(again)
    assert subscriber.take(wait=timedelta(seconds=6)) == []  # the broker has forgotten them


def test_ingest_that_the_broker_refuses_keeps_trying(
    broker: TestBroker, pool: Pool, conn: Conn, home: Home, clock: Clock
) -> None:
    login = replace(broker.credentials(), password="wrong")
    subscriber = subscriber_of(broker_settings(broker.host, broker.port, login), home, clock=clock)
    with running(subscriber, pool, clock) as thread:
        assert not wait_until(lambda: subscriber.is_connected, seconds=2)
        assert thread.is_alive()
    assert rows(conn, "SELECT note FROM service_seen") == [("no broker; 0 messages since start",)]


def test_what_does_not_fit_in_memory_is_delivered_again(
    broker: TestBroker, pool: Pool, conn: Conn, home: Home, wire: Wire, clock: Clock
) -> None:
    settings = broker_settings(broker.host, broker.port, broker.credentials())
    limits = BatchLimits(messages=10, waiting_messages=30)
    subscriber = subscriber_of(settings, home, clock=clock, limits=limits)
    subscribe(subscriber)
    start = clock.now() - timedelta(hours=1)
    for seq in range(1, 51):
        wire.publish(native(home), readings([seq], start))
    with running(subscriber, pool, clock):
        assert wire.acked(50, seconds=40)
    assert stored(conn) == list(range(1, 51))


def test_ingest_goes_on_when_the_broker_was_killed_and_came_back(
    scratch: Path, pool: Pool, conn: Conn, home: Home, clock: Clock
) -> None:
    with Broker(scratch / "mortal") as server:
        login = server.credentials.ingest()
        hub = server.add_homes([home.code])[home.code]
        subscriber = subscriber_of(broker_settings(server.host, server.port, login), home, clock=clock)
        subscribe(subscriber)
        start = clock.now() - timedelta(hours=1)
        with running(subscriber, pool, clock), contextlib.closing(Wire(server.host, server.port, hub, home)) as wire:
            wire.publish(native(home), readings(range(1, 11), start))
            assert wire.acked(10)
            process = server.process
            assert process is not None
            os.kill(process.pid, signal.SIGKILL)
            assert wait_until(lambda: process.exit_code() is not None)
            server.start()
            assert wait_until(lambda: subscriber.is_connected)
            wire.publish(native(home), readings(range(11, 21), start))
            assert wait_until(lambda: len(stored(conn)) == 20)
    assert stored(conn) == list(range(1, 21))


def test_nothing_is_lost_while_the_database_is_away(
    subscriber: Subscriber, settings: DatabaseSettings, pool: Pool, conn: Conn, home: Home, wire: Wire, clock: Clock
) -> None:
    subscribe(subscriber)
    start = clock.now() - timedelta(hours=1)
    name = conn.info.dbname
    with running(subscriber, pool, clock):
        wire.publish(native(home), readings([1], start))
        assert wire.acked(1)
        conn.close()
        with _away(settings, name):
            for seq in range(2, 12):
                wire.publish(native(home), readings([seq], start))
            assert not wire.acked(2, seconds=6.0)  # longer than the broker waits before it delivers again
        assert wire.acked(11)
        assert wait_until(lambda: subscriber.is_connected)
    with pool.connection() as after:
        assert stored(after) == list(range(1, 12))


@contextlib.contextmanager
def _away(settings: DatabaseSettings, name: str) -> Iterator[None]:
    """Everybody is thrown out of the database, and nobody let in."""
    elsewhere = make_conninfo(settings.database_url, dbname="postgres")
    with contextlib.closing(psycopg.connect(elsewhere, autocommit=True)) as server:
        server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        yield
        server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(name)))


INGEST = """
import threading
from ingest.main import run
from store.clock import make_clock
run(clock=make_clock(), stop=threading.Event())
"""


def test_ingest_killed_again_and_again_stores_everything_exactly_once(
    broker: TestBroker, settings: DatabaseSettings, conn: Conn, home: Home, wire: Wire, clock: Clock
) -> None:
    login = broker.credentials()
    filters = topic_filters([home.partition])
    with contextlib.closing(
        Subscriber(
            broker_settings(broker.host, broker.port, login).with_partitions([home.partition]), filters, clock=clock
        )
    ) as session:
        subscribe(session)  # what is published before there is a session reaches nobody
    environment = {
        **os.environ,
        "TELECARE_DATABASE_URL": settings.database_url,
        "TELECARE_BROKER_HOST": broker.host,
        "TELECARE_BROKER_PORT": str(broker.port),
        "TELECARE_BROKER_USERNAME": login.username,
        "TELECARE_BROKER_PASSWORD": login.password,
        "TELECARE_BROKER_CLIENT_ID": login.client_id,
        "TELECARE_BROKER_REDELIVERY_SECONDS": "0",  # no waiting for the right order: duplicates and gaps, quickly
        "TELECARE_PARTITIONS": str(home.partition),
    }
    start = clock.now() - timedelta(hours=1)
    sent = 0
    for _ in range(3):
        before = len(stored(conn))
        ingest = subprocess.Popen([sys.executable, "-c", INGEST], env=environment)
        try:
            while len(stored(conn)) < before + 100:
                if sent < before + 1_000:
                    for seq in range(sent + 1, sent + 21):
                        wire.publish(native(home), readings([seq], start))
                    sent += 20
        finally:
            ingest.send_signal(signal.SIGKILL)
            ingest.wait()
    ingest = subprocess.Popen([sys.executable, "-c", INGEST], env=environment)
    try:
        acked = wire.acked(sent, seconds=40)
    finally:
        ingest.send_signal(signal.SIGKILL)
        ingest.wait()
    assert acked
    assert stored(conn) == list(range(1, sent + 1))
    assert rows(conn, "SELECT seen FROM hub_sequence") != []

"""A database that is there and will not write: its disk is full, or it has become read-only. Nothing is given up."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from store.clock import make_clock
from store.database import Conn, DatabaseSettings, Pool
from store.home import SensorKind
from tests.conftest import TestBroker
from tests.ingest.homes import make_home, native, readings, rows
from tests.ingest.wires import Wire, broker_settings, running, subscriber_of, wait_until

Unwilling = Callable[[DatabaseSettings], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def full_disk(settings: DatabaseSettings) -> Iterator[None]:
    """What PostgreSQL says when a file cannot grow."""
    with contextlib.closing(psycopg.connect(settings.database_url, autocommit=True)) as conn:
        conn.execute(
            """
            CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$
            """
        )
        conn.execute("CREATE TRIGGER no_room BEFORE INSERT ON sensor_event EXECUTE FUNCTION no_room()")
        yield
        conn.execute("DROP TRIGGER no_room ON sensor_event")


@contextlib.contextmanager
def read_only(settings: DatabaseSettings) -> Iterator[None]:
    """As a standby is, or a primary that an administrator has stopped from writing."""
    elsewhere = make_conninfo(settings.database_url, dbname="postgres")
    with (
        contextlib.closing(psycopg.connect(settings.database_url)) as own,
        contextlib.closing(psycopg.connect(elsewhere, autocommit=True)) as server,
    ):
        name = own.info.dbname
        own.close()
        database = sql.Identifier(name)
        throw_out = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        server.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(database))
        server.execute(throw_out, (name,))
        yield
        server.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(database))
        server.execute(throw_out, (name,))


@pytest.mark.parametrize("unwilling", [full_disk, read_only])
def test_ingest_waits_and_goes_on_where_it_was(
    broker: TestBroker, settings: DatabaseSettings, pool: Pool, conn: Conn, unwilling: Unwilling
) -> None:
    clock = make_clock()
    home = make_home(conn, {"M1": SensorKind.MOTION}, now=clock.now())
    conn.close()
    login = broker_settings(broker.host, broker.port, broker.credentials(), redelivery_seconds=0)
    subscriber = subscriber_of(login, home, clock=clock)
    start = clock.now() - timedelta(hours=1)
    with (
        contextlib.closing(Wire(broker.host, broker.port, broker.credentials(home.code), home)) as wire,
        running(subscriber, pool, clock) as thread,
    ):
        assert wait_until(lambda: subscriber.is_subscribed)
        wire.publish(native(home), readings([1], start))
        assert wire.acked(1)
        with unwilling(settings):
            for seq in range(2, 12):
                wire.publish(native(home), readings([seq], start))
            assert not wire.acked(2, seconds=3.0)
            assert thread.is_alive()
        assert wire.acked(11)
    with contextlib.closing(psycopg.connect(settings.database_url)) as after:
        assert rows(after, "SELECT number FROM sensor_event ORDER BY number") == [(n,) for n in range(1, 12)]
        assert rows(after, "SELECT count(*) FROM rejected_message") == [(0,)]

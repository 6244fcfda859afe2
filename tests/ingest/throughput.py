"""How fast ingest is on this machine: real broker, real database, both of the embedded stack. Run by hand:

python -m tests.ingest.throughput [events]
"""

import contextlib
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import psycopg
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from deploy.local_stack.broker import Broker
from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.postgres import Postgres
from ingest.settings import BrokerSettings
from ingest.subscriber import Subscriber
from ingest.told import TimeLimits
from ingest.worker import Worker
from ingest.writer import Writer
from store.clock import make_clock
from store.database import Conn, DatabaseSettings, open_pool
from store.home import Home, SensorKind
from store.migrate import migrate
from tests.ingest.homes import make_home, native, readings

HOMES = 50


def _stored(conn: Conn) -> int:
    row = conn.execute("SELECT count(*) FROM sensor_event").fetchone()
    conn.commit()
    assert row is not None
    return int(row[0])


def _publish(server: Broker, homes: Sequence[Home], events: int, in_a_list: int) -> None:
    """Every home publishes its share, through one connection each, as fast as the broker takes it."""
    start = make_clock().now() - timedelta(days=30)
    logins = server.add_homes([home.code for home in homes])
    clients = []
    for home in homes:
        client = Client(CallbackAPIVersion.VERSION2, client_id=logins[home.code].client_id)
        client.username_pw_set(logins[home.code].username, logins[home.code].password)
        client.max_inflight_messages_set(20)
        client.connect(server.host, server.port)
        client.loop_start()
        clients.append(client)
    share = events // len(homes)
    sent = [
        client.publish(native(home), readings(range(first, min(first + in_a_list, share + 1)), start), qos=1)
        for first in range(1, share + 1, in_a_list)
        for home, client in zip(homes, clients, strict=True)
    ]
    for message in sent:
        message.wait_for_publish(120)
    for client in clients:
        client.disconnect()
        client.loop_stop()


def _measure(
    server: Broker, database: DatabaseSettings, conn: Conn, events: int, in_a_list: int, *, live: bool
) -> None:
    clock = make_clock()
    homes = [make_home(conn, {"M1": SensorKind.MOTION}, now=clock.now()) for _ in range(HOMES)]
    login = server.credentials.ingest()
    settings = BrokerSettings(
        broker_host=server.host,
        broker_port=server.port,
        broker_username=login.username,
        broker_password=login.password,
        broker_client_id=login.client_id,
        broker_redelivery_seconds=0,
    )
    before = _stored(conn)
    stop = threading.Event()
    with (
        contextlib.closing(open_pool(database, size=2)) as pool,
        contextlib.closing(Subscriber(settings, ["homes/#"], clock=clock)) as subscriber,
    ):
        while not subscriber.is_connected:
            subscriber.take(wait=timedelta(seconds=1))
        time.sleep(1)
        if not live:
            subscriber.close()
            _publish(server, homes, events, in_a_list)
        worker = Worker(subscriber, Writer(pool, clock=clock, limits=TimeLimits()), pool, clock=clock)
        thread = threading.Thread(target=worker.run, args=(stop,))
        begun = time.monotonic()
        thread.start()
        if live:
            _publish(server, homes, events, in_a_list)
        published = time.monotonic() - begun
        while _stored(conn) - before < events:
            time.sleep(0.05)
        taken = time.monotonic() - begun
        stop.set()
        thread.join()
    how = f"live, published in {published:.1f} s" if live else "from the session"
    print(
        f"{events} events, {in_a_list} a message, {how}: "
        f"{events / taken:,.0f} events/s, {events / in_a_list / taken:,.0f} messages/s",
        flush=True,
    )


def main(events: int) -> None:
    """Measure single events and lists of 200, waiting and live."""
    folder = Path(tempfile.mkdtemp(prefix="telecare-throughput-"))
    with (
        contextlib.closing(Lifeline()) as line,
        Postgres(folder, lifeline=line) as postgres,
        Broker(folder, lifeline=line) as server,
    ):
        database = DatabaseSettings(database_url=postgres.url())
        with contextlib.closing(psycopg.connect(database.database_url, autocommit=True)) as conn:
            migrate(conn)
        with contextlib.closing(psycopg.connect(database.database_url)) as conn:
            for in_a_list, share in ((1, events), (200, 10 * events)):
                for live in (False, True):
                    _measure(server, database, conn, share, in_a_list, live=live)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)

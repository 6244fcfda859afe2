"""Mosquitto's queue for ingest above `max_queued_bytes`: it drops what it has confirmed, and no native hub loses by it.

deploy/mosquitto.conf as it is, with a limit that is reached quickly.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import psycopg
import pytest
import trustme

from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.ports import LOOPBACK
from ingest.hub.hub import Hub
from ingest.hub.link import BrokerAddress
from ingest.hub.link import Credential as HubCredential
from ingest.hub.payloads import Condition
from ingest.hub.queue import HubQueue, Item
from ingest.subscriber import Subscriber
from simulators.telling_hubs import CountingConnection, Tally
from store.clock import Clock, make_clock
from store.database import Conn, DatabaseSettings, open_pool
from store.home import SensorKind
from tests.deploy.mqtt import Connect, Connection, eventually, own_topic
from tests.deploy.servers.mosquitto import MosquittoServer, close
from tests.ingest.homes import make_home
from tests.ingest.wires import broker_settings, running, wait_until

pytestmark = pytest.mark.database

LIMIT = 65_536  # bytes
MESSAGES, SIZE = 1_000, 200  # three times as much


@pytest.fixture(scope="module")
def narrow(scratch: Path, brokers_conn: Conn, lifeline: Lifeline, authority: trustme.CA) -> Iterator[MosquittoServer]:
    """Mosquitto with our files and a narrow queue."""
    limit = {"\nmax_queued_bytes 268435456\n": f"\nmax_queued_bytes {LIMIT}\n"}
    server = MosquittoServer(
        scratch / "mosquitto-narrow", brokers_conn, make_clock(), lifeline, authority, otherwise=limit
    )
    try:
        server.start()
        yield server
    finally:
        close(server)


def fill(bridge: Connection, topic: str) -> None:
    """Publish until the queue must be full; the broker confirms all of it."""
    sent = [
        bridge.publish_soon(topic, f'{{"illuminance": {number}, "padding": "{"x" * SIZE}"}}')
        for number in range(1, MESSAGES + 1)  # the first zero of a sensor is no event
    ]
    assert eventually(lambda: all(message.is_published() for message in sent), seconds=60.0)


def test_above_the_limit_it_drops_what_it_confirms_keeps_the_oldest_and_counts_the_rest(
    narrow: MosquittoServer, connect: Connect
) -> None:
    credential = narrow.credentials()
    ingest = connect(narrow.port, credential, clean=False)
    assert ingest.subscribe(own_topic("BRIM", "#"))
    ingest.close()
    monitor = connect(narrow.port, narrow.monitor)
    assert monitor.subscribe("$SYS/broker/publish/messages/dropped", 0)
    assert eventually(lambda: monitor.payloads, seconds=30.0)
    before = int(monitor.payloads[-1])
    bridge = connect(narrow.homes_port, narrow.credentials("BRIM"), ca=narrow.ca)
    fill(bridge, own_topic("BRIM", "zigbee2mqtt/L1"))
    assert "messages are being dropped for client" in narrow.log_file.read_text()
    ingest = connect(narrow.port, credential, clean=False)
    assert eventually(lambda: len(ingest.payloads) * SIZE > LIMIT / 2)
    assert not eventually(lambda: len(ingest.payloads) * SIZE > 2 * LIMIT, seconds=1.0)
    kept = [int(payload.split()[1].strip(",")) for payload in ingest.payloads]
    assert kept == list(range(1, len(kept) + 1))
    assert eventually(lambda: int(monitor.payloads[-1]) - before == MESSAGES - len(kept), seconds=30.0)


def hub_of(narrow: MosquittoServer, code: str, queue: HubQueue, clock: Clock, tally: Tally) -> Hub:
    """`telecare hub`'s own, with little patience."""
    given = narrow.credentials(code)
    return Hub(
        home_code=code,
        queue=queue,
        credential=HubCredential(username=given.username, password=given.password, client_id=given.client_id),
        address=BrokerAddress(host=LOOPBACK, port=narrow.homes_port, tls_ca=narrow.ca),
        clock=clock,
        on_news=lambda: None,
        condition=lambda _: Condition(),
        patience_s=(1.0, 4.0),
        connect=partial(CountingConnection, tally=tally),
    )


def test_a_native_hub_tells_again_what_was_dropped_and_a_bridge_cannot(
    narrow: MosquittoServer, connect: Connect, brokers_database: DatabaseSettings, tmp_path: Path
) -> None:
    clock, tally = make_clock(), Tally()
    settings = broker_settings(LOOPBACK, narrow.port, narrow.credentials(), redelivery_seconds=0.0)
    filters = [own_topic(code, "#") for code in ("FULLHUB", "FULLBRIDGE")]
    with ExitStack() as stack:
        conn = stack.enter_context(closing(psycopg.connect(brokers_database.database_url)))
        pool = stack.enter_context(open_pool(brokers_database, size=4))
        for code in ("FULLHUB", "FULLBRIDGE"):
            make_home(conn, {"L1": SensorKind.ILLUMINANCE}, now=clock.now(), code=code)
        before = Subscriber(settings, filters, clock=clock)
        with running(before, pool, clock):
            assert wait_until(lambda: before.is_subscribed)
        bridge = connect(narrow.homes_port, narrow.credentials("FULLBRIDGE"), ca=narrow.ca)
        fill(bridge, own_topic("FULLBRIDGE", "zigbee2mqtt/L1"))
        queue = stack.enter_context(closing(HubQueue(tmp_path / "queue.sqlite")))
        hub = hub_of(narrow, "FULLHUB", queue, clock, tally)
        stack.callback(hub.close)
        began = clock.now().timestamp() - 60.0
        hub.record([Item(began + number, "L1", float(number)) for number in range(50)], recorded_until=began + 50)

        def all_is_published() -> bool:
            hub.step()
            return tally.readings >= 50 and hub.unsent == 0

        assert wait_until(all_is_published)

        def all_is_acknowledged() -> bool:
            hub.step()
            return queue.oldest() is None

        assert not wait_until(all_is_acknowledged, seconds=1.0)
        with running(Subscriber(settings, filters, clock=clock), pool, clock):
            assert wait_until(all_is_acknowledged, seconds=60.0)
        assert tally.readings >= 100  # the first time it was for nothing
        assert values_of(conn, "FULLHUB") == [float(number) for number in range(50)]
        kept = values_of(conn, "FULLBRIDGE")
        assert kept == [float(number) for number in range(1, len(kept) + 1)]
        assert 0 < len(kept) < MESSAGES


def values_of(conn: Conn, code: str) -> list[float]:
    """What is stored of a home, in the order of its time."""
    found = conn.execute(
        """
        SELECT value FROM sensor_event JOIN home ON home.id = home_id WHERE code = %(code)s ORDER BY occurred_at, number
        """,
        {"code": code},
    ).fetchall()
    conn.commit()
    return [value for (value,) in found]

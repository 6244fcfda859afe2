"""What each of the three real brokers delivers again, and that nothing new is taken for it. See `ingest.repeats`."""

import contextlib
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from deploy.local_stack.ports import LOOPBACK
from ingest.arrival import Arrival
from ingest.settings import BrokerSettings
from ingest.subscriber import Subscriber
from ingest.told import TimeLimits
from ingest.writer import Writer
from store.clock import make_clock
from store.database import Conn, Pool
from store.home import Home, SensorKind
from tests.deploy.mqtt import Connect
from tests.deploy.servers.common import RealServer
from tests.ingest.homes import bridged, make_home, rows
from tests.ingest.wires import subscriber_of, wait_until

pytestmark = pytest.mark.database

STORED = "SELECT value FROM sensor_event ORDER BY number"


class Session:
    """One connection of a worker, from its start until it is killed."""

    def __init__(self, subscriber: Subscriber) -> None:
        self.subscriber = subscriber
        self._came: list[Arrival] = []
        assert wait_until(lambda: self._has(0) and subscriber.is_subscribed, seconds=60)

    def taken(self, count: int) -> list[Arrival]:
        """So many messages, in the order they came."""
        assert wait_until(lambda: self._has(count), seconds=60)
        found, self._came = self._came[:count], self._came[count:]
        return found

    def close(self) -> None:
        """Die; the session stays at the broker."""
        self.subscriber.close()

    def _has(self, count: int) -> bool:
        self._came += self.subscriber.take(wait=timedelta(0))
        return len(self._came) >= count


@pytest.fixture
def home(conn: Conn) -> Home:
    return make_home(conn, {"door": SensorKind.DOOR}, now=make_clock().now(), code="TWICE")


def sessions(server: RealServer, home: Home) -> Callable[[], Session]:
    """Makes the connections of one worker that is killed again and again."""
    login = server.credentials()
    settings = BrokerSettings(
        broker_host=LOOPBACK,
        broker_port=server.port,
        broker_username=login.username,
        broker_password=login.password,
        broker_client_id=login.client_id,
        broker_redelivery_seconds=6.0 if server.name == "nats" else 0.0,
    )

    return lambda: Session(subscriber_of(settings, home, clock=make_clock()))


def test_a_door_that_opens_again_while_we_are_killed_is_not_taken_for_its_first_opening(
    server: RealServer, connect: Connect, home: Home, pool: Pool, conn: Conn
) -> None:
    session = sessions(server, home)
    writer = Writer(pool, clock=make_clock(), limits=TimeLimits())
    with contextlib.closing(session()) as worker:
        hub = connect(server.homes_port, server.credentials("TWICE"), ca=server.ca)
        for is_open in (True, False):
            assert hub.publish(bridged(home, "door/contact"), str(not is_open).lower())
            batch = worker.taken(1)
            writer.write(batch)
            worker.subscriber.puback(batch)
        assert hub.publish(bridged(home, "door/contact"), "false")  # it opens again …
        assert len(worker.taken(1)) == 1  # … and we are killed before that is stored
    with contextlib.closing(session()) as worker:
        (again,) = worker.taken(1)
        assert again.is_repeated
        assert again.keeps_id is server.quirks.keeps_ids
        writer.write([again])
        worker.subscriber.puback([again])
    assert rows(conn, STORED) == [(1.0,), (0.0,), (1.0,)]


def test_what_was_stored_and_not_answered_is_known_again_where_the_broker_keeps_its_ids(
    server: RealServer, connect: Connect, home: Home, pool: Pool, conn: Conn
) -> None:
    session = sessions(server, home)
    writer = Writer(pool, clock=make_clock(), limits=TimeLimits())

    def say(states: Sequence[bool]) -> None:
        for is_open in states:
            assert hub.publish(bridged(home, "door/contact"), str(not is_open).lower())

    with contextlib.closing(session()) as worker:
        hub = connect(server.homes_port, server.credentials("TWICE"), ca=server.ca)
        say([True, False])
        batch = worker.taken(2)
        writer.write(batch)
        worker.subscriber.puback(batch)
        say([True, False, True])
        writer.write(worker.taken(3))  # stored, and killed before the answer
    with contextlib.closing(session()) as worker:
        batch = worker.taken(3)
        writer.write(batch)
        worker.subscriber.puback(batch)
    once = [(1.0,), (0.0,), (1.0,), (0.0,), (1.0,)]
    twice = [*once, (0.0,), (1.0,)]  # told twice, never lost: docs/brokers.md
    assert rows(conn, STORED) == (once if server.quirks.keeps_ids else twice)

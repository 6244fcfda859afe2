"""A home's hub, and beside it the real service: broker, ingest, database."""

import contextlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.hub.link import BrokerAddress, Credential
from store.clock import Clock
from store.database import Conn, Pool
from store.home import Home, SensorKind
from tests.conftest import TestBroker
from tests.ingest.homes import make_home, rows
from tests.ingest.wires import broker_settings, running, subscriber_of

SENSORS = {"M1": SensorKind.MOTION, "T1": SensorKind.TEMPERATURE, "SOS": SensorKind.SOS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What the tests look at."""

    home: Home
    broker: TestBroker
    credential: Credential
    folder: Path
    conn: Conn
    start: Callable[[], contextlib.AbstractContextManager[object]]  # ingest, at work while it lasts

    @property
    def address(self) -> BrokerAddress:
        return BrokerAddress(host=self.broker.host, port=self.broker.port)

    def values(self, sensor: str) -> list[float]:
        """What is stored of a sensor, in the order it came."""
        found = self.conn.execute(
            "SELECT event.value FROM sensor_event event JOIN sensor ON sensor.id = event.sensor_id"
            " WHERE sensor.code = %(code)s ORDER BY event.number",
            {"code": sensor},
        ).fetchall()
        self.conn.commit()
        return [value for (value,) in found]

    def count(self) -> int:
        """How many events are stored."""
        return int(rows(self.conn, "SELECT count(*) FROM sensor_event")[0][0])


@pytest.fixture
def service(conn: Conn, pool: Pool, broker: TestBroker, tmp_path: Path) -> Service:
    """A committed home on the real broker; ingest runs while `start()` lasts."""
    clock = Clock(real_start=datetime.now(UTC), start=datetime.now(UTC))
    home = make_home(conn, SENSORS, now=clock.now(), code=f"H{uuid.uuid4().hex[:9]}")
    given = broker.credentials(home.code)
    login = broker.credentials()

    @contextlib.contextmanager
    def start() -> Iterator[None]:
        # The same client id each time: what waits in the broker is ours.
        subscriber = subscriber_of(
            broker_settings(broker.host, broker.port, login, redelivery_seconds=0.0), home, clock=clock
        )
        with running(subscriber, pool, clock):
            yield

    return Service(
        home=home,
        broker=broker,
        credential=Credential(username=given.username, password=given.password, client_id=given.client_id),
        folder=tmp_path,
        conn=conn,
        start=start,
    )

"""A home's hub, and beside it the real service: broker, ingest, database."""

import contextlib
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from deploy.local_stack.ports import free_port
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


class LocalBroker:
    """A Mosquitto of the home's own, which may be stopped and started."""

    def __init__(self, folder: Path, *, tls: trustme.CA | None = None) -> None:
        program = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
        if program is None:
            pytest.skip("Mosquitto is not installed")
        self.port = free_port()
        self._file = folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", "allow_anonymous true", "user root"]
        if tls is not None:
            certificate = tls.issue_cert("localhost", "127.0.0.1")
            certificate.private_key_pem.write_to_path(folder / "key.pem")
            for number, pem in enumerate(certificate.cert_chain_pems):
                pem.write_to_path(folder / "certificate.pem", append=number > 0)
            tls.cert_pem.write_to_path(folder / "ca.pem")
            lines += [f"certfile {folder}/certificate.pem", f"keyfile {folder}/key.pem"]
        self._file.write_text("\n".join([*lines, ""]))
        self._command = [program, "-c", str(self._file)]
        self._process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture
def make_broker(tmp_path: Path) -> Iterator[Callable[..., LocalBroker]]:
    made: list[LocalBroker] = []

    def make(tls: trustme.CA | None = None) -> LocalBroker:
        made.append(LocalBroker(tmp_path, tls=tls))
        return made[-1]

    yield make
    for broker in made:
        broker.stop()

"""Partitions change hands on RabbitMQ; on NATS it is refused. On Mosquitto: tests/ingest/test_division.py."""

import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local_stack.ports import LOOPBACK, free_port
from ingest.dialects.native import encode_readings
from ingest.handover import remove_session
from store.clock import Clock, make_clock
from store.database import Conn, DatabaseSettings
from tests.deploy.mqtt import Connect
from tests.deploy.servers.common import RealServer
from tests.deploy.servers.nats import NatsServer
from tests.ingest.division import (
    EVERYTHING,
    FIRST,
    LONG,
    SECOND,
    Site,
    count,
    one_home_in_each_half,
)
from tests.ingest.homes import native, reading
from tests.ingest.wires import wait_until

pytestmark = pytest.mark.database


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestLogin:
    """Where ingest connects on one of the real servers, and as whom."""

    name: str
    port: int
    username: str | None
    password: str | None
    host: str = LOOPBACK


def login_of(server: RealServer | NatsServer) -> IngestLogin:
    credential = server.credentials()
    return IngestLogin(name=server.name, port=server.port, username=credential.username, password=credential.password)


@pytest.fixture
def clock() -> Clock:
    return make_clock()


@pytest.mark.parametrize("into", [["--into", FIRST, "--into", SECOND], []])
def test_on_nats_a_change_of_division_is_refused_and_nothing_that_waits_is_touched(
    nats: NatsServer,
    settings: DatabaseSettings,
    conn: Conn,
    clock: Clock,
    tmp_path: Path,
    connect: Connect,
    into: list[str],
) -> None:
    (home, _) = one_home_in_each_half(conn, clock)
    site = Site(broker=login_of(nats), database_url=settings.database_url, folder=tmp_path)
    try:
        alone = site.worker("--partitions", EVERYTHING)
        assert wait_until(lambda: "connected to the broker" in site.log_of(alone), seconds=LONG)
        stop(alone)
        hub = connect(nats.homes_port, nats.credentials(home.code))
        assert hub.publish(native(home), encode_readings([reading(1, clock.now(), sensor="L1", value=1.0)]).decode())
        conn.execute("UPDATE service_seen SET seen_at = seen_at - interval '1 hour'")
        conn.commit()

        change = site.worker("--drain", EVERYTHING, *into)
        assert change.wait(LONG) == 1
        assert "this broker is NATS" in site.log_of(change)
        assert "nothing was changed" in site.log_of(change)
        assert count(conn) == 0

        again = site.worker("--partitions", EVERYTHING)
        assert wait_until(lambda: count(conn) == 1, seconds=LONG), site.log_of(again)
        stop(again)
    finally:
        site.close()
        assert remove_session(site.settings())  # other tests use the same server


def test_a_broker_that_cannot_be_reached_is_named(settings: DatabaseSettings, tmp_path: Path) -> None:
    nobody = IngestLogin(name="mosquitto", port=free_port(), username=None, password=None)
    site = Site(broker=nobody, database_url=settings.database_url, folder=tmp_path)
    try:
        change = site.worker("--drain", EVERYTHING, "--into", FIRST, "--into", SECOND)
        assert change.wait(LONG) == 1
        assert f"the broker at {LOOPBACK}:{nobody.port} does not let us in" in site.log_of(change)
    finally:
        site.close()


def stop(worker: "subprocess.Popen[bytes]") -> None:
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0

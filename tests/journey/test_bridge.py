"""A home's own Mosquitto, set up by the output of `telecare home connect`, passes its messages on to our broker."""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as paho
import psycopg
import pytest
import trustme
from paho.mqtt.enums import CallbackAPIVersion

from deploy.bridge import SAVED_EVERY
from deploy.cli import main
from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.ports import LOOPBACK, free_port
from deploy.local_stack.process import Process
from ingest.wire import Dialect
from store.clock import make_clock
from store.database import Conn, DatabaseSettings
from store.home import Home, SensorKind, partition_of
from tests.conftest import Database
from tests.deploy.mqtt import Connection, eventually, own_topic
from tests.deploy.servers.common import account, folder_of, program
from tests.deploy.servers.mosquitto import MosquittoServer
from tests.ingest.homes import make_home, rows
from tests.journey.line import Line

pytestmark = pytest.mark.journey

MOTION, DOOR = "Flur vorn", "Küche Tür"
SENSORS = {MOTION: SensorKind.MOTION, DOOR: SensorKind.DOOR}
PATIENCE = 60.0


@dataclass(kw_only=True)
class HomeMosquitto:
    """The Mosquitto on a Raspberry Pi, and what is connected to it there."""

    folder: Path
    port: int
    lifeline: Lifeline
    process: Process | None = None

    def start(self) -> None:
        (mosquitto,) = program("mosquitto")
        self.process = Process.start(
            "home-mosquitto",
            [mosquitto, "-c", str(self.folder / "mosquitto.conf")],
            environment={"PATH": "/usr/bin:/bin"},
            log_file=self.folder / "mosquitto.log",
            directory=self.folder,
            account=account("mosquitto"),
            lifeline=self.lifeline,
        )

    def kill(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        assert self.process.wait(5)

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop(5)

    @property
    def log(self) -> str:
        return (self.folder / "mosquitto.log").read_text(errors="replace")


class Zigbee2Mqtt:
    """Publishes as Zigbee2MQTT does, at its usual QoS 0."""

    def __init__(self, port: int) -> None:
        self._paho = paho.Client(CallbackAPIVersion.VERSION2, client_id="zigbee2mqtt")
        assert eventually(lambda: self._try(port))
        self._paho.loop_start()
        assert eventually(self._paho.is_connected)

    def _try(self, port: int) -> bool:
        with contextlib.suppress(OSError):
            return self._paho.connect(LOOPBACK, port) == paho.MQTT_ERR_SUCCESS
        return False

    def say(self, rest: str, value: object, *, retain: bool = False) -> None:
        payload = json.dumps(value, ensure_ascii=False)
        sent = self._paho.publish(f"zigbee2mqtt/{rest}", payload, qos=0, retain=retain)
        sent.wait_for_publish(10)

    def flush(self) -> None:
        """Return when the home's broker has everything: an answer to QoS 1 comes after all that was sent before."""
        sent = self._paho.publish("elsewhere", "done", qos=1)
        sent.wait_for_publish(30)
        assert sent.is_published()

    def close(self) -> None:
        self._paho.disconnect()
        self._paho.loop_stop()


def contact(number: int, start: datetime) -> dict[str, object]:
    """The door opens and closes, a second each."""
    at = start + timedelta(seconds=number)
    return {"contact": number % 2 == 1, "battery": 88, "linkquality": 120, "last_seen": at.isoformat()}


@pytest.fixture
def ours(
    scratch: Path, settings: DatabaseSettings, lifeline: Lifeline, tmp_path: Path
) -> Iterator[tuple[MosquittoServer, Conn]]:
    """Our broker with deploy/mosquitto.conf, and a connection as `telecare home` has it."""
    with contextlib.closing(psycopg.connect(settings.database_url, autocommit=True, connect_timeout=10)) as conn:
        server = MosquittoServer(scratch / tmp_path.name, conn, make_clock(), lifeline, trustme.CA())
        server.start()
        yield server, conn
        server.stop()


@pytest.fixture
def line(ours: tuple[MosquittoServer, Conn]) -> Iterator[Line]:
    line = Line(ours[0].homes_port)
    yield line
    line.close()


@pytest.fixture
def home(ours: tuple[MosquittoServer, Conn]) -> Home:
    return make_home(ours[1], SENSORS, now=make_clock().now(), dialect=Dialect.ZIGBEE2MQTT, code="BRIDGED")


@pytest.fixture
def site(
    ours: tuple[MosquittoServer, Conn],
    line: Line,
    home: Home,
    ingest: Path,  # before the home: what is said before ingest has ever come up is kept for nobody
    scratch: Path,
    tmp_path: Path,
    settings: DatabaseSettings,
    monkeypatch: pytest.MonkeyPatch,
    lifeline: Lifeline,
) -> Iterator[HomeMosquitto]:
    """The home's Mosquitto with Debian's own main file and ours in conf.d."""
    server, _ = ours
    owner = account("mosquitto")
    folder = folder_of(owner, scratch / f"{tmp_path.name}-home")
    conf = folder_of(owner, folder / "conf.d")
    for name, value in {
        "TELECARE_DATABASE_URL": settings.database_url,
        "TELECARE_BROKER_KIND": "mosquitto",
        "TELECARE_BROKER_HOST": LOOPBACK,
        "TELECARE_BROKER_PORT": str(server.port),
        "TELECARE_BROKER_MOSQUITTO_PASSWORDS": str(server.folder / "telecare.passwords"),
        "TELECARE_BROKER_MOSQUITTO_SERVICES": str(server.folder / "telecare.services"),
        "TELECARE_BROKER_MOSQUITTO_PID_FILE": str(server.folder / "mosquitto.pid"),
    }.items():
        monkeypatch.setenv(name, value)
    file = conf / "telecare.conf"
    where = ["--host", LOOPBACK, "--port", str(line.port), "--ca", str(server.ca)]
    assert main(["home", "connect", home.code, *where, "-o", str(file)]) == 0
    if owner is not None:
        os.chown(file, owner.uid, owner.gid)
    port = free_port()
    (folder / "mosquitto.conf").write_text(
        f"listener {port} {LOOPBACK}\nallow_anonymous true\npersistence true\npersistence_location {folder}/\n"
        f"log_dest stderr\ninclude_dir {conf}\n"
    )
    site = HomeMosquitto(folder=folder, port=port, lifeline=lifeline)
    site.start()
    yield site
    site.stop()


@pytest.fixture
def ingest(
    ours: tuple[MosquittoServer, Conn],
    database: Database,
    settings: DatabaseSettings,
    tmp_path: Path,
    lifeline: Lifeline,
) -> Iterator[Path]:
    """`telecare ingest` as a process; its log."""
    server, _ = ours
    login = server.credentials()
    log = tmp_path / "ingest.log"
    process = Process.start(
        "ingest",
        [sys.executable, "-m", "deploy.cli", "ingest"],
        environment={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "TELECARE_DATABASE_URL": database.as_service(settings).database_url,
            "TELECARE_BROKER_HOST": LOOPBACK,
            "TELECARE_BROKER_PORT": str(server.port),
            "TELECARE_BROKER_USERNAME": login.username,
            "TELECARE_BROKER_PASSWORD": login.password,
            "TELECARE_BROKER_CLIENT_ID": "telecare-ingest",
            "TELECARE_BROKER_REDELIVERY_SECONDS": "0",
        },
        log_file=log,
        lifeline=lifeline,
    )
    assert eventually(lambda: "connected to the broker" in log.read_text(), PATIENCE), log.read_text()
    yield log
    process.stop(10)


def hub_state(conn: Conn, home: Home) -> str:
    row = conn.execute("SELECT state FROM hub WHERE home_id = %(id)s", {"id": home.id}).fetchone()
    assert row is not None
    return str(row[0])


def events(conn: Conn, home: Home) -> list[tuple[str, datetime, float]]:
    """Sensor, when, value: of this home, in order."""
    return conn.execute(
        """
        SELECT sensor.code, occurred_at, sensor_event.value FROM sensor_event JOIN sensor ON sensor.id = sensor_id
         WHERE sensor_event.home_id = %(id)s ORDER BY number
        """,
        {"id": home.id},
    ).fetchall()


def test_what_a_home_says_arrives_under_its_own_name_and_what_waits_survives_line_and_power_cuts(
    ours: tuple[MosquittoServer, Conn], home: Home, site: HomeMosquitto, line: Line, ingest: Path
) -> None:
    _, conn = ours
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    with contextlib.closing(Zigbee2Mqtt(site.port)) as zigbee:
        assert eventually(lambda: hub_state(conn, home) == "online", PATIENCE), (site.log, ingest.read_text())
        zigbee.say("bridge/state", {"state": "online"}, retain=True)
        zigbee.say(MOTION, {"occupancy": True, "battery": 71, "last_seen": start.isoformat()})
        zigbee.say(f"{MOTION}/availability", {"state": "offline"}, retain=True)
        for number in range(10):
            zigbee.say(DOOR, contact(number, start))
        assert eventually(lambda: len(events(conn, home)) == 11, PATIENCE), (
            site.log,
            rows(conn, "TABLE rejected_message"),
            events(conn, home),
        )
        found = events(conn, home)
        assert found[0] == (MOTION, start, 1.0)
        assert [event[1:] for event in found[1:]] == [
            (start + timedelta(seconds=number), 1.0 - number % 2) for number in range(10)
        ]
        states = conn.execute(
            "SELECT is_available, battery_percent FROM sensor WHERE home_id = %(id)s AND code = %(code)s",
            {"id": home.id, "code": MOTION},
        ).fetchall()
        assert states == [(False, 71)]
        assert rows(conn, "TABLE rejected_message") == []

        # The line is cut: we notice by the last will. The home goes on talking, and its Mosquitto dies and comes back.
        line.cut()
        assert eventually(lambda: hub_state(conn, home) == "offline", PATIENCE)
        for number in range(10, 510):
            zigbee.say(DOOR, contact(number, start))
        zigbee.flush()
    site.kill()
    site.start()
    with contextlib.closing(Zigbee2Mqtt(site.port)) as zigbee:
        for number in range(510, 530):
            zigbee.say(DOOR, contact(number, start))
        zigbee.flush()
        line.mend()
        last = start + timedelta(seconds=529)
        assert eventually(lambda: last in [event[1] for event in events(conn, home)], PATIENCE), site.log
    assert eventually(lambda: hub_state(conn, home) == "online", PATIENCE)
    arrived = [event[1] for event in events(conn, home) if event[0] == DOOR]
    expected = [start + timedelta(seconds=number) for number in range(530)]
    assert sorted(set(arrived)) == sorted(arrived), "doubled"
    lost = sorted(set(expected) - set(arrived))
    print(f"lost in the power cut: {len(lost)} of 500")
    # Only the last before the power cut; and one more after it may say what was said before, which is then no event.
    assert len(lost) <= SAVED_EVERY + 1
    assert set(lost) <= set(expected[509 - SAVED_EVERY : 511])


def test_another_homes_credential_cannot_write_there_and_a_wrong_partition_is_refused_with_its_reason(
    ours: tuple[MosquittoServer, Conn], home: Home, ingest: Path
) -> None:
    server, conn = ours
    said = json.dumps(contact(0, datetime.now(UTC)))
    with contextlib.closing(Connection(server.homes_port, server.credentials("OTHER"), ca=server.ca)) as other:
        other.publish_soon(own_topic(home.code, f"zigbee2mqtt/{DOOR}"), said)
        assert eventually(lambda: other.disconnects > 0)  # Mosquitto acknowledges it, drops it, and ends the connection
    with contextlib.closing(Connection(server.homes_port, server.credentials("OTHER"), ca=server.ca)) as other:
        astray = f"homes/{(partition_of('OTHER') + 1) % 64:02d}/OTHER/native/events"
        assert other.publish(astray, "{}")
        refused = "SELECT topic, reason FROM rejected_message"
        assert eventually(lambda: rows(conn, refused) == [(astray, "wrong_partition")], PATIENCE)
    assert events(conn, home) == []

"""Workers as processes of their own on a real broker, and traffic that can be checked to the last message."""

import contextlib
import itertools
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol, Self

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from ingest.broker_client import new_client
from ingest.dialects.native import encode_readings
from ingest.settings import BrokerSettings
from store.clock import Clock
from store.database import Conn
from store.home import Home, SensorKind, partition_of
from store.partition import parse_partitions
from tests.ingest.homes import bridged, make_home, native, reading, rows
from tests.ingest.wires import wait_until

ROOT = Path(__file__).resolve().parents[2]
LONG = 240  # seconds: the machine may be busy
EVERYTHING, FIRST, SECOND = "00-63", "00-31", "32-63"

Said = tuple[str, str, float]  # home, sensor, value: no two messages of a home say the same


class SiteBroker(Protocol):
    """What is needed of a running broker: where ingest connects, and as whom."""

    @property
    def name(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def username(self) -> str | None: ...
    @property
    def password(self) -> str | None: ...


@dataclass(kw_only=True)
class Site:
    """A database, a broker, and the workers that a test starts."""

    broker: SiteBroker
    database_url: str
    folder: Path
    publisher: tuple[str, str] | None = None  # name and password of who publishes for all homes; None: as ingest
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def worker(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """`telecare ingest` with these arguments; its log is `log_of` its number."""
        with self._log(len(self.processes)).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "deploy.cli", "ingest", *arguments],
                env=self._environment(),
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return process

    def log_of(self, process: "subprocess.Popen[bytes]") -> str:
        """What a worker has said so far."""
        return self._log(self.processes.index(process)).read_text(errors="replace")

    def settings(self) -> BrokerSettings:
        """Of an ingest with all partitions."""
        return BrokerSettings(
            broker_host=self.broker.host,
            broker_port=self.broker.port,
            broker_username=self.broker.username,
            broker_password=self.broker.password,
        )

    def close(self) -> None:
        """End whoever is left."""
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def _log(self, number: int) -> Path:
        return self.folder / f"worker-{number}.log"

    def _environment(self) -> dict[str, str]:
        login = {}
        if self.broker.username and self.broker.password:
            login = {
                "TELECARE_BROKER_USERNAME": self.broker.username,
                "TELECARE_BROKER_PASSWORD": self.broker.password,
            }
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("TELECARE_")},
            **login,
            "TELECARE_DATABASE_URL": self.database_url,
            "TELECARE_BROKER_HOST": self.broker.host,
            "TELECARE_BROKER_PORT": str(self.broker.port),
            "TELECARE_BROKER_REDELIVERY_SECONDS": "6" if self.broker.name == "nats" else "0",
        }


def home_in(conn: Conn, partitions: frozenset[int], *, clock: Clock, number: int) -> Home:
    """A home of one of these partitions, with a native sensor and one behind a bridge that tells no times."""
    code = next(code for each in itertools.count() if partition_of(code := f"D{number}X{each}") in partitions)
    return make_home(conn, {"L1": SensorKind.ILLUMINANCE, "T1": SensorKind.TEMPERATURE}, now=clock.now(), code=code)


class Traffic:
    """Publishes for these homes, at QoS 1, until left; nothing is ever sent twice by us."""

    def __init__(
        self, site: Site, homes: list[Home], *, clock: Clock, bridged_too: bool = True, pause: float = 0.02
    ) -> None:
        self._homes, self._clock, self._pause = homes, clock, pause
        self.bridged_too = bridged_too
        self._said: Counter[Said] = Counter()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"traffic-{homes[0].code}")
        if site.publisher is not None:
            self._client.username_pw_set(*site.publisher)
        elif site.broker.username:
            self._client.username_pw_set(site.broker.username, site.broker.password)
        self._client.connect(site.broker.host, site.broker.port)
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._client.loop_start()
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()

    def end(self) -> None:
        """Return when the broker has confirmed everything."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def said(self) -> Counter[Said]:
        """What the broker has confirmed so far."""
        with self._lock:
            return Counter(self._said)

    def _run(self) -> None:
        start = self._clock.now() - timedelta(hours=1)
        for seq in itertools.count(1):
            said: list[Said] = []
            sent = []
            for home in self._homes:
                counted = reading(seq, start + timedelta(seconds=seq), sensor="L1", value=float(seq))
                sent.append(self._client.publish(native(home), encode_readings([counted]), qos=1))
                said.append((home.code, "L1", float(seq)))
                if self.bridged_too:
                    temperature = f'{{"temperature": {seq / 100}}}'
                    sent.append(self._client.publish(bridged(home, "T1"), temperature, qos=1))
                    said.append((home.code, "T1", seq / 100))
            for message in sent:
                message.wait_for_publish(60)
                assert message.is_published()
            with self._lock:
                self._said.update(said)
            if self._stop.wait(self._pause):
                return


def stored(conn: Conn) -> Counter[Said]:
    """What is stored, by home, sensor and value."""
    rows = conn.execute(
        """
        SELECT home.code, sensor.code, sensor_event.value
          FROM sensor_event JOIN sensor ON sensor.id = sensor_id JOIN home ON home.id = sensor_event.home_id
        """
    ).fetchall()
    conn.commit()
    return Counter((home, sensor, float(value)) for home, sensor, value in rows)


def count(conn: Conn) -> int:
    """How many events are stored."""
    row = conn.execute("SELECT count(*) FROM sensor_event").fetchone()
    conn.commit()
    assert row is not None
    return int(row[0])


@contextlib.contextmanager
def more_stored(conn: Conn, at_least: int = 20, *, seconds: float = 60.0) -> Iterator[None]:
    """After what is done here, so many more are stored than were before."""
    before = count(conn)
    yield
    assert wait_until(lambda: count(conn) >= before + at_least, seconds=seconds)


def one_home_in_each_half(conn: Conn, clock: Clock) -> list[Home]:
    """Two homes, of which a division into halves parts the one from the other."""
    halves = enumerate((FIRST, SECOND))
    return [home_in(conn, parse_partitions(part), clock=clock, number=number) for number, part in halves]


def one_becomes_two_and_one_of_them_dies(site: Site, homes: list[Home], conn: Conn, clock: Clock) -> None:
    """The division changes and a worker is killed with traffic under way: nothing may be lost, nothing doubled."""
    everything, first, second = EVERYTHING, FIRST, SECOND
    alone = site.worker("--partitions", everything)
    assert wait_until(lambda: "session new" in site.log_of(alone), seconds=LONG)
    with Traffic(site, homes, clock=clock) as traffic:
        with more_stored(conn, seconds=LONG):
            pass
        alone.send_signal(signal.SIGTERM)
        assert alone.wait(60) == 0

        change = site.worker("--drain", everything, "--into", first, "--into", second)
        assert change.wait(LONG) == 0, site.log_of(change)
        assert "1 old sessions removed, 2 new ones made" in site.log_of(change)

        with more_stored(conn, at_least=60, seconds=LONG):
            low, high = site.worker("--partitions", first), site.worker("--partitions", second)
            standby = site.worker("--partitions", first)  # the same ones, by mistake or on purpose
            assert wait_until(lambda: is_serving(site, low) or is_serving(site, standby), seconds=LONG)
        assert sum(is_serving(site, each) for each in (low, standby)) == 1

        # A bridge's message without number or time may be told twice by whoever dies between commit and answer: best
        # effort, by decision. What is promised of a death is promised to numbered readings.
        traffic.bridged_too = False
        bridged = Counter({said: times for said, times in traffic.said.items() if said[1] == "T1"})
        assert wait_until(lambda: not bridged - stored(conn), seconds=LONG)

        serving, waiting = (low, standby) if is_serving(site, low) else (standby, low)
        assert wait_until(lambda: "served by another worker" in site.log_of(waiting), seconds=LONG)
        serving.send_signal(signal.SIGKILL)
        serving.wait()
        assert wait_until(lambda: is_serving(site, waiting), seconds=LONG)
        with more_stored(conn, at_least=60, seconds=LONG):
            pass
        assert high.poll() is None
    expected = traffic.said
    wait_until(lambda: count(conn) >= expected.total(), seconds=LONG)
    doubled, lost = sorted((stored(conn) - expected).items()), sorted((expected - stored(conn)).items())
    assert doubled == [], f"doubled: {doubled}"
    assert lost == [], f"lost: {lost}"
    assert not has_session(site, everything)
    names = {name for (name,) in rows(conn, "SELECT service FROM service_seen")}
    assert names == {f"ingest {first}", f"ingest {second}"}


def is_serving(site: Site, worker: "subprocess.Popen[bytes]") -> bool:
    return "are ours" in site.log_of(worker)


def has_session(site: Site, partitions: str) -> bool:
    """Whether the broker still has the session of the worker with these partitions."""
    answer: queue.SimpleQueue[bool] = queue.SimpleQueue()
    client = new_client(site.settings().with_partitions(parse_partitions(partitions)))
    client.on_connect = lambda _, __, flags, *___: answer.put(bool(flags.session_present))
    client.connect(site.broker.host, site.broker.port)
    client.loop_start()
    try:
        return answer.get(timeout=20)
    finally:
        client.disconnect()
        client.loop_stop()

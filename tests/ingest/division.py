"""Workers as processes of their own on a real broker, and traffic that can be checked to the last message."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Self

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from deploy.bench.brokers import BenchBroker
from ingest.dialects.native import encode_readings
from ingest.settings import BrokerSettings
from store.clock import Clock
from store.database import Conn
from store.home import Home, SensorKind, partition_of
from tests.ingest.homes import bridged, make_home, native, reading
from tests.ingest.wires import wait_until

ROOT = Path(__file__).resolve().parents[2]

Said = tuple[str, str, float]  # home, sensor, value: no two messages of a home say the same


@dataclass(kw_only=True)
class Site:
    """A database, a broker, and the workers that a test starts."""

    broker: BenchBroker
    database_url: str
    folder: Path
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
        if site.broker.username:
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

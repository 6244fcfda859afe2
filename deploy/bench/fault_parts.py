"""The real parts that `telecare bench faults` kills: database, broker, ingest and hubs, each in processes of its own.

    hubs ── network ── broker ── network ── ingest ── database

On loopback ports, in a folder that goes away. What dies stays dead until the fault's script starts it again: so the
script says how long things are away.
"""

import contextlib
import json
import os
import re
import socket
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Self

import psycopg

from deploy.bench.brokers import MOSQUITTO, NoBroker, mosquitto_program
from deploy.local_stack.broker import executable, nats_configuration
from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.ports import LOOPBACK, kept_port
from deploy.local_stack.postgres import Postgres
from deploy.local_stack.process import Process
from simulators.cut_network import CutNetwork
from simulators.telling_hubs import Telling
from store.clock import ClockSettings, make_clock, write_rate
from store.database import Conn
from store.migrate import migrate
from store.oversight import services_seen

BROKERS = ("mosquitto", "nats")
INGEST = (sys.executable, "-m", "deploy.cli", "ingest")
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_NATS_LOGIN = "bench"

# What is kept, how often it is saved and how much may be on its way: as the sites have it, with all that may lose.
_SITE = Path(__file__).parent.parent / "mosquitto.conf"
_AS_ON_SITE = re.compile(r"^(max_queued_|max_inflight_|autosave_|persistence true).*$", re.MULTILINE)
_QUEUE_BYTES = re.compile(r"^max_queued_bytes .*$", re.MULTILINE)
_DROPS = "messages are being dropped"  # what Mosquitto says when its queue is full


def usual_broker() -> str:
    """Mosquitto where it is installed."""
    return "mosquitto" if mosquitto_program() else "nats"


class NotBegun(Exception):
    """A part of ours did not start."""


class Parts:
    """Everything but the hubs while entered; leaving stops it all."""

    def __init__(self, folder: Path, *, broker: str, ingest: Sequence[str] = INGEST) -> None:
        self._folder = folder
        self._broker_name = broker
        self._ingest_argv = list(ingest)
        self._closing = contextlib.ExitStack()
        self.ingest: Process | None = None
        self.broker: Process | None = None
        self.hubs: Process | None = None

    def __enter__(self) -> Self:
        try:
            self._lifeline = self._closing.enter_context(contextlib.closing(Lifeline()))
            self._clock_file = self._folder / "clock.json"
            write_rate(self._clock_file, start=make_clock().now(), speed=1.0)
            self.clock = make_clock(ClockSettings(file=self._clock_file))
            self.postgres = self._closing.enter_context(Postgres(self._folder, lifeline=self._lifeline))
            with contextlib.closing(self.connect()) as conn:
                migrate(conn)
            self._broker_port = kept_port(self._folder / "broker-port")
            self._nats_port = kept_port(self._folder / "nats-port")
            self.start_broker()
            self._closing.callback(self._stop, "broker")
            address = (LOOPBACK, self._broker_port)
            self.hub_network = self._closing.enter_context(CutNetwork(address))
            self.ingest_network = self._closing.enter_context(CutNetwork(address))
            began = time.monotonic()
            self.start_ingest()
            self._closing.callback(self._stop, "ingest")
            self._wait_for_ingest()
            self.ingest_starts_in = time.monotonic() - began
            self._closing.callback(self._stop, "hubs")
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._closing.close()

    @property
    def broker_name(self) -> str:
        """Which broker it is."""
        return self._broker_name

    def connect(self) -> Conn:
        """A connection to the database, for looking."""
        return psycopg.connect(self.postgres.url(), autocommit=True, connect_timeout=5)

    @property
    def broker_host(self) -> str:
        """Where hubs connect, at the port of `hub_network`."""
        return LOOPBACK

    @property
    def folder(self) -> Path:
        """Where everything is kept."""
        return self._folder

    def database_version(self) -> str:
        """As it says itself."""
        with contextlib.closing(self.connect()) as conn:
            row = conn.execute("SHOW server_version").fetchone()
        assert row is not None
        return str(row[0]).split()[0]

    def jump(self, by: timedelta) -> None:
        """The world has slept for so long: all clocks jump."""
        write_rate(self._clock_file, start=self.clock.now() + by, speed=1.0)

    def run_at(self, speed: float) -> None:
        """From now on all clocks run at this speed; a jump brings them back to that of real ones."""
        if speed != self.clock.speed:
            write_rate(self._clock_file, start=self.clock.now(), speed=speed)

    def jump_to(self, instant: float) -> None:
        """All clocks jump to this instant (epoch seconds), unless it is over, and run as real ones do."""
        left = instant - self.clock.now().timestamp()
        self.jump(timedelta(seconds=max(0.0, left)))

    def sleep_until(self, instant: float) -> None:
        """Wait for this instant (epoch seconds) of the clock."""
        while (left := instant - self.clock.now().timestamp()) > 0:
            time.sleep(min(left, 0.1))

    # The database ----------------------------------------------------------------------------------

    def kill_database(self) -> None:
        """Kill -9 of the postmaster, as an accident would; its children go with it."""
        process = self.postgres.process
        assert process is not None
        process.kill()

    def start_database(self) -> None:
        """Start it again; it replays its log."""
        self.postgres.start()

    # The broker ------------------------------------------------------------------------------------

    def start_broker(self, *, queue_bytes: int | None = None) -> None:
        """Start it; with `queue_bytes` Mosquitto's queue for ingest is full when so much waits."""
        argv = self._mosquitto(queue_bytes) if self._broker_name == "mosquitto" else self._nats()
        self.broker = Process.start(
            "broker",
            argv,
            environment={"PATH": "/usr/bin:/bin", "TZ": "UTC"},
            log_file=self._folder / "broker.log",
            directory=self._folder,
            lifeline=self._lifeline,
        )
        self._wait_for_port()

    def kill_broker(self) -> None:
        """Kill -9."""
        assert self.broker is not None
        self.broker.kill()

    def restart_broker(self, *, queue_bytes: int | None = None) -> None:
        """Stop it cleanly and start it with another limit."""
        self._stop("broker")
        self.start_broker(queue_bytes=queue_bytes)

    def has_dropped(self) -> bool:
        """Whether Mosquitto has said that a queue is full."""
        return _DROPS in (self._folder / "broker.log").read_text(errors="replace")

    def _mosquitto(self, queue_bytes: int | None) -> list[str]:
        program = mosquitto_program()
        if program is None:
            raise NoBroker("mosquitto is not installed")
        home = self._folder / "mosquitto"
        home.mkdir(exist_ok=True)
        site = "\n".join(found.group() for found in _AS_ON_SITE.finditer(_SITE.read_text()))
        if queue_bytes is not None:
            site = _QUEUE_BYTES.sub(f"max_queued_bytes {queue_bytes}", site)
        # What goes to stdout is held back; it says what it drops as a notice.
        text = MOSQUITTO.format(port=self._broker_port, folder=home) + site + "\nlog_dest stderr\nlog_type notice\n"
        if os.geteuid() == 0:
            text += "user root\n"  # else it changes to an account that cannot walk into our folder
        (home / "mosquitto.conf").write_text(text)
        return [program, "-c", str(home / "mosquitto.conf")]

    def _nats(self) -> list[str]:
        home = self._folder / "nats"
        home.mkdir(exist_ok=True)
        settings = nats_configuration([], directory=home, mqtt_port=self._broker_port, nats_port=self._nats_port)
        settings["accounts"]["TELECARE"]["users"] = [
            {"user": _NATS_LOGIN, "password": _NATS_LOGIN, "allowed_connection_types": ["MQTT"]}
        ]
        (home / "nats.conf").write_text(json.dumps(settings))
        return [str(executable()), "--config", str(home / "nats.conf")]

    def _wait_for_port(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        assert self.broker is not None
        while self.broker.exit_code() is None and time.monotonic() < deadline:
            with (
                contextlib.suppress(OSError),
                socket.create_connection((LOOPBACK, self._broker_port), timeout=1),
            ):
                return
            time.sleep(0.05)
        raise NoBroker(f"{self._broker_name} did not start; see {self._folder / 'broker.log'}")

    # Ingest and hubs -------------------------------------------------------------------------------

    def start_ingest(self) -> None:
        """Start the service as an operator would."""
        root = str(Path(__file__).parents[2])
        nats = {"TELECARE_BROKER_USERNAME": _NATS_LOGIN, "TELECARE_BROKER_PASSWORD": _NATS_LOGIN}
        self.ingest = Process.start(
            "ingest",
            self._ingest_argv,
            environment={
                **os.environ,
                **(nats if self._broker_name == "nats" else {}),
                "PYTHONPATH": os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH")) if part),
                "PYTHONUNBUFFERED": "1",
                "TELECARE_DATABASE_URL": self.postgres.url(),
                "TELECARE_BROKER_HOST": LOOPBACK,
                "TELECARE_BROKER_PORT": str(self.ingest_network.port),
                "TELECARE_BROKER_REDELIVERY_SECONDS": "0",  # the order does not matter here, only what is there
                "TELECARE_CLOCK_FILE": str(self._clock_file),
            },
            log_file=self._folder / "ingest.log",
            directory=self._folder,
            lifeline=self._lifeline,
        )

    def _wait_for_ingest(self) -> None:
        """Until it says that it works."""
        deadline = time.monotonic() + _START_SECONDS
        assert self.ingest is not None
        with contextlib.closing(self.connect()) as conn:
            while time.monotonic() < deadline and self.ingest.exit_code() is None:
                if services_seen(conn):
                    return
                time.sleep(0.02)
        raise NotBegun(f"ingest did not start; see {self._folder / 'ingest.log'}")

    def kill_ingest(self) -> None:
        """Kill -9."""
        assert self.ingest is not None
        self.ingest.kill()

    def start_hubs(self, telling: Telling) -> None:
        """Have this story told."""
        file = Path(telling.folder) / "telling.json"
        telling.write(file)
        self.hubs = Process.start(
            "hubs",
            [sys.executable, "-m", "simulators.telling_hubs", str(file)],
            environment={
                **os.environ,
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "TELECARE_CLOCK_FILE": str(self._clock_file),
            },
            log_file=self._folder / "hubs.log",
            lifeline=self._lifeline,
        )

    def kill_hubs(self) -> None:
        """Kill -9, as when the power goes."""
        assert self.hubs is not None
        self.hubs.kill()

    def stop_hubs(self) -> None:
        """Stop them cleanly."""
        self._stop("hubs")

    def login(self) -> tuple[str, str]:
        """With what hubs connect."""
        return (_NATS_LOGIN, _NATS_LOGIN) if self._broker_name == "nats" else ("", "")

    def _stop(self, name: str) -> None:
        process = getattr(self, name)
        if isinstance(process, Process):
            process.stop(_STOP_SECONDS)
        setattr(self, name, None)

"""The brokers a benchmark can start for itself: Mosquitto from the system if there is one, else the embedded NATS.

On the loopback address, with a folder of its own, gone when the benchmark ends. What matters to the figures (what is
kept and how often it is written, how much may be on its way) is taken from the sites' own `deploy/mosquitto.conf`.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from deploy.local_stack.broker import executable, nats_configuration
from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.ports import LOOPBACK, kept_port
from deploy.local_stack.process import Process

START_SECONDS = 30.0
STOP_SECONDS = 10.0
_SITE = Path(__file__).parent.parent / "mosquitto.conf"
_AS_ON_SITE = ("max_queued_", "max_inflight_", "autosave_", "persistence true")

MOSQUITTO = f"""
listener {{port}} {LOOPBACK}
allow_anonymous true
persistence_location {{folder}}/
set_tcp_nodelay true
log_dest stdout
log_type error
log_type warning
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchBroker:
    """A running broker."""

    name: str
    process: Process
    port: int
    username: str | None
    password: str | None
    redelivery_seconds: float  # see TELECARE_BROKER_REDELIVERY_SECONDS
    host: str = LOOPBACK

    def stop(self) -> None:
        """Stop it cleanly: what waits in it is kept."""
        self.process.stop(STOP_SECONDS)


class StartBroker(Protocol):
    """Starts one below `folder`."""

    def __call__(self, folder: Path, lifeline: Lifeline) -> BenchBroker:
        """Returns when it takes connections. Raises `NoBroker`."""


class NoBroker(Exception):
    """There is no such broker here, or it did not start."""


def mosquitto_program() -> str | None:
    """Debian keeps it where only root looks."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")


def start_mosquitto(folder: Path, lifeline: Lifeline) -> BenchBroker:
    """Mosquitto with persistence, as a site has it, but open to everybody on this machine."""
    program = mosquitto_program()
    if program is None:
        raise NoBroker("mosquitto is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    port = kept_port(folder / "port")
    configuration = folder / "mosquitto.conf"
    site = [line for line in _SITE.read_text().splitlines() if line.startswith(_AS_ON_SITE)]
    text = MOSQUITTO.format(port=port, folder=folder) + "\n".join(site) + "\n"
    if os.geteuid() == 0:
        text += "user root\n"  # else it changes to an account that cannot walk into our folder
    configuration.write_text(text)
    process = _start("mosquitto", [program, "-c", str(configuration)], folder, port, lifeline)
    return BenchBroker(
        name="mosquitto", process=process, port=port, username=None, password=None, redelivery_seconds=0.0
    )


def start_nats(folder: Path, lifeline: Lifeline) -> BenchBroker:
    """The embedded stack's broker, its limits and its durability, with one credential that may do everything."""
    folder.mkdir(parents=True, exist_ok=True)
    port = kept_port(folder / "port")
    configuration = nats_configuration([], directory=folder, mqtt_port=port, nats_port=kept_port(folder / "port-nats"))
    configuration["accounts"]["TELECARE"]["users"] = [
        {"user": "bench", "password": "bench", "allowed_connection_types": ["MQTT"]}
    ]
    (folder / "nats.conf").write_text(json.dumps(configuration))
    process = _start("nats", [str(executable()), "--config", str(folder / "nats.conf")], folder, port, lifeline)
    return BenchBroker(
        name="nats", process=process, port=port, username="bench", password="bench", redelivery_seconds=0.0
    )


BROKERS: Mapping[str, StartBroker] = {"mosquitto": start_mosquitto, "nats": start_nats}


def _start(name: str, argv: list[str], folder: Path, port: int, lifeline: Lifeline) -> Process:
    process = Process.start(
        name,
        argv,
        environment={"PATH": "/usr/bin:/bin", "TZ": "UTC"},
        log_file=folder / f"{name}.log",
        directory=folder,
        lifeline=lifeline,
        stop_signal=signal.SIGTERM,
    )
    deadline = time.monotonic() + START_SECONDS
    while process.exit_code() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
            return process
        time.sleep(0.05)
    process.stop(STOP_SECONDS)
    raise NoBroker(f"{name} did not start; see {folder / f'{name}.log'}")

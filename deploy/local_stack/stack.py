"""The embedded stack: database, broker and clock in one data directory, and the services that are given to it.

    with LocalStack(data_dir, speed=60) as stack:              # database migrated, broker up
        stack.broker.add_homes(["K7"])
        stack.run([stack.service("ingest", **stack.ingest_environment()), stack.service("anomaly")])
        stack.wait()                                           # until Ctrl-C or SIGTERM, which stop everything

Not a way to run real sites: there, the operating system or Kubernetes does what this does.
"""

import contextlib
import fcntl
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import IO, Any, Self

from deploy.local_stack.broker import Broker
from deploy.local_stack.kept_clock import KeptClock
from deploy.local_stack.kept_roles import PAGES, SERVICE
from deploy.local_stack.lifeline import PATIENCE_SECONDS, Lifeline
from deploy.local_stack.postgres import Postgres
from deploy.local_stack.process import command_of
from deploy.local_stack.supervisor import Service, ServiceProcess, Status, Supervisor
from store.clock import Clock
from store.database import DatabaseSettings

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

log = logging.getLogger(__name__)


class DataInUse(Exception):
    """Another stack runs on this data directory; the message says which."""


class LocalStack:
    """Database and broker while entered; services once they are given to `run`.

    The first Ctrl-C or SIGTERM raises KeyboardInterrupt in the main thread, so that leaving stops everything in order;
    a second one kills what is still stopping. If this process is killed -9, the lifeline's guard stops the others.
    """

    def __init__(
        self, data_dir: Path, *, speed: float = 1.0, start: datetime | None = None, durable: bool = True
    ) -> None:
        self.data_dir = data_dir.absolute()
        self._speed = speed
        self._start = start  # only when there is no earlier time to continue from
        self._durable = durable
        self._hurry = threading.Event()
        self._leaving = False
        self._interrupted = False
        self._closing = contextlib.ExitStack()

    @property
    def clock(self) -> Clock:
        """The clock that all services share."""
        return self._kept_clock.clock

    def set_speed(self, speed: float) -> None:
        """How fast the clock runs from now on, in all processes. 0: it stands still."""
        self._kept_clock.set_speed(speed)

    @property
    def database_settings(self) -> DatabaseSettings:
        """Where the database is, for whoever works for all organisations."""
        return DatabaseSettings(database_url=self.postgres.url_as(SERVICE))

    @property
    def log_dir(self) -> Path:
        """One file for each service."""
        return self.data_dir / "logs"

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self._leaving = True
            self._closing.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._leaving = True
        self._closing.close()

    def service(self, name: str, /, *arguments: str, **environment: str) -> Service:
        """The sub-command `telecare <name>` as a service, with what every service needs and `environment` besides.

        The api signs in to the database as the role that sees one organisation at a time.
        """
        role = {"TELECARE_DATABASE_URL": self.postgres.url_as(PAGES)} if name == "api" else {}
        return Service(
            name=name,
            argv=(sys.executable, "-m", "deploy.cli", name, *arguments),
            environment=self.environment() | role | environment,
        )

    def environment(self) -> dict[str, str]:
        """Our own environment, and what every service needs: database, broker's address, clock."""
        root = str(Path(__file__).parents[2])  # where our packages are, installed or not
        path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH")) if part)
        return {
            **os.environ,
            "PYTHONPATH": path,
            "PYTHONUNBUFFERED": "1",
            "TELECARE_DATABASE_URL": self.postgres.url_as(SERVICE),
            "TELECARE_BROKER_HOST": self.broker.host,
            "TELECARE_BROKER_PORT": str(self.broker.port),
            **self._kept_clock.environment(),
        }

    def ingest_environment(self) -> dict[str, str]:
        """What ingest alone may know: its credential."""
        credential = self.broker.credentials.ingest()
        return {
            "TELECARE_BROKER_USERNAME": credential.username,
            "TELECARE_BROKER_PASSWORD": credential.password,
            "TELECARE_BROKER_CLIENT_ID": credential.client_id,
        }

    def run(self, services: Iterable[Service]) -> None:
        """Start these services, in this order, and keep them running. May be called again for more."""
        for service in services:
            self._supervisor.keep(ServiceProcess(service, log_dir=self.log_dir, lifeline=self._lifeline))
            self._names.append(service.name)

    def status(self) -> list[Status]:
        """How everybody is: `postgres`, `broker` and the services, in the order they were started."""
        return self._supervisor.status()

    def kill(self, name: str) -> int:
        """Kill -9 one of them, as an accident would; its pid. For tests."""
        return self._supervisor.kill(name)

    def wait(self, seconds: float | None = None) -> None:
        """Return after that time; without, only KeyboardInterrupt (Ctrl-C, SIGTERM) ends it."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while deadline is None or time.monotonic() < deadline:
            left = 1.0 if deadline is None else min(1.0, deadline - time.monotonic())
            time.sleep(max(0.0, left))
            self._lifeline.check()

    def _open(self) -> None:
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._listen_to_signals()
        lock = self._closing.enter_context(lock_data(self.data_dir))
        self.log_dir.mkdir(mode=0o700, exist_ok=True)

        self._lifeline = Lifeline(inherit=(lock.fileno(),))  # until the guard has finished, nobody else may start
        self._closing.callback(self._lifeline.close)
        self._supervisor = Supervisor(lifeline=self._lifeline)
        self._names: list[str] = []

        self.postgres = Postgres(self.data_dir, durable=self._durable, lifeline=self._lifeline)
        self._closing.callback(self._supervisor.stop, ["postgres"])
        self._supervisor.keep(self.postgres)
        if applied := self.postgres.bring_up_to_date():
            log.info("database migrated: %s", ", ".join(applied))

        self.broker = Broker(self.data_dir, lifeline=self._lifeline)
        self._closing.callback(self._supervisor.stop, ["broker"])
        self._supervisor.keep(self.broker)

        self._kept_clock = KeptClock(self.data_dir, speed=self._speed, start=self._start)
        self._kept_clock.start()
        self._closing.callback(self._kept_clock.stop)
        self._closing.callback(lambda: self._supervisor.stop(self._names, hurry=self._hurry))

    def _listen_to_signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # only the main thread may; whoever runs us in another stops us by leaving
        for number in STOP_SIGNALS:
            before = signal.signal(number, self._on_signal)
            self._closing.callback(self._give_back, number, before)

    def _give_back(self, number: int, before: Callable[[int, FrameType | None], Any] | int | None) -> None:
        """After a Ctrl-C ours stays: one more must not break off what our caller still has to do."""
        if not self._interrupted:
            signal.signal(number, before)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._leaving:
            self._hurry.set()
            return
        self._leaving = self._interrupted = True
        raise KeyboardInterrupt


def lock_data(data_dir: Path) -> IO[str]:
    """An open file whose lock says that `data_dir` is in use, also by processes that are still being stopped.

    If the holder was killed -9, its guard holds the lock until it has stopped the others: that is waited for.
    """
    lock = (data_dir / "lock").open("a+")
    deadline = time.monotonic() + PATIENCE_SECONDS + 5
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip()
            lives = holder.isdigit() and command_of(int(holder))
            if lives or time.monotonic() > deadline:
                lock.close()
                raise DataInUse(f"another telecare stack (process {holder}) is using {data_dir}") from None
            time.sleep(0.1)
        else:
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            return lock

"""Keeps servers and services running: whatever dies is started again, after a pause that grows. Knows nothing of them.

Each has a thread of its own, so that one that is slow to start holds up no other.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.process import Process

LOOK_SECONDS = 0.1
FIRST_PAUSE_SECONDS = 0.3
LONGEST_PAUSE_SECONDS = 10.0
STEADY_SECONDS = 30.0  # who has run this long starts again with the shortest pause
STOP_SECONDS = 6.0  # services promise to return within 5 s

log = logging.getLogger(__name__)


class Server(Protocol):
    """Something that runs as one process and can be started again."""

    @property
    def name(self) -> str:
        """As in the logs."""

    @property
    def process(self) -> Process | None:
        """Its process, alive or dead; None: never started, or stopped."""

    def start(self, abort: threading.Event | None = None) -> None:
        """Return when it works; raise if it does not, or if `abort` is set."""

    def stop(self) -> None:
        """Return when it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What to start as one process. Secrets belong in the environment: everybody on the machine can read an argv."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How one of them is."""

    name: str
    pid: int | None  # None: not running at this moment
    restarts: int
    last_exit: int | None  # exit code; negative: the signal that ended it; None: never ended


class ServiceProcess:
    """A service that can be started again and again."""

    def __init__(self, service: Service, *, log_dir: Path, lifeline: Lifeline) -> None:
        self._service = service
        self._log_file = log_dir / f"{service.name}.log"
        self._lifeline = lifeline
        self._process: Process | None = None

    @property
    def name(self) -> str:
        """The service's name."""
        return self._service.name

    @property
    def process(self) -> Process | None:
        """Its process."""
        return self._process

    def start(self, abort: threading.Event | None = None) -> None:
        """Start it; whether it works, it says itself in the database."""
        self._process = Process.start(
            self._service.name,
            list(self._service.argv),
            environment=self._service.environment,
            log_file=self._log_file,
            lifeline=self._lifeline,
        )

    def stop(self) -> None:
        """Ask it to stop, and see that it does."""
        if self._process is not None:
            self._process.stop(STOP_SECONDS)
        self._process = None


class Watch:
    """Keeps one server running, in a thread."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._stop = threading.Event()
        self._restarts = 0
        self._last_exit: int | None = None
        self._thread = threading.Thread(target=self._run, name=f"watch {server.name}", daemon=True)

    def start(self) -> None:
        """Start the server, here and now; from then on watch it."""
        self.server.start()
        self._thread.start()

    def status(self) -> Status:
        """How it is."""
        process = self.server.process
        is_running = process is not None and process.exit_code() is None
        return Status(
            name=self.server.name,
            pid=process.pid if process is not None and is_running else None,
            restarts=self._restarts,
            last_exit=self._last_exit,
        )

    def let_be(self) -> None:
        """Watch no longer; the server runs on."""
        self._stop.set()

    def wait_until_left(self) -> None:
        """Return when nothing will be started any more. Call `let_be` first."""
        if self._thread.is_alive():
            self._thread.join(timeout=15.0)

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        since = time.monotonic()
        while not self._stop.wait(LOOK_SECONDS):
            process = self.server.process
            code = process.exit_code() if process is not None else None
            if process is not None and code is None:
                continue
            if code is not None:
                self._last_exit = code
            pause = FIRST_PAUSE_SECONDS if time.monotonic() - since > STEADY_SECONDS else pause
            log.warning("%s has ended (%s); starting it again in %.1f s", self.server.name, code, pause)
            if self._stop.wait(pause):
                return
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            try:
                self.server.start(self._stop)
            except Exception:  # whatever it was, trying again is all that can help
                if not self._stop.is_set():
                    log.exception("%s could not be started", self.server.name)
            since = time.monotonic()
            self._restarts += 1


class Supervisor:
    """All servers and services of a stack, in the order they were started."""

    def __init__(self, *, lifeline: Lifeline, stop_seconds: float = STOP_SECONDS) -> None:
        self._lifeline = lifeline
        self._stop_seconds = stop_seconds
        self._watches: list[Watch] = []

    def keep(self, server: Server) -> None:
        """Start a server and keep it running."""
        if any(watch.server.name == server.name for watch in self._watches):
            raise ValueError(f"{server.name} is running already")
        watch = Watch(server)
        self._watches.append(watch)
        watch.start()

    def status(self) -> list[Status]:
        """How everybody is."""
        self._lifeline.check()
        return [watch.status() for watch in self._watches]

    def kill(self, name: str) -> int:
        """Kill -9, as an accident would; the pid that was killed. For tests."""
        for status in self.status():
            if status.name == name and status.pid is not None:
                os.kill(status.pid, signal.SIGKILL)
                return status.pid
        raise LookupError(f"{name} is not running")

    def stop(self, names: Iterable[str] | None = None, *, hurry: threading.Event | None = None) -> None:
        """Stop these (or all) together: ask in reverse order, wait, kill what does not listen, or whoever is left once
        `hurry` is set."""
        wanted = None if names is None else set(names)
        leaving = [watch for watch in reversed(self._watches) if wanted is None or watch.server.name in wanted]
        for watch in leaving:
            watch.let_be()
        for watch in leaving:
            watch.wait_until_left()
        processes = [process for watch in leaving if (process := watch.server.process) is not None]
        for process in processes:
            process.ask_to_stop()
        deadline = time.monotonic() + self._stop_seconds
        for process in processes:
            while not process.wait(0.05):
                if time.monotonic() > deadline or (hurry is not None and hurry.is_set()):
                    log.warning("%s did not stop in time and was killed", process.name)
                    process.kill()
        for watch in leaving:
            watch.server.stop()
            self._watches.remove(watch)

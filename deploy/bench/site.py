"""What `telecare bench ingest` measures: broker, database, ingest and load generator, each a process of its own.

On loopback ports and in a folder that is gone afterwards. Ingest is the real one, started as a site starts it.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import psycopg

from deploy.bench.brokers import BROKERS, BenchBroker
from deploy.bench.seed import seed_homes
from deploy.bench.usage import cpu_seconds
from deploy.local_stack.kept_roles import SERVICE
from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.postgres import Postgres
from deploy.local_stack.process import Process
from store.clock import make_clock

START_SECONDS = 60.0
STOP_SECONDS = 70.0  # a batch in hand is finished first
# What every guide to a PostgreSQL that is written to sets, and the embedded one does not.
SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "4GB", "checkpoint_timeout": "15min"}

Progress = Callable[[str, float], None]  # what is being done, and how much of it is done (0 to 1)


class BenchFailed(Exception):
    """A part of the benchmark did not do what it should; the message says which."""


class Site:
    """Everything that runs while entered."""

    def __init__(self, folder: Path, *, broker: str, homes: int) -> None:
        self._folder = folder
        self._broker_name = broker
        self._homes = homes
        self._closing = contextlib.ExitStack()
        self._generator: subprocess.Popen[str] | None = None
        self.services: dict[str, Process] = {}

    def __enter__(self) -> Self:
        try:
            self._lifeline = self._closing.enter_context(contextlib.closing(Lifeline()))
            self._postgres = Postgres(self._folder, lifeline=self._lifeline)
            self._postgres.start()
            self._closing.callback(lambda: self._postgres.stop())
            self._postgres.bring_up_to_date()
            self._tune()
            with contextlib.closing(self.connect()) as conn:
                seed_homes(conn, self._homes, now=make_clock().now())
                conn.autocommit = True
                conn.execute("VACUUM ANALYZE")
            self.broker: BenchBroker = BROKERS[self._broker_name](self._folder / "broker", self._lifeline)
            self._closing.callback(lambda: self.broker.stop())
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        for name in list(self.services):
            self.stop_service(name)
        if self._generator is not None:
            self._generator.kill()
            self._generator.communicate()
        self._closing.close()

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """To look into the database."""
        return psycopg.connect(self._postgres.url(), connect_timeout=10)

    def start_service(self, name: str) -> float:
        """Start `ingest` or `anomaly`; when, by the wall clock."""
        environment = {
            **os.environ,
            "TELECARE_DATABASE_URL": self._postgres.url_as(SERVICE),
            "TELECARE_BROKER_HOST": self.broker.host,
            "TELECARE_BROKER_PORT": str(self.broker.port),
            "TELECARE_BROKER_REDELIVERY_SECONDS": str(self.broker.redelivery_seconds),
        }
        if self.broker.username is not None and self.broker.password is not None:
            environment |= {
                "TELECARE_BROKER_USERNAME": self.broker.username,
                "TELECARE_BROKER_PASSWORD": self.broker.password,
            }
        begun = time.time()
        self.services[name] = Process.start(
            name,
            [sys.executable, "-m", "deploy.cli", name],
            environment=environment,
            log_file=self._folder / f"{name}.log",
            lifeline=self._lifeline,
        )
        return begun

    def wait_for_ingest(self) -> None:
        """Until it is connected to the broker and has its session there."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.closing(self.connect()) as conn:
                seen = conn.execute(
                    "SELECT 1 FROM service_seen WHERE service LIKE 'ingest%' AND note LIKE 'connected%'"
                ).fetchone()
            if seen is not None:
                return
            if self.services["ingest"].exit_code() is not None:
                break
            time.sleep(0.5)
        raise BenchFailed(f"ingest did not start: {self.end_of_log('ingest')}")

    def stop_service(self, name: str, *, stop_signal: int = signal.SIGTERM) -> None:
        """Stop it, politely or not."""
        process = self.services.pop(name, None)
        if process is not None:
            if stop_signal == signal.SIGKILL:
                process.kill()
            process.stop(STOP_SECONDS)

    def end_of_log(self, name: str) -> str:
        """The last line that a service wrote."""
        lines = (self._folder / f"{name}.log").read_text(errors="replace").splitlines()
        return lines[-1] if lines else "it said nothing"

    def start_generator(self) -> None:
        """Connect the homes."""
        self._generator = subprocess.Popen(
            [sys.executable, "-m", "deploy.bench.generator", *self._at_broker(), "--homes", str(self._homes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lifeline.hold(self._generator.pid, signal.SIGTERM)
        self.ask({}, lambda _: None)

    def ask(self, order: dict[str, Any], told: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Have the generator do something; `told` hears how far it is, about once a second."""
        generator = self._generator
        assert generator is not None
        assert generator.stdin is not None
        assert generator.stdout is not None
        if order:
            generator.stdin.write(json.dumps(order) + "\n")
            generator.stdin.flush()
        for line in generator.stdout:
            answer: dict[str, Any] = json.loads(line)
            if answer.get("done"):
                return answer
            told(answer)
        raise BenchFailed("the load generator ended")

    def open_counter(self) -> None:
        """Make the session of the subscriber that only counts."""
        self._count("--open")

    def count(self, messages: int) -> dict[str, Any]:
        """Have it take what waits in its session."""
        return self._count("--messages", str(messages))

    def cpu_seconds(self) -> dict[str, float]:
        """What each part has used until now."""
        assert self._generator is not None
        pids = {"broker": self.broker.process.pid, "generator": self._generator.pid}
        if self._postgres.process is not None:
            pids["postgres"] = self._postgres.process.pid
        pids |= {name: process.pid for name, process in self.services.items()}
        used = {name: cpu_seconds(pid) for name, pid in pids.items()}
        return {name: seconds for name, seconds in used.items() if seconds is not None}

    def _count(self, *options: str) -> dict[str, Any]:
        try:
            done = subprocess.run(
                [sys.executable, "-m", "deploy.bench.counter", *self._at_broker(), *options],
                stdout=subprocess.PIPE,
                check=True,
                timeout=600,
            )
        except subprocess.SubprocessError as exc:
            raise BenchFailed(f"the counting subscriber failed: {exc}") from exc
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def _at_broker(self) -> list[str]:
        options = ["--host", self.broker.host, "--port", str(self.broker.port)]
        if self.broker.username is not None and self.broker.password is not None:
            options += ["--username", self.broker.username, "--password", self.broker.password]
        return options

    def _tune(self) -> None:
        with contextlib.closing(psycopg.connect(self._postgres.url(), autocommit=True)) as conn:
            for name, value in SETTINGS.items():
                conn.execute(f"ALTER SYSTEM SET {name} = '{value}'")  # constants of ours
        self._postgres.stop()
        self._postgres.start()

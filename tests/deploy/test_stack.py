"""The whole embedded stack as one program: stopped, killed, started again, started twice."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from deploy.local_stack.handshake import accepts
from deploy.local_stack.ports import is_free
from deploy.local_stack.process import command_of
from deploy.local_stack.stack import DataInUse, LocalStack
from deploy.local_stack.supervisor import STOP_SECONDS, Service
from store.clock import ClockSettings, make_clock
from store.migrate import is_current
from tests.deploy.mqtt import eventually

pytestmark = pytest.mark.journey
ROOT = Path(__file__).parents[2]
STARTED_AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A stack that runs in a process of its own."""

    popen: subprocess.Popen[str]
    pids: list[int]
    ports: list[int]
    time: datetime

    def is_gone(self) -> bool:
        return not any(command_of(pid) for pid in self.pids) and all(is_free(port) for port in self.ports)


@contextlib.contextmanager
def running(data_dir: Path, *options: str) -> Iterator[Program]:
    with subprocess.Popen(
        [sys.executable, str(ROOT / "tests/deploy/stack_program.py"), str(data_dir), *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as popen:
        try:
            assert popen.stdout is not None
            told = json.loads(popen.stdout.readline())
            told["time"] = datetime.fromisoformat(told["time"])
            yield Program(popen=popen, **told)
        finally:
            popen.kill()


def test_a_stack_is_migrated_and_takes_ingest_and_its_clock_can_be_changed_for_all(data_dir: Path) -> None:
    with LocalStack(data_dir, speed=60, start=STARTED_AT, durable=False) as stack:
        with contextlib.closing(psycopg.connect(stack.database_settings.database_url)) as conn:
            assert is_current(conn)
        assert accepts(stack.broker.host, stack.broker.port, stack.broker.credentials.ingest())
        assert STARTED_AT <= stack.clock.now() < STARTED_AT + timedelta(minutes=10)
        environment = stack.environment()
        elsewhere = make_clock(ClockSettings(file=Path(environment["TELECARE_CLOCK_FILE"])))
        stack.set_speed(0)
        assert elsewhere.now() == stack.clock.now()
        assert set(stack.ingest_environment()) == {
            "TELECARE_BROKER_USERNAME", "TELECARE_BROKER_PASSWORD", "TELECARE_BROKER_CLIENT_ID",
        }  # fmt: skip
        assert not set(stack.ingest_environment()) & set(environment)


def test_database_and_broker_come_back_after_kill_9_where_the_services_know_them(data_dir: Path) -> None:
    with LocalStack(data_dir, durable=False) as stack:
        before = (stack.postgres.url(), stack.broker.port)
        for name in ("postgres", "broker"):
            stack.kill(name)
        assert eventually(lambda: all(status.pid and status.restarts == 1 for status in stack.status()))
        assert eventually(stack.postgres.answers)
        assert accepts(stack.broker.host, stack.broker.port, stack.broker.credentials.ingest())
        assert (stack.postgres.url(), stack.broker.port) == before


def test_a_second_stack_on_the_same_data_is_refused_with_a_clear_message(data_dir: Path) -> None:
    with LocalStack(data_dir, durable=False):
        message = f"process {os.getpid()}.* is using {data_dir}"
        with pytest.raises(DataInUse, match=message), LocalStack(data_dir, durable=False):
            pass


def test_the_clock_goes_on_where_it_stopped(data_dir: Path) -> None:
    with LocalStack(data_dir, speed=3600, start=STARTED_AT, durable=False) as stack:
        reached = stack.clock.now()
    stopped = json.loads((data_dir / "clock-kept.json").read_text())["service_time"]
    time.sleep(0.5)
    with LocalStack(data_dir, speed=0, start=STARTED_AT, durable=False) as stack:
        assert stack.clock.now() == datetime.fromisoformat(stopped) > reached


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_stop_everything_within_ten_seconds(data_dir: Path, number: signal.Signals) -> None:
    with running(data_dir) as program:
        program.popen.send_signal(number)
        assert program.popen.wait(10) == 0
        assert program.is_gone()


def test_a_second_ctrl_c_waits_for_nobody_and_leaves_nothing_behind_either(data_dir: Path) -> None:
    with running(data_dir, "deaf") as program:
        assert eventually(
            lambda: all((data_dir / "logs" / f"{name}.log").read_text() for name in ("ingest", "anomaly"))
        )
        before = time.monotonic()
        program.popen.send_signal(signal.SIGINT)
        time.sleep(0.5)
        program.popen.send_signal(signal.SIGINT)
        assert program.popen.wait(10) == 0
        assert time.monotonic() - before < STOP_SECONDS
        assert program.is_gone()


def test_after_kill_9_nothing_is_left_and_the_next_start_goes_on(data_dir: Path) -> None:
    with running(data_dir) as program:
        program.popen.kill()
        with running(data_dir) as again:
            assert again.ports == program.ports
            assert again.time >= program.time
            assert not set(again.pids) & set(program.pids)
            assert not any(command_of(pid) for pid in program.pids)
            again.popen.terminate()
            assert again.popen.wait(10) == 0


def test_a_stack_whose_start_fails_leaves_nothing_behind(data_dir: Path) -> None:
    (data_dir / "broker").write_text("a file where a folder must be")
    with pytest.raises(OSError, match="broker"), LocalStack(data_dir, durable=False):
        pass
    assert not (data_dir / "postgres" / "cluster" / "postmaster.pid").exists()
    (data_dir / "broker").unlink()
    with LocalStack(data_dir, durable=False) as stack:
        assert [status.name for status in stack.status()] == ["postgres", "broker"]


def test_services_are_given_where_everything_is(data_dir: Path) -> None:
    with LocalStack(data_dir, durable=False) as stack:
        program = "from store.database import DatabaseSettings; print(DatabaseSettings().database_url, flush=True)"
        service = stack.service("ingest", **stack.ingest_environment())
        assert service.argv[1:] == ("-m", "deploy.cli", "ingest")
        stack.run([Service(name="look", argv=[sys.executable, "-c", program], environment=service.environment)])
        url = stack.database_settings.database_url
        assert eventually(lambda: url in (stack.log_dir / "look.log").read_text())
        assert url not in repr(service)

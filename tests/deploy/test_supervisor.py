"""What dies is started again; what is asked to stop stops; and nothing outlives the one who started it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.process import command_of
from deploy.local_stack.supervisor import Service, ServiceProcess, Status, Supervisor
from tests.deploy.mqtt import eventually

ROOT = Path(__file__).parents[2]
WAITS = "import time; print('started', flush=True); time.sleep(600)"
IS_DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + WAITS
FAILS = "import sys; print('failing', flush=True); sys.exit(3)"


@pytest.fixture
def supervisor(lifeline: Lifeline) -> Iterator[Supervisor]:
    supervisor = Supervisor(lifeline=lifeline, stop_seconds=1.0)
    yield supervisor
    hurry = threading.Event()
    hurry.set()
    supervisor.stop(hurry=hurry)


def service(name: str, program: str, log_dir: Path, lifeline: Lifeline, **environment: str) -> ServiceProcess:
    made = Service(name=name, argv=[sys.executable, "-c", program], environment=environment)
    return ServiceProcess(made, log_dir=log_dir, lifeline=lifeline)


def only(supervisor: Supervisor) -> Status:
    [status] = supervisor.status()
    return status


def started(log_dir: Path, name: str, times: int = 1) -> bool:
    return eventually(lambda: (log_dir / f"{name}.log").read_text().count("started") == times)


def test_a_killed_service_is_started_again(supervisor: Supervisor, lifeline: Lifeline, tmp_path: Path) -> None:
    supervisor.keep(service("ingest", WAITS, tmp_path, lifeline))
    assert started(tmp_path, "ingest")
    killed = supervisor.kill("ingest")
    assert started(tmp_path, "ingest", times=2)
    status = only(supervisor)
    assert status.pid not in (None, killed)
    assert (status.restarts, status.last_exit) == (1, -signal.SIGKILL)


def test_a_service_that_fails_at_once_is_tried_ever_more_slowly(
    supervisor: Supervisor, lifeline: Lifeline, tmp_path: Path
) -> None:
    supervisor.keep(service("alerts", FAILS, tmp_path, lifeline))
    time.sleep(2.5)
    assert 2 <= (tmp_path / "alerts.log").read_text().count("failing") <= 4
    assert only(supervisor).last_exit == 3


def test_the_failure_of_one_does_not_touch_the_others(
    supervisor: Supervisor, lifeline: Lifeline, tmp_path: Path
) -> None:
    supervisor.keep(service("anomaly", WAITS, tmp_path, lifeline))
    supervisor.keep(service("alerts", FAILS, tmp_path, lifeline))
    assert eventually(lambda: supervisor.status()[1].restarts >= 1)
    assert supervisor.status()[0].restarts == 0


def test_stopping_leaves_no_process_even_if_one_does_not_listen(
    supervisor: Supervisor, lifeline: Lifeline, tmp_path: Path
) -> None:
    supervisor.keep(service("ingest", WAITS, tmp_path, lifeline))
    supervisor.keep(service("deaf", IS_DEAF, tmp_path, lifeline))
    assert started(tmp_path, "deaf")
    pids = [status.pid for status in supervisor.status()]
    before = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - before < 5
    assert not any(command_of(pid) for pid in pids if pid)
    assert supervisor.status() == []


def test_in_a_hurry_nobody_is_waited_for(supervisor: Supervisor, lifeline: Lifeline, tmp_path: Path) -> None:
    supervisor.keep(service("deaf", IS_DEAF, tmp_path, lifeline))
    assert started(tmp_path, "deaf")
    hurry = threading.Event()
    threading.Timer(0.3, hurry.set).start()
    before = time.monotonic()
    supervisor.stop(hurry=hurry)
    assert time.monotonic() - before < 2


def test_a_service_gets_the_environment_it_was_given_and_no_other(
    supervisor: Supervisor, lifeline: Lifeline, tmp_path: Path
) -> None:
    program = "import os, time; print(sorted(k for k in os.environ if k[:8] == 'TELECARE'), flush=True); time.sleep(9)"
    supervisor.keep(service("world", program, tmp_path, lifeline, TELECARE_BROKER_PASSWORD="secret"))
    assert eventually(lambda: (tmp_path / "world.log").read_text() == "['TELECARE_BROKER_PASSWORD']\n")
    pid = only(supervisor).pid
    assert pid is not None
    assert "secret" not in command_of(pid)
    assert (tmp_path / "world.log").stat().st_mode & 0o777 == 0o600


def test_the_same_name_twice_is_refused(supervisor: Supervisor, lifeline: Lifeline, tmp_path: Path) -> None:
    supervisor.keep(service("api", WAITS, tmp_path, lifeline))
    with pytest.raises(ValueError, match="api is running already"):
        supervisor.keep(service("api", WAITS, tmp_path, lifeline))


def test_what_has_stopped_cannot_be_killed(supervisor: Supervisor) -> None:
    with pytest.raises(LookupError, match="api is not running"):
        supervisor.kill("api")


HOLDER = """
import subprocess, sys, signal, time
from deploy.local_stack.lifeline import Lifeline
line = Lifeline()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
line.hold(child.pid, signal.SIGTERM)
print(child.pid, line._guard.pid, flush=True)
for _ in sys.stdin:
    line.check()
    print(line._guard.pid, flush=True)
"""


@pytest.fixture
def holder() -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    argv, pipe = [sys.executable, "-c", HOLDER], subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True, env=environment) as holder:
        yield holder
        holder.kill()


def pids(holder: subprocess.Popen[str]) -> list[int]:
    assert holder.stdout is not None
    return [int(word) for word in holder.stdout.readline().split()]


def test_nothing_outlives_a_supervisor_that_was_killed(holder: subprocess.Popen[str]) -> None:
    child, guard = pids(holder)
    holder.kill()
    assert eventually(lambda: not command_of(child))
    assert eventually(lambda: not command_of(guard))


def test_a_killed_guard_is_replaced_and_the_new_one_knows_whom_to_stop(holder: subprocess.Popen[str]) -> None:
    child, guard = pids(holder)
    os.kill(guard, signal.SIGKILL)
    assert holder.stdin is not None
    for _ in range(2):  # the kill may take a moment
        time.sleep(0.2)
        holder.stdin.write("check\n")
        holder.stdin.flush()
        [replaced] = pids(holder)
    assert replaced != guard
    holder.kill()
    assert eventually(lambda: not command_of(child))

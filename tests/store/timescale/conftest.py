"""A real TimescaleDB on this machine without installing one: PostgreSQL 17 and TimescaleDB in WebAssembly, in Node.js.

Our own functions speak to it through psycopg, as to any server. It has one session, so tests use one connection at a
time, and no background workers, so tests run the policies' jobs themselves. Each test adds homes of its own.
"""

import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from deploy.assets import AssetsMissing, node_command
from store.database import Conn, DatabaseSettings
from store.migrate import migrate
from store.retention import KeepSettings

HERE = Path(__file__).parent
PACKAGE = HERE.parents[2] / "node_modules" / "@unni-craftsman" / "pglite"
START_SECONDS = 120.0


@contextlib.contextmanager
def running_server() -> Iterator[DatabaseSettings]:
    """A new server with an empty database; the extension is there to be created. Skips where there is no Node.js."""
    try:
        node = node_command()
    except AssetsMissing as exc:
        if os.environ.get("CI"):
            raise  # there it must be: a proof that is skipped proves nothing
        pytest.skip(f"TIMESCALEDB IS NOT TESTED: {exc}")
    assert PACKAGE.is_dir(), "the development packages are not installed: make env"
    with subprocess.Popen(
        [*node, str(HERE / "server.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        overdue = threading.Timer(START_SECONDS, process.kill)
        overdue.start()
        port = process.stdout.readline().strip()
        overdue.cancel()
        assert port, "the server did not start; its reason is above"
        url = make_conninfo(
            host="127.0.0.1", port=port, user="postgres", dbname="postgres", sslmode="disable", gssencmode="disable"
        )
        try:
            yield DatabaseSettings(database_url=url)
        finally:
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextlib.contextmanager
def connected(settings: DatabaseSettings) -> Iterator[Conn]:
    """In autocommit, because jobs and refreshes cannot run in a transaction."""
    with contextlib.closing(psycopg.connect(settings.database_url, autocommit=True, connect_timeout=30)) as conn:
        yield conn


@pytest.fixture(scope="module")
def timescale_server() -> Iterator[DatabaseSettings]:
    """Migrated, with the settings that a site has if it sets nothing.

    One a module: up to when the figures are kept ready is one time for all homes, and modules live at different times.
    """
    with running_server() as settings:
        with connected(settings) as conn:
            conn.execute("CREATE EXTENSION timescaledb")
            migrate(conn, KeepSettings())
        yield settings


@pytest.fixture
def timescale(timescale_server: DatabaseSettings) -> Iterator[Conn]:
    """A connection to it, in autocommit."""
    with connected(timescale_server) as conn:
        yield conn


@pytest.fixture
def run_policy(timescale: Conn) -> Callable[[str, str], None]:
    """Run a policy of a relation now, as TimescaleDB's scheduler would: `run_policy("sensor_event", "compression")`."""

    def run(relation: str, policy: str) -> None:
        row = timescale.execute(
            """
            SELECT job_id FROM timescaledb_information.jobs
             WHERE hypertable_name = %(relation)s AND proc_name = %(procedure)s
            """,
            {"relation": relation, "procedure": f"policy_{policy}"},
        ).fetchone()
        assert row is not None, f"{relation} has no policy {policy}"
        timescale.execute("CALL run_job(%(job)s)", {"job": row[0]})

    return run

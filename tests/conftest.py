"""What every test may ask for: a fresh database, a real broker, a fixed now. One server of each for the whole run."""

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from deploy.local_stack.broker import Broker
from deploy.local_stack.credentials import Credential
from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.postgres import Postgres
from store.database import Conn, DatabaseSettings, Pool, open_pool
from store.migrate import migrate


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A server where databases may be created, and one that is migrated already to copy from."""

    server: str  # connection string of its maintenance database
    template: str

    @contextlib.contextmanager
    def fresh(self) -> Iterator[DatabaseSettings]:
        """A migrated, empty database of its own; dropped afterwards, whoever is still connected."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, self.template)
        try:
            yield DatabaseSettings(database_url=make_conninfo(self.server, dbname=name))
        finally:
            self._execute("DROP DATABASE {} WITH (FORCE)", name)

    def _execute(self, statement: LiteralString, *names: str) -> None:
        with contextlib.closing(psycopg.connect(self.server, autocommit=True, connect_timeout=10)) as conn:
            conn.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture(scope="session")
def lifeline() -> Iterator[Lifeline]:
    """Stops the servers even if the test run is killed."""
    line = Lifeline()
    yield line
    line.close()


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder that PostgreSQL's account can walk into also when we are root (pytest's own it cannot)."""
    folder = Path(tempfile.mkdtemp(prefix="telecare-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def database(scratch: Path, lifeline: Lifeline) -> Iterator[Database]:
    """The server of this run: TELECARE_TEST_DATABASE_URL if set, else an embedded one."""
    with contextlib.ExitStack() as stack:
        server = os.environ.get("TELECARE_TEST_DATABASE_URL")
        if not server:
            server = stack.enter_context(Postgres(scratch, durable=False, lifeline=lifeline)).url("postgres")
        template = f"template_{uuid.uuid4().hex[:12]}"
        database = Database(server=server, template=template)
        database._execute("CREATE DATABASE {}", template)
        try:
            target = make_conninfo(server, dbname=template)
            with contextlib.closing(psycopg.connect(target, autocommit=True)) as conn:
                migrate(conn)
            yield database
        finally:
            database._execute("DROP DATABASE {} WITH (FORCE)", template)


@pytest.fixture
def settings(database: Database) -> Iterator[DatabaseSettings]:
    """Where this test's own fresh database is."""
    with database.fresh() as settings:
        yield settings


@pytest.fixture
def pool(settings: DatabaseSettings) -> Iterator[Pool]:
    """A pool on this test's own database."""
    with contextlib.closing(open_pool(settings, size=4)) as pool:
        yield pool


@pytest.fixture
def conn(settings: DatabaseSettings) -> Iterator[Conn]:
    """A connection to this test's own database, inside a transaction; `conn.commit()` is allowed."""
    with contextlib.closing(psycopg.connect(settings.database_url, connect_timeout=10)) as conn:
        yield conn


@dataclass(frozen=True, slots=True, kw_only=True)
class TestBroker:
    """A real broker, shared by all tests: use home codes and sessions of your own."""

    __test__ = False

    server: Broker

    @property
    def host(self) -> str:
        return self.server.host

    @property
    def port(self) -> int:
        return self.server.port

    def credentials(self, home_code: str | None = None) -> Credential:
        """The credential of a home, made if needed; without a home that of ingest, each time with a fresh session."""
        if home_code is not None:
            return self.server.add_homes([home_code])[home_code]
        return replace(self.server.credentials.ingest(), client_id=f"test-{uuid.uuid4().hex}")


@pytest.fixture(scope="session")
def broker(scratch: Path, lifeline: Lifeline) -> Iterator[TestBroker]:
    """The broker of this run. `broker.server.add_homes([...])` adds many credentials at once."""
    with Broker(scratch, lifeline=lifeline) as server:
        yield TestBroker(server=server)


@pytest.fixture
def now() -> datetime:
    """A Tuesday noon in winter, when London has UTC."""
    return datetime(2026, 3, 10, 12, 0, tzinfo=UTC)

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
from pydantic import SecretStr

from deploy.local_stack.broker import Broker
from deploy.local_stack.credentials import Credential
from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.postgres import Postgres
from store.database import Conn, DatabaseSettings, Pool, open_pool
from store.migrate import migrate
from store.roles import RoleSettings, prepare_roles


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A server where databases may be created, and one that is migrated already to copy from."""

    server: str  # connection string of its maintenance database
    template: str
    owner: str  # the role that owns the tables
    roles: RoleSettings  # those of the services

    def as_owner(self, settings: DatabaseSettings) -> DatabaseSettings:
        """The same database as the role that migrates."""
        return _signed_in(settings, self.owner, ROLES_PASSWORD)

    def as_service(self, settings: DatabaseSettings) -> DatabaseSettings:
        """The same database as ingest, anomaly and alerts sign in."""
        return _signed_in(settings, self.roles.database_service_role, ROLES_PASSWORD)

    def as_pages(self, settings: DatabaseSettings) -> DatabaseSettings:
        """The same database as the api process signs in: only rows of the organisation it acts for."""
        return _signed_in(settings, self.roles.database_pages_role, ROLES_PASSWORD)

    @contextlib.contextmanager
    def fresh(self) -> Iterator[DatabaseSettings]:
        """A migrated, empty database of its own; dropped afterwards, whoever is still connected."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, self.template)
        try:
            yield DatabaseSettings(database_url=make_conninfo(self.server, dbname=name))
        finally:
            self._execute("DROP DATABASE {} WITH (FORCE)", name)

    def use_timescale(self) -> None:
        """Where the server has loaded TimescaleDB, the suite runs on it."""
        target = make_conninfo(self.server, dbname=self.template)
        with contextlib.closing(psycopg.connect(target, autocommit=True, connect_timeout=10)) as conn:
            row = conn.execute("SELECT current_setting('shared_preload_libraries') ~ 'timescaledb'").fetchone()
            if row is not None and row[0]:
                conn.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")

    def send_away(self) -> None:
        """End every session in the template, and wait until they are gone."""
        with contextlib.closing(psycopg.connect(self.server, autocommit=True, connect_timeout=10)) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %(name)s",
                {"name": self.template},
            )

    def _execute(self, statement: LiteralString, *names: str) -> None:
        with contextlib.closing(psycopg.connect(self.server, autocommit=True, connect_timeout=10)) as conn:
            conn.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


ROLES_PASSWORD = "for-the-tests"


def _signed_in(settings: DatabaseSettings, role: str, password: str) -> DatabaseSettings:
    url = make_conninfo(settings.database_url, **{"user": role, "password": password})
    return DatabaseSettings(database_url=url)


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
        run = uuid.uuid4().hex[:12]  # names of this run alone: the server may be shared
        owner = f"owner_{run}"
        roles = RoleSettings(
            database_service_role=f"service_{run}",
            database_service_password=SecretStr(ROLES_PASSWORD),
            database_pages_role=f"pages_{run}",
            database_pages_password=SecretStr(ROLES_PASSWORD),
        )
        database = Database(server=server, template=f"template_{run}", owner=owner, roles=roles)
        database._execute(f"CREATE ROLE {{}} LOGIN CREATEROLE PASSWORD '{ROLES_PASSWORD}'", owner)
        try:
            database._execute("CREATE DATABASE {} OWNER {}", database.template, owner)
            database.use_timescale()
            prepare_template(database)
            # A template may have no visitors. Where TimescaleDB is installed, its scheduler connects to every database
            # that may be connected to, and would come back (timescaledb#4048, #9080).
            database._execute("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false", database.template)
            database.send_away()
            yield database
        finally:
            database._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", database.template)
            for role in (roles.database_service_role, roles.database_pages_role, owner):
                database._execute("DROP ROLE IF EXISTS {}", role)


def prepare_template(database: Database) -> None:
    """Migrated and guarded by the role that owns it, as a real site does it."""
    whole = DatabaseSettings(database_url=make_conninfo(database.server, dbname=database.template))
    with contextlib.closing(psycopg.connect(database.as_owner(whole).database_url, autocommit=True)) as conn:
        migrate(conn)
        assert prepare_roles(conn, database.roles) == []


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


@pytest.fixture
def pages_settings(database: Database, settings: DatabaseSettings) -> DatabaseSettings:
    """This test's own database as the api process signs in."""
    return database.as_pages(settings)


@pytest.fixture
def pages_pool(pages_settings: DatabaseSettings) -> Iterator[Pool]:
    """A pool on it."""
    with contextlib.closing(open_pool(pages_settings, size=4)) as pool:
        yield pool


@pytest.fixture
def service_pool(database: Database, settings: DatabaseSettings) -> Iterator[Pool]:
    """A pool as ingest, anomaly and alerts have it: all organisations, and no table's shape can be changed."""
    with contextlib.closing(open_pool(database.as_service(settings), size=4)) as pool:
        yield pool


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

"""A data directory as a stack has it."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest
import trustme

from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.postgres import Postgres
from store.clock import make_clock
from store.database import Conn, DatabaseSettings, Pool, open_pool
from tests.conftest import Database
from tests.deploy.mqtt import Connect
from tests.deploy.servers.common import RealServer
from tests.deploy.servers.mosquitto import MosquittoServer
from tests.deploy.servers.nats import NatsServer
from tests.deploy.servers.rabbitmq import RabbitServer


@pytest.fixture
def empty_dir() -> Iterator[Path]:
    """A folder that PostgreSQL's account can walk into also when we are root (pytest's own it cannot)."""
    folder = Path(tempfile.mkdtemp(prefix="telecare-test-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def stopped_postgres(scratch: Path) -> Path:
    """The folder of a PostgreSQL that has run once; a second of work that most tests need not repeat."""
    with Postgres(scratch / "stopped", durable=False):
        pass
    return scratch / "stopped" / "postgres"


@pytest.fixture
def data_dir(empty_dir: Path, stopped_postgres: Path) -> Path:
    """A data directory in which a database has been made already."""
    subprocess.run(["cp", "-a", stopped_postgres, empty_dir], check=True)
    (empty_dir / "postgres" / "port").unlink()
    return empty_dir


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Connect with a credential; disconnected at the end of the test."""
    with ExitStack() as stack:
        yield Connect(stack)


@pytest.fixture(scope="session")
def brokers_database(database: Database) -> Iterator[DatabaseSettings]:
    """The homes of the three brokers, for the whole run."""
    with database.fresh() as settings:
        yield settings


@pytest.fixture(scope="session")
def brokers_conn(brokers_database: DatabaseSettings) -> Iterator[Conn]:
    """As `telecare home` has it: in autocommit."""
    with closing(psycopg.connect(brokers_database.database_url, autocommit=True, connect_timeout=10)) as conn:
        yield conn


@pytest.fixture(scope="session")
def brokers_pool(database: Database, brokers_database: DatabaseSettings) -> Iterator[Pool]:
    """As the api process has it."""
    with closing(open_pool(database.as_pages(brokers_database), size=6)) as pool:
        yield pool


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Who vouches for the brokers' certificates."""
    return trustme.CA()


@pytest.fixture(scope="session")
def nats(scratch: Path, brokers_conn: Conn, lifeline: Lifeline) -> Iterator[NatsServer]:
    """The embedded broker."""
    server = NatsServer(scratch / "nats", brokers_conn, make_clock(), lifeline)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mosquitto(
    scratch: Path, brokers_conn: Conn, lifeline: Lifeline, authority: trustme.CA
) -> Iterator[MosquittoServer]:
    """Mosquitto with our files."""
    server = MosquittoServer(scratch / "mosquitto", brokers_conn, make_clock(), lifeline, authority)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def rabbitmq(
    scratch: Path, brokers_conn: Conn, brokers_pool: Pool, lifeline: Lifeline, authority: trustme.CA
) -> Iterator[RabbitServer]:
    """RabbitMQ with our files, and the api process it asks."""
    server = RabbitServer(scratch / "rabbitmq", brokers_conn, brokers_pool, make_clock(), lifeline, authority)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session", params=["nats", "mosquitto", "rabbitmq"])
def server(request: pytest.FixtureRequest) -> RealServer:
    """Each of the three brokers in turn."""
    found: RealServer = request.getfixturevalue(request.param)
    return found

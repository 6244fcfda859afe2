"""A data directory as a stack has it."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.local_stack.postgres import Postgres
from tests.deploy.mqtt import Connect


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

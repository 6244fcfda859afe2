"""In the embedded stack each process signs in to the database with no more than it needs."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from deploy.local_stack.kept_roles import OWNER, PAGES, SERVICE
from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.postgres import Postgres
from deploy.local_stack.stack import LocalStack
from store.access import is_guarded
from store.database import Conn
from store.migrate import migrate
from store.roles import powers_of

pytestmark = pytest.mark.database


@contextlib.contextmanager
def connected(url: str) -> Iterator[Conn]:
    with contextlib.closing(psycopg.connect(url, autocommit=True, connect_timeout=10)) as conn:
        yield conn


def test_no_service_of_the_stack_is_owner_superuser_or_exempt_from_row_level_security(data_dir: Path) -> None:
    with LocalStack(data_dir, durable=False) as stack:
        signed_in_as = {}
        for name in ("ingest", "anomaly", "alerts", "api"):
            url = stack.service(name).environment["TELECARE_DATABASE_URL"]
            with connected(url) as conn:
                powers = powers_of(conn)
                assert powers.words == ""
                signed_in_as[name] = powers.role
        assert signed_in_as == {"ingest": SERVICE, "anomaly": SERVICE, "alerts": SERVICE, "api": PAGES}
        superuser = stack.postgres.url()
        secret = urlsplit(superuser).password
        assert secret is not None
        assert not any(secret in value for value in stack.service("ingest").environment.values())
        with connected(superuser) as conn:
            assert "superuser" in powers_of(conn).words


def test_what_an_older_stack_has_made_as_superuser_is_given_to_the_owner(data_dir: Path, lifeline: Lifeline) -> None:
    with Postgres(data_dir, durable=False, lifeline=lifeline) as postgres:
        with connected(postgres.url()) as conn:
            migrate(conn)
            conn.execute("INSERT INTO organisation (name, created_at) VALUES ('Kept', '2026-01-01Z')")
        assert postgres.bring_up_to_date() == []
        with connected(postgres.url_as(OWNER)) as conn:
            assert is_guarded(conn, service=SERVICE, pages=PAGES)
            others = conn.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')"
                " AND relowner <> current_user::regrole"
            ).fetchall()
            assert others == []
            assert conn.execute("SELECT name FROM organisation").fetchall() == [("Kept",)]
        with connected(postgres.url_as(SERVICE)) as conn:
            assert conn.execute("SELECT name FROM organisation").fetchall() == [("Kept",)]
        assert postgres.bring_up_to_date() == []  # a second time changes nothing


def test_the_passwords_of_the_roles_can_be_read_by_their_owner_alone(data_dir: Path) -> None:
    with Postgres(data_dir, durable=False) as postgres:
        postgres.bring_up_to_date()
        file = data_dir / "postgres" / "roles.json"
        assert file.stat().st_mode & 0o777 == 0o600
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(postgres.url_as(SERVICE).replace(postgres.roles.password(SERVICE), "guess"))

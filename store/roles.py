"""The two roles that services sign in to the database with, made if we may; and what a role has too much of.

What the roles may do with tables stands in `store.access`. The owner is whoever runs `telecare migrate`.
"""

from dataclasses import dataclass

from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from pydantic import SecretStr

from store.access import guard
from store.database import Conn
from store.grants import missing_grants
from store.settings import Settings


class RoleSettings(Settings):
    """The names of the roles; with a password, `telecare migrate` sets it."""

    database_service_role: str = "telecare_service"  # ingest, anomaly, alerts
    database_service_password: SecretStr = SecretStr("")
    database_pages_role: str = "telecare_pages"  # api
    database_pages_password: SecretStr = SecretStr("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Powers:
    """What a role of a service should not have."""

    role: str
    is_superuser: bool
    bypasses_rows: bool
    is_owner: bool  # of a table of ours, or of a role that owns one
    makes_roles: bool

    @property
    def words(self) -> str:
        """What is wrong; empty if nothing is."""
        found = [
            *(["is a superuser"] if self.is_superuser else []),
            *(["bypasses row-level security"] if self.bypasses_rows else []),
            *(["owns the tables"] if self.is_owner else []),
            *(["may make roles"] if self.makes_roles else []),
        ]
        return " and ".join(found)


def powers_of(conn: Conn) -> Powers:
    """What the role of this connection has."""
    row = conn.execute(
        """
        SELECT rolname, rolsuper, rolbypassrls,
               EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace('public') AND relkind IN ('r', 'p')
                                                AND pg_has_role(current_user, relowner, 'member')), rolcreaterole
          FROM pg_roles WHERE rolname = current_user
        """
    ).fetchone()
    assert row is not None
    return Powers(role=row[0], is_superuser=row[1], bypasses_rows=row[2], is_owner=row[3], makes_roles=row[4])


def prepare_roles(conn: Conn, settings: RoleSettings) -> list[str]:
    """Make the roles and give them what stands in `store.access`; what could not be done, in words, with the remedy.

    Needs a connection of the tables' owner in autocommit, after all migrations. Doing it again changes nothing.
    """
    trouble = make_roles(conn, settings)
    service, pages = settings.database_service_role, settings.database_pages_role
    guard(conn, service=service, pages=pages, anew=bool(missing_grants(conn, service=service, pages=pages)))
    return trouble


def make_roles(conn: Conn, settings: RoleSettings) -> list[str]:
    """Make the roles if they are missing and we may. Needs CREATEROLE; needs no table of ours."""
    wanted = [
        (settings.database_service_role, settings.database_service_password, ""),
        (settings.database_pages_role, settings.database_pages_password, "guarded, public"),
    ]
    return [found for role, password, path in wanted for found in _role(conn, role, password.get_secret_value(), path)]


def _role(conn: Conn, name: str, password: str, search_path: str) -> list[str]:
    row = conn.execute("SELECT current_user = %(name)s", {"name": name}).fetchone()
    if row is not None and row[0]:
        return [f"{name} is the role that owns the tables: nothing keeps its services from changing them"]
    role = sql.Identifier(name)
    known = conn.execute(
        "SELECT rolsuper OR rolbypassrls, coalesce(rolconfig, '{}') FROM pg_roles WHERE rolname = %(name)s",
        {"name": name},
    ).fetchone()
    trouble: list[str] = []
    if known is None:
        made = sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION").format(
            role
        )
        if not _tried(conn, made):
            return [
                f"we may not make roles: {name} is missing and its services must go on as our own role; have an "
                f"administrator of the database run {made.as_string(conn)} PASSWORD '…', then telecare migrate again"
            ]
    elif known[0]:
        trouble.append(f"{name} is a superuser or bypasses row-level security: nothing keeps organisations apart")
    if password:
        verifier = conn.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
        # a verifier and not the password: statements may end up in the server's log
        if not _tried(conn, sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, verifier)):
            trouble.append(f"we may not set the password of {name}; have an administrator of the database set it")
    if search_path and (known is None or f"search_path={search_path}" not in known[1]):
        path = sql.SQL("ALTER ROLE {} SET search_path = {}").format(role, sql.SQL(", ").join(_path(search_path)))
        if not _tried(conn, path):
            trouble.append(
                f"{name} would not find the guarded views; have an administrator run: {path.as_string(conn)}"
            )
    return trouble


def _path(search_path: str) -> list[sql.Identifier]:
    return [sql.Identifier(part.strip()) for part in search_path.split(",")]


def _tried(conn: Conn, statement: sql.Composed) -> bool:
    try:
        with conn.transaction():
            conn.execute(statement)
    except InsufficientPrivilege:
        return False
    return True

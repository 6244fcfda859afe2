"""The database roles of an embedded stack: their passwords in a file, and the database given to its owner.

The role the cluster was made with stays for what needs it: making roles, backup and restore. No service knows it.
"""

import contextlib
import json
import secrets
from pathlib import Path

import psycopg
from psycopg import sql
from pydantic import SecretStr

from deploy.local_stack.credentials import write_private
from store.database import Conn
from store.migrate import migrate
from store.roles import RoleSettings, make_roles, prepare_roles

OWNER, SERVICE, PAGES = "telecare_owner", "telecare_service", "telecare_pages"


class KeptRoles:
    """Passwords of the roles, made once and kept in a file that its owner alone can read."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def password(self, role: str) -> str:
        """The password of one of the three."""
        return self._passwords()[role]

    def settings(self) -> RoleSettings:
        """As `store.roles` wants it."""
        return RoleSettings(
            database_service_role=SERVICE,
            database_service_password=SecretStr(self.password(SERVICE)),
            database_pages_role=PAGES,
            database_pages_password=SecretStr(self.password(PAGES)),
        )

    def _passwords(self) -> dict[str, str]:
        known: dict[str, str] = json.loads(self._file.read_text()) if self._file.exists() else {}
        missing = {role: secrets.token_urlsafe(24) for role in (OWNER, SERVICE, PAGES) if role not in known}
        if missing:
            known |= missing
            write_private(self._file, json.dumps(known, indent=1))
        return known


def make_owner(conn: Conn, roles: KeptRoles) -> None:
    """The owner, and everything that an older stack's database holds given to it. Needs a superuser in autocommit."""
    owner = sql.Identifier(OWNER)
    if conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %(name)s", {"name": OWNER}).fetchone() is None:
        conn.execute(sql.SQL("CREATE ROLE {} LOGIN").format(owner))
    verifier = conn.pgconn.encrypt_password(roles.password(OWNER).encode(), OWNER.encode(), b"scram-sha-256")
    conn.execute(sql.SQL("ALTER ROLE {} NOSUPERUSER NOBYPASSRLS PASSWORD {}").format(owner, verifier.decode()))
    conn.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(conn.info.dbname), owner))
    with conn.transaction():
        for kind, name in _owned_by_others(conn):
            conn.execute(sql.SQL("ALTER {} {} OWNER TO {}").format(sql.SQL(kind), sql.SQL(name), owner))


def bring_up_to_date(superuser_url: str, owner_url: str, roles: KeptRoles) -> list[str]:
    """Roles, schema, grants and policies as this version has them; the names of the migrations that were applied."""
    settings = roles.settings()
    with contextlib.closing(psycopg.connect(superuser_url, autocommit=True, connect_timeout=5)) as conn:
        make_owner(conn, roles)
        trouble = make_roles(conn, settings)
    if trouble:
        raise RuntimeError("; ".join(trouble))  # a superuser may do all of it
    with contextlib.closing(psycopg.connect(owner_url, autocommit=True, connect_timeout=5)) as conn:
        applied = migrate(conn)
        without = settings.model_copy(
            update={"database_service_password": SecretStr(""), "database_pages_password": SecretStr("")}
        )
        prepare_roles(conn, without)
    return applied


def _owned_by_others(conn: Conn) -> list[tuple[str, str]]:
    """Our relations, functions and schemas that belong to somebody else: how to name each to ALTER."""
    return conn.execute(
        """
        SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                            ELSE 'TABLE' END, format('%%I.%%I', nspname, relname)
          FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
         WHERE nspname IN ('public', 'guarded') AND relkind IN ('r', 'p', 'v', 'm', 'S')
           AND relowner <> %(owner)s::regrole
           AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_class.oid AND deptype IN ('a', 'i', 'e')
                                                     AND classid = 'pg_class'::regclass)
         UNION ALL
        SELECT 'FUNCTION', oid::regprocedure::text FROM pg_proc
         WHERE pronamespace = 'public'::regnamespace AND proowner <> %(owner)s::regrole
           AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e'
                                                     AND classid = 'pg_proc'::regclass)
         UNION ALL
        SELECT 'SCHEMA', quote_ident(nspname) FROM pg_namespace
         WHERE nspname = 'guarded' AND nspowner <> %(owner)s::regrole
        """,
        {"owner": OWNER},
    ).fetchall()

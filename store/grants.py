"""What the roles of the services lack, seen in the database itself: for `telecare migrate --check`.

What they should have stands in `store.access`, and is given by its `guard`. Not here: what a role has too much of
(`store.roles.powers_of`).
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from psycopg import sql

from store.access import ACCESS, FUNCTIONS, GUARDED, Access, invokers_views, relations
from store.database import Conn

# "SELECT, UPDATE (password_hash)" -> ("SELECT", ""), ("UPDATE", "password_hash")
_POWER = re.compile(r"(\w+)\s*(?:\(([^)]*)\))?")


class _Wanted(NamedTuple):
    """One thing that a role should be allowed."""

    power: str  # SELECT …
    kind: str  # of what: schema, function, relation
    name: str  # with its schema
    column: str = ""


def missing_grants(conn: Conn, *, service: str, pages: str) -> list[str]:
    """What the two roles should be allowed and are not, and tables without their row-level security; in words.

    A role that does not exist lacks nothing: its services sign in as somebody else.
    """
    found = []
    for role, wanted in ((service, _of_service(conn)), (pages, _of_pages(conn))):
        if conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %(role)s", {"role": role}).fetchone() is None:
            continue
        found += [_words(role, want) for want in wanted if not _is_allowed(conn, role, want)]
    return found + _without_guard(conn, service=service, pages=pages)


def _of_service(conn: Conn) -> Iterator[_Wanted]:
    yield from _schemas()
    for table in relations(conn, "r", "p"):
        yield from _of_table(table, ACCESS.get(table, Access(own=None)).service)
    for view in relations(conn, "v", "m"):
        yield _Wanted("SELECT", "relation", f"public.{view}")
    yield from _functions()


def _of_pages(conn: Conn) -> Iterator[_Wanted]:
    yield from _schemas()
    for table in relations(conn, "r", "p"):
        yield from _of_table(table, ACCESS.get(table, Access(own=None)).pages)
    for view in invokers_views(conn):
        yield _Wanted("SELECT", "relation", f"public.{view}")
    for view in GUARDED:
        yield _Wanted("SELECT", "relation", f"guarded.{view}")
    yield from _functions()


def _schemas() -> Iterator[_Wanted]:
    yield from (_Wanted("USAGE", "schema", name) for name in ("public", "guarded"))


def _functions() -> Iterator[_Wanted]:
    yield from (_Wanted("EXECUTE", "function", f"public.{name}") for name in FUNCTIONS)


def _of_table(table: str, powers: str) -> Iterator[_Wanted]:
    for power, columns in _POWER.findall(powers):
        for column in columns.split(",") if columns else [""]:
            yield _Wanted(power, "relation", f"public.{table}", column.strip())


def _is_allowed(conn: Conn, role: str, want: _Wanted) -> bool:
    """False too if what it is about does not exist."""
    match want.kind:
        case "schema":
            asked = sql.SQL("SELECT has_schema_privilege(%(role)s, to_regnamespace(%(name)s)::oid, %(power)s)")
        case "function":
            asked = sql.SQL("SELECT has_function_privilege(%(role)s, to_regprocedure(%(name)s)::oid, %(power)s)")
        case _ if want.column:
            asked = sql.SQL("SELECT has_column_privilege(%(role)s, to_regclass(%(name)s)::oid, %(column)s, %(power)s)")
        case _:
            asked = sql.SQL("SELECT has_table_privilege(%(role)s, to_regclass(%(name)s)::oid, %(power)s)")
    row = conn.execute(asked, {"role": role, **want._asdict()}).fetchone()
    return row is not None and row[0] is True


def _words(role: str, want: _Wanted) -> str:
    column = f" ({want.column})" if want.column else ""
    kind = "" if want.kind == "relation" else f"{want.kind} "
    return f"{role} lacks {want.power}{column} on {kind}{want.name}"


def _without_guard(conn: Conn, *, service: str, pages: str) -> list[str]:
    """Tables of an organisation's rows that nothing guards, or of which a role that is there sees nothing."""
    rows = conn.execute(
        """
        SELECT relname, relrowsecurity AND relforcerowsecurity,
               ARRAY(SELECT rolname || ' ' || polname
                       FROM pg_policy JOIN pg_roles ON pg_roles.oid = ANY(polroles) WHERE polrelid = pg_class.oid),
               ARRAY(SELECT rolname FROM pg_roles WHERE rolname = ANY(%(roles)s) AND pg_roles.oid <> relowner)
          FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%(tables)s)
         ORDER BY relname
        """,
        {
            "tables": [table for table in relations(conn, "r", "p") if table in ACCESS and ACCESS[table].own],
            "roles": [service, pages],
        },
    ).fetchall()
    found = []
    for table, is_on, policies, there in rows:
        if not is_on:
            found.append(f"row-level security is off on public.{table}")
        for role, policy in ((service, "all_organisations"), (pages, "own_organisation")):
            if role in there and f"{role} {policy}" not in policies:
                found.append(f"{role} lacks the policy {policy} on public.{table}")
    return found

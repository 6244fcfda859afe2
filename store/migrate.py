"""Numbered SQL migrations, one transaction each, applied once under an advisory lock; and which code fits which schema.

A migration that older code cannot live with says so by raising `schema_compatibility.oldest_code`. Every service asks
`require_fit` before it begins.
"""

from importlib.resources import files

from psycopg import sql

from store.database import Conn
from store.retention import KeepSettings
from store.timescale import arrange

_LOCK = 7_031_853_001  # any fixed number; two migrations never run at once


class UnfitSchema(Exception):
    """This code and the schema of the database do not go together; `str()` says what to do."""


def migrations() -> list[tuple[int, str, str]]:
    """(number, name, SQL) of every migration, in order."""
    entries = files("store").joinpath("migrations").iterdir()
    return sorted(
        (int(entry.name.split("_")[0]), entry.name.removesuffix(".sql"), entry.read_text())
        for entry in entries
        if entry.name.endswith(".sql")
    )


def migrate(conn: Conn, keep: KeepSettings | None = None) -> list[str]:
    """Bring the database to the newest schema and its policies to the settings; what was done, nothing if nothing was.

    Needs a connection in autocommit. Without `keep`, the settings of the environment hold. Raises UnfitSchema if the
    schema is newer than this code may touch, and `store.timescale.UnfitTimescale`.
    """
    applied = []
    conn.execute("SELECT pg_advisory_lock(%(lock)s)", {"lock": _LOCK})
    try:
        conn.execute("CREATE TABLE IF NOT EXISTS migration (number integer PRIMARY KEY, name text NOT NULL)")
        _refuse_newer(conn)
        done = _done(conn)
        for number, name, text in migrations():
            if number in done:
                continue
            with conn.transaction():
                conn.execute(sql.SQL(text))  # our own files, not input
                conn.execute(
                    "INSERT INTO migration (number, name) VALUES (%(number)s, %(name)s)",
                    {"number": number, "name": name},
                )
            applied.append(name)
        applied += arrange(conn, (keep or KeepSettings()).policies)
    finally:
        conn.execute("SELECT pg_advisory_unlock(%(lock)s)", {"lock": _LOCK})
    return applied


def is_current(conn: Conn) -> bool:
    """True if every migration of this version has been applied."""
    return not missing(conn)


def missing(conn: Conn) -> list[str]:
    """The names of this version's migrations that have not been applied."""
    done = _done(conn)
    return [name for number, name, _ in migrations() if number not in done]


def schema_version() -> int:
    """The newest migration this code knows."""
    return max(number for number, _, _ in migrations())


def require_fit(conn: Conn) -> None:
    """Raise UnfitSchema unless this code may run on this database."""
    _refuse_newer(conn)
    without = missing(conn)
    if without:
        raise UnfitSchema(
            f"the database lacks {without[0]}{' and others' if without[1:] else ''}, which this version needs: "
            "run telecare migrate with this version"
        )


def _refuse_newer(conn: Conn) -> None:
    row = conn.execute("SELECT to_regclass('public.schema_compatibility')").fetchone()
    if row is None or row[0] is None:
        return
    oldest = conn.execute("SELECT oldest_code FROM schema_compatibility").fetchone()
    mine = schema_version()
    if oldest is not None and oldest[0] > mine:
        raise UnfitSchema(
            f"the database was migrated by a newer version, and code older than schema {oldest[0]} must not use it; "
            f"this version knows schema {mine}: install the newer version here too, or restore a backup"
        )


def _done(conn: Conn) -> set[int]:
    row = conn.execute("SELECT to_regclass('public.migration')").fetchone()
    if row is None or row[0] is None:
        return set()
    return {found[0] for found in conn.execute("SELECT number FROM migration").fetchall()}

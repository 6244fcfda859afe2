"""Numbered SQL migrations, one transaction each, applied once under an advisory lock."""

from importlib.resources import files

from psycopg import sql

from store.database import Conn

_LOCK = 7_031_853_001  # any fixed number; two migrations never run at once


def migrations() -> list[tuple[int, str, str]]:
    """(number, name, SQL) of every migration, in order."""
    entries = files("store").joinpath("migrations").iterdir()
    return sorted(
        (int(entry.name.split("_")[0]), entry.name.removesuffix(".sql"), entry.read_text())
        for entry in entries
        if entry.name.endswith(".sql")
    )


def migrate(conn: Conn) -> list[str]:
    """Bring the database to the newest schema; the names of what was applied. Needs a connection in autocommit."""
    applied = []
    conn.execute("SELECT pg_advisory_lock(%(lock)s)", {"lock": _LOCK})
    try:
        conn.execute("CREATE TABLE IF NOT EXISTS migration (number integer PRIMARY KEY, name text NOT NULL)")
        done = {row[0] for row in conn.execute("SELECT number FROM migration").fetchall()}
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
    finally:
        conn.execute("SELECT pg_advisory_unlock(%(lock)s)", {"lock": _LOCK})
    return applied


def is_current(conn: Conn) -> bool:
    """True if every migration of this version has been applied."""
    row = conn.execute("SELECT to_regclass('migration')").fetchone()
    if row is None or row[0] is None:
        return False
    done = {found[0] for found in conn.execute("SELECT number FROM migration").fetchall()}
    return {number for number, _, _ in migrations()} <= done

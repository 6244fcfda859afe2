"""What migration 0004 makes of the numbers that were stored before it."""

import contextlib
from datetime import datetime

import psycopg

from store.database import DatabaseSettings
from store.migrate import migrations


def test_numbers_stored_before_keep_their_meaning(settings: DatabaseSettings, now: datetime) -> None:
    statements = next(text for _, name, text in migrations() if "0004" in name)
    moved = statements[statements.index("ALTER TABLE hub_sequence ADD COLUMN contiguous") :]
    moved = moved[: moved.index("-- Rejected messages")]
    with contextlib.closing(psycopg.connect(settings.database_url)) as conn:
        conn.execute("CREATE TEMPORARY TABLE hub_sequence (boot text, seen int8multirange NOT NULL)")
        conn.execute(
            "INSERT INTO hub_sequence VALUES ('whole', '{[1,18)}'), ('gap', '{[1,5),[7,9)}'), ('late', '{[4,6)}'),"
            " ('none', '{}'), ('far', '{[1,9223372036854775807)}')"
        )
        conn.execute(moved.encode())
        found = conn.execute("SELECT boot, contiguous, seen::text FROM hub_sequence ORDER BY boot").fetchall()
    assert found == [
        ("far", 9223372036854775806, "{}"),
        ("gap", 4, "{[7,9)}"),
        ("late", 0, "{[4,6)}"),
        ("none", 0, "{}"),
        ("whole", 17, "{}"),
    ]

"""How far the intake of homes has come: for readers that keep a cursor of their own per home."""

from collections.abc import Collection

from store.database import Conn


def last_numbers(conn: Conn, homes: Collection[int]) -> dict[int, int]:
    """The newest committed number of each of these homes, one query for all: above its cursor, there is news."""
    rows = conn.execute(
        "SELECT home_id, last_number FROM intake WHERE home_id = ANY(%(homes)s::bigint[])", {"homes": list(homes)}
    ).fetchall()
    return dict(rows)

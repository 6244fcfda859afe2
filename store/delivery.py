"""The newest deliveries of each bridge that are stored: how `ingest` knows one that the broker repeats."""

from collections.abc import Collection, Mapping

from store.database import Conn

KEPT = 256  # of one home: far more than a broker leaves unanswered of one bridge


def stored_deliveries(conn: Conn, home_ids: Collection[int]) -> dict[int, set[int]]:
    """The keys of what was stored last, by home; a home whose bridge was never heard is absent."""
    rows = conn.execute(
        "SELECT home_id, keys FROM bridge_delivery WHERE home_id = ANY(%(homes)s)", {"homes": list(home_ids)}
    ).fetchall()
    return {home_id: set(keys) for home_id, keys in rows}


def save_deliveries(conn: Conn, keys: Mapping[int, Collection[int]]) -> None:
    """Add these keys, by home and oldest first, and forget what is older than the newest `KEPT`."""
    newest_first = {home_id: [*found][::-1][:KEPT] for home_id, found in sorted(keys.items())}
    conn.execute(
        """
        INSERT INTO bridge_delivery (home_id, keys)
        SELECT home_id, keys::bigint[]
          FROM unnest(%(homes)s::bigint[], %(keys)s::text[]) AS given (home_id, keys)
            ON CONFLICT (home_id) DO UPDATE SET keys = (excluded.keys || bridge_delivery.keys)[1:%(kept)s]
        """,
        {
            "homes": list(newest_first),
            # As text, because arrays in an array must all be of one length.
            "keys": ["{" + ",".join(map(str, found)) + "}" for found in newest_first.values()],
            "kept": KEPT,
        },
    )

"""That this database was put back from a backup, and so does not know what was sent since that was taken.

`store.notification.claim_due` reads it: a text about an alert that is older than the restore is first looked for at the
provider.
"""

from datetime import datetime

from store.database import Conn


def note_restored(conn: Conn, *, taken_at: datetime, now: datetime) -> None:
    """Before any service begins again. Both times are the service's."""
    conn.execute(
        """
        INSERT INTO restored (restored_at, taken_at) VALUES (%(now)s, %(taken_at)s)
            ON CONFLICT (restored_at) DO NOTHING
        """,
        {"now": now, "taken_at": taken_at},
    )

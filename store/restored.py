"""That this database was put back from a backup, and so does not know what was sent and answered since that was taken.

`store.notification.claim_due` reads it: a text about an alert that is older than the restore is first looked for at the
provider. `alerts.catch_up` reads it too: answers that came since the backup was taken are fetched from there.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg.rows import class_row

from store.alert import SERVICE, Event, How
from store.database import Conn
from store.wakeup import Channel, wake


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """One time this database was put back. Both times are the service's."""

    restored_at: datetime
    taken_at: datetime  # when the backup was taken


def note_restored(conn: Conn, *, taken_at: datetime, now: datetime) -> None:
    """Before any service begins again. Both times are the service's. Every open alert gets a line in its history."""
    cur = conn.execute(
        """
        INSERT INTO restored (restored_at, taken_at) VALUES (%(now)s, %(taken_at)s)
            ON CONFLICT (restored_at) DO NOTHING
        """,
        {"now": now, "taken_at": taken_at},
    )
    if cur.rowcount == 0:
        return
    conn.execute(
        """
        INSERT INTO alert_history (alert_id, at, actor, how, event, reason)
        SELECT id, %(now)s, %(by)s, %(how)s, %(event)s, %(reason)s FROM alert WHERE state <> 'closed' ORDER BY id
        """,
        {
            "now": now,
            "by": SERVICE,
            "how": How.WORKER,
            "event": Event.RESTORED,
            "reason": f"restored from a backup of {taken_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC: "
            "what was done on these pages after that is not in here; ask those on call",
        },
    )
    wake(conn, Channel.NOTIFICATION)


def last_restore(conn: Conn) -> Restore | None:
    """The latest one; None if this database was never put back."""
    with conn.cursor(row_factory=class_row(Restore)) as cur:
        return cur.execute("SELECT restored_at, taken_at FROM restored ORDER BY restored_at DESC LIMIT 1").fetchone()


def answers_unread_since(conn: Conn) -> datetime | None:
    """The time from which answers may be missing here, as the service has it; None if they have all been fetched."""
    row = conn.execute("SELECT min(taken_at) FROM restored WHERE answers_read_at IS NULL").fetchone()
    found: datetime | None = None if row is None else row[0]
    return found


def mark_answers_read(conn: Conn, *, now: datetime) -> None:
    """They have been fetched."""
    conn.execute("UPDATE restored SET answers_read_at = %(now)s WHERE answers_read_at IS NULL", {"now": now})


def has_unsettled_texts(conn: Conn, restore: Restore) -> bool:
    """True while texts about alerts older than the restore have yet to be looked for at the provider."""
    row = conn.execute(
        """
        SELECT 1 FROM alert
         WHERE opened_at < %(restored_at)s AND state <> 'closed'
           AND (EXISTS (SELECT 1 FROM notification
                         WHERE alert_id = alert.id AND state IN ('due', 'claimed', 'unknown'))
                OR (state = 'open' AND NOT EXISTS (SELECT 1 FROM notification WHERE alert_id = alert.id)))
         LIMIT 1
        """,
        {"restored_at": restore.restored_at},
    ).fetchone()
    return row is not None

"""What the provider posts to us: replies, and receipts of our messages. Kept first, then acted on by `alerts`."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import kwargs_row

from store.database import Conn
from store.wakeup import Channel, wake


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """A text somebody sent to our number."""

    provider_id: str  # MessageSid
    phone: str  # of the sender, as the provider says: a caller id can be forged
    body: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCallback:
    """What the provider says became of one of our messages. Unordered, repeated, sometimes never."""

    id: int
    provider_id: str  # MessageSid
    notification_id: UUID | None  # from the address we gave it
    status: str  # in the provider's words
    error_code: int | None
    received_at: datetime


def keep_inbound(conn: Conn, *, provider_id: str, phone: str, body: str, now: datetime) -> bool:
    """Keep a reply and wake `alerts`. False if this one is already here: the provider repeats itself.

    `ON CONFLICT` names no column: that would need the right to read, and the pages may only add.
    """
    cur = conn.execute(
        """
        INSERT INTO inbound_message (provider_id, phone, body, received_at)
        VALUES (%(provider_id)s, %(phone)s, %(body)s, %(now)s)
            ON CONFLICT DO NOTHING
        """,
        # PostgreSQL's text holds no NUL
        {"provider_id": provider_id, "phone": phone, "body": body.replace("\0", "")[:1600], "now": now},
    )
    wake(conn, Channel.NOTIFICATION)
    return cur.rowcount == 1


def keep_callback(
    conn: Conn,
    *,
    provider_id: str,
    notification_id: UUID | None,
    status: str,
    error_code: int | None,
    now: datetime,
) -> bool:
    """Keep a receipt and wake `alerts`. False if this one is already here."""
    cur = conn.execute(
        """
        INSERT INTO provider_callback (provider_id, notification_id, status, error_code, received_at)
        VALUES (%(provider_id)s, %(notification_id)s, %(status)s, %(error_code)s, %(now)s)
            ON CONFLICT DO NOTHING
        """,
        {
            "provider_id": provider_id,
            "notification_id": notification_id,
            "status": status,
            "error_code": error_code,
            "now": now,
        },
    )
    wake(conn, Channel.NOTIFICATION)
    return cur.rowcount == 1


def waiting_messages(conn: Conn, *, limit: int) -> list[InboundMessage]:
    """Replies nobody has acted on, oldest first; `lock_message` says whether it is still so."""
    with conn.cursor(row_factory=kwargs_row(InboundMessage)) as cur:
        return cur.execute(
            """
            SELECT provider_id, phone, body, received_at
              FROM inbound_message
             WHERE handled_at IS NULL
             ORDER BY received_at, provider_id
             LIMIT %(limit)s
            """,
            {"limit": limit},
        ).fetchall()


def lock_message(conn: Conn, message: InboundMessage) -> bool:
    """True if nobody has acted on it and nobody else will until this transaction ends."""
    row = conn.execute(
        """
        SELECT 1 FROM inbound_message WHERE provider_id = %(provider_id)s AND handled_at IS NULL
           FOR UPDATE SKIP LOCKED
        """,
        {"provider_id": message.provider_id},
    ).fetchone()
    return row is not None


def mark_message_handled(
    conn: Conn, message: InboundMessage, *, alert_id: int | None, result: str, now: datetime
) -> None:
    """`alerts` has acted on it, in this transaction; `result` says how and why."""
    conn.execute(
        """
        UPDATE inbound_message SET handled_at = %(now)s, alert_id = %(alert_id)s, result = %(result)s
         WHERE provider_id = %(provider_id)s
        """,
        {"provider_id": message.provider_id, "alert_id": alert_id, "result": result, "now": now},
    )


def waiting_callbacks(conn: Conn, *, limit: int) -> list[ProviderCallback]:
    """Receipts nobody has applied, in the order they came; `lock_callback` says whether it is still so."""
    with conn.cursor(row_factory=kwargs_row(ProviderCallback)) as cur:
        return cur.execute(
            """
            SELECT id, provider_id, notification_id, status, error_code, received_at
              FROM provider_callback
             WHERE handled_at IS NULL
             ORDER BY id
             LIMIT %(limit)s
            """,
            {"limit": limit},
        ).fetchall()


def lock_callback(conn: Conn, callback: ProviderCallback) -> bool:
    """True if nobody has applied it and nobody else will until this transaction ends."""
    row = conn.execute(
        "SELECT 1 FROM provider_callback WHERE id = %(id)s AND handled_at IS NULL FOR UPDATE SKIP LOCKED",
        {"id": callback.id},
    ).fetchone()
    return row is not None


def mark_callback_handled(conn: Conn, callback: ProviderCallback, *, now: datetime) -> None:
    """`alerts` has applied it, in this transaction."""
    conn.execute("UPDATE provider_callback SET handled_at = %(now)s WHERE id = %(id)s", {"id": callback.id, "now": now})

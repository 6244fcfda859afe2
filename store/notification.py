"""Notifications: one attempt to reach one responder. Claimed with a lease, sent outside any transaction, then settled.

A worker that dies in between leaves the claim to run out; whoever claims it next looks up first whether it was sent.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from psycopg.rows import kwargs_row

from store.database import Conn
from store.response import Responder
from store.wakeup import Channel, wake


class Purpose(StrEnum):
    """Why somebody is written to."""

    ALERT = "alert"  # a step of the ladder
    HAND_OVER = "hand_over"  # somebody gives it to this person by name
    STAND_DOWN = "stand_down"  # news for those who were told
    HELP = "help"  # we did not understand
    CONFIRM = "confirm"  # what became of an answer


class NotificationState(StrEnum):
    """Where an attempt stands, and what that means on a real telephone."""

    DUE = "due"  # nothing was sent
    CLAIMED = "claimed"  # a worker is sending it; if that worker died, it may or may not have been sent
    UNKNOWN = "unknown"  # the provider gave no answer: it may or may not have been sent
    ACCEPTED = "accepted"  # the provider has it and will try
    SENT = "sent"  # handed to the operator; some operators never say more
    DELIVERED = "delivered"  # the operator says the telephone has it: that is no proof that anybody read it
    UNDELIVERED = "undelivered"  # the operator says the telephone never got it
    FAILED = "failed"  # the provider did not take it, or could not hand it on

    @property
    def rank(self) -> int:
        """Receipts come in any order: a state never goes back to a lower rank, nor from one end to another."""
        return {"due": 0, "claimed": 0, "unknown": 0, "accepted": 1, "sent": 2}.get(self, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One attempt to reach one responder by one channel."""

    id: UUID
    alert_id: int | None
    responder_id: int
    purpose: Purpose
    round: int
    step: int
    channel: str  # sms; voice later
    phone: str  # as it was when this was queued
    body: str
    state: NotificationState
    is_urgent: bool  # goes before all others
    due_at: datetime
    valid_for: timedelta  # after that the provider need not send it any more
    lease_until: datetime | None
    attempts: int
    provider_id: str | None
    error_code: int | None
    error: str | None
    created_at: datetime
    accepted_at: datetime | None
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A notification this worker alone may send until the lease ends."""

    notification: Notification
    may_be_sent: bool  # an earlier attempt ended without our knowing how: look it up first


def _notification(*, purpose: str, state: str, **columns: Any) -> Notification:
    return Notification(purpose=Purpose(purpose), state=NotificationState(state), **columns)


def queue_notification(
    conn: Conn,
    *,
    alert_id: int | None,
    responder: Responder,
    purpose: Purpose,
    body: str,
    round_number: int = 0,
    step: int = 0,
    is_urgent: bool = False,
    valid_for: timedelta,
    due_at: datetime,
    now: datetime,
) -> bool:
    """Commit to writing to this responder. False if this step of the ladder has written to them already."""
    cur = conn.execute(
        """
        INSERT INTO notification (id, alert_id, responder_id, purpose, round, step, channel, phone, body, state,
                                  is_urgent, due_at, valid_for, created_at)
        VALUES (%(id)s, %(alert_id)s, %(responder_id)s, %(purpose)s, %(round)s, %(step)s, 'sms', %(phone)s, %(body)s,
                'due', %(is_urgent)s, %(due_at)s, %(valid_for)s, %(now)s)
            ON CONFLICT (alert_id, purpose, round, step, responder_id, channel)
               WHERE purpose IN ('alert', 'hand_over') DO NOTHING
        """,
        {
            "id": uuid4(),
            "alert_id": alert_id,
            "responder_id": responder.id,
            "purpose": purpose,
            "round": round_number,
            "step": step,
            "phone": responder.phone,
            "body": body,
            "is_urgent": is_urgent,
            "due_at": due_at,
            "valid_for": valid_for,
            "now": now,
        },
    )
    wake(conn, Channel.NOTIFICATION)
    return cur.rowcount == 1


def claim_due(conn: Conn, *, now: datetime, lease: timedelta) -> Claim | None:
    """Take the notification that has waited longest, urgent ones first. Nobody else gets it until the lease ends.

    Commit at once: the network comes after.
    """
    row = conn.execute(
        """
        WITH found AS (
            SELECT id, state
              FROM notification
             WHERE state IN ('due', 'claimed', 'unknown') AND due_at <= %(now)s
             ORDER BY is_urgent DESC, due_at
             LIMIT 1
               FOR UPDATE SKIP LOCKED
        )
        UPDATE notification
           SET state = 'claimed', lease_until = %(until)s, due_at = %(until)s, attempts = attempts + 1
          FROM found
         WHERE notification.id = found.id
        RETURNING notification.id, found.state,
                  EXISTS (SELECT 1 FROM restored
                           WHERE restored_at > notification.created_at
                              OR restored_at > (SELECT opened_at FROM alert WHERE alert.id = notification.alert_id))
        """,
        {"now": now, "until": now + lease},
    ).fetchone()
    if row is None:
        return None
    notification = notification_by_id(conn, row[0])
    assert notification is not None
    # An alert out of a backup: what it sent after the backup was taken, this database cannot know.
    return Claim(notification=notification, may_be_sent=row[1] != NotificationState.DUE or row[2])


def settle_accepted(
    conn: Conn, notification_id: UUID, *, provider_id: str, ask_after: timedelta, now: datetime
) -> bool:
    """The provider has it under this id. Keeps what receipts said meanwhile. False if it has another id already.

    Without a receipt, the provider is asked after `ask_after`.
    Raises psycopg.errors.UniqueViolation if the message belongs to another notification.
    """
    cur = conn.execute(
        """
        UPDATE notification
           SET provider_id = %(provider_id)s, accepted_at = coalesce(accepted_at, %(now)s), lease_until = NULL,
               due_at = CASE WHEN state IN ('due', 'claimed', 'unknown') THEN %(ask_at)s ELSE due_at END,
               state = CASE WHEN state IN ('due', 'claimed', 'unknown') THEN 'accepted' ELSE state END
         WHERE id = %(id)s AND (provider_id IS NULL OR provider_id = %(provider_id)s)
        """,
        {"id": notification_id, "provider_id": provider_id, "ask_at": now + ask_after, "now": now},
    )
    return cur.rowcount == 1


def postpone(
    conn: Conn, claim: Claim, state: NotificationState, *, until: datetime, error: str, error_code: int | None
) -> bool:
    """Look again then, as `due` if surely nothing was sent, else as `unknown`. False if the claim was lost."""
    cur = conn.execute(
        """
        UPDATE notification
           SET state = %(state)s, due_at = %(until)s, lease_until = NULL, error = %(error)s, error_code = %(error_code)s
         WHERE id = %(id)s AND state = 'claimed' AND attempts = %(attempts)s
        """,
        {
            "id": claim.notification.id,
            "attempts": claim.notification.attempts,
            "state": state,
            "until": until,
            "error": error,
            "error_code": error_code,
        },
    )
    return cur.rowcount == 1


def settle_failed(conn: Conn, claim: Claim, *, error: str, error_code: int | None) -> bool:
    """The provider will never send it. False if the claim was lost."""
    cur = conn.execute(
        """
        UPDATE notification
           SET state = 'failed', lease_until = NULL, error = %(error)s, error_code = %(error_code)s
         WHERE id = %(id)s AND state = 'claimed' AND attempts = %(attempts)s
        """,
        {
            "id": claim.notification.id,
            "attempts": claim.notification.attempts,
            "error": error,
            "error_code": error_code,
        },
    )
    return cur.rowcount == 1


def apply_receipt(
    conn: Conn,
    notification: Notification,
    state: NotificationState,
    *,
    provider_id: str,
    error_code: int | None,
    now: datetime,
) -> bool:
    """What the provider says became of it; `notification` was read under lock. False if that is old news."""
    if state.rank <= notification.state.rank:
        return False
    conn.execute(
        """
        UPDATE notification
           SET state = %(state)s, provider_id = coalesce(provider_id, %(provider_id)s), lease_until = NULL,
               error_code = %(error_code)s, accepted_at = coalesce(accepted_at, %(now)s),
               delivered_at = CASE %(state)s WHEN 'delivered' THEN %(now)s ELSE delivered_at END
         WHERE id = %(id)s
        """,
        {"id": notification.id, "state": state, "provider_id": provider_id, "error_code": error_code, "now": now},
    )
    return True


def notification_by_id(conn: Conn, notification_id: UUID) -> Notification | None:
    """The notification; locked until the transaction ends."""
    with conn.cursor(row_factory=kwargs_row(_notification)) as cur:
        return cur.execute(
            "SELECT * FROM notification WHERE id = %(id)s FOR UPDATE", {"id": notification_id}
        ).fetchone()


def notification_sent_as(conn: Conn, provider_id: str) -> Notification | None:
    """The notification the provider knows by this id; locked until the transaction ends."""
    with conn.cursor(row_factory=kwargs_row(_notification)) as cur:
        return cur.execute(
            "SELECT * FROM notification WHERE provider_id = %(provider_id)s FOR UPDATE", {"provider_id": provider_id}
        ).fetchone()


def known_provider_ids(conn: Conn, provider_ids: list[str]) -> set[str]:
    """Which of these messages belong to a notification already."""
    rows = conn.execute(
        "SELECT provider_id FROM notification WHERE provider_id = ANY(%(ids)s)", {"ids": provider_ids}
    ).fetchall()
    return {row[0] for row in rows}


def claim_unconfirmed(
    conn: Conn, *, now: datetime, again_after: timedelta, give_up_after: timedelta
) -> Notification | None:
    """A message the provider took and has not spoken of since: ask about it. Its turn comes again, but not for ever."""
    with conn.cursor(row_factory=kwargs_row(_notification)) as cur:
        return cur.execute(
            """
            UPDATE notification
               SET due_at = CASE WHEN created_at > %(since)s THEN %(again)s ELSE 'infinity' END
             WHERE id = (SELECT id FROM notification
                          WHERE state IN ('accepted', 'sent') AND due_at <= %(now)s
                          ORDER BY due_at
                          LIMIT 1
                            FOR UPDATE SKIP LOCKED)
            RETURNING id, alert_id, responder_id, purpose, round, step, channel, phone, body, state, is_urgent,
                      %(now)s AS due_at, valid_for, lease_until, attempts, provider_id, error_code, error, created_at,
                      accepted_at, delivered_at
            """,
            {"now": now, "again": now + again_after, "since": now - give_up_after},
        ).fetchone()


def notifications_of(conn: Conn, alert_id: int) -> list[Notification]:
    """Every attempt of this alert, oldest first."""
    with conn.cursor(row_factory=kwargs_row(_notification)) as cur:
        return cur.execute(
            "SELECT * FROM notification WHERE alert_id = %(alert_id)s ORDER BY created_at, round, step, id",
            {"alert_id": alert_id},
        ).fetchall()


def answers_to(conn: Conn, phone: str, *, since: datetime) -> list[Notification]:
    """What this number was answered since then. It must not become a conversation of two machines."""
    with conn.cursor(row_factory=kwargs_row(_notification)) as cur:
        return cur.execute(
            """
            SELECT * FROM notification
             WHERE phone = %(phone)s AND created_at >= %(since)s AND purpose IN ('help', 'confirm')
             ORDER BY created_at, id
            """,
            {"phone": phone, "since": since},
        ).fetchall()


def attempts_to(conn: Conn, phone: str, *, since: datetime) -> list[Notification]:
    """What this number was written by us since then, and may have received; the newest first."""
    with conn.cursor(row_factory=kwargs_row(_notification)) as cur:
        return cur.execute(
            """
            SELECT * FROM notification
             WHERE phone = %(phone)s AND created_at >= %(since)s AND state <> 'due'
             ORDER BY created_at DESC, id
            """,
            {"phone": phone, "since": since},
        ).fetchall()

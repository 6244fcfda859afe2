"""Who looked at what and who did what: one row each, never changed.

Rows carry home codes and short words; never a name, a phone number or a room.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from psycopg.rows import kwargs_row

from store.database import Conn


class Action(StrEnum):
    """What was done."""

    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGNED_OUT = "signed_out"
    VIEWED_HOMES = "viewed_homes"  # the list
    VIEWED_HOME = "viewed_home"  # one home: chart, table, equipment, findings
    VIEWED_ALERT = "viewed_alert"
    VIEWED_RESIDENT = "viewed_resident"  # name, phone and how to get in
    CHANGED_ALERT = "changed_alert"
    CHANGED_WATCHING = "changed_watching"  # alert budget, shadow mode, "the routine has changed"
    VIEWED_ALERT_RATES = "viewed_alert_rates"  # of all homes
    WEBHOOK_REFUSED = "webhook_refused"  # unsigned or forged
    CREDENTIAL_MADE = "credential_made"  # what a home's hub connects with
    CREDENTIAL_REPLACED = "credential_replaced"
    CREDENTIAL_REVOKED = "credential_revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One thing that somebody saw or did."""

    id: int
    organisation_id: int | None
    at: datetime
    staff_id: int | None
    action: str
    home_id: int | None
    subject: str
    address: str


def note_audit(
    conn: Conn,
    action: Action,
    *,
    now: datetime,
    organisation_id: int | None = None,
    staff_id: int | None = None,
    home_id: int | None = None,
    subject: str = "",
    address: str = "",
) -> None:
    """Write down what was just done, in the transaction that does it."""
    conn.execute(
        """
        INSERT INTO audit (organisation_id, at, staff_id, action, home_id, subject, address)
        VALUES (%(organisation_id)s, %(now)s, %(staff_id)s, %(action)s, %(home_id)s, %(subject)s, %(address)s)
        """,
        {
            "organisation_id": organisation_id,
            "now": now,
            "staff_id": staff_id,
            "action": action,
            "home_id": home_id,
            "subject": subject,
            "address": address,
        },
    )


def audit_entries(conn: Conn, *, action: Action, since: datetime, limit: int = 1000) -> list[AuditEntry]:
    """Entries of one kind since then, newest first; of every organisation, for the service itself."""
    with conn.cursor(row_factory=kwargs_row(AuditEntry)) as cur:
        return cur.execute(
            """
            SELECT id, organisation_id, at, staff_id, action, home_id, subject, address
              FROM audit
             WHERE action = %(action)s AND at >= %(since)s
             ORDER BY id DESC
             LIMIT %(limit)s
            """,
            {"action": action, "since": since, "limit": limit},
        ).fetchall()


def count_audit(conn: Conn, *, action: Action, since: datetime) -> int:
    """How often this happened since then, in any organisation or none."""
    row = conn.execute("SELECT count_audit(%(action)s, %(since)s)", {"action": action, "since": since}).fetchone()
    assert row is not None
    return int(row[0])

"""What the alerts worker does with an alert by itself: open it, raise it, move its ladder, stand people down.

Whether and why is decided in `alerts.policy` and `alerts.escalation`; here is only the SQL.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from psycopg.rows import kwargs_row
from psycopg.types.json import Jsonb

from store.alert import SERVICE, Alert, AlertState, Event, How, Severity, alert_row, note
from store.database import Conn
from store.response import ResponsePlan, plan_json
from store.wakeup import Channel, wake


def open_alert(
    conn: Conn,
    *,
    home_id: int,
    code: str,
    kind: str,
    severity: Severity,
    explanation: str,
    plan: ResponsePlan,
    deviation_id: UUID | None = None,
    fault_id: UUID | None = None,
    reason: str,
    now: datetime,
) -> bool:
    """Open a case and make it due at once. False if one of this home and kind is open already."""
    row = conn.execute(
        """
        INSERT INTO alert (organisation_id, home_id, code, kind, audience, severity, state, explanation,
                           deviation_id, fault_id, plan, round, step, next_at, opened_at)
        SELECT organisation_id, id, %(code)s, %(kind)s, %(audience)s, %(severity)s, 'open', %(explanation)s,
               %(deviation_id)s, %(fault_id)s, %(plan)s, 1, 0, %(now)s, %(now)s
          FROM home
         WHERE id = %(home_id)s
            ON CONFLICT (home_id, kind) WHERE state <> 'closed' DO NOTHING
        RETURNING id
        """,
        {
            "home_id": home_id,
            "code": code,
            "kind": kind,
            "audience": plan.audience,
            "severity": severity,
            "explanation": explanation,
            "deviation_id": deviation_id,
            "fault_id": fault_id,
            "plan": Jsonb(plan_json(plan)),
            "now": now,
        },
    ).fetchone()
    if row is None:
        return False
    note(conn, row[0], by=SERVICE, how=How.WORKER, event=Event.OPENED, reason=reason, now=now)
    wake(conn, Channel.NOTIFICATION)
    return True


def code_is_taken(conn: Conn, code: str) -> bool:
    """True if an alert, open or closed, ever had this code."""
    return conn.execute("SELECT 1 FROM alert WHERE code = %(code)s", {"code": code}).fetchone() is not None


def has_open_alert(conn: Conn, home_id: int, kind: str) -> bool:
    """True if people have an open alert of this kind for this home."""
    row = conn.execute(
        "SELECT 1 FROM alert WHERE home_id = %(home_id)s AND kind = %(kind)s AND state <> 'closed'",
        {"home_id": home_id, "kind": kind},
    ).fetchone()
    return row is not None


def open_alert_of_kind(conn: Conn, home_id: int, kind: str) -> Alert | None:
    """The home's open alert of this kind; locked until the transaction ends."""
    with conn.cursor(row_factory=kwargs_row(alert_row)) as cur:
        return cur.execute(
            """
            SELECT alert.*, home.code AS home_code, home.time_zone
              FROM alert JOIN home ON home.id = alert.home_id
             WHERE alert.home_id = %(home_id)s AND alert.kind = %(kind)s AND alert.state <> 'closed'
               FOR UPDATE OF alert
            """,
            {"home_id": home_id, "kind": kind},
        ).fetchone()


def alert_by_id(conn: Conn, alert_id: int) -> Alert | None:
    """The alert; locked until the transaction ends."""
    with conn.cursor(row_factory=kwargs_row(alert_row)) as cur:
        return cur.execute(
            """
            SELECT alert.*, home.code AS home_code, home.time_zone
              FROM alert JOIN home ON home.id = alert.home_id
             WHERE alert.id = %(id)s
               FOR UPDATE OF alert
            """,
            {"id": alert_id},
        ).fetchone()


def alert_as_it_stands(conn: Conn, alert_id: int) -> Alert | None:
    """The alert, read without a lock: by whoever holds one of its notifications and will not change it."""
    with conn.cursor(row_factory=kwargs_row(alert_row)) as cur:
        return cur.execute(
            """
            SELECT alert.*, home.code AS home_code, home.time_zone
              FROM alert JOIN home ON home.id = alert.home_id
             WHERE alert.id = %(id)s
            """,
            {"id": alert_id},
        ).fetchone()


def due_alert(conn: Conn, *, now: datetime) -> Alert | None:
    """The open alert that has been due longest, urgent ones first; locked until the transaction ends."""
    with conn.cursor(row_factory=kwargs_row(alert_row)) as cur:
        return cur.execute(
            """
            SELECT alert.*, home.code AS home_code, home.time_zone
              FROM alert JOIN home ON home.id = alert.home_id
             WHERE alert.state <> 'closed' AND alert.next_at <= %(now)s
             ORDER BY (alert.severity = 'urgent') DESC, alert.next_at
             LIMIT 1
               FOR UPDATE OF alert SKIP LOCKED
            """,
            {"now": now},
        ).fetchone()


def alerts_with_step_of(conn: Conn, responder_id: int) -> list[Alert]:
    """The alerts nobody has taken on whose ladder now waits for this responder; locked until the transaction ends."""
    with conn.cursor(row_factory=kwargs_row(alert_row)) as cur:
        return cur.execute(
            """
            SELECT alert.*, home.code AS home_code, home.time_zone
              FROM alert JOIN home ON home.id = alert.home_id
             WHERE alert.state IN ('open', 'notified')
               AND EXISTS (SELECT 1 FROM notification
                            WHERE alert_id = alert.id AND responder_id = %(responder_id)s AND purpose = 'alert'
                              AND notification.round = alert.round AND notification.step = alert.step - 1)
             ORDER BY alert.id
               FOR UPDATE OF alert
            """,
            {"responder_id": responder_id},
        ).fetchall()


def alert_with_news(conn: Conn) -> Alert | None:
    """An alert of which somebody who was told has yet to hear what became of it; locked."""
    with conn.cursor(row_factory=kwargs_row(alert_row)) as cur:
        return cur.execute(
            """
            SELECT alert.*, home.code AS home_code, home.time_zone
              FROM alert JOIN home ON home.id = alert.home_id
             WHERE alert.news IS NOT NULL
             ORDER BY alert.id
             LIMIT 1
               FOR UPDATE OF alert SKIP LOCKED
            """
        ).fetchone()


def news_told(conn: Conn, alert_id: int) -> None:
    """The stand-down messages are queued, in this transaction."""
    conn.execute("UPDATE alert SET news = NULL WHERE id = %(id)s", {"id": alert_id})


def update_alert(
    conn: Conn, alert_id: int, *, explanation: str, deviation_id: UUID | None, fault_id: UUID | None
) -> None:
    """The finding goes on: what it says now."""
    conn.execute(
        """
        UPDATE alert SET explanation = %(explanation)s, deviation_id = %(deviation_id)s, fault_id = %(fault_id)s
         WHERE id = %(id)s
        """,
        {"id": alert_id, "explanation": explanation, "deviation_id": deviation_id, "fault_id": fault_id},
    )


def raise_alert(conn: Conn, alert_id: int, severity: Severity, *, reason: str, now: datetime) -> None:
    """It is worse than when people were told: the ladder begins again, unless somebody is there already."""
    conn.execute(
        """
        UPDATE alert
           SET severity = %(severity)s,
               round = CASE state WHEN 'attending' THEN round ELSE round + 1 END,
               step = CASE state WHEN 'attending' THEN step ELSE 0 END,
               next_at = CASE state WHEN 'attending' THEN next_at ELSE %(now)s END,
               acknowledged_by = CASE state WHEN 'attending' THEN acknowledged_by END,
               state = CASE state WHEN 'acknowledged' THEN 'notified' ELSE state END
         WHERE id = %(id)s AND state <> 'closed'
        """,
        {"id": alert_id, "severity": severity, "now": now},
    )
    note(conn, alert_id, by=SERVICE, how=How.WORKER, event=Event.RAISED, reason=f"{severity}: {reason}", now=now)
    wake(conn, Channel.NOTIFICATION)


def move_ladder(
    conn: Conn, alert_id: int, *, state: AlertState, round_number: int, step: int, next_at: datetime
) -> None:
    """Where the ladder stands after the worker looked at a due alert."""
    conn.execute(
        """
        UPDATE alert
           SET state = %(state)s, round = %(round)s, step = %(step)s, next_at = %(next_at)s,
               acknowledged_by = CASE WHEN %(state)s IN ('open', 'notified') THEN NULL ELSE acknowledged_by END
         WHERE id = %(id)s AND state <> 'closed'
        """,
        {"id": alert_id, "state": state, "round": round_number, "step": step, "next_at": next_at},
    )


def make_due(conn: Conn, alert_id: int, *, at: datetime) -> None:
    """Have the worker look at it then: at once for the next step, later after a failure of ours."""
    conn.execute(
        "UPDATE alert SET next_at = %(at)s WHERE id = %(id)s AND state <> 'closed'", {"id": alert_id, "at": at}
    )


def postpone_due_alert(conn: Conn, *, until: datetime, now: datetime) -> int | None:
    """Put off what `due_alert` gives, without reading it: reading may be what failed. Its id."""
    row = conn.execute(
        """
        UPDATE alert SET next_at = %(until)s
         WHERE id = (SELECT id FROM alert
                      WHERE state <> 'closed' AND next_at <= %(now)s
                      ORDER BY (severity = 'urgent') DESC, next_at
                      LIMIT 1
                        FOR UPDATE SKIP LOCKED)
        RETURNING id
        """,
        {"until": until, "now": now},
    ).fetchone()
    return None if row is None else int(row[0])


def drop_news(conn: Conn) -> int | None:
    """Give up the news `alert_with_news` gives, without reading it. The alert's id."""
    row = conn.execute(
        """
        UPDATE alert SET news = NULL
         WHERE id = (SELECT id FROM alert WHERE news IS NOT NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING id
        """
    ).fetchone()
    return None if row is None else int(row[0])


def mark_notified(conn: Conn, alert_id: int, *, now: datetime) -> None:
    """The provider has taken the first message about it."""
    conn.execute(
        """
        UPDATE alert
           SET state = CASE state WHEN 'open' THEN 'notified' ELSE state END,
               notified_at = coalesce(notified_at, %(now)s)
         WHERE id = %(id)s
        """,
        {"id": alert_id, "now": now},
    )


def reconsider_deviations(conn: Conn, home_id: int, kinds: Iterable[str]) -> int:
    """Coverage is back: what goes on in this home is decided anew. How many there are."""
    cur = conn.execute(
        """
        UPDATE deviation SET decided_revision = 0
         WHERE home_id = %(home_id)s AND ended_at IS NULL AND (grade <> 'notice' OR evidence ? 'grade_alone')
           AND kind = ANY(%(kinds)s)
        """,
        {"home_id": home_id, "kinds": list(kinds)},
    )
    return cur.rowcount


def ongoing_fault(conn: Conn, home_id: int, kind: str) -> tuple[UUID, str] | None:
    """Id and explanation of a fault of this kind in this home that has not ended: the worst, then the oldest."""
    return conn.execute(
        """
        SELECT id, explanation FROM fault
         WHERE home_id = %(home_id)s AND kind = %(kind)s AND ended_at IS NULL AND grade <> 'notice'
         ORDER BY (grade = 'urgent') DESC, started_at
         LIMIT 1
        """,
        {"home_id": home_id, "kind": kind},
    ).fetchone()

"""Alerts: a case opened for people, until someone closes it. Every change is a compare-and-set with a line of history.

What people do with an alert stands here; what the worker does by itself stands in `store.ladder`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg.rows import kwargs_row

from store.database import Conn
from store.response import Audience as Audience
from store.response import ResponsePlan, plan_of_json
from store.wakeup import Channel, wake

SERVICE = "service"  # the actor of whatever no person did


class AlertState(StrEnum):
    """How far people have got with it."""

    OPEN = "open"  # nobody has been told yet
    NOTIFIED = "notified"  # the provider has taken a message for at least one responder; nobody has answered
    ACKNOWLEDGED = "acknowledged"  # somebody takes it on; lapses if nothing follows
    ATTENDING = "attending"  # somebody is with the resident, or at the equipment
    CLOSED = "closed"  # over, with an outcome


class Severity(StrEnum):
    """Who is told, and when. In the order of the worklist."""

    URGENT = "urgent"  # at any hour
    ATTENTION = "attention"  # by day; held over night
    TECHNICAL = "technical"  # those who look after the equipment
    INFORMATION = "information"  # on the page only

    @property
    def rank(self) -> int:
        """Higher is more urgent."""
        return {"urgent": 3, "attention": 2, "technical": 1, "information": 0}[self]


class Outcome(StrEnum):
    """What it was."""

    GENUINE = "genuine"
    FALSE_ALARM = "false_alarm"
    EXPECTED = "expected"  # visitor, holiday, hospital
    EQUIPMENT = "equipment"
    TEST = "test"
    UNABLE_TO_REACH = "unable_to_reach"


class How(StrEnum):
    """By which way a change came."""

    WORKER = "worker"
    PAGE = "page"
    SMS = "sms"
    API = "api"
    CALLBACK = "callback"


class Event(StrEnum):
    """What happened to an alert, for its history."""

    OPENED = "opened"
    RESTORED = "restored"  # the database was put back from a backup
    UPDATED = "updated"
    RAISED = "raised"
    ENDED = "ended"  # the finding is over; the alert is not
    TOLD = "told"
    SKIPPED = "skipped"
    HELD = "held"
    FALLBACK = "fallback"
    ROUND_AGAIN = "round_again"
    EXHAUSTED = "exhausted"
    LAPSED = "lapsed"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    NOT_DELIVERED = "not_delivered"
    DELAYED = "delayed"  # the provider could not be used; it is tried again
    WITHDRAWN = "withdrawn"
    ACKNOWLEDGED = "acknowledged"
    HANDED_OVER = "handed_over"
    SAID_FALSE = "said_false"
    ANSWERED = "answered"  # an answer that changed nothing
    ATTENDING = "attending"
    STOOD_DOWN = "stood_down"
    CLOSED = "closed"


LAPSES_AFTER = {Severity.URGENT: timedelta(minutes=60)}  # an acknowledgement that nothing follows (goalert#3378)
LAPSES_AFTER_OTHERWISE = timedelta(hours=24)
ATTENDING_LAPSES_AFTER = timedelta(hours=4)  # somebody who went there should have said something by then


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A case opened for people."""

    id: int
    organisation_id: int
    home_id: int
    home_code: str
    time_zone: str  # of the home, IANA
    code: str  # in SMS and addresses
    kind: str  # of the deviation or fault; unique per home while open
    audience: Audience
    severity: Severity
    state: AlertState
    explanation: str
    deviation_id: UUID | None
    fault_id: UUID | None
    plan: ResponsePlan  # as it was when the alert was opened
    round: int  # how often the ladder was begun
    step: int  # the next step of the plan
    news: str | None  # what whoever was told has yet to hear: taken_on, closed
    next_at: datetime | None  # when the worker looks again; None once closed
    opened_at: datetime
    notified_at: datetime | None
    acknowledged_at: datetime | None  # the first time, for the response figures
    acknowledged_by: str | None  # who has it now: 'staff:7', 'responder:3'
    attended_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    outcome: Outcome | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One thing that happened to an alert: who, how, when, why."""

    at: datetime
    actor: str  # 'service', 'staff:7', 'responder:3'
    how: How
    event: Event
    reason: str


def by_staff(staff_id: int) -> str:
    """How a member of staff is named in histories."""
    return f"staff:{staff_id}"


def by_responder(responder_id: int) -> str:
    """How a responder is named in histories."""
    return f"responder:{responder_id}"


def alert_row(
    *, audience: str, severity: str, state: str, outcome: str | None, plan: dict[str, Any], **columns: Any
) -> Alert:
    """An alert from a row of `alert` joined with its home's code and time zone."""
    return Alert(
        audience=Audience(audience),
        severity=Severity(severity),
        state=AlertState(state),
        outcome=None if outcome is None else Outcome(outcome),
        plan=plan_of_json(plan, Audience(audience)),
        **columns,
    )


def _history_entry(*, how: str, event: str, **columns: Any) -> HistoryEntry:
    return HistoryEntry(how=How(how), event=Event(event), **columns)


def alert_by_code(conn: Conn, code: str) -> Alert | None:
    """The alert of this code, whichever organisation it belongs to: the page checks that."""
    with conn.cursor(row_factory=kwargs_row(alert_row)) as cur:
        return cur.execute(
            """
            SELECT alert.*, home.code AS home_code, home.time_zone
              FROM alert JOIN home ON home.id = alert.home_id
             WHERE alert.code = %(code)s
            """,
            {"code": code.upper()},
        ).fetchone()


def open_alerts_of(conn: Conn, organisation_id: int) -> list[Alert]:
    """The organisation's open alerts, the most urgent first, then the oldest."""
    with conn.cursor(row_factory=kwargs_row(alert_row)) as cur:
        found = cur.execute(
            """
            SELECT alert.*, home.code AS home_code, home.time_zone
              FROM alert JOIN home ON home.id = alert.home_id
             WHERE alert.organisation_id = %(organisation_id)s AND alert.state <> 'closed'
             ORDER BY alert.opened_at, alert.id
            """,
            {"organisation_id": organisation_id},
        ).fetchall()
    return sorted(found, key=lambda alert: -alert.severity.rank)


def closed_alerts_of(conn: Conn, organisation_id: int, *, limit: int) -> list[Alert]:
    """The organisation's closed alerts, the last closed first."""
    with conn.cursor(row_factory=kwargs_row(alert_row)) as cur:
        return cur.execute(
            """
            SELECT alert.*, home.code AS home_code, home.time_zone
              FROM alert JOIN home ON home.id = alert.home_id
             WHERE alert.organisation_id = %(organisation_id)s AND alert.state = 'closed'
             ORDER BY alert.closed_at DESC, alert.id DESC
             LIMIT %(limit)s
            """,
            {"organisation_id": organisation_id, "limit": limit},
        ).fetchall()


def alerts_of_home(conn: Conn, home_id: int, *, limit: int = 100) -> list[Alert]:
    """The home's alerts, open or closed, the newest first."""
    with conn.cursor(row_factory=kwargs_row(alert_row)) as cur:
        return cur.execute(
            """
            SELECT alert.*, home.code AS home_code, home.time_zone
              FROM alert JOIN home ON home.id = alert.home_id
             WHERE alert.home_id = %(home_id)s
             ORDER BY alert.opened_at DESC, alert.id DESC
             LIMIT %(limit)s
            """,
            {"home_id": home_id, "limit": limit},
        ).fetchall()


def alert_codes_of_findings(conn: Conn, home_id: int) -> dict[UUID, str]:
    """By deviation, the code of the latest alert that carried it."""
    rows = conn.execute(
        """
        SELECT alert_finding.deviation_id, code FROM alert_finding JOIN alert ON alert.id = alert_finding.alert_id
         WHERE home_id = %(home_id)s AND audience = 'person'
         ORDER BY alert.id
        """,
        {"home_id": home_id},
    ).fetchall()
    return {row[0]: row[1] for row in rows}


def history_of(conn: Conn, alert_id: int) -> list[HistoryEntry]:
    """What happened to the alert, oldest first."""
    with conn.cursor(row_factory=kwargs_row(_history_entry)) as cur:
        return cur.execute(
            "SELECT at, actor, how, event, reason FROM alert_history WHERE alert_id = %(alert_id)s ORDER BY id",
            {"alert_id": alert_id},
        ).fetchall()


def note(conn: Conn, alert_id: int, *, by: str, how: How, event: Event, reason: str = "", now: datetime) -> None:
    """A line of history, in the transaction of the change it tells of."""
    conn.execute(
        """
        INSERT INTO alert_history (alert_id, at, actor, how, event, reason)
        VALUES (%(alert_id)s, %(now)s, %(by)s, %(how)s, %(event)s, %(reason)s)
        """,
        {"alert_id": alert_id, "now": now, "by": by, "how": how, "event": event, "reason": reason},
    )


def acknowledge(conn: Conn, alert_id: int, *, by: str, how: How, reason: str = "", now: datetime) -> bool:
    """Somebody takes it on. False if somebody already had, or it is closed: the first one wins."""
    cur = conn.execute(
        """
        UPDATE alert
           SET state = 'acknowledged', acknowledged_at = coalesce(acknowledged_at, %(now)s),
               acknowledged_by = %(by)s, news = 'taken_on',
               next_at = %(now)s + CASE severity WHEN 'urgent' THEN %(urgent)s ELSE %(otherwise)s END
         WHERE id = %(alert_id)s AND state IN ('open', 'notified')
        """,
        {
            "alert_id": alert_id,
            "by": by,
            "now": now,
            "urgent": LAPSES_AFTER[Severity.URGENT],
            "otherwise": LAPSES_AFTER_OTHERWISE,
        },
    )
    return _done(conn, cur.rowcount, alert_id, by=by, how=how, event=Event.ACKNOWLEDGED, reason=reason, now=now)


def hand_over(conn: Conn, alert_id: int, *, by: str, how: How, reason: str = "", now: datetime) -> bool:
    """Give it back: the next step of the plan is due at once. False if it is closed."""
    cur = conn.execute(
        """
        UPDATE alert
           SET state = CASE state WHEN 'open' THEN 'open' ELSE 'notified' END, acknowledged_by = NULL, news = NULL,
               next_at = %(now)s
         WHERE id = %(alert_id)s AND state <> 'closed'
        """,
        {"alert_id": alert_id, "now": now},
    )
    return _done(conn, cur.rowcount, alert_id, by=by, how=how, event=Event.HANDED_OVER, reason=reason, now=now)


def attend(conn: Conn, alert_id: int, *, by: str, how: How, reason: str = "", now: datetime) -> bool:
    """Somebody is there. False if somebody already was, or it is closed."""
    cur = conn.execute(
        """
        UPDATE alert
           SET news = CASE WHEN state IN ('open', 'notified') THEN 'taken_on' ELSE news END,
               state = 'attending', attended_at = coalesce(attended_at, %(now)s),
               acknowledged_at = coalesce(acknowledged_at, %(now)s), acknowledged_by = %(by)s,
               next_at = %(now)s + CASE severity WHEN 'urgent' THEN %(urgent)s ELSE %(otherwise)s END
         WHERE id = %(alert_id)s AND state IN ('open', 'notified', 'acknowledged')
        """,
        {
            "alert_id": alert_id,
            "by": by,
            "now": now,
            "urgent": ATTENDING_LAPSES_AFTER,
            "otherwise": LAPSES_AFTER_OTHERWISE,
        },
    )
    return _done(conn, cur.rowcount, alert_id, by=by, how=how, event=Event.ATTENDING, reason=reason, now=now)


def close(conn: Conn, alert_id: int, outcome: Outcome, *, by: str, how: How, reason: str = "", now: datetime) -> bool:
    """It is over. False if it already was."""
    cur = conn.execute(
        """
        UPDATE alert
           SET state = 'closed', outcome = %(outcome)s, closed_at = %(now)s, closed_by = %(by)s, news = 'closed',
               next_at = NULL
         WHERE id = %(alert_id)s AND state <> 'closed'
        """,
        {"alert_id": alert_id, "outcome": outcome, "by": by, "now": now},
    )
    why = f"{outcome}: {reason}" if reason else str(outcome)
    return _done(conn, cur.rowcount, alert_id, by=by, how=how, event=Event.CLOSED, reason=why, now=now)


def _done(conn: Conn, rows: int, alert_id: int, *, by: str, how: How, event: Event, reason: str, now: datetime) -> bool:
    if rows != 1:
        return False
    note(conn, alert_id, by=by, how=how, event=event, reason=reason, now=now)
    wake(conn, Channel.NOTIFICATION)
    return True

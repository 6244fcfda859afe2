"""Alerts for programs: list, look at, take on, pass on, attend, close."""

from enum import StrEnum

from fastapi import APIRouter, Depends, Query

from api.closing import Closing, NotSaid, checked
from api.dependencies import Address, Now, SignedIn, WriteConn, call_is_ours
from api.errors import Conflict, Unreadable
from api.permissions import audiences
from api.routes.alert import AlertOf, MayAct, MaySeeAlerts, do, note_change
from api.v1.schemas import (
    AlertAnswer,
    AlertDetailAnswer,
    CloseBody,
    HistoryAnswer,
    NoteBody,
    NotificationAnswer,
)
from store.alert import Alert, How, alert_by_code, closed_alerts_of, history_of, open_alerts_of
from store.audit import Action, note_audit
from store.database import Conn
from store.notification import notifications_of

router = APIRouter(prefix="/alerts", tags=["alerts"])


class Which(StrEnum):
    """Which alerts are listed."""

    OPEN = "open"
    CLOSED = "closed"


@router.get("")
def list_alerts(
    staff: MaySeeAlerts, conn: WriteConn, which: Which = Which.OPEN, limit: int = Query(100, ge=1, le=1000)
) -> list[AlertAnswer]:
    """Open ones by severity and age, or closed ones, the last closed first."""
    if which is Which.OPEN:
        found = open_alerts_of(conn, staff.organisation_id)[:limit]
    else:
        found = closed_alerts_of(conn, staff.organisation_id, limit=limit)
    return [_answer(alert) for alert in found if alert.audience in audiences(staff.role)]


@router.get("/{code}")
def one_alert(alert: AlertOf, staff: MaySeeAlerts, conn: WriteConn, now: Now, address: Address) -> AlertDetailAnswer:
    """One alert with its history and messages."""
    note_audit(
        conn,
        Action.VIEWED_ALERT,
        now=now,
        organisation_id=staff.organisation_id,
        staff_id=staff.staff_id,
        home_id=alert.home_id,
        subject=alert.code,
        address=address,
    )
    return AlertDetailAnswer(
        **_answer(alert).model_dump(),
        history=[
            HistoryAnswer(at=entry.at, actor=entry.actor, how=entry.how, event=entry.event, reason=entry.reason)
            for entry in history_of(conn, alert.id)
        ],
        notifications=[
            NotificationAnswer(
                responder=f"responder:{sent.responder_id}",
                purpose=sent.purpose,
                channel=sent.channel,
                state=sent.state,
                created_at=sent.created_at,
                accepted_at=sent.accepted_at,
                delivered_at=sent.delivered_at,
                error_code=sent.error_code,
            )
            for sent in notifications_of(conn, alert.id)
        ],
    )


@router.post("/{code}/acknowledge", dependencies=[Depends(call_is_ours)])
def acknowledge_alert(
    body: NoteBody, alert: AlertOf, staff: MayAct, conn: WriteConn, now: Now, address: Address
) -> AlertAnswer:
    """Take it on; 409 if somebody has."""
    return _change(conn, "acknowledge", alert, staff, note=body.note, now=now, address=address)


@router.post("/{code}/hand-over", dependencies=[Depends(call_is_ours)])
def hand_over_alert(
    body: NoteBody, alert: AlertOf, staff: MayAct, conn: WriteConn, now: Now, address: Address
) -> AlertAnswer:
    """Pass it on to the next step of the plan; 409 if it is closed."""
    return _change(conn, "hand-over", alert, staff, note=body.note, now=now, address=address)


@router.post("/{code}/attend", dependencies=[Depends(call_is_ours)])
def attend_alert(
    body: NoteBody, alert: AlertOf, staff: MayAct, conn: WriteConn, now: Now, address: Address
) -> AlertAnswer:
    """Somebody is there; 409 if that is known or it is closed."""
    return _change(conn, "attend", alert, staff, note=body.note, now=now, address=address)


@router.post("/{code}/close", dependencies=[Depends(call_is_ours)])
def close_alert(
    body: CloseBody, alert: AlertOf, staff: MayAct, conn: WriteConn, now: Now, address: Address
) -> AlertAnswer:
    """It is over; 409 if it already was."""
    if body.away_until is not None and body.away_until.tzinfo is None:
        raise Unreadable("Times need an offset, as in 2026-03-10T12:00:00Z.")
    try:
        said = Closing(outcome=body.outcome, is_usual=body.is_usual, away_until=body.away_until)
        closing = checked(alert, said, now=now)
    except NotSaid as exc:
        raise Unreadable(f"{exc.where}: {exc}.") from exc
    return _change(conn, "close", alert, staff, note=body.note, closing=closing, now=now, address=address)


def _change(
    conn: Conn,
    action: str,
    alert: Alert,
    staff: SignedIn,
    *,
    note: str,
    closing: Closing | None = None,
    now: Now,
    address: str,
) -> AlertAnswer:
    if not do(conn, action, alert, staff, how=How.API, closing=closing, note=note.strip(), now=now):
        raise Conflict("Somebody else was faster, or the alert is closed.")
    note_change(conn, action, alert, staff, now=now, address=address)
    return _answer(alert_by_code(conn, alert.code) or alert)


def _answer(alert: Alert) -> AlertAnswer:
    return AlertAnswer(
        code=alert.code,
        home=alert.home_code,
        kind=alert.kind,
        audience=alert.audience,
        severity=alert.severity,
        state=alert.state,
        explanation=alert.explanation,
        opened_at=alert.opened_at,
        notified_at=alert.notified_at,
        acknowledged_at=alert.acknowledged_at,
        acknowledged_by=alert.acknowledged_by,
        attended_at=alert.attended_at,
        closed_at=alert.closed_at,
        closed_by=alert.closed_by,
        outcome=alert.outcome,
    )

"""One alert: why, what happened, who was told, and what can be done about it now."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from api.closing import USUAL, Closing, NotSaid, close_with, read_closing
from api.dependencies import Address, Now, Parts, PartsOf, SignedIn, WriteConn, form_is_ours, may
from api.errors import NotAllowed, NotFound, Unreadable
from api.pages.alert_words import NOTIFICATION, OUTCOME, PURPOSE, USUAL_WORDS, evidence_words
from api.pages.history_words import history_lines
from api.pages.home_state import kind_words
from api.permissions import Permission, allows, audiences
from api.routes.board import actor_names, line
from store.alert import (
    Alert,
    AlertState,
    How,
    acknowledge,
    alert_by_code,
    attend,
    by_staff,
    hand_over,
    history_of,
)
from store.audit import Action, note_audit
from store.database import Conn
from store.home import residents_of
from store.notification import Notification, notifications_of
from store.overview import grounds_of
from store.response import Audience, Responder, responders_of

router = APIRouter()

NOTE_MAX = 500  # characters
MaySeeAlerts = Annotated[SignedIn, Depends(may(Permission.SEE_TECHNICAL_ALERTS), scope="function")]
MayAct = Annotated[SignedIn, Depends(may(Permission.ACT_ON_ALERTS), scope="function")]
DONE = {
    "acknowledge": "You have taken this alert on.",
    "take-over": "You have taken this alert over.",
    "hand-over": "You have passed this alert on. The next person in the plan is told at once.",
    "attend": "Noted: somebody is there.",
    "close": "This alert is closed.",
}


def alert_of(code: str, staff: MaySeeAlerts, conn: WriteConn) -> Alert:
    """The alert of this code if it is one that this person may see; else NotFound."""
    alert = alert_by_code(conn, code)
    if alert is None or alert.organisation_id != staff.organisation_id or alert.audience not in audiences(staff.role):
        raise NotFound("There is no alert with this code.")
    return alert


AlertOf = Annotated[Alert, Depends(alert_of, scope="function")]


def has_taken_on(alert: Alert, staff: SignedIn) -> bool:
    """Only then are the resident's telephone number and the way in shown."""
    held = alert.state in {AlertState.ACKNOWLEDGED, AlertState.ATTENDING}
    return held and alert.acknowledged_by == by_staff(staff.staff_id)


@router.get("/a/{code}")
def short_link(alert: AlertOf) -> Response:
    """The link of the text message."""
    return RedirectResponse(f"/alerts/{alert.code}", status_code=HTTPStatus.SEE_OTHER)


@router.get("/alerts/{code}")
def alert_page(
    request: Request,
    alert: AlertOf,
    staff: MaySeeAlerts,
    conn: WriteConn,
    parts: PartsOf,
    now: Now,
    address: Address,
    done: str = "",
) -> Response:
    """The page."""
    _note_view(conn, Action.VIEWED_ALERT, alert, staff, now=now, address=address)
    return _page(request, parts, conn, alert, staff, now=now, address=address, done=DONE.get(done, ""))


@router.post("/alerts/{code}/{action}", dependencies=[Depends(form_is_ours)])
def change_alert(
    request: Request,
    action: str,
    alert: AlertOf,
    staff: MayAct,
    conn: WriteConn,
    parts: PartsOf,
    now: Now,
    address: Address,
    outcome: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    away_until: Annotated[str, Form()] = "",
) -> Response:
    """Take on, take over, pass on, attend or close. Whoever is second is told so, with the page as it stands now."""
    note = clean_note(note)
    if action not in DONE:
        raise NotFound("There is no such page.")
    closing = None
    if action == "close":
        try:
            closing = read_closing(alert, outcome=outcome, away_until=away_until, now=now)
        except NotSaid as exc:
            errors, status = {exc.where: str(exc)}, HTTPStatus.UNPROCESSABLE_ENTITY
            return _page(
                request, parts, conn, alert, staff, now=now, address=address, errors=errors, note=note, status=status,
                outcome=outcome, away_until=away_until,
            )  # fmt: skip
    if do(conn, action, alert, staff, how=How.PAGE, closing=closing, note=note, now=now):
        note_change(conn, action, alert, staff, now=now, address=address)
        return RedirectResponse(f"/alerts/{alert.code}?done={action}", status_code=HTTPStatus.SEE_OTHER)
    current = alert_by_code(conn, alert.code) or alert
    return _page(request, parts, conn, current, staff, now=now, address=address, lost=True, status=HTTPStatus.CONFLICT)


def clean_note(note: str) -> str:
    """What somebody typed, in one piece of text the database can hold. Raises Unreadable if it is too long."""
    note = note.replace("\0", "").replace("\r\n", "\n").strip()
    if len(note) > NOTE_MAX:
        raise Unreadable(f"A note has at most {NOTE_MAX} characters. Go back and shorten it.")
    return note


def do(
    conn: Conn,
    action: str,
    alert: Alert,
    staff: SignedIn,
    *,
    how: How,
    closing: Closing | None = None,
    note: str,
    now: datetime,
) -> bool:
    """Change the alert on behalf of this person. False if somebody else was faster."""
    by = by_staff(staff.staff_id)
    match action:
        case "acknowledge":
            return acknowledge(conn, alert.id, by=by, how=how, reason=note, now=now)
        case "take-over":
            reason = note or "taken over"
            held = alert.acknowledged_by not in {None, by} and alert.state is not AlertState.CLOSED
            return (
                held
                and hand_over(conn, alert.id, by=by, how=how, reason=reason, now=now)
                and acknowledge(conn, alert.id, by=by, how=how, reason=reason, now=now)
            )
        case "hand-over":
            return hand_over(conn, alert.id, by=by, how=how, reason=note, now=now)
        case "attend":
            return attend(conn, alert.id, by=by, how=how, reason=note, now=now)
        case "close" if closing is not None:
            return close_with(conn, alert, closing, staff_id=staff.staff_id, how=how, note=note, now=now)
    raise NotAllowed("There is no such action.")


def note_change(conn: Conn, action: str, alert: Alert, staff: SignedIn, *, now: datetime, address: str) -> None:
    """Who changed an alert, for the audit."""
    note_audit(
        conn,
        Action.CHANGED_ALERT,
        now=now,
        organisation_id=staff.organisation_id,
        staff_id=staff.staff_id,
        home_id=alert.home_id,
        subject=f"{alert.code} {action}",
        address=address,
    )


def _note_view(conn: Conn, action: Action, alert: Alert, staff: SignedIn, *, now: datetime, address: str) -> None:
    note_audit(
        conn,
        action,
        now=now,
        organisation_id=staff.organisation_id,
        staff_id=staff.staff_id,
        home_id=alert.home_id,
        subject=alert.code,
        address=address,
    )


def _page(
    request: Request,
    parts: Parts,
    conn: Conn,
    alert: Alert,
    staff: SignedIn,
    *,
    now: datetime,
    address: str,
    done: str = "",
    lost: bool = False,
    errors: dict[str, str] | None = None,
    note: str = "",
    outcome: str = "",
    away_until: str = "",
    status: int = HTTPStatus.OK,
) -> Response:
    names = actor_names(conn, staff.organisation_id)
    responders = {responder.id: responder for responder in responders_of(conn, staff.organisation_id)}
    mine = has_taken_on(alert, staff)
    if mine:
        _note_view(conn, Action.VIEWED_RESIDENT, alert, staff, now=now, address=address)
    grounds = grounds_of(conn, deviation_id=alert.deviation_id, fault_id=alert.fault_id)
    return parts.pages.render(
        request,
        "alert.html",
        status=status,
        staff=staff,
        now=now,
        zone=alert.time_zone,
        alert=alert,
        line=line(alert, names),
        title=kind_words(alert.kind),
        grounds=grounds,
        evidence=evidence_words(grounds.evidence) if grounds else [],
        residents=residents_of(conn, alert.home_id) if mine else None,
        mine=mine,
        may_act=allows(staff.role, Permission.ACT_ON_ALERTS),
        plan=[_step_words(position, alert, responders) for position in range(len(alert.plan.steps))],
        notifications=[_notification_words(sent, names) for sent in reversed(notifications_of(conn, alert.id))],
        history=history_lines(history_of(conn, alert.id), names),
        outcomes=OUTCOME,
        usual=(USUAL, USUAL_WORDS) if alert.audience is Audience.PERSON else None,
        outcome=outcome,
        away_until=away_until,
        note_max=NOTE_MAX,
        done=done,
        lost=lost,
        errors=errors or {},
        note=note,
    )


def _step_words(position: int, alert: Alert, responders: dict[int, Responder]) -> dict[str, Any]:
    step = alert.plan.steps[position]
    known = [responders[number] for number in step.responder_ids if number in responders]
    return {
        "number": position + 1,
        "people": [{"name": found.name, "phone": found.phone, "stopped": found.stopped_at} for found in known],
        "wait": step.wait,
        "is_next": alert.state in {AlertState.OPEN, AlertState.NOTIFIED} and alert.step == position,
    }


def _notification_words(sent: Notification, names: dict[str, str]) -> dict[str, Any]:
    words, colour = NOTIFICATION[sent.state]
    return {
        "who": names.get(f"responder:{sent.responder_id}", "somebody"),
        "purpose": PURPOSE.get(sent.purpose, str(sent.purpose)),
        "channel": "Text" if sent.channel == "sms" else "Call",
        "words": words,
        "colour": colour,
        "at": sent.delivered_at or sent.accepted_at or sent.created_at,
        "trouble": f"code {sent.error_code}" if sent.error_code else (sent.error or ""),
        "attempts": sent.attempts,
    }

"""Acts on what responders text back, each reply in the caller's transaction.

A caller id can be forged, so a reply acts only on an alert that was sent to that number lately, and never closes an
urgent one. `replies` reads the text; here is who may do what.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts import wording
from alerts.letterhead import NEWS_VALID_FOR, Letterhead
from alerts.replies import Answer, Reading, Word, read
from store.alert import (
    Alert,
    AlertState,
    Event,
    How,
    Outcome,
    Severity,
    acknowledge,
    by_responder,
    close,
    hand_over,
    note,
)
from store.database import Conn
from store.inbound import InboundMessage, mark_message_handled
from store.ladder import alert_by_id, alerts_with_step_of, make_due
from store.notification import Purpose, answers_to, attempts_to, notifications_of, queue_notification
from store.response import Responder, responders_with_phone, start_responder, stop_responder

ANSWERABLE_FOR = timedelta(hours=12)
HELP_ONCE_IN = timedelta(hours=1)
UNKNOWN = "unknown number: no answer"
ANSWERS_PER_HOUR = 20  # to one number; what it asks for is done all the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """An alert that was sent to the number a reply comes from, and to whom there."""

    alert: Alert
    responder: Responder


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of a reply: for the record, and the text to answer with."""

    result: str
    answer: str | None = None
    sent: Sent | None = None
    purpose: Purpose = Purpose.CONFIRM


def handle_reply(
    conn: Conn, message: InboundMessage, letterhead: Letterhead, *, restored_at: datetime | None = None, now: datetime
) -> Done:
    """Do what a reply says, answer it, and mark it handled with the reason.

    What came before the database was restored (`restored_at`) and concerns no alert that we know is not answered: hours
    later nobody would know what about.
    """
    is_late = restored_at is not None and message.received_at < restored_at
    asked_at = min(message.received_at, now)
    people = responders_with_phone(conn, message.phone)
    done = _do(conn, message, people, letterhead, asked_at=asked_at, now=now) if people else Done(result=UNKNOWN)
    if is_late:
        done = replace(done, result=f"{done.result} (came before the restore)")
    if done.answer is not None and not (is_late and done.sent is None):
        _answer(conn, message, done, done.sent.responder if done.sent else people[0], now=now)
    alert_id = done.sent.alert.id if done.sent else None
    mark_message_handled(conn, message, alert_id=alert_id, result=done.result, now=now)
    return done


def names_an_alert(conn: Conn, message: InboundMessage) -> bool:
    """True if it is plain now which alert a reply is about, or if it is about none."""
    said = read(message.body)
    people = responders_with_phone(conn, message.phone)
    if isinstance(said, Word) or not people:
        return True
    return _the_one(_sent_lately(conn, message.phone, people, now=message.received_at), said.code) is not None


def _do(
    conn: Conn,
    message: InboundMessage,
    people: list[Responder],
    letterhead: Letterhead,
    *,
    asked_at: datetime,
    now: datetime,
) -> Done:
    said = read(message.body)
    if said == Word.STOP:
        return _stop(conn, people, now=now)
    if said == Word.START:
        started = [start_responder(conn, person.id) for person in people]
        return Done(result="start: SMS again" if any(started) else "start: was not stopped")
    if said == Word.CARRIER:
        return Done(result="a word the carrier answers itself")
    if isinstance(said, Word):
        asked = answers_to(conn, message.phone, since=now - HELP_ONCE_IN)
        if any(answer.purpose == Purpose.HELP for answer in asked):
            return Done(result="not understood; help was sent within the hour")
        help_text = wording.help_text(letterhead.service)
        return Done(result="not understood: help sent", answer=help_text, purpose=Purpose.HELP)

    lately = _sent_lately(conn, message.phone, people, now=asked_at)
    sent = _the_one(lately, said.code)
    if sent is None:
        return _ask_back(lately, said, letterhead)
    act = {Answer.COMING: _coming, Answer.PASS_ON: _pass_on, Answer.FALSE_ALARM: _false_alarm}[said.answer]
    return act(conn, sent, letterhead, now=now)


def _sent_lately(conn: Conn, phone: str, people: list[Responder], *, now: datetime) -> list[Sent]:
    by_id = {person.id: person for person in people}
    told = {
        attempt.alert_id: by_id[attempt.responder_id]
        for attempt in attempts_to(conn, phone, since=now - ANSWERABLE_FOR)
        if attempt.purpose in (Purpose.ALERT, Purpose.HAND_OVER)
        and attempt.alert_id is not None
        and attempt.responder_id in by_id
    }
    found = ((alert_by_id(conn, alert_id), told[alert_id]) for alert_id in sorted(told))
    return [Sent(alert=alert, responder=responder) for alert, responder in found if alert is not None]


def _the_one(lately: list[Sent], code: str | None) -> Sent | None:
    """The alert that is meant; None on any doubt."""
    if code is not None:
        return next((sent for sent in lately if sent.alert.code == code), None)
    still_open = [sent for sent in lately if sent.alert.state != AlertState.CLOSED]
    if not still_open and len(lately) == 1:
        return lately[0]
    return still_open[0] if len(still_open) == 1 else None


def _ask_back(lately: list[Sent], said: Reading, letterhead: Letterhead) -> Done:
    codes = [sent.alert.code for sent in lately if sent.alert.state != AlertState.CLOSED]
    if said.code is None and codes:
        return Done(result="which alert? several are open", answer=wording.which_text(letterhead.service, codes))
    text = wording.nothing_open_text(letterhead.service)
    return Done(result="no such alert was sent to this number within 12 hours", answer=text)


def _coming(conn: Conn, sent: Sent, letterhead: Letterhead, *, now: datetime) -> Done:
    me, about = by_responder(sent.responder.id), letterhead.about(sent.alert)
    if acknowledge(conn, sent.alert.id, by=me, how=How.SMS, reason="answered 1", now=now):
        return Done(result="acknowledged", answer=wording.taken_on_text(about), sent=sent)
    return _too_late(conn, sent, letterhead, "answered 1", now=now)


def _pass_on(conn: Conn, sent: Sent, letterhead: Letterhead, *, now: datetime) -> Done:
    me, about = by_responder(sent.responder.id), letterhead.about(sent.alert)
    if sent.alert.acknowledged_by == me or _is_waited_for(conn, sent):
        hand_over(conn, sent.alert.id, by=me, how=How.SMS, reason="answered 2: the next person at once", now=now)
        return Done(result="handed over", answer=wording.passed_on_text(about), sent=sent)
    if sent.alert.state in (AlertState.OPEN, AlertState.NOTIFIED):
        _note(conn, sent, Event.ANSWERED, "answered 2; the ladder is further already", now=now)
        return Done(result="handed over already", answer=wording.passed_on_text(about), sent=sent)
    return _too_late(conn, sent, letterhead, "answered 2", now=now)


def _false_alarm(conn: Conn, sent: Sent, letterhead: Letterhead, *, now: datetime) -> Done:
    me, about, alert = by_responder(sent.responder.id), letterhead.about(sent.alert), sent.alert
    if alert.state == AlertState.CLOSED:
        return _too_late(conn, sent, letterhead, "answered 3", now=now)
    if alert.severity != Severity.URGENT and alert.acknowledged_by in (None, me):
        close(conn, alert.id, Outcome.FALSE_ALARM, by=me, how=How.SMS, reason="answered 3", now=now)
        return Done(result="closed as false alarm", answer=wording.closed_as_false_text(about), sent=sent)
    if alert.severity != Severity.URGENT:
        return _too_late(conn, sent, letterhead, "answered 3", now=now)

    _note(conn, sent, Event.SAID_FALSE, "answered 3: an urgent alert is closed only after login", now=now)
    is_waiting = alert.state in (AlertState.OPEN, AlertState.NOTIFIED)
    if is_waiting and _is_waited_for(conn, sent):
        hand_over(conn, alert.id, by=me, how=How.SMS, reason="said it is false: the next person at once", now=now)
    text = wording.false_needs_login_text(about, next_is_asked=is_waiting)
    return Done(result="said false: needs a login", answer=text, sent=sent)


def _too_late(conn: Conn, sent: Sent, letterhead: Letterhead, said: str, *, now: datetime) -> Done:
    """Somebody else was first, or it is over."""
    about = letterhead.about(sent.alert)
    if sent.alert.state == AlertState.CLOSED:
        _note(conn, sent, Event.ANSWERED, f"{said}; closed already", now=now)
        return Done(result="already closed", answer=wording.already_closed_text(about), sent=sent)
    if sent.alert.acknowledged_by == by_responder(sent.responder.id):
        _note(conn, sent, Event.ANSWERED, f"{said}; has it already", now=now)
        return Done(result="has it already", answer=wording.already_yours_text(about), sent=sent)
    _note(conn, sent, Event.ANSWERED, f"{said}; a colleague has it", now=now)
    return Done(result="a colleague has it", answer=wording.already_taken_text(about), sent=sent)


def _is_waited_for(conn: Conn, sent: Sent) -> bool:
    """True if the ladder now waits for this person: the next step's turn need not come later than now."""
    alert = sent.alert
    return alert.state in (AlertState.OPEN, AlertState.NOTIFIED) and any(
        attempt.purpose == Purpose.ALERT
        and attempt.responder_id == sent.responder.id
        and (attempt.round, attempt.step) == (alert.round, alert.step - 1)
        for attempt in notifications_of(conn, alert.id)
    )


def _stop(conn: Conn, people: list[Responder], *, now: datetime) -> Done:
    """No more SMS to this number; where the ladder waits for it, the next person is asked at once."""
    for person in people:
        stop_responder(conn, person.id, now=now)
        for alert in alerts_with_step_of(conn, person.id):
            sent = Sent(alert=alert, responder=person)
            _note(conn, sent, Event.SKIPPED, "answered STOP: the next person at once", now=now)
            make_due(conn, alert.id, at=now)
    return Done(result="stop: no more SMS to this number")


def _answer(conn: Conn, message: InboundMessage, done: Done, responder: Responder, *, now: datetime) -> None:
    if len(answers_to(conn, message.phone, since=now - timedelta(hours=1))) >= ANSWERS_PER_HOUR:
        return
    queue_notification(
        conn,
        alert_id=done.sent.alert.id if done.sent else None,
        responder=responder,
        purpose=done.purpose,
        body=done.answer or "",
        is_urgent=True,  # somebody waits with the telephone in hand
        valid_for=NEWS_VALID_FOR,
        due_at=now,
        now=now,
    )


def _note(conn: Conn, sent: Sent, event: Event, reason: str, *, now: datetime) -> None:
    by = by_responder(sent.responder.id)
    note(conn, sent.alert.id, by=by, how=How.SMS, event=event, reason=reason, now=now)

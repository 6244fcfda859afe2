"""What the provider says became of our messages, and what follows from it. Runs in the caller's transaction."""

import logging
from datetime import datetime, timedelta

from alerts.gateway import SentMessage
from alerts.twilio import state_of
from store.alert import AlertState, Event, How, by_responder, note
from store.database import Conn
from store.inbound import ProviderCallback, mark_callback_handled
from store.ladder import alert_by_id, make_due, mark_notified
from store.notification import (
    Notification,
    NotificationState,
    Purpose,
    apply_receipt,
    notification_by_id,
    notification_sent_as,
    notifications_of,
)
from store.response import stop_responder
from store.wakeup import Channel, wake

log = logging.getLogger(__name__)

STOPPED = 21610  # Twilio: this number has answered STOP
_BAD_ENDS = (NotificationState.UNDELIVERED, NotificationState.FAILED)


def apply_callback(conn: Conn, callback: ProviderCallback, *, keep_for: timedelta, now: datetime) -> bool:
    """Apply a receipt. False if it is of no message we know yet: it may have overtaken our own commit."""
    notification = None
    if callback.notification_id is not None:
        notification = notification_by_id(conn, callback.notification_id)
    if notification is None:
        notification = notification_sent_as(conn, callback.provider_id)
    if notification is None:
        if callback.received_at > now - keep_for:
            return False
        log.warning("a receipt fits no notification of ours", extra={"provider_id": callback.provider_id})
    else:
        _apply(conn, notification, callback, now=now)
    mark_callback_handled(conn, callback, now=now)
    return True


def apply_fetched(conn: Conn, notification: Notification, message: SentMessage, *, now: datetime) -> None:
    """Apply what the provider said when asked."""
    fresh = notification_by_id(conn, notification.id)
    if fresh is not None:
        _move_on(conn, fresh, message.state, provider_id=message.provider_id, code=message.error_code, now=now)


def after_failure(
    conn: Conn, notification: Notification, *, reason: str, error_code: int | None, now: datetime
) -> None:
    """Nobody got this text: the next person is asked at once, unless somebody else of the same step may have one."""
    if error_code == STOPPED:
        stop_responder(conn, notification.responder_id, now=now)
    if notification.alert_id is None:
        return
    _note(conn, notification, Event.NOT_DELIVERED, reason, now=now)
    alert = alert_by_id(conn, notification.alert_id)
    if (
        alert is None
        or notification.purpose != Purpose.ALERT
        or alert.state not in (AlertState.OPEN, AlertState.NOTIFIED)
        or (notification.round, notification.step) != (alert.round, alert.step - 1)
    ):
        return
    step = [
        other
        for other in notifications_of(conn, alert.id)
        if (other.purpose, other.round, other.step) == (Purpose.ALERT, notification.round, notification.step)
    ]
    if all(other.state in _BAD_ENDS for other in step):
        make_due(conn, alert.id, at=now)
        wake(conn, Channel.NOTIFICATION)
        _note(conn, notification, Event.SKIPPED, "nobody of this step got the text: the next at once", now=now)


def _apply(conn: Conn, notification: Notification, callback: ProviderCallback, *, now: datetime) -> None:
    if notification.provider_id not in (None, callback.provider_id):
        # Two messages for one attempt: a worker lost its lease while sending. The first one counts.
        log.warning("one notification was sent twice", extra={"notification_id": str(notification.id)})
        return
    state = state_of(callback.status)
    if state is None:
        log.warning("a receipt says something we do not know: %.40s", callback.status)
        return
    _move_on(conn, notification, state, provider_id=callback.provider_id, code=callback.error_code, now=now)


def _move_on(
    conn: Conn,
    notification: Notification,
    state: NotificationState,
    *,
    provider_id: str,
    code: int | None,
    now: datetime,
) -> None:
    if not apply_receipt(conn, notification, state, provider_id=provider_id, error_code=code, now=now):
        return
    if state in _BAD_ENDS:
        reason = f"{state}, error {code}" if code else str(state)
        after_failure(conn, notification, reason=reason, error_code=code, now=now)
    elif notification.alert_id is not None:
        if notification.purpose == Purpose.ALERT:
            mark_notified(conn, notification.alert_id, now=now)
        if state == NotificationState.DELIVERED:
            _note(conn, notification, Event.DELIVERED, str(notification.purpose), now=now)


def _note(conn: Conn, notification: Notification, event: Event, reason: str, *, now: datetime) -> None:
    assert notification.alert_id is not None
    actor = by_responder(notification.responder_id)
    note(conn, notification.alert_id, by=actor, how=How.CALLBACK, event=event, reason=reason, now=now)

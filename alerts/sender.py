"""Claim, send, settle: never a network call inside a transaction, never "sent" before somebody has taken it.

A claim whose worker died, and an attempt without an answer, are looked up at the provider before anything is sent
again.
"""

import logging
from datetime import datetime, timedelta

from psycopg.errors import UniqueViolation

from alerts.gateway import SendFailed, SmsGateway
from alerts.receipts import after_failure, apply_fetched
from store.alert import AlertState, Event, How, by_responder, note
from store.clock import Clock
from store.database import Conn, Pool
from store.ladder import alert_as_it_stands, mark_notified
from store.notification import (
    Claim,
    Notification,
    NotificationState,
    Purpose,
    claim_due,
    claim_unconfirmed,
    known_provider_ids,
    notifications_of,
    postpone,
    settle_accepted,
    settle_failed,
)
from store.response import responder_by_id

log = logging.getLogger(__name__)

# All of these protect real networks, so they are real time whatever the service's clock does.
LEASE = timedelta(seconds=30)
SENDING_TAKES = timedelta(seconds=16)  # a POST begun with less of the lease left might end after it
WAIT_FOR_RECEIPT = timedelta(seconds=10)  # an attempt without an answer often tells of itself
ASK_AFTER, ASK_AGAIN_AFTER, ASK_NO_MORE_AFTER = timedelta(seconds=20), timedelta(seconds=60), timedelta(hours=1)
LONGEST_BACK_OFF = timedelta(seconds=30)


class Sender:
    """Sends what is due. Any number of these may work at once, in any number of processes."""

    def __init__(self, pool: Pool, gateway: SmsGateway, clock: Clock) -> None:
        self._pool = pool
        self._gateway = gateway
        self._clock = clock

    def send_one(self) -> bool:
        """Deal with one due notification. True if there was one."""
        with self._pool.connection() as conn:
            claim = claim_due(conn, now=self._clock.now(), lease=self._clock.stretch(LEASE))
            withdrawn = None if claim is None else _reason_to_withdraw(conn, claim.notification, now=self._clock.now())
        if claim is None:
            return False

        may_be_sent = claim.may_be_sent
        try:
            provider_id = self._look_up(claim.notification) if may_be_sent else None
            may_be_sent = False
            if provider_id is None and withdrawn is not None:
                self._withdraw(claim, withdrawn)
                return True
            if provider_id is None:
                provider_id = self._send(claim)
        except SendFailed as failed:
            self._settle_failure(claim, failed, may_be_sent=may_be_sent or failed.outcome_unknown)
        except Exception as exc:
            log.exception("a gateway failed in a way of its own", extra=_ids(claim.notification))
            unforeseen = SendFailed(type(exc).__name__, outcome_unknown=True)
            self._settle_failure(claim, unforeseen, may_be_sent=True)
        else:
            self._settle_accepted(claim, provider_id)
        return True

    def ask_one(self) -> bool:
        """Ask what became of one message of which no receipt came. True if there was one."""
        with self._pool.connection() as conn:
            notification = claim_unconfirmed(
                conn,
                now=self._clock.now(),
                again_after=self._clock.stretch(ASK_AGAIN_AFTER),
                give_up_after=self._clock.stretch(ASK_NO_MORE_AFTER),
            )
        if notification is None or notification.provider_id is None:
            return notification is not None
        try:
            message = self._gateway.fetch(notification.provider_id)
        except SendFailed as failed:
            log.warning("could not ask what became of a message: %s", failed, extra=_ids(notification))
            return True
        with self._pool.connection() as conn:
            apply_fetched(conn, notification, message, now=self._clock.now())
        return True

    def _look_up(self, notification: Notification) -> str | None:
        """The provider's id of a message to that number with these very words that is no other notification's.

        Two attempts with the same words may swap messages: as many are found as were sent, so none is sent again.
        """
        same = [message for message in self._gateway.sent_to(notification.phone) if message.body == notification.body]
        with self._pool.connection() as conn:
            known = known_provider_ids(conn, [message.provider_id for message in same])
        unknown = [message.provider_id for message in same if message.provider_id not in known]
        return unknown[-1] if unknown else None  # the oldest: it has waited longest to be found

    def _send(self, claim: Claim) -> str:
        notification = claim.notification
        assert notification.lease_until is not None
        if self._clock.now() + self._clock.stretch(SENDING_TAKES) > notification.lease_until:
            raise SendFailed("the lease would end while sending")
        return self._gateway.send(
            phone=notification.phone,
            body=notification.body,
            notification_id=notification.id,
            valid_for=notification.valid_for,
        )

    def _settle_accepted(self, claim: Claim, provider_id: str) -> None:
        notification, now = claim.notification, self._clock.now()
        try:
            with self._pool.connection() as conn:
                first = settle_accepted(
                    conn,
                    notification.id,
                    provider_id=provider_id,
                    ask_after=self._clock.stretch(ASK_AFTER),
                    now=now,
                )
                if first and notification.alert_id is not None:
                    if notification.purpose == Purpose.ALERT:
                        mark_notified(conn, notification.alert_id, now=now)
                    _note(conn, notification, Event.ACCEPTED, str(notification.purpose), now=now)
        except UniqueViolation:  # two look-ups found the same message at once; the other one has it
            failed = SendFailed("the message found is another attempt's", outcome_unknown=True)
            self._settle_failure(claim, failed, may_be_sent=True)
            return
        if not first:
            log.warning("one notification was sent twice", extra=_ids(notification))

    def _settle_failure(self, claim: Claim, failed: SendFailed, *, may_be_sent: bool) -> None:
        notification, now = claim.notification, self._clock.now()
        reason = str(failed)
        with self._pool.connection() as conn:
            if failed.permanent and not may_be_sent:
                if settle_failed(conn, claim, error=reason, error_code=failed.error_code):
                    after_failure(conn, notification, reason=reason, error_code=failed.error_code, now=now)
            else:
                kept = postpone(
                    conn,
                    claim,
                    NotificationState.UNKNOWN if may_be_sent else NotificationState.DUE,
                    until=now + self._clock.stretch(_back_off(failed, notification.attempts)),
                    error=reason,
                    error_code=failed.error_code,
                )
                if kept and notification.alert_id is not None and notification.error != reason:
                    _note(conn, notification, Event.DELAYED, reason, now=now)
        if failed.configuration:
            log.error("the SMS provider refuses our account: %s", failed, extra=_ids(notification))
        else:
            log.warning("a notification was not taken: %s", failed, extra=_ids(notification))

    def _withdraw(self, claim: Claim, reason: str) -> None:
        notification, now = claim.notification, self._clock.now()
        with self._pool.connection() as conn:
            if not settle_failed(conn, claim, error=reason, error_code=None):
                return
            if reason == _STOPPED:
                after_failure(conn, notification, reason=reason, error_code=None, now=now)
            elif notification.alert_id is not None:
                _note(conn, notification, Event.WITHDRAWN, reason, now=now)


_STOPPED = "stopped SMS meanwhile"


def _reason_to_withdraw(conn: Conn, notification: Notification, *, now: datetime) -> str | None:
    """Why this text would only confuse if it went out now."""
    responder = responder_by_id(conn, notification.responder_id)
    if responder is None or responder.stopped_at is not None:
        return _STOPPED
    if notification.purpose != Purpose.ALERT:
        return "too late" if now > notification.created_at + notification.valid_for else None
    alert = None if notification.alert_id is None else alert_as_it_stands(conn, notification.alert_id)
    if alert is None or alert.state not in (AlertState.OPEN, AlertState.NOTIFIED):
        return "no longer needed"
    later = any(
        other.responder_id == notification.responder_id
        and other.purpose == Purpose.ALERT
        and (other.round, other.step) > (notification.round, notification.step)
        for other in notifications_of(conn, alert.id)
    )
    return "a later step has written to them" if later else None


def _back_off(failed: SendFailed, attempts: int) -> timedelta:
    if failed.retry_after is not None:
        return failed.retry_after
    if failed.outcome_unknown:
        return WAIT_FOR_RECEIPT
    if failed.configuration:
        return LONGEST_BACK_OFF
    return min(timedelta(seconds=2 ** min(attempts - 1, 10)), LONGEST_BACK_OFF)


def _note(conn: Conn, notification: Notification, event: Event, reason: str, *, now: datetime) -> None:
    assert notification.alert_id is not None
    actor = by_responder(notification.responder_id)
    note(conn, notification.alert_id, by=actor, how=How.WORKER, event=event, reason=reason, now=now)


def _ids(notification: Notification) -> dict[str, object]:
    return {"notification_id": str(notification.id), "alert_id": notification.alert_id}

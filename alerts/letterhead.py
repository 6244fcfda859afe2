"""How our texts are signed and where they link to, and the queueing of one."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.escalation import quiet_until
from alerts.wording import Subject
from store.alert import SERVICE, Alert, Event, How, by_responder, note
from store.database import Conn
from store.notification import NotificationState, Purpose, notifications_of, queue_notification
from store.response import Responder, responders_of

NEWS_VALID_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """How our texts are signed and where they link to."""

    service: str
    public_url: str

    def about(self, alert: Alert) -> Subject:
        """What a text about this alert begins with."""
        return Subject(
            service=self.service,
            public_url=self.public_url,
            severity=alert.severity,
            home_code=alert.home_code,
            kind=alert.kind,
            code=alert.code,
        )


def told(conn: Conn, alert: Alert) -> list[Responder]:
    """Whoever may have received a text about this alert and still takes SMS."""
    ids = {
        notification.responder_id
        for notification in notifications_of(conn, alert.id)
        if notification.purpose in (Purpose.ALERT, Purpose.HAND_OVER)
        and notification.state not in (NotificationState.DUE, NotificationState.FAILED)
    }
    return [
        person for person in responders_of(conn, alert.organisation_id) if person.id in ids and not person.stopped_at
    ]


def stand_down(conn: Conn, alert: Alert, people: list[Responder], body: str, *, reason: str, now: datetime) -> None:
    """Tell these how things stand; over night only about what is urgent."""
    due_at = quiet_until(alert, now) or now
    for person in people:
        queue_notification(
            conn,
            alert_id=alert.id,
            responder=person,
            purpose=Purpose.STAND_DOWN,
            body=body,
            round_number=alert.round,
            step=alert.step,
            is_urgent=False,
            valid_for=due_at - now + NEWS_VALID_FOR,
            due_at=due_at,
            now=now,
        )
    if people:
        names = ", ".join(by_responder(person.id) for person in people)
        note(conn, alert.id, by=SERVICE, how=How.WORKER, event=Event.STOOD_DOWN, reason=f"{reason}: {names}", now=now)

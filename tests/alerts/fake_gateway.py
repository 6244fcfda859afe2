"""An `SmsGateway` in memory, told how to fail: for what must be timed to the step. The wire is tested with Twilio's."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from alerts.gateway import ReceivedMessage, SendFailed, SentMessage
from store.notification import NotificationState


class Killed(BaseException):
    """The worker's process ends here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One text the provider has taken."""

    phone: str
    message: SentMessage
    notification_id: UUID


@dataclass(kw_only=True)
class FakeGateway:
    """Takes everything, unless a failure is waiting."""

    taken: list[Taken] = field(default_factory=list)
    before: list[BaseException] = field(default_factory=list)  # raised before the text is taken, one a call
    after: list[BaseException] = field(default_factory=list)  # raised after it
    when_reading: list[BaseException] = field(default_factory=list)
    while_sending: Callable[[], None] = lambda: None
    lookups: int = 0
    received: list[ReceivedMessage] = field(default_factory=list)

    def send(self, *, phone: str, body: str, notification_id: UUID, valid_for: timedelta) -> str:
        if self.before:
            raise self.before.pop(0)
        self.while_sending()
        provider_id = f"SM{len(self.taken) + 1:032x}"
        message = SentMessage(provider_id=provider_id, body=body, state=NotificationState.ACCEPTED, error_code=None)
        self.taken.append(Taken(phone=phone, message=message, notification_id=notification_id))
        if self.after:
            raise self.after.pop(0)
        return provider_id

    def sent_to(self, phone: str) -> list[SentMessage]:
        self.lookups += 1
        if self.when_reading:
            raise self.when_reading.pop(0)
        return [taken.message for taken in reversed(self.taken) if taken.phone == phone]

    def fetch(self, provider_id: str) -> SentMessage:
        for taken in self.taken:
            if taken.message.provider_id == provider_id:
                return taken.message
        raise SendFailed("no such message", permanent=True)

    def received_since(self, since: datetime) -> list[ReceivedMessage]:
        if self.when_reading:
            raise self.when_reading.pop(0)
        return [message for message in reversed(self.received) if message.received_at >= since]

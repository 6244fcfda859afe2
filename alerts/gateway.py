"""What we need of somebody who sends SMS. Every gateway passes the same tests."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from store.notification import NotificationState


class SendFailed(Exception):
    """The gateway did not take the message, or we do not know whether it did."""

    def __init__(
        self,
        reason: str,
        *,
        permanent: bool = False,
        outcome_unknown: bool = False,
        error_code: int | None = None,
        retry_after: timedelta | None = None,
        configuration: bool = False,
    ) -> None:
        super().__init__(reason)
        self.permanent = permanent  # True: this number is wrong; retrying cannot help
        self.outcome_unknown = outcome_unknown  # True: it may have been sent; look it up before sending again
        self.error_code = error_code  # the provider's
        self.retry_after = retry_after  # real time
        self.configuration = configuration  # True: our account is wrong, and every message with it


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """A message as the provider knows it."""

    provider_id: str
    body: str
    state: NotificationState
    error_code: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMessage:
    """A text somebody sent to our number, as the provider knows it."""

    provider_id: str
    phone: str
    body: str
    received_at: datetime  # by the provider's clock


class SmsGateway(Protocol):
    """Sends SMS. Called outside transactions; every call returns or raises `SendFailed` within a known time."""

    def send(self, *, phone: str, body: str, notification_id: UUID, valid_for: timedelta) -> str:
        """Send once, never retry; the provider's id. `valid_for` is real time: nobody wants it later than that."""
        ...

    def sent_to(self, phone: str) -> list[SentMessage]:
        """What the provider lately sent or is sending to this number, the newest first."""
        ...

    def fetch(self, provider_id: str) -> SentMessage:
        """What became of this message."""
        ...

    def received_since(self, since: datetime) -> list[ReceivedMessage]:
        """Every text to our number since then, in any order."""
        ...


class NoGateway:
    """Stands in while no provider is set up: sends nothing and says so, so that nothing counts as sent."""

    def send(self, *, phone: str, body: str, notification_id: UUID, valid_for: timedelta) -> str:
        """Refuses."""
        raise SendFailed("no SMS provider is set up", configuration=True)

    def sent_to(self, phone: str) -> list[SentMessage]:
        """Nothing was."""
        return []

    def fetch(self, provider_id: str) -> SentMessage:
        """Refuses."""
        raise SendFailed("no SMS provider is set up", configuration=True)

    def received_since(self, since: datetime) -> list[ReceivedMessage]:
        """Refuses: once there is a provider, it is to be asked."""
        raise SendFailed("no SMS provider is set up", configuration=True)

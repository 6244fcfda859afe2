"""SMS by Twilio, or by anything that speaks its REST API, such as the phone network of the demo.

Twilio has no idempotency key: so nothing is ever sent twice from here, and every doubt is raised as `outcome_unknown`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from pydantic import SecretStr
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http.response import Response
from twilio.rest import Client

from alerts.gateway import ReceivedMessage, SendFailed, SentMessage
from store.notification import NotificationState
from store.settings import Settings

VALIDITY_SECONDS = range(10, 36_001)  # Twilio takes 1 to 36,000 and advises against less than 5
TIMEOUT = timedelta(seconds=8)  # for each step of a request; two requests stay inside the lease
LARGEST_PAGE = 1000
REPLIES_AT_MOST = 20_000  # since a backup: more than any provider's responders write in weeks
LOOK_BACK = LARGEST_PAGE  # messages to one number, for the day when everything fails at once

# https://www.twilio.com/docs/api/errors: what can never be sent to this number …
_NUMBER_ERRORS = {21211, 21214, 21217, 21408, 21610, 21612, 21614}
# … and what is wrong with our account or our own number, whoever is written to
_ACCOUNT_ERRORS = {20003, 21212, 21603, 21606, 21660, 21705}
_TOO_MANY = 20429
_FIRST_CODE = 10_000  # the package puts the HTTP status where there is no code

_STATES = {
    "accepted": NotificationState.ACCEPTED,
    "scheduled": NotificationState.ACCEPTED,
    "queued": NotificationState.ACCEPTED,
    "sending": NotificationState.ACCEPTED,
    "sent": NotificationState.SENT,
    "delivered": NotificationState.DELIVERED,
    "read": NotificationState.DELIVERED,
    "undelivered": NotificationState.UNDELIVERED,
    "failed": NotificationState.FAILED,
    "canceled": NotificationState.FAILED,
}


class TwilioSettings(Settings):
    """The account that sends our SMS. Without one nothing is sent."""

    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_from: str = ""  # our number, E.164; it must be able to receive
    twilio_api_url: str = "https://api.twilio.com"  # another one for the phone network of the demo
    public_url: str = "http://127.0.0.1:8080"  # where the world reaches our pages and webhooks

    @property
    def is_complete(self) -> bool:
        """True if there is enough to send with."""
        return bool(self.twilio_account_sid and self.twilio_auth_token.get_secret_value() and self.twilio_from)


def state_of(status: str) -> NotificationState | None:
    """What Twilio's word for a message's state means to us; None for a word we do not know."""
    return _STATES.get(status.lower())


class TwilioGateway:
    """An `SmsGateway` over the `twilio` package."""

    def __init__(self, settings: TwilioSettings) -> None:
        self._from = settings.twilio_from
        self._callback_url = settings.public_url.rstrip("/") + "/webhooks/twilio/status"
        self._http = _OneAttempt(settings.twilio_api_url)
        self._account = Client(
            settings.twilio_account_sid, settings.twilio_auth_token.get_secret_value(), http_client=self._http
        )

    def send(self, *, phone: str, body: str, notification_id: UUID, valid_for: timedelta) -> str:
        """Send once, never retry; the MessageSid."""
        try:
            message = self._account.messages.create(
                to=phone,
                from_=self._from,
                body=body,
                status_callback=f"{self._callback_url}?notification={notification_id}",
                validity_period=_validity_period(valid_for),
            )
        except Exception as exc:
            raise _send_failed(exc) from exc
        if not message.sid:
            raise SendFailed("Twilio's answer has no MessageSid", outcome_unknown=True)
        return str(message.sid)

    def sent_to(self, phone: str) -> list[SentMessage]:
        """What Twilio lately sent or is sending to this number, the newest first."""
        try:
            listed = self._account.messages.list(to=phone, from_=self._from, limit=LOOK_BACK, page_size=LOOK_BACK)
        except Exception as exc:
            raise _send_failed(exc) from exc
        return [_sent_message(message) for message in listed]

    def fetch(self, provider_id: str) -> SentMessage:
        """What became of this message."""
        try:
            return _sent_message(self._account.messages(provider_id).fetch())
        except Exception as exc:
            raise _send_failed(exc) from exc

    def received_since(self, since: datetime) -> list[ReceivedMessage]:
        """Every text to our number since then, newest first."""
        try:
            listed = self._account.messages.list(
                to=self._from, date_sent_after=since.astimezone(UTC), limit=REPLIES_AT_MOST, page_size=LARGEST_PAGE
            )
            return [_received_message(message) for message in listed if message.direction == "inbound"]
        except Exception as exc:
            raise _send_failed(exc) from exc

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()


def _received_message(message: Any) -> ReceivedMessage:
    at = message.date_created or message.date_sent
    return ReceivedMessage(
        provider_id=str(message.sid), phone=str(message.from_), body=str(message.body or ""), received_at=at
    )


def _validity_period(valid_for: timedelta) -> int:
    return max(VALIDITY_SECONDS.start, min(int(valid_for.total_seconds()), VALIDITY_SECONDS.stop - 1))


def _sent_message(message: Any) -> SentMessage:
    return SentMessage(
        provider_id=str(message.sid),
        body=str(message.body),
        state=state_of(str(message.status)) or NotificationState.ACCEPTED,
        error_code=int(message.error_code) if message.error_code else None,
    )


def _send_failed(exc: Exception) -> SendFailed:
    """What an exception of the `twilio` package or of the network means."""
    if isinstance(exc, SendFailed):
        return exc
    if isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return SendFailed(f"Twilio cannot be reached: {type(exc).__name__}")  # so nothing was sent
    if isinstance(exc, TwilioRestException | TwilioServiceException):
        code = exc.code if isinstance(exc.code, int) and exc.code >= _FIRST_CODE else None
        return _refused(int(exc.status), code)
    if isinstance(exc, TwilioException | httpx.HTTPError):
        return SendFailed(f"no usable answer: {type(exc).__name__}", outcome_unknown=True)
    # Invalid JSON, a field of another type, a bug of the package: all of them after the request went out.
    return SendFailed(f"an answer that could not be read: {type(exc).__name__}", outcome_unknown=True)


def _refused(status: int, code: int | None) -> SendFailed:
    reason = f"HTTP {status}" + (f", error {code}" if code else "")
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status < httpx.codes.BAD_REQUEST:
        return SendFailed(reason, error_code=code, outcome_unknown=True)
    if status == httpx.codes.REQUEST_TIMEOUT:
        return SendFailed(reason, error_code=code, outcome_unknown=True)
    is_account = code in _ACCOUNT_ERRORS or status in (401, 403, 404)
    if code in _NUMBER_ERRORS or not is_account:  # a 400 we do not know stays refused however often it is sent
        return SendFailed(reason, error_code=code, permanent=True)
    return SendFailed(reason, error_code=code, configuration=True)


class _OneAttempt:
    """What the package sends its requests with: every time-out explicit, nothing retried, another host if told so."""

    def __init__(self, api_url: str) -> None:
        self._base = urlsplit(api_url.rstrip("/"))
        self._http = httpx.Client(timeout=TIMEOUT.total_seconds(), follow_redirects=False, trust_env=False)

    def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """One request, one attempt. The package's own `timeout` and `allow_redirects` are not used."""
        address = urlsplit(url)._replace(scheme=self._base.scheme, netloc=self._base.netloc).geturl()
        answer = self._http.request(method.upper(), address, params=params, data=data, headers=headers, auth=auth)
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:  # the package's exception would lose the header
            seconds = answer.headers.get("Retry-After", "")
            retry_after = timedelta(seconds=min(int(seconds), 3600)) if seconds.isdecimal() else None
            raise SendFailed("HTTP 429", error_code=_TOO_MANY, retry_after=retry_after)
        return Response(answer.status_code, answer.text, answer.headers)

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

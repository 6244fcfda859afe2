"""One text as the network keeps it, and as Twilio's API shows it. Pure."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from typing import Any

from simulators.phone.segments import count_segments

API_VERSION = "2010-04-01"

ERROR_MESSAGES = {
    21610: "Attempt to send to unsubscribed recipient",
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
    30036: "Validity Period Expired",
}


class Direction(StrEnum):
    """Who spoke."""

    INBOUND = "inbound"  # a phone to the service
    OUTBOUND_API = "outbound-api"  # the service, through the API
    OUTBOUND_REPLY = "outbound-reply"  # the service (or the carrier) in answer to an inbound text


class Status(StrEnum):
    """Where the text is, in Twilio's words."""

    QUEUED = "queued"  # accepted; not yet with the carrier
    SENT = "sent"  # with the carrier; the phone has not said that it has it
    DELIVERED = "delivered"  # the carrier says the phone has it
    UNDELIVERED = "undelivered"  # the carrier could not bring it
    FAILED = "failed"  # never given to the carrier
    RECEIVING = "receiving"  # inbound: the service has not been told yet
    RECEIVED = "received"  # inbound: the service has been told, or telling it failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One text between the service's number and a phone."""

    number: int = 0  # 1, 2, 3 … in the order the network took them; 0: not taken yet
    sid: str
    direction: Direction
    sender: str
    recipient: str
    body: str
    status: Status
    error_code: int | None = None
    messaging_service_sid: str | None = None
    status_callback: str | None = None
    validity: timedelta | None = None  # how long it may wait before it is sent
    by_carrier: bool = False  # the carrier's own answer to STOP, START or HELP; the API never shows it
    answer: str | None = None  # what the phone will reply by itself …
    answer_due_at: datetime | None = None  # … and when
    note: str = ""  # what came of telling the service, for the page
    created_at: datetime  # service clock, as all times here
    sent_at: datetime | None = None
    updated_at: datetime

    @property
    def phone(self) -> str:
        """The phone's number, whichever end it is."""
        return self.sender if self.direction is Direction.INBOUND else self.recipient

    @property
    def is_on_phone(self) -> bool:
        """True if somebody can read it on the phone."""
        return self.direction is not Direction.INBOUND and self.status is Status.DELIVERED


def new_sid() -> str:
    """A sid as Twilio makes them for texts."""
    return f"SM{secrets.token_hex(16)}"


def message_json(message: Message, *, account_sid: str) -> dict[str, Any]:
    """The resource as Twilio's API answers it."""
    uri = f"/{API_VERSION}/Accounts/{account_sid}/Messages/{message.sid}"
    return {
        "account_sid": account_sid,
        "api_version": API_VERSION,
        "body": message.body,
        "date_created": _rfc2822(message.created_at),
        "date_sent": _rfc2822(message.sent_at) if message.sent_at else None,
        "date_updated": _rfc2822(message.updated_at),
        "direction": message.direction,
        "error_code": message.error_code,
        "error_message": ERROR_MESSAGES.get(message.error_code, "Unknown error") if message.error_code else None,
        "from": message.sender,
        "messaging_service_sid": message.messaging_service_sid,
        "num_media": "0",
        "num_segments": str(count_segments(message.body)),
        "price": None,
        "price_unit": None,
        "sid": message.sid,
        "status": message.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": message.recipient,
        "uri": f"{uri}.json",
    }


def _rfc2822(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC))

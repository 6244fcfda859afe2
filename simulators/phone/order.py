"""What the service asks to have sent: the form of `POST …/Messages.json`, checked as Twilio checks it. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from simulators.phone.refusals import Refused

LONGEST_BODY = 1600  # characters, over all segments
LONGEST_VALIDITY = 36_000  # seconds; Twilio's default, too

E164 = re.compile(r"\+[1-9]\d{7,14}")
BRITISH = re.compile(r"\+44[1-9]\d{8,9}")
MESSAGING_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")

# Taken, and without effect here.
IGNORED = frozenset(
    [
        "MaxPrice",
        "ProvideFeedback",
        "Attempt",
        "ForceDelivery",
        "ContentRetention",
        "AddressRetention",
        "SmartEncoded",
        "TrafficType",
        "ShortenUrls",
        "RiskCheck",
        "SendAsMms",
    ]
)
# Twilio's, but the pretend network has no such thing: refused, so that nobody believes that it worked.
NOT_OFFERED = frozenset(
    [
        "ApplicationSid",
        "PersistentAction",
        "ScheduleType",
        "SendAt",
        "ContentVariables",
        "FallbackFrom",
        "MediaUrl",
        "ContentSid",
    ]
)
READ = frozenset(["To", "From", "MessagingServiceSid", "Body", "StatusCallback", "ValidityPeriod"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A text to be sent."""

    recipient: str
    sender: str
    body: str
    messaging_service_sid: str | None = None
    status_callback: str | None = None
    validity: timedelta = timedelta(seconds=LONGEST_VALIDITY)


def unknown_parameters(fields: Mapping[str, Sequence[str]]) -> list[str]:
    """Names that Twilio does not know. It ignores them; so does the network, but it complains."""
    return sorted(set(fields) - READ - IGNORED - NOT_OFFERED)


def read_order(fields: Mapping[str, Sequence[str]], *, sender: str, messaging_service_sid: str | None) -> Order:
    """The order in the form, or `Refused`. `sender` is the one number the account owns."""
    given = {name: values[-1] for name, values in fields.items()}
    for name in sorted(NOT_OFFERED & set(given)):
        raise Refused(20001, f"The pretend phone network does not offer the parameter {name}")

    recipient = _recipient(given.get("To", ""))
    service = given.get("MessagingServiceSid") or None
    if service is not None and (not MESSAGING_SERVICE.fullmatch(service) or service != messaging_service_sid):
        raise Refused(21705, service)
    from_number = _sender(given.get("From", ""), owned=sender, optional=service is not None)
    if from_number == recipient:
        raise Refused(21266, recipient)

    body = given.get("Body", "")
    if not body.strip():
        raise Refused(21602)
    if len(body) > LONGEST_BODY:
        raise Refused(21617)
    return Order(
        recipient=recipient,
        sender=from_number,
        body=body,
        messaging_service_sid=service,
        status_callback=_address(given.get("StatusCallback", "")),
        validity=_validity(given.get("ValidityPeriod", "")),
    )


def is_phone_number(text: str) -> bool:
    """True for an E.164 number that could exist."""
    if text.startswith("+44"):
        return BRITISH.fullmatch(text) is not None
    return E164.fullmatch(text) is not None


def plain_number(text: str) -> str:
    """The number without the spaces, dashes and brackets that people put in, as Twilio takes it."""
    return re.sub(r"[\s().-]", "", text)


def _recipient(text: str) -> str:
    if not text.strip():
        raise Refused(21604)
    number = plain_number(text)
    if not is_phone_number(number):
        raise Refused(21211, text)
    return number


def _sender(text: str, *, owned: str, optional: bool) -> str:
    if not text.strip():
        if optional:
            return owned
        raise Refused(21603)
    number = plain_number(text)
    if not is_phone_number(number):
        raise Refused(21212, text)
    if number != owned:
        raise Refused(21606, text)
    return number


def _address(text: str) -> str | None:
    if not text:
        return None
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or "_" in parts.hostname:
        raise Refused(21609, text)
    return text


def _validity(text: str) -> timedelta:
    if not text:
        return timedelta(seconds=LONGEST_VALIDITY)
    if not re.fullmatch(r"\d{1,9}", text) or not 1 <= int(text) <= LONGEST_VALIDITY:
        raise Refused(20001, f"ValidityPeriod must be a whole number from 1 to {LONGEST_VALIDITY}")
    return timedelta(seconds=int(text))

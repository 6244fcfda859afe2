"""The forms that Twilio posts to the service, and the TwiML that it takes as an answer. Pure."""

from datetime import datetime
from xml.etree import ElementTree

from simulators.phone.message import API_VERSION, Message, Status
from simulators.phone.segments import count_segments

DOCUMENT_UNREADABLE = "12100"
RETRIEVAL_FAILED = "11200"


def status_form(message: Message, *, account_sid: str, now: datetime) -> dict[str, str]:
    """What the StatusCallback address is told."""
    form = {
        "AccountSid": account_sid,
        "ApiVersion": API_VERSION,
        "From": message.sender,
        "MessageSid": message.sid,
        "MessageStatus": message.status.value,
        "SmsSid": message.sid,
        "SmsStatus": message.status.value,
        "To": message.recipient,
    }
    if message.messaging_service_sid:
        form["MessagingServiceSid"] = message.messaging_service_sid
    if message.error_code:
        form["ErrorCode"] = str(message.error_code)
    if message.status is Status.DELIVERED:
        form["RawDlrDoneDate"] = now.strftime("%y%m%d%H%M")
    return form


def inbound_form(message: Message, *, account_sid: str) -> dict[str, str]:
    """What the inbound webhook is told of a text from a phone."""
    places = {f"{end}{what}": "" for end in ("From", "To") for what in ("City", "State", "Zip")}
    return places | {
        "AccountSid": account_sid,
        "ApiVersion": API_VERSION,
        "Body": message.body,
        "From": message.sender,
        "FromCountry": "GB",
        "MessageSid": message.sid,
        "NumMedia": "0",
        "NumSegments": str(count_segments(message.body)),
        "SmsMessageSid": message.sid,
        "SmsSid": message.sid,
        "SmsStatus": "received",
        "To": message.recipient,
        "ToCountry": "GB",
    }


class Unreadable(Exception):
    """The answer is no TwiML."""


def texts_in(twiml: str) -> list[str]:
    """The texts that `<Response><Message>…</Message></Response>` asks for; an empty answer asks for none."""
    if not twiml.strip():
        return []
    try:
        root = ElementTree.fromstring(twiml)
    except ElementTree.ParseError as exc:
        raise Unreadable(str(exc)) from exc
    if root.tag != "Response":
        raise Unreadable(f"the document is <{root.tag}>, not <Response>")
    texts = []
    for message in root.findall("Message"):
        body = message.find("Body")
        texts.append(((message if body is None else body).text or "").strip())
    return [text for text in texts if text]

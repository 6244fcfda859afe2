from datetime import timedelta
from uuid import uuid4

import pytest

from store.audit import Action, audit_entries
from store.database import Conn
from store.inbound import waiting_callbacks, waiting_messages
from tests.api.conftest import PUBLIC_URL, Browser, Open, World, signature

SMS = "/webhooks/twilio/sms"
STATUS = "/webhooks/twilio/status"
REPLY = {
    "MessageSid": "SM1",
    "From": "+447700900000",
    "To": "+447700900000",
    "Body": "1 4F2Q",
    "NumMedia": "0",
    "X": "",
}
RECEIPT = {"MessageSid": "SM2", "MessageStatus": "undelivered", "ErrorCode": "30003"}


@pytest.fixture
def twilio(open_browser: Open) -> Browser:
    """The provider: no cookies, and it knows us by our public address only."""
    return open_browser(public_url=PUBLIC_URL)


def send(twilio: Browser, path: str, fields: dict[str, str], **signed: str) -> int:
    """Post as the provider does; the status."""
    headers = {"X-Twilio-Signature": signature(path, fields, **signed)}
    return twilio.post(path, fields, headers=headers).status_code


def test_a_signed_reply_is_kept_once_however_often_it_comes(twilio: Browser, conn: Conn, world: World) -> None:
    for _ in range(3):
        assert send(twilio, SMS, REPLY) == 200
    (kept,) = waiting_messages(conn, limit=10)
    assert (kept.provider_id, kept.phone, kept.body) == ("SM1", "+447700900000", "1 4F2Q")


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (SMS, REPLY | {"From": "\x00"}),
        (SMS, REPLY | {"MessageSid": "S\x00"}),
        (STATUS, RECEIPT | {"MessageStatus": "\x00"}),
    ],
)
def test_fields_that_no_column_can_hold_are_refused_and_no_mistake_of_ours(
    twilio: Browser, path: str, fields: dict[str, str]
) -> None:
    assert send(twilio, path, fields) == 422


def test_the_answer_to_a_reply_is_an_empty_order(twilio: Browser) -> None:
    headers = {"X-Twilio-Signature": signature(SMS, REPLY)}
    answer = twilio.post(SMS, REPLY, headers=headers)
    assert answer.headers["content-type"].startswith("text/xml")
    assert answer.text.endswith("<Response/>")


def test_a_reply_from_a_number_nobody_knows_is_kept_for_alerts_to_ignore(twilio: Browser, conn: Conn) -> None:
    assert send(twilio, SMS, {**REPLY, "From": "+447700900555"}) == 200
    (kept,) = waiting_messages(conn, limit=10)
    assert kept.phone == "+447700900555"


def test_a_signed_receipt_is_kept_with_the_attempt_it_names(twilio: Browser, conn: Conn) -> None:
    attempt = uuid4()
    path = f"{STATUS}?notification={attempt}"
    for _ in range(2):
        assert send(twilio, path, RECEIPT) == 204
    (kept,) = waiting_callbacks(conn, limit=10)
    assert (kept.provider_id, kept.status, kept.error_code, kept.notification_id) == (
        "SM2",
        "undelivered",
        30003,
        attempt,
    )


def test_a_receipt_without_a_readable_attempt_or_code_is_still_kept(twilio: Browser, conn: Conn) -> None:
    assert send(twilio, f"{STATUS}?notification=nonsense", {**RECEIPT, "ErrorCode": "many"}) == 204
    (kept,) = waiting_callbacks(conn, limit=10)
    assert (kept.notification_id, kept.error_code) == (None, None)


@pytest.mark.parametrize("path", [SMS, STATUS])
@pytest.mark.parametrize("signed", ["", "forged", "other token", "other address", "other fields"])
def test_unsigned_and_forged_webhooks_get_403_and_leave_only_a_trace(
    twilio: Browser, conn: Conn, world: World, path: str, signed: str
) -> None:
    fields = REPLY if path == SMS else RECEIPT
    headers = {
        "": {},
        "forged": {"X-Twilio-Signature": "Zm9yZ2Vk"},
        "other token": {"X-Twilio-Signature": signature(path, fields, token="another")},
        "other address": {"X-Twilio-Signature": signature(path, fields, public_url="http://testserver")},
        "other fields": {"X-Twilio-Signature": signature(path, {**fields, "Body": "3 4F2Q"})},
    }[signed]
    answer = twilio.post(path, fields, headers=headers)
    assert answer.status_code == 403
    assert waiting_messages(conn, limit=10) == []
    assert waiting_callbacks(conn, limit=10) == []
    (trace,) = audit_entries(conn, action=Action.WEBHOOK_REFUSED, since=world.now - timedelta(minutes=1))
    assert (trace.subject, trace.address) == (path, "192.0.2.1")


def test_without_a_token_of_ours_nothing_is_genuine(open_browser: Open) -> None:
    twilio = open_browser(public_url=PUBLIC_URL, twilio_auth_token="")
    assert send(twilio, SMS, REPLY, token="") == 403


def test_a_header_of_a_proxy_cannot_make_a_forged_address_genuine(twilio: Browser) -> None:
    headers = {
        "X-Twilio-Signature": signature(SMS, REPLY, public_url="https://evil.example"),
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "Host": "evil.example",
    }
    assert twilio.post(SMS, REPLY, headers=headers).status_code == 403


def test_a_signed_webhook_that_says_nothing_is_unreadable(twilio: Browser, conn: Conn) -> None:
    assert send(twilio, SMS, {"Body": "1"}) == 422
    assert send(twilio, STATUS, {"MessageSid": "SM3"}) == 422


def test_odd_letters_of_a_reply_are_kept_as_they_are_but_for_what_no_text_holds(twilio: Browser, conn: Conn) -> None:
    assert send(twilio, SMS, {**REPLY, "Body": "1 \u20ac \U0001f600 \x00 ' OR 1=1 --"}) == 200
    (kept,) = waiting_messages(conn, limit=10)
    assert kept.body == "1 \u20ac \U0001f600  ' OR 1=1 --"

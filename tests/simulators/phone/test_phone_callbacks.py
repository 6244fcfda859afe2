"""Status callbacks and replies: signed as the provider signs them, posted once, in its form."""

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from simulators.phone.mischief import Misbehaviour
from simulators.phone.running import RunningPhones
from tests.simulators.phone.conftest import ASHA, Service
from tests.simulators.phone.test_phone_rest import send


def is_rightly_signed(phones: RunningPhones, service: Service) -> list[bool]:
    validator = RequestValidator(phones.account.auth_token)
    return [validator.validate(service.url + told.path, told.fields, told.signature or "") for told in service.told]


def test_every_change_of_status_is_told_once_and_signed(
    twilio: Client, phones: RunningPhones, service: Service
) -> None:
    address = f"{service.url}/webhooks/twilio/status?notification=17&x=a%20b"
    taken = send(twilio, phones, "Hello", status_callback=address)
    phones.settle()
    assert service.statuses() == ["sent", "delivered"]
    assert is_rightly_signed(phones, service) == [True, True]
    assert service.told[0].path == "/webhooks/twilio/status?notification=17&x=a%20b"
    assert service.told[0].fields == {
        "AccountSid": phones.account.sid,
        "ApiVersion": "2010-04-01",
        "From": phones.account.sender,
        "MessageSid": taken.sid,
        "MessageStatus": "sent",
        "SmsSid": taken.sid,
        "SmsStatus": "sent",
        "To": ASHA,
    }


def test_an_undelivered_text_tells_its_error_code(twilio: Client, phones: RunningPhones, service: Service) -> None:
    phones.misbehave(Misbehaviour(name="undelivered", error_code=30006))
    taken = send(twilio, phones, "Hello", status_callback=f"{service.url}/status")
    phones.settle()
    assert service.statuses() == ["sent", "undelivered"]
    assert service.told[-1].fields["ErrorCode"] == "30006"
    assert phones.texts_to(ASHA) == []
    fetched = twilio.messages(taken.sid).fetch()
    assert (fetched.status, fetched.error_code) == ("undelivered", 30006)
    assert fetched.error_message == "Landline or unreachable carrier"


def test_a_callback_is_not_repeated_after_an_error_of_the_service(
    twilio: Client, phones: RunningPhones, service: Service
) -> None:
    service.status = 500
    send(twilio, phones, "Hello", status_callback=f"{service.url}/status")
    phones.settle()
    assert service.statuses() == ["sent", "delivered"]
    assert [posted.arrived for posted in phones.posted] == [False, False]


def test_a_service_that_is_away_does_not_disturb_the_network(twilio: Client, phones: RunningPhones) -> None:
    send(twilio, phones, "Hello", status_callback="http://127.0.0.1:9/status")
    phones.settle()
    assert phones.texts_to(ASHA) == ["Hello"]
    assert [posted.status_code for posted in phones.posted] == [None, None]


def test_a_reply_reaches_the_service_signed_and_complete(phones: RunningPhones, service: Service) -> None:
    typed = phones.reply(ASHA, "1 4F7K")
    phones.settle()
    (form,) = service.replies()
    assert is_rightly_signed(phones, service) == [True]
    wanted = {
        "MessageSid": typed.sid,
        "From": ASHA,
        "To": phones.account.sender,
        "Body": "1 4F7K",
        "NumMedia": "0",
        "NumSegments": "1",
        "AccountSid": phones.account.sid,
        "SmsStatus": "received",
        "FromCountry": "GB",
    }
    assert wanted.items() <= form.items()


def test_the_services_answer_is_shown_on_the_phone(twilio: Client, phones: RunningPhones, service: Service) -> None:
    service.twiml = "<?xml version='1.0' encoding='UTF-8'?><Response><Message>It is yours.</Message></Response>"
    phones.reply(ASHA, "1 4F7K")
    phones.settle()
    assert phones.texts_to(ASHA) == ["It is yours."]
    assert [message.direction for message in twilio.messages.list()] == ["outbound-reply", "inbound"]


@pytest.mark.parametrize(("status", "twiml", "error"), [(500, "", "11200"), (200, "<Response>", "12100")])
def test_a_reply_that_the_service_did_not_take_says_so(
    phones: RunningPhones, service: Service, status: int, twiml: str, error: str
) -> None:
    service.status, service.twiml = status, twiml
    typed = phones.reply(ASHA, "1 4F7K")
    phones.settle()
    assert len(service.replies()) == 1
    (kept,) = phones.messages_with(ASHA)
    assert kept.sid == typed.sid
    assert error in kept.note


@pytest.mark.parametrize("word", ["STOP", " stop ", "Unsubscribe", "quit"])
def test_after_stop_nothing_can_be_sent_until_start(
    twilio: Client, phones: RunningPhones, service: Service, word: str
) -> None:
    phones.reply(ASHA, word)
    phones.settle()
    assert [form["Body"] for form in service.replies()] == [word]  # the service is told as well
    with pytest.raises(TwilioRestException) as refused:
        send(twilio, phones, "Hello")
    assert refused.value.code == 21610
    assert [text[:29] for text in phones.texts_to(ASHA)] == ["You have successfully been un"]
    assert twilio.messages.list(from_=phones.account.sender) == []  # the carrier's own words are not in the API

    phones.reply(ASHA, "start")
    send(twilio, phones, "Hello again")
    phones.settle()
    assert phones.texts_to(ASHA)[-1] == "Hello again"


def test_an_answer_to_a_phone_that_has_said_stop_is_not_sent(phones: RunningPhones, service: Service) -> None:
    service.twiml = "<Response><Message>Sorry to see you go</Message></Response>"
    phones.reply(ASHA, "STOP")
    phones.settle()
    failed = phones.messages_with(ASHA)[-1]
    assert (failed.status, failed.error_code) == ("failed", 21610)


def test_stop_inside_a_sentence_is_not_the_carriers_word(twilio: Client, phones: RunningPhones) -> None:
    phones.reply(ASHA, "please stop the bell")
    send(twilio, phones, "Hello")
    phones.settle()
    assert phones.texts_to(ASHA) == ["Hello"]

"""What every SMS gateway must do, on Twilio's over the phone network; our requests are what Twilio describes."""

import json
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from alerts.gateway import NoGateway, SendFailed
from alerts.twilio import TwilioGateway, TwilioSettings
from simulators.phone.mischief import Misbehaviour
from simulators.phone.running import RunningPhones
from store.notification import NotificationState
from tests.alerts.conftest import Desk

OPENAPI = Path(__file__).parents[3] / "shared/data/twilio/messages_and_calls.openapi.json"
MINUTE = timedelta(minutes=1)


def send(gateway: TwilioGateway, desk: Desk, body: str = "Telecare test") -> str:
    return gateway.send(phone=desk.ann.phone, body=body, notification_id=uuid4(), valid_for=MINUTE)


def test_a_text_arrives_once_and_can_be_found_by_number_and_by_id(
    twilio_gateway: TwilioGateway, phones: RunningPhones, desk: Desk
) -> None:
    provider_id = send(twilio_gateway, desk)
    phones.settle()

    assert phones.texts_to(desk.ann.phone) == ["Telecare test"]
    (found,) = twilio_gateway.sent_to(desk.ann.phone)
    assert (found.provider_id, found.body, found.state) == (provider_id, "Telecare test", NotificationState.DELIVERED)
    assert twilio_gateway.fetch(provider_id) == found


@pytest.mark.parametrize("misbehaviour", ["500_before_accepting", "drop_before_accepting"])
def test_an_outcome_nobody_knows_is_called_unknown_and_nothing_is_retried(
    misbehaviour: str, twilio_gateway: TwilioGateway, phones: RunningPhones, desk: Desk
) -> None:
    phones.misbehave(Misbehaviour(name=misbehaviour, times=1))
    with pytest.raises(SendFailed) as failed:
        send(twilio_gateway, desk)
    assert failed.value.outcome_unknown
    assert twilio_gateway.sent_to(desk.ann.phone) == []


@pytest.mark.parametrize("misbehaviour", ["500_after_accepting", "drop_after_accepting", "invalid_json"])
def test_a_text_that_went_out_behind_a_bad_answer_is_unknown_and_found_by_looking(
    misbehaviour: str, twilio_gateway: TwilioGateway, phones: RunningPhones, desk: Desk
) -> None:
    phones.misbehave(Misbehaviour(name=misbehaviour, times=1))
    with pytest.raises(SendFailed) as failed:
        send(twilio_gateway, desk)
    assert failed.value.outcome_unknown
    assert [message.body for message in twilio_gateway.sent_to(desk.ann.phone)] == ["Telecare test"]


def test_a_text_is_found_behind_many_others_to_the_same_number(
    twilio_gateway: TwilioGateway, phones: RunningPhones, desk: Desk
) -> None:
    """With 50 looked at, 9 of 300 texts to one telephone were doubled while workers were killed and answers lost."""
    first = send(twilio_gateway, desk, "Telecare the first")
    for number in range(60):
        send(twilio_gateway, desk, f"Telecare {number}")
    assert twilio_gateway.sent_to(desk.ann.phone)[-1].provider_id == first


def test_too_many_requests_says_when_to_come_back(
    twilio_gateway: TwilioGateway, phones: RunningPhones, desk: Desk
) -> None:
    phones.misbehave(Misbehaviour(name="too_many_requests", times=1, seconds=7))
    with pytest.raises(SendFailed) as failed:
        send(twilio_gateway, desk)
    assert failed.value.retry_after == timedelta(seconds=7)
    assert not failed.value.outcome_unknown
    assert not failed.value.permanent


def test_a_number_that_cannot_be_is_a_permanent_failure(twilio_gateway: TwilioGateway) -> None:
    with pytest.raises(SendFailed) as failed:
        twilio_gateway.send(phone="+4477", body="x", notification_id=uuid4(), valid_for=MINUTE)
    assert failed.value.permanent
    assert failed.value.error_code == 21211


def test_somebody_who_sent_stop_is_a_permanent_failure(
    twilio_gateway: TwilioGateway, phones: RunningPhones, desk: Desk
) -> None:
    phones.reply(desk.ann.phone, "STOP")
    phones.settle()
    with pytest.raises(SendFailed) as failed:
        send(twilio_gateway, desk)
    assert failed.value.permanent
    assert failed.value.error_code == 21610


def test_wrong_credentials_are_a_matter_of_configuration(phones: RunningPhones, desk: Desk) -> None:
    settings = TwilioSettings(
        twilio_account_sid=phones.account.sid,
        twilio_auth_token=SecretStr("wrong"),
        twilio_from=phones.account.sender,
        twilio_api_url=phones.url,
    )
    gateway = TwilioGateway(settings)
    with pytest.raises(SendFailed) as failed:
        send(gateway, desk)
    gateway.close()
    assert failed.value.configuration
    assert not failed.value.permanent


def test_a_provider_that_cannot_be_reached_took_nothing(desk: Desk) -> None:
    settings = TwilioSettings(
        twilio_account_sid="AC" + "0" * 32,
        twilio_auth_token=SecretStr("x"),
        twilio_from="+447700900000",
        twilio_api_url="http://127.0.0.1:9",
    )
    gateway = TwilioGateway(settings)
    with pytest.raises(SendFailed) as failed:
        send(gateway, desk)
    gateway.close()
    assert not failed.value.outcome_unknown
    assert not failed.value.permanent


def test_without_a_provider_nothing_counts_as_sent() -> None:
    with pytest.raises(SendFailed) as failed:
        NoGateway().send(phone="+447700900001", body="x", notification_id=uuid4(), valid_for=MINUTE)
    assert failed.value.configuration
    assert NoGateway().sent_to("+447700900001") == []


def test_what_we_send_is_what_twilio_describes(
    twilio_gateway: TwilioGateway, phones: RunningPhones, desk: Desk
) -> None:
    if not OPENAPI.exists():
        pytest.skip("Twilio's own description of its API is not here")
    description = json.loads(OPENAPI.read_text())
    post = description["paths"]["/2010-04-01/Accounts/{AccountSid}/Messages.json"]["post"]
    schema = post["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]

    phones.asked.clear()
    send(twilio_gateway, desk)
    (asked,) = phones.asked

    assert asked.complaint == ""
    form = {name: values[0] for name, values in asked.fields.items()}
    assert set(schema.get("required", [])) <= set(form)
    for name, value in form.items():
        assert name in schema["properties"], f"Twilio has no parameter {name}"
        kind = schema["properties"][name].get("type")
        assert kind in ("string", "integer")
        assert kind != "integer" or value.isdecimal()
    assert 1 <= int(form["ValidityPeriod"]) <= 36_000
    assert "?notification=" in form["StatusCallback"]


def test_texts_to_our_number_are_listed_from_a_time_on_and_ours_are_not(
    twilio_gateway: TwilioGateway, phones: RunningPhones, desk: Desk
) -> None:
    """More than one page of them, whatever came of telling us."""
    send(twilio_gateway, desk)
    phones.network.public_url = None  # the pages are down
    sent = [phones.network.reply(desk.ann.phone, f"answer {number}") for number in range(3)]
    phones.settle()
    found = twilio_gateway.received_since(sent[0].created_at)
    mine = [message for message in found if message.phone == desk.ann.phone]
    assert {(it.provider_id, it.body) for it in mine} == {(it.sid, it.body) for it in sent}
    assert all(abs(it.received_at - sent[0].created_at) < MINUTE for it in mine)
    later = twilio_gateway.received_since(sent[-1].created_at + 2 * MINUTE)
    assert [message for message in later if message.phone == desk.ann.phone] == []


def test_a_list_of_replies_that_cannot_be_read_is_a_failure_and_not_an_empty_list(
    twilio_gateway: TwilioGateway, phones: RunningPhones
) -> None:
    for misbehaviour in ("500_before_accepting", "drop_before_accepting", "too_many_requests"):
        phones.misbehave(Misbehaviour(name=misbehaviour, times=1, reads=True))
        with pytest.raises(SendFailed):
            twilio_gateway.received_since(phones.network.clock.now())
    with pytest.raises(SendFailed, match="no SMS provider"):
        NoGateway().received_since(phones.network.clock.now())

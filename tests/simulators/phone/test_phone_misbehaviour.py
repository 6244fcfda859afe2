"""Each fault of the tables, as the service would meet it."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import requests
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from simulators.phone.mischief import ANSWERS, FATES, POSTINGS, Misbehaviour
from simulators.phone.running import RunningPhones
from tests.simulators.phone.conftest import ASHA, BEN, Service
from tests.simulators.phone.test_phone_rest import send

WRONG_ANSWERS = [
    ("500_before_accepting", TwilioRestException, False),
    ("500_after_accepting", TwilioRestException, True),
    ("hang_before_accepting", requests.Timeout, False),
    ("hang_after_accepting", requests.Timeout, True),
    ("drop_before_accepting", requests.ConnectionError, False),
    ("drop_after_accepting", requests.ConnectionError, True),
    ("too_many_requests", TwilioRestException, False),
    ("invalid_json", ValueError, True),
]


@pytest.mark.parametrize(("name", "error", "goes_out"), WRONG_ANSWERS)
def test_a_wrong_answer_says_nothing_of_what_became_of_the_text(
    twilio: Client, phones: RunningPhones, name: str, error: type[Exception], goes_out: bool
) -> None:
    phones.misbehave(Misbehaviour(name=name, times=1))
    with pytest.raises(error):
        send(twilio, phones, "first")
    phones.misbehave()
    send(twilio, phones, "second")
    phones.settle()
    assert phones.texts_to(ASHA) == (["first", "second"] if goes_out else ["second"])


def test_every_wrong_answer_of_the_table_is_tried() -> None:
    assert {name for name, _, _ in WRONG_ANSWERS} == set(ANSWERS)


def test_too_many_requests_say_when_to_come_again(phones: RunningPhones, http: httpx.Client) -> None:
    phones.misbehave(Misbehaviour(name="too_many_requests", times=2, seconds=7))
    address = f"{phones.url}/2010-04-01/Accounts/{phones.account.sid}/Messages.json"
    auth = (phones.account.sid, phones.account.auth_token)
    form = {"To": ASHA, "From": phones.account.sender, "Body": "Hello"}
    answers = [http.post(address, auth=auth, data=form) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 201]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].json()["code"] == 20429


def test_a_fault_can_be_for_one_phone_or_for_reading_only(twilio: Client, phones: RunningPhones) -> None:
    phones.misbehave(Misbehaviour(name="500_before_accepting", to=BEN))
    send(twilio, phones, "Hello")
    with pytest.raises(TwilioRestException):
        send(twilio, phones, "Hello", to=BEN)
    phones.misbehave(Misbehaviour(name="500_before_accepting", reads=True))
    send(twilio, phones, "Hello", to=BEN)
    with pytest.raises(TwilioException):  # the package raises the wider one for lists
        twilio.messages.list(to=BEN)


def test_a_share_of_the_requests_goes_wrong(twilio: Client, phones: RunningPhones) -> None:
    phones.misbehave(Misbehaviour(name="500_before_accepting", share=0.5))
    refused = 0
    for _ in range(40):
        try:
            send(twilio, phones, "Hello")
        except TwilioRestException:
            refused += 1
    assert 5 < refused < 35


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("callbacks_lost", []),
        ("callbacks_doubled", ["delivered", "delivered", "sent", "sent"]),
        ("callbacks_late", ["delivered", "sent"]),
        ("callbacks_reordered", ["delivered", "sent"]),
    ],
)
def test_callbacks_get_lost_doubled_late_and_out_of_order(
    twilio: Client, phones: RunningPhones, service: Service, name: str, statuses: list[str]
) -> None:
    phones.misbehave(Misbehaviour(name=name, seconds=0.15))
    send(twilio, phones, "Hello", status_callback=f"{service.url}/status")
    phones.settle()
    told = service.statuses()
    assert sorted(told) == statuses
    if name == "callbacks_reordered":
        assert told == ["delivered", "sent"]


@pytest.mark.parametrize("name", ["callbacks_forged", "callbacks_unsigned", "replies_forged", "replies_unsigned"])
def test_a_forged_form_does_not_pass_the_check(
    twilio: Client, phones: RunningPhones, service: Service, name: str
) -> None:
    phones.misbehave(Misbehaviour(name=name))
    if name.startswith("callbacks"):
        send(twilio, phones, "Hello", status_callback=f"{service.url}/status")
    else:
        phones.reply(ASHA, "1 4F7K")
    phones.settle()
    validator = RequestValidator(phones.account.auth_token)
    assert service.told
    for told in service.told:
        assert not validator.validate(service.url + told.path, told.fields, told.signature or "")
        assert (told.signature is None) == name.endswith("unsigned")


@pytest.mark.parametrize(("name", "times"), [("replies_lost", 0), ("replies_doubled", 2)])
def test_a_reply_gets_lost_or_comes_twice_with_one_sid(
    phones: RunningPhones, service: Service, name: str, times: int
) -> None:
    phones.misbehave(Misbehaviour(name=name))
    typed = phones.reply(ASHA, "1 4F7K")
    phones.settle()
    assert [form["MessageSid"] for form in service.replies()] == [typed.sid] * times


@pytest.mark.parametrize(
    ("name", "status", "told"), [("failed", "failed", ["failed"]), ("stays_sent", "sent", ["sent"])]
)
def test_a_text_may_fail_or_stay_sent_for_ever(
    twilio: Client, phones: RunningPhones, service: Service, name: str, status: str, told: list[str]
) -> None:
    phones.misbehave(Misbehaviour(name=name))
    taken = send(twilio, phones, "Hello", status_callback=f"{service.url}/status")
    phones.settle()
    assert twilio.messages(taken.sid).fetch().status == status
    assert service.statuses() == told


def test_the_control_endpoint_shows_sets_and_clears_the_faults(phones: RunningPhones, http: httpx.Client) -> None:
    control = f"{phones.url}/control"
    wanted: dict[str, Any] = {"name": "undelivered", "times": 3, "error_code": 30005, "to": ASHA}
    on = http.post(control, json={"misbehaviours": [wanted]}).json()["on"]
    assert wanted.items() <= on[0].items()
    assert set(http.get(control).json()["offered"]) == {*ANSWERS, *FATES, *POSTINGS}
    for wrong in ([{"name": "earthquake"}], [{"name": "undelivered", "often": 1}], "none"):
        assert http.post(control, json={"misbehaviours": wrong}).status_code == 422
    assert len(http.get(control).json()["on"]) == 1
    assert http.post(control, json={"misbehaviours": []}).json()["on"] == []


def test_whatever_hangs_is_let_go_when_the_faults_are_cleared(phones: RunningPhones, http: httpx.Client) -> None:
    phones.misbehave(Misbehaviour(name="hang_after_accepting"))
    address = f"{phones.url}/2010-04-01/Accounts/{phones.account.sid}/Messages.json"
    auth = (phones.account.sid, phones.account.auth_token)
    form = {"To": ASHA, "From": phones.account.sender, "Body": "Hello"}
    with pytest.raises(httpx.ReadTimeout):
        http.post(address, auth=auth, data=form, timeout=0.3)
    phones.misbehave()
    before = time.monotonic()
    assert http.post(address, auth=auth, data=form).status_code == 201
    assert time.monotonic() - before < 1


def test_many_hanging_requests_do_not_keep_others_waiting(phones: RunningPhones) -> None:
    phones.misbehave(Misbehaviour(name="hang_before_accepting", to=ASHA))
    address = f"{phones.url}/2010-04-01/Accounts/{phones.account.sid}/Messages.json"
    auth = (phones.account.sid, phones.account.auth_token)
    form = {"To": ASHA, "From": phones.account.sender, "Body": "Hello"}
    limits = httpx.Limits(max_connections=None)
    with httpx.Client(auth=auth, limits=limits) as http, ThreadPoolExecutor(60) as callers:
        hanging = [callers.submit(http.post, address, data=form, timeout=20) for _ in range(60)]
        time.sleep(0.5)
        assert http.post(address, data=form | {"To": BEN}, timeout=5).status_code == 201
        phones.misbehave()
        for one in hanging:
            with pytest.raises(httpx.TransportError):
                one.result()


def test_everything_is_forgotten_when_asked(twilio: Client, phones: RunningPhones) -> None:
    send(twilio, phones, "Hello")
    phones.reply(BEN, "STOP")
    phones.misbehave(Misbehaviour(name="undelivered"))
    phones.forget()
    send(twilio, phones, "Hello again", to=BEN)
    phones.settle()
    assert (phones.texts_to(ASHA), phones.texts_to(BEN)) == ([], ["Hello again"])

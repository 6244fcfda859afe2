"""The API as the real `twilio` package sees it: send, fetch, list, refusals; and against the published description."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from simulators.phone.order import Order
from simulators.phone.published import reply_problems, request_problems
from simulators.phone.running import RunningPhones, running_phone_network
from store.clock import Clock
from tests.simulators.phone.conftest import ASHA, BEN, NOON

DESCRIPTION = Path(__file__).resolve().parents[4] / "shared/data/twilio/messages_and_calls.openapi.json"


@pytest.fixture
def description() -> dict[str, Any]:
    if not DESCRIPTION.exists():
        pytest.skip("the provider's published description is not on this machine")
    read: dict[str, Any] = json.loads(DESCRIPTION.read_text())
    return read


def send(twilio: Client, phones: RunningPhones, body: str, *, to: str = ASHA, **more: Any) -> Any:
    return twilio.messages.create(to=to, from_=phones.account.sender, body=body, **more)


def test_a_text_is_taken_queued_and_then_delivered(twilio: Client, phones: RunningPhones) -> None:
    taken = send(twilio, phones, "Hello, Asha")
    assert taken.status == "queued"
    assert taken.sid.startswith("SM")
    assert len(taken.sid) == 34
    assert (taken.num_segments, taken.price, taken.error_code, taken.direction) == ("1", None, None, "outbound-api")
    assert NOON <= taken.date_created.astimezone(UTC) < NOON + timedelta(minutes=10)
    assert taken.date_sent is None

    phones.settle()
    fetched = twilio.messages(taken.sid).fetch()
    assert fetched.status == "delivered"
    assert fetched.date_sent is not None
    assert phones.texts_to(ASHA) == ["Hello, Asha"]
    assert phones.texts_to(BEN) == []


def test_a_text_through_the_messaging_service_has_a_sender(twilio: Client, phones: RunningPhones) -> None:
    service = phones.account.messaging_service_sid
    taken = twilio.messages.create(to=ASHA, messaging_service_sid=service, body="Hello")
    assert (taken.from_, taken.messaging_service_sid) == (phones.account.sender, service)


def test_texts_are_listed_newest_first_page_by_page(twilio: Client, phones: RunningPhones) -> None:
    for number in range(7):
        send(twilio, phones, f"text {number}")
    send(twilio, phones, "for Ben", to=BEN)
    phones.settle()
    listed = twilio.messages.list(to=ASHA, page_size=3)
    assert [message.body for message in listed] == [f"text {number}" for number in range(6, -1, -1)]
    assert [message.body for message in twilio.messages.list(limit=1)] == ["for Ben"]
    assert len([asked for asked in phones.asked if asked.method == "GET"]) == 4


def test_a_list_can_be_bounded_by_the_date_of_sending(
    twilio: Client, phones: RunningPhones, http: httpx.Client
) -> None:
    send(twilio, phones, "today")
    phones.settle()
    for after, found in ((NOON, 1), (NOON + timedelta(hours=1), 0), (NOON.date(), 1)):
        assert len(twilio.messages.list(to=ASHA, date_sent_after=after)) == found
    for before, found in ((NOON - timedelta(seconds=2), 0), (NOON + timedelta(hours=1), 1)):
        assert len(twilio.messages.list(to=ASHA, date_sent_before=before)) == found

    # By hand a day can be named; the package makes a midnight of it.
    address = f"{phones.url}/2010-04-01/Accounts/{phones.account.sid}/Messages.json"
    auth = (phones.account.sid, phones.account.auth_token)
    days = [("DateSent", "2026-03-10", 1), ("DateSent", "2026-03-09", 0), ("DateSent<", "2026-03-10", 1)]
    for name, day, found in [*days, ("DateSent>", "2026-03-11", 0)]:
        assert len(http.get(address, auth=auth, params={name: day}).json()["messages"]) == found


@pytest.mark.parametrize(
    ("to", "body", "status", "code"),
    [("+4412", "Hello", 400, 21211), (ASHA, " ", 400, 21602), (ASHA, "a" * 1601, 400, 21617)],
)
def test_a_refusal_carries_the_providers_code(
    twilio: Client, phones: RunningPhones, to: str, body: str, status: int, code: int
) -> None:
    with pytest.raises(TwilioRestException) as refused:
        send(twilio, phones, body, to=to)
    assert (refused.value.status, refused.value.code) == (status, code)
    phones.settle()
    assert phones.messages_with(to) == []


def test_a_number_that_is_not_ours_cannot_send(twilio: Client) -> None:
    with pytest.raises(TwilioRestException, match="SMS-capable") as refused:
        twilio.messages.create(to=ASHA, from_=BEN, body="Hello")
    assert refused.value.code == 21606


def test_a_wrong_secret_is_not_let_in(phones: RunningPhones, http: httpx.Client) -> None:
    address = f"{phones.url}/2010-04-01/Accounts/{phones.account.sid}/Messages.json"
    assert http.post(address, data={"To": ASHA}).status_code == 401
    for auth in (("", ""), (phones.account.sid, "wrong"), ("AC" + "0" * 32, phones.account.auth_token)):
        answer = http.post(address, auth=auth, data={"To": ASHA})
        assert answer.status_code == 401
        assert answer.json() == {
            "code": 20003,
            "message": "Authenticate",
            "more_info": "https://www.twilio.com/docs/errors/20003",
            "status": 401,
        }
        assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_what_is_not_there_is_not_found(twilio: Client, phones: RunningPhones, http: httpx.Client) -> None:
    with pytest.raises(TwilioRestException) as refused:
        twilio.messages("SM" + "0" * 32).fetch()
    assert (refused.value.status, refused.value.code) == (404, 20404)
    auth = (phones.account.sid, phones.account.auth_token)
    base = f"{phones.url}/2010-04-01/Accounts"
    assert http.get(f"{base}/AC{'0' * 32}/Messages.json", auth=auth).json()["code"] == 20404
    assert http.delete(f"{base}/{phones.account.sid}/Messages.json", auth=auth).json()["code"] == 20004
    listed = f"{base}/{phones.account.sid}/Messages.json"
    for wrong in ({"Page": "1"}, {"PageSize": "0"}, {"PageSize": "many"}, {"DateSent": "soon"}, {"PageToken": "PASM1"}):
        assert http.get(listed, auth=auth, params=wrong).json()["code"] == 20001


def test_a_text_that_waited_longer_than_it_may_is_not_sent() -> None:
    hasty = Clock(real_start=datetime.now(UTC), start=NOON, speed=100_000)
    with running_phone_network(clock=hasty) as phones:
        order = Order(recipient=ASHA, sender=phones.account.sender, body="Come now", validity=timedelta(seconds=180))
        phones.network.accept(order)
        phones.settle()
        (kept,) = phones.messages_with(ASHA)
        assert (kept.status, kept.error_code, phones.texts_to(ASHA)) == ("failed", 30036, [])


def test_a_parameter_that_the_provider_would_ignore_is_complained_of(phones: RunningPhones, http: httpx.Client) -> None:
    address = f"{phones.url}/2010-04-01/Accounts/{phones.account.sid}/Messages.json"
    form = {"To": ASHA, "From": phones.account.sender, "Body": "Hello", "StatusCallBack": "https://example.org/x"}
    assert http.post(address, auth=(phones.account.sid, phones.account.auth_token), data=form).status_code == 201
    assert [asked.complaint for asked in phones.asked] == ["StatusCallBack"]


def test_requests_and_answers_agree_with_the_published_description(
    twilio: Client, phones: RunningPhones, description: dict[str, Any], http: httpx.Client
) -> None:
    taken = send(twilio, phones, "Hello", status_callback="https://t.example.org/x?n=1", validity_period=180)
    phones.settle()
    twilio.messages(taken.sid).fetch()
    twilio.messages.list(to=ASHA, date_sent_after=NOON, page_size=20)
    assert len(phones.asked) == 3
    for asked in phones.asked:
        assert request_problems(description, asked.method, asked.path, asked.fields) == []

    auth = (phones.account.sid, phones.account.auth_token)
    listed = f"/2010-04-01/Accounts/{phones.account.sid}/Messages.json"
    form = {"To": ASHA, "From": phones.account.sender, "Body": "Hello"}
    answers = [("POST", listed, http.post(phones.url + listed, auth=auth, data=form))]
    fetched = f"{listed.removesuffix('.json')}/{taken.sid}.json"
    answers += [("GET", path, http.get(phones.url + path, auth=auth)) for path in (listed, fetched)]
    for method, path, answer in answers:
        assert reply_problems(description, method, path, answer.status_code, answer.json()) == []


def test_the_comparison_with_the_description_finds_what_is_wrong(description: dict[str, Any]) -> None:
    path = f"/2010-04-01/Accounts/AC{'0' * 32}/Messages.json"
    wrong = {"Too": [ASHA], "From": ["Telecare"], "ValidityPeriod": ["soon"], "RiskCheck": ["maybe"]}
    assert len(request_problems(description, "POST", path, wrong)) == 5
    assert request_problems(description, "POST", "/2010-04-01/Nothing.json", {}) != []
    problems = reply_problems(description, "POST", path, 201, {"sid": "SM1", "status": "gone", "extra": 1})
    assert len([problem for problem in problems if "missing" not in problem]) == 3

"""Phones that answer by themselves, what survives a restart, the page, and the service as a whole."""

import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from simulators.phone.answering import Behaviour, Phone
from simulators.phone.main import UnreadableConfiguration, read_phones, run
from simulators.phone.mischief import Misbehaviour
from simulators.phone.order import Order
from simulators.phone.running import TEST_ACCOUNT, RunningPhones, running_phone_network
from store.clock import Clock, make_clock
from tests.simulators.phone.conftest import ASHA, BEN, NOON, Service

CAROL = "+447700900103"
PEOPLE = (
    Phone(number=ASHA, name="Asha", role="on call", behaviour=Behaviour.ANSWER, after=timedelta(minutes=2)),
    Phone(number=BEN, name="Ben", role="<second>", behaviour=Behaviour.PASS_ON, after=timedelta(minutes=1)),
    Phone(number=CAROL, name="Carol", role="manager"),
)
ALERT = "Telecare URGENT K7: no usual activity. Reply 1 4F7K coming, 2 4F7K pass, 3 4F7K false"
STOOD_DOWN = "Telecare K7 (4F7K): taken on by a colleague. You need not act."


def fast_clock() -> Clock:
    """Two minutes in a tenth of a second."""
    return Clock(real_start=datetime.now(UTC), start=NOON, speed=1200)


@pytest.fixture
def people(service: Service) -> Iterator[RunningPhones]:
    with running_phone_network(phones=PEOPLE, clock=fast_clock(), public_url=service.url) as running:
        yield running


def text(phones: RunningPhones, body: str, *, to: str) -> None:
    phones.network.accept(Order(recipient=to, sender=phones.account.sender, body=body))
    phones.settle()


def wait_for_replies(service: Service, count: int) -> list[tuple[str, str]]:
    until = time.monotonic() + 5
    while len(service.replies()) < count and time.monotonic() < until:
        time.sleep(0.01)
    return [(form["From"], form["Body"]) for form in service.replies()]


def test_people_answer_an_alert_by_their_habit_after_their_time(people: RunningPhones, service: Service) -> None:
    for number in (ASHA, BEN, CAROL):
        text(people, ALERT, to=number)
    assert sorted(wait_for_replies(service, 2)) == [(ASHA, "1 4F7K"), (BEN, "2 4F7K")]
    delivered, answered = people.messages_with(ASHA)
    assert answered.created_at - delivered.updated_at >= timedelta(minutes=2)
    time.sleep(0.2)
    assert len(service.replies()) == 2


def test_nobody_answers_what_asks_nothing(people: RunningPhones, service: Service) -> None:
    text(people, STOOD_DOWN, to=ASHA)
    text(people, "Telecare K7: activity seen 10:42. Continue unless told otherwise.", to=ASHA)
    time.sleep(0.25)
    assert service.replies() == []


def test_the_same_question_twice_gets_one_answer(people: RunningPhones, service: Service) -> None:
    text(people, ALERT, to=ASHA)
    text(people, ALERT, to=ASHA)
    wait_for_replies(service, 1)
    time.sleep(0.2)
    assert len(service.replies()) == 1
    text(people, ALERT, to=ASHA)  # asked again later, for instance in the next round
    assert len(wait_for_replies(service, 2)) == 2


def slow_people(service: Service, data: Path | None = None) -> Iterator[RunningPhones]:
    clock = Clock(real_start=datetime.now(UTC), start=NOON)
    with running_phone_network(phones=PEOPLE, clock=clock, public_url=service.url, data=data) as running:
        yield running


@pytest.mark.parametrize("who", ["a colleague", "the same person by hand"])
def test_an_alert_that_was_taken_on_meanwhile_is_not_answered(service: Service, who: str) -> None:
    for phones in slow_people(service):
        text(phones, ALERT, to=ASHA)
        assert len(phones.network.journal.intended_answers(ASHA)) == 1
        if who == "a colleague":
            text(phones, STOOD_DOWN, to=ASHA)
        else:
            phones.reply(ASHA, "2 4f7k")
        assert phones.network.journal.intended_answers(ASHA) == []


def test_texts_answers_and_stops_survive_a_restart(service: Service, tmp_path: Path) -> None:
    data = tmp_path / "new" / "phones.sqlite"
    for phones in slow_people(service, data):
        text(phones, ALERT, to=ASHA)
        phones.reply(BEN, "STOP")
        phones.misbehave(Misbehaviour(name="stays_sent"))
        text(phones, "on its way", to=CAROL)
        phones.settle()
    with running_phone_network(phones=PEOPLE, clock=fast_clock(), public_url=service.url, data=data) as again:
        assert again.texts_to(ASHA) == [ALERT]
        assert again.network.journal.opted_out() == {BEN}
        assert (ASHA, "1 4F7K") in wait_for_replies(service, 2)


def test_what_was_under_way_at_the_end_goes_on_after_a_restart(service: Service, tmp_path: Path) -> None:
    data = tmp_path / "phones.sqlite"
    for phones in slow_people(service, data):
        phones.network.accept(Order(recipient=ASHA, sender=phones.account.sender, body="Hello"))
    for phones in slow_people(service, data):
        phones.settle()
        assert phones.texts_to(ASHA) == ["Hello"]


def test_texts_travel_while_the_clock_stands_still_but_nobody_answers() -> None:
    standing = Clock(real_start=NOON, start=NOON, speed=0)
    with running_phone_network(phones=PEOPLE, clock=standing) as phones:
        text(phones, ALERT, to=ASHA)
        assert phones.texts_to(ASHA) == [ALERT]
        assert len(phones.network.journal.intended_answers(ASHA)) == 1


def test_the_page_shows_the_phones_with_their_texts(people: RunningPhones, http: httpx.Client) -> None:
    people.misbehave(Misbehaviour(name="undelivered", to=BEN))
    text(people, ALERT + " <script>alert(1)</script>", to=CAROL)
    text(people, "never came", to=BEN)
    text(people, "to a stranger", to="+447700900199")
    page = http.get(people.url)
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert "Pretend phone network" in page.text
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", page.text) == ["Asha", "Ben", "Carol", "Unlisted phone"]
    assert "&lt;second&gt;" in page.text
    assert "<script>alert" not in page.text
    assert "error 30003" in page.text
    assert 'value="1 4F7K"' in page.text
    assert re.findall(r"<script(?![^>]*src=)", page.text) == []
    for file in ("phones.js", "phones.css", "phone.svg"):
        assert http.get(f"{people.url}/static/{file}").status_code == 200


def test_the_page_is_asked_for_again_only_when_something_is_new(people: RunningPhones, http: httpx.Client) -> None:
    text(people, "first", to=CAROL)
    version = re.search(r'data-version="([^"]+)"', http.get(people.url).text)
    assert version is not None
    same = http.get(people.url, params={"seen": version[1]})
    assert (same.status_code, same.headers["X-Service-Time"][:10]) == (204, "Tue 10 Mar")
    text(people, "second", to=CAROL)
    assert http.get(people.url, params={"seen": version[1]}).status_code == 200


def test_a_text_can_be_typed_on_the_page_and_by_api(
    people: RunningPhones, service: Service, http: httpx.Client
) -> None:
    typed = http.post(f"{people.url}/phones/{CAROL}/texts", data={"body": "1 4F7K"})
    assert (typed.status_code, typed.headers["Location"]) == (303, "/#phone-447700900103")
    assert http.post(f"{people.url}/phones/{CAROL}/reply", json={"body": "2 4F7K"}).status_code == 202
    assert wait_for_replies(service, 2) == [(CAROL, "1 4F7K"), (CAROL, "2 4F7K")]


def test_another_site_cannot_type_on_a_phone(people: RunningPhones, service: Service, http: httpx.Client) -> None:
    address = f"{people.url}/phones/{CAROL}/texts"
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert http.post(address, data={"body": "1"}, headers=foreign).status_code == 403
    assert http.post(address, data={"body": " "}).status_code == 422
    assert http.post(address.replace(CAROL, "nobody"), data={"body": "1"}).status_code == 404
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert http.post(address.replace("texts", "reply"), content="body=1", headers=form).status_code == 422
    assert service.replies() == []


def test_the_service_runs_from_its_environment_and_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, http: httpx.Client
) -> None:
    config = tmp_path / "phones.json"
    config.write_text(json.dumps([{"number": ASHA, "name": "Asha", "role": "first", "behaviour": "answer"}]))
    port = free_port()
    for name, value in {
        "PHONE_PORT": str(port),
        "PHONE_DATA": str(tmp_path / "phones.sqlite"),
        "PHONE_CONFIG": str(config),
        "TWILIO_ACCOUNT_SID": TEST_ACCOUNT.sid,
        "TWILIO_AUTH_TOKEN": TEST_ACCOUNT.auth_token,
        "TWILIO_FROM": TEST_ACCOUNT.sender,
        "PUBLIC_URL": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(f"TELECARE_{name}", value)
    stop = threading.Event()
    running = threading.Thread(target=run, kwargs={"clock": make_clock(), "stop": stop})
    running.start()
    try:
        page = ask_until_there(http, f"http://127.0.0.1:{port}/")
        assert "Asha" in page
    finally:
        stop.set()
        running.join(5)
    assert not running.is_alive()


@pytest.mark.parametrize(
    ("content", "says"), [("[", "JSON"), ('{"number": 1}', "list"), ('[{"number": "0770", "name": "A"}]', "0.number")]
)
def test_a_list_of_phones_that_cannot_be_read_says_where(tmp_path: Path, content: str, says: str) -> None:
    config = tmp_path / "phones.json"
    config.write_text(content)
    with pytest.raises(UnreadableConfiguration, match=says) as unreadable:
        read_phones(config)
    assert "phones.json" in str(unreadable.value)


def free_port() -> int:
    with running_phone_network() as taken:
        return int(taken.url.rsplit(":", 1)[1])


def ask_until_there(http: httpx.Client, address: str) -> str:
    until = time.monotonic() + 5
    while True:
        try:
            return http.get(address).text
        except httpx.ConnectError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)

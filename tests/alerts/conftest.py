"""A small organisation with two homes, the alerts service in steps, and a phone network at the wire."""

import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from alerts.cases import Cases
from alerts.gateway import SmsGateway
from alerts.letterhead import Letterhead
from alerts.sender import Sender
from alerts.twilio import TwilioGateway, TwilioSettings
from alerts.worker import Worker
from simulators.phone.running import RunningPhones, running_phone_network
from store.alert import Alert, Audience, Event, HistoryEntry, history_of, open_alerts_of
from store.clock import Clock
from store.database import Pool
from store.deviation import Deviation, DeviationKind, Grade, finding_id, save_deviation
from store.fault import Fault, FaultKind, save_fault
from store.home import Home, add_home, add_organisation, set_plans
from store.inbound import keep_inbound
from store.response import Responder, ResponseStep, add_plan, add_responder
from tests.alerts.webhooks import Webhooks

LINK = "https://t.example.org"


class HandClock(Clock):
    """A clock that the test moves."""

    def __init__(self, now: datetime) -> None:
        super().__init__(real_start=now, start=now)
        self.__dict__["at"] = now

    def now(self) -> datetime:
        at: datetime = self.__dict__["at"]
        return at

    def advance(self, by: timedelta) -> None:
        self.__dict__["at"] = self.now() + by


@pytest.fixture
def clock(now: datetime) -> HandClock:
    return HandClock(now)


@pytest.fixture
def pool(service_pool: Pool) -> Pool:
    """The service works with the rights that it has at a real site."""
    return service_pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Two homes; Ann is asked first, then Ben; Tec looks after the equipment."""

    organisation_id: int
    home: Home
    other_home: Home
    ann: Responder
    ben: Responder
    tec: Responder


@pytest.fixture
def desk(pool: Pool, now: datetime, numbers: Iterator[str]) -> Desk:
    return make_desk(pool, now, numbers)


def make_desk(pool: Pool, now: datetime, numbers: Iterator[str]) -> Desk:
    with pool.connection() as conn:
        organisation_id = add_organisation(conn, "Test Care", now=now)
        ann, ben, tec = (
            add_responder(conn, organisation_id, name=name, phone=next(numbers), now=now)
            for name in ("Ann", "Ben", "Tec")
        )
        wait = timedelta(minutes=3)
        person = add_plan(
            conn,
            organisation_id,
            name="People",
            audience=Audience.PERSON,
            steps=(ResponseStep(wait=wait, responder_ids=(ann.id,)), ResponseStep(wait=wait, responder_ids=(ben.id,))),
        )
        technical = add_plan(
            conn,
            organisation_id,
            name="Equipment",
            audience=Audience.TECHNICAL,
            steps=(ResponseStep(wait=timedelta(hours=1), responder_ids=(tec.id,)),),
        )
        homes = []
        for code in ("K7", "K8"):
            home = add_home(
                conn,
                organisation_id=organisation_id,
                code=code,
                time_zone="Europe/London",
                check_in_interval=timedelta(minutes=5),
                residents=1,
                dialect="native",
                now=now,
            )
            assert person.id is not None
            assert technical.id is not None
            set_plans(conn, home.id, person_plan_id=person.id, technical_plan_id=technical.id)
            homes.append(home)
    return Desk(organisation_id=organisation_id, home=homes[0], other_home=homes[1], ann=ann, ben=ben, tec=tec)


@dataclass(kw_only=True)
class Service:
    """The alerts service, moved by hand until it has nothing more to do."""

    pool: Pool
    clock: HandClock
    gateway: SmsGateway
    desk: Desk
    letterhead: Letterhead = field(default_factory=lambda: Letterhead(service="Telecare", public_url=LINK))

    def __post_init__(self) -> None:
        self.worker = self.another_worker()
        self.sender = Sender(self.pool, self.gateway, self.clock)

    def another_worker(self) -> Worker:
        return Worker(self.pool, self.clock, letterhead=self.letterhead, cases=Cases(self.letterhead, random.Random(7)))

    def run(self) -> None:
        """Until nothing is due any more. Bounded: a loop of its own making fails the test."""
        for _ in range(200):
            worked = self.worker.step()
            if not self.sender.send_one() and not worked:
                return
        raise AssertionError("the service finds no rest")

    def run_for(self, duration: timedelta, *, by: timedelta = timedelta(seconds=30)) -> None:
        end = self.clock.now() + duration
        while self.clock.now() < end:
            self.run()
            self.clock.advance(by)
        self.run()

    def finds(
        self,
        kind: DeviationKind = DeviationKind.INACTIVITY,
        grade: Grade = Grade.URGENT,
        *,
        home: Home | None = None,
        started_at: datetime | None = None,
        ended_at: datetime | None = None,
        evidence: dict[str, Any] | None = None,
    ) -> Deviation:
        """The model has found something."""
        home, now = home or self.desk.home, self.clock.now()
        started_at = started_at or now - timedelta(hours=3)
        deviation = Deviation(
            id=finding_id(home.code, kind, started_at),
            home_id=home.id,
            kind=kind,
            grade=grade,
            raised_at=now,
            started_at=started_at,
            ended_at=ended_at,
            once_in_days=400.0,
            explanation="No movement since 09:00; at this time of day that happens about once in 400 days.",
            evidence=evidence or {},
        )
        with self.pool.connection() as conn:
            save_deviation(conn, deviation)
        return deviation

    def finds_fault(
        self,
        kind: FaultKind = FaultKind.HUB_SILENT,
        *,
        started_at: datetime | None = None,
        ended_at: datetime | None = None,
        which: str = "",
    ) -> Fault:
        """Something is wrong with the equipment."""
        home, now = self.desk.home, self.clock.now()
        started_at = started_at or now - timedelta(minutes=30)
        fault = Fault(
            id=finding_id(home.code, kind + which, started_at),
            home_id=home.id,
            sensor_id=None,
            kind=kind,
            grade=Grade.ATTENTION,
            raised_at=now,
            started_at=started_at,
            ended_at=ended_at,
            explanation=f"{kind} {which}",
        )
        with self.pool.connection() as conn:
            save_fault(conn, fault)
        return fault

    def hears(self, person: Responder | str, body: str, *, sid: str | None = None) -> None:
        """A text came in, as the webhook keeps it."""
        phone = person if isinstance(person, str) else person.phone
        with self.pool.connection() as conn:
            sid = sid or f"SM{random.getrandbits(128):032x}"
            keep_inbound(conn, provider_id=sid, phone=phone, body=body, now=self.clock.now())
        self.run()

    @property
    def open(self) -> list[Alert]:
        with self.pool.connection() as conn:
            return open_alerts_of(conn, self.desk.organisation_id)

    @property
    def alert(self) -> Alert:
        (alert,) = self.open
        return alert

    def history(self, alert: Alert | None = None) -> list[HistoryEntry]:
        with self.pool.connection() as conn:
            return history_of(conn, (alert or self.alert).id)

    def reasons(self, event: Event, alert: Alert | None = None) -> list[str]:
        return [entry.reason for entry in self.history(alert) if entry.event == event]


@dataclass(kw_only=True)
class Texts:
    """What can be read on the phones. Every text must be looked at, or the test fails."""

    phones: RunningPhones
    read: dict[str, int] = field(default_factory=dict)

    def new_to(self, person: Responder) -> list[str]:
        """The texts on this phone that have not been looked at yet."""
        self.phones.settle()
        texts = self.phones.texts_to(person.phone)
        seen = self.read.get(person.phone, 0)
        self.read[person.phone] = len(texts)
        return texts[seen:]

    def assert_all_read(self, people: list[Responder]) -> None:
        unexpected = {person.name: texts for person in people if (texts := self.new_to(person))}
        assert not unexpected, f"unexpected texts: {unexpected}"


@pytest.fixture
def webhooks(pool: Pool, clock: HandClock) -> Iterator[Webhooks]:
    """What the service's web process does with posts of the provider: check the signature, keep, answer."""
    with contextlib.closing(Webhooks(pool, clock)) as server:
        yield server


@pytest.fixture(scope="session")
def phone_network() -> Iterator[RunningPhones]:
    """One network for all tests; each has telephone numbers of its own."""
    with running_phone_network() as phones:
        yield phones


@pytest.fixture(scope="session")
def numbers() -> Iterator[str]:
    """Telephone numbers nobody has used yet, out of Ofcom's range for drama."""
    return (f"+447700900{number:03}" for number in range(1, 1000))


@pytest.fixture
def phones(phone_network: RunningPhones, webhooks: Webhooks) -> Iterator[RunningPhones]:
    phone_network.network.public_url = webhooks.url
    yield phone_network
    phone_network.misbehave()
    phone_network.settle()


@pytest.fixture
def twilio_gateway(phones: RunningPhones, webhooks: Webhooks) -> Iterator[TwilioGateway]:
    settings = TwilioSettings(
        twilio_account_sid=phones.account.sid,
        twilio_auth_token=SecretStr(phones.account.auth_token),
        twilio_from=phones.account.sender,
        twilio_api_url=phones.url,
        public_url=webhooks.url,
    )
    with contextlib.closing(TwilioGateway(settings)) as gateway:
        yield gateway


@pytest.fixture
def texts(phones: RunningPhones, desk: Desk) -> Iterator[Texts]:
    texts = Texts(phones=phones)
    yield texts
    phones.misbehave()
    texts.assert_all_read([desk.ann, desk.ben, desk.tec])


@pytest.fixture
def service(pool: Pool, clock: HandClock, twilio_gateway: TwilioGateway, desk: Desk, texts: Texts) -> Service:
    return Service(pool=pool, clock=clock, gateway=twilio_gateway, desk=desk)

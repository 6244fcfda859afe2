"""One alert that cannot be dealt with never stops the others, and a broken plan still reaches somebody."""

import random
from dataclasses import dataclass
from datetime import timedelta

import pytest

from alerts.cases import Cases
from alerts.letterhead import Letterhead
from alerts.wording import Subject
from alerts.worker import TRY_AGAIN_AFTER, Worker
from store.alert import Alert, Event, How, acknowledge, by_staff
from store.database import Conn, Pool
from store.deviation import undecided_deviations
from tests.alerts.conftest import Desk, HandClock, Service
from tests.alerts.fake_gateway import FakeGateway


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken(Letterhead):
    """Cannot write about one home."""

    home_code: str

    def about(self, alert: Alert) -> Subject:
        if alert.home_code == self.home_code:
            raise RuntimeError("no words for this one")
        return Letterhead.about(self, alert)


@pytest.fixture
def quiet(pool: Pool, clock: HandClock, desk: Desk) -> Service:
    return Service(pool=pool, clock=clock, gateway=FakeGateway(), desk=desk)


def test_an_alert_that_cannot_be_moved_is_postponed_and_the_others_go_out(
    quiet: Service, caplog: pytest.LogCaptureFixture
) -> None:
    letterhead = Broken(service="Telecare", public_url="https://t.example.org", home_code="K7")
    healthy = quiet.worker
    quiet.worker = Worker(quiet.pool, quiet.clock, letterhead=letterhead, cases=Cases(letterhead, random.Random(7)))
    quiet.finds()
    quiet.finds(home=quiet.desk.other_home)
    quiet.run()

    assert isinstance(quiet.gateway, FakeGateway)
    assert len(quiet.gateway.taken) == 1
    assert "K8" in quiet.gateway.taken[0].message.body
    assert "an alert could not be moved" in caplog.text

    quiet.worker = healthy
    quiet.clock.advance(TRY_AGAIN_AFTER)
    quiet.run()
    assert len(quiet.gateway.taken) == 2


def test_a_finding_that_cannot_be_decided_stays_undecided_and_the_others_are_decided(
    quiet: Service, conn: Conn, caplog: pytest.LogCaptureFixture
) -> None:
    broken = quiet.finds()
    quiet.finds(home=quiet.desk.other_home)
    assert quiet.desk.home.id == 1
    conn.execute("ALTER TABLE alert ADD CONSTRAINT test_only CHECK (home_id <> 1)")
    conn.commit()
    quiet.run()
    assert [alert.home_code for alert in quiet.open] == ["K8"]
    assert "could not be dealt with" in caplog.text
    assert [deviation.id for deviation in undecided_deviations(conn, limit=9)] == [broken.id]
    conn.execute("ALTER TABLE alert DROP CONSTRAINT test_only")
    conn.commit()

    quiet.clock.advance(TRY_AGAIN_AFTER)
    quiet.run()
    assert len(quiet.open) == 2


def test_an_alert_whose_plan_cannot_be_read_tells_everybody(quiet: Service) -> None:
    quiet.finds()
    while quiet.worker.decide_deviations():
        pass
    with quiet.pool.connection() as conn:
        conn.execute("""UPDATE alert SET plan = '{"steps": 7}'""")
    quiet.run()
    assert isinstance(quiet.gateway, FakeGateway)
    assert len(quiet.gateway.taken) == 3
    assert quiet.reasons(Event.FALLBACK) == ["no plan: everybody of the organisation is told"]


def test_news_that_cannot_be_told_is_given_up(quiet: Service, caplog: pytest.LogCaptureFixture) -> None:
    quiet.finds()
    quiet.run()
    with quiet.pool.connection() as conn:
        acknowledge(conn, quiet.alert.id, by=by_staff(4), how=How.PAGE, now=quiet.clock.now())
    letterhead = Broken(service="Telecare", public_url="https://t.example.org", home_code="K7")
    quiet.worker = Worker(quiet.pool, quiet.clock, letterhead=letterhead, cases=Cases(letterhead, random.Random(7)))
    quiet.run_for(timedelta(minutes=1))
    assert "news of an alert could not be told" in caplog.text
    assert quiet.alert.news is None

"""No acknowledgement on the wrong alert, whatever is found, sent, answered and closed in whatever order."""

import contextlib
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from store.alert import Alert, AlertState, How, Outcome, acknowledge, by_responder, by_staff, close
from store.database import open_pool
from store.deviation import DeviationKind
from store.response import Responder
from tests.alerts.conftest import Desk, HandClock, Service, make_desk
from tests.alerts.fake_gateway import FakeGateway
from tests.conftest import Database

KINDS = (DeviationKind.INACTIVITY, DeviationKind.NOT_UP)


class Answering(RuleBasedStateMachine):
    """Keeps its own account of who may have taken on what, and compares."""

    database: Database  # set by the test

    @initialize()
    def begin(self) -> None:
        self.resources = contextlib.ExitStack()
        now = datetime(2026, 3, 10, 12, tzinfo=UTC)
        pool = self.resources.enter_context(
            contextlib.closing(open_pool(self.resources.enter_context(self.database.fresh()), size=2))
        )
        numbers = iter(("+447700900001", "+447700900002", "+447700900003"))
        self.desk: Desk = make_desk(pool, now, numbers)
        self.gateway = FakeGateway()
        self.service = Service(pool=pool, clock=HandClock(now), gateway=self.gateway, desk=self.desk)
        self.wanted: dict[str, str] = {}  # code -> who has rightly taken it on
        self.source = random.Random(3)

    def teardown(self) -> None:
        if hasattr(self, "resources"):
            self.resources.close()

    def _people(self) -> tuple[Responder, Responder]:
        return self.desk.ann, self.desk.ben

    def _told_lately(self, person: Responder) -> list[Alert]:
        since = self.service.clock.now() - timedelta(hours=12)
        with self.service.pool.connection() as conn:
            rows = conn.execute(
                """
                SELECT DISTINCT alert_id FROM notification
                 WHERE phone = %(phone)s AND purpose = 'alert' AND provider_id IS NOT NULL AND created_at >= %(since)s
                """,
                {"phone": person.phone, "since": since},
            ).fetchall()
        return [alert for alert in self.service.open if (alert.id,) in rows]

    def _take(self, alert: Alert, who: str) -> None:
        if alert.state in (AlertState.OPEN, AlertState.NOTIFIED):
            self.wanted[alert.code] = who

    @rule(kind=st.sampled_from(KINDS), first_home=st.booleans())
    def something_is_found(self, kind: DeviationKind, first_home: bool) -> None:
        home = self.desk.home if first_home else self.desk.other_home
        self.service.finds(kind, home=home, started_at=self.service.clock.now())
        self.service.run()

    @rule(minutes=st.sampled_from([1, 3, 20, 59]))
    def time_goes_by(self, minutes: int) -> None:
        self.service.clock.advance(timedelta(minutes=minutes))
        self.service.run()
        with_nobody = {alert.code for alert in self.service.open if alert.acknowledged_by is None}
        self.wanted = {code: who for code, who in self.wanted.items() if code not in with_nobody}  # lapsed

    @rule(first=st.booleans(), which=st.integers(0, 3), template=st.sampled_from(["1 {}", "{}1", "“1” - {}"]))
    def somebody_answers_with_a_code(self, first: bool, which: int, template: str) -> None:
        alerts, person = self.service.open, self._people()[not first]
        if not alerts:
            return
        alert = alerts[which % len(alerts)]
        if alert in self._told_lately(person):
            self._take(alert, by_responder(person.id))
        self.service.hears(person, template.format(alert.code.lower()))

    @rule(first=st.booleans())
    def somebody_answers_without_a_code(self, first: bool) -> None:
        person = self._people()[not first]
        told = self._told_lately(person)
        if len(told) == 1:
            self._take(told[0], by_responder(person.id))
        self.service.hears(person, "1")

    @rule(first=st.booleans(), text=st.sampled_from(["1 hour", "1 9999", "yes", "ok", "11", "1 4F7K7"]))
    def somebody_writes_something_else(self, first: bool, text: str) -> None:
        self.service.hears(self._people()[not first], text)

    @rule(which=st.integers(0, 3), closes=st.booleans())
    def staff_act_on_the_page(self, which: int, closes: bool) -> None:
        alerts = self.service.open
        if not alerts:
            return
        alert, now = alerts[which % len(alerts)], self.service.clock.now()
        with self.service.pool.connection() as conn:
            if closes:
                close(conn, alert.id, Outcome.GENUINE, by=by_staff(4), how=How.PAGE, now=now)
                self.wanted.pop(alert.code, None)
            elif acknowledge(conn, alert.id, by=by_staff(4), how=How.PAGE, now=now):
                self.wanted[alert.code] = by_staff(4)
        self.service.run()

    @invariant()
    def every_alert_is_with_whoever_took_it_on_and_nobody_else(self) -> None:
        if not hasattr(self, "service"):
            return
        has = {alert.code: alert.acknowledged_by for alert in self.service.open if alert.acknowledged_by}
        assert has == self.wanted


@pytest.mark.database
def test_an_answer_never_acknowledges_another_alert_than_the_one_it_names(database: Database) -> None:
    class Case(Answering):
        pass

    Case.database = database
    run_state_machine_as_test(
        Case,
        settings=settings(
            max_examples=5,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )

"""Shadow mode: a new home's findings are kept and not told, except what must not wait."""

from datetime import timedelta

import pytest

from alerts.policy import Action, Reason, decide_deviation
from store.alert import Event, How, Outcome, Severity, close
from store.deviation import DeviationKind, Grade
from store.fault import FaultKind, open_faults
from store.feedback import report_equipment
from store.watching import Stage, set_stage, shadow_findings_of
from tests.alerts.conftest import HandClock, Service, Texts
from tests.alerts.test_policy import deviation

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("stage", "grade", "kind", "reason", "expected"),
    [
        (Stage.SHADOW, Grade.ATTENTION, DeviationKind.INACTIVITY, "score", Reason.SHADOW),
        (Stage.SHADOW, Grade.ATTENTION, DeviationKind.GRADUAL, "score", Reason.SHADOW),
        (Stage.SHADOW, Grade.URGENT, DeviationKind.INACTIVITY, "ceiling", Reason.FIRST),
        (Stage.SHADOW, Grade.ATTENTION, DeviationKind.NOT_RETURNED, "ceiling", Reason.FIRST),
        (Stage.SHADOW, Grade.URGENT, DeviationKind.INACTIVITY, "score", Reason.FIRST),
        (Stage.SHADOW, Grade.ATTENTION, DeviationKind.TEMPERATURE, "limit", Reason.FIRST),
        (Stage.SHADOW, Grade.ATTENTION, DeviationKind.CANNOT_OBSERVE, "", Reason.FIRST),
        (Stage.SHADOW, Grade.NOTICE, DeviationKind.INACTIVITY, "score", Reason.NOTICE_ONLY),
        (Stage.NOT_LIVE, Grade.URGENT, DeviationKind.INACTIVITY, "ceiling", Reason.NOT_LIVE),
        (Stage.LIVE, Grade.ATTENTION, DeviationKind.INACTIVITY, "score", Reason.FIRST),
    ],
)
def test_what_is_told_in_each_stage(
    stage: Stage, grade: Grade, kind: DeviationKind, reason: str, expected: Reason
) -> None:
    found = deviation(grade, kind=kind)
    found.evidence["reason"] = reason
    decision = decide_deviation(found, None, is_away=False, hub_silent_home_id=None, stage=stage)
    assert decision.reason is expected
    assert (decision.action is Action.OPEN) is (expected is Reason.FIRST)


def test_a_rare_quiet_that_a_dead_sensor_may_explain_is_no_more_told_than_one_without() -> None:
    found = deviation(Grade.ATTENTION, kind=DeviationKind.CANNOT_OBSERVE)
    found.evidence["suspect"] = "M001"
    decision = decide_deviation(found, None, is_away=False, hub_silent_home_id=None, stage=Stage.SHADOW)
    assert decision.reason is Reason.SHADOW


def in_stage(service: Service, stage: Stage, *, days: float = 14) -> None:
    with service.pool.connection() as conn:
        now = service.clock.now()
        set_stage(conn, service.desk.home.id, stage, shadow_until=now + days * DAY, by="staff:1", now=now)


def test_in_shadow_nobody_is_told_and_the_finding_is_marked(service: Service, texts: Texts) -> None:
    in_stage(service, Stage.SHADOW)
    found = service.finds(grade=Grade.ATTENTION)
    other = service.finds(DeviationKind.DWELL, Grade.ATTENTION, home=service.desk.other_home)
    service.run()
    assert [alert.deviation_id for alert in service.open] == [other.id]
    assert len(texts.new_to(service.desk.ann)) == 1  # about the other home
    with service.pool.connection() as conn:
        assert shadow_findings_of(conn, service.desk.home.id) == {found.id}
        assert shadow_findings_of(conn, service.desk.other_home.id) == set()


def test_a_limit_is_told_even_in_shadow_and_a_finding_that_grows_urgent_too(service: Service, texts: Texts) -> None:
    in_stage(service, Stage.SHADOW)
    began = service.clock.now() - timedelta(hours=11)
    service.finds(grade=Grade.ATTENTION, started_at=began)
    service.run()
    assert service.open == []
    service.finds(grade=Grade.URGENT, started_at=began, evidence={"reason": "ceiling"})
    service.run()
    assert service.alert.severity is Severity.URGENT
    assert len(texts.new_to(service.desk.ann)) == 1


def test_when_the_shadow_ends_what_still_goes_on_is_told_and_what_is_over_is_not(
    service: Service, clock: HandClock, texts: Texts
) -> None:
    in_stage(service, Stage.SHADOW, days=1)
    over = service.finds(DeviationKind.DWELL, Grade.ATTENTION, ended_at=None)
    on = service.finds(DeviationKind.INACTIVITY, Grade.ATTENTION)
    service.run()
    service.finds(DeviationKind.DWELL, Grade.ATTENTION, started_at=over.started_at, ended_at=clock.now())
    service.run()
    assert service.open == []
    clock.advance(DAY)
    service.run()
    assert service.alert.deviation_id == on.id
    assert len(texts.new_to(service.desk.ann)) == 1


def test_setting_a_home_live_tells_what_was_held_and_a_home_that_is_not_live_tells_nothing(
    service: Service, clock: HandClock, texts: Texts
) -> None:
    in_stage(service, Stage.NOT_LIVE)
    found = service.finds(grade=Grade.URGENT, evidence={"reason": "ceiling"})
    service.run()
    clock.advance(30 * DAY)
    service.run()
    assert service.open == []
    in_stage(service, Stage.LIVE)
    service.run()
    assert service.alert.deviation_id == found.id
    texts.new_to(service.desk.ann)


def test_an_alert_closed_as_equipment_reaches_the_technician_and_its_fault_ends_with_that_alert(
    service: Service, texts: Texts
) -> None:
    service.finds(grade=Grade.ATTENTION)
    service.run()
    alert = service.alert
    with service.pool.connection() as conn:
        now = service.clock.now()
        close(conn, alert.id, Outcome.EQUIPMENT, by="staff:1", how=How.PAGE, now=now)
        report_equipment(conn, alert, staff_id=1, how=How.PAGE, now=now)
        report_equipment(conn, alert, staff_id=1, how=How.PAGE, now=now)  # said twice is reported once
    service.run()
    technical = service.alert
    assert (technical.kind, technical.severity) == (FaultKind.REPORTED, Severity.TECHNICAL)
    assert len(texts.new_to(service.desk.tec)) == 1
    with service.pool.connection() as conn:
        close(conn, technical.id, Outcome.EQUIPMENT, by="staff:2", how=How.PAGE, now=service.clock.now())
    service.run()
    with service.pool.connection() as conn:
        assert open_faults(conn, service.desk.home.id) == []
    assert service.open == []
    assert "those who look after the equipment know already" in service.reasons(Event.UPDATED, alert)[-1]
    for person in (service.desk.ann, service.desk.tec):
        texts.new_to(person)

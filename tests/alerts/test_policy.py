"""Which findings become alerts, and why: a table of cases."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from alerts.policy import Action, Reason, decide_deviation, decide_fault
from store.alert import Alert, AlertState, Audience, Severity
from store.deviation import Deviation, DeviationKind, Grade
from store.fault import Fault, FaultKind
from store.response import ResponsePlan

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ONE, TWO = uuid4(), uuid4()


def deviation(
    grade: Grade = Grade.ATTENTION,
    *,
    kind: DeviationKind = DeviationKind.INACTIVITY,
    ended: bool = False,
    late: bool = False,
) -> Deviation:
    return Deviation(
        id=ONE,
        home_id=7,
        kind=kind,
        grade=grade,
        raised_at=NOW,
        started_at=NOW - timedelta(hours=3),
        ended_at=NOW if ended else None,
        once_in_days=40.0,
        explanation="",
        evidence={"late": True} if late else {},
    )


def fault(grade: Grade = Grade.ATTENTION, *, ended: bool = False, late: bool = False) -> Fault:
    return Fault(
        id=ONE,
        home_id=7,
        sensor_id=None,
        kind=FaultKind.HUB_SILENT,
        grade=grade,
        raised_at=NOW,
        started_at=NOW,
        ended_at=NOW if ended else None,
        explanation="",
        evidence={"late": True} if late else {},
    )


def alert(severity: Severity, *, about: UUID = ONE) -> Alert:
    audience = Audience.TECHNICAL if severity == Severity.TECHNICAL else Audience.PERSON
    return Alert(
        id=1,
        organisation_id=1,
        home_id=7,
        home_code="K7",
        time_zone="Europe/London",
        code="4F7K",
        kind="inactivity",
        audience=audience,
        severity=severity,
        state=AlertState.NOTIFIED,
        explanation="",
        deviation_id=about if audience == Audience.PERSON else None,
        fault_id=about if audience == Audience.TECHNICAL else None,
        plan=ResponsePlan(id=1, name="", audience=audience, steps=()),
        round=1,
        step=1,
        news=None,
        next_at=NOW,
        opened_at=NOW,
        notified_at=NOW,
        acknowledged_at=None,
        acknowledged_by=None,
        attended_at=None,
        closed_at=None,
        closed_by=None,
        outcome=None,
    )


ATTENTION, URGENT = alert(Severity.ATTENTION), alert(Severity.URGENT)


@pytest.mark.parametrize(
    ("found", "open_alert", "action", "reason"),
    [
        (deviation(Grade.NOTICE), None, Action.NOTHING, Reason.NOTICE_ONLY),
        (deviation(Grade.ATTENTION), None, Action.OPEN, Reason.FIRST),
        (deviation(Grade.URGENT), None, Action.OPEN, Reason.FIRST),
        (deviation(Grade.ATTENTION), ATTENTION, Action.UPDATE, Reason.ALREADY_OPEN),
        (deviation(Grade.URGENT), ATTENTION, Action.RAISE, Reason.WORSE),
        (deviation(Grade.ATTENTION), URGENT, Action.UPDATE, Reason.ALREADY_OPEN),
        (deviation(Grade.URGENT), alert(Severity.ATTENTION, about=TWO), Action.RAISE, Reason.WORSE),
        (deviation(Grade.NOTICE), alert(Severity.ATTENTION, about=TWO), Action.NOTHING, Reason.NOTICE_ONLY),
        (deviation(Grade.URGENT, ended=True), URGENT, Action.END, Reason.ENDED),
        (deviation(Grade.URGENT, ended=True, late=True), URGENT, Action.END, Reason.ENDED),
        (deviation(Grade.URGENT, ended=True), alert(Severity.URGENT, about=TWO), Action.NOTHING, Reason.OVER_BEFORE),
        (deviation(Grade.URGENT, ended=True), None, Action.NOTHING, Reason.OVER_BEFORE),
        (deviation(Grade.URGENT, late=True), None, Action.NOTHING, Reason.LATE),
        (deviation(Grade.URGENT, late=True), ATTENTION, Action.NOTHING, Reason.LATE),
    ],
)
def test_a_deviation_leads_to_what_the_table_says(
    found: Deviation, open_alert: Alert | None, action: Action, reason: Reason
) -> None:
    decision = decide_deviation(found, open_alert, is_away=False, hub_silent_home_id=None)
    assert (decision.action, decision.reason) == (action, reason)


def test_severity_follows_the_grade() -> None:
    for grade, severity in ((Grade.ATTENTION, Severity.ATTENTION), (Grade.URGENT, Severity.URGENT)):
        decision = decide_deviation(deviation(grade), None, is_away=False, hub_silent_home_id=None)
        assert decision.severity == severity


def test_an_absence_mutes_what_is_new_and_not_what_is_open() -> None:
    away = decide_deviation(deviation(), None, is_away=True, hub_silent_home_id=None)
    worse = decide_deviation(deviation(Grade.URGENT), ATTENTION, is_away=True, hub_silent_home_id=None)
    assert (away.action, away.reason) == (Action.NOTHING, Reason.AWAY)
    assert worse.action == Action.RAISE


@pytest.mark.parametrize(
    ("kind", "silent_home", "action"),
    [
        (DeviationKind.INACTIVITY, 7, Action.NOTHING),
        (DeviationKind.NOT_UP, 7, Action.NOTHING),
        (DeviationKind.INACTIVITY, 8, Action.OPEN),  # another home's hub mutes nothing here
        (DeviationKind.INACTIVITY, None, Action.OPEN),
        (DeviationKind.CANNOT_OBSERVE, 7, Action.OPEN),
        (DeviationKind.TEMPERATURE, 7, Action.OPEN),
        (DeviationKind.UP_AT_NIGHT, 7, Action.OPEN),
    ],
)
def test_a_silent_hub_mutes_only_inactivity_and_only_of_its_own_home(
    kind: DeviationKind, silent_home: int | None, action: Action
) -> None:
    decision = decide_deviation(deviation(kind=kind), None, is_away=False, hub_silent_home_id=silent_home)
    assert decision.action == action


@pytest.mark.parametrize(
    ("found", "open_alert", "action", "reason"),
    [
        (fault(), None, Action.OPEN, Reason.FIRST),
        (fault(Grade.URGENT), None, Action.OPEN, Reason.FIRST),
        (fault(Grade.NOTICE), None, Action.NOTHING, Reason.NOTICE_ONLY),
        (fault(late=True), None, Action.NOTHING, Reason.LATE),
        (fault(), alert(Severity.TECHNICAL), Action.UPDATE, Reason.ALREADY_OPEN),
        (fault(ended=True), alert(Severity.TECHNICAL), Action.END, Reason.ENDED),
        (fault(ended=True), alert(Severity.TECHNICAL, about=TWO), Action.NOTHING, Reason.OVER_BEFORE),
    ],
)
def test_a_fault_leads_to_what_the_table_says(
    found: Fault, open_alert: Alert | None, action: Action, reason: Reason
) -> None:
    decision = decide_fault(found, open_alert)
    assert (decision.action, decision.reason) == (action, reason)
    assert decision.severity in (None, Severity.TECHNICAL)

"""Findings become alerts, and alerts move: does what `policy` and `escalation` decide, in the caller's transaction."""

import random
from datetime import datetime, timedelta

from alerts.codes import new_code
from alerts.escalation import civil_zone, next_move
from alerts.letterhead import Letterhead, stand_down, told
from alerts.policy import (
    ENDS_WITH_ACTIVITY,
    MUTED_BY_HUB_SILENT,
    Action,
    Decision,
    Reason,
    decide_deviation,
    decide_fault,
)
from alerts.wording import activity_text, alert_text, no_longer_text, stand_down_text
from store.alert import SERVICE, Alert, AlertState, Audience, Event, How, Outcome, Severity, by_responder, close, note
from store.database import Conn
from store.deviation import Deviation, mark_deviation_decided
from store.episode import ongoing_in_episode, open_alert_about
from store.fault import Fault, FaultKind, mark_fault_decided
from store.feedback import end_reported
from store.home import Home, absences_of, home_by_id
from store.ladder import (
    alert_with_news,
    code_is_taken,
    due_alert,
    has_open_alert,
    move_ladder,
    news_told,
    ongoing_fault,
    open_alert,
    open_alert_of_kind,
    raise_alert,
    reconsider_deviations,
    update_alert,
)
from store.notification import Purpose, queue_notification
from store.response import ResponsePlan, plan_by_id, plans_of, responders_of
from store.watching import hold_in_shadow, watching_of


class Cases:
    """Opens alerts and moves them. Every method is one unit of work in the transaction it is given."""

    def __init__(self, letterhead: Letterhead, source: random.Random) -> None:
        self._letterhead = letterhead
        self._source = source  # of alert codes

    def decide_deviation(self, conn: Conn, deviation: Deviation, *, now: datetime) -> Decision:
        """Open, raise, update or end the alert of this deviation."""
        alert = open_alert_about(conn, deviation)
        decision = decide_deviation(
            deviation,
            alert,
            is_away=bool(absences_of(conn, deviation.home_id, now, now + timedelta(microseconds=1))),
            hub_silent_home_id=_blind_home(conn, deviation.home_id),
            stage=watching_of(conn, deviation.home_id).stage_at_time(now),
        )
        if decision.reason in (Reason.SHADOW, Reason.NOT_LIVE):
            hold_in_shadow(conn, deviation.id, deviation.home_id, now=now)
        if decision.action == Action.END and alert is not None:
            self._end_deviation(conn, alert, deviation, now=now)
        else:
            self._act(conn, deviation, alert, decision, now=now)
        mark_deviation_decided(conn, deviation)
        return decision

    def decide_fault(self, conn: Conn, fault: Fault, *, now: datetime) -> Decision:
        """Open, update or end the technical alert of this fault."""
        alert = open_alert_of_kind(conn, fault.home_id, fault.kind)
        decision = decide_fault(fault, alert)
        if decision.action == Action.END and alert is not None:
            self._end_fault(conn, alert, fault, now=now)
        else:
            self._act(conn, fault, alert, decision, now=now)
        if fault.kind == FaultKind.HUB_SILENT and fault.ended_at is not None:
            reconsider_deviations(conn, fault.home_id, MUTED_BY_HUB_SILENT)
        mark_fault_decided(conn, fault)
        return decision

    def advance(self, conn: Conn, *, now: datetime) -> Alert | None:
        """Move the ladder of the alert that is due; None if none is."""
        alert = due_alert(conn, now=now)
        return alert if alert is None else self._move(conn, alert, now=now)

    def tell_news(self, conn: Conn, *, now: datetime) -> Alert | None:
        """Tell whoever was told what became of it; None if nobody waits for news."""
        alert = alert_with_news(conn)
        if alert is None:
            return None
        news = alert.news or "closed"
        if news == "closed" and alert.fault_id is not None and alert.kind == FaultKind.REPORTED:
            end_reported(conn, alert.fault_id, now=now)  # nothing else could ever end it
        people = told(conn, alert)
        if news == "closed" and alert.acknowledged_by:  # the others heard then that somebody has it
            people = [person for person in people if by_responder(person.id) == alert.acknowledged_by]
        actor = alert.closed_by if news == "closed" else alert.acknowledged_by
        people = [person for person in people if by_responder(person.id) != actor]
        stand_down(conn, alert, people, stand_down_text(self._letterhead.about(alert), news), reason=news, now=now)
        news_told(conn, alert.id)
        return alert

    def _act(
        self, conn: Conn, finding: Deviation | Fault, alert: Alert | None, decision: Decision, *, now: datetime
    ) -> None:
        is_deviation = isinstance(finding, Deviation)
        deviation_id, fault_id = (finding.id, None) if is_deviation else (None, finding.id)
        if decision.action == Action.OPEN:
            self._open(conn, finding, decision, now=now)
        elif alert is not None and decision.action in (Action.RAISE, Action.UPDATE):
            update_alert(conn, alert.id, explanation=finding.explanation, deviation_id=deviation_id, fault_id=fault_id)
            if decision.action == Action.RAISE:
                raise_alert(conn, alert.id, decision.severity or Severity.URGENT, reason=decision.reason, now=now)
            else:
                is_new = decision.reason == Reason.SAME_EPISODE  # another sort of finding: what it says is news
                reason = f"{decision.reason}: {finding.explanation}" if is_new else decision.reason
                _note(conn, alert, Event.UPDATED, reason, now=now)
        elif alert is not None:
            _note(conn, alert, Event.UPDATED, f"nothing to do: {decision.reason}", now=now)

    def _open(self, conn: Conn, finding: Deviation | Fault, decision: Decision, *, now: datetime) -> None:
        home = home_by_id(conn, finding.home_id)
        is_deviation = isinstance(finding, Deviation)
        plan, whose = _plan(conn, home, Audience.PERSON if is_deviation else Audience.TECHNICAL)
        opened = open_alert(
            conn,
            home_id=home.id,
            code=new_code(self._source, is_taken=lambda code: code_is_taken(conn, code)),
            kind=finding.kind,
            severity=decision.severity or Severity.URGENT,
            explanation=finding.explanation,
            plan=plan,
            deviation_id=finding.id if is_deviation else None,
            fault_id=None if is_deviation else finding.id,
            reason=f"{decision.reason}: {whose}",
            now=now,
        )
        if not opened:
            raise LostRace  # another worker opened it meanwhile: decide again with that alert in sight

    def _end_deviation(self, conn: Conn, alert: Alert, deviation: Deviation, *, now: datetime) -> None:
        """Life was seen, or it is so no longer. Nobody is called off and nothing is closed: that takes a person."""
        other = ongoing_in_episode(conn, deviation)
        if other is not None:
            deviation_id, explanation = other
            update_alert(conn, alert.id, explanation=explanation, deviation_id=deviation_id, fault_id=None)
            _note(conn, alert, Event.UPDATED, "one finding has ended, another of the episode goes on", now=now)
            return
        at, about = (deviation.ended_at or now).astimezone(civil_zone(alert.time_zone)), self._letterhead.about(alert)
        if deviation.kind in ENDS_WITH_ACTIVITY:
            words, text = "activity seen", activity_text(about, at)
        else:
            words, text = "no longer so", no_longer_text(about, at)
        _note(conn, alert, Event.ENDED, f"{Reason.ENDED}: {words} {at:%H:%M}", now=now)
        stand_down(conn, alert, told(conn, alert), text, reason=words, now=now)

    def _end_fault(self, conn: Conn, alert: Alert, fault: Fault, *, now: datetime) -> None:
        """Equipment that works again needs nobody, unless somebody is on it already or more of its kind is wrong."""
        other = ongoing_fault(conn, fault.home_id, fault.kind)
        if other is not None:
            fault_id, explanation = other
            update_alert(conn, alert.id, explanation=explanation, deviation_id=None, fault_id=fault_id)
            _note(conn, alert, Event.UPDATED, "one has ended, another of the kind goes on", now=now)
            return
        _note(conn, alert, Event.ENDED, Reason.ENDED, now=now)
        text = stand_down_text(self._letterhead.about(alert), "works_again")
        stand_down(conn, alert, told(conn, alert), text, reason="works again", now=now)
        if alert.state in (AlertState.OPEN, AlertState.NOTIFIED):
            close(conn, alert.id, Outcome.EQUIPMENT, by=SERVICE, how=How.WORKER, reason="works again", now=now)
            news_told(conn, alert.id)  # just now, above

    def _move(self, conn: Conn, alert: Alert, *, now: datetime) -> Alert:
        people = {person.id: person for person in responders_of(conn, alert.organisation_id) if not person.stopped_at}
        move = next_move(alert, reachable=people.keys(), now=now)
        for responder_id in move.tell:
            queue_notification(
                conn,
                alert_id=alert.id,
                responder=people[responder_id],
                purpose=Purpose.ALERT,
                body=alert_text(self._letterhead.about(alert)),
                round_number=move.told_as[0],
                step=move.told_as[1],
                is_urgent=alert.severity == Severity.URGENT,
                valid_for=move.valid_for,
                due_at=now,
                now=now,
            )
        for line in move.lines:
            names = ", ".join(by_responder(person) for person in move.tell) if line.event == Event.TOLD else ""
            _note(conn, alert, line.event, f"{line.reason}: {names}" if names else line.reason, now=now)
        move_ladder(conn, alert.id, state=move.state, round_number=move.round, step=move.step, next_at=move.next_at)
        return alert


class LostRace(Exception):
    """Another worker was first; the whole unit of work is tried again."""


def _note(conn: Conn, alert: Alert, event: Event, reason: str, *, now: datetime) -> None:
    note(conn, alert.id, by=SERVICE, how=How.WORKER, event=event, reason=reason, now=now)


def _blind_home(conn: Conn, home_id: int) -> int | None:
    """The home, if its hub is silent now and an alert says so: only then may anything else be muted there."""
    is_silent = ongoing_fault(conn, home_id, FaultKind.HUB_SILENT) is not None
    return home_id if is_silent and has_open_alert(conn, home_id, FaultKind.HUB_SILENT) else None


def _plan(conn: Conn, home: Home, audience: Audience) -> tuple[ResponsePlan, str]:
    """The home's plan; else any of the organisation for such alerts; else an empty one, by which everybody is told."""
    plan_id = home.person_plan_id if audience == Audience.PERSON else home.technical_plan_id
    plan = None if plan_id is None else plan_by_id(conn, plan_id)
    if plan is not None and plan.audience == audience:
        return plan, f"follows the home's plan {plan.name}"
    for other in plans_of(conn, home.organisation_id):
        if other.audience == audience:
            return other, f"the home has no such plan, so follows {other.name}"
    return ResponsePlan(id=None, name="no plan", audience=audience, steps=()), "there is no such plan"

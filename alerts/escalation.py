"""The ladder: who is told next, and why. Pure: the alert as it stands, who can be reached, and the time go in.

Each step tells its responders and waits; the next follows if nobody answers. After the last step it begins again, in
the end at a slower pace that says so: a ladder never just stops. Only a person's answer ends it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from store.alert import Alert, AlertState, Event, Severity
from store.response import ResponseStep

QUIET_FROM, QUIET_UNTIL = time(22, 0), time(7, 0)  # the home's civil time
ROUNDS_AT_FULL_PACE = 2
FALLBACK_WAIT = timedelta(minutes=3)  # of the step that is made up when nobody in the plan can be reached
PAUSE_WHEN_EXHAUSTED = {
    Severity.URGENT: timedelta(minutes=15),
    Severity.ATTENTION: timedelta(hours=2),
    Severity.TECHNICAL: timedelta(hours=8),
    Severity.INFORMATION: timedelta(hours=24),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What goes into the alert's history."""

    event: Event
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What happens to an alert that is due: who is told at which step, where the ladder stands then, and why."""

    tell: tuple[int, ...]  # responders
    told_as: tuple[int, int]  # round and step of these notifications: with the responder, their identity
    valid_for: timedelta  # how long the text means anything: until the next step
    state: AlertState
    round: int
    step: int
    next_at: datetime
    lines: tuple[Line, ...]


def next_move(alert: Alert, *, reachable: Collection[int], now: datetime) -> Move:
    """What to do about an open alert whose `next_at` has come.

    `reachable` are the organisation's responders who take SMS, in the plan or not.
    """
    if alert.state in (AlertState.ACKNOWLEDGED, AlertState.ATTENDING):
        return _lapse(alert, now=now)
    held_until = quiet_until(alert, now)
    if held_until is not None:
        return _wait(alert, held_until, Event.HELD, f"quiet hours until {QUIET_UNTIL:%H:%M}")

    steps, lines = _steps(alert, reachable)
    for number in range(alert.step, len(steps)):
        step = steps[number]
        told = tuple(person for person in step.responder_ids if person in reachable)
        if told:
            reason = f"round {alert.round}, step {number + 1} of {len(steps)}"
            return Move(
                tell=told,
                told_as=(alert.round, number),
                valid_for=step.wait,
                state=alert.state,
                round=alert.round,
                step=number + 1,
                next_at=now + step.wait,
                lines=(*lines, Line(event=Event.TOLD, reason=reason)),
            )
        why = "everybody in it has stopped SMS" if step.responder_ids else "nobody in it"
        lines = (*lines, Line(event=Event.SKIPPED, reason=f"step {number + 1}: {why}"))
    return _begin_again(alert, nobody=not steps, lines=lines, now=now)


def quiet_until(alert: Alert, now: datetime) -> datetime | None:
    """When the quiet hours end that hold this alert back; None if nothing does. They delay a text, never a finding."""
    if alert.severity != Severity.ATTENTION:
        return None
    local = now.astimezone(civil_zone(alert.time_zone))
    if QUIET_UNTIL <= local.time() < QUIET_FROM:
        return None
    day = local.date() if local.time() < QUIET_UNTIL else local.date() + timedelta(days=1)
    return datetime.combine(day, QUIET_UNTIL, tzinfo=local.tzinfo).astimezone(now.tzinfo)


def civil_zone(name: str) -> ZoneInfo:
    """The home's zone; a wrong hour of the night is better than no alert, so an unknown name is London."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("Europe/London")


def _steps(alert: Alert, reachable: Collection[int]) -> tuple[tuple[ResponseStep, ...], tuple[Line, ...]]:
    """The plan's steps; if nobody in all of them can be reached, one more with anybody who can: fail open."""
    steps = alert.plan.steps
    if any(person in reachable for step in steps for person in step.responder_ids):
        return steps, ()
    if not reachable:
        return (), (Line(event=Event.SKIPPED, reason="nobody in this organisation can be reached"),)
    everybody = ResponseStep(wait=FALLBACK_WAIT, responder_ids=tuple(sorted(reachable)))
    reason = "nobody in the plan can be reached" if steps else "no plan"
    line = Line(event=Event.FALLBACK, reason=f"{reason}: everybody of the organisation is told")
    return (*steps, everybody), (line,) if alert.step <= len(steps) else ()


def _begin_again(alert: Alert, *, nobody: bool, lines: tuple[Line, ...], now: datetime) -> Move:
    if nobody or alert.round >= ROUNDS_AT_FULL_PACE:
        pause = PAUSE_WHEN_EXHAUSTED[alert.severity]
        minutes = int(pause.total_seconds() // 60)
        line = Line(event=Event.EXHAUSTED, reason=f"round {alert.round} unanswered; the next in {minutes} minutes")
    else:
        pause = timedelta(0)
        line = Line(event=Event.ROUND_AGAIN, reason=f"round {alert.round} unanswered")
    return Move(
        tell=(),
        told_as=(alert.round, alert.step),
        valid_for=timedelta(0),
        state=alert.state,
        round=alert.round + 1,
        step=0,
        next_at=now + pause,
        lines=(*lines, line),
    )


def _lapse(alert: Alert, *, now: datetime) -> Move:
    line = Line(
        event=Event.LAPSED, reason=f"{alert.state} by {alert.acknowledged_by}, then nothing: the ladder resumes"
    )
    return Move(
        tell=(),
        told_as=(alert.round, alert.step),
        valid_for=timedelta(0),
        state=AlertState.NOTIFIED,
        round=alert.round + 1,
        step=0,
        next_at=now,
        lines=(line,),
    )


def _wait(alert: Alert, until: datetime, event: Event, reason: str) -> Move:
    return Move(
        tell=(),
        told_as=(alert.round, alert.step),
        valid_for=timedelta(0),
        state=alert.state,
        round=alert.round,
        step=alert.step,
        next_at=until,
        lines=(Line(event=event, reason=reason),),
    )

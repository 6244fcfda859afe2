"""Which findings become alerts, and why. Pure: decides, and says its reason; the worker acts.

On any doubt a person is told. What mutes a finding stands here, and nowhere else.
"""

from dataclasses import dataclass
from enum import StrEnum

from store.alert import Alert, Severity
from store.deviation import Deviation, DeviationKind, Grade
from store.fault import Fault


class Reason(StrEnum):
    """Why a finding was dealt with as it was."""

    FIRST = "first"  # nobody has been told of this yet
    WORSE = "worse"  # worse than when they were told: the ladder begins again
    ALREADY_OPEN = "already_open"  # the open alert now says what the finding says
    NOTICE_ONLY = "notice_only"  # for the page, not for a telephone
    AWAY = "away"  # the resident is known to be away
    LATE = "late"  # about the past: evidence that came late never pages
    HUB_SILENT = "hub_silent"  # nothing can be seen there, and people have been told that; decided anew when it returns
    ENDED = "ended"  # over: whoever was told hears of it
    OVER_BEFORE = "over_before"  # it was over before it was looked at, or its alert is closed


class Action(StrEnum):
    """What the worker does about a finding."""

    OPEN = "open"
    RAISE = "raise"
    UPDATE = "update"
    END = "end"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do about a finding, and why."""

    action: Action
    reason: Reason
    severity: Severity | None = None  # of the alert that is opened or raised


# What a home without coverage seems to show. Anything else (temperature, an open door) was seen, so it is true.
MUTED_BY_HUB_SILENT = frozenset(
    {
        DeviationKind.INACTIVITY,
        DeviationKind.DWELL,
        DeviationKind.NOT_UP,
        DeviationKind.LATE_KITCHEN,
        DeviationKind.NOT_TO_BED,
        DeviationKind.NOT_RETURNED,
    }
)


def decide_deviation(
    deviation: Deviation, open_alert: Alert | None, *, is_away: bool, hub_silent_home_id: int | None
) -> Decision:
    """`open_alert` is the home's open alert of this kind; `hub_silent_home_id` the home of an open hub_silent alert."""
    carries = open_alert is not None and open_alert.deviation_id == deviation.id
    severity = Severity.URGENT if deviation.grade == Grade.URGENT else Severity.ATTENTION
    # Both home ids must be there and equal (alertmanager#507: two missing labels muted everything).
    is_blind = deviation.home_id == hub_silent_home_id and deviation.kind in MUTED_BY_HUB_SILENT

    reason = _reason_for_nothing(deviation, carries=carries)
    if reason is not None:
        return Decision(action=Action.NOTHING, reason=reason)
    if deviation.ended_at is not None:
        return Decision(action=Action.END, reason=Reason.ENDED)
    if open_alert is not None:
        return _about_open(open_alert, severity)
    if is_away:
        return Decision(action=Action.NOTHING, reason=Reason.AWAY)
    if is_blind:
        return Decision(action=Action.NOTHING, reason=Reason.HUB_SILENT)
    return Decision(action=Action.OPEN, reason=Reason.FIRST, severity=severity)


def decide_fault(fault: Fault, open_alert: Alert | None) -> Decision:
    """Faults go to those who look after the equipment; an absence of the resident changes nothing about that."""
    carries = open_alert is not None and open_alert.fault_id == fault.id
    reason = _reason_for_nothing(fault, carries=carries)
    if reason is not None:
        return Decision(action=Action.NOTHING, reason=reason)
    if fault.ended_at is not None:
        return Decision(action=Action.END, reason=Reason.ENDED)
    if open_alert is not None:
        return _about_open(open_alert, Severity.TECHNICAL)
    return Decision(action=Action.OPEN, reason=Reason.FIRST, severity=Severity.TECHNICAL)


def _reason_for_nothing(finding: Deviation | Fault, *, carries: bool) -> Reason | None:
    if finding.ended_at is not None:
        return None if carries else Reason.OVER_BEFORE  # the end of what people were told is never late
    if finding.evidence.get("late") is True:
        return Reason.LATE
    if finding.grade == Grade.NOTICE and not carries:
        return Reason.NOTICE_ONLY
    return None


def _about_open(open_alert: Alert, severity: Severity) -> Decision:
    if severity.rank > open_alert.severity.rank:
        return Decision(action=Action.RAISE, reason=Reason.WORSE, severity=severity)
    return Decision(action=Action.UPDATE, reason=Reason.ALREADY_OPEN)

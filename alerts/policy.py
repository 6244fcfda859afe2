"""Which findings become alerts, and why. Pure: decides, and says its reason; the worker acts.

On any doubt a person is told. What mutes a finding stands here, and nowhere else.
"""

from dataclasses import dataclass
from enum import StrEnum

from store.alert import Alert, Severity
from store.deviation import Deviation, DeviationKind, Grade
from store.fault import Fault
from store.watching import Stage


class Reason(StrEnum):
    """Why a finding was dealt with as it was."""

    FIRST = "first"  # nobody has been told of this yet
    WORSE = "worse"  # worse than when they were told: the ladder begins again
    ALREADY_OPEN = "already_open"  # the open alert now says what the finding says
    SAME_EPISODE = "same_episode"  # the same, of another kind of finding about the same situation
    EPISODE_CLOSED = "episode_closed"  # people were told of this situation, and have closed that alert: it goes on
    NOTICE_ONLY = "notice_only"  # for the page, not for a telephone
    AWAY = "away"  # the resident is known to be away
    LATE = "late"  # about the past: evidence that came late never pages
    HUB_SILENT = "hub_silent"  # nothing can be seen there, and people have been told that; decided anew when it returns
    SHADOW = "shadow"  # a new home: found and shown, not told; looked at again when its shadow ends
    NOT_LIVE = (
        "not_live"  # being installed: nobody is told anything about a resident; looked at again when it goes live
    )
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

# What ends because somebody moved. The others end because it is warm again, can be seen again, is morning.
ENDS_WITH_ACTIVITY = MUTED_BY_HUB_SILENT - {DeviationKind.NOT_TO_BED}

# What needs no learning: it was measured, or it says that nothing can be seen. A shadow does not hide these.
TOLD_IN_SHADOW = frozenset({DeviationKind.TEMPERATURE, DeviationKind.CANNOT_OBSERVE})


def decide_deviation(
    deviation: Deviation,
    open_alert: Alert | None,
    *,
    is_away: bool,
    hub_silent_home_id: int | None,
    stage: Stage = Stage.LIVE,
) -> Decision:
    """`open_alert` is the home's open alert about this; `hub_silent_home_id` the home of an open hub_silent alert.

    `stage`: of the home, now. An alert that is open goes on whatever it is.
    A finding that joined an episode is written down as a notice because people have been told. Whether their alert is
    still open is known here only: if it is not, the finding goes as far as it would alone.
    """
    carries = open_alert is not None and open_alert.deviation_id == deviation.id
    severity = Severity.URGENT if deviation.grade_alone == Grade.URGENT else Severity.ATTENTION
    # Both home ids must be there and equal (alertmanager#507: two missing labels muted everything).
    is_blind = deviation.home_id == hub_silent_home_id and deviation.kind in MUTED_BY_HUB_SILENT

    reason = _reason_for_nothing(deviation, carries=carries)
    if reason is not None:
        return Decision(action=Action.NOTHING, reason=reason)
    if deviation.ended_at is not None:
        return Decision(action=Action.END, reason=Reason.ENDED)
    if open_alert is not None:
        is_joined = open_alert.kind != deviation.kind
        return _about_open(open_alert, severity, reason=Reason.SAME_EPISODE if is_joined else Reason.ALREADY_OPEN)
    if is_away:
        return Decision(action=Action.NOTHING, reason=Reason.AWAY)
    if stage is Stage.NOT_LIVE:
        return Decision(action=Action.NOTHING, reason=Reason.NOT_LIVE)
    if stage is Stage.SHADOW and not is_told_in_shadow(deviation):
        return Decision(action=Action.NOTHING, reason=Reason.SHADOW)
    if is_blind:
        return Decision(action=Action.NOTHING, reason=Reason.HUB_SILENT)
    reason = Reason.FIRST if deviation.grade_alone == deviation.grade else Reason.EPISODE_CLOSED
    return Decision(action=Action.OPEN, reason=reason, severity=severity)


def is_told_in_shadow(deviation: Deviation) -> bool:
    """A limit that learning cannot move, whatever is urgent, and what needs no learning. On any doubt people are told.

    In a home's first fortnight nothing but a limit is urgent: once in two years cannot be known after one week.
    """
    if deviation.grade_alone == Grade.URGENT or deviation.evidence.get("reason") == "ceiling":
        return True
    is_rare_quiet = "suspect" in deviation.evidence  # told as "cannot observe", because a sensor may have died
    return deviation.kind in TOLD_IN_SHADOW and not is_rare_quiet


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
    grade = finding.grade_alone if isinstance(finding, Deviation) else finding.grade
    if grade == Grade.NOTICE and not carries:
        return Reason.NOTICE_ONLY
    return None


def _about_open(open_alert: Alert, severity: Severity, *, reason: Reason = Reason.ALREADY_OPEN) -> Decision:
    if severity.rank > open_alert.severity.rank:
        return Decision(action=Action.RAISE, reason=Reason.WORSE, severity=severity)
    return Decision(action=Action.UPDATE, reason=reason)

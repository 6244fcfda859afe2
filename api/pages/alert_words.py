"""What the states, events, outcomes and evidence of an alert are called on a page. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from store.alert import Alert, AlertState, Event, Outcome, Severity

SEVERITY: dict[str, str] = {
    Severity.URGENT: "Urgent",
    Severity.ATTENTION: "Attention",
    Severity.TECHNICAL: "Equipment",
    Severity.INFORMATION: "Information",
}
SEVERITY_COLOUR: dict[str, str] = {
    Severity.URGENT: "red",
    Severity.ATTENTION: "yellow",
    Severity.TECHNICAL: "grey",
    Severity.INFORMATION: "blue",
}
STATE: dict[str, str] = {
    AlertState.OPEN: "Nobody told yet",
    AlertState.NOTIFIED: "Told, waiting for an answer",
    AlertState.ACKNOWLEDGED: "Taken on",
    AlertState.ATTENDING: "Somebody is there",
    AlertState.CLOSED: "Closed",
}
OUTCOME: dict[str, str] = {
    Outcome.GENUINE: "Genuine: the resident needed help",
    Outcome.FALSE_ALARM: "False alarm: all was well",
    Outcome.EXPECTED: "Expected: a visitor, a holiday or hospital",
    Outcome.EQUIPMENT: "Equipment: a sensor or the hub was at fault",
    Outcome.TEST: "Test",
    Outcome.UNABLE_TO_REACH: "Unable to reach the resident",
}
USUAL_WORDS = "False alarm, and usual for this resident: the service may learn from it"
EVENT: dict[str, str] = {
    Event.OPENED: "Alert opened",
    Event.RESTORED: "The service was put back from a backup",
    Event.UPDATED: "Still going on",
    Event.RAISED: "Raised to a higher severity",
    Event.ENDED: "What was noticed has ended; the alert stays open",
    Event.TOLD: "Message prepared",
    Event.SKIPPED: "Step of the plan skipped",
    Event.HELD: "Held until the morning",
    Event.FALLBACK: "Sent to the fall-back number",
    Event.ROUND_AGAIN: "Plan started again",
    Event.EXHAUSTED: "Nobody in the plan has answered",
    Event.LAPSED: "Taken on, but nothing followed in time: others are told again",
    Event.ACCEPTED: "Message handed to the phone network",
    Event.DELIVERED: "Message delivered",
    Event.NOT_DELIVERED: "Message not delivered",
    Event.DELAYED: "The phone network cannot be used; trying again",
    Event.WITHDRAWN: "Message no longer needed",
    Event.ACKNOWLEDGED: "Taken on",
    Event.HANDED_OVER: "Passed on",
    Event.SAID_FALSE: "Said to be a false alarm",
    Event.ANSWERED: "Answered; nothing changed",
    Event.ATTENDING: "Is there",
    Event.STOOD_DOWN: "Others told that they are not needed",
    Event.CLOSED: "Closed",
}
HOW: dict[str, str] = {
    "worker": "",
    "page": "on this page",
    "sms": "by text message",
    "api": "by another program",
    "callback": "by the phone network",
}
NOTIFICATION: dict[str, tuple[str, str]] = {  # words, colour of the tag
    "due": ("Waiting to be sent", "grey"),
    "claimed": ("Being sent", "blue"),
    "unknown": ("Perhaps sent; being checked", "yellow"),
    "accepted": ("With the phone network", "blue"),
    "sent": ("Sent to the phone", "blue"),
    "delivered": ("Delivered", "green"),
    "undelivered": ("Not delivered", "red"),
    "failed": ("Failed", "red"),
}
PURPOSE: dict[str, str] = {
    "alert": "Alert",
    "hand_over": "Passed on",
    "stand_down": "Stand down",
    "help": "How to answer",
    "confirm": "Confirmation",
}
_UNITS = {
    "minutes": "min", "hours": "h", "days": "days", "seconds": "s", "percent": "%", "nats": "nats", "dbm": "dBm",
}  # fmt: skip


REASON: dict[str, str] = {  # single words of `alerts.policy`; longer reasons are sentences already
    "first": "nobody had been told of this yet",
    "worse": "worse than when people were told",
    "already_open": "the same thing goes on",
    "same_episode": "more was noticed about the same situation",
    "episode_closed": "people were told of this before and closed that alert, and it goes on",
    "ended": "what was noticed has ended",
    "urgent": "now urgent",
    "attention": "now needs attention",
    "taken_on": "somebody has taken it on",
    "closed": "the alert was closed",
    "activity seen": "activity was seen",
    "no longer so": "it is no longer so",
    "nothing to do": "nothing to do",
    "notice_only": "only a notice, for the pages",
    "away": "the resident is known to be away",
    "late": "it came too late to call anybody",
    "hub_silent": "the hub is silent, and people have been told that",
    "shadow": "the home is new, and findings are not told yet",
    "not_live": "the home is not live yet",
    "over_before": "it was over before it was looked at",
    "answered 1": "answered 1 (coming)",
    "answered 2": "answered 2 (pass it on)",
    "answered 3": "answered 3 (false alarm)",
    **OUTCOME,
}
_LADDER = {  # what the plan's steps are called in the code
    "the ladder is further already": "the next person had been told already",
    "the ladder resumes": "the plan goes on",
}
_ACTOR = re.compile(r"\b(?:staff|responder):\d+\b")


def reason_words(reason: str, names: Mapping[str, str]) -> str:
    """Why something was done: our own words made readable, people named; what a person wrote stays as it is."""
    head, separator, rest = reason.partition(": ")
    if head in REASON:
        reason = REASON[head] + (f": {reason_words(rest, names)}" if separator else "")
    for ours, plain in _LADDER.items():
        reason = reason.replace(ours, plain)
    return _ACTOR.sub(lambda found: names.get(found[0], found[0]), reason)


def who(actor: str | None, names: Mapping[str, str]) -> str:
    """'Anna Bell' for 'staff:7'; 'the service' for the worker."""
    if not actor:
        return "nobody"
    if actor == "service":
        return "The service"
    return names.get(actor, actor.replace(":", " no. "))


def who_has_it(alert: Alert, names: Mapping[str, str]) -> str:
    """Who has taken it on, in the list."""
    if alert.state is AlertState.CLOSED:
        return who(alert.closed_by, names)
    if alert.state in {AlertState.ACKNOWLEDGED, AlertState.ATTENDING}:
        return who(alert.acknowledged_by, names)
    return "nobody yet"


def evidence_words(evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the detector noted beside its sentence, as rows; what is nested is left to the JSON API."""
    rows = []
    for name, value in evidence.items():
        if isinstance(value, dict) or value is None:
            continue
        label, unit = _label_and_unit(name)
        rows.append((label, _value_words(value) + (f" {unit}" if unit and not isinstance(value, bool) else "")))
    return rows


def _label_and_unit(name: str) -> tuple[str, str]:
    first, _, last = name.rpartition("_")
    unit = _UNITS.get(last, "") if first else ""
    label = (first if unit else name).replace("_", " ")
    return label[:1].upper() + label[1:], unit


def _value_words(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    if isinstance(value, list):
        return ", ".join(_value_words(item) for item in value if not isinstance(item, dict | list)) or "none"
    return str(value)

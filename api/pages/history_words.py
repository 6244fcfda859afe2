"""The history of an alert as sentences a carer can read: what happened, who did it, and why. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from api.pages.alert_words import EVENT, HOW, PURPOSE, reason_words, who
from store.alert import Event, HistoryEntry, How

# What the phone network says of a message that arrives; the list of messages shows it, too.
RECEIPTS = frozenset({Event.ACCEPTED, Event.DELIVERED})
_TO_SOMEBODY: dict[Event, str] = {  # the actor of these is the person the message was for
    Event.ACCEPTED: "Message for {} handed to the phone network",
    Event.DELIVERED: "Message delivered to {}",
    Event.NOT_DELIVERED: "Message for {} not delivered",
    Event.DELAYED: "Message for {} must wait: the phone network cannot be used; trying again",
    Event.WITHDRAWN: "Message for {} no longer needed",
}
_STEP = re.compile(r"round (\d+), step (\d+) of (\d+): (.+)")
_PEOPLE = re.compile(r"(.+): ((?:(?:staff|responder):\d+(?:, )?)+)")
_PLAN = re.compile(r"(follows )(the home's plan )?(.+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One line of the history."""

    at: datetime
    what: str
    who: str
    how: str
    why: str  # empty if there is nothing to say
    is_receipt: bool


def history_lines(history: Sequence[HistoryEntry], names: Mapping[str, str]) -> list[HistoryLine]:
    """The latest first."""
    return [_line(entry, names) for entry in reversed(history)]


def _line(entry: HistoryEntry, names: Mapping[str, str]) -> HistoryLine:
    what, why = _what_and_why(entry, names)
    doer, how = who(entry.actor, names), HOW[entry.how]
    if entry.event in _TO_SOMEBODY:
        doer, how = ("The phone network" if entry.how is How.CALLBACK else "The service"), ""
    return HistoryLine(at=entry.at, what=what, who=doer, how=how, why=_capital(why), is_receipt=entry.event in RECEIPTS)


def _what_and_why(entry: HistoryEntry, names: Mapping[str, str]) -> tuple[str, str]:
    reason = entry.reason
    if entry.event in _TO_SOMEBODY:
        why = PURPOSE.get(reason) or reason_words(reason, names)
        return _TO_SOMEBODY[entry.event].format(who(entry.actor, names)), why
    if entry.event is Event.TOLD and (step := _STEP.fullmatch(reason)):
        again = f", round {step[1]}" if step[1] != "1" else ""
        return f"{_people(step[4], names)} to be told", f"Step {step[2]} of {step[3]} of the plan{again}"
    if entry.event is Event.STOOD_DOWN and (told := _PEOPLE.fullmatch(reason)):
        return f"{_people(told[2], names)} told: {reason_words(told[1], names)}", ""
    if entry.event is Event.ENDED:
        reason = reason.removeprefix("ended").removeprefix(": ")
    if entry.event is Event.OPENED:
        reason = _PLAN.sub(lambda found: f"{found[1]}{found[2] or 'the plan '}“{found[3]}”", reason)
    return EVENT[entry.event], reason_words(reason, names)


def _people(actors: str, names: Mapping[str, str]) -> str:
    """'Asha', 'Asha and Ben', 'Asha, Ben and Carol'."""
    known = [who(actor.strip(), names) for actor in actors.split(",")]
    return " and ".join(filter(None, [", ".join(known[:-1]), known[-1]]))


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]

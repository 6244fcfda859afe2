"""How a phone in the demo answers by itself: it reads the code out of the text as a person would. Pure.

Only texts that ask for an answer get one; a stand-down or a confirmation does not ask.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

# The code is in capitals, so that "Reply 1 coming" has none.
ASKED = (
    re.compile(r"(?i:\breply\b)[^0-9A-Z]{0,24}1[^0-9A-Za-z]{1,3}([A-Z0-9]{4,8})\b"),  # "Reply 1 4F2Q", "Reply '1 4F2Q'"
    re.compile(r"(?i:\breply\b)[^0-9A-Za-z]{1,3}([A-Z0-9]{4,8})\b[^0-9]{0,12}\b1\b"),  # "Reply 4F2Q with 1"
    re.compile(r"/a/([A-Z0-9]{4,8})\b.*(?i:\breply\b)[^0-9]{0,24}1\b", re.DOTALL),  # the code only in the link
)
STOOD_DOWN = re.compile(r"(?i)\bstand(ing)?[ -]?down\b|\bactivity seen\b|\bno longer so\b")
GO_ON = re.compile(r"(?i)\bcontinue\b")  # life was seen, but whoever was asked is still asked


class Behaviour(StrEnum):
    """What the person with this phone does with an alert."""

    IGNORE = "ignore"  # nothing; somebody may still answer on the page
    ANSWER = "answer"  # replies "1 <code>"
    PASS_ON = "pass_on"  # replies "2 <code>"


DIGITS = {Behaviour.ANSWER: "1", Behaviour.PASS_ON: "2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """One phone of the pretend network and the habit of the person who carries it."""

    number: str
    name: str = "Unlisted phone"
    role: str = ""
    behaviour: Behaviour = Behaviour.IGNORE
    after: timedelta = timedelta(minutes=2)  # service clock, from delivery to answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer that a text offers."""

    reply: str  # "1 4F2Q"
    says: str  # "coming"


def code_asked_for(text: str) -> str | None:
    """The alert's code, if the text asks for an answer with one."""
    if STOOD_DOWN.search(text):
        return None
    for form in ASKED:
        if asked := form.search(text):
            return asked[1]
    return None


def intended_answer(text: str, behaviour: Behaviour) -> str | None:
    """What the phone will reply to the text, or None if it says nothing."""
    code = code_asked_for(text)
    digit = DIGITS.get(behaviour)
    return f"{digit} {code}" if code and digit else None


def settles(text: str, code: str) -> bool:
    """True if this later text says that the alert with the code needs no answer any more."""
    if code_asked_for(text) is not None or GO_ON.search(text):
        return False
    return re.search(rf"\b{re.escape(code)}\b", text) is not None


def choices(text: str) -> list[Choice]:
    """The answers 1, 2 and 3 with the text's own words for them."""
    code = code_asked_for(text)
    if code is None:
        return []
    offered = []
    for digit in "123":
        said = re.search(rf"\b{digit}(?:[^0-9A-Za-z]{{1,3}}{code})?[ =:'\"]+([a-z][a-z' ]*)", text)
        offered.append(Choice(reply=f"{digit} {code}", says=said[1].strip() if said else ""))
    return offered

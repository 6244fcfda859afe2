"""What a responder's text means. Pure.

1 = I am on it, 2 = cannot, pass on now, 3 = false alarm; with the alert's code, or without it if exactly one alert is
open to that number. On any doubt ask back: an acknowledgement on the wrong alert leaves somebody on the floor.
"""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from alerts.codes import ALPHABET, CODE_LENGTHS


class Answer(StrEnum):
    """What a responder says about an alert."""

    COMING = "1"
    PASS_ON = "2"
    FALSE_ALARM = "3"


class Word(StrEnum):
    """What a text is, apart from an answer to an alert."""

    STOP = "stop"  # no more SMS to this number
    START = "start"  # SMS again
    CARRIER = "carrier"  # the provider answers it itself
    UNKNOWN = "unknown"


# The carriers' own words: Twilio acts on them whatever we do, so they can never mean anything else here.
_STOP_WORDS = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
_START_WORDS = {"START", "YES", "UNSTOP"}
_CARRIER_WORDS = {"HELP", "INFO"}
_ANSWERS = {str(answer) for answer in Answer}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An answer to an alert."""

    answer: Answer
    code: str | None  # of the alert; None: the only one that is open


def read(text: str) -> Reading | Word:
    """The answer it is, or the word it is."""
    plain = _plain(text)
    if plain in _STOP_WORDS:
        return Word.STOP
    if plain in _START_WORDS:
        return Word.START
    if plain in _CARRIER_WORDS:
        return Word.CARRIER
    if plain in _ANSWERS:
        return Reading(answer=Answer(plain), code=None)
    for answer, code in ((plain[:1], plain[1:]), (plain[-1:], plain[:-1])):  # "1 4F7K", "4f7k 1", "14F7K"
        if answer in _ANSWERS and len(code) in CODE_LENGTHS and set(code) <= set(ALPHABET):
            return Reading(answer=Answer(answer), code=code)
    return Word.UNKNOWN


def _plain(text: str) -> str:
    """Upper-case letters and digits only, whatever quotes, spaces and foreign digits the keyboard made of them."""
    plain = []
    for character in unicodedata.normalize("NFKC", text[:400]):
        digit = unicodedata.digit(character, None)
        if digit is not None:
            plain.append(str(digit))
        elif character.isalnum():
            plain.append(character.upper())
        # anything else (spaces, quotes, brackets, emoji, invisible marks) is not there
    return "".join(plain)

"""How the network can misbehave, as tables: what is answered, what becomes of a text, how the service is told.

A new fault is a row in one of the three tables. `Mischief` holds which of them are switched on, and for how often.
"""

import random
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from simulators.phone.message import Status


class Stage(StrEnum):
    """Where on a text's way a fault acts."""

    BEFORE_ACCEPTING = "before_accepting"  # the request is answered wrongly and nothing was taken
    AFTER_ACCEPTING = "after_accepting"  # the text is on its way, but the answer does not say so
    SENDING = "sending"  # between queued and sent
    DELIVERING = "delivering"  # between sent and the end
    CALLING_BACK = "calling_back"  # status callbacks to the service
    BRINGING_REPLIES = "bringing_replies"  # inbound texts to the service


class Signature(StrEnum):
    """What stands in the X-Twilio-Signature header."""

    RIGHT = "right"
    WRONG = "wrong"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One form to be posted to the service."""

    address: str
    fields: dict[str, str]
    signature: Signature = Signature.RIGHT
    delay: float = 0.0  # real seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the caller of the API gets instead of Twilio's answer."""

    stage: Stage
    says: str
    status: int = 500
    code: int | None = None  # Twilio's error body with this code …
    body: bytes = b""  # … or these bytes
    headers: dict[str, str] = field(default_factory=dict)  # `{seconds}` is filled in
    hangs: bool = False  # first nothing at all for `seconds`
    drops: bool = False  # the connection is closed without an answer
    seconds: float = 0.0  # real seconds, when the fault was switched on without its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of a text instead of delivery."""

    stage: Stage
    says: str
    status: Status
    error_code: int | None = None  # when the fault was switched on without its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """How a form reaches the service instead of once, at once and rightly signed."""

    stage: Stage
    says: str
    change: Callable[[Post, float], list[Post]]
    seconds: float = 1.0


HOLD = 60.0  # longer than any sensible time-out of the service

ANSWERS = {
    "500_before_accepting": Answer(stage=Stage.BEFORE_ACCEPTING, says="500, nothing taken", code=20500),
    "500_after_accepting": Answer(stage=Stage.AFTER_ACCEPTING, says="500, but the text goes out", code=20500),
    "hang_before_accepting": Answer(
        stage=Stage.BEFORE_ACCEPTING, says="no answer, nothing taken", hangs=True, drops=True, seconds=HOLD
    ),
    "hang_after_accepting": Answer(
        stage=Stage.AFTER_ACCEPTING, says="no answer, but the text goes out", hangs=True, drops=True, seconds=HOLD
    ),
    "drop_before_accepting": Answer(stage=Stage.BEFORE_ACCEPTING, says="connection closed, nothing taken", drops=True),
    "drop_after_accepting": Answer(
        stage=Stage.AFTER_ACCEPTING, says="connection closed, but the text goes out", drops=True
    ),
    "too_many_requests": Answer(
        stage=Stage.BEFORE_ACCEPTING,
        says="429 with Retry-After",
        status=429,
        code=20429,
        headers={"Retry-After": "{seconds:.0f}"},
        seconds=1.0,
    ),
    "invalid_json": Answer(
        stage=Stage.AFTER_ACCEPTING,
        says="201 with half a JSON document; the text goes out",
        status=201,
        body=b'{"sid": "SM',
        headers={"Content-Type": "application/json"},
    ),
}

FATES = {
    "failed": Fate(stage=Stage.SENDING, says="never given to the carrier", status=Status.FAILED, error_code=30008),
    "undelivered": Fate(
        stage=Stage.DELIVERING, says="the carrier could not bring it", status=Status.UNDELIVERED, error_code=30003
    ),
    "stays_sent": Fate(stage=Stage.DELIVERING, says="sent, and never heard of again", status=Status.SENT),
}


def _lost(post: Post, seconds: float) -> list[Post]:
    return []


def _doubled(post: Post, seconds: float) -> list[Post]:
    return [post, replace(post, delay=post.delay + min(seconds, 0.2))]


def _late(post: Post, seconds: float) -> list[Post]:
    return [replace(post, delay=post.delay + seconds)]


def _reordered(post: Post, seconds: float) -> list[Post]:
    return _late(post, seconds) if post.fields.get("MessageStatus") == Status.SENT else [post]


def _forged(post: Post, seconds: float) -> list[Post]:
    return [replace(post, signature=Signature.WRONG)]


def _unsigned(post: Post, seconds: float) -> list[Post]:
    return [replace(post, signature=Signature.NONE)]


_BACK, _IN = Stage.CALLING_BACK, Stage.BRINGING_REPLIES

POSTINGS = {
    "callbacks_lost": Posting(stage=_BACK, says="never posted", change=_lost),
    "callbacks_doubled": Posting(stage=_BACK, says="posted twice", change=_doubled),
    "callbacks_reordered": Posting(stage=_BACK, says="'sent' arrives after the end", change=_reordered),
    "callbacks_late": Posting(stage=_BACK, says="posted after `seconds`", change=_late, seconds=5.0),
    "callbacks_forged": Posting(stage=_BACK, says="signed with another secret", change=_forged),
    "callbacks_unsigned": Posting(stage=_BACK, says="without a signature", change=_unsigned),
    "replies_lost": Posting(stage=_IN, says="never posted", change=_lost),
    "replies_doubled": Posting(stage=_IN, says="posted twice with the same sid", change=_doubled),
    "replies_forged": Posting(stage=_IN, says="signed with another secret", change=_forged),
    "replies_unsigned": Posting(stage=_IN, says="without a signature", change=_unsigned),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehaviour:
    """One row of the tables, switched on."""

    name: str
    times: int | None = None  # how often; None: until switched off
    share: float = 1.0  # of the texts, requests or posts it could act on
    to: str | None = None  # only for this phone
    seconds: float | None = None  # real seconds; None: the table's
    error_code: int | None = None  # None: the table's
    reads: bool = False  # acts on fetching and listing instead of sending

    def __post_init__(self) -> None:
        if self.name not in ANSWERS and self.name not in FATES and self.name not in POSTINGS:
            raise ValueError(f"no such misbehaviour: {self.name}")


class Mischief:
    """Which misbehaviours are on. All threads of the network ask it."""

    def __init__(self, *, seed: int = 1) -> None:
        self._changed = threading.Condition()
        self._active: list[Misbehaviour] = []
        self._generation = 0
        self._random = random.Random(seed)

    def switch_to(self, misbehaviours: Iterable[Misbehaviour]) -> None:
        """These and no others from now on; whatever hangs is let go."""
        with self._changed:
            self._active = list(misbehaviours)
            self._generation += 1
            self._changed.notify_all()

    def active(self) -> list[Misbehaviour]:
        """What is on, with the times that are left."""
        with self._changed:
            return list(self._active)

    def hang(self, seconds: float) -> None:
        """Do nothing for so long, or until the misbehaviours are changed."""
        with self._changed:
            generation = self._generation
            self._changed.wait_for(lambda: self._generation != generation, timeout=seconds)

    def answer(self, stage: Stage, *, to: str | None, reads: bool = False) -> tuple[Answer, float] | None:
        """How to answer wrongly and for how many seconds, if it is to be."""
        names = {name for name, answer in ANSWERS.items() if answer.stage is stage}
        taken = self._take(names, to=to, reads=reads)
        if taken is None:
            return None
        answer = ANSWERS[taken.name]
        return answer, answer.seconds if taken.seconds is None else taken.seconds

    def fate(self, stage: Stage, *, to: str) -> Fate | None:
        """What befalls the text here, if anything."""
        taken = self._take({name for name, fate in FATES.items() if fate.stage is stage}, to=to)
        if taken is None:
            return None
        fate = FATES[taken.name]
        return fate if taken.error_code is None else replace(fate, error_code=taken.error_code)

    def posts(self, stage: Stage, post: Post, *, phone: str) -> list[Post]:
        """What is really posted in place of the form."""
        taken = self._take({name for name, posting in POSTINGS.items() if posting.stage is stage}, to=phone)
        if taken is None:
            return [post]
        posting = POSTINGS[taken.name]
        return posting.change(post, posting.seconds if taken.seconds is None else taken.seconds)

    def _take(self, names: set[str], *, to: str | None, reads: bool = False) -> Misbehaviour | None:
        with self._changed:
            for place, one in enumerate(self._active):
                if one.name not in names or one.reads != reads or one.to not in (None, to):
                    continue
                if self._random.random() >= one.share:
                    continue
                if one.times is not None:
                    left = one.times - 1
                    self._active[place : place + 1] = [replace(one, times=left)] if left > 0 else []
                return one
            return None

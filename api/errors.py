"""Why a request is not answered as asked. `app.py` gives each its status in one table; nothing here knows of HTML."""

from dataclasses import dataclass
from datetime import timedelta


class Refusal(Exception):
    """The request cannot be served; `str()` is one plain sentence for the person who asked."""


class NotSignedIn(Refusal):
    """Nobody is signed in, or the session has ended."""

    def __init__(self, reason: str = "Sign in first.") -> None:
        super().__init__(reason)


class NotAllowed(Refusal):
    """Signed in, but the role does not allow it, or the form's token is missing."""


class NotFound(Refusal):
    """There is no such thing, or it belongs to another organisation: the answer is the same."""


class Conflict(Refusal):
    """Somebody else was first, or it is over already."""


class Unreadable(Refusal):
    """What was sent does not say what it should."""


class TooManyAttempts(Refusal):
    """Too many wrong passwords."""

    def __init__(self, reason: str, *, retry_after: timedelta) -> None:
        super().__init__(reason)
        self.retry_after = retry_after  # real time


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorWords:
    """What an error page says."""

    status: int
    title: str
    advice: str

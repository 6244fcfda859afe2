"""Two sessions that deliver the same messages for a while: which of them were delivered by both. Pure.

When homes go from one worker's session to another's, the new session is made before the old one is removed. What is
published in between waits in both. A message has no name of its own in MQTT, so copies are paired by what they say,
each with one; two messages that say the same within these seconds cannot be told apart, and need not be.
"""

from collections import Counter, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

Item = TypeVar("Item")

SETTLED_SECONDS = 3.0  # the copy from the other session comes within this, when both are up to date
# Nothing but copies for so long: the old session holds nothing that the new one does not. Silence is all that MQTT has
# to say about a queue, so this is generous.
LEVEL_SECONDS = 10.0


class Overlap(Generic[Item]):
    """What came from the old session and what from the new one. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._from_old: Counter[Hashable] = Counter()  # without a copy from the new session yet
        self._old_at: deque[tuple[float, Hashable]] = deque()
        self._waiting: dict[Hashable, deque[tuple[float, Item]]] = {}  # from the new session, no copy from the old yet
        self._alone_at = float("-inf")  # when the old session last brought something that the new one had not
        self._begun_at: float | None = None

    def begin(self, now: float) -> None:
        """Both sessions are subscribed, or are so again."""
        self._begun_at = now

    def interrupt(self) -> None:
        """One of them is not connected."""
        self._begun_at = None

    def came_from_old(self, key: Hashable, now: float) -> Item | None:
        """A message of the old session; its copy from the new one, if that is here: it is done with now."""
        waiting = self._waiting.get(key)
        if waiting:
            _, item = waiting.popleft()
            if not waiting:
                del self._waiting[key]
            return item
        self._from_old[key] += 1
        self._old_at.append((now, key))
        return None

    def came_from_new(self, key: Hashable, item: Item, now: float) -> bool:
        """A message of the new session; true if the old one has brought it: it is done with. Else it waits here."""
        if self._from_old[key] > 0:
            self._from_old[key] -= 1
            return True
        del self._from_old[key]
        self._waiting.setdefault(key, deque()).append((now, item))
        return False

    def is_level(self, now: float) -> bool:
        """True when for some seconds the old session has brought only what the new one brought too, and all of it."""
        while self._old_at and now - self._old_at[0][0] > SETTLED_SECONDS:
            at, key = self._old_at.popleft()
            if self._from_old[key] > 0:
                self._alone_at = max(self._alone_at, at)
        if self._begun_at is None or now - max(self._begun_at, self._alone_at) < LEVEL_SECONDS:
            return False
        return all(now - queue[0][0] <= SETTLED_SECONDS for queue in self._waiting.values())

    def take_waiting(self) -> list[Item]:
        """What only the new session has brought, oldest first; it is the caller's from now on."""
        found = sorted(((at, item) for queue in self._waiting.values() for at, item in queue), key=lambda pair: pair[0])
        self._waiting = {}
        return [item for _, item in found]

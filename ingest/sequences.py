"""Which of a hub's numbered readings are stored: catches duplicates, knows the gaps. Pure."""

from bisect import bisect_right
from collections.abc import Iterable

from store.intake_open import StoredSequence

MAX_HOLES = 1_000  # in the numbers of one boot; an honest hub has as many as it has alarms that overtook a backlog


class Seen:
    """A set of whole numbers from 1: all up to `contiguous`, and ranges [start, end) beyond the first gap."""

    __slots__ = ("_beyond", "contiguous")

    def __init__(self, contiguous: int = 0, beyond: Iterable[tuple[int, int]] = ()) -> None:
        self.contiguous = contiguous
        self._beyond = sorted(beyond)

    def add(self, number: int) -> bool:
        """Note the number; False if it was noted before."""
        if number == self.contiguous + 1:
            self.contiguous = number
            self._join()
            return True
        if number <= self.contiguous:
            return False
        ranges = self._beyond
        after = bisect_right(ranges, (number, 2**63))  # the first range that begins behind the number
        if after and number < ranges[after - 1][1]:
            return False
        touches_before = after > 0 and ranges[after - 1][1] == number
        touches_after = after < len(ranges) and ranges[after][0] == number + 1
        start = ranges[after - 1][0] if touches_before else number
        end = ranges[after][1] if touches_after else number + 1
        ranges[after - touches_before : after + touches_after] = [(start, end)]
        return True

    def has_room_for(self, number: int) -> bool:
        """False if noting it would make one hole more than is kept: then its hub has to send the lower ones first."""
        if len(self._beyond) < MAX_HOLES or number <= self.contiguous + 1:
            return True
        return any(start - 1 <= number <= end for start, end in self._beyond)

    def add_all(self, first: int, last: int) -> bool:
        """Note all numbers from `first` to `last`; False if each was noted before."""
        first = max(first, self.contiguous + 1)
        if first > last:
            return False
        inside = [(start, end) for start, end in self._beyond if start <= last + 1 and end >= first]
        if any(start <= first and last < end for start, end in inside):
            return False
        merged = (min([first, *(start for start, _ in inside)]), max([last + 1, *(end for _, end in inside)]))
        self._beyond = sorted([*(kept for kept in self._beyond if kept not in inside), merged])
        self._join()
        return True

    def _join(self) -> None:
        """Move what has become contiguous."""
        while self._beyond and self._beyond[0][0] <= self.contiguous + 1:
            self.contiguous = max(self.contiguous, self._beyond.pop(0)[1] - 1)

    @property
    def missing(self) -> list[tuple[int, int]]:
        """What has not come though a higher number has: (first, last) of each gap, lowest first."""
        ends = [self.contiguous + 1, *(end for _, end in self._beyond)]
        return [(end, start - 1) for end, (start, _) in zip(ends, self._beyond, strict=False)]

    def missing_below(self, number: int) -> list[tuple[int, int]]:
        """What of the numbers lower than this has not come: (first, last) of each gap, lowest first."""
        found: list[tuple[int, int]] = []
        first = self.contiguous + 1
        for start, end in self._beyond:
            if first >= number:
                break
            found.append((first, min(start, number) - 1))
            first = end
        if first < number and (not self._beyond or first == self._beyond[-1][1]):
            found.append((first, number - 1))
        return found

    @property
    def has_gaps(self) -> bool:
        """True if anything is missing."""
        return bool(self._beyond)

    @property
    def stored(self) -> StoredSequence:
        """As the database keeps it."""
        return StoredSequence(self.contiguous, tuple(self._beyond))

    @property
    def beyond(self) -> tuple[tuple[int, int], ...]:
        """The ranges [start, end) behind the first gap, lowest first, none touching another."""
        return tuple(self._beyond)

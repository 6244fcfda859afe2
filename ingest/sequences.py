"""Which of a hub's numbered readings are stored: catches duplicates, knows the gaps. Pure."""

from bisect import bisect_right
from collections.abc import Iterable


class Seen:
    """A set of whole numbers from 1, kept as ranges [start, end): a hub without losses has one."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._ranges = sorted(ranges)

    def add(self, number: int) -> bool:
        """Note the number; False if it was noted before."""
        ranges = self._ranges
        after = bisect_right(ranges, (number, 2**63))  # the first range that begins behind the number
        if after and number < ranges[after - 1][1]:
            return False
        touches_before = after > 0 and ranges[after - 1][1] == number
        touches_after = after < len(ranges) and ranges[after][0] == number + 1
        start = ranges[after - 1][0] if touches_before else number
        end = ranges[after][1] if touches_after else number + 1
        ranges[after - touches_before : after + touches_after] = [(start, end)]
        return True

    @property
    def contiguous(self) -> int:
        """The highest number up to which, from 1, none is missing; 0 if 1 itself is."""
        if self._ranges and self._ranges[0][0] == 1:
            return self._ranges[0][1] - 1
        return 0

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """The ranges [start, end), lowest first, none touching another."""
        return list(self._ranges)

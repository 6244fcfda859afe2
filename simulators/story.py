"""A story that hubs tell and that can be checked to the last reading: what `telecare bench faults` counts.

Every reading of a home is unique: its value is its place in the story. So what is missing and what is doubled shows
itself, whatever else was told at the same time. Pure, but for the clock that is asked.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from simulators.sensing import Reading
from store.clock import Clock

SENSOR = "L1"  # counts
IN_A_BURST = 25  # readings that come at once: enough that the hub tells them as a list …
_IN_A_SMALL_ONE = 5  # … of which a short story would have too few
_SHORT = 1_000  # readings
_SINGLY_EVERY = 10  # … but every so many bursts it is one alone
_APART_S = 0.001  # readings of a burst


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """So many readings between two instants. The hub's clock may be wrong meanwhile: all times are the right ones."""

    begins: float  # epoch seconds
    ends: float
    readings: int
    wrong_by: float = 0.0  # seconds that the hub's clock is fast

    @property
    def in_a_burst(self) -> int:
        """How many readings come at once."""
        return IN_A_BURST if self.readings >= _SHORT else _IN_A_SMALL_ONE

    @property
    def step(self) -> float:
        """Seconds from burst to burst."""
        in_ten = (_SINGLY_EVERY - 1) * self.in_a_burst + 1
        bursts = max(1, math.ceil(self.readings * _SINGLY_EVERY / in_ten))
        return (self.ends - self.begins) / (bursts + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What one home has to tell, stretch by stretch."""

    stretches: Sequence[Stretch]

    @property
    def readings(self) -> int:
        """How many there are in all."""
        return sum(stretch.readings for stretch in self.stretches)

    @property
    def ends(self) -> float:
        """When the last one has happened, by the right clock."""
        return self.stretches[-1].ends

    def bursts(self) -> Iterator[tuple[float, list[Reading]]]:
        """What happens when by the right clock, with the times that the hub's clock shows; oldest first."""
        place = 0
        for stretch in self.stretches:
            for at, size in _bursts(stretch):
                shown = at + stretch.wrong_by
                yield (
                    at,
                    [
                        Reading(at=round(shown + each * _APART_S, 3), sensor=SENSOR, value=float(place + each))
                        for each in range(size)
                    ],
                )
                place += size

    def last_before(self, instant: float) -> int:
        """The place of the last reading that happens before this instant of the right clock; -1: none."""
        place = -1
        for stretch in self.stretches:
            for at, size in _bursts(stretch):
                if at >= instant:
                    return place
                place += size
        return place

    def wrong_by(self, instant: float) -> float:
        """How fast the hub's clock is then, in seconds."""
        wrong = self.stretches[0].wrong_by
        for stretch in self.stretches:
            if stretch.begins <= instant:
                wrong = stretch.wrong_by
        return wrong

    def to_json(self) -> list[dict[str, Any]]:
        """For the process that tells it."""
        return [asdict(stretch) for stretch in self.stretches]

    @classmethod
    def from_json(cls, told: list[dict[str, Any]]) -> "Story":
        """As `to_json` wrote it."""
        return cls(stretches=tuple(Stretch(**stretch) for stretch in told))


class WrongClock(Clock):
    """The clock of a hub as the story has it."""

    def __init__(self, right: Clock, story: Story) -> None:
        self._right, self._story = right, story

    @property
    def speed(self) -> float:
        """As the right one."""
        return self._right.speed

    def now(self) -> datetime:
        """What the hub believes."""
        now = self._right.now()
        return now + timedelta(seconds=self._story.wrong_by(now.timestamp()))

    def stretch(self, real: timedelta) -> timedelta:
        """As the right one."""
        return self._right.stretch(real)


def _bursts(stretch: Stretch) -> Iterator[tuple[float, int]]:
    """When each burst happens, by the right clock, and how many readings it has."""
    left, number = stretch.readings, 0
    while left > 0:
        size = min(left, 1 if number % _SINGLY_EVERY == _SINGLY_EVERY - 1 else stretch.in_a_burst)
        yield round(stretch.begins + (number + 1) * stretch.step, 3), size
        left -= size
        number += 1

"""What going through the front door meant here: did they leave, or stay in?

Counted when the first long quiet after it is over: it ended at the door again, or inside. By part of the day, because
whoever opens the door in the evening and goes to bed is not to be taken for one who leaves; and whoever comes home is
soon seen inside, while a neighbour who looks in, or somebody who fetches a bag, is not.
"""

from enum import IntEnum

import numpy as np

from anomaly import prior
from anomaly.clock_bins import PART_OF_BIN, PARTS, Floats
from store.home import SensorKind

# How much likelier a movement is with somebody at home than in an empty home (which saw 0 to 6 single ones a day): in a
# room that has been told of since the front door, and in another. Movements within a minute are one.
_AGAIN, ELSEWHERE = 10.0, 30.0
_ONE_MOVEMENT = 60.0  # seconds
_SURELY_HOME = 1e-9
_ONE_STIRRING = 900.0  # … of a mat or a drawer, some of which stir by themselves long after somebody has gone
_MOVE_ALONG = {SensorKind.MOTION, SensorKind.DOOR, SensorKind.FLUSH}
_SEEN_NOWHERE = (4.0, 1.0)  # [left, stayed] of those who come in and are not seen inside: assumed
_ALL_DAY = 3.0  # passages that those of the whole day are worth in one part of it


class Passage(IntEnum):
    """What is known of one passage."""

    FROM_INSIDE = 0
    FROM_OUTSIDE = 1  # … and nothing has moved inside since
    CAME_IN = 2  # … and something has


class Passages:
    """The passages of one home."""

    def __init__(self) -> None:
        self.counts: Floats = np.zeros((len(PARTS), len(Passage), 2))  # [part of day][passage][left, stayed]
        self.today: list[list[int]] = []  # what the running day showed: where to count it

    def chance_left(self, quarter: int, passage: Passage) -> float:
        """That whoever goes through the door in this quarter hour of the day has left. Higher: rather gone."""
        inside, came_in = prior.passages()
        assumed = (inside, np.array(_SEEN_NOWHERE), came_in)[passage]
        day = self.counts[:, passage].sum(0) + assumed
        left, stayed = self.counts[PART_OF_BIN[quarter], passage] + _ALL_DAY * day / day.sum()
        return float(left / (left + stayed))

    def learn(self, quarter: int, passage: Passage, *, left: bool) -> None:
        """It is known what one of this quarter hour meant."""
        self.counts[PART_OF_BIN[quarter], passage, 0 if left else 1] += 1.0

    def note(self, quarter: int, passage: Passage, *, left: bool) -> None:
        """The same, to be learned when its day is over, if the day may teach."""
        self.today.append([int(PART_OF_BIN[quarter]), int(passage), 0 if left else 1])

    def taught(self) -> list[list[int]]:
        """What the day that is over showed, to be learned or not."""
        today, self.today = self.today, []
        return today

    def learn_day(self, taught: list[list[int]]) -> None:
        """Add a day."""
        for part, passage, side in taught:
            self.counts[part, passage, side] += 1.0

    def restore(self, counts: list[list[list[float]]]) -> None:
        """From JSON; what a release counted that did not tell the hour is learned anew."""
        if np.shape(counts) == self.counts.shape:
            self.counts[...] = counts


def speaks_for_home(kind: SensorKind, *, is_elsewhere: bool, after: float) -> float:
    """How many times likelier this movement is with somebody at home; `after` so many seconds since another told so."""
    if is_elsewhere:
        return ELSEWHERE
    return _AGAIN if after >= (_ONE_MOVEMENT if kind in _MOVE_ALONG else _ONE_STIRRING) else 1.0


def less_likely(chance_out: float, times: float) -> float:
    """The chance of being out when something was seen that is so many times likelier with somebody at home.

    A pressed mat speaks for it like a movement elsewhere, no more: one was seen pressed for hours in an empty home.
    """
    odds = chance_out / max(1.0 - chance_out, _SURELY_HOME) / times
    return 0.0 if odds < _SURELY_HOME else odds / (1.0 + odds)

"""What is assumed of a home before anything is known of it: a few rounded numbers and where they come from.

Provenance: sizes were read off 18 homes of `simulators` (six personas, three kits, 45 days each) and three recordings
of real homes (van Kasteren, Englebienne and Kröse: houses A, B and C, used for evaluation only; no data of theirs is
here), rounded, and set between the two where they differ: the simulated people move about three times as often.
"""

import numpy as np
from numpy.typing import NDArray

AGE_EDGES_MINUTES = (5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 480)  # of a quiet; it counts from five minutes on

# Endings per hour of quiets older than five minutes, by hour of the day.
_ENDINGS_PER_HOUR = (
    1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 2.0, 3.5, 4.5, 4.5, 4.5,
    4.5, 4.5, 4.5, 4.5, 4.5, 4.5, 4.5, 4.5, 4.5, 4.5, 2.5, 1.5,
)  # fmt: skip

# m, how a place, part of day and age change that, is 1 everywhere. Falling with age as in the recordings (to 0.2 after
# three hours) was tried: it doubled the time to find a collapse in them, at the same number of false alerts.
MULTIPLIER = 1.0

# The largest surprise of an ordinary day, nats: its spread was 0.6 to 1.1 in simulated and 1.2 to 1.9 in real homes.
DAILY_MAXIMUM_MU = 3.6
DAILY_MAXIMUM_SIGMA = 1.15

# Getting up, minutes after midnight of civil time.
UP_MEAN_MINUTES = 450.0
UP_SPREAD_MINUTES = 75.0

# After the front door and then a quarter hour of quiet: how often had they left, how often stayed? In the recordings
# 9 of 10 when they had been at home before, and half when they came from outside. Worth five passages each.
_LEFT_OR_STAYED = ((4.5, 0.5), (2.5, 2.5))


def rates_per_minute() -> NDArray[np.float64]:
    """λ̄ for each quarter hour."""
    return np.repeat(np.array(_ENDINGS_PER_HOUR) / 60.0, 4)


def passages() -> NDArray[np.float64]:
    """Counts of [at home before, outside before][left, stayed]."""
    return np.array(_LEFT_OR_STAYED)

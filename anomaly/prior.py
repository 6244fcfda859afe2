"""What is assumed of a home before anything is known of it: a few rounded numbers and where they come from.

Provenance: sizes were read off 18 homes of `simulators` (six personas, three kits, 45 days each) and three recordings
of real homes (van Kasteren, Englebienne and Kröse: houses A, B and C, used for evaluation only; no data of theirs is
here), rounded by eye, not fitted. Simulated people end a quiet three to five times as often by day; the rates here are
nearer to the real ones. The same recordings were used to judge the model, so its figures on them are not independent.
"""

import numpy as np
from numpy.typing import NDArray

AGE_EDGES_MINUTES = (5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 480)  # of a quiet; it counts from five minutes on

# Endings per hour of quiets older than five minutes, by hour of the day.
_ENDINGS_PER_HOUR = (
    1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 2.0, 3.5, 4.5, 4.5, 4.5,
    4.5, 4.5, 4.5, 4.5, 4.5, 4.5, 4.5, 4.5, 4.5, 4.5, 2.5, 1.5,
)  # fmt: skip

# m, how a place, part of day and age change that, is 1 everywhere. Falling with age as the recordings suggest (to 0.2
# after three hours) was tried: median time to find a collapse in the recordings 3.5 → 6.0 h at one false alert in 20
# days (41 days, so two alerts), 0.76 → 0.72 h in three simulated homes.
MULTIPLIER = 1.0

# The largest surprise of an ordinary day, nats: its spread was 0.6 to 1.1 in simulated and 1.2 to 1.9 in real homes.
DAILY_MAXIMUM_MU = 3.6
DAILY_MAXIMUM_SIGMA = 1.15

# Getting up, minutes after midnight of civil time. Assumed; the homes above lie between 07:00 and 10:00.
UP_MEAN_MINUTES = 450.0
UP_SPREAD_MINUTES = 75.0

# After the front door and then a quarter hour of quiet: how often had they left, how often stayed? Of those who had
# been at home before, 72 of 100 in the recordings and nearly all simulated ones had left; of those who came from
# outside, 7 of 30 in the recordings. Worth five passages each.
_LEFT_OR_STAYED = ((4.25, 0.75), (1.25, 3.75))


def rates_per_minute() -> NDArray[np.float64]:
    """λ̄ for each quarter hour."""
    return np.repeat(np.array(_ENDINGS_PER_HOUR) / 60.0, 4)


def passages() -> NDArray[np.float64]:
    """Counts of [at home before, outside before][left, stayed]."""
    return np.array(_LEFT_OR_STAYED)

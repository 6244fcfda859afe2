"""What is assumed of a home before anything is known of it: estimated on generated homes where that did no worse.

`prior_data.json` is what `telecare prior` made of the homes of `simulators.prior_homes` alone; its provenance is in it.
Of its numbers λ̄ is used. The others are assumed or measured otherwise, as said beside each: decision 0023 has the
comparison. Three recordings of real homes (van Kasteren, Englebienne and Kröse: houses A, B and C, for evaluation only;
no data of theirs is here) were looked at when the assumed ones were rounded, so figures on them are not independent.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = 1  # of the data file
AGE_EDGES_MINUTES = (5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 480)  # of a quiet; it counts from five minutes on

# m, how the age of a quiet changes that: falling, the longer it lasts. A home's own ages soon weigh more.
_SPEED_BY_AGE = (1.2, 1.1, 1.0, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4, 0.35)

# The highest score (`waiting`) of an ordinary day, nats: in 28 simulated homes over 72 days its median was 10.6, in the
# recordings about the same, with days of unnoted absence in the tail. σ is what makes realised return periods those
# that are promised, chosen over simulated homes of 100 days (decisions 28 and 29); in a home that is new it is larger
# by so much.
DAILY_MAXIMUM_MU = 10.2
DAILY_MAXIMUM_SIGMA = 0.75
DAILY_MAXIMUM_YOUNG = 0.8

# Getting up, minutes after midnight of civil time. Assumed; the homes above lie between 07:00 and 10:00.
UP_MEAN_MINUTES = 450.0
UP_SPREAD_MINUTES = 75.0

# After the front door and then a quarter hour of quiet: how often had they left, how often stayed? Of those who had
# been at home before, 72 of 100 in the recordings and nearly all simulated ones had left; of those who came from
# outside, 7 of 30 in the recordings. Worth five passages each.
_LEFT_OR_STAYED = ((4.25, 0.75), (1.25, 3.75))


@cache
def estimated() -> dict[str, Any]:
    """The data file. Raises `ValueError` if it is of another format than this code reads."""
    data: dict[str, Any] = json.loads(files("anomaly").joinpath("prior_data.json").read_text(encoding="utf-8"))
    if data["format"] != FORMAT or data["age_edges_minutes"] != list(AGE_EDGES_MINUTES):
        raise ValueError("prior_data.json is of another format; make it anew with `telecare prior`")
    return data


def rates_per_minute() -> NDArray[np.float64]:
    """λ̄ for each quarter hour: endings of quiets older than five minutes, a minute at risk."""
    return np.array(estimated()["endings_per_hour"]["all"], dtype=np.float64) / 60.0


def multiplier() -> NDArray[np.float64]:
    """m for each place, part of the day and age as estimated; for who compares: the model has `speeds_by_age`."""
    return np.array(estimated()["multiplier"], dtype=np.float64)


def speeds_by_age() -> NDArray[np.float64]:
    """m for each age."""
    return np.array(_SPEED_BY_AGE)


def passages() -> NDArray[np.float64]:
    """Counts of [at home before, outside before][left, stayed]."""
    return np.array(_LEFT_OR_STAYED)

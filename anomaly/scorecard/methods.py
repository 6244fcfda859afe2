"""The methods that are compared: our own score and simpler ones, all looking at the same quiets through the same gates.

Each gives a score that is compared with one threshold; higher means stranger. The gates are the model's: a quiet counts
only while somebody could be seen, a day teaches only if it was observed, and nothing is said of a resident who is
probably out. That is more than most of these methods had when they were published.
"""

import math
from typing import Protocol

import numpy as np

from anomaly.clock_bins import BINS, Floats
from anomaly.detectors.detector import Known
from anomaly.detectors.inactivity import score_of
from anomaly.hazard import CLOCK_STARTS, Path
from anomaly.situation import Quiet

_PROBABLY = 0.5
_REMEMBERED_DAYS = 42  # the half-life of the model is as long
_NEIGHBOURS = 4  # quarter hours: habits do not keep to the minute
_LEAST_LINE = 0.5  # hours
_LEAST_DAYS = 7
_LEAST_SPREAD = 0.1  # hours
_TELLS_APART = 1e-4  # of log N for each nat: nothing beside the rest


class QuietMethod(Protocol):
    """Scores the running quiet, minute by minute."""

    name: str

    def scores(self, quiet: Quiet, path: Path, known: Known) -> Floats:
        """The score at the end of each step of the path."""

    def quiet_over(self, quiet: Quiet, path: Path, known: Known) -> None:
        """Somebody moved; keep what is to be learned at the end of the day."""

    def day_over(self, *, learnable: bool) -> None:
        """A civil day has ended: learn from it, or forget it."""


class Ours:
    """The inactivity detector's own score, as log N: chance brings as much about once in N days of this home."""

    name = "telecare"

    def scores(self, quiet: Quiet, path: Path, known: Known) -> Floats:
        """log N, not capped. Only where the score grew is it worked out anew."""
        surprise = score_of(quiet, path, known)
        found = np.empty(len(surprise))
        before, value = -math.inf, 0.0
        for i, nats in enumerate(surprise.tolist()):
            if nats > before + 1e-3:
                before, value = nats, _log_rarity(nats, known)
            found[i] = value
        return found

    def top(self, quiet: Quiet, path: Path, known: Known) -> float:
        """The last one, which is the largest."""
        surprise = score_of(quiet, path, known)
        return _log_rarity(float(surprise[-1]), known) if len(surprise) else -math.inf

    def quiet_over(self, quiet: Quiet, path: Path, known: Known) -> None:
        """The model learns by itself."""

    def day_over(self, *, learnable: bool) -> None:
        """The model learns by itself."""


def _log_rarity(nats: float, known: Known) -> float:
    """log N; where N ends, at a thousand million days, what is more surprising is still told apart."""
    return math.log(known.maxima.once_in_days(nats)) + _TELLS_APART * nats


class FixedLimit:
    """So many observed hours without a sign of life, whatever the time of day."""

    name = "fixed limit"

    def scores(self, quiet: Quiet, path: Path, known: Known) -> Floats:
        """Hours."""
        return np.zeros(len(path.ends)) if quiet.out >= _PROBABLY else hours_quiet(path)

    def quiet_over(self, quiet: Quiet, path: Path, known: Known) -> None:
        """Nothing to learn."""

    def day_over(self, *, learnable: bool) -> None:
        """Nothing to learn."""


class _ByTimeOfDay:
    """How long it had been quiet at most, in each quarter hour of each remembered day."""

    def __init__(self) -> None:
        self.today = np.zeros(BINS)
        self.days: list[Floats] = []

    def quiet_over(self, quiet: Quiet, path: Path, known: Known) -> None:
        """Hours of quiet reached in each quarter hour."""
        if quiet.out < _PROBABLY and not quiet.tainted and len(path.ends):
            np.maximum.at(self.today, path.bins, hours_quiet(path))

    def day_over(self, *, learnable: bool) -> None:
        """Keep the day if it may teach."""
        if learnable:
            self.days = [*self.days[1 - _REMEMBERED_DAYS :], self.today]
            self.learned()
        self.today = np.zeros(BINS)

    def learned(self) -> None:
        """Another day has been kept."""


class AlertLine(_ByTimeOfDay):
    """The longest usual quiet at each time of day, and so many times that (Cuddihy et al. 2007, simplified).

    The line is the largest of the remembered days within an hour of the clock; the threshold is a multiple of it.
    """

    name = "alert line"

    def __init__(self) -> None:
        super().__init__()
        self.line = np.full(BINS, math.inf)

    def learned(self) -> None:
        """Draw the line anew."""
        longest = np.max(self.days, axis=0)
        around = [np.roll(longest, shift) for shift in range(-_NEIGHBOURS, _NEIGHBOURS + 1)]
        self.line = np.maximum(np.max(around, axis=0), _LEAST_LINE)

    def scores(self, quiet: Quiet, path: Path, known: Known) -> Floats:
        """Multiples of the line."""
        if quiet.out >= _PROBABLY:
            return np.zeros(len(path.ends))
        return np.asarray(hours_quiet(path) / self.line[path.bins])


class InactivityScore(_ByTimeOfDay):
    """How far the inactivity lies above its usual level at this time of day (Wilhelm & Wahl 2024, our reading).

    Their Inactivity Score weighs a quiet by how far its sensors can be believed; with sensors that can be, it is the
    time since the last activity. It is compared with the scores of earlier days. The full text was not at hand: the
    comparison used here, standard deviations above the mean of the quarter hour, is ours.
    """

    name = "Wilhelm & Wahl"

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.spread = np.full(BINS, math.inf), np.ones(BINS)

    def learned(self) -> None:
        """Mean and standard deviation of each quarter hour, with its neighbours."""
        if len(self.days) < _LEAST_DAYS:
            return
        around = np.concatenate([np.roll(self.days, shift, axis=1) for shift in (-1, 0, 1)])
        self.mean, self.spread = around.mean(0), np.maximum(around.std(0), _LEAST_SPREAD)

    def scores(self, quiet: Quiet, path: Path, known: Known) -> Floats:
        """Standard deviations; 0 below the mean."""
        if quiet.out >= _PROBABLY:
            return np.zeros(len(path.ends))
        above = (hours_quiet(path) - self.mean[path.bins]) / self.spread[path.bins]
        return np.asarray(np.maximum(0.0, above), dtype=np.float64)


def hours_quiet(path: Path) -> Floats:
    """Observed hours since the last sign of life, at the end of each step."""
    seconds = np.round(np.cumsum(path.seconds) + CLOCK_STARTS, 3)  # so that twelve hours are twelve hours
    return np.asarray(seconds / 3600.0, dtype=np.float64)


def quiet_methods() -> list[QuietMethod]:
    """All of them, knowing nothing yet. Ours comes first."""
    return [Ours(), FixedLimit(), AlertLine(), InactivityScore()]

"""The model's estimators in river's protocol: `score_one` is pure, `learn_one` returns nothing, `clone` forgets.

For whoever wants to compare them with river's own, or to put them in its pipelines: high means unusual, in nats. The
service uses the parts themselves (`hazard`, `usual_time`, `return_period`), with what it knows beside: absences, blind
time, what may teach. Nothing here is saved by pickle; the saved form is `state`.
"""

from collections.abc import Hashable
from typing import Any
from zoneinfo import ZoneInfo

from river.base import AnomalyDetector

from anomaly import prior
from anomaly.clock_bins import clock_of
from anomaly.hazard import Hazard, Spell
from anomaly.plan import Place
from anomaly.return_period import DailyMaximum, nats
from anomaly.usual_time import UsualTime


class SurprisingQuiet(AnomalyDetector):
    """How long quiets last, by time of day, place and age.

    `x` is `began` and `ended` (epoch seconds) and `place` (a `Place`).
    """

    def __init__(self, time_zone: str = "Europe/London") -> None:
        self.time_zone = time_zone
        self.hazard = Hazard()
        self.day: int | None = None

    def learn_one(self, x: dict[Hashable, Any]) -> None:
        """Somebody's moving ended this quiet. Quiets come in order; with a new civil day, old ones count less."""
        day = clock_of(ZoneInfo(self.time_zone)).at(x["began"])[2]
        if self.day is not None and day > self.day:
            self.hazard.day_over(learned=True)
        self.day = day if self.day is None else max(day, self.day)
        self.hazard.learn_one(self._spells(x))

    def score_one(self, x: dict[Hashable, Any]) -> float:
        """−log of the chance that a quiet which began so lasts so long."""
        return self.hazard.surprise_of(self._spells(x))

    def _spells(self, x: dict[Hashable, Any]) -> list[Spell]:
        clock = clock_of(ZoneInfo(self.time_zone))
        return self.hazard.spells([(x["began"], x["ended"])], Place(x["place"]), clock)


class LateHabit(AnomalyDetector):
    """At what time something happens each day.

    `x` is `minutes` after midnight of civil time (to be learned: None if it did not happen) and `day_type` (0: weekday,
    1: weekend).
    """

    def __init__(self, mean: float = prior.UP_MEAN_MINUTES, spread: float = prior.UP_SPREAD_MINUTES) -> None:
        self.mean = mean
        self.spread = spread
        self.usual = UsualTime(mean=mean, spread=spread)

    def learn_one(self, x: dict[Hashable, Any]) -> None:
        """Another observed day."""
        self.usual.learn_one(x["minutes"], x["day_type"])

    def score_one(self, x: dict[Hashable, Any]) -> float:
        """−log of the chance that it has not happened by this time."""
        return nats(self.usual.score_one(x["minutes"], x["day_type"]))


class LargestOfDay(AnomalyDetector):
    """The largest surprise of each day; `x` is `surprise`, in nats."""

    def __init__(self, mu: float = prior.DAILY_MAXIMUM_MU, sigma: float = prior.DAILY_MAXIMUM_SIGMA) -> None:
        self.mu = mu
        self.sigma = sigma
        self.maxima = DailyMaximum(mu=mu, sigma=sigma)

    def learn_one(self, x: dict[Hashable, Any]) -> None:
        """Another observed day."""
        self.maxima.learn_one(x["surprise"])

    def score_one(self, x: dict[Hashable, Any]) -> float:
        """−log of the chance that a day has a larger one: the log of N in "once in N days"."""
        return nats(self.maxima.score_one(x["surprise"]))

"""A habit of the day and how late it may be: its usual time, its own tail, and the last days that may be taken back.

What is known for scoring is the baseline and the journal together (a new home need not wait a week); what is kept is
the baseline and the journal apart. Not here: what the habit is, and when nothing may be said of it (`detectors`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly.day_journal import TAKEN_BACK_DAYS, DayJournal
from anomaly.own_tail import OwnTail
from anomaly.usual_time import UsualTime
from store.deviation import Grade

_TAIL_FROM_DAYS = 7.0  # in the baseline, before its chances say anything about the home
_SELDOM_FAILS = (20.0, 0.05)  # Beta: two habits out of three never fail; one failure is enough to doubt it


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitDay:
    """What one day showed of a habit."""

    minutes: float | None  # after midnight of the habit's day; None: it did not happen
    day_type: int
    until: float  # the minute up to which it was waited for


class Habit:
    """The time of one habit in one home."""

    def __init__(self, *, mean: float, spread: float) -> None:
        self._mean, self._spread = mean, spread  # of the population, minutes
        self.base = self._fresh()
        self.tail = OwnTail()
        self.journal: DayJournal[HabitDay] = DayJournal(lag=TAKEN_BACK_DAYS)
        self._now: UsualTime | None = None

    @property
    def usual(self) -> UsualTime:
        """What is known today: the baseline and the journal."""
        if self._now is None:
            self._now = self._fresh()
            self._now.moments[...] = self.base.moments
            self._now.occurred[...] = self.base.occurred
            for _, entry in self.journal.entries:
                self._now.learn_one(entry.minutes, entry.day_type)
        return self._now

    @property
    def days(self) -> float:
        """Days of evidence, old ones counting less."""
        return float(self.usual.occurred.sum())

    def pass_day(self, day: int) -> None:
        """A civil day has come: what has stood in the journal for the guard lag is learned for good."""
        for _, entry in self.journal.pass_day(day):
            # By the baseline alone, so that no day that may still be taken back has a part in it.
            minutes = entry.until if entry.minutes is None else entry.minutes
            if self.base.occurred.sum() >= _TAIL_FROM_DAYS:
                self.tail.learn_one(self.base.score_one(minutes, entry.day_type))
            self.base.learn_one(entry.minutes, entry.day_type)
        self._now = None

    def learn_one(self, day: int, minutes: float | None, day_type: int, *, until: float) -> None:
        """This day showed that; `until` is the minute up to which it was waited for."""
        self.journal.add(day, HabitDay(minutes=minutes, day_type=day_type, until=until))
        self._now = None

    def take_out(self, day: int) -> bool:
        """Forget this day as if it had been masked. False if it is older than the guard lag, or unknown."""
        self._now = None
        return self.journal.take_out(day)

    def mask(self, days: set[int]) -> None:
        """These civil days must not teach, and no others."""
        if self.journal.mask(days):
            self._now = None

    def discount(self, share: float) -> None:
        """What stands in the baseline counts so much from now on."""
        self.base.discount(share)
        self.tail.maxima.discount(share)
        self._now = None

    def reached(
        self, minutes: NDArray[np.float64], day_type: int, needed: dict[Grade, float]
    ) -> dict[Grade, NDArray[np.bool_]]:
        """For each grade: at which of these times is it as rare as `needed` (once in N days), if not yet by then?"""
        chances = self.usual.scores(minutes, day_type)
        late = minutes >= self.usual.quantiles(day_type, (0.5,))[0]
        return {grade: late & (chances <= self.tail.chance_of(days)) for grade, days in needed.items()}

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "moments": self.base.moments.tolist(),
            "occurred": self.base.occurred.tolist(),
            "tail": self.tail.maxima.sums.tolist(),
            "journal": [[day, each.minutes, each.day_type, each.until] for day, each in self.journal.kept],
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.base.moments[...] = saved["moments"]
        self.base.occurred[...] = saved["occurred"]
        self.tail.maxima.sums[...] = saved["tail"]
        self.journal.kept = [
            (day, HabitDay(minutes=minutes, day_type=day_type, until=until))
            for day, minutes, day_type, until in saved["journal"]
        ]
        self._now = None

    def _fresh(self) -> UsualTime:
        return UsualTime(mean=self._mean, spread=self._spread, occurs=_SELDOM_FAILS)

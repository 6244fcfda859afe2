"""One daily figure over weeks: its baseline with the guard lag, its CUSUMs, and when a change is the new normal.

    value → journal (7 days) → baseline;   z against the baseline as it stood → CUSUMs

A slow change cannot teach that it is normal before it is found, because the newest week is never in the baseline. While
a change is open its days wait apart: if it passes they are dropped, if it lasts they become the new normal, beside a
past that counts a quarter. A day can be taken out of the journal again, and nothing of it is left. Pure, plain values.
"""

import math
from dataclasses import dataclass, field
from typing import Any

from anomaly.cusum import NOTHING, Sums, height, summed, thresholds
from anomaly.daily_features import Feature
from anomaly.day_journal import DayJournal
from anomaly.gradual_baseline import FIRST_DAYS, KEEP, Baseline

NEW_NORMAL_DAYS = 21  # a change that has lasted for so long
OLD_COUNTS = 0.25  # … is normal from then on, and this is what the past still counts
SUSPECT_DAYS, SUSPECT_HEIGHT = 300.0, 0.4  # half way to a change that comes once in so many days
OVER_BELOW = 0.5  # of a threshold: a change has passed
_RHO_DAYS, _LARGEST_RHO = 30.0, 0.5  # days for which independence of days counts; more is a change, not a habit


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How one figure is judged."""

    spread: float | None = None  # assumed standard deviation on the scale that is judged; None: a count
    scale: str = "plain"  # or root, log: where large values vary more

    def scaled(self, x: float) -> float:
        """On the scale that is judged."""
        if self.scale == "log":
            return math.log1p(x)
        return math.sqrt(x) if self.scale == "root" else x

    def natural(self, x: float) -> float:
        """Back again."""
        if self.scale == "log":
            return math.expm1(x)
        return x * x if self.scale == "root" else x


# Spreads are assumed, rounded, and count for four days; a fortnight of the home's own days overrules them.
SHAPES = {
    Feature.NIGHT_BATHROOM_VISITS: Shape(),
    Feature.DAY_BATHROOM_VISITS: Shape(),
    Feature.NIGHT_OUT_OF_BED: Shape(spread=0.8, scale="log"),
    Feature.SLEEP_WINDOW: Shape(spread=0.8),
    Feature.RISE_TIME: Shape(spread=35.0),
    Feature.BED_TIME: Shape(spread=35.0),
    Feature.BED_EXITS: Shape(),
    Feature.KITCHEN_SESSIONS: Shape(),
    Feature.ACTIVE_QUARTERS: Shape(spread=5.0),
    Feature.ROOM_TRANSITIONS: Shape(spread=0.3, scale="log"),
    Feature.OUTINGS: Shape(),
    Feature.TIME_OUT: Shape(spread=2.0, scale="log"),
    Feature.REST_BY_DAY: Shape(spread=3.5, scale="root"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendDay:
    """What one day showed of one figure."""

    x: float  # on the scale that is judged
    day_type: int
    z: float | None  # None: too early to judge


@dataclass(slots=True)
class Trend:
    """One figure of one home."""

    shape: Shape
    base: Baseline
    apart: Baseline  # the days of an open change
    journal: DayJournal[TrendDay] = field(default_factory=DayJournal)
    start: Sums = NOTHING  # the CUSUMs before the days in the journal
    entered: int = 0  # days the baseline has seen, forgotten or not
    likeness: list[float] = field(default_factory=lambda: [0.0, 0.0])  # Σ z², Σ z·z of the day before
    before: tuple[int, float] | None = None  # the newest z that left the journal
    open_since: int | None = None  # civil day on which the change was found
    is_up: bool = True
    sources: list[str] = field(default_factory=list)  # the sensors it is counted by

    @classmethod
    def of(cls, feature: Feature) -> "Trend":
        """A new one."""
        shape = SHAPES[feature]
        return cls(shape=shape, base=Baseline(spread=shape.spread), apart=Baseline(spread=shape.spread))

    @property
    def sums(self) -> Sums:
        """The CUSUMs of today, with what days of this home have in common with their neighbours taken off."""
        calm = self._calm()
        values = (None if each.z is None else each.z * calm for _, each in self.journal.entries)
        return summed(self.start, values, thresholds().highest)

    def height(self, days: float, *, up: bool) -> float:
        """How far towards a change that comes once in so many days by chance; 1 and more: found."""
        return height(self.sums, thresholds().of(days), up=up)

    def pass_day(self, day: int) -> None:
        """A civil day has come: what has stood in the journal for the guard lag counts for good."""
        for number, each in self.journal.pass_day(day):
            self.start = summed(self.start, [None if each.z is None else each.z * self._calm()], thresholds().highest)
            self._learn(each)
            self.entered += 1
            if each.z is not None:
                if self.before is not None and self.before[0] == number - 1 and self.open_since is None:
                    self.likeness = [
                        self.likeness[0] * KEEP + each.z**2,
                        self.likeness[1] * KEEP + each.z * self.before[1],
                    ]
                self.before = (number, each.z)

    def _learn(self, each: TrendDay) -> None:
        """Into the baseline; beside it while a change is open or these very days look like the beginning of one.

        Only days that nobody can take back are asked, so taking one out changes nothing that was decided.
        """
        limits = thresholds().of(SUSPECT_DAYS)
        suspect = max(height(self.start, limits, up=True), height(self.start, limits, up=False)) >= SUSPECT_HEIGHT
        if self.open_since is not None or suspect:
            self.apart.learn_one(each.x, each.day_type)
            return
        if self.apart.days:
            self.base.absorb(self.apart)
            self.apart = Baseline(spread=self.shape.spread)
        self.base.learn_one(each.x, each.day_type)

    def note(self, day: int, value: float, day_type: int) -> None:
        """Another observed day: judged by what was known before it, then kept."""
        x = self.shape.scaled(value)
        z = self.base.score_one(x, day_type) if self.entered >= FIRST_DAYS else None
        # To four decimals, which is more than a day can tell: they are saved with every snapshot.
        self.journal.add(day, TrendDay(x=round(x, 4), day_type=day_type, z=None if z is None else round(z, 4)))

    def take_out(self, day: int) -> bool:
        """Forget this day as if it had been masked. False if it is older than the guard lag, or unknown."""
        return self.journal.take_out(day)

    def becomes_normal(self) -> None:
        """The change has lasted: the past counts a quarter, the days since it was found count in full."""
        self.base.scale(OLD_COUNTS)
        self.base.absorb(self.apart)
        self.change_over()

    def change_over(self) -> None:
        """Nothing is open any more; the days of the change, if they have not become normal, are dropped."""
        self.apart = Baseline(spread=self.shape.spread)
        self.open_since = None
        self.start = NOTHING
        # The days in the journal have been told of already.
        self.journal.kept = [
            (day, TrendDay(x=each.x, day_type=each.day_type, z=None)) for day, each in self.journal.kept
        ]

    def lately(self) -> tuple[float, int]:
        """The middle of the days in the journal, on its own scale, and how many they are."""
        values = [each.x for _, each in self.journal.entries]
        return self.shape.natural(sum(values) / len(values)), len(values)

    def usual(self, day_type: int) -> float:
        """What it was before, on its own scale."""
        return self.shape.natural(self.base.predictive(day_type).mean)

    def _calm(self) -> float:
        """√((1 − ρ)/(1 + ρ)): sums of days that resemble their neighbours wander farther by chance."""
        rho = min(max(self.likeness[1] / (self.likeness[0] + _RHO_DAYS), 0.0), _LARGEST_RHO)
        return math.sqrt((1.0 - rho) / (1.0 + rho))

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "base": self.base.moments,
            "apart": self.apart.moments,
            "journal": [[day, each.x, each.day_type, each.z] for day, each in self.journal.kept],
            **{name: getattr(self, name) for name in _PLAIN},
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.base.moments, self.apart.moments = saved["base"], saved["apart"]
        self.journal.kept = [(day, TrendDay(x=x, day_type=day_type, z=z)) for day, x, day_type, z in saved["journal"]]
        for name in _PLAIN:
            setattr(self, name, saved[name])
        up, down, slow_up, slow_down = saved["start"]
        self.start = (up, down, slow_up, slow_down)
        self.before = None if saved["before"] is None else (saved["before"][0], saved["before"][1])


_PLAIN = ("start", "entered", "likeness", "before", "open_since", "is_up", "sources")

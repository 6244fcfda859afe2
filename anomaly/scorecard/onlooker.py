"""Looks on while the model runs, as one more detector: it sees what they see and says nothing.

So every method is asked about exactly the quiets that the model watches, with the same gates.
"""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np

from anomaly.clock_bins import Floats
from anomaly.detectors.detector import Known, says_nothing
from anomaly.hazard import CLOCK_STARTS
from anomaly.open_finding import Finding, OpenFinding
from anomaly.plan import Place, PlanSensor
from anomaly.scorecard.methods import Ours, QuietMethod, quiet_methods
from anomaly.scorecard.ticked import Tick, TickedMethod, ticked_methods
from anomaly.situation import CENSORED_AFTER, Quiet

Trace = tuple[Floats, Floats]  # epoch seconds, and the highest score up to then: only where it rose

TICK = 900.0  # seconds
_PROBABLY = 0.5
_NIGHT = (23.0, 6.0)  # civil hours
_RAREST = 30.0  # log N; beyond, nothing is told apart
_SAME_VISIT = 600.0  # seconds between two signs of life in the bathroom


class Onlooker:
    """Keeps what each method would have said."""

    def __init__(self, quiet: Sequence[QuietMethod], ticked: Sequence[TickedMethod], *, learns: bool = True) -> None:
        self.due = math.inf
        self.quiet, self.ticked = quiet, ticked
        self.learns = learns
        names = [*(method.name for method in quiet), *(method.name for method in ticked)]
        self.peaks: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
        self.days: list[tuple[float, float]] = []  # learnable days: their midnight, and the largest N of the day
        self.nights: list[tuple[float, float]] = []  # … and visits to the bathroom in the night that ends with it
        self.traces: dict[str, list[Trace]] | None = None  # of an incident that is being watched minute by minute
        self._lately: deque[float] = deque()  # signs of life of the last four hours
        self._unseen = -math.inf  # when nobody could be seen last
        self._top = -math.inf  # log N of the running day's rarest quiet
        self._visits, self._visit_at = 0, -math.inf

    def branch(self, *, closely: bool) -> Self:
        """One that watches an incident, minute by minute if wanted, and teaches nobody anything.

        Of weeks only our own score is kept: how far it came on each day.
        """
        ticked = [each.branched() for each in self.ticked] if closely else []
        ours = [method for method in self.quiet if isinstance(method, Ours)]
        branch = type(self)(self.quiet if closely else ours, ticked, learns=False)
        branch.due, branch._lately, branch._unseen = self.due, self._lately.copy(), self._unseen
        branch._top = self._top
        branch._visits, branch._visit_at = self._visits, self._visit_at
        if closely:
            branch.traces = {name: [] for name in self.peaks}
        return branch

    def reading(self, sensor: PlanSensor, t: float, value: float, known: Known) -> Iterator[Finding]:
        """If somebody moved, a quiet is over: how far did it come? Asked here, before the model learns from it."""
        if sensor.shows_life(value):
            quiet = known.situation.quiet
            if quiet is not None and t - quiet.began >= CLOCK_STARTS:
                self._quiet_over(quiet, t, known)
            self._lately.append(t)
            self._visited(sensor, t, known)
            if math.isinf(self.due):
                self.due = math.floor(t / TICK) * TICK + TICK
        return says_nothing()

    def _visited(self, sensor: PlanSensor, t: float, known: Known) -> None:
        if sensor.place is Place.BATHROOM:
            hour = known.situation.clock.hour(t)
            if t - self._visit_at > _SAME_VISIT and (hour >= _NIGHT[0] or hour < _NIGHT[1]):
                self._visits += 1
            self._visit_at = t

    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterator[Finding]:
        """Too late to ask: see `reading`."""
        return says_nothing()

    def _quiet_over(self, quiet: Quiet, t: float, known: Known) -> None:
        path = known.hazard.path(quiet.observed(t), quiet.place, known.situation.clock)
        if not len(path.ends):
            return
        if self.traces is not None:
            self._trace(quiet, t, known)
        is_seen = t - quiet.began - quiet.age(t) <= CENSORED_AFTER
        for method in self.quiet:
            if isinstance(method, Ours):
                top = method.top(quiet, path, known)
                if is_seen and not quiet.tainted:
                    self._top = max(self._top, top)
            else:
                top = float(method.scores(quiet, path, known).max())
            self.peaks[method.name].append((t, top))
            if is_seen and self.learns:
                method.quiet_over(quiet, path, known)

    def _trace(self, quiet: Quiet, until: float, known: Known) -> None:
        assert self.traces is not None
        path = known.hazard.path(quiet.observed(until), quiet.place, known.situation.clock)
        for method in self.quiet:
            if len(path.ends):
                self.traces[method.name].append(rises(path.ends, method.scores(quiet, path, known)))

    def traces_until(self, t: float, known: Known) -> dict[str, Trace]:
        """What each method had come to, up to this instant; the running quiet included."""
        assert self.traces is not None
        if known.situation.quiet is not None:
            self._trace(known.situation.quiet, t, known)
        nothing = [(np.zeros(0), np.zeros(0))]
        return {
            name: rises(*(np.concatenate(parts) for parts in zip(*(found or nothing), strict=True)))
            for name, found in self.traces.items()
        }

    def changed(self, t: float, known: Known) -> Iterator[Finding]:
        """A quiet keeps account of what could be seen; an hour does not."""
        if known.situation.watching:
            self._unseen = t
        return says_nothing()

    def look(self, t: float, known: Known) -> Iterator[Finding]:
        """Another quarter hour is over."""
        self.due = t + TICK
        situation = known.situation
        while self._lately and self._lately[0] <= t - 4 * 3600.0:
            self._lately.popleft()
        quiet = situation.quiet
        if not situation.watching or t - self._unseen < 3600.0 or quiet is None or quiet.out >= _PROBABLY:
            return says_nothing()
        tick = Tick(
            at=t,
            hour=situation.clock.hour(t),
            last_hour=sum(at > t - 3600.0 for at in self._lately),
            last_four_hours=len(self._lately),
            quiet_hours=quiet.age(t) / 3600.0,
        )
        for method in self.ticked:
            score = method.score(tick)
            if score is not None:
                self.peaks[method.name].append((t, score))
                if self.traces is not None:
                    self.traces[method.name].append((np.array([t]), np.array([score])))
        return says_nothing()

    def day_over(self, midnight: float, known: Known, *, learnable: bool) -> None:
        """Everybody learns, or nobody."""
        if learnable:
            self.days.append((midnight, math.exp(min(self._top, _RAREST))))
            self.nights.append((midnight, float(self._visits)))
        self._top, self._visits = -math.inf, 0
        if self.learns:
            for method in self.quiet:
                method.day_over(learnable=learnable)
            for ticked in self.ticked:
                ticked.day_over(learnable=learnable)

    def held(self) -> list[OpenFinding]:
        """Nothing, ever."""
        return []

    def saved(self) -> dict[str, Any]:
        """It is not part of the model's state."""
        return {}

    def restore(self, saved: dict[str, Any]) -> None:
        """It is not part of the model's state."""


def fresh_onlooker() -> Onlooker:
    """With every method, knowing nothing yet."""
    return Onlooker(quiet_methods(), ticked_methods())


def rises(at: Floats, scores: Floats) -> Trace:
    """Only the instants at which a score was higher than ever before."""
    if not len(scores):
        return np.zeros(0), np.zeros(0)
    highest = np.maximum.accumulate(scores)
    kept = np.concatenate(([True], highest[1:] > highest[:-1]))
    return at[kept], highest[kept]

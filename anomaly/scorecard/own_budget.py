"""Single detectors at false-alert budgets of their own, beside those that are shipped and on the same rows.

The service shares one budget among its detectors, so a detector cannot be judged at "one false alert in 30 days" from
what the service says. Here further instances of it look on with other limits; they learn as the shipped ones do, from
what they themselves have said. Nothing of theirs reaches anybody.
"""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from anomaly.clock_bins import QUARTER
from anomaly.detectors.detector import Detector, Known, Pupil, heeds, says_nothing
from anomaly.detectors.dwell import Dwell
from anomaly.detectors.not_up import NotUp
from anomaly.governor import Governor
from anomaly.open_finding import Finding, OpenFinding
from anomaly.plan import HomePlan, Limits, PlanSensor
from anomaly.situation import Quiet

NIGHT, NOT_UP = "night bathroom", "not up"
# From what the issue asks for, or half, to several times that: what is promised and what comes of it are two things.
_NIGHT_A_MONTH, _NOT_UP_A_MONTH = (0.25, 0.5, 1.0, 2.0), (1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One detector with one limit."""

    detector: str
    nominal_a_month: float  # of false alerts
    limits: Limits
    make: Callable[[], Detector]

    @property
    def name(self) -> str:
        """As it stands in the results."""
        return f"{self.detector} at {self.nominal_a_month:g}"


def points(limits: Limits) -> list[Point]:
    """Those that are tried: with a bed sensor one false alert in 60 nights is wanted, of the morning one in 30."""
    return [
        *(
            Point(
                detector=NIGHT,
                nominal_a_month=often,
                # Half of what `dwell` may tell is about being out of bed, half about stays in rooms.
                limits=replace(limits, false_dwell_a_month=2.0 * often),
                make=Dwell,
            )
            for often in _NIGHT_A_MONTH
        ),
        *(
            Point(
                detector=NOT_UP,
                nominal_a_month=often,
                limits=replace(limits, false_not_up_a_month=often),
                make=NotUp,
            )
            for often in _NOT_UP_A_MONTH
        ),
    ]


@dataclass(slots=True, kw_only=True)
class _KnownAt(Known):
    """The same home with other limits."""

    own_plan: HomePlan

    @property
    def plan(self) -> HomePlan:
        """The home as it was described, but for the limits."""
        return self.own_plan


class AtOwnBudgets:
    """Looks on as one more detector of the model."""

    def __init__(self, tried: list[Point]) -> None:
        self.due = math.inf
        self.points = tried
        self.detectors = [point.make() for point in tried]
        self.told: list[list[Finding]] = [[] for _ in tried]
        self.governors = [Governor() for _ in tried]
        self._accounted = [0 for _ in tried]  # of what they told: so much has their governor heard of
        self._known: list[Known] = []
        self._readers = [i for i, detector in enumerate(self.detectors) if heeds(detector, "reading")]
        self._listeners = [i for i, detector in enumerate(self.detectors) if heeds(detector, "life")]

    def branch(self) -> Self:
        """One that goes on from here with another story."""
        branch = type(self)(self.points)
        branch.detectors = [copy.deepcopy(detector) for detector in self.detectors]
        branch.governors = copy.deepcopy(self.governors)
        branch.due = self.due
        return branch

    def open_findings(self) -> list[list[OpenFinding]]:
        """What each of them holds just now."""
        return [detector.held() for detector in self.detectors]

    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterator[Finding]:
        """Somebody moved."""
        seen = self._seen(known)
        for i in self._listeners:
            self.told[i] += self.detectors[i].life(sensor, t, before, seen[i])
        return self._looked()

    def reading(self, sensor: PlanSensor, t: float, value: float, known: Known) -> Iterator[Finding]:
        """Any sensor said anything."""
        seen = self._seen(known)
        for i in self._readers:
            self.told[i] += self.detectors[i].reading(sensor, t, value, seen[i])
        return self._looked()

    def changed(self, t: float, known: Known) -> Iterator[Finding]:
        """The view came or went."""
        for i, (detector, seen) in enumerate(zip(self.detectors, self._seen(known), strict=True)):
            self.told[i] += detector.changed(t, seen)
        return self._looked()

    def look(self, t: float, known: Known) -> Iterator[Finding]:
        """One of them wanted to look now."""
        for i, (detector, seen) in enumerate(zip(self.detectors, self._seen(known), strict=True)):
            if detector.due <= t:
                self.told[i] += detector.look(t, seen)
        return self._looked()

    def day_over(self, midnight: float, known: Known, *, learnable: bool) -> None:
        """They learn as the shipped ones do, each with its own governor."""
        day = known.situation.clock.at(midnight - QUARTER)[2]
        for i, (detector, seen) in enumerate(zip(self.detectors, self._seen(known), strict=True)):
            detector.day_over(midnight, seen, learnable=learnable)
            if learnable and isinstance(detector, Pupil) and detector.lesson is not None:
                detector.learn_day(detector.lesson)
            self.governors[i].note(self.told[i][self._accounted[i] :])
            self._accounted[i] = len(self.told[i])
            self.governors[i].day_over(day, self.points[i].limits, frozenset(), is_observed=learnable)
        self._looked()
        self._known = []  # what is plain in `known` is about to change

    def held(self) -> list[OpenFinding]:
        """Nothing that anybody would be told."""
        return []

    def saved(self) -> dict[str, Any]:
        """It is not part of the model's state."""
        return {}

    def restore(self, saved: dict[str, Any]) -> None:
        """It is not part of the model's state."""

    def _looked(self) -> Iterator[Finding]:
        self.due = min(detector.due for detector in self.detectors)
        return says_nothing()

    def _seen(self, known: Known) -> list[Known]:
        if not self._known:
            same = {each.name: getattr(known, each.name) for each in fields(Known)}
            self._known = [_KnownAt(**same, own_plan=replace(known.plan, limits=point.limits)) for point in self.points]
        return self._known

"""Keeps the account of a home's nights for those who judge them: not to bed, up at night, gradual. Says nothing."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from anomaly.detectors.detector import Known, says_nothing, unheeded
from anomaly.nights import Nights
from anomaly.open_finding import Finding, OpenFinding, next_minute
from anomaly.plan import PlanSensor
from anomaly.situation import Quiet


class NightWatch:
    """Feeds the one account that the others read; stands before them in the family."""

    def __init__(self, nights: Nights) -> None:
        self.due = math.inf
        self.nights = nights

    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterable[Finding]:
        """Somebody moved."""
        self.nights.life(sensor, t, before, known.situation)
        if math.isinf(self.due):
            self._wait()
        return ()

    @unheeded
    def reading(self, sensor: PlanSensor, t: float, value: float, known: Known) -> Iterator[Finding]:
        """Nothing to say: see `Detector`."""
        return says_nothing()

    def changed(self, t: float, known: Known) -> Iterator[Finding]:
        """The view came or went."""
        self.nights.changed(t, known.situation)
        self._wait()
        return says_nothing()

    def look(self, t: float, known: Known) -> Iterator[Finding]:
        """Noon: another night."""
        self.nights.turn(t, known.situation)
        self._wait()
        return says_nothing()

    def _wait(self) -> None:
        self.due = math.inf if self.nights.night is None else next_minute(self.nights.night.noon)

    def day_over(self, midnight: float, known: Known, *, learnable: bool) -> None:
        """Nothing is learned here."""

    def held(self) -> list[OpenFinding]:
        """Nothing, ever."""
        return []

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {"due": self.due, **self.nights.saved()}

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.due = saved["due"]
        self.nights.restore(saved)

"""The hub has not been heard from: a fault for technicians, by the clock alone."""

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from anomaly import explain
from anomaly.detectors.detector import Known, says_nothing, unheeded
from anomaly.open_finding import Finding, OpenFinding, next_minute
from anomaly.plan import PlanSensor
from anomaly.situation import Quiet
from store.deviation import Grade
from store.fault import FaultKind

_SILENT_AFTER = 1800.0  # seconds, or three missed check-ins if that is longer


class HubSilence:
    """Watches the hub of one home."""

    def __init__(self) -> None:
        self.due = math.inf
        self.open: OpenFinding | None = None

    @unheeded
    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterator[Finding]:
        """Only its own word counts as a sign of the hub."""
        yield from ()

    @unheeded
    def reading(self, sensor: PlanSensor, t: float, value: float, known: Known) -> Iterator[Finding]:
        """Nothing to say: see `Detector`."""
        return says_nothing()

    def changed(self, t: float, known: Known) -> Iterator[Finding]:
        """It spoke, or its time ran out."""
        heard = known.situation.last_check_in
        if heard is None or known.plan.always_observed:
            self.due = math.inf
            return
        if self.open is not None and heard > self.open.started and known.situation.covered_until > t:
            yield self.open.finding(known.plan, ended=heard)
            self.open = None
        if self.open is None:
            self.due = max(next_minute(self._deadline(heard, known)), next_minute(t))

    def look(self, t: float, known: Known) -> Iterator[Finding]:
        """Say it."""
        self.due = math.inf
        heard = known.situation.last_check_in
        if heard is None or self.open is not None:
            return
        if t < self._deadline(heard, known):  # it has spoken since
            self.due = next_minute(self._deadline(heard, known))
            return
        since = explain.clock_time(heard, known.plan.zone, seen_from=t)
        self.open = OpenFinding(
            kind=FaultKind.HUB_SILENT,
            grade=Grade.ATTENTION,
            raised=t,
            started=heard,
            explanation=f"The hub has not been heard from for {explain.duration(t - heard)}, since {since}.",
            evidence={"silent_minutes": round((t - heard) / 60)},
        )
        yield self.open.finding(known.plan)

    def _deadline(self, heard: float, known: Known) -> float:
        return heard + max(_SILENT_AFTER, known.plan.covered_seconds)

    def day_over(self, midnight: float, known: Known, *, learnable: bool) -> None:
        """Nothing is learned here."""

    def held(self) -> list[OpenFinding]:
        """What is unusual just now."""
        return [] if self.open is None else [self.open]

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {"due": self.due, "open": None if self.open is None else asdict(self.open)}

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.due = saved["due"]
        self.open = None if saved["open"] is None else OpenFinding(**saved["open"])

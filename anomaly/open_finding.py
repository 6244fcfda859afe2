"""A finding that is still going on, as the detectors hold it, and what it becomes for everybody else."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from anomaly.plan import HomePlan
from store.deviation import Deviation, DeviationKind, Grade, finding_id
from store.fault import Fault, FaultKind

Finding = Deviation | Fault


@dataclass(slots=True, kw_only=True)
class OpenFinding:
    """One finding in one of its grades. Plain values, so that it can be saved as JSON."""

    kind: str
    grade: str
    raised: float  # epoch seconds
    started: float
    explanation: str
    once_in_days: float | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    sensor: str | None = None  # for faults of one sensor

    def finding(self, plan: HomePlan, *, ended: float | None = None) -> Finding:
        """What is written down."""
        ended_at = None if ended is None else instant(ended)
        started_at = instant(self.started)
        if self.kind in _FAULTS:
            name = self.kind if self.sensor is None else f"{self.kind}/{self.sensor}"
            ids = {sensor.code: sensor.id for sensor in plan.sensors}
            return Fault(
                id=finding_id(plan.code, name, started_at),
                home_id=plan.home_id,
                sensor_id=ids.get(self.sensor) if self.sensor else None,
                kind=FaultKind(self.kind),
                grade=Grade(self.grade),
                raised_at=instant(self.raised),
                started_at=started_at,
                ended_at=ended_at,
                explanation=self.explanation,
                evidence=self.evidence,
            )
        # Several figures may change on one day: each is a finding of its own.
        kind = f"{self.kind}/{self.evidence['feature']}" if "feature" in self.evidence else self.kind
        return Deviation(
            id=finding_id(plan.code, kind, started_at),
            home_id=plan.home_id,
            kind=DeviationKind(self.kind),
            grade=Grade(self.grade),
            raised_at=instant(self.raised),
            started_at=started_at,
            ended_at=ended_at,
            once_in_days=self.once_in_days,
            explanation=self.explanation,
            evidence=self.evidence,
        )


_FAULTS = set(FaultKind)


def instant(t: float) -> datetime:
    """Aware, UTC."""
    return datetime.fromtimestamp(t, UTC)


def next_minute(t: float) -> float:
    """The first full minute at or after this instant: when something may be said."""
    return -(-t // 60.0) * 60.0

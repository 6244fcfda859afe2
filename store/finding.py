"""Findings as JSON: the same words from `telecare replay` and from the API."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from store.deviation import Deviation
from store.fault import Fault


def finding_json(finding: Deviation | Fault, zone: ZoneInfo) -> dict[str, Any]:
    """One finding as an object of `interfaces.md`; times carry the home's offset."""

    def local(at: datetime | None) -> str | None:
        return None if at is None else at.astimezone(zone).isoformat()

    found: dict[str, Any] = {
        "id": str(finding.id),
        "type": "deviation" if isinstance(finding, Deviation) else "fault",
        "kind": str(finding.kind),
        "grade": str(finding.grade),
        "raised_at": local(finding.raised_at),
        "started_at": local(finding.started_at),
        "ended_at": local(finding.ended_at),
        "once_in_days": finding.once_in_days if isinstance(finding, Deviation) else None,
        "explanation": finding.explanation,
        "evidence": finding.evidence,
    }
    for name in ("feature", "direction"):  # gradual changes say which figure moved, and which way
        if name in finding.evidence:
            found[name] = finding.evidence[name]
    return found

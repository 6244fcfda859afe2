"""Every false finding and every incident of a home as JSON lines, for whoever works on a detector."""

import json
import math
from collections.abc import Iterator
from typing import Any

from anomaly.scorecard import figures
from anomaly.scorecard.incidents import instant
from anomaly.scorecard.trial import HomeResult, Told


def details(home: HomeResult) -> Iterator[str]:
    """First what was told in the clean period, then what came of each incident and of each technical twin."""
    false = {told.id for told in figures.false_told(home)}
    for told in home.told:
        yield _line(home=home.code, what="clean", false=told.id in false and told.reaches_people, **_told(told))
    for outcome in home.outcomes:
        delay = figures.delay_told(outcome) if outcome.twin is None else math.inf
        yield _line(
            home=home.code,
            what=str(outcome.incident.kind),
            twin=None if outcome.twin is None else str(outcome.twin),
            part=outcome.incident.part,
            place=outcome.incident.place,
            at=instant(outcome.incident.at).isoformat(timespec="seconds"),
            told_after_minutes=round(delay, 1) if math.isfinite(delay) else None,
            mistaken=[told.kind for told in figures.mistaken(home, outcome)] if outcome.twin is not None else [],
            told=[_told(told) for told in outcome.told],
            told_before=[told.kind for told in outcome.open_before],
        )


def _told(told: Told) -> dict[str, Any]:
    return {
        "kind": told.kind,
        "grade": told.grade,
        "raised_at": instant(told.at).isoformat(timespec="seconds"),
        "once_in_days": told.once_in_days,
        "explanation": told.explanation,
        **({"feature": told.feature} if told.feature else {}),
        **({"unable_to_verify": True} if told.unable_to_verify else {}),
    }


def _line(**values: Any) -> str:
    return json.dumps(values, ensure_ascii=False)

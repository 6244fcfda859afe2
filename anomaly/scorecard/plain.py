"""Figures as plain values for JSON; null for what is not known or never came."""

import math
from typing import Any

from anomaly.scorecard.figures import Calibration, Delays
from anomaly.scorecard.intervals import Estimate


def as_json(value: Estimate | Delays | Calibration) -> Any:
    """Plain values."""
    if isinstance(value, Estimate):
        return {"value": number(value.value), "low": number(value.low), "high": number(value.high)}
    if isinstance(value, Calibration):
        return {
            "nominal_days": value.nominal_days,
            "days": value.days,
            "exceeded": value.exceeded,
            "ratio": as_json(value.ratio),
            "would_show_a_quarter_off": value.would_show,
        }
    return {
        "incidents": value.incidents,
        **{f"within_{hours}_h": as_json(share) for hours, share in value.within.items()},
        "median_minutes": as_json(value.median),
        "p90_minutes": as_json(value.p90),
    }


def number(value: float) -> float | None:
    """Rounded; null if it is not finite."""
    return round(value, 4) if math.isfinite(value) else None

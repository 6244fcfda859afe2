"""The scorecard of one set of homes: every figure that is printed, as plain values."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from anomaly.clock_bins import Floats
from anomaly.plan import Limits
from anomaly.scorecard import figures
from anomaly.scorecard.figures import BUDGETS, MONTH, NOMINAL_DAYS, Calibration, Delays, Estimate
from anomaly.scorecard.incidents import IncidentKind, Twin
from anomaly.scorecard.slow import simple_methods
from anomaly.scorecard.trial import HomeResult, Outcome

OURS = "telecare"
CURVE_BUDGETS = (0.1, 0.2, 0.33, 0.5, 1.0, 2.0, 4.0)  # false alerts a home-month
CURVE_DAYS = (5, 10, 20, 30, 60, 90, 180)
GRADUAL_DAYS = 28
_BUDGET_OF = {  # which limit a kind of finding shares
    "inactivity": "inactivity", "dwell": "dwell", "not_up": "not_up", "late_kitchen": "not_up", "not_to_bed": "not_up",
    "not_returned": "not_returned", "up_at_night": "up_at_night", "door_at_night": "door_at_night",
    "gradual": "gradual",
}  # fmt: skip
FIXED = "fixed limit"
Fits = Callable[[HomeResult, Outcome], bool]


def _of(kind: IncidentKind, *, bed: bool | None = None) -> Fits:
    return lambda home, o: o.incident.kind is kind and (bed is None or home.has_bed_sensor == bed)


GROUPS: dict[str, Fits] = {
    "collapse by day": _of(IncidentKind.COLLAPSE),
    "night bathroom, with a bed sensor": _of(IncidentKind.NIGHT_BATHROOM, bed=True),
    "night bathroom, without": _of(IncidentKind.NIGHT_BATHROOM, bed=False),
    "not up": _of(IncidentKind.NOT_UP),
    "not returned": _of(IncidentKind.NOT_RETURNED),
}
OTHER_GROUPS: dict[str, Fits] = {
    "up at night": _of(IncidentKind.UP_AT_NIGHT),
    "door at night": _of(IncidentKind.DOOR_AT_NIGHT),
}


def scorecard(homes: Sequence[HomeResult]) -> dict[str, Any]:
    """Everything, ready for JSON."""
    seen = [home for home in homes if home.days]
    return {
        "homes": len(homes),
        "home_days": round(sum(home.days for home in homes), 1),
        "warm_up_days": sorted({round(home.warm_up_days, 1) for home in homes}),
        "incidents": sum(o.twin is None and not o.incident.kind.is_gradual for home in homes for o in home.outcomes),
        "technical": technical(homes),
        "false_alerts": false_alerts(seen),
        "calibration": [as_json(figures.calibration([home.daily_once for home in seen], n)) for n in NOMINAL_DAYS],
        "service": {name: _group(seen, fits, figures.delay_told) for name, fits in {**GROUPS, **OTHER_GROUPS}.items()},
        "not_up_after_usual": as_json(figures.delays(_after_usual(seen))),
        "methods": methods(seen),
        "curves": curves(seen),
        "calibration_curve": [
            as_json(figures.calibration([home.daily_once for home in seen], days)) for days in CURVE_DAYS
        ],
        "gradual": gradual(seen),
        "seconds": round(sum(home.seconds for home in homes), 1),
    }


def false_alerts(homes: Sequence[HomeResult]) -> dict[str, Any]:
    """Of the whole service as shipped: everything that reached people in the clean periods."""
    told = [figures.false_told(home) for home in homes]
    rates = np.array([len(each) * MONTH / home.days for each, home in zip(told, homes, strict=True)])
    days = _total_days(homes)
    kinds = sorted({each.kind for home in told for each in home})
    parts = [np.array([[float(len(each)), home.days]]) for each, home in zip(told, homes, strict=True)]
    mean = figures.bootstrapped(parts, lambda both: float(both[:, 0].sum() / both[:, 1].sum() * MONTH))
    worst = figures.bootstrapped([np.array([rate]) for rate in rates], lambda r: float(np.quantile(r, 0.9)))
    return {
        "a_home_month": as_json(mean),
        "nine_homes_in_ten_below": as_json(worst),
        "most": round(float(rates.max()), 2) if len(rates) else None,
        "by_kind_a_home_month": {
            kind: round(sum(t.kind == kind for home in told for t in home) * MONTH / days, 3) for kind in kinds
        },
        "budget_by_limit": {
            name: getattr(Limits(), f"false_{name}_a_month") for name in sorted(set(_BUDGET_OF.values()))
        },
        "by_limit_a_home_month": {
            name: round(sum(_BUDGET_OF.get(t.kind) == name for home in told for t in home) * MONTH / days, 3)
            for name in sorted(set(_BUDGET_OF.values()))
        },
        "of_homes": {home.code: round(float(rate), 2) for home, rate in zip(homes, rates, strict=True)},
    }


def methods(homes: Sequence[HomeResult]) -> list[dict[str, Any]]:
    """Ours untuned at each budget, then every method with one threshold tuned in hindsight, then the fixed limits."""
    rows: list[tuple[str, str, float | None, float]] = [
        (f"{OURS}, untuned", OURS, budget, MONTH / budget) for budget in BUDGETS
    ]
    names = sorted({name for home in homes for name in home.peaks})
    rows += [
        (f"{name}, in hindsight", name, budget, figures.hindsight_threshold(homes, name, budget))
        for name in names
        for budget in BUDGETS
    ]
    rows += [(f"fixed {hours} h", FIXED, None, float(hours)) for hours in (8, 12) if FIXED in names]
    return [_method(homes, *row) for row in rows]


def curves(homes: Sequence[HomeResult]) -> list[dict[str, Any]]:
    """Delay of collapses by day against false alerts, every method in hindsight: for the picture."""
    fits = GROUPS["collapse by day"]
    outcomes = [o for home in homes for o in home.outcomes if o.twin is None and fits(home, o)]
    found = []
    for name in sorted({name for home in homes for name in home.peaks}):
        for budget in CURVE_BUDGETS:
            threshold = figures.hindsight_threshold(homes, name, budget)
            minutes = np.array([figures.delay_at(o, name, threshold) for o in outcomes])
            rate = sum(figures.alerts_over(h.peaks[name], threshold) for h in homes) * MONTH / _total_days(homes)
            if len(minutes):
                found.append(
                    {
                        "method": name,
                        "budget": budget,
                        "false_a_home_month": round(rate, 3),
                        "median_minutes": _number(figures.percentile(minutes, 50.0)),
                        "p90_minutes": _number(figures.percentile(minutes, 90.0)),
                    }
                )
    return found


def _total_days(homes: Sequence[HomeResult]) -> float:
    return max(1e-9, sum(home.days for home in homes))


def _method(
    homes: Sequence[HomeResult], label: str, method: str, budget: float | None, threshold: float
) -> dict[str, Any]:
    rates = figures.rate_over(homes, method, threshold)
    found = sum(figures.alerts_over(home.peaks[method], threshold) for home in homes)
    mistaken = sum(
        len(o.traces[method][1]) > 0 and float(o.traces[method][1][-1]) >= threshold
        for home in homes
        for o in home.outcomes
        if o.twin is not None and method in o.traces
    )
    return {
        "method": label,
        "budget": budget,
        "threshold": _number(threshold),
        "false_a_home_month": round(found * MONTH / _total_days(homes), 3),
        "nine_homes_in_ten_below": round(float(np.quantile(rates, 0.9)), 2) if len(rates) else None,
        "technical_alerts": mistaken,
        "groups": {
            name: _group(homes, fits, lambda o: figures.delay_at(o, method, threshold)) for name, fits in GROUPS.items()
        },
    }


def _after_usual(homes: Sequence[HomeResult]) -> list[Floats]:
    """Minutes after the usual getting up at which people were told that somebody is not up; early is negative."""
    found = [
        [
            figures.delay_told(o) + (o.incident.at - o.usually_up) / 60.0
            for o in figures.incidents_of(home, IncidentKind.NOT_UP)
            if o.usually_up is not None
        ]
        for home in homes
    ]
    return [np.array(each, dtype=np.float64) for each in found]


def _group(homes: Sequence[HomeResult], fits: Fits, delay: Callable[[Outcome], float]) -> dict[str, Any]:
    parts = [
        np.array([delay(o) for o in home.outcomes if o.twin is None and fits(home, o)], dtype=np.float64)
        for home in homes
    ]
    return dict(as_json(figures.delays(parts)))


def technical(homes: Sequence[HomeResult]) -> dict[str, Any]:
    """Twins, and how many of them the service reported as a resident who is not there or cannot move."""
    found: dict[str, Any] = {}
    for twin in Twin:
        outcomes = [(home, o) for home in homes for o in home.outcomes if o.twin is twin]
        wrong = [told for home, o in outcomes for told in figures.mistaken(home, o)]
        cases = sum(bool(figures.mistaken(home, o)) for home, o in outcomes)
        found[str(twin)] = {
            "incidents": len(outcomes),
            "mistaken": cases,
            "kinds": {kind: sum(told.kind == kind for told in wrong) for kind in sorted({t.kind for t in wrong})},
        }
    return found


def gradual(homes: Sequence[HomeResult]) -> dict[str, Any]:
    """Days until somebody was told of a slow change, injected or the home's own."""
    found: dict[str, Any] = {}
    for kind in (IncidentKind.NIGHT_VISITS, IncidentKind.LATER):
        parts = [
            np.array([figures.delay_told(o) / 1440.0 for o in figures.incidents_of(home, kind)], dtype=np.float64)
            for home in homes
        ]
        found[str(kind)] = _days(parts)
    for name, parts in simple_methods(homes).items():
        found[f"{IncidentKind.NIGHT_VISITS}, {name} in hindsight"] = _days(parts)
    own = {change.kind for home in homes for change in home.changes}
    for name in sorted(own):
        parts = [
            np.array([_own_delay(home, c.begins) for c in home.changes if c.kind == name], dtype=np.float64)
            for home in homes
        ]
        found[f"own: {name}"] = _days(parts)
    return found


def _own_delay(home: HomeResult, began: float) -> float:
    at = [told.at for told in home.told if told.reaches_people and told.kind == "gradual" and told.at >= began]
    return (min(at) - began) / 86400.0 if at else math.inf


def _days(parts: Sequence[Floats]) -> dict[str, Any]:
    return {
        "homes": sum(len(part) for part in parts),
        "within_5_days": as_json(figures.bootstrapped(parts, lambda d: float((d <= 5.0).mean()))),
        "within_14_days": as_json(figures.bootstrapped(parts, lambda d: float((d <= 14.0).mean()))),
        "found_by_day": [
            round(float(np.mean(np.concatenate(parts) <= day)), 4) if any(len(p) for p in parts) else None
            for day in range(1, GRADUAL_DAYS + 1)
        ],
        "median_days": as_json(figures.bootstrapped(parts, lambda d: figures.percentile(d, 50.0))),
    }


def as_json(value: Estimate | Delays | Calibration) -> Any:
    """Plain values; null for what is not known or never came."""
    if isinstance(value, Estimate):
        return {"value": _number(value.value), "low": _number(value.low), "high": _number(value.high)}
    if isinstance(value, Calibration):
        return {
            "nominal_days": value.nominal_days,
            "days": value.days,
            "exceeded": value.exceeded,
            "ratio": as_json(value.ratio),
            "is_right": value.is_right,
            "would_show_a_quarter_off": value.would_show,
        }
    return {
        "incidents": value.incidents,
        **{f"within_{hours}_h": as_json(share) for hours, share in value.within.items()},
        "median_minutes": as_json(value.median),
        "p90_minutes": as_json(value.p90),
    }


def _number(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None

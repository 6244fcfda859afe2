"""The scorecard of one set of homes: every figure that is printed, as plain values."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from anomaly.clock_bins import Floats
from anomaly.plan import Limits
from anomaly.scorecard import figures, intervals
from anomaly.scorecard.figures import BUDGETS, MONTH, NOMINAL_DAYS
from anomaly.scorecard.incidents import IncidentKind, Twin
from anomaly.scorecard.intervals import Estimate
from anomaly.scorecard.own_points import own_points
from anomaly.scorecard.plain import as_json, number
from anomaly.scorecard.slow import after_a_shift, gradual
from anomaly.scorecard.trial import HomeResult, Outcome

OURS = "telecare"
CURVE_BUDGETS = (0.1, 0.2, 0.33, 0.5, 1.0, 2.0, 4.0)  # false alerts a home-month
CURVE_DAYS = (5, 10, 20, 30, 60, 90, 180)
_BUDGET_OF = {  # which limit a kind of finding shares
    "inactivity": "inactivity", "dwell": "dwell", "not_up": "not_up", "late_kitchen": "late_kitchen",
    "not_to_bed": "not_to_bed", "not_returned": "not_returned", "up_at_night": "up_at_night",
    "door_at_night": "door_at_night", "gradual": "gradual",
}  # fmt: skip
FIXED = "fixed limit"
Fits = Callable[[HomeResult, Outcome], bool]


def _of(kind: IncidentKind, *, bed: bool | None = None, alone: bool = True) -> Fits:
    return lambda home, o: (
        o.incident.kind is kind and (bed is None or home.has_bed_sensor == bed) and (home.residents == 1) == alone
    )


BY_DAY = "collapse by day"
GROUPS: dict[str, Fits] = {
    BY_DAY: _of(IncidentKind.COLLAPSE),
    "night bathroom, with a bed sensor": _of(IncidentKind.NIGHT_BATHROOM, bed=True),
    "night bathroom, without": _of(IncidentKind.NIGHT_BATHROOM, bed=False),
    "not up": _of(IncidentKind.NOT_UP),
    "not returned": _of(IncidentKind.NOT_RETURNED),
}
OTHER_GROUPS: dict[str, Fits] = {
    "collapse of both in a home of two": _of(IncidentKind.COLLAPSE, alone=False),
    "up at night": _of(IncidentKind.UP_AT_NIGHT),
    "door at night": _of(IncidentKind.DOOR_AT_NIGHT),
}


def scorecard(homes: Sequence[HomeResult]) -> dict[str, Any]:
    """Everything, ready for JSON."""
    seen = [home for home in homes if home.days]
    return {
        "homes": len(homes),
        "homes_of_two": sum(home.residents > 1 for home in homes),
        "cannot_be_judged": [home.code for home in homes if not home.days],
        "home_days": round(sum(home.days for home in homes), 1),
        "warm_up_days": sorted({round(home.warm_up_days, 1) for home in homes}),
        "incidents": sum(o.twin is None and not o.incident.kind.is_gradual for home in homes for o in home.outcomes),
        "technical": technical(homes),
        "false_alerts": false_alerts(seen),
        "calibration": [as_json(figures.calibration([home.daily_once for home in seen], n)) for n in NOMINAL_DAYS],
        "service": {name: _group(seen, fits, figures.delay_told) for name, fits in {**GROUPS, **OTHER_GROUPS}.items()},
        "own_budgets": own_points(seen),
        "methods": methods(seen),
        "p90_beside_alert_line": as_json(p90_beside(seen, "alert line", 1.0)),
        "curves": curves(seen),
        "calibration_curve": [
            as_json(figures.calibration([home.daily_once for home in seen], days)) for days in CURVE_DAYS
        ],
        "gradual": gradual(seen),
        "after_a_shift": after_a_shift(seen),
        "seconds": round(sum(home.seconds for home in homes), 1),
    }


def false_alerts(homes: Sequence[HomeResult]) -> dict[str, Any]:
    """Of the whole service as shipped: everything that reached people in the clean periods."""
    told = [figures.false_told(home) for home in homes]
    exposed = [home.days / MONTH for home in homes]
    rates = np.array([len(each) / months for each, months in zip(told, exposed, strict=True)])
    kinds = sorted({each.kind for home in told for each in home})

    def rate(counts: Sequence[float]) -> Any:
        return as_json(intervals.rate(counts, exposed))

    def of_kinds(wanted: set[str]) -> Any:
        return rate([float(sum(t.kind in wanted for t in home)) for home in told])

    parts = [np.array([each]) for each in rates]
    tenth, most = intervals.drawn(parts, [figures.worst_tenth, lambda r: float(np.quantile(r, 0.9))])
    limits = sorted(set(_BUDGET_OF.values()))
    return {
        "a_home_month": rate([float(len(each)) for each in told]),
        "calls_a_home_month": rate([float(figures.episodes([t.at for t in each])) for each in told]),
        "worst_tenth": as_json(tenth),
        "nine_homes_in_ten_below": as_json(most),
        "most": round(float(rates.max()), 2) if len(rates) else None,
        "by_kind_a_home_month": {kind: of_kinds({kind}) for kind in kinds},
        "budget_by_limit": {name: getattr(Limits(), f"false_{name}_a_month") for name in limits},
        "by_limit_a_home_month": {
            name: of_kinds({kind for kind, limit in _BUDGET_OF.items() if limit == name}) for name in limits
        },
        "of_homes": {home.code: round(float(rate), 2) for home, rate in zip(homes, rates, strict=True)},
    }


def methods(homes: Sequence[HomeResult]) -> list[dict[str, Any]]:
    """Ours untuned at each budget, then every method with one threshold tuned in hindsight, then the fixed limits."""
    names = sorted({name for home in homes for name in home.peaks})
    rows: list[tuple[str, str, float | None, float]] = [
        (f"{OURS}, untuned", OURS, budget, math.log(MONTH / budget)) for budget in BUDGETS if OURS in names
    ]
    rows += [
        (f"{name}, in hindsight", name, budget, figures.hindsight_threshold(homes, name, budget))
        for name in names
        for budget in BUDGETS
    ]
    rows += [(f"fixed {hours} h", FIXED, None, float(hours)) for hours in (8, 12) if FIXED in names]
    return [_method(homes, *row) for row in rows]


def curves(homes: Sequence[HomeResult]) -> list[dict[str, Any]]:
    """Delay of collapses by day against false alerts, every method in hindsight: for the picture."""
    fits = GROUPS[BY_DAY]
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
                        "median_minutes": number(intervals.percentile(minutes, 50.0)),
                        "p90_minutes": number(intervals.percentile(minutes, 90.0)),
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
        len(o.traces[method][1]) > 0
        and float(o.traces[method][1][-1]) >= threshold
        and not _alerts_anyway(home, method, threshold, o.incident.at)
        for home in homes
        for o in home.outcomes
        if o.twin is not None and method in o.traces
    )
    return {
        "method": label,
        "budget": budget,
        "threshold": number(threshold),
        "false_a_home_month": round(found * MONTH / _total_days(homes), 3),
        "nine_homes_in_ten_below": round(float(np.quantile(rates, 0.9)), 2) if len(rates) else None,
        "technical_alerts": mistaken,
        "groups": {
            name: _group(homes, fits, lambda o: figures.delay_at(o, method, threshold)) for name, fits in GROUPS.items()
        },
    }


def _alerts_anyway(home: HomeResult, method: str, threshold: float, at: float) -> bool:
    """Would this method have alerted on that day though nothing failed?"""
    peaks = home.peaks[method]
    near = (peaks[:, 0] > at - figures.EPISODE) & (peaks[:, 0] < at + 86400.0 + figures.EPISODE)
    return bool((peaks[near, 1] >= threshold).any())


def p90_beside(homes: Sequence[HomeResult], other: str, budget: float) -> Estimate:
    """Our 90th percentile of the delay of a collapse by day over theirs, both in hindsight at the same budget."""
    names = (OURS, other)
    if not all(name in home.peaks for home in homes for name in names):
        return intervals.UNKNOWN
    thresholds = [figures.hindsight_threshold(homes, name, budget) for name in names]
    parts = [
        np.array(
            [
                [figures.delay_at(o, name, threshold) for name, threshold in zip(names, thresholds, strict=True)]
                for o in home.outcomes
                if o.twin is None and GROUPS[BY_DAY](home, o)
            ]
        ).reshape(-1, 2)
        for home in homes
    ]

    def ratio(both: Floats) -> float:
        ours, theirs = (intervals.percentile(both[:, i], 90.0) for i in (0, 1))
        return math.inf if math.isinf(ours) else ours / theirs if theirs else math.inf

    return intervals.drawn(parts, [ratio])[0]


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

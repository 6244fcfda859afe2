"""What single detectors come to at budgets of their own (`own_budget`): delay beside what it costs."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from anomaly.clock_bins import ClockBins, Floats
from anomaly.plan import Limits
from anomaly.scorecard import figures, intervals
from anomaly.scorecard.figures import MONTH
from anomaly.scorecard.incidents import IncidentKind
from anomaly.scorecard.own_budget import NIGHT, NOT_UP, points
from anomaly.scorecard.plain import as_json, number
from anomaly.scorecard.trial import HomeResult, Outcome

WANTED_DAYS = {NIGHT: 60.0, NOT_UP: 30.0}  # days (nights) between two false alerts
_ASLEEP = (22.0, 8.0)  # civil hours between which a false alert is one of the night


def own_points(homes: Sequence[HomeResult]) -> dict[str, Any]:
    """For each detector the points that were tried, and the loosest that kept to what is wanted in these homes."""
    return {
        NIGHT: _points(homes, NIGHT, IncidentKind.NIGHT_BATHROOM, lambda home, o: 0.0),
        NOT_UP: _points(homes, NOT_UP, IncidentKind.NOT_UP, _before_usual),
    }


def _before_usual(home: HomeResult, outcome: Outcome) -> float:
    """Minutes to be taken off, so that a delay counts from the usual getting up; early is negative."""
    return 0.0 if outcome.usually_up is None else (outcome.usually_up - outcome.incident.at) / 60.0


def _points(
    homes: Sequence[HomeResult], detector: str, kind: IncidentKind, off: Callable[[HomeResult, Outcome], float]
) -> dict[str, Any]:
    watched = [h for h in homes if h.residents == 1 and (detector != NIGHT or h.has_bed_sensor)]
    found = []
    for point in (each for each in points(Limits()) if each.detector == detector):
        false = [float(len(_counted(home, detector, home.own_told.get(point.name, ())))) for home in watched]
        each_day = intervals.rate(false, [home.days for home in watched])
        parts = [
            np.array(
                [o.own[point.name] - off(home, o) for o in figures.incidents_of(home, kind) if point.name in o.own],
                dtype=np.float64,
            )
            for home in watched
        ]
        found.append(
            {
                "nominal_days": round(MONTH / point.nominal_a_month, 1),
                "realised_days": as_json(intervals.inverted(each_day, 1.0)),
                **_summary(parts),
            }
        )
    return {"wanted_days": WANTED_DAYS[detector], "points": found, "kept": _kept(found, WANTED_DAYS[detector])}


def _summary(parts: Sequence[Floats]) -> dict[str, Any]:
    median, p90 = intervals.quantiles(parts, (50.0, 90.0))
    return {
        "incidents": sum(len(part) for part in parts),
        "found": number(float(np.isfinite(np.concatenate([np.zeros(0), *parts])).mean()))
        if sum(map(len, parts))
        else 0,
        "median_minutes": as_json(median),
        "p90_minutes": as_json(p90),
    }


def _kept(found: Sequence[dict[str, Any]], wanted_days: float) -> dict[str, Any] | None:
    """The loosest that did not cost more than is wanted; else the tightest. None of no incidents."""
    tried = [each for each in found if each["incidents"]]
    realised = [each["realised_days"]["value"] for each in tried]
    kept = [each for each, days in zip(tried, realised, strict=True) if days is None or days >= wanted_days]
    return kept[-1] if kept else (tried[0] if tried else None)


def _counted(home: HomeResult, detector: str, told: Sequence[float]) -> list[float]:
    if detector != NIGHT:
        return list(told)
    clock = ClockBins(home.zone)
    return [at for at in told if clock.hour(at) >= _ASLEEP[0] or clock.hour(at) < _ASLEEP[1]]

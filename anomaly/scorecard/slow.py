"""Slow changes: two more visits to the bathroom a night, and a life that has moved by 90 minutes.

The first is found by the service (a call, or a note on the page) and, on the same nightly counts, by our trend and by
simpler methods: each gives a score a night, tuned in hindsight to one false alarm in so many nights and compared by the
nights until it passes. The second must not be alarmed about for long: it is the new normal.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from river import anomaly, drift

from anomaly.clock_bins import Floats
from anomaly.daily_features import Feature
from anomaly.scorecard import figures, intervals
from anomaly.scorecard.figures import MONTH
from anomaly.scorecard.incidents import IncidentKind
from anomaly.scorecard.plain import as_json
from anomaly.scorecard.ticked import hinkley_statistic
from anomaly.scorecard.trial import HomeResult, Outcome, Told
from anomaly.trend import Trend
from store.deviation import DeviationKind

NIGHTS_PER_FALSE = 300.0
GRADUAL_DAYS = 28
SHIFT_OVER_AFTER, SHIFT_SEEN = 14.0, 28.0  # days after a shift in which what is told counts as told too long
SHIFT_NOMINAL_DAYS = 30.0
_BASELINE_NIGHTS = 28  # before anything is scored
_MANY = 10.0  # visits that are 1 for the trees
_WINDOW = 14


def fortnight_z(counts: Floats) -> Floats:
    """The mean of the last fortnight against all nights before it, in standard errors."""
    scores = np.full(len(counts), -math.inf)
    for i in range(_BASELINE_NIGHTS, len(counts)):
        late = counts[i + 1 - _WINDOW : i + 1]
        early = counts[: i + 1 - _WINDOW]
        spread = max(float(early.std()), 0.3)
        scores[i] = (late.mean() - early.mean()) / (spread / math.sqrt(len(late)))
    return scores


def hinkley(counts: Floats) -> Floats:
    """river's PageHinkley on the nightly counts, in standard deviations of the first four weeks."""
    first = counts[:_BASELINE_NIGHTS]
    spread = max(float(first.std()), 0.3) if len(first) else 1.0
    test = drift.PageHinkley(min_instances=1, delta=0.25, threshold=math.inf, mode="up")
    scores = np.full(len(counts), -math.inf)
    for i, count in enumerate(counts.tolist()):
        test.update(count / spread)
        if i >= _BASELINE_NIGHTS:
            scores[i] = hinkley_statistic(test)
    return scores


def trees(counts: Floats) -> Floats:
    """river's HalfSpaceTrees on the counts of this night and the mean of the last three."""
    forest = anomaly.HalfSpaceTrees(n_trees=25, height=6, window_size=14, seed=1)
    scores = np.full(len(counts), -math.inf)
    for i in range(len(counts)):
        shown = {"night": min(1.0, counts[i] / _MANY), "three": min(1.0, counts[max(0, i - 2) : i + 1].mean() / _MANY)}
        if i >= _BASELINE_NIGHTS:
            scores[i] = forest.score_one(shown)
        forest.learn_one(shown)
    return scores


def ours(counts: Floats) -> Floats:
    """The trend of the service on the nightly counts: how far towards a change that comes once in 300 nights."""
    trend = Trend.of(Feature.NIGHT_BATHROOM_VISITS)
    scores = np.full(len(counts), -math.inf)
    for i, count in enumerate(counts.tolist()):
        trend.pass_day(i)
        trend.note(i, count, int(i % 7 >= 5))
        if i >= _BASELINE_NIGHTS:
            scores[i] = trend.height(NIGHTS_PER_FALSE, up=True)
    return scores


METHODS: dict[str, Callable[[Floats], Floats]] = {
    "telecare": ours,
    "14-day z": fortnight_z,
    "HalfSpaceTrees": trees,
    "PageHinkley": hinkley,
}


def gradual(homes: Sequence[HomeResult]) -> dict[str, Any]:
    """Days until somebody was told of a slow change, injected or the home's own, and until it stood on the page."""
    found: dict[str, Any] = {}
    for kind in (IncidentKind.NIGHT_VISITS, IncidentKind.LATER):
        for name, notices in ((str(kind), False), (f"{kind}, as a note", True)):
            found[name] = _summary([_delays(home, kind, notices=notices) for home in homes])
    found[f"{IncidentKind.NIGHT_VISITS}, as a note"]["false_days_a_figure"] = as_json(_false_notes(homes))
    for name, parts in simple_methods(homes).items():
        found[f"{IncidentKind.NIGHT_VISITS}, {name} in hindsight"] = _summary(parts)
    own = {change.kind for home in homes for change in home.changes}
    for name in sorted(own):
        parts = [
            np.array([_own_delay(home, c.begins) for c in home.changes if c.kind == name], dtype=np.float64)
            for home in homes
        ]
        found[f"own: {name}, as a note"] = _summary(parts)
    return found


def _delays(home: HomeResult, kind: IncidentKind, *, notices: bool) -> Floats:
    found = [_delay(o, notices=notices) / 1440.0 for o in figures.incidents_of(home, kind)]
    return np.array(found, dtype=np.float64)


def _delay(outcome: Outcome, *, notices: bool) -> float:
    """Minutes. A note counts if it is about the figure that was changed."""
    if not (notices and outcome.incident.kind is IncidentKind.NIGHT_VISITS):
        return figures.delay_told(outcome, notices=notices)
    at = [told.at for told in outcome.told if _is_of_visits(told) and not told.is_said_anyway]
    return (min(at) - outcome.incident.at) / 60.0 if at else math.inf


def _is_of_visits(told: Told) -> bool:
    return told.kind == DeviationKind.GRADUAL and told.feature == Feature.NIGHT_BATHROOM_VISITS


def _false_notes(homes: Sequence[HomeResult]) -> intervals.Estimate:
    """Days between two false notes about visits at night, in homes that do not change of themselves."""
    steady = [home for home in homes if figures.incidents_of(home, IncidentKind.NIGHT_VISITS)]
    notes = [float(len({told.id for told in home.told if _is_of_visits(told)})) for home in steady]
    return intervals.inverted(intervals.rate(notes, [home.days for home in steady]), 1.0)


def _own_delay(home: HomeResult, began: float) -> float:
    at = [told.at for told in home.told if told.kind == DeviationKind.GRADUAL and told.at >= began]
    return (min(at) - began) / 86400.0 if at else math.inf


def _summary(parts: Sequence[Floats]) -> dict[str, Any]:
    five, fortnight = intervals.shares(parts, (5.0, 14.0))
    together = np.concatenate([np.zeros(0), *parts])
    return {
        "homes": len(together),
        "within_5_days": as_json(five),
        "within_14_days": as_json(fortnight),
        "found_by_day": [
            round(float(np.mean(together <= day)), 4) if len(together) else None for day in range(1, GRADUAL_DAYS + 1)
        ],
        "median_days": as_json(intervals.quantiles(parts, (50.0,))[0]),
    }


def after_a_shift(homes: Sequence[HomeResult]) -> dict[str, Any]:
    """After everything has moved by 90 minutes: what is told in the second fortnight, and how rare its days are.

    `days_over`: days whose quiets came to N ≥ 30, over what was promised; `told`: everything that reached people but
    slow changes, a home-month.
    """
    weeks: dict[str, Any] = {}
    for name, first, last in (("days 1 to 14", 0.0, SHIFT_OVER_AFTER), ("days 15 to 28", SHIFT_OVER_AFTER, SHIFT_SEEN)):
        over, days, told = [], [], []
        for home in homes:
            for o in figures.incidents_of(home, IncidentKind.LATER):
                start, end = (o.incident.at + day * 86400.0 for day in (first, last))
                mine = o.daily[(o.daily[:, 0] > start) & (o.daily[:, 0] <= end), 1]
                over.append(float((mine >= SHIFT_NOMINAL_DAYS).sum()))
                days.append(float(len(mine)))
                told.append(float(len({t.id for t in o.told if _is_acute(t) and start < t.at <= end})))
        weeks[name] = {
            "days": round(sum(days)),
            "days_over": as_json(intervals.rate(over, [each / SHIFT_NOMINAL_DAYS for each in days])),
            "told_a_home_month": as_json(intervals.rate(told, [each / MONTH for each in days])),
        }
    return weeks


def _is_acute(told: Told) -> bool:
    return told.reaches_people and told.kind != DeviationKind.GRADUAL


def simple_methods(homes: Sequence[HomeResult]) -> dict[str, list[Floats]]:
    """Method → for each home the days until it found two more visits a night; infinite if it did not."""
    return {name: _days(homes, score) for name, score in METHODS.items()}


def _days(homes: Sequence[HomeResult], score: Callable[[Floats], Floats]) -> list[Floats]:
    tried = [
        (home, outcome)
        for home in homes
        for outcome in home.outcomes
        if outcome.incident.kind is IncidentKind.NIGHT_VISITS and outcome.twin is None
    ]
    clean = [score(home.nights[:, 1]) for home, _ in tried]
    threshold = threshold_for(clean, NIGHTS_PER_FALSE)
    found = []
    for home, outcome in tried:
        before = home.nights[home.nights[:, 0] <= outcome.incident.at]
        both = np.concatenate([before, outcome.nights])
        scores = score(both[:, 1])
        over = np.flatnonzero((scores > threshold) & (both[:, 0] > outcome.incident.at))
        days = (both[over[0], 0] - outcome.incident.at) / 86400.0 if len(over) else math.inf
        found.append(np.array([days]))
    return found


def threshold_for(clean: Sequence[Floats], nights_per_false: float) -> float:
    """The lowest threshold that is passed, from below, at most once in so many nights of all the homes."""
    finite = [scores[np.isfinite(scores)] for scores in clean]
    nights = sum(len(scores) for scores in finite)
    allowed = nights / nights_per_false
    candidates = np.unique(np.concatenate(finite)) if nights else np.zeros(0)
    for candidate in candidates:
        passed = sum(_passes(scores, float(candidate)) for scores in finite)
        if passed <= allowed and sum(float((scores > candidate).sum()) for scores in finite) <= _WINDOW * allowed:
            return float(candidate)
    return math.inf


def _passes(scores: Floats, threshold: float) -> int:
    over = scores > threshold
    return int(over[0]) + int((over[1:] & ~over[:-1]).sum()) if len(over) else 0

"""Slow changes: two more visits to the bathroom a night, found by us and by simpler methods on nightly counts.

Each simple method gives a score a night, tuned in hindsight to one false alarm in so many nights and compared by the
nights until it passes. Ours is what people are told.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from river import anomaly, drift

from anomaly.clock_bins import Floats
from anomaly.scorecard.incidents import IncidentKind
from anomaly.scorecard.ticked import hinkley_statistic
from anomaly.scorecard.trial import HomeResult

NIGHTS_PER_FALSE = 300.0
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


METHODS: dict[str, Callable[[Floats], Floats]] = {
    "14-day z": fortnight_z,
    "HalfSpaceTrees": trees,
    "PageHinkley": hinkley,
}


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

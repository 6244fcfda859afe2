"""From what was seen of the homes to figures: false alerts, delays, recall, calibration. Pure arithmetic.

Every finding that reaches people in a clean period counts as false. Two raised within six hours are one alert for the
methods that are compared, as they are for the people who are called; the findings of the service are counted singly.
Intervals are bootstrapped by home: homes differ more than days do.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly.clock_bins import Floats
from anomaly.scorecard.incidents import IncidentKind, Twin
from anomaly.scorecard.trial import HomeResult, Outcome, Told
from store.deviation import DeviationKind

MONTH = 30.0  # days
BUDGETS = (0.33, 1.0, 2.0)  # false alerts a home-month
RECALL_HOURS = (1, 2, 4, 12)
NOMINAL_DAYS = (30, 90)
RIGHT = (0.8, 1.25)  # realised over nominal return period
_EPISODE = 6 * 3600.0
_BOOTSTRAPS = 400
_INTERVAL = (2.5, 97.5)  # per cent

# What a lack of events can be mistaken for.
ABSENCE_KINDS = frozenset({
    DeviationKind.INACTIVITY, DeviationKind.DWELL, DeviationKind.NOT_UP, DeviationKind.LATE_KITCHEN,
    DeviationKind.NOT_TO_BED, DeviationKind.NOT_RETURNED,
})  # fmt: skip
_ANSWERS = {  # which findings count as having found it; everything about a lack of events for all others
    IncidentKind.UP_AT_NIGHT: {DeviationKind.UP_AT_NIGHT, DeviationKind.NOT_TO_BED},
    IncidentKind.DOOR_AT_NIGHT: {DeviationKind.DOOR_AT_NIGHT, DeviationKind.NOT_RETURNED},
    IncidentKind.NIGHT_VISITS: {DeviationKind.GRADUAL},
    IncidentKind.LATER: {DeviationKind.GRADUAL},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure and the interval that 95 of 100 such sets of homes would give."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """How soon one sort of incident was found. Minutes; infinite: not within the day that is watched."""

    incidents: int
    within: dict[int, Estimate]  # hours → share
    median: Estimate
    p90: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Realised over nominal return period: 1 is right, less means more alerts than were promised."""

    nominal_days: float
    days: int
    exceeded: int
    ratio: Estimate

    @property
    def is_right(self) -> bool:
        """Within a quarter of what was promised."""
        return bool(RIGHT[0] <= self.ratio.value <= RIGHT[1])

    @property
    def would_show(self) -> bool:
        """Are these enough days to notice a promise that is a quarter off, four times in five?

        log of the ratio has a standard error of about 1/√(exceedances); 1.96 + 0.84 of them must fit into log 1.25.
        """
        return bool(self.days / self.nominal_days >= ((1.96 + 0.84) / math.log(RIGHT[1])) ** 2)


def answers(outcome: Outcome, told: Told) -> bool:
    """Would this finding bring somebody because of this incident?"""
    if told.unable_to_verify:
        return outcome.incident.kind.is_silent
    return told.kind in _ANSWERS.get(outcome.incident.kind, ABSENCE_KINDS)


def delay_told(outcome: Outcome) -> float:
    """Minutes until people were told by the whole service; 0 if they had been told already."""
    if any(answers(outcome, told) for told in outcome.open_before):
        return 0.0
    at = [told.at for told in outcome.told if told.reaches_people and answers(outcome, told)]
    return (min(at) - outcome.incident.at) / 60.0 if at else math.inf


def delay_at(outcome: Outcome, method: str, threshold: float) -> float:
    """Minutes until this method's score reached the threshold."""
    minutes, scores = outcome.traces[method]
    found = int(np.searchsorted(scores, threshold))
    return float(minutes[found]) if found < len(scores) else math.inf


def false_told(home: HomeResult) -> list[Told]:
    """Each finding that reached people in the clean period, once; not the slow changes that are really there."""
    first: dict[str, Told] = {}
    began = min((change.begins for change in home.changes), default=math.inf)
    for told in home.told:
        if told.reaches_people and not (told.kind == DeviationKind.GRADUAL and told.at >= began):
            first.setdefault(told.id, told)
    return list(first.values())


def alerts_over(peaks: Floats, threshold: float) -> int:
    """How often a method would have alerted, given how far each quiet came."""
    times = peaks[peaks[:, 1] >= threshold, 0]
    count, last = 0, -math.inf
    for at in times.tolist():
        if at >= last + _EPISODE:
            count, last = count + 1, at
    return count


def hindsight_threshold(homes: Sequence[HomeResult], method: str, budget: float) -> float:
    """The lowest threshold at which this method keeps to so many false alerts a home-month over all the homes."""
    allowed = budget * sum(home.days for home in homes) / MONTH
    scores = np.unique(np.concatenate([home.peaks[method][:, 1] for home in homes] or [np.zeros(0)]).astype(np.float32))
    low, high = 0, len(scores)  # at scores[high − 1] and below there may be too many; above all of them there are none
    while low < high:
        middle = (low + high) // 2
        over = float(np.nextafter(scores[middle], np.float32(np.inf)))
        if sum(alerts_over(home.peaks[method], over) for home in homes) <= allowed:
            high = middle
        else:
            low = middle + 1
    if not len(scores):
        return math.inf
    return float(np.nextafter(scores[min(low, len(scores) - 1)], np.float32(np.inf)))


def rate_over(homes: Sequence[HomeResult], method: str, threshold: float) -> Floats:
    """False alerts a home-month of each home."""
    return np.array([alerts_over(h.peaks[method], threshold) * MONTH / h.days for h in homes if h.days])


def bootstrapped(parts: Sequence[Floats], statistic: Callable[[Floats], float]) -> Estimate:
    """The statistic of all values together; its interval by drawing homes (parts) with replacement."""
    return _bootstrapped(parts, [statistic])[0]


def _bootstrapped(parts: Sequence[Floats], statistics: Sequence[Callable[[Floats], float]]) -> list[Estimate]:
    filled = [part for part in parts if len(part)]
    if not filled:
        return [Estimate(value=math.nan, low=math.nan, high=math.nan)] * len(statistics)
    together = np.concatenate(filled)
    picks = np.random.default_rng(0).integers(0, len(filled), (_BOOTSTRAPS, len(filled)))
    drawn = [np.concatenate([filled[i] for i in pick]) for pick in picks.tolist()]
    found = []
    for statistic in statistics:
        values = np.array([statistic(each) for each in drawn])
        low, high = (percentile(values, each) for each in _INTERVAL)
        found.append(Estimate(value=statistic(together), low=low, high=high))
    return found


def delays(parts: Sequence[Floats]) -> Delays:
    """Of the minutes of each home's incidents."""
    shares = [lambda d, m=60.0 * hours: float(np.count_nonzero(d <= m) / len(d)) for hours in RECALL_HOURS]
    *within, median, p90 = _bootstrapped(parts, [*shares, lambda d: percentile(d, 50.0), lambda d: percentile(d, 90.0)])
    return Delays(
        incidents=sum(len(part) for part in parts),
        within=dict(zip(RECALL_HOURS, within, strict=True)),
        median=median,
        p90=p90,
    )


def percentile(values: Floats, percent: float) -> float:
    """The nearest value from above: what was never found stays infinite, and nothing is interpolated with it."""
    ordered = np.sort(values)
    return float(ordered[max(0, math.ceil(percent / 100.0 * len(ordered) - 1e-9) - 1)])


def calibration(parts: Sequence[Floats], nominal_days: float, *, seed: int = 0) -> Calibration:
    """`parts`: for each home the largest N of each of its days. A day with N ≥ nominal exceeds it."""
    days = np.array([len(part) for part in parts], dtype=np.float64)
    exceeded = np.array([float((part >= nominal_days).sum()) for part in parts])

    def ratio(days: float, exceeded: float) -> float:
        return days / exceeded / nominal_days if exceeded else math.inf

    if not days.sum():
        nothing = Estimate(value=math.nan, low=math.nan, high=math.nan)
        return Calibration(nominal_days=nominal_days, days=0, exceeded=0, ratio=nothing)
    rng = np.random.default_rng(seed)
    picks: NDArray[np.int64] = rng.integers(0, len(parts), (_BOOTSTRAPS, len(parts)))
    drawn = np.array([ratio(days[each].sum(), exceeded[each].sum()) for each in picks])
    low, high = (percentile(drawn, each) for each in _INTERVAL)
    value = float(ratio(days.sum(), exceeded.sum()))
    return Calibration(
        nominal_days=nominal_days,
        days=int(days.sum()),
        exceeded=int(exceeded.sum()),
        ratio=Estimate(value=value, low=low, high=high),
    )


def mistaken(home: HomeResult, outcome: Outcome) -> list[Told]:
    """Findings of a technical twin that speak of the resident's absence; not those of a day that had one anyway."""
    assert outcome.twin is not None
    clean = [told.at for told in home.told if told.reaches_people and told.kind in ABSENCE_KINDS]
    return [
        told
        for told in outcome.told
        if told.reaches_people
        and told.kind in ABSENCE_KINDS
        and not any(abs(told.at - at) <= _EPISODE for at in clean)
        and not any(before.kind in ABSENCE_KINDS for before in outcome.open_before)
    ]


def incidents_of(home: HomeResult, *kinds: IncidentKind, twin: Twin | None = None) -> list[Outcome]:
    """The outcomes of this home's incidents of these kinds, or of their twins."""
    return [o for o in home.outcomes if o.twin is twin and (not kinds or o.incident.kind in kinds)]

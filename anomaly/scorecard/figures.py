"""From what was seen of the homes to figures: false alerts, delays, recall, calibration. Pure arithmetic.

Every finding that reaches people in a clean period counts as false. Two raised within six hours are one alert for the
methods that are compared, as they are for the people who are called; the findings of the service are counted singly.
Intervals: `intervals`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anomaly.clock_bins import Floats
from anomaly.scorecard import intervals
from anomaly.scorecard.incidents import IncidentKind, Twin
from anomaly.scorecard.intervals import Estimate
from anomaly.scorecard.trial import JUST_TOLD, HomeResult, Outcome, Told
from store.deviation import DeviationKind

MONTH = 30.0  # days
BUDGETS = (0.33, 1.0, 2.0)  # false alerts a home-month
RECALL_HOURS = (1, 2, 4, 12)
NOMINAL_DAYS = (30, 90)
RIGHT = (0.8, 1.25)  # realised over nominal return period
EPISODE = JUST_TOLD

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


def delay_told(outcome: Outcome, *, notices: bool = False) -> float:
    """Minutes until people were told by the whole service; 0 if they had been told within the last six hours.

    Of a slow change only what was not said without it. `notices`: a note on the page is enough.
    """
    at, is_gradual = outcome.incident.at, outcome.incident.kind.is_gradual
    before = [told for told in outcome.open_before if told.at > at - EPISODE and answers(outcome, told)]
    if before and not is_gradual:
        return 0.0
    found = [
        told.at
        for told in outcome.told
        if (notices or told.reaches_people) and answers(outcome, told) and not (is_gradual and told.is_said_anyway)
    ]
    return (min(found) - at) / 60.0 if found else math.inf


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


def episodes(at: Sequence[float]) -> int:
    """How often people are called, when all within six hours of a call are part of it."""
    count, last = 0, -math.inf
    for each in sorted(at):
        if each >= last + EPISODE:
            count, last = count + 1, each
    return count


def alerts_over(peaks: Floats, threshold: float) -> int:
    """How often a method would have alerted, given how far each quiet came."""
    return episodes(peaks[peaks[:, 1] >= threshold, 0].tolist())


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


def delays(parts: Sequence[Floats]) -> Delays:
    """Of the minutes of each home's incidents."""
    within = intervals.shares(parts, [60.0 * hours for hours in RECALL_HOURS])
    median, p90 = intervals.quantiles(parts, (50.0, 90.0))
    return Delays(
        incidents=sum(len(part) for part in parts),
        within=dict(zip(RECALL_HOURS, within, strict=True)),
        median=median,
        p90=p90,
    )


def calibration(parts: Sequence[Floats], nominal_days: float) -> Calibration:
    """`parts`: for each home the largest N of each of its days. A day with N ≥ nominal exceeds it."""
    days = [float(len(part)) for part in parts]
    exceeded = [float((part >= nominal_days).sum()) for part in parts]
    return Calibration(
        nominal_days=nominal_days,
        days=round(sum(days)),
        exceeded=round(sum(exceeded)),
        ratio=intervals.inverted(intervals.rate(exceeded, days), nominal_days),
    )


def worst_tenth(rates: Floats) -> float:
    """The mean of the tenth of the homes (at least one) with the most."""
    return float(np.sort(rates)[-max(1, round(len(rates) / 10.0)) :].mean()) if len(rates) else math.nan


def mistaken(home: HomeResult, outcome: Outcome) -> list[Told]:
    """Findings of a technical twin that speak of the resident's absence; not those of a day that had one anyway."""
    assert outcome.twin is not None
    clean = [told.at for told in home.told if told.reaches_people and told.kind in ABSENCE_KINDS]
    return [
        told
        for told in outcome.told
        if told.reaches_people
        and told.kind in ABSENCE_KINDS
        and not told.is_said_anyway
        and not any(abs(told.at - at) <= EPISODE for at in clean)
        and not any(before.kind in ABSENCE_KINDS for before in outcome.open_before)
    ]


def incidents_of(home: HomeResult, *kinds: IncidentKind, twin: Twin | None = None) -> list[Outcome]:
    """The outcomes of this home's incidents of these kinds, or of their twins."""
    return [o for o in home.outcomes if o.twin is twin and (not kinds or o.incident.kind in kinds)]

"""The fleet's governor: holds the realised rate of false alerts at what was promised. Pure: decides, and says why.

    g ← clip(g + gain · (unconfirmed alerts − promised) / home-days, LOWEST, HIGHEST)        once a day, nats

g is added to every threshold, so alerts come at a rate that falls with exp(−g): an integral controller, whose fixed
point is "as many as promised". A single alert is noise, not a rate: with gain k and n home-days a day, g wanders with a
standard deviation of √(k/2n) around that point. So a small fleet gets a small gain, by which it wanders no more than
STEADY; a fleet of one needs months to move, and its own history (the per-home part of the model) does more.
Source of the form: online control of a quantile, Gibbs & Candès 2021.

Not here: which alerts count (`store.governor`), the clock and the database (`anomaly.governing`).
"""

from dataclasses import dataclass
from enum import StrEnum

from store.governor import FleetDay

GAIN = 3.0  # nats for one alert a home-day too many: 1 alert a month is then corrected with a time constant of 10 days
STEADY = 0.25  # nats of wandering at most: a quarter more or fewer alerts than promised
LOWEST, HIGHEST = -1.5, 2.5  # g may make alerts 4.5 times as frequent or 12 times as rare as calibrated, no more
LAG_DAYS = 3  # how long people have to close an alert before its day is judged


class Reason(StrEnum):
    """Why g is what it is."""

    NOTHING_OBSERVED = "nothing_observed"  # no home that counts: g stays
    MORE_THAN_PROMISED = "more_than_promised"  # thresholds rise
    FEWER_THAN_PROMISED = "fewer_than_promised"  # thresholds fall
    AT_HIGHEST = "at_highest"  # g would go further and may not: the model itself is wrong, and people must look
    AT_LOWEST = "at_lowest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """g from now on, nats, and why."""

    nats: float
    reason: Reason


def gain_of(home_days: float) -> float:
    """How far one alert a home-day too many moves g, for a fleet that is observed so much of a day."""
    return min(GAIN, 2.0 * STEADY**2 * home_days)


def decide(nats: float, seen: FleetDay) -> Decision:
    """g after this day, from g before it."""
    if seen.home_days <= 0.0:
        return Decision(nats=nats, reason=Reason.NOTHING_OBSERVED)
    too_many = seen.alerts - seen.promised
    wanted = nats + min(GAIN / seen.home_days, 2.0 * STEADY**2) * too_many  # gain_of(n) · too_many / n, for any n
    if wanted > HIGHEST:
        return Decision(nats=HIGHEST, reason=Reason.AT_HIGHEST)
    if wanted < LOWEST:
        return Decision(nats=LOWEST, reason=Reason.AT_LOWEST)
    return Decision(nats=wanted, reason=Reason.MORE_THAN_PROMISED if too_many > 0 else Reason.FEWER_THAN_PROMISED)

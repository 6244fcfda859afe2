"""The alert budget as a controlled quantity: thresholds rise where too many alerts turned out to be nothing.

    z = z_N + g + c        c += 0.3 · (alerts nobody confirmed that day − the day's budget), on days that could be seen

g is the fleet's and stands in the plan; c belongs to one detector of one home and stands here, so that replay has it
too. Each detector has its own: a door that opens at night for nothing must not make a home deaf to a collapse. Alerts
that people confirmed never count, whenever they are confirmed (for four weeks back), and limits that learning cannot
move neither count nor are moved. The N that people read is how rare something is by this home's days, not z: it stays
what it is. In nats.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from anomaly.open_finding import Finding
from anomaly.plan import Limits
from store.deviation import Deviation, DeviationKind, Grade

GAIN = 0.3  # nats for each alert
LOWEST, HIGHEST = -1.5, 2.5  # nats; also of g, and of both together
KEPT_DAYS = 28  # in which an alert may still be confirmed
_TIDY_DAYS = 7  # older days are summed up so many at a time
_MONTH = 30.0

Alerts = list[tuple[str, str]]  # detector and id
Day = tuple[int, bool, Alerts]  # civil day, could it be seen?, whom it told of


class Governor:
    """The corrections c of one home."""

    def __init__(self) -> None:
        self.base: dict[str, float] = {}  # c before the days that are kept
        self.days: list[Day] = []
        self.today: Alerts = []
        self.told: set[str] = set()  # ids of what is kept: an alert that rises is one alert
        self._corrections: dict[str, float] = {}

    def note(self, found: Iterable[Finding]) -> None:
        """What was said; the alerts among it count on the running day."""
        for finding in found:
            name = detector_of(finding)
            if name is not None and str(finding.id) not in self.told:
                self.told.add(str(finding.id))
                self.today.append((name, str(finding.id)))

    def day_over(self, day: int, limits: Limits, confirmed: Collection[str], *, is_observed: bool) -> None:
        """A civil day has ended. `is_observed`: an alert could have been raised throughout, and its silence counts."""
        if not is_observed and not self.today:
            return
        over: Day = (day, is_observed, self.today)
        self.days.append(over)
        self.today = []
        self._corrections = _corrected(self._corrections, (over,), limits, confirmed)
        if self.days[0][0] <= day - KEPT_DAYS - _TIDY_DAYS:
            old = [each for each in self.days if each[0] <= day - KEPT_DAYS]
            self.days = self.days[len(old) :]
            self.base = _corrected(self.base, old, limits, confirmed)
            self.told.difference_update(identity for _, _, alerts in old for _, identity in alerts)

    def weigh(self, limits: Limits, confirmed: Collection[str]) -> None:
        """Find c anew: the day is over, or something was confirmed."""
        self._corrections = _corrected(self.base, self.days, limits, confirmed)

    def correction(self, detector: str) -> float:
        """c of a detector by its name."""
        return self._corrections.get(detector, 0.0)

    def offset(self, detector: str, fleet: float) -> float:
        """g + c: how much higher its thresholds stand than its own days say."""
        return _clipped(_clipped(fleet) + self.correction(detector))

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {"base": self.base, "days": self.days, "today": self.today}

    def restore(self, saved: dict[str, Any], limits: Limits, confirmed: Collection[str]) -> None:
        """From JSON."""
        self.base = dict(saved["base"])
        self.days = [(day, seen, [(name, i) for name, i in alerts]) for day, seen, alerts in saved["days"]]
        self.today = [(name, identity) for name, identity in saved["today"]]
        self.told = {i for _, _, alerts in self.days for _, i in alerts} | {i for _, i in self.today}
        self.weigh(limits, confirmed)


def detector_of(finding: Finding) -> str | None:
    """Which detector's threshold an alert goes to the account of; None: it is none, or none that is learned."""
    if not isinstance(finding, Deviation) or finding.grade.rank < Grade.ATTENTION.rank:
        return None
    if finding.ended_at is not None or finding.evidence.get("reason") == "ceiling":
        return None
    if finding.kind is DeviationKind.CANNOT_OBSERVE:  # said in the place of these, at their threshold
        if "suspect" not in finding.evidence:
            return None
        return str(DeviationKind.DWELL if "what" in finding.evidence else DeviationKind.INACTIVITY)
    return str(finding.kind) if str(finding.kind) in BUDGETS else None


BUDGETS = {
    str(kind): f"false_{kind}_a_month"
    for kind in (
        DeviationKind.INACTIVITY,
        DeviationKind.DWELL,
        DeviationKind.NOT_UP,
        DeviationKind.LATE_KITCHEN,
        DeviationKind.NOT_TO_BED,
        DeviationKind.NOT_RETURNED,
        DeviationKind.UP_AT_NIGHT,
        DeviationKind.DOOR_AT_NIGHT,
    )
}


def _corrected(
    base: Mapping[str, float], days: Iterable[Day], limits: Limits, confirmed: Collection[str]
) -> dict[str, float]:
    a_day = {name: getattr(limits, field) / _MONTH for name, field in BUDGETS.items()}
    found = {name: base.get(name, 0.0) for name in BUDGETS}
    for _, is_observed, alerts in days:
        for name, budget in a_day.items():
            unconfirmed = 0
            if alerts:
                unconfirmed = sum(detector == name and identity not in confirmed for detector, identity in alerts)
            if unconfirmed or is_observed:
                found[name] = _clipped(found[name] + GAIN * (unconfirmed - (budget if is_observed else 0.0)))
    return found


def _clipped(nats: float) -> float:
    return min(max(nats, LOWEST), HIGHEST)

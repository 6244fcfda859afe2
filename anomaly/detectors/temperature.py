"""A home that is too cold or too hot to live in, or clearly colder or hotter than it usually is. Plain rules.

The temperature of a home is the median of its living rooms' thermometers, each smoothed over its last three readings,
so that neither a single reading nor one sensor beside a window or in a fridge decides; what has not spoken for six
hours is left out. A limit counts when readings have stood beyond it for two hours: cold by waking hours only, severe
cold and heat at any. Limits are the same for every home (`plan.Limits`); beyond the home's own range is a notice.
Told again after three days at the earliest, unless it is worse. There is no "once in N days" here: weather is shared.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from anomaly import explain
from anomaly.clock_bins import PART_OF_BIN, PARTS
from anomaly.detectors.detector import WARM_UP_DAYS, Known, only, says_nothing, unheeded
from anomaly.open_finding import Finding, OpenFinding, next_minute
from anomaly.plan import Place, PlanSensor
from anomaly.situation import Quiet
from store.deviation import DeviationKind, Grade
from store.home import SensorKind

_LOWEST, _HIGHEST = -20.0, 60.0  # °C; beyond, a thermometer is broken (85 and −40 are what common ones say then)
_LASTS = 2 * 3600.0  # seconds beyond a limit
_FRESH = 6 * 3600.0  # seconds for which a thermometer's last word counts
_SMOOTH = 3  # readings
_BACK = 0.5  # °C within the limit before it is over
_AGAIN = 3 * 86400.0
_ODD = 4.0  # °C by which a thermometer usually differs from the others: it hangs in a window, or a fridge
_NOT_A_ROOM = 9.0  # °C; what is usually below is a fridge or a porch
_CLEARLY, _SPREADS = 4.0, 3.5  # °C and standard deviations from what is usual in that part of the day
_HALF_LIFE_DAYS = 21.0  # learned days; seasons move
_LIVING = {Place.LOUNGE, Place.KITCHEN}
_ROOMS = _LIVING | {Place.BEDROOM, Place.BATHROOM, Place.HALL}


@dataclass(slots=True)
class _Thermometer:
    """One sensor. Plain values, saved as JSON."""

    last: list[float] = field(default_factory=list)
    at: float = -math.inf
    days: float = 0.0  # learned …
    usual: float = 0.0  # … and the sum of their means
    count: int = 0  # readings of the running day …
    total: float = 0.0  # … and their sum


class Temperature:
    """Watches how warm one home is."""

    def __init__(self) -> None:
        self.due = math.inf
        self.open: OpenFinding | None = None
        self.open_rule = ""
        self.thermometers: dict[str, _Thermometer] = {}
        self.since: dict[str, float] = {}  # rule → since when it has held
        self.at = -math.inf  # the newest reading that counted
        self.told: dict[str, list[float]] = {}  # cold or hot → when, and at which rank
        self.ranges = {part: [0.0, 0.0, 0.0] for part in PARTS}  # n, Σ, Σ² of the means of learned days
        self.today: dict[str, list[float]] = {part: [0.0, 0.0] for part in PARTS}

    @only(lambda sensor: sensor.kind is SensorKind.TEMPERATURE)
    def reading(self, sensor: PlanSensor, t: float, value: float, known: Known) -> Iterator[Finding]:
        """A thermometer spoke."""
        if sensor.kind is not SensorKind.TEMPERATURE or sensor.place not in _ROOMS:
            return
        if not _LOWEST < value < _HIGHEST:
            return
        thermometer = self.thermometers.setdefault(sensor.code, _Thermometer())
        if t - thermometer.at > _FRESH:
            thermometer.last.clear()
        thermometer.last = [*thermometer.last[1 - _SMOOTH :], value]
        thermometer.at = t
        thermometer.count += 1
        thermometer.total += value
        warmth = self.warmth(t, known)
        if warmth is None:
            return
        self.at = t
        part = self.today[_part(t, known)]
        part[0] += 1.0
        part[1] += warmth
        holding = self._holding(warmth, t, known)
        self.since = {rule: self.since.get(rule, t) for rule in holding}
        if self.open is not None and not self._still(warmth, known):
            yield from self._ended(t, known)
        if self.since:
            self.due = min(self.due, next_minute(t))

    @unheeded
    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterator[Finding]:
        """Nothing to say: see `Detector`."""
        return says_nothing()

    def changed(self, t: float, known: Known) -> Iterator[Finding]:
        """Nobody sits in the cold of a home that is known to be empty."""
        if known.situation.is_away(t):
            yield from self._ended(t, known)

    def look(self, t: float, known: Known) -> Iterator[Finding]:
        """Raise what has lasted; end what no thermometer tells of any more."""
        self.due = math.inf
        if t - self.at > _FRESH:
            self.since.clear()
            yield from self._ended(t, known)
            return
        self.due = next_minute(self.at + _FRESH + 60.0)
        warmth = self.warmth(t, known)
        if warmth is None or not known.situation.can_see or known.situation.is_away(t):
            return
        rank = -1 if self.open is None else Grade(self.open.grade).rank
        for rule, grade in reversed(_RULES.items()):
            since = self.since.get(rule)
            if since is None or grade.rank <= rank:
                continue
            if rule == "cold":
                since = max(since, self._waking_from(t, known))
            side = _SIDES[rule]
            told_at, told_rank = self.told.get(side, (-math.inf, -1))
            is_news = t - told_at >= _AGAIN or grade.rank > told_rank or self.open is not None
            if self.at - since >= _LASTS and is_news:
                self.open = self._finding(rule, grade, warmth, since, t, known)
                self.open_rule = rule
                self.told[side] = [t, grade.rank]
                yield self.open.finding(known.plan)
                return

    def warmth(self, t: float, known: Known) -> float | None:
        """The temperature of the home in °C; None if nothing can be said."""
        lost, found = known.situation.lost_sensors, []
        for code, thermometer in self.thermometers.items():
            sensor = known.situation.sensors.get(code)
            if sensor is None or t - thermometer.at > _FRESH or len(thermometer.last) < _SMOOTH or code in lost:
                continue
            usual = thermometer.usual / thermometer.days if thermometer.days >= 1.0 else None
            if usual is None or usual >= _NOT_A_ROOM:
                found.append((sensor.place in _LIVING, sorted(thermometer.last)[_SMOOTH // 2], usual))
        if not found:
            return None
        degrees = [each[1] for each in found]
        usuals = [usual for *_, usual in found if usual is not None]
        if len(usuals) < len(found):
            if max(degrees) - min(degrees) > 2.0 * _ODD:
                return None  # one of them is no room, and after a day we shall know which
        elif max(usuals) - min(usuals) > _ODD:
            middle = median(usuals)
            found = [each for each, usual in zip(found, usuals, strict=True) if abs(usual - middle) <= _ODD] or found
        living = [value for is_living, value, _ in found if is_living]
        return median(living or [value for _, value, _ in found])

    def day_over(self, midnight: float, known: Known, *, learnable: bool) -> None:
        """Learn what is usual, if the day may teach."""
        if learnable:
            keep = 2.0 ** (-1.0 / _HALF_LIFE_DAYS)
            for thermometer in self.thermometers.values():
                if thermometer.count:
                    thermometer.days = thermometer.days * keep + 1.0
                    thermometer.usual = thermometer.usual * keep + thermometer.total / thermometer.count
            for part, (count, total) in self.today.items():
                if count:
                    mean = total / count
                    self.ranges[part] = [
                        each * keep + more
                        for each, more in zip(self.ranges[part], (1.0, mean, mean * mean), strict=True)
                    ]
        for thermometer in self.thermometers.values():
            thermometer.count, thermometer.total = 0, 0.0
        self.today = {part: [0.0, 0.0] for part in PARTS}

    def usual(self, part: str) -> tuple[float, float] | None:
        """Mean and spread of this part of the day over the learned days; None before there are enough."""
        n, total, squares = self.ranges[part]
        if n < WARM_UP_DAYS / 2:
            return None
        mean = total / n
        return mean, math.sqrt(max(squares / n - mean * mean, 0.0))

    def _holding(self, warmth: float, t: float, known: Known) -> list[str]:
        limits = known.plan.limits
        holds = {
            "cold": warmth < limits.cold_degrees,
            "very cold": warmth < limits.very_cold_degrees,
            "hot": warmth > limits.hot_degrees,
            "very hot": warmth > limits.very_hot_degrees,
        }
        usual = self.usual(_part(t, known)) if known.learned_days >= WARM_UP_DAYS else None
        if usual is not None:
            away = max(_CLEARLY, _SPREADS * usual[1])
            holds["colder than usual"] = warmth < usual[0] - away
            holds["hotter than usual"] = warmth > usual[0] + away
        return [rule for rule in _RULES if holds.get(rule)]

    def _still(self, warmth: float, known: Known) -> bool:
        """Is what was found still so, with a little room at the limit?"""
        limits = known.plan.limits
        if self.open_rule in ("cold", "very cold"):
            return warmth < limits.cold_degrees + _BACK
        if self.open_rule in ("hot", "very hot"):
            return warmth > limits.hot_degrees - _BACK
        return self.open_rule in self.since

    def _waking_from(self, t: float, known: Known) -> float:
        """Since when it has been a waking hour; inf if it is none."""
        first, last = known.plan.limits.waking_hours
        clock = known.situation.clock
        day = clock.at(t)[2]
        begun, over = clock.instant(day, first), clock.instant(day, last)
        return begun if begun <= t < over else math.inf

    def _finding(self, rule: str, grade: Grade, warmth: float, since: float, t: float, known: Known) -> OpenFinding:
        zone = known.plan.zone
        usual = self.usual(_part(t, known))
        began = min(since, self.since.get(rule, since))  # of the cold by waking hours: it may be older
        words = f"The home is {rule}: {warmth:.1f} °C, and so since {explain.clock_time(began, zone, seen_from=t)}."
        if rule in _LIMITS:
            words += f" The limit set for every home is {getattr(known.plan.limits, _LIMITS[rule]):g} °C."
        if usual is not None:
            words += f" At this time of day it usually has {usual[0]:.1f} °C."
        rooms = {
            s.room for s in known.plan.sensors if (found := self.thermometers.get(s.code)) and t - found.at <= _FRESH
        }
        words += f" Thermometers heard: {', '.join(sorted(rooms))}."
        return OpenFinding(
            kind=DeviationKind.TEMPERATURE,
            grade=grade,
            raised=t,
            started=since if self.open is None else self.open.started,
            explanation=words,
            evidence={
                "degrees": round(warmth, 1),
                "usual_degrees": None if usual is None else round(usual[0], 1),
                "rule": rule,
                "thermometers": len(rooms),
                "rests_on_days": round(known.learned_days, 1),
            },
        )

    def _ended(self, t: float, known: Known) -> Iterator[Finding]:
        if self.open is not None:
            yield self.open.finding(known.plan, ended=max(t, self.open.started))
            self.open, self.open_rule = None, ""

    def held(self) -> list[OpenFinding]:
        """What is unusual just now."""
        return [] if self.open is None else [self.open]

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "open": None if self.open is None else asdict(self.open),
            "thermometers": {code: asdict(each) for code, each in self.thermometers.items()},
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        for name in _PLAIN:
            setattr(self, name, saved[name])
        self.open = None if saved["open"] is None else OpenFinding(**saved["open"])
        self.thermometers = {code: _Thermometer(**each) for code, each in saved["thermometers"].items()}


_PLAIN = ("due", "open_rule", "since", "at", "told", "ranges", "today")
# From the mildest to the gravest; what each is compared with, and what it is told together with.
_RULES = {
    "colder than usual": Grade.NOTICE,
    "hotter than usual": Grade.NOTICE,
    "cold": Grade.ATTENTION,
    "hot": Grade.ATTENTION,
    "very cold": Grade.URGENT,
    "very hot": Grade.URGENT,
}
_LIMITS = {
    "cold": "cold_degrees",
    "very cold": "very_cold_degrees",
    "hot": "hot_degrees",
    "very hot": "very_hot_degrees",
}
_SIDES = {rule: "cold" if "cold" in rule else "hot" for rule in _RULES}


def _part(t: float, known: Known) -> str:
    return PARTS[int(PART_OF_BIN[known.situation.clock.at(t)[0]])]

"""The front door opened at an hour of the night when it hardly ever is: somebody may have gone out confused.

How rare is by the home's own openings: the chance that a day has one at an hour this rare or rarer,

    1 − exp(−Σ_{b': λ_b' ≤ λ_b} λ_b')      λ_b: openings a day in quarter hour b, smoothed, with a population's nights

It is worse when nobody moves inside within ten minutes: then they are out. Who comes home late from an outing opens the
door as well; that is not told, but counts as an opening. One finding an episode, unless it gets worse.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from anomaly import explain
from anomaly.clock_bins import BINS
from anomaly.detectors.detector import Known, only
from anomaly.detectors.rarity import Rarity, grade_of
from anomaly.open_finding import Finding, OpenFinding, next_minute
from anomaly.plan import PlanSensor
from anomaly.situation import Quiet
from store.deviation import DeviationKind, Grade

HALF_LIFE_DAYS = 60.0  # learned days
_PRIOR_DAYS = 60.0  # days for which the population counts
# Openings a day in a quarter hour, by hour from 23:00. Assumed: about one night in 400 between one and five, because no
# data of people of that age was at hand. Weighs as much as the home's own after two months.
_NIGHT_RATES = {23: 0.003, 0: 0.0012, 1: 0.0002, 2: 0.0002, 3: 0.0002, 4: 0.0002, 5: 0.0015}
_BY_DAY = 0.05
_KERNEL = (1 / 9, 2 / 9, 3 / 9, 2 / 9, 1 / 9)
_INSIDE_WITHIN = 600.0  # seconds after the door, within which somebody who stays in is seen …
_INSIDE_FROM = 60.0  # … but not at once: who leaves is seen at the door
_OUT_TIMES = math.log(5.0)  # of five who open the door at such an hour four stay in; assumed
_ONE_EPISODE = 6 * 3600.0
_PROBABLY = 0.5


class DoorAtNight:
    """Watches the front door of one home at night."""

    def __init__(self) -> None:
        self.due = math.inf
        self.rarity = Rarity(a_day=1.0, of=DeviationKind.DOOR_AT_NIGHT)
        self.openings = [0.0] * BINS
        self.days = 0.0
        self.today: set[int] = set()  # quarter hours of the running day in which it was opened
        self.judged: list[tuple[int, bool]] = []  # … of the openings at night that were judged, and were they out?
        self.lesson: list[Any] | None = None  # both, of the day that is over
        self.opened: float | None = None  # the opening that is being judged
        self.rare = 0.0  # −log of its chance a day
        self.door_at = -math.inf  # when the front door said anything last
        self.is_inside = False  # somebody moved inside since
        self.open: OpenFinding | None = None
        self.told_at = -math.inf  # the newest finding, and its rank: one episode is told once
        self.told_rank = -1

    @only(lambda sensor: sensor.is_exit and not sensor.kind.is_measurement)
    def reading(self, sensor: PlanSensor, t: float, value: float, known: Known) -> Iterator[Finding]:
        """The front door was opened or closed."""
        if not sensor.is_exit or sensor.kind.is_measurement:
            return
        yield from self._ended(t, known)  # whoever was out is back, or goes again
        self.door_at, self.is_inside = t, False
        if self.opened is not None:
            self._wake(t + _INSIDE_WITHIN)
        if value <= 0:
            return
        situation = known.situation
        bin_ = situation.clock.at(t)[0]
        self.today.add(bin_)
        if bin_ // 4 in _NIGHT_RATES and situation.watching and situation.gone < _PROBABLY and self.opened is None:
            self.opened, self.rare = t, self.surprise_of(bin_)
            self._wake(t)

    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterable[Finding]:
        """Somebody is inside."""
        if sensor.is_exit or t < self.door_at + _INSIDE_FROM:
            return ()
        self.is_inside = True
        return self._ended(t, known) if self.open is not None and self.opened is None else ()

    def changed(self, t: float, known: Known) -> Iterator[Finding]:
        """What cannot be seen is not judged: they may have been inside."""
        situation = known.situation
        if situation.is_away(t) or situation.has_visit(t):
            yield from self._ended(t, known)
        if not situation.watching:
            self.opened, self.due = None, math.inf

    def look(self, t: float, known: Known) -> Iterator[Finding]:
        """Say that it was opened; ten minutes later, whether they seem to be out."""
        self.due = math.inf
        if self.opened is None:
            return
        judged_at = next_minute(self.door_at + _INSIDE_WITHIN)
        if t < judged_at:
            yield from self._told(t, known, is_out=False)
            self.due = judged_at
            return
        is_out = not self.is_inside and known.situation.gone >= _PROBABLY
        yield from self._told(t, known, is_out=is_out)
        self.judged.append((known.situation.clock.at(self.opened)[0], is_out))
        self.opened = None
        if not is_out:
            yield from self._ended(t, known)

    def surprise_of(self, bin_: int) -> float:
        """−log of the chance that a day has an opening in a quarter hour as rare as this or rarer."""
        rates = self.rates()
        return -math.log(-math.expm1(-sum(rate for rate in rates if rate <= rates[bin_] + 1e-12)))

    def rates(self) -> list[float]:
        """λ: openings a day in each quarter hour."""
        smooth = (
            sum(weight * self.openings[(b + i - 2) % BINS] for i, weight in enumerate(_KERNEL)) for b in range(BINS)
        )
        weight = _PRIOR_DAYS + self.days
        return [(own + _PRIOR_DAYS * _NIGHT_RATES.get(b // 4, _BY_DAY)) / weight for b, own in enumerate(smooth)]

    def day_over(self, midnight: float, known: Known, *, learnable: bool) -> None:
        """When the door was opened is learned by `learn_day`, if the day may teach."""
        self.lesson = [sorted(self.today), self.judged]
        self.today, self.judged = set(), []

    def learn_day(self, lesson: list[Any]) -> None:
        """The openings of another day, and how rare they were by the days before it."""
        bins, judged = lesson
        top = max((self.surprise_of(bin_) + (_OUT_TIMES if is_out else 0.0) for bin_, is_out in judged), default=0.0)
        self.discount(2.0 ** (-1.0 / HALF_LIFE_DAYS), with_rarity=False)
        for bin_ in bins:
            self.openings[bin_] += 1.0
        self.days += 1.0
        self.rarity.learn_day(top)

    def learned(self) -> Any:
        """The counts as JSON."""
        return {"rarity": self.rarity.saved(), "openings": self.openings, "days": self.days}

    def relearn(self, learned: Any) -> None:
        """From there."""
        self.rarity.restore(learned["rarity"])
        self.openings, self.days = list(learned["openings"]), learned["days"]

    def discount(self, share: float, *, with_rarity: bool = True) -> None:
        """The past counts so much from now on."""
        self.openings = [round(each * share, 4) for each in self.openings]
        self.days *= share
        if with_rarity:
            self.rarity.discount(share)

    def _told(self, t: float, known: Known, *, is_out: bool) -> Iterator[Finding]:
        surprise = self.rare + (_OUT_TIMES if is_out else 0.0)
        most = Grade.URGENT if is_out else Grade.ATTENTION
        grade = grade_of(surprise, self.rarity.needed(known, known.plan.limits.false_door_at_night_a_month, most=most))
        if grade is None or (t - self.told_at < _ONE_EPISODE and grade.rank <= self.told_rank):
            return
        self.told_rank = grade.rank
        self.told_at = t
        self.open = self._finding(grade, surprise, t, known, is_out=is_out)
        yield self.open.finding(known.plan)

    def _finding(self, grade: Grade, surprise: float, t: float, known: Known, *, is_out: bool) -> OpenFinding:
        assert self.opened is not None
        shown = self.rarity.shown(surprise, known)
        at = explain.clock_time(self.opened, known.plan.zone, seen_from=t)
        words = [
            f"Front door opened at {at}.",
            "Nobody has moved inside since." if is_out else "",
            f"That it opens at an hour this unusual here {explain.rarity(shown, self.rarity.once_in_days(surprise))}.",
            explain.equipment(known.situation, t) or "",
        ]
        return OpenFinding(
            kind=DeviationKind.DOOR_AT_NIGHT,
            grade=grade,
            raised=t,
            started=self.opened,
            once_in_days=round(shown, 1),
            explanation=" ".join(word for word in words if word),
            evidence={
                "moved_inside": self.is_inside,
                "seems_out": is_out,
                "surprise_nats": round(surprise, 3),
                "rests_on_days": round(known.learned_days, 1),
                "residents": known.plan.residents,
            },
        )

    def _ended(self, t: float, known: Known) -> Iterator[Finding]:
        if self.open is not None:
            yield self.open.finding(known.plan, ended=max(t, self.open.started))
            self.open = None

    def _wake(self, t: float) -> None:
        self.due = min(self.due, next_minute(t))

    def held(self) -> list[OpenFinding]:
        """What is unusual just now."""
        return [] if self.open is None else [self.open]

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            **self.learned(),
            "today": sorted(self.today),
            "judged": self.judged,
            "open": None if self.open is None else asdict(self.open),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        for name in _PLAIN:
            setattr(self, name, saved[name])
        self.relearn(saved)
        self.today = set(saved["today"])
        self.judged = [(bin_, is_out) for bin_, is_out in saved.get("judged", ())]
        self.open = None if saved["open"] is None else OpenFinding(**saved["open"])


_PLAIN = ("due", "opened", "rare", "door_at", "is_inside", "told_at", "told_rank")

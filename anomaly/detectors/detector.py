"""What a detector is, and what it may look at. A new one is a new file here and a line in `family`."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

from anomaly.governor import Governor
from anomaly.hazard import Hazard
from anomaly.open_finding import Finding, OpenFinding
from anomaly.plan import HomePlan, PlanSensor
from anomaly.return_period import DailyMaximum
from anomaly.situation import PASSAGE, Quiet, Situation
from anomaly.witnesses import Witnesses
from store.deviation import Grade

CEILINGS_ONLY_DAYS = 3.0  # learned days before which only ceilings and equipment speak
WARM_UP_DAYS = 14.0  # learned days before which everything must be twice as rare
NOTICE_DAYS = 10.0  # shown on the page
_PERHAPS, _PROBABLY = 0.01, 0.5  # chances of being out
URGENT_DAYS = 365.0  # somebody must look now


_UNHEEDED, _ONLY = "is_unheeded", "reads_only"

Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A sensor that may have died since it spoke last."""

    code: str
    heard_at: float  # epoch seconds
    evidence: float  # nats, from the time before the running quiet
    stays_on: bool = False  # it has not switched off for so long that it would see nobody move


def _nobody() -> list[Suspicion]:
    return []


@dataclass(slots=True, kw_only=True)
class Known:
    """What is known of a home. Detectors read it; `home_model` writes it."""

    situation: Situation
    hazard: Hazard
    maxima: DailyMaximum
    witnesses: Witnesses = field(default_factory=Witnesses)
    suspects: Callable[[], list[Suspicion]] = _nobody
    learned_days: float = 0.0
    governor: Governor = field(default_factory=Governor)

    def offset(self, detector: str) -> float:
        """g + c, nats: how much higher the thresholds of this detector stand than the home's own days say."""
        return self.governor.offset(detector, self.plan.offset)

    @property
    def plan(self) -> HomePlan:
        """The home as it was described to us."""
        return self.situation.plan

    def may_be_out(self) -> bool:
        """Did the running quiet begin with the front door, by which somebody may have left?"""
        quiet, door_at = self.situation.quiet, self.situation.door_at
        if quiet is None or door_at is None or quiet.out < _PERHAPS:
            return False
        return quiet.out >= _PROBABLY or 0.0 <= quiet.began - door_at <= PASSAGE

    def probably_out(self, t: float) -> bool:
        """Is the resident rather out than at home by now? The longer nobody moves after the door, the likelier."""
        quiet = self.situation.quiet
        if quiet is None or not self.may_be_out():
            return False
        spells = self.hazard.spells(quiet.observed(t), quiet.place, self.situation.clock)
        at_home = (1.0 - quiet.out) * math.exp(-self.hazard.surprise_of(spells))
        return quiet.out >= at_home

    def required_days(self, false_a_month: float) -> dict[Grade, float]:
        """How rare something must be for each grade, at this stage of learning. Empty: too early for any.

        In the first fortnight everything must be twice as rare, and only a ceiling is urgent: once in two years cannot
        be known after one week.
        """
        if self.learned_days < CEILINGS_ONLY_DAYS:
            return {}
        if self.learned_days < WARM_UP_DAYS:
            return {Grade.NOTICE: 2.0 * NOTICE_DAYS, Grade.ATTENTION: 2.0 * 30.0 / false_a_month}
        return {Grade.NOTICE: NOTICE_DAYS, Grade.ATTENTION: 30.0 / false_a_month, Grade.URGENT: URGENT_DAYS}


def says_nothing() -> Iterator[Finding]:
    """For what a detector does not care about."""
    return iter(())


def unheeded(method: Method) -> Method:
    """Marks `reading` or `life` of a detector that has no use for it: then it is not called for every row."""
    method.__dict__[_UNHEEDED] = True
    return method


def heeds(detector: "Detector", method: str) -> bool:
    """Does this detector want to be told of rows in this way?"""
    return _UNHEEDED not in getattr(getattr(detector, method), "__dict__", {})


def only(reads: Callable[[PlanSensor], bool]) -> Callable[[Method], Method]:
    """Marks `reading` of a detector that wants to be told of these sensors alone."""

    def marked(method: Method) -> Method:
        method.__dict__[_ONLY] = reads
        return method

    return marked


def reads(detector: "Detector", sensor: PlanSensor) -> bool:
    """Does this detector want to be told what this sensor says?"""
    chosen = getattr(detector.reading, "__dict__", {}).get(_ONLY)
    return chosen is None or bool(chosen(sensor))


class Detector(Protocol):
    """One family of findings. State is its own; `look` is called at a full minute, when `due` has come."""

    due: float  # epoch seconds, a full minute: when to look next unless something happens before; inf: never

    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterable[Finding]:
        """Somebody moved; `known.situation` shows the new quiet already, `before` is the one that ended."""

    def reading(self, sensor: PlanSensor, t: float, value: float, known: Known) -> Iterable[Finding]:
        """Any sensor said anything, in its time: both changes of a door, measurements, movements. Before `life`."""

    def changed(self, t: float, known: Known) -> Iterator[Finding]:
        """Watching began or ended, the hub spoke, or the plan was changed."""

    def look(self, t: float, known: Known) -> Iterator[Finding]:
        """Say what is to be said at this minute, and set `due`."""

    def day_over(self, midnight: float, known: Known, *, learnable: bool) -> None:
        """A civil day has ended; learn from it if it may teach."""

    def held(self) -> list[OpenFinding]:
        """What is unusual just now."""

    def saved(self) -> dict[str, Any]:
        """The state as JSON values."""

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on from there."""


@runtime_checkable
class Pupil(Protocol):
    """A detector with counts of its own that are learned from whole days."""

    lesson: Any  # what the day that is over showed, as JSON; None: nothing

    def learn_day(self, lesson: Any) -> None:
        """Learn it, and forget a little of what is older."""

    def learned(self) -> Any:
        """The counts as JSON: everything that `learn_day` changes, and nothing else."""

    def relearn(self, learned: Any) -> None:
        """From there, or back to there."""

    def discount(self, share: float) -> None:
        """The past counts so much from now on."""


@runtime_checkable
class Diary(Protocol):
    """A detector that keeps its last days apart by itself (`day_journal`)."""

    def mask(self, days: set[int]) -> None:
        """These civil days must not teach, and no others."""

    def discount(self, share: float) -> None:
        """The past counts so much from now on."""

"""Several findings about one situation tell people once: later ones of the same or a lower grade join the first.

Not up at ten, then no movement at eleven, while nobody has stirred: that is one matter. Whoever was told of the first
finding is told nothing new by the second. So the second is written with the grade that it has on the page, a notice,
with the id of the first as `episode` and what it would have been alone as `grade_alone`. It rises by itself as soon as
it is graver than anything that people were told of this episode. Nothing is ever lowered below what was told.

An episode is over six hours after its last finding, or as soon as the resident was evidently up and about again: then
a new quiet is a new matter. Only findings about how the resident is are joined. A cold home, a slow change, faults of
the equipment (which concern other people) and an opened front door (which is an event, not the absence of one) speak
for themselves. Here nothing is known of alerts: whether the one of the episode is still open is for `alerts` to see.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from anomaly.detectors.detector import Known, says_nothing, unheeded
from anomaly.open_finding import Finding, OpenFinding
from anomaly.plan import HomePlan, PlanSensor
from anomaly.situation import Quiet
from store.coverage import tells_of_people
from store.deviation import EPISODE, GRADE_ALONE, Deviation, DeviationKind, Grade

LASTS = 6 * 3600.0  # seconds after the last finding of an episode has ended
_A_NIGHT = 12 * 3600.0  # seconds
_TOGETHER = 600.0  # seconds between signs of life in two rooms: somebody walked
_MINUTE = 60.0

# Kinds that say the same of the resident while nobody moves.
_JOINING = frozenset({
    DeviationKind.INACTIVITY, DeviationKind.DWELL, DeviationKind.NOT_UP, DeviationKind.LATE_KITCHEN,
    DeviationKind.NOT_TO_BED, DeviationKind.NOT_RETURNED, DeviationKind.UP_AT_NIGHT, DeviationKind.CANNOT_OBSERVE,
})  # fmt: skip
_BEGINNING = _JOINING | {DeviationKind.DOOR_AT_NIGHT}
# Of somebody who is up and about at night both are said, and movement is what they are about.
_WAKEFUL = frozenset({DeviationKind.UP_AT_NIGHT, DeviationKind.NOT_TO_BED})


@dataclass(slots=True, kw_only=True)
class Episode:
    """What people were told of one situation. Plain values, so that it can be saved as JSON."""

    id: str  # of the finding that began it
    kind: str  # of that finding
    grade: str  # the highest that people were told
    told_at: float  # epoch seconds, newest rise of it
    going_on: list[str] = field(default_factory=list)  # ids of its findings
    ended: float = -math.inf  # the newest end of one of them


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """How a finding that goes on was written down."""

    grade: str
    episode: str
    alone: str  # "" if it spoke for itself


class Episodes:
    """The newest episode of one home. Listens like a detector, and says nothing by itself."""

    due = math.inf

    def __init__(self) -> None:
        self.newest: Episode | None = None
        self.said: dict[str, _Said] = {}  # id of a finding that goes on
        self.room = ""  # of the newest sign of life …
        self.seen = -math.inf  # … and when
        self._plan: HomePlan | None = None
        self._is_one_room = False
        self.active: list[float] = []  # when somebody was evidently up and about; at most once a minute

    # What the findings are told as ---------------------------------------------------------------

    def joined(self, found: Iterable[Finding]) -> list[Finding]:
        """The findings as they are to be told, in the same order, which is that of time."""
        told = [self._told(finding) for finding in found]
        if len(self.active) > 1:  # what comes is later than all of them
            self.active = [max(self.active)]
        return told

    def as_told(self, finding: Finding) -> Finding:
        """A finding that goes on, as it was told when it came to its present grade."""
        said = self.said.get(str(finding.id))
        return finding if said is None or not isinstance(finding, Deviation) else _said_as(finding, said)

    def _told(self, finding: Finding) -> Finding:
        if not isinstance(finding, Deviation) or finding.kind not in _BEGINNING:
            return finding
        if finding.ended_at is not None:
            return self._over(finding)
        if finding.grade is Grade.NOTICE:
            return finding
        key, at = str(finding.id), finding.raised_at.timestamp()
        newest = self.newest
        if newest is None or not self._is_of(newest, finding, at):
            self.newest = Episode(id=key, kind=str(finding.kind), grade=str(finding.grade), told_at=at, going_on=[key])
            self.said[key] = _Said(grade=str(finding.grade), episode=key, alone="")
            return finding
        if key not in newest.going_on:
            newest.going_on.append(key)
        if finding.grade.rank > Grade(newest.grade).rank:
            newest.grade, newest.told_at = str(finding.grade), at
            said = _Said(grade=str(finding.grade), episode=newest.id, alone="")
        else:
            before = self.said.get(key)
            grade = Grade.NOTICE if before is None else Grade(before.grade)
            said = _Said(grade=str(grade), episode=newest.id, alone=str(finding.grade))
        self.said[key] = said
        return _said_as(finding, said)

    def _over(self, finding: Deviation) -> Deviation:
        key = str(finding.id)
        said = self.said.pop(key, None)
        if self.newest is not None and key in self.newest.going_on:
            assert finding.ended_at is not None
            self.newest.going_on.remove(key)
            self.newest.ended = max(self.newest.ended, finding.ended_at.timestamp())
        return finding if said is None else _said_as(finding, said)

    def _is_of(self, episode: Episode, finding: Deviation, at: float) -> bool:
        """Is this about the situation that people were told of?"""
        if str(finding.id) in episode.going_on:
            return True
        if finding.kind not in _JOINING or (not episode.going_on and at - episode.ended > LASTS):
            return False
        if {episode.kind, finding.kind} <= _WAKEFUL and at - episode.told_at <= _A_NIGHT:
            return True
        return not any(episode.told_at <= moment < at for moment in self.active)

    # What is seen of the resident ----------------------------------------------------------------

    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterable[Finding]:
        """Somebody moved: from one room to another?"""
        is_late = t < self.seen
        if is_late or (t - self.seen <= _TOGETHER and (sensor.room != self.room or self._is_one_room_of(known.plan))):
            self._note(t)
        if not is_late:
            self.room, self.seen = sensor.room, t
        return ()

    def _is_one_room_of(self, plan: HomePlan) -> bool:
        if plan is not self._plan:  # once for a plan, not at every row
            self._plan, self._is_one_room = plan, _is_one_room(plan)
        return self._is_one_room

    def _note(self, t: float) -> None:
        # Findings are raised at full minutes, so one moment of each minute tells as much as all of them.
        if not self.active or self.active[-1] // _MINUTE != t // _MINUTE:
            self.active.append(t)

    @unheeded
    def reading(self, sensor: PlanSensor, t: float, value: float, known: Known) -> Iterator[Finding]:
        """Nothing to say: see `Detector`."""
        return says_nothing()

    def changed(self, t: float, known: Known) -> Iterator[Finding]:
        """Nothing to say."""
        return says_nothing()

    def look(self, t: float, known: Known) -> Iterator[Finding]:
        """Never called: nothing is due."""
        return says_nothing()

    def day_over(self, midnight: float, known: Known, *, learnable: bool) -> None:
        """Nothing is learned here."""

    def held(self) -> list[OpenFinding]:
        """The findings are the detectors'."""
        return []

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "newest": None if self.newest is None else asdict(self.newest),
            "said": {key: asdict(said) for key, said in self.said.items()},
            "room": self.room,
            "seen": self.seen,
            "active": self.active,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.newest = None if saved["newest"] is None else Episode(**saved["newest"])
        self.said = {key: _Said(**said) for key, said in saved["said"].items()}
        self.room, self.seen, self.active = saved["room"], saved["seen"], list(saved["active"])


def _said_as(finding: Deviation, said: _Said) -> Deviation:
    evidence = dict(finding.evidence)
    if said.episode != str(finding.id):
        evidence[EPISODE] = said.episode
    if said.alone:
        evidence[GRADE_ALONE] = said.alone
    return replace(finding, grade=Grade(said.grade), evidence=evidence)


def _is_one_room(plan: HomePlan) -> bool:
    """Then nobody can be seen to walk, and two signs of life must do."""
    return len({sensor.room for sensor in plan.sensors if tells_of_people(sensor.kind)}) <= 1

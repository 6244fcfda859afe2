"""Where things stand in one home: can it be observed, since when is it quiet, and is the resident at home at all?

Equipment must never look like inactivity, so the clock of a quiet runs only while a movement would have been
recorded and somebody is expected. Leaving must not look like it either: a front door event up to two minutes before
the last movement is exit evidence, and one stray event in an empty home is not a return.
Not here: how long a quiet usually lasts (`hazard`).
"""

import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from anomaly.clock_bins import BINS, Floats, clock_of
from anomaly.hazard import Stretch
from anomaly.passages import ELSEWHERE, Passage, Passages, less_likely, speaks_for_home
from anomaly.plan import HomePlan, Place, PlanSensor
from store.coverage import tells_of_people
from store.home import SensorKind

PASSAGE = (
    120.0  # seconds: a door event so shortly before the last movement is exit evidence (2 min did better than 5 or 10)
)
CENSORED_AFTER = 900.0  # blind seconds after which a quiet teaches nothing
MISSED_DOOR = 1e-6  # chance of having left without a door event; bounds Λ, far above any threshold
_MATS = {SensorKind.BED, SensorKind.CHAIR}
_ON_MATS = {Place.IN_BED, Place.IN_CHAIR}
_WITH_MATS = {Place.BEDROOM, Place.LOUNGE}
_SETTLING = 72 * 3600.0  # seconds after a long absence in which nothing is learned …
_LONG_ABSENCE = 24 * 3600.0  # … if it was longer than this

_PLAIN = (
    "at", "covered_until", "last_check_in", "pressed", "door_at", "passage_told", "gone",
    "told_home_at", "watching", "can_see", "is_covered", "refreshed_at", "blind_since", "_seen_from",
)  # fmt: skip


@dataclass(slots=True)
class Quiet:
    """The time since the last sign of life."""

    began: float
    place: Place
    room: str
    out: float  # chance, as it began, that the resident had just left
    gone: float = 0.0  # the same without what a pressed mat says
    stretches: list[Stretch] = field(default_factory=list)  # observed parts that are over
    watched_from: float | None = None  # the observed part that is running
    blind: float = 0.0  # seconds of it that nobody could see
    tainted: bool = False  # a late event or an open alert: nothing is to be learned from it

    def observed(self, until: float) -> list[Stretch]:
        """Its observed parts up to an instant."""
        if self.watched_from is None or until <= self.watched_from:
            return self.stretches
        return [*self.stretches, (self.watched_from, until)]

    @property
    def is_plain(self) -> bool:
        """Watched from its beginning without a break, at home, and nothing strange about it."""
        return self.watched_from == self.began and not self.tainted and self.out < 0.5

    def age(self, until: float) -> float:
        """Observed seconds."""
        return sum(end - start for start, end in self.observed(until))

    @property
    def chance_out(self) -> float:
        """As it began; never quite 0, because a door event may be missed."""
        return max(self.out, MISSED_DOOR)


def with_absence(surprise: Floats, out: float) -> Floats:
    """Λ when the resident may have left with this chance: −log(p + (1 − p)·exp(−Λ)).

    The same as weighting the exposure at home by 1 − P(out), because the longer the quiet, the likelier it is that
    nobody is there. It stays below −log p.
    """
    return -np.log(out + (1.0 - out) * np.exp(-np.asarray(surprise, dtype=np.float64)))


class Situation:
    """What one home looks like at this instant, kept up to date by rows and by the clock."""

    def __init__(self, plan: HomePlan) -> None:
        self.clock = clock_of(plan.zone)
        self.at = -math.inf  # everything before this has been taken in
        self.quiet: Quiet | None = None
        self.covered_until = -math.inf
        self.last_check_in: float | None = None
        self.pressed: dict[str, float] = {}  # bed and chair mats somebody is on, since when
        self.passages = Passages()
        self.door_at: float | None = None
        self.passage = Passage.FROM_INSIDE  # the newest
        self.passage_told = True  # whether the newest passage has taught us yet if they had left
        self.gone = 0.0  # chance that they are out, until sustained activity says otherwise
        self.rooms_since_door: set[str] = set()
        self.told_home_at = -math.inf  # the newest movement since that speaks for somebody at home
        self.silent_sensors: set[str] = set()  # found dead by the detectors
        self.seen: Floats = np.zeros(BINS)  # observed seconds of the running civil day
        self._seen_from: float | None = None
        self.watching = False
        self.can_see = False
        self.is_covered = False  # by check-ins of the hub
        self.refreshed_at = -math.inf  # when that was looked at last
        self.blind_since: float | None = None  # equipment only
        self._lost: tuple[HomePlan, set[str], set[str], bool] | None = None
        self._set_plan(plan)

    def change_plan(self, plan: HomePlan) -> None:
        """Sensors, absences or visits were noted or taken back."""
        self._set_plan(plan)
        if math.isfinite(self.at):
            self.refresh(self.at)

    def _set_plan(self, plan: HomePlan) -> None:
        self.plan = plan
        self.sensors = {sensor.code: sensor for sensor in plan.sensors}
        edges = {edge for period in (*plan.absences, *plan.visits) for edge in (period.start, period.end)}
        self._edges = sorted(edges)
        self._next_edge = self._edge_after(self.refreshed_at)
        if plan.always_observed:
            self.covered_until = math.inf

    # What the clock does --------------------------------------------------------------------

    def next_change(self) -> float:
        """The next instant at which watching begins or ends without any row."""
        edge = self._next_edge
        return self.covered_until if self.is_covered and self.covered_until < edge else edge

    def _edge_after(self, t: float) -> float:
        return next((edge for edge in self._edges if edge > t), math.inf)

    def is_away(self, t: float) -> bool:
        """Is it noted that nobody is at home?"""
        absences = self.plan.absences
        return bool(absences) and any(period.start <= t < period.end for period in absences)

    def has_visit(self, t: float) -> bool:
        """Is it noted that somebody else is there?"""
        visits = self.plan.visits
        return bool(visits) and any(period.start <= t < period.end for period in visits)

    def is_settling(self, t: float) -> bool:
        """Back from a long absence, days are not yet as usual."""
        if not self.plan.absences:
            return False
        long = (period for period in self.plan.absences if period.end - period.start > _LONG_ABSENCE)
        return any(period.start <= t < period.end + _SETTLING for period in long)

    def refresh(self, t: float) -> None:
        """See whether anybody could be observed from this instant on, and start or stop the clocks."""
        self.refreshed_at = t
        if self._edges:
            self._next_edge = self._edge_after(t)
        self.is_covered = t < self.covered_until
        self.can_see = self.is_covered and not self._is_essential_place_dark()
        if self.can_see:
            self.blind_since = None
        elif self.blind_since is None:
            self.blind_since = t
        watching = self.can_see and not self.is_away(t) and not self.has_visit(t)
        if watching == self.watching:
            return
        self.watching = watching
        if watching:
            self._seen_from = t
        else:
            self._note_seen(t)
            self._seen_from = None
        if self.quiet is not None:
            self._watch_quiet(self.quiet, t)

    def _watch_quiet(self, quiet: Quiet, t: float) -> None:
        if self.watching:
            watched = sum(end - start for start, end in quiet.stretches)
            quiet.blind = (t - quiet.began) - watched
            quiet.watched_from = t
        elif quiet.watched_from is not None:
            quiet.stretches.append((quiet.watched_from, t))
            quiet.watched_from = None

    @property
    def lost_sensors(self) -> set[str]:
        """Sensors that would not tell of a movement: found dead by the detectors, or lost by their bridge's word."""
        return self._judged()[2]

    def _is_essential_place_dark(self) -> bool:
        return self._judged()[3]

    def _judged(self) -> tuple[HomePlan, set[str], set[str], bool]:
        """For which plan and silent sensors; what is lost; is an essential place dark? Made anew when those change,

        not at every check-in.
        """
        known = self._lost
        if known is None or known[0] is not self.plan or known[1] != self.silent_sensors:
            sensors = self.plan.sensors
            dead = {s.code for s in sensors if s.code in self.silent_sensors or not s.is_available}
            live_rooms = {s.room for s in sensors if s.code not in dead and tells_of_people(s.kind)}
            is_dark = any(s.is_essential and s.code in dead and s.room not in live_rooms for s in sensors)
            known = self._lost = (self.plan, set(self.silent_sensors), dead, is_dark)
        return known

    def _note_seen(self, t: float) -> None:
        if self._seen_from is not None:
            self.seen += self.clock.spread(self._seen_from, t)
            self._seen_from = t

    def day_over(self, midnight: float) -> Floats:
        """The seconds of the day that just ended in which the home was watched, by quarter hour."""
        self._note_seen(midnight)
        seen, self.seen = self.seen, np.zeros(BINS)
        return seen

    # What rows do ---------------------------------------------------------------------------

    def check_in(self, t: float, *, is_offline: bool) -> None:
        """The hub said that it is there, or that it goes."""
        if self.plan.always_observed:
            return
        if is_offline:
            self.covered_until = min(self.covered_until, t)
        else:
            self.covered_until = max(self.covered_until, t + self.plan.covered_seconds)
            self.last_check_in = max(self.last_check_in or t, t)
        self.refresh(max(t, self.at))

    def note_state(self, sensor: PlanSensor, t: float, value: float) -> None:
        """Remember which mats are pressed."""
        if sensor.kind in _MATS:
            if value > 0:
                self.pressed.setdefault(sensor.code, t)
            else:
                self.pressed.pop(sensor.code, None)

    def life(self, sensor: PlanSensor, t: float, value: float, *, chance_out: float) -> None:
        """Somebody moved: a new quiet begins. `chance_out` is what the quiet before had come to."""
        self._gone_or_not(sensor, t, chance_out=chance_out)
        self.quiet = self._quiet_from(sensor, t, value)
        self.quiet.watched_from = t if self.watching else None

    def _quiet_from(self, sensor: PlanSensor, t: float, value: float) -> Quiet:
        place = self.place_of(sensor, value)
        out = less_likely(self.gone, ELSEWHERE) if place in _ON_MATS else self.gone
        return Quiet(t, place, sensor.room, out, self.gone)

    def _gone_or_not(self, sensor: PlanSensor, t: float, *, chance_out: float) -> None:
        if sensor.is_exit:
            if self.door_at is None or t - self.door_at > PASSAGE:
                self.passage = Passage.FROM_OUTSIDE if chance_out >= 0.5 else Passage.FROM_INSIDE
                self.passage_told = False
            self.door_at = t
            self.rooms_since_door.clear()
            self.gone = self.passages.chance_left(self.clock.at(t)[0], self.passage)
        elif not self.gone:
            return
        elif (
            self.passage is Passage.FROM_OUTSIDE
            and self.gone
            and self.door_at is not None
            and t - self.door_at <= PASSAGE
        ):
            self.passage = Passage.CAME_IN
            self.gone = self.passages.chance_left(self.clock.at(t)[0], self.passage)
        elif self.gone and self.door_at is not None and t - self.door_at > PASSAGE:
            self.gone = self._still_gone(sensor, t, chance_out=chance_out)

    def _still_gone(self, sensor: PlanSensor, t: float, *, chance_out: float) -> float:
        """The chance that they are out though something moved: one stray event is not a return, a few minutes are."""
        is_elsewhere = sensor.room not in self.rooms_since_door
        times = speaks_for_home(sensor.kind, is_elsewhere=is_elsewhere, after=t - self.told_home_at)
        if times > 1.0:
            self.rooms_since_door.add(sensor.room)
            self.told_home_at = t
        return less_likely(chance_out, times)

    def late_life(self, sensor: PlanSensor, t: float, value: float) -> None:
        """A sign of life from the past: the quiet is shorter than it seemed, and teaches nothing."""
        assert self.quiet is not None
        old = self.quiet
        self._gone_or_not(sensor, t, chance_out=old.gone)  # they may have left while the hub could not say so
        self.quiet = self._quiet_from(sensor, t, value)
        self.quiet.tainted = True
        self.quiet.stretches = [(max(start, t), end) for start, end in old.stretches if end > t]
        if old.watched_from is not None:
            self.quiet.watched_from = max(old.watched_from, t)

    def learn_passage(self, *, by_door: bool) -> None:
        """The first long quiet after a front door event is over: had they left?"""
        if self.passage_told:
            return
        self.passage_told = True
        assert self.door_at is not None
        quarter = self.clock.at(self.door_at)[0]
        self.passages.note(quarter, self.passage, left=by_door)

    # Saved and gone on from ------------------------------------------------------------------

    def saved(self) -> dict[str, Any]:
        """The state as JSON values."""
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "quiet": None if self.quiet is None else asdict(self.quiet),
            "rooms_since_door": sorted(self.rooms_since_door),
            "silent_sensors": sorted(self.silent_sensors),
            "passages": self.passages.counts.tolist(),
            "passages_today": self.passages.today,
            "passage": int(self.passage),
            "seen": self.seen.tolist(),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Go on from there."""
        for name in _PLAIN:
            if name in saved:  # one that is newer than the state keeps its beginning
                setattr(self, name, saved[name])
        self._next_edge = self._edge_after(self.refreshed_at)
        if saved["quiet"] is not None:
            self.quiet = Quiet(**{**saved["quiet"], "place": Place(saved["quiet"]["place"])})
            self.quiet.stretches = [(start, end) for start, end in self.quiet.stretches]
        self.rooms_since_door = set(saved["rooms_since_door"])
        self.silent_sensors = set(saved["silent_sensors"])
        if saved["last_check_in"] is not None and self.plan.always_observed:  # an earlier recording had hub rows
            self.plan = replace(self.plan, always_observed=False)
        if not self.plan.always_observed and self.covered_until == math.inf:  # … or it had none, and this one has
            self.covered_until = self.at
        self.passages.restore(saved["passages"])
        self.passages.today = [list(each) for each in saved.get("passages_today", ())]
        self.passage = Passage(saved.get("passage", 0))
        self.seen[...] = saved["seen"]

    def place_of(self, sensor: PlanSensor, value: float) -> Place:
        """Where somebody is of whom this sensor says this; on a pressed mat, if there is one in that room."""
        if value <= 0 and sensor.kind in _MATS:
            return Place.BEDROOM if sensor.kind is SensorKind.BED else Place.LOUNGE
        if not self.pressed or sensor.place not in _WITH_MATS:
            return sensor.place
        kinds = {self.sensors[code].kind for code in self.pressed if code in self.sensors}
        if sensor.place is Place.BEDROOM and SensorKind.BED in kinds:
            return Place.IN_BED
        if sensor.place is Place.LOUNGE and SensorKind.CHAIR in kinds:
            return Place.IN_CHAIR
        return sensor.place

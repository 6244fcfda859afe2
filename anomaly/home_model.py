"""One home's model: rows go in, the clock is moved on, findings come out. The same for the service and for replay.

Everything happens in the order of event time, and what is said is said at a full minute, knowing exactly what happened
before that minute. So it makes no difference in how many steps the clock is advanced, or where a run is cut in two.
Score, then learn: a quiet is scored while it lasts and teaches when its day is over (`learning`); blind time, absences,
visits and whatever is under an open alert teach nothing.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from numpy.typing import NDArray

from anomaly import state as saved_form
from anomaly.clock_bins import QUARTER
from anomaly.counts import QuarterCounts
from anomaly.detectors.blindness import Blindness
from anomaly.detectors.detector import Detector, Diary, Known, Pupil, heeds, reads
from anomaly.detectors.family import family
from anomaly.detectors.hub_silence import HubSilence
from anomaly.detectors.inactivity import Inactivity
from anomaly.detectors.not_up import NotUp
from anomaly.detectors.sensor_silence import SensorSilence
from anomaly.episode import Episodes
from anomaly.hazard import Hazard, by_block
from anomaly.learning import Learning
from anomaly.open_finding import Finding
from anomaly.plan import HomePlan, PlanSensor
from anomaly.return_period import DailyMaximum
from anomaly.situation import Quiet, Situation
from store.hub import HubState
from store.recording import HUB, Row, RowsInOrder

_PUPILS = ("not_up", "dwell", "not_returned", "door_at_night")  # who learn whole days through `learning`


class HomeModel:
    """The routine of one home, and what is unusual about it just now."""

    def __init__(
        self, plan: HomePlan, state: bytes | None = None, *, arrays: Mapping[str, NDArray[Any]] | None = None
    ) -> None:
        """`arrays`: where the counts are to live, if a `fleet` keeps them."""
        self.known = Known(situation=Situation(plan), hazard=Hazard(), maxima=DailyMaximum())
        self.counts = QuarterCounts()
        self.inactivity, self.not_up = Inactivity(), NotUp()
        self.blindness, self.hub_silence = Blindness(), HubSilence()
        self.sensor_silence, self.episodes = SensorSilence(), Episodes()
        self.known.suspects = lambda: self.sensor_silence.suspects(self.known)
        self._family = family()
        self._detectors: dict[str, Detector] = {
            "inactivity": self.inactivity,
            "not_up": self.not_up,
            "blindness": self.blindness,
            "hub_silence": self.hub_silence,
            "sensor_silence": self.sensor_silence,
            **self._family,
            "episodes": self.episodes,
        }
        pupils = {name: each for name in _PUPILS if isinstance(each := self._detectors[name], Pupil)}
        diaries = [each for each in self._family.values() if isinstance(each, Diary)]
        self.learning = Learning(self.known, pupils, diaries)
        self.chances = self.learning.chances  # of the quiets since somebody looked
        # Those who listen: most detectors have nothing to learn from single rows, and rows are what there is most of.
        self._readers = [detector for detector in self._family.values() if heeds(detector, "reading")]
        self._listeners = [detector.life for detector in self._detectors.values() if heeds(detector, "life")]
        self._readers_of: dict[str, tuple[PlanSensor, list[Callable[..., Iterable[Finding]]]]] = {}
        self._counted = ("", -1)  # the newest movement: room and quarter hour
        self._onlookers: set[str] = set()
        self._rows = RowsInOrder()
        self._at = -math.inf  # a full minute: everything before it is known and decided
        self._midnight = math.inf
        self._view = (False, False, False)
        self._accounted = 0  # findings of the running step that the governor has heard of
        self.fed_until: float | None = None  # noted by replay, so that a run can go on where another stopped
        if arrays is not None:
            for part in (self.known.hazard, self.counts, self.known.maxima):
                part.live_in(arrays)
        if state is not None:
            self._restore(state)

    @property
    def plan(self) -> HomePlan:
        """The home as it was described."""
        return self.known.plan

    @property
    def at(self) -> datetime | None:
        """Up to where everything is decided; None before the first row."""
        return None if math.isinf(self._at) else datetime.fromtimestamp(self._at, UTC)

    @property
    def due(self) -> float:
        """When something is to be decided though no row comes; epoch seconds."""
        if math.isinf(self._at):
            return math.inf
        due = min(self._midnight, self.known.situation.next_change())
        for detector in self._detectors.values():
            due = min(due, detector.due)
        return min(due, self._rows.first_at.timestamp()) if self._rows else due

    def attach(self, name: str, onlooker: Detector) -> None:
        """Let something look on with the eyes of a detector: the scorecard. It is no part of the saved state."""
        self._detectors[name] = onlooker
        self._readers.append(onlooker)
        self._readers_of.clear()
        self._listeners.append(onlooker.life)
        self._onlookers.add(name)

    def open_findings(self) -> list[Finding]:
        """What is unusual just now."""
        held = (found for detector in self._detectors.values() for found in detector.held())
        return [self.episodes.as_told(found.finding(self.plan)) for found in held]

    @property
    def waiting(self) -> int:
        """Rows taken in whose time has not come."""
        return len(self._rows)

    def change_plan(self, plan: HomePlan) -> None:
        """The home was described anew: sensors, absences, visits, limits, or what must not teach."""
        if plan == self.plan:
            return
        self.known.situation.change_plan(plan)
        self._replanned()

    def _replanned(self) -> None:
        if math.isinf(self._at):
            return
        known = self.known
        known.governor.weigh(self.plan.limits, self.plan.confirmed)
        self.learning.plan_changed(known.situation.clock.at(self._at)[2])
        self.inactivity.day_over(self._at, known, learnable=False)  # its thresholds may have moved

    def feed(self, rows: Iterable[Row]) -> None:
        """Take rows in, in any order. They count when the clock passes them; if it has passed, they are late."""
        for row in rows:
            self._rows.push(row)

    def advance(self, until: datetime) -> list[Finding]:
        """Move the clock to the last full minute not after `until`; what there was to say, in that order."""
        found: list[Finding] = []
        self._advance(math.floor(until.timestamp() / 60.0) * 60.0, found)
        return self.episodes.joined(found)

    def _advance(self, end: float, found: list[Finding]) -> None:
        situation, rows = self.known.situation, self._rows
        self._accounted = 0
        if math.isinf(self._at):
            if not rows or rows.first_at.timestamp() >= end:
                return
            self._begin(rows.first_at.timestamp())
        detectors = list(self._detectors.values())
        self._changed(self._at, found)  # the plan may have been changed
        while True:
            row_at = rows.first_epoch()
            change_at = situation.next_change()
            due = self._midnight
            for detector in detectors:
                if detector.due < due:
                    due = detector.due
            if row_at <= change_at and row_at < due:
                if row_at >= end:
                    break
                self._row(rows.pop(), row_at, found)
            elif change_at <= due:
                if change_at >= end:
                    break
                situation.at = change_at
                situation.refresh(change_at)
                self._changed(change_at, found)
            else:
                if due > end:
                    break
                situation.at = max(situation.at, due)
                if due >= self._midnight:
                    self._day_over(self._midnight, found)
                for detector in detectors:
                    if detector.due <= due:
                        found += detector.look(due, self.known)
                self._sensors_judged(due, found)
        self._at = max(self._at, end)
        situation.at = max(situation.at, self._at)
        self._account(found)

    def _begin(self, first: float) -> None:
        self._at = math.floor(first / 60.0) * 60.0
        situation = self.known.situation
        situation.at = self._at
        situation.refresh(self._at)
        self._midnight = situation.clock.midnight_after(self._at)

    def _row(self, row: Row, t: float, found: list[Finding]) -> None:
        known = self.known
        situation = known.situation
        late = t < self._at
        if t > situation.at:
            situation.at = t
        if row.sensor == HUB:
            is_offline = row.value is HubState.OFFLINE
            if not (late and is_offline):
                situation.check_in(t, is_offline=is_offline)
                self._changed(situation.at, found)
            return
        sensor = situation.sensors.get(row.sensor)
        if sensor is None:
            return  # taken out of the plan since
        value = float(row.value)
        if late:
            if sensor.shows_life(value) and situation.quiet is not None and t > situation.quiet.began:
                situation.late_life(sensor, t, value)
                self._told(sensor, t, None, found)
            return
        situation.note_state(sensor, t, value)
        readers = self._readers_of.get(sensor.code)
        if readers is None or readers[0] is not sensor:
            chosen = [detector.reading for detector in self._readers if reads(detector, sensor)]
            readers = self._readers_of[sensor.code] = sensor, [self.sensor_silence.note_state, *chosen]
        for reading in readers[1]:
            if said := reading(sensor, t, value, known):
                found += said
        if sensor.shows_life(value):
            before = situation.quiet
            chance_out = 0.0
            if before is not None:
                chance_out = self.learning.quiet_over(before, sensor, t, self.inactivity.open)
            known.witnesses.life(sensor.code, t, is_watched=before is not None and before.is_plain)
            situation.life(sensor, t, value, chance_out=chance_out)
            counted = (sensor.room, int(t // QUARTER))
            if counted != self._counted:
                self._counted = counted
                self.counts.life(situation.clock.at(t)[0], sensor.room)
            self._told(sensor, t, before, found)

    def _told(self, sensor: PlanSensor, t: float, before: Quiet | None, found: list[Finding]) -> None:
        known = self.known
        for life in self._listeners:
            if said := life(sensor, t, before, known):
                found += said
        self._sensors_judged(t, found)

    def _changed(self, t: float, found: list[Finding]) -> None:
        """Tell the detectors if the home can be seen now and could not before, or the other way round."""
        situation = self.known.situation
        view = (situation.watching, situation.can_see, situation.is_covered)
        if view != self._view:
            self._view = view
            for detector in self._detectors.values():
                found += detector.changed(t, self.known)

    def _sensors_judged(self, t: float, found: list[Finding]) -> None:
        situation, silence = self.known.situation, self.sensor_silence
        if not silence.silent and not silence.jammed and not situation.silent_sensors:
            return
        silent = silence.unseeing(situation.quiet)
        if silent != situation.silent_sensors:
            situation.silent_sensors = set(silent)
            situation.refresh(t)
            self._changed(t, found)

    def _day_over(self, midnight: float, found: list[Finding]) -> None:
        known, situation, learning = self.known, self.known.situation, self.learning
        day = situation.clock.at(midnight - QUARTER)[2]
        seen = situation.day_over(midnight)
        share, learnable = learning.may_teach(midnight, seen)
        learning.tell_diaries(day + 1)
        for detector in self._detectors.values():
            detector.day_over(midnight, known, learnable=learnable)
        learning.day_over(midnight, share, learnable=learnable)
        may_teach = learnable and not learning.must_not_teach(day)
        known.witnesses.day_over(learned=may_teach)
        self.counts.day_over(seen, learnable=may_teach)
        self._account(found)
        known.governor.day_over(day, self.plan.limits, self.plan.confirmed, is_observed=learnable)
        self._midnight = situation.clock.midnight_after(midnight)

    def _account(self, found: list[Finding]) -> None:
        """The governor hears what was said since it was told last."""
        self.known.governor.note(found[self._accounted :])
        self._accounted = len(found)

    # Saved and gone on from ------------------------------------------------------------------

    def _arrays(self) -> dict[str, Any]:
        found = {**self.known.hazard.arrays(), **self.counts.arrays(), "maxima": self.known.maxima.sums}
        return {name: array for name, array in found.items() if name not in ("rates", "means")}  # they follow from it

    def _witness_arrays(self) -> dict[str, Any]:
        return {f"witness_{name}": array for name, array in self.known.witnesses.arrays().items()}

    def to_bytes(self) -> bytes:
        """The whole state; a model made from it goes on bit for bit."""
        rows = self._rows.waiting()
        values = {
            "home": self.plan.code,
            "fed_until": self.fed_until,
            "at": self._at,
            "midnight": self._midnight,
            "learning": self.learning.saved(),
            "governor": self.known.governor.saved(),
            "view": self._view,
            "learned_days": self.known.learned_days,
            "today": self.counts.saved_today(),
            "situation": self.known.situation.saved(),
            "witnesses": self.known.witnesses.saved(),
            "detectors": {n: detector.saved() for n, detector in self._detectors.items() if n not in self._onlookers},
            "waiting": [[row.at.timestamp(), row.sensor, row.value] for row in rows],
            "last_values": self._rows.last_values(),
        }
        return saved_form.pack(values, {**self._arrays(), **self._witness_arrays(), "journal": self.learning.packed()})

    def _restore(self, state: bytes) -> None:
        values, arrays = saved_form.unpack(state)
        if values["home"] != self.plan.code:
            raise saved_form.StateError(f"the state of home {values['home']}, not of {self.plan.code}")
        self.fed_until = values["fed_until"]
        mine = {**self._arrays(), **self.known.hazard.arrays()}
        if "learning" not in values and "means" not in arrays:
            del mine["maxima"]  # those of the oldest states are of another score
        for name, array in mine.items():
            if name in arrays:
                array[...] = by_block(arrays[name]) if name.startswith("cell_") else arrays[name]
        if "means" not in arrays:  # nor rates, in newer states: they follow from the counts
            self.known.hazard.day_over(learned=False)
        self._at, self._midnight = values["at"], values["midnight"]
        watching, can_see, covered = values["view"]
        self._view = (watching, can_see, covered)
        self.known.learned_days = values["learned_days"]
        self.counts.restore_today(values["today"])
        self.known.situation.restore(values["situation"])
        self.known.witnesses.restore(
            values["witnesses"],
            {name.removeprefix("witness_"): array for name, array in arrays.items() if name.startswith("witness_")},
        )
        for name, detector in self._detectors.items():
            if name in values["detectors"]:  # one that is newer than the state begins to learn now
                detector.restore(values["detectors"][name])
        if "learning" in values:  # what is older has learned at once, and can take nothing back of that
            self.learning.restore(values["learning"], arrays["journal"])
            self.known.governor.restore(values["governor"], self.plan.limits, self.plan.confirmed)
            if math.isfinite(self._at) and self.learning.is_outdated(self.known.situation.clock.at(self._at)[2]):
                self._replanned()
        self._rows = RowsInOrder(values["last_values"])
        self.feed(
            Row(at=datetime.fromtimestamp(t, UTC), sensor=sensor, value=HubState(value) if sensor == HUB else value)
            for t, sensor, value in values["waiting"]
        )

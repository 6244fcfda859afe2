"""One home's model: rows go in, the clock is moved on, findings come out. The same for the service and for replay.

Everything happens in the order of event time, and what is said is said at a full minute, knowing exactly what happened
before that minute. So it makes no difference in how many steps the clock is advanced, or where a run is cut in two.
Score, then learn: a quiet is scored while it lasts and taught when it is over, and blind time, absences, visits and
whatever is under an open alert teach nothing. Not here yet: the governor of the alert budget, and a journal for the
counts of quiets.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from numpy.typing import NDArray

from anomaly import state as saved_form
from anomaly.clock_bins import QUARTER
from anomaly.counts import QuarterCounts
from anomaly.detectors.blindness import Blindness
from anomaly.detectors.detector import Detector, Known, heeds
from anomaly.detectors.family import family
from anomaly.detectors.hub_silence import HubSilence
from anomaly.detectors.inactivity import Inactivity, score_of
from anomaly.detectors.not_up import NotUp
from anomaly.detectors.sensor_silence import SensorSilence
from anomaly.hazard import CLOCK_STARTS, Hazard, fresh_means
from anomaly.open_finding import Finding
from anomaly.plan import HomePlan, PlanSensor
from anomaly.return_period import DailyMaximum
from anomaly.situation import CENSORED_AFTER, MISSED_DOOR, Quiet, Situation
from anomaly.waiting import highest_score
from store.deviation import Grade
from store.hub import HubState
from store.recording import HUB, Row, RowsInOrder

OBSERVED_SHARE = 0.7  # of a day, below which the day is missing, not quiet
_PROBABLY = 0.5
_PASSAGE_LESSON = 900.0  # seconds of quiet after the front door, before they tell whether somebody had left
_AT_HOME_FOR_SURE = 7200.0  # a longer quiet that ends at the front door may have been an unnoticed outing


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
        self.sensor_silence = SensorSilence()
        self.known.suspects = lambda: self.sensor_silence.suspects(self.known)
        self._family = family()
        self._detectors: dict[str, Detector] = {
            "inactivity": self.inactivity,
            "not_up": self.not_up,
            "blindness": self.blindness,
            "hub_silence": self.hub_silence,
            "sensor_silence": self.sensor_silence,
            **self._family,
        }
        # Those who listen: most detectors have nothing to learn from single rows, and rows are what there is most of.
        self._readers = [detector for detector in self._family.values() if heeds(detector, "reading")]
        self._listeners = [detector for detector in self._detectors.values() if heeds(detector, "life")]
        self._onlookers: set[str] = set()
        self._rows = RowsInOrder()
        self._at = -math.inf  # a full minute: everything before it is known and decided
        self._midnight = math.inf
        self._top = 0.0  # the largest surprise of the running day
        self._quiets = 0  # that ended on the running day
        self._view = (False, False, False)
        self.chances: list[float] = []  # exp(−Λ) at the end of each quiet at home, for whoever watches the model
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
        self._listeners.append(onlooker)
        self._onlookers.add(name)

    def open_findings(self) -> list[Finding]:
        """What is unusual just now."""
        held = (found for detector in self._detectors.values() for found in detector.held())
        return [found.finding(self.plan) for found in held]

    @property
    def waiting(self) -> int:
        """Rows taken in whose time has not come."""
        return len(self._rows)

    def change_plan(self, plan: HomePlan) -> None:
        """The home was described anew: sensors, absences, visits, limits."""
        self.known.situation.change_plan(plan)

    def feed(self, rows: Iterable[Row]) -> None:
        """Take rows in, in any order. They count when the clock passes them; if it has passed, they are late."""
        for row in rows:
            self._rows.push(row)

    def advance(self, until: datetime) -> list[Finding]:
        """Move the clock to the last full minute not after `until`; what there was to say, in that order."""
        found: list[Finding] = []
        self._advance(math.floor(until.timestamp() / 60.0) * 60.0, found)
        return found

    def _advance(self, end: float, found: list[Finding]) -> None:
        situation = self.known.situation
        rows = self._rows
        if math.isinf(self._at):
            if not rows or rows.first_at.timestamp() >= end:
                return
            self._begin(rows.first_at.timestamp())
        detectors = list(self._detectors.values())
        self._changed(self._at, found)  # the plan may have been changed
        while True:
            row_at = rows.first_at.timestamp() if rows else math.inf
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
                    self._day_over(self._midnight)
                for detector in detectors:
                    if detector.due <= due:
                        found += detector.look(due, self.known)
                self._sensors_judged(due, found)
        self._at = max(self._at, end)
        situation.at = max(situation.at, self._at)

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
            if not (late and row.value is HubState.OFFLINE):
                situation.check_in(t, is_offline=row.value is HubState.OFFLINE)
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
        found += self.sensor_silence.note_state(sensor, t, value, known)
        for detector in self._readers:
            found += detector.reading(sensor, t, value, known)
        if sensor.shows_life(value):
            before = situation.quiet
            chance_out = 0.0 if before is None else self._quiet_over(before, sensor, t)
            known.witnesses.life(sensor.code, t, is_watched=before is not None and before.is_plain)
            situation.life(sensor, t, value, chance_out=chance_out)
            self.counts.life(situation.clock.at(t)[0], sensor.room)
            self._told(sensor, t, before, found)

    def _told(self, sensor: PlanSensor, t: float, before: Quiet | None, found: list[Finding]) -> None:
        known = self.known
        for detector in self._listeners:
            found += detector.life(sensor, t, before, known)
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
        situation = self.known.situation
        silent = self.sensor_silence.unseeing
        if silent != situation.silent_sensors:
            situation.silent_sensors = set(silent)
            situation.refresh(t)
            self._changed(t, found)

    def _quiet_over(self, quiet: Quiet, sensor: PlanSensor, t: float) -> float:
        """Score a quiet for the last time, then learn from it. The chance that the resident was out at its end."""
        if t - quiet.began < CLOCK_STARTS:
            return quiet.gone
        known, situation = self.known, self.known.situation
        observed = quiet.observed(t)
        spells = known.hazard.spells(observed, quiet.place, situation.clock)
        if situation.lost_sensors:
            path = known.hazard.path(observed, quiet.place, situation.clock)
            surprise = known.hazard.surprise(known.witnesses.without(path, situation.lost_sensors))
            final = float(surprise[-1]) if len(surprise) else 0.0
            top = float(score_of(quiet, path, known)[-1]) if len(surprise) else 0.0
        else:
            final = known.hazard.surprise_of(spells)
            top = highest_score(known.hazard, spells, out=quiet.chance_out)
        gone = max(quiet.gone, MISSED_DOOR)
        chance_out = gone / (gone + (1.0 - gone) * math.exp(-final))

        age = quiet.age(t)
        if quiet.tainted or t - quiet.began - age > CENSORED_AFTER:
            return chance_out
        self._quiets += 1
        if quiet.out < _PROBABLY:
            self.chances.append(math.exp(-final))
        alarmed = self.inactivity.open is not None and self.inactivity.open.grade != Grade.NOTICE
        if alarmed:  # the day counts as one that reached the threshold, so that repeated alarms grow rarer, slowly
            needed = known.required_days(self.plan.limits.false_inactivity_a_month)
            top = min(top, known.maxima.surprise_of(needed.get(Grade.ATTENTION, 30.0)))
        self._top = max(self._top, top)
        if situation.is_settling(t):
            return chance_out
        if quiet.out > 0.0 and age >= _PASSAGE_LESSON:
            situation.learn_passage(by_door=sensor.is_exit)
        perhaps_out = sensor.is_exit and (quiet.out > 0.0 or age > _AT_HOME_FOR_SURE)
        if not alarmed and not perhaps_out:
            known.hazard.learn_one(spells)
            if spells:
                known.witnesses.quiet_over(sensor.code, t, quiet.place, spells[-1][2])
        return chance_out

    def _day_over(self, midnight: float) -> None:
        known, situation = self.known, self.known.situation
        seen = situation.day_over(midnight)
        begun = situation.clock.instant(situation.clock.at(midnight - QUARTER)[2], 0.0)
        share = float(seen.sum()) / (midnight - begun)
        learnable = share >= OBSERVED_SHARE and self._quiets > 0 and not situation.is_settling(midnight - QUARTER)
        if learnable:
            known.learned_days += share
            known.maxima.learn_one(self._top)
        known.hazard.day_over(learned=learnable)
        known.witnesses.day_over(learned=learnable)
        self.counts.day_over(seen, learnable=learnable)
        for detector in self._detectors.values():
            detector.day_over(midnight, known, learnable=learnable)
        self._top, self._quiets = 0.0, 0
        self._midnight = situation.clock.midnight_after(midnight)

    # Saved and gone on from ------------------------------------------------------------------

    def _arrays(self) -> dict[str, Any]:
        return {**self.known.hazard.arrays(), **self.counts.arrays(), "maxima": self.known.maxima.sums}

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
            "top": self._top,
            "quiets": self._quiets,
            "view": self._view,
            "learned_days": self.known.learned_days,
            "today": self.counts.saved_today(),
            "situation": self.known.situation.saved(),
            "witnesses": self.known.witnesses.saved(),
            "detectors": {n: detector.saved() for n, detector in self._detectors.items() if n not in self._onlookers},
            "waiting": [[row.at.timestamp(), row.sensor, row.value] for row in rows],
            "last_values": self._rows.last_values(),
        }
        return saved_form.pack(values, {**self._arrays(), **self._witness_arrays()})

    def _restore(self, state: bytes) -> None:
        values, arrays = saved_form.unpack(state)
        if values["home"] != self.plan.code:
            raise saved_form.StateError(f"the state of home {values['home']}, not of {self.plan.code}")
        self.fed_until = values["fed_until"]
        for name, array in self._arrays().items():
            if name in arrays and (name != "maxima" or "means" in arrays):  # older daily maxima are of another score
                array[...] = arrays[name]
        if "means" not in arrays:  # saved before there were any
            self.known.hazard.means[...] = fresh_means(arrays["cell_endings"], arrays["cell_expected"])
        self._at, self._midnight = values["at"], values["midnight"]
        self._top, self._quiets = values["top"], values["quiets"]
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
        self._rows = RowsInOrder(values["last_values"])
        self.feed(
            Row(at=datetime.fromtimestamp(t, UTC), sensor=sensor, value=HubState(value) if sensor == HUB else value)
            for t, sensor, value in values["waiting"]
        )

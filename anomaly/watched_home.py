"""One home in the worker's hands: read what came in, move its clock on, write down what was found.

The store is the log. Rows are read in the order of their intake number, and the model's clock is moved by when each was
received, so that after a crash the same log gives the same findings from the last snapshot on; their ids are the same
too. Late rows (older than the model's clock) end a quiet and refresh the hub, but raise and teach nothing.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from anomaly.equipment import equipment_faults, is_by_bridge
from anomaly.frontier import Frontier
from anomaly.health import ModelHealth
from anomaly.home_model import HomeModel
from anomaly.open_finding import Finding
from anomaly.plan import HomePlan, Limits, plan_of_home
from anomaly.readable import readable_routine
from anomaly.state import VERSION, StateError
from store.clock import Clock
from store.database import Conn
from store.deviation import Deviation, open_deviations, save_deviation, was_told_late
from store.fault import FaultKind, open_faults, save_fault
from store.home import Home, absences_of, sensors_of
from store.hub import HubCheckIn, check_ins_after
from store.recording import HUB, Row
from store.routine import RoutineSnapshot, latest_snapshot, save_routine, save_snapshot
from store.sensor_event import SensorEvent, events_after
from store.wakeup import Channel, wake

log = logging.getLogger(__name__)

CHUNK = 5_000  # rows of each kind read in one transaction
LATE_AFTER = timedelta(hours=1)  # a finding about longer ago is for the page only
_LATE_REAL = timedelta(seconds=30)  # … and as real time, when the clock runs fast
_SETTLE = timedelta(seconds=20)  # how long a reading may be on its way …
_SETTLE_REAL = timedelta(seconds=3)  # … and as real time, when the clock runs fast
_PATIENCE_REAL = timedelta(seconds=60)  # how long a hub that is catching up may pause
_REFRESH_REAL = 10.0  # seconds between looks at what staff and bridges have changed
_SNAPSHOT_REAL = 300.0  # seconds between snapshots of a home that lives in real time
_SNAPSHOT_MODEL = timedelta(days=1)  # … and of one that is catching up
_MODEL_FAULTS = {FaultKind.HUB_SILENT, FaultKind.SENSOR_SILENT, FaultKind.SENSOR_STUCK}
_ABSENCES_SINCE = timedelta(days=60)
_ABSENCES_AHEAD = timedelta(days=365)


class WatchedHome:
    """One home in the worker's hands. Made anew from its snapshot after any failure."""

    def __init__(self, conn: Conn, home: Home, *, clock: Clock) -> None:
        now = clock.now()
        self.home, self._clock = home, clock
        self.model, self.frontier, self.cursor = _resumed(conn, home, _plan(conn, home, now=now))
        self._refreshed = self._saved = time.monotonic()
        self._snapshot_of = self.model.at
        self._is_caught_up = False
        self.rows_read = 0
        self._health = ModelHealth()

    def step(self, conn: Conn) -> bool:
        """Read one chunk and act on it. True if there is more to read."""
        now = self._clock.now()
        changed = self._refresh(conn, now=now)
        rows, is_all = _unread(conn, self.home.id, self.cursor)
        found = list(self._told(rows))
        if is_all:
            found += self._advance(now)
        for finding in found:
            is_late = _is_late(conn, finding, now=now, late_after=max(LATE_AFTER, self._clock.stretch(_LATE_REAL)))
            changed |= _save(conn, _as_news_of_the_past(finding) if is_late else finding)
            self._is_caught_up &= not is_late
        arrives = is_all and not self._is_caught_up and self._is_in_the_present(now)
        if arrives:
            changed |= self._catch_up(conn, now=now)
        self.rows_read += len(rows)
        self._watch_model()
        if rows or changed or arrives:
            self._keep(conn, force=changed or arrives)
        if changed:
            wake(conn, Channel.FINDING)
        return not is_all

    def _watch_model(self) -> None:
        changes = self._health.changes
        for chance in self.model.chances:
            self._health.learn_one(chance)
        self.model.chances.clear()
        if self._health.changes > changes:
            log.info(
                "home %s: quiets have changed, mean chance now %.2f (0.5 fits)", self.home.code,
                self._health.score_one(), extra={"home_id": self.home.id},
            )  # fmt: skip

    def _told(self, rows: list[SensorEvent | HubCheckIn]) -> Iterator[Finding]:
        codes = {sensor.id: sensor.code for sensor in self.model.plan.sensors}
        for row in rows:
            yield from self._advance(row.received_at)
            self.cursor = row.number
            if isinstance(row, HubCheckIn):
                self.frontier.note(row)
                self.model.feed([Row(at=row.occurred_at, sensor=HUB, value=row.state)])
            elif (code := codes.get(row.sensor_id)) is not None:
                self.model.feed([Row(at=row.occurred_at, sensor=code, value=row.value)])

    def _advance(self, now: datetime) -> list[Finding]:
        patience = max(timedelta(seconds=self.model.plan.covered_seconds), self._clock.stretch(_PATIENCE_REAL))
        until = self.frontier.at(now, settle=self._settle(), patience=patience)
        if until is None or (self.model.at is not None and until < self.model.at + timedelta(minutes=1)):
            return []
        return self.model.advance(until)

    def _settle(self) -> timedelta:
        return max(_SETTLE, self._clock.stretch(_SETTLE_REAL))

    def _is_in_the_present(self, now: datetime) -> bool:
        at = self.model.at
        return at is not None and now - at <= self._settle() + timedelta(minutes=2)

    def _refresh(self, conn: Conn, *, now: datetime) -> bool:
        """Every now and then: what staff have noted, and what the equipment says of itself."""
        if time.monotonic() - self._refreshed < _REFRESH_REAL and self._is_caught_up:
            return False
        self._refreshed = time.monotonic()
        plan = _plan(conn, self.home, now=now)
        if plan != self.model.plan:
            self.model.change_plan(plan)
        changed = False
        open_before = open_faults(conn, self.home.id)
        for fault in equipment_faults(self.home, sensors_of(conn, self.home.id), open_before, now=now):
            changed |= save_fault(conn, fault)
        return changed

    def _catch_up(self, conn: Conn, *, now: datetime) -> bool:
        """The present is reached: what is still open concerns somebody now, and what is not open any more is over."""
        self._is_caught_up = True
        changed = False
        mine = {finding.id: finding for finding in self.model.open_findings()}
        for finding in mine.values():
            changed |= _save(conn, finding)
        at = self.model.at or now
        for deviation in open_deviations(conn, self.home.id):
            if deviation.id not in mine:
                changed |= save_deviation(conn, replace(deviation, ended_at=at))
        for fault in open_faults(conn, self.home.id):
            if fault.id not in mine and fault.kind in _MODEL_FAULTS and not is_by_bridge(fault):
                changed |= save_fault(conn, replace(fault, ended_at=at))
        log.info(
            "home %s is up to date: %.1f days learned", self.home.code, self.model.known.learned_days,
            extra={"home_id": self.home.id},
        )  # fmt: skip
        return changed

    def _keep(self, conn: Conn, *, force: bool) -> None:
        """The readable routine, and now and then the state with the cursor it belongs to."""
        at = self.model.at
        if at is None:
            return
        is_due = time.monotonic() - self._saved >= _REFRESH_REAL
        if force or is_due or self._snapshot_of is None:
            save_routine(conn, readable_routine(self.model, as_of=at))
            self._saved = time.monotonic() if is_due else self._saved
        due_after = min(
            _SNAPSHOT_MODEL, max(self._clock.stretch(timedelta(seconds=_SNAPSHOT_REAL)), timedelta(minutes=5))
        )
        if self._snapshot_of is None or at - self._snapshot_of >= due_after:
            state = self.frontier.to_bytes() + self.model.to_bytes()
            snapshot = RoutineSnapshot(
                home_id=self.home.id, taken_at=at, number=self.cursor, version=VERSION, state=state
            )
            save_snapshot(conn, snapshot)
            self._snapshot_of = at


def _plan(conn: Conn, home: Home, *, now: datetime) -> HomePlan:
    absences = absences_of(conn, home.id, now - _ABSENCES_SINCE, now + _ABSENCES_AHEAD)
    return plan_of_home(home, sensors_of(conn, home.id), absences, limits=Limits())


def _resumed(conn: Conn, home: Home, plan: HomePlan) -> tuple[HomeModel, Frontier, int]:
    """From the newest snapshot; from the beginning of the log if there is none this version can read."""
    snapshot = latest_snapshot(conn, home.id)
    if snapshot is not None:
        try:
            frontier, state = Frontier.from_bytes(snapshot.state)
            model = HomeModel(plan, state)
            model.change_plan(plan)  # it may have been another one when the state was saved
            return model, frontier, snapshot.number
        except StateError as exc:
            log.warning("home %s learns anew from its events: %s", home.code, exc, extra={"home_id": home.id})
    return HomeModel(plan), Frontier(), 0


def _unread(conn: Conn, home_id: int, cursor: int) -> tuple[list[SensorEvent | HubCheckIn], bool]:
    """What came after the cursor, in order; and whether that is all. Both kinds are cut where one was cut."""
    events = events_after(conn, home_id, cursor, limit=CHUNK)
    check_ins = check_ins_after(conn, home_id, cursor, limit=CHUNK)
    ends = [rows[-1].number for rows in (events, check_ins) if len(rows) == CHUNK]
    rows: list[SensorEvent | HubCheckIn] = [*events, *check_ins]
    rows.sort(key=lambda row: row.number)
    if not ends:
        return rows, True
    return [row for row in rows if row.number <= min(ends)], False


def _is_late(conn: Conn, finding: Finding, *, now: datetime, late_after: timedelta) -> bool:
    """Is it news of the past? The end of a finding is, if its beginning was."""
    if finding.ended_at is None:
        return now - finding.raised_at > late_after
    return was_told_late(conn, finding.id)


def _as_news_of_the_past(finding: Finding) -> Finding:
    return replace(finding, evidence={**finding.evidence, "late": True})


def _save(conn: Conn, finding: Finding) -> bool:
    return save_deviation(conn, finding) if isinstance(finding, Deviation) else save_fault(conn, finding)

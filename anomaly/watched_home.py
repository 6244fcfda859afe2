"""One home in the worker's hands: read what came in, move its clock on, write down what was found.

The store is the log. Rows are read in the order of their intake number, and the model's clock is moved by when each was
received, so that after a crash the same log gives the same findings from the last snapshot on; their ids are the same
too. Late rows (older than the model's clock) end a quiet and refresh the hub, but raise and teach nothing.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from anomaly.equipment import is_by_bridge
from anomaly.equipment_watch import EquipmentWatch
from anomaly.frontier import Frontier
from anomaly.health import ModelHealth
from anomaly.home_model import HomeModel
from anomaly.open_finding import Finding
from anomaly.plan import HomePlan, Limits, plan_of_home
from anomaly.readable import readable_progress, readable_routine
from anomaly.state import VERSION, StateError
from store.clock import Clock
from store.database import Conn
from store.deviation import Deviation, open_deviations, save_deviation, was_told_late
from store.fault import FaultKind, open_faults, save_fault
from store.home import Home, absences_of, sensors_of
from store.hub import HubCheckIn, check_ins_after
from store.recording import HUB, Row
from store.routine import RoutineProgress, RoutineSnapshot, latest_snapshot, save_routine, save_snapshot
from store.sensor_event import SensorEvent, events_after
from store.wakeup import Channel, wake

log = logging.getLogger(__name__)

CHUNK = 5_000  # rows of each kind read in one transaction
LATE_AFTER = timedelta(hours=1)  # a finding about longer ago is for the page only
_LATE_REAL = timedelta(seconds=30)  # … and as real time, when the clock runs fast
_SETTLE = timedelta(seconds=20)  # how long a reading may be on its way …
_SETTLE_REAL = timedelta(seconds=3)  # … and as real time, when the clock runs fast
_PATIENCE_REAL = timedelta(seconds=60)  # how long a hub that is catching up may pause
_REFRESH_REAL = 10.0  # seconds between looks at what the equipment says of itself; what staff change is heard at once
_SNAPSHOT_REAL = 300.0  # seconds between snapshots of a home that lives in real time
_PROGRESS_REAL = 10.0  # seconds between two times the pages hear how far the model has come
_CURVES_MODEL = timedelta(hours=1)  # … and between two drawings of what is usual, which cost a thousand times more
_SNAPSHOT_MODEL = timedelta(days=1)  # between snapshots of a home that is catching up
_MODEL_FAULTS = {FaultKind.HUB_SILENT, FaultKind.SENSOR_SILENT, FaultKind.SENSOR_STUCK}
_ABSENCES_SINCE = timedelta(days=60)
_ABSENCES_AHEAD = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a home's slow affairs are seen to, in seconds of real time. A worker with many homes takes longer."""

    refresh: float = _REFRESH_REAL
    snapshot: float = _SNAPSHOT_REAL

    @classmethod
    def of(cls, homes: int) -> Self:
        """Forty refreshes and fifty snapshots a second at most: a third of a core, however many homes."""
        return cls(refresh=max(_REFRESH_REAL, homes / 40), snapshot=max(_SNAPSHOT_REAL, homes / 50))


class WatchedHome:
    """One home in the worker's hands. Made anew from its snapshot after any failure."""

    def __init__(self, conn: Conn, home: Home, *, clock: Clock) -> None:
        now = clock.now()
        self.home, self._clock = home, clock
        self.model, self.frontier, self.cursor = _resumed(conn, home, _plan(conn, home, now=now))
        self._refreshed = self._told_pages = float("-inf")
        self._snapshot_of = self.model.at
        self._curves_of: datetime | None = None
        self._is_caught_up = False
        self.rows_read = 0
        self._health = ModelHealth()
        self._equipment = EquipmentWatch(home)

    @property
    def due_at(self) -> datetime | None:
        """When there is something to do for it again; None: look again as soon as there is something to read.

        What is found is said at full minutes, so nothing is gained by reading in between, once the home lives in the
        present.
        """
        at = self.model.at
        return at + timedelta(minutes=1) + self._settle() if at is not None and self._is_caught_up else None

    def step(
        self,
        conn: Conn,
        *,
        last_number: int,
        now: datetime,
        pace: Pace | None = None,
        is_described_anew: bool = False,
    ) -> tuple[bool, RoutineProgress | None]:
        """Read one chunk and act on it. Whether there is more to read, and what the pages are to hear of it.

        `last_number` is the home's newest number as of `now`: what was stored later is read the next time, and nothing
        is decided about a moment later than what was read.
        """
        pace = pace or Pace()
        changed = False
        if is_described_anew or time.monotonic() - self._refreshed >= pace.refresh:
            changed = self._refresh(conn, now=now)
        rows, is_all = _unread(conn, self.home.id, self.cursor, last_number)
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
        progress = self._keep(conn, pace, force=changed or arrives) if rows or changed or arrives else None
        if changed:
            wake(conn, Channel.FINDING)
        return not is_all, progress

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
                continue
            self.frontier.heard(occurred_at=row.occurred_at, received_at=row.received_at)
            if (code := codes.get(row.sensor_id)) is not None:
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
        """What staff have noted, and what the equipment says of itself."""
        self._refreshed = time.monotonic()
        plan = _plan(conn, self.home, now=now)
        if plan != self.model.plan:
            self.model.change_plan(plan)
        return self._equipment.look(conn, now=now)

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

    def _keep(self, conn: Conn, pace: Pace, *, force: bool) -> RoutineProgress | None:
        """The state with the cursor it belongs to, now and then; the readable routine; else what is new of it."""
        at = self.model.at
        if at is None:
            return None
        self._keep_snapshot(conn, at, pace)
        is_told_lately = time.monotonic() - self._told_pages < _PROGRESS_REAL
        if is_told_lately and not force and self._curves_of is not None:
            return None
        self._told_pages = time.monotonic()
        if not force and self._curves_of is not None and at - self._curves_of < _CURVES_MODEL:
            return readable_progress(self.model, as_of=at)
        save_routine(conn, readable_routine(self.model, as_of=at))
        self._curves_of = at
        return None

    def _keep_snapshot(self, conn: Conn, at: datetime, pace: Pace) -> None:
        due_after = min(
            _SNAPSHOT_MODEL, max(self._clock.stretch(timedelta(seconds=pace.snapshot)), timedelta(minutes=5))
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


def _unread(conn: Conn, home_id: int, cursor: int, last_number: int) -> tuple[list[SensorEvent | HubCheckIn], bool]:
    """What came after the cursor up to `last_number`, in order; and whether that is all.

    Two statements are two moments: without an end that both share, events stored between them would be passed by for
    ever, because check-ins stored after them move the cursor on. Both are cut where one was cut.
    """
    if last_number <= cursor:
        return [], True
    events = events_after(conn, home_id, cursor, limit=CHUNK)
    check_ins = check_ins_after(conn, home_id, cursor, limit=CHUNK)
    cuts = [rows[-1].number for rows in (events, check_ins) if len(rows) == CHUNK]
    end = min([last_number, *cuts])
    rows: list[SensorEvent | HubCheckIn] = [*events, *check_ins]
    return sorted((row for row in rows if row.number <= end), key=lambda row: row.number), end == last_number


def _is_late(conn: Conn, finding: Finding, *, now: datetime, late_after: timedelta) -> bool:
    """Is it news of the past? The end of a finding is, if its beginning was."""
    if finding.ended_at is None:
        return now - finding.raised_at > late_after
    return was_told_late(conn, finding.id)


def _as_news_of_the_past(finding: Finding) -> Finding:
    return replace(finding, evidence={**finding.evidence, "late": True})


def _save(conn: Conn, finding: Finding) -> bool:
    return save_deviation(conn, finding) if isinstance(finding, Deviation) else save_fault(conn, finding)

"""One home in the worker's hands: read what came in, move its clock on, write down what was found.

The store is the log. Rows are read in the order of their intake number, and the model's clock is moved by when each was
received, so that after a crash the same log gives the same findings from the last snapshot on; their ids are the same
too. Late rows (older than the model's clock) end a quiet and refresh the hub, but raise and teach nothing.
"""

import logging
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

from numpy.typing import NDArray

from anomaly.equipment import is_by_bridge
from anomaly.equipment_watch import EquipmentWatch
from anomaly.health import ModelHealth
from anomaly.open_finding import Finding
from anomaly.readable import readable_progress, readable_routine
from anomaly.resuming import Kept, kept_of, plans_of, resumed
from anomaly.state import VERSION
from store.clock import Clock
from store.database import Conn
from store.deviation import Deviation, open_deviations, save_deviation, was_told_late
from store.fault import FaultKind, open_faults, save_fault
from store.home import Home
from store.hub import HubCheckIn, check_ins_after
from store.recording import HUB, Row
from store.routine import RoutineProgress, RoutineSnapshot, save_routine
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
_GOLDEN = 0.6180339887498949  # its multiples lie far from each other, after the comma
_SNAPSHOT_MODEL = timedelta(days=1)  # between snapshots of a home that is catching up
_MODEL_FAULTS = {FaultKind.HUB_SILENT, FaultKind.SENSOR_SILENT, FaultKind.SENSOR_STUCK}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a home's slow affairs are seen to, in seconds of real time. A worker with many homes takes longer."""

    refresh: float = _REFRESH_REAL
    snapshot: float = _SNAPSHOT_REAL
    progress: float = _PROGRESS_REAL
    curves: float = _CURVES_MODEL.total_seconds()

    @classmethod
    def of(cls, homes: int) -> Self:
        """Forty refreshes, fifty snapshots, four hundred notes of progress and eight drawings a second at most: half a
        core, however many homes.
        """
        return cls(
            refresh=max(_REFRESH_REAL, homes / 40),
            snapshot=max(_SNAPSHOT_REAL, homes / 50),
            progress=max(_PROGRESS_REAL, homes / 400),
            curves=max(_CURVES_MODEL.total_seconds(), homes / 8),
        )


class Turn(NamedTuple):
    """What came of a home's turn."""

    has_more: bool  # to read
    progress: RoutineProgress | None  # what the pages are to hear of it
    snapshot: RoutineSnapshot | None  # to be saved in the same transaction


class WatchedHome:
    """One home in the worker's hands. Made anew from its snapshot after any failure."""

    def __init__(
        self,
        conn: Conn,
        home: Home,
        *,
        clock: Clock,
        kept: Kept | None = None,
        arrays: Mapping[str, NDArray[Any]] | None = None,
        pace: Pace | None = None,
    ) -> None:
        """`kept`: what is kept of it, if it has been read already; `arrays`: where its counts are to live."""
        self.home, self._clock = home, clock
        kept = kept or kept_of(conn, [home], now=clock.now())[home.id]
        self.model, self.frontier, self.cursor = resumed(home, kept, arrays=arrays)
        self._refreshed = self._told_pages = float("-inf")
        self._curves_of: datetime | None = None
        if pace is not None and pace.refresh > _REFRESH_REAL:  # among many that begin together, not all at once
            phase = home.id * _GOLDEN % 1.0
            self._refreshed = time.monotonic() - pace.refresh * phase
            if kept.snapshot is not None and self.model.at is not None:  # what is usual was drawn by whoever kept it
                self._curves_of = self.model.at - timedelta(seconds=pace.curves * phase)
        self._snapshot_of = self.model.at
        self._is_caught_up = False
        self.rows_read = 0
        self._health = ModelHealth()
        self._equipment = EquipmentWatch(home)

    @property
    def is_caught_up(self) -> bool:
        """Does it live in the present?"""
        return self._is_caught_up

    @property
    def due_by_itself(self) -> float:
        """When something is to be decided though no row comes: epoch seconds, with the time for what is on its way."""
        return self.model.due + self._settle().total_seconds() if self._is_caught_up else -math.inf

    def next_turn(self, now: datetime) -> float:
        """When to look for news of it again, if nothing happens before: after the next full minute, epoch seconds."""
        settle = self._settle().total_seconds()
        return (math.floor((now.timestamp() - settle) / 60.0) + 1.0) * 60.0 + settle

    def is_idle(self, now: datetime, *, last_number: int, pace: Pace) -> bool:
        """Nothing to read, to decide or to refresh: its turn would change nothing."""
        return (
            last_number <= self.cursor
            and self._is_caught_up
            and self.model.due > now.timestamp()
            and time.monotonic() - self._refreshed < pace.refresh
        )

    def step(
        self,
        conn: Conn,
        *,
        last_number: int,
        now: datetime,
        pace: Pace | None = None,
        is_described_anew: bool = False,
        unread: list[SensorEvent | HubCheckIn] | None = None,
    ) -> Turn:
        """Read one chunk and act on it. `unread` is all there is up to `last_number`, if it has been read already.

        `last_number` is the home's newest number as of `now`: what was stored later is read the next time, and nothing
        is decided about a moment later than what was read.
        """
        pace = pace or Pace()
        changed = False
        if is_described_anew or time.monotonic() - self._refreshed >= pace.refresh:
            changed = self._refresh(conn, now=now)
        rows, is_all = _unread(conn, self.home.id, self.cursor, last_number) if unread is None else (unread, True)
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
        progress = snapshot = None
        if (rows or changed or arrives) and (at := self.model.at) is not None:
            snapshot = self._snapshot(at, pace)
            progress = self._progress(conn, at, pace, is_news=arrives, force=changed)
        if changed:
            wake(conn, Channel.FINDING)
        return Turn(not is_all, progress, snapshot)

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
        plan = plans_of(conn, [self.home], now=now)[self.home.id]
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

    def _progress(self, conn: Conn, at: datetime, pace: Pace, *, is_news: bool, force: bool) -> RoutineProgress | None:
        """Save the readable routine now and then; else what is new of it, at once if the home has just arrived."""
        is_told_lately = time.monotonic() - self._told_pages < pace.progress
        if is_told_lately and not is_news and not force and self._curves_of is not None:
            return None
        self._told_pages = time.monotonic()
        if not force and self._curves_of is not None and (at - self._curves_of).total_seconds() < pace.curves:
            return readable_progress(self.model, as_of=at)
        save_routine(conn, readable_routine(self.model, as_of=at))
        self._curves_of = at
        return None

    def _snapshot(self, at: datetime, pace: Pace) -> RoutineSnapshot | None:
        """The state with the cursor it belongs to, now and then."""
        due_after = min(
            _SNAPSHOT_MODEL, max(self._clock.stretch(timedelta(seconds=pace.snapshot)), timedelta(minutes=5))
        )
        if self._snapshot_of is not None and at - self._snapshot_of < due_after:
            return None
        self._snapshot_of = at
        state = self.frontier.to_bytes() + self.model.to_bytes()
        return RoutineSnapshot(home_id=self.home.id, taken_at=at, number=self.cursor, version=VERSION, state=state)


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

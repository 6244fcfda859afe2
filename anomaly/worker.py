"""The worker: its homes in turn, many in a transaction. One home's failure never stops the others.

A home that lives in the present has its turn once a minute, because what is found is said at full minutes; one that is
catching up has it as soon as there is something to read. So a round costs one query for the homes that are due, and
reads rows only of those that have news: an idle home costs its minute in memory, nothing else.
"""

import heapq
import logging
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from anomaly.watched_home import Pace, WatchedHome
from store.clock import Clock
from store.cursor import last_numbers
from store.database import Conn, Pool
from store.home import Home, homes_of_ids, homes_of_partitions
from store.oversight import note_seen
from store.partition import ALL, worker_name
from store.routine import RoutineProgress, save_progress

log = logging.getLogger(__name__)

GROUP = 200  # homes in one transaction: findings are seen by `alerts` a fraction of a second later at most
_LOOK_REAL = 60.0  # seconds between looks at all homes, whatever notices have said
_SEEN_REAL = 10.0  # seconds between two notes that we are alive, and between two lines about progress
_FIRST_PAUSE_REAL, _LONGEST_PAUSE_REAL = 5.0, 300.0  # seconds for which a failing home is left alone


@dataclass(slots=True)
class _Pause:
    until: float  # monotonic seconds
    seconds: float


class Worker:
    """Watches the homes of its partitions."""

    def __init__(self, pool: Pool, *, clock: Clock, own: Collection[int] = ALL) -> None:
        self._pool, self._clock = pool, clock
        self._own = frozenset(own)  # what it is called by; what it watches may be less or more for a while
        self._partitions = self._own
        self._homes: dict[int, Home] = {}
        self._watched: dict[int, WatchedHome] = {}
        self._eager: set[int] = set()  # to be looked at in every round
        self._due: list[tuple[datetime, int]] = []  # a heap; only the newest entry of a home counts
        self._due_of: dict[int, datetime] = {}
        self._described: set[int] = set()  # by staff or a bridge, since we looked
        self._paused: dict[int, _Pause] = {}
        self._newest = 0
        self._looked = self._told = self._seen = float("-inf")

    @property
    def watched(self) -> int:
        """How many homes are in memory."""
        return len(self._watched)

    def watch_only(self, partitions: Collection[int]) -> None:
        """From now on watch the homes of these partitions; others are let go at once."""
        if frozenset(partitions) != self._partitions:
            self._partitions = frozenset(partitions)
            self._looked = float("-inf")
            for home in [home for home in self._homes.values() if home.partition not in self._partitions]:
                self._let_go(home.id)

    def hear(self, home_id: str) -> None:
        """A home has been described anew; empty: any of them may have been."""
        if home_id.isdigit():
            self._described.add(int(home_id))
        else:
            self._described |= self._homes.keys()

    def step(self) -> bool:
        """Give every home its turn that is due. True if one of them has more to read."""
        if not self._partitions:
            return False
        with self._pool.connection() as conn:
            self._look_around(conn)
        ready = sorted(self._ready(self._clock.now()))
        more = False
        for first in range(0, len(ready), GROUP):
            more |= self._turns(ready[first : first + GROUP])
            self.note_seen()
        self._tell_progress(more)
        return more

    def note_seen(self) -> None:
        """Every ten seconds: this worker works."""
        if time.monotonic() - self._seen >= _SEEN_REAL:
            self._seen = time.monotonic()
            note = f"{len(self._homes)} homes"
            note += f"; {len(self._paused)} failing" if self._paused else ""
            with self._pool.connection() as conn:
                name = worker_name("anomaly", self._own)
                note_seen(conn, name, now=self._clock.now(), note=note, partitions=self._partitions)

    def _look_around(self, conn: Conn) -> None:
        """Homes that are new, described anew or gone."""
        is_all = time.monotonic() - self._looked >= _LOOK_REAL
        found = homes_of_partitions(conn, self._partitions, newer_than=0 if is_all else self._newest)
        if is_all:
            for gone in self._homes.keys() - {home.id for home in found}:
                self._let_go(gone)
            self._looked = time.monotonic()
        else:
            known = self._described & self._homes.keys()
            found += homes_of_ids(conn, known) if known else []
        for home in found:
            self._newest = max(self._newest, home.id)
            if self._homes.get(home.id) != home:
                self._homes[home.id] = home
                self._watched.pop(home.id, None)
                self._eager.add(home.id)

    def _let_go(self, home_id: int) -> None:
        for held in (self._homes, self._watched, self._due_of, self._paused):
            held.pop(home_id, None)
        self._eager.discard(home_id)
        self._newest = 0  # it may come back

    def _ready(self, now: datetime) -> set[int]:
        ready = self._eager | (self._described & self._homes.keys())
        while self._due and self._due[0][0] <= now:
            due_at, home_id = heapq.heappop(self._due)
            if self._due_of.get(home_id) == due_at:
                ready.add(home_id)
        real = time.monotonic()
        return {home for home in ready if home not in self._paused or real >= self._paused[home].until}

    def _turns(self, group: Sequence[int]) -> bool:
        try:
            more = self._together(group)
        except Exception as exc:  # whatever it is, the other homes go on, and this one is tried again
            # What the models have in memory may be ahead of what was written: begin again from the snapshots.
            for home_id in group:
                self._watched.pop(home_id, None)
                self._eager.add(home_id)
            if _is_away(exc):
                raise
            if len(group) > 1:
                answers = [self._turns([home_id]) for home_id in group]  # each, whatever the one before has said
                return any(answers)
            self._pause(self._homes[group[0]], exc)
            return False
        for home_id in group:
            self._paused.pop(home_id, None)
        self._described.difference_update(group)
        return more

    def _together(self, group: Iterable[int]) -> bool:
        """One transaction: the turns of these homes."""
        more = False
        progress: list[RoutineProgress] = []
        pace = Pace.of(len(self._homes))
        with self._pool.connection() as conn:
            now = self._clock.now()  # before the numbers are read: nothing is decided about a later moment
            numbers = last_numbers(conn, list(group))
            for home_id in group:
                watched = self._watched.get(home_id)
                if watched is None:
                    watched = self._watched[home_id] = WatchedHome(conn, self._homes[home_id], clock=self._clock)
                has_more, told = watched.step(
                    conn,
                    last_number=numbers.get(home_id, 0),
                    now=now,
                    pace=pace,
                    is_described_anew=home_id in self._described,
                )
                more |= has_more
                if told is not None:
                    progress.append(told)
                self._note_due(home_id, watched.due_at)
            if progress:
                save_progress(conn, progress)
        return more

    def _note_due(self, home_id: int, due_at: datetime | None) -> None:
        if due_at is None:
            self._eager.add(home_id)
            return
        self._eager.discard(home_id)
        self._due_of[home_id] = due_at
        heapq.heappush(self._due, (due_at, home_id))

    def _pause(self, home: Home, exc: Exception) -> None:
        before = self._paused.get(home.id)
        seconds = _FIRST_PAUSE_REAL if before is None else min(2 * before.seconds, _LONGEST_PAUSE_REAL)
        self._paused[home.id] = _Pause(until=time.monotonic() + seconds, seconds=seconds)
        log.error(
            "home %s failed and is left alone for %.0f s: %s", home.code, seconds, exc,
            exc_info=not isinstance(exc, psycopg.OperationalError), extra={"home_id": home.id},
        )  # fmt: skip

    def _tell_progress(self, more: bool) -> None:
        if not more or time.monotonic() - self._told < _SEEN_REAL:
            return
        self._told = time.monotonic()
        rows = sum(watched.rows_read for watched in self._watched.values())
        log.info("catching up: %d homes, %d rows read so far", len(self._watched), rows)


def _is_away(exc: Exception) -> bool:
    """True if it is the database that is not there, and no home's fault."""
    state = getattr(exc, "sqlstate", None) or ""
    return isinstance(exc, psycopg.OperationalError) and (not state or state.startswith(("08", "57P")))

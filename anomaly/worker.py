"""The worker: its homes in turn, many in a transaction. One home's failure never stops the others.

A home that lives in the present has its turn once a minute, because what is found is said at full minutes, and at the
minute at which something is due in it by itself; one that is catching up has it as soon as there is something to read.
Who is ready is one comparison over all homes (`fleet`). A group of homes costs three queries, whatever is new of them;
a home without news in which nothing is due costs its place in them, nothing else.
"""

import logging
import math
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from anomaly.fleet import Fleet
from anomaly.resuming import kept_of
from anomaly.watched_home import Pace, WatchedHome
from store.clock import Clock
from store.database import Conn, Pool
from store.home import Home, homes_of_ids, homes_of_partitions
from store.news import news_of
from store.oversight import note_seen
from store.partition import ALL, worker_name
from store.routine import RoutineProgress, RoutineSnapshot, save_progress, save_snapshots

log = logging.getLogger(__name__)

GROUP = 200  # homes in one transaction: findings are seen by `alerts` a fraction of a second later at most
_ROUND_REAL = 10.0  # seconds of a round after which no more homes are taken up from their snapshots
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
        self._fleet = Fleet()  # the counts of all homes, and when each has its turn
        self._row_of: dict[int, int] = {}  # home → its row there
        self._home_of: dict[int, int] = {}
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
        begun = time.monotonic()
        ready = self._ready(self._clock.now())
        more = False
        for first in range(0, len(ready), GROUP):
            group = ready[first : first + GROUP]
            if time.monotonic() - begun >= _ROUND_REAL and not any(home_id in self._watched for home_id in group):
                more = True  # homes that wait to be taken up must not keep the others waiting
                break
            more |= self._turns(group)
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
                self._forget(home.id)
                self._eager.add(home.id)

    def _let_go(self, home_id: int) -> None:
        self._forget(home_id)
        for held in (self._homes, self._paused):
            held.pop(home_id, None)
        self._eager.discard(home_id)
        self._newest = 0  # it may come back

    def _forget(self, home_id: int) -> None:
        """What is in memory of its model; it can be made again."""
        self._watched.pop(home_id, None)
        row = self._row_of.pop(home_id, None)
        if row is not None:
            self._home_of.pop(row)
            self._fleet.free(row)

    def _ready(self, now: datetime) -> list[int]:
        """The homes that have a turn now: first those that are watched already, the most urgent ones at the head."""
        ready = dict.fromkeys(self._home_of[row] for row in self._fleet.ready(now.timestamp()).tolist())
        eager = self._eager | (self._described & self._homes.keys())
        ready.update(dict.fromkeys(sorted(eager, key=lambda home_id: (home_id not in self._watched, home_id))))
        real = time.monotonic()
        return [home for home in ready if home not in self._paused or real >= self._paused[home].until]

    def _turns(self, group: Sequence[int]) -> bool:
        try:
            more = self._together(group)
        except Exception as exc:  # whatever it is, the other homes go on, and this one is tried again
            # What the models have in memory may be ahead of what was written: begin again from the snapshots.
            for home_id in group:
                self._forget(home_id)
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

    def _together(self, group: Sequence[int]) -> bool:
        """One transaction: the turns of these homes."""
        more = False
        progress: list[RoutineProgress] = []
        snapshots: list[RoutineSnapshot] = []
        pace = Pace.of(len(self._homes))
        with self._pool.connection() as conn:
            now = self._clock.now()  # before the numbers are read: nothing is decided about a later moment
            self._take_up(conn, [home_id for home_id in group if home_id not in self._watched], pace, now=now)
            news = news_of(conn, {home_id: self._watched[home_id].cursor for home_id in group})
            for home_id in group:
                watched = self._watched[home_id]
                last_number = news.last_numbers.get(home_id, watched.cursor)
                is_described_anew = home_id in self._described
                if is_described_anew or not watched.is_idle(now, last_number=last_number, pace=pace):
                    turn = watched.step(
                        conn, last_number=last_number, now=now, pace=pace, is_described_anew=is_described_anew,
                        unread=news.rows.get(home_id),
                    )  # fmt: skip
                    more |= turn.has_more
                    if turn.progress is not None:
                        progress.append(turn.progress)
                    if turn.snapshot is not None:
                        snapshots.append(turn.snapshot)
                self._note_due(home_id, watched, now)
            if progress:
                save_progress(conn, progress)
            save_snapshots(conn, snapshots)
        return more

    def _take_up(self, conn: Conn, group: Sequence[int], pace: Pace, *, now: datetime) -> None:
        """Make the models of these homes from what is kept of them."""
        if not group:
            return
        kept = kept_of(conn, [self._homes[home_id] for home_id in group], now=now)
        for home_id in group:
            row = self._row_of[home_id] = self._fleet.take()
            self._home_of[row] = home_id
            self._watched[home_id] = WatchedHome(
                conn, self._homes[home_id], clock=self._clock, kept=kept[home_id], arrays=self._fleet.arrays(row),
                pace=pace,
            )  # fmt: skip

    def _note_due(self, home_id: int, watched: WatchedHome, now: datetime) -> None:
        row = self._row_of[home_id]
        if not watched.is_caught_up:
            self._eager.add(home_id)
            self._fleet.due[row] = self._fleet.turn[row] = math.inf
            return
        self._eager.discard(home_id)
        due = watched.due_by_itself
        self._fleet.turn[row] = watched.next_turn(now)
        self._fleet.due[row] = due if due > now.timestamp() else math.inf  # else it waits for a word of the hub

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

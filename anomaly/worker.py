"""The worker: all homes in turn, one transaction each. One home's failure never stops the others."""

import logging
import threading
import time
from dataclasses import dataclass
from datetime import timedelta

import psycopg

from anomaly.watched_home import WatchedHome
from store.clock import Clock
from store.database import DatabaseSettings, Pool, open_pool
from store.home import Home, homes
from store.oversight import note_seen
from store.wakeup import Channel, Listener

log = logging.getLogger(__name__)

_POLL_REAL = timedelta(seconds=1)  # between rounds, if nobody wakes us
_BREATH_REAL = 0.2  # seconds between rounds, however often we are woken
_SEEN_REAL = 10.0  # seconds between two notes that we are alive, and between two lines about progress
_FIRST_PAUSE_REAL, _LONGEST_PAUSE_REAL = 5.0, 300.0  # seconds for which a failing home is left alone


@dataclass(slots=True)
class _Pause:
    until: float  # monotonic seconds
    seconds: float


class Worker:
    """Watches every home there is."""

    def __init__(self, pool: Pool, *, clock: Clock) -> None:
        self._pool, self._clock = pool, clock
        self._watched: dict[int, WatchedHome] = {}
        self._paused: dict[int, _Pause] = {}
        self._told = self._seen = -1e9

    def step(self) -> bool:
        """Give every home its turn. True if one of them has more to read."""
        with self._pool.connection() as conn:
            found = homes(conn)
        more = False
        for home in found:
            pause = self._paused.get(home.id)
            if pause is None or time.monotonic() >= pause.until:
                more |= self._turn(home)
        self._tell_progress(more)
        return more

    def note_seen(self) -> None:
        """Every ten seconds: this service works."""
        if time.monotonic() - self._seen >= _SEEN_REAL:
            self._seen = time.monotonic()
            with self._pool.connection() as conn:
                failing = f"{len(self._paused)} failing" if self._paused else ""
                note_seen(conn, "anomaly", now=self._clock.now(), note=failing)

    def _turn(self, home: Home) -> bool:
        try:
            with self._pool.connection() as conn:
                watched = self._watched.get(home.id)
                if watched is None or watched.home != home:
                    watched = WatchedHome(conn, home, clock=self._clock)
                more = watched.step(conn)
            self._watched[home.id] = watched
            self._paused.pop(home.id, None)
        except Exception as exc:  # whatever it is, the other homes go on, and this one is tried again
            # What the model has in memory may be ahead of what was written: begin again from the snapshot.
            self._watched.pop(home.id, None)
            before = self._paused.get(home.id)
            seconds = _FIRST_PAUSE_REAL if before is None else min(2 * before.seconds, _LONGEST_PAUSE_REAL)
            self._paused[home.id] = _Pause(until=time.monotonic() + seconds, seconds=seconds)
            is_database = isinstance(exc, psycopg.OperationalError)
            log.error(
                "home %s failed and is left alone for %.0f s: %s", home.code, seconds, exc,
                exc_info=not is_database, extra={"home_id": home.id},
            )  # fmt: skip
            return False
        return more

    def _tell_progress(self, more: bool) -> None:
        if not more or time.monotonic() - self._told < _SEEN_REAL:
            return
        self._told = time.monotonic()
        rows = sum(watched.rows_read for watched in self._watched.values())
        log.info("catching up: %d homes, %d rows read so far", len(self._watched), rows)


def watch(settings: DatabaseSettings, *, clock: Clock, stop: threading.Event) -> None:
    """Watch until told to stop. Survives the database."""
    listener = Listener(settings, Channel.INTAKE)
    try:
        with open_pool(settings, size=2) as pool:
            worker = Worker(pool, clock=clock)
            while not stop.is_set():
                more = False
                try:
                    more = worker.step()
                    worker.note_seen()
                except psycopg.OperationalError as exc:
                    log.warning("no database just now: %s", exc)
                    stop.wait(_POLL_REAL.total_seconds())
                if not more:
                    listener.wait(_POLL_REAL, sleep=lambda seconds: _wait(stop, seconds))
                    stop.wait(_BREATH_REAL)
    finally:
        listener.close()


def _wait(stop: threading.Event, seconds: float) -> None:
    stop.wait(seconds)

"""What ingest clears away once an hour: what is older than it may be kept. Between two batches, a bit at a time.

What may go is decided elsewhere: `store.retention` for rows of the past, `store.intake` for the numbers of old boots.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from store.clock import Clock
from store.database import Pool
from store.intake import forget_boots
from store.retention import KeepSettings, forget_old

EVERY_SECONDS = 3_600.0
AGAIN_SECONDS = 5.0  # when there is more: batches come first
MOST_BOOTS = 200  # of a home: one is made whenever a hub loses its counter, which an honest one does once in years
WAIT_FOR_CONNECTION_SECONDS = 3.0
_ONE_WORKER = 7_031_853_004  # an advisory lock: one worker clears away, whichever comes first

log = logging.getLogger(__name__)


class Housekeeping:
    """Clears away when it is time."""

    def __init__(
        self,
        pool: Pool,
        *,
        clock: Clock,
        keep: KeepSettings,
        keep_boots: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._keep = keep
        self._keep_boots = keep_boots
        self._monotonic = monotonic
        self._due_at = monotonic()

    def step(self) -> bool:
        """Clear some away if it is time; false if it was not. Raises `psycopg.Error` when the database is away."""
        if self._monotonic() < self._due_at:
            return False
        self._due_at = self._monotonic() + EVERY_SECONDS  # also if this fails: what waits an hour longer harms nobody
        now = self._clock.now()
        with self._pool.connection(timeout=WAIT_FOR_CONNECTION_SECONDS) as conn:
            row = conn.execute("SELECT pg_try_advisory_xact_lock(%(key)s)", {"key": _ONE_WORKER}).fetchone()
            if row is None or not row[0]:
                return False
            forgotten = forget_old(conn, settings=self._keep, now=now)
            boots = forget_boots(conn, unheard_since=now - self._keep_boots, most=MOST_BOOTS)
        if forgotten.is_more:
            self._due_at = self._monotonic() + AGAIN_SECONDS
        if forgotten.rejected or forgotten.events or forgotten.check_ins or boots:
            log.info("cleared away: %s, boots=%d", forgotten, boots)
        return True

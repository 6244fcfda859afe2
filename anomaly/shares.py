"""Which partitions this worker watches just now: its own, and those it stands in for while their own worker is gone.

A home is watched by one worker at a time. If two should watch one for a moment (a worker lost its database connection
and has not noticed), both compute the same findings from the same log, with the same ids: nothing is raised twice.
"""

import logging
import time

from store.database import DatabaseSettings
from store.partition import Duty, PartitionLocks, partitions_label

_LOOK_REAL = 2.0  # seconds between two looks at who is there
_TELL_REAL = 60.0  # seconds between two lines about what others hold

log = logging.getLogger(__name__)


class Shares:
    """Asks the database who serves what. May raise `psycopg.OperationalError`; then nothing is held."""

    def __init__(
        self, settings: DatabaseSettings, *, own: frozenset[int], standby: frozenset[int] = frozenset()
    ) -> None:
        self._locks = PartitionLocks(settings, Duty.ANOMALY)
        self._own, self._standby = own, standby - own
        self._looked_at = self._told_at = float("-inf")
        self._is_announced = False

    @property
    def own(self) -> frozenset[int]:
        """The partitions that are this worker's."""
        return self._own

    def look(self) -> frozenset[int]:
        """The partitions to be watched from now on. Asks at most every two seconds."""
        if time.monotonic() - self._looked_at < _LOOK_REAL:
            return self._locks.held
        before = self._locks.held
        if not self._locks.is_alive():
            self._is_announced = False
            self._locks.close()
        if not self._is_announced:
            self._locks.want(self._own)
            self._is_announced = True
        wanted = self._locks.wanted_by_others(self._standby) if self._standby else frozenset[int]()
        self._locks.give_back(wanted)
        held = self._locks.take(self._own | (self._standby - wanted))
        self._looked_at = time.monotonic()
        self._tell(before, held)
        return held

    def close(self) -> None:
        """Let others have them."""
        self._locks.close()

    def _tell(self, before: frozenset[int], held: frozenset[int]) -> None:
        if held != before:
            log.info("watching partitions %s", partitions_label(held) or "none")
        elsewhere = self._own - held
        if elsewhere and time.monotonic() - self._told_at >= _TELL_REAL:
            self._told_at = time.monotonic()
            log.warning("partitions %s are watched by another worker; standing by", partitions_label(elsewhere))

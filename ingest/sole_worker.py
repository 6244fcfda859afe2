"""One ingest worker for a partition at a time: who comes second waits, says so, and takes over when the first is gone.

Without this, two workers with the same partitions would have the same client id, and the broker would drop one for the
other for ever: each would spend its time in connecting. What is stored would be right even then, because homes are
locked while they are written; but nothing would move. Nothing here knows of messages.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator

import psycopg

from store.database import DatabaseSettings
from store.partition import Duty, PartitionLocks, partitions_label

LOOK_SECONDS = 1.0  # between two looks whether the partitions are free, or still ours
TELL_SECONDS = 60.0  # between two lines in the log while waiting
# Without the database for so long, the broker's connection is let go too: another worker may reach a database that we
# do not, and must not find us on its session.
GRACE_SECONDS = 5.0

log = logging.getLogger(__name__)


class SoleWorker:
    """The right to serve these partitions, waited for and watched."""

    def __init__(self, settings: DatabaseSettings, partitions: frozenset[int]) -> None:
        self._partitions = partitions
        self._label = partitions_label(partitions)
        self._locks = PartitionLocks(settings, Duty.INGEST)

    def wait(self, stop: threading.Event) -> bool:
        """True when the partitions are ours; false when told to stop first."""
        told_at = float("-inf")
        while not stop.is_set():
            try:
                if self._take_all():
                    log.info("partitions %s are ours", self._label)
                    return True
                said = f"partitions {self._label} are served by another worker; standing by to take over"
            except psycopg.OperationalError as exc:
                said = f"no database just now: {exc}"
            if time.monotonic() - told_at >= TELL_SECONDS:
                told_at = time.monotonic()
                log.warning(said)
            stop.wait(LOOK_SECONDS)
        return False

    @contextlib.contextmanager
    def until_lost(self, stop: threading.Event) -> Iterator[threading.Event]:
        """An event that is set when the partitions are not ours any more, or when `stop` is."""
        over = threading.Event()
        watch = threading.Thread(target=self._watch, args=(stop, over), name="partition locks", daemon=True)
        watch.start()
        try:
            yield over
        finally:
            over.set()
            watch.join()

    def close(self) -> None:
        """Let others have the partitions."""
        self._locks.close()

    def _take_all(self) -> bool:
        """All or none: with a part of them, two workers could wait for each other."""
        held = self._locks.take(self._partitions)
        if held == self._partitions:
            return True
        self._locks.give_back(held)
        return False

    def _watch(self, stop: threading.Event, over: threading.Event) -> None:
        seen_at = looked_at = time.monotonic()
        while not over.is_set():
            if stop.wait(0.1):
                break
            if time.monotonic() - looked_at < LOOK_SECONDS:
                continue
            looked_at = time.monotonic()
            try:
                if not self._locks.is_alive() and not self._take_all():
                    log.warning("partitions %s are served by another worker now", self._label)
                    break
                seen_at = time.monotonic()
            except psycopg.OperationalError as exc:
                if time.monotonic() - seen_at > GRACE_SECONDS:
                    log.warning("no database, leaving the broker until it is back: %s", exc)
                    break
        over.set()

"""The hub's own time: a wall clock that may be wrong until the network has set it, beside one that only goes on.

A Raspberry Pi has no clock that survives a power cut: it wakes up in the past, and jumps when the network tells it the
time. What was recorded before then has the wrong time, by exactly the jump; so it is moved by that, on disk, as long as
it is held. After a restart of the program alone the steady clock has gone on, and what the program before recorded is
moved with it. What was recorded before the machine itself went down stays as it is: nobody knows how long it was off.
"""

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

from ingest.hub.queue import HubQueue

log = logging.getLogger(__name__)

STEP_S = 2.0  # NTP slews less than this and steps more
_FACT = "clock"
_FLOOR = 1_767_225_600.0  # 2026-01-01, before which no hub was made
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def steady_seconds() -> float:
    """Seconds since the machine was switched on, sleep included: no clock setting touches it."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


def machine_boot() -> str:
    """What tells this run of the machine from the next; '' where it does not say."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


class OwnClock:
    """Watches for the wall clock being set, and moves what is held."""

    def __init__(
        self,
        queue: HubQueue,
        *,
        wall: Callable[[], float],  # epoch seconds
        steady: Callable[[], float] = steady_seconds,
        machine: str | None = None,
        sync_file: Path | None = None,  # exists once the network has set the clock
    ) -> None:
        self._queue, self._wall, self._steady = queue, wall, steady
        self._machine = machine_boot() if machine is None else machine
        self._sync_file = sync_file
        self._offset = wall() - steady()
        self._boots = [queue.boot]
        before = json.loads(queue.fact(_FACT) or "{}")
        if self._machine and before.get("machine") == self._machine:
            self._boots += before["boots"]
            now, self._offset = self._offset, before["offset"]
            self._moved(now)
        self._queue.note(_FACT, self._noted())

    def look(self) -> float:
        """Has the clock been set since the last look? By how many seconds it jumped forward; 0.0 if it has not."""
        return self._moved(self._wall() - self._steady())

    @property
    def is_set(self) -> bool:
        """False as long as it is known, or plain to see, that the network has not set the clock yet."""
        if self._wall() < _FLOOR:
            return False
        file = self._sync_file
        return file is None or not file.parent.is_dir() or file.exists()

    def _moved(self, offset: float) -> float:
        by = offset - self._offset
        self._offset = offset
        if abs(by) < STEP_S:
            return 0.0
        rows = self._queue.move(by, boots=self._boots, noting=(_FACT, self._noted()))
        log.warning("the clock was set by %+.0f s: %d readings and check-ins were moved with it", by, rows)
        return by

    def _noted(self) -> str:
        return json.dumps({"machine": self._machine, "offset": self._offset, "boots": self._boots[:20]})

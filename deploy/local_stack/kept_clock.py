"""The stack's clock, continued where it stopped: a stopped stack must not show its homes a gap of a night."""

import json
import logging
import threading
from datetime import datetime, timedelta
from pathlib import Path

from deploy.local_stack.credentials import write_private
from store.clock import Clock, ClockSettings, make_clock, read_rate, write_rate

WRITTEN_EVERY = timedelta(seconds=2)  # of real time

log = logging.getLogger(__name__)


class KeptClock:
    """A clock for all processes of a stack, and the file in which its time outlives them.

    `clock.json` is what the others read; `clock-kept.json` is the time from which the next run goes on.
    """

    def __init__(self, data_dir: Path, *, speed: float = 1.0, start: datetime | None = None) -> None:
        self._shared = data_dir.absolute() / "clock.json"
        self._file = data_dir / "clock-kept.json"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock file", daemon=True)
        write_rate(self._shared, start=_kept(self._file) or start or make_clock(ClockSettings()).now(), speed=speed)
        self.clock: Clock = make_clock(ClockSettings(file=self._shared))

    def start(self) -> None:
        """Write the time down from now on."""
        self._write(ahead=WRITTEN_EVERY * 2)
        self._thread.start()

    def stop(self) -> None:
        """Write the time down a last time."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)
        self._write(ahead=timedelta(0))

    def set_speed(self, speed: float) -> None:
        """From now on, in all processes. 0: stand still."""
        write_rate(self._shared, start=self.clock.now(), speed=speed)

    def environment(self) -> dict[str, str]:
        """What another process needs to have the same clock."""
        return {"TELECARE_CLOCK_FILE": str(self._shared)}

    def _run(self) -> None:
        while not self._stop.wait(WRITTEN_EVERY.total_seconds()):
            try:
                self._write(ahead=WRITTEN_EVERY * 2)
            except OSError as exc:  # a full disk must not stop the clock
                log.warning("cannot write the clock's file: %s", exc)

    def _write(self, *, ahead: timedelta) -> None:
        """While running, written ahead beyond the next writing: after a kill -9 the clock may jump, never back."""
        time = self.clock.now() + ahead * self.clock.speed
        write_private(self._file, json.dumps({"service_time": time.isoformat()}) + "\n")


def kept_time(data_dir: Path) -> tuple[datetime, float] | None:
    """What the clock of this data directory shows, or showed when it stopped, and its speed; None if it has none."""
    shared, kept = data_dir / "clock.json", _kept(data_dir / "clock-kept.json")
    if kept is None:
        return None
    speed = read_rate(shared).speed if shared.exists() else 1.0
    return kept, speed


def keep_time(data_dir: Path, time: datetime) -> None:
    """The clock of this data directory goes on from there when its stack is started."""
    write_private(data_dir / "clock-kept.json", json.dumps({"service_time": time.isoformat()}) + "\n")


def _kept(file: Path) -> datetime | None:
    if not file.exists():
        return None
    return datetime.fromisoformat(json.loads(file.read_text())["service_time"])

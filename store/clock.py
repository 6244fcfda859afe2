"""The one place where time is made. Everything else is given `now` or a `Clock`.

The services of one stack share a clock: three numbers, in the environment or in a small file that all of them
read. With the file, the demo can let the pretend world stand still while four weeks of history are learned, and
then run at sixty times the speed, without any process being started again.
"""

import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic_settings import SettingsConfigDict

from store.settings import Settings


class ClockSettings(Settings):
    """How fast the service's time runs. Only the demo and the tests change this."""

    model_config = SettingsConfigDict(env_prefix="TELECARE_CLOCK_")

    speed: float = 1.0  # seconds of service time in a real second; 0 stands still
    real_start: datetime | None = None  # at this real instant …
    start: datetime | None = None  # … the service's clock showed this
    file: Path | None = None  # the same three as JSON; read again whenever it changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At the real instant `real_start` the clock showed `start`; since then it runs at `speed`."""

    real_start: datetime
    start: datetime
    speed: float

    def at(self, real: datetime) -> datetime:
        """What the clock shows at a real instant."""
        return self.start + (real - self.real_start) * self.speed


class Clock:
    """A clock that may run faster than the real one, the same in every process that was given the same numbers."""

    def __init__(self, *, real_start: datetime, start: datetime, speed: float = 1.0, file: Path | None = None) -> None:
        self._rate = Rate(real_start=real_start, start=start, speed=speed)
        self._file = file
        self._seen: tuple[int, int] | None = None

    @property
    def speed(self) -> float:
        """Seconds of this clock in a real second."""
        return self._current().speed

    def now(self) -> datetime:
        """Aware, UTC."""
        return self._current().at(datetime.now(UTC))

    def stretch(self, real: timedelta) -> timedelta:
        """What this clock counts while `real` passes outside: for leases and time-outs of real networks.

        Never less than `real`, so that a lease taken while the clock stands still is not over at once.
        """
        return real * max(1.0, self.speed)

    def sleep_until(self, then: datetime, *, at_most: timedelta) -> None:
        """Wait until this clock shows `then`, but never longer than `at_most` of real time."""
        speed = self.speed
        real = (then - self.now()) / speed if speed > 0 else at_most
        time.sleep(max(0.0, min(real, at_most).total_seconds()))

    def _current(self) -> Rate:
        if self._file is not None:
            try:
                found = os.stat(self._file)
                seen = (found.st_mtime_ns, found.st_ino)
                if seen != self._seen:
                    self._rate, self._seen = read_rate(self._file), seen
            except FileNotFoundError:
                pass  # the stack that owned it has gone; go on at the last known rate
        return self._rate


def read_rate(file: Path) -> Rate:
    """The rate that `write_rate` wrote."""
    found = json.loads(file.read_text())
    return Rate(
        real_start=datetime.fromisoformat(found["real_start"]),
        start=datetime.fromisoformat(found["start"]),
        speed=float(found["speed"]),
    )


def write_rate(file: Path, *, start: datetime, speed: float) -> None:
    """From this moment every clock of this file shows `start` and runs at `speed`. Readers never see half of it."""
    fresh = file.with_suffix(".new")
    text = {"real_start": datetime.now(UTC).isoformat(), "start": start.isoformat(), "speed": speed}
    fresh.write_text(json.dumps(text))
    fresh.replace(file)


def make_clock(settings: ClockSettings | None = None) -> Clock:
    """The clock of this process; the real one unless the settings say otherwise."""
    settings = settings or ClockSettings()
    real = settings.real_start or datetime.now(UTC)
    return Clock(real_start=real, start=settings.start or real, speed=settings.speed, file=settings.file)

"""Plays a recording of a real home as if it happened now: through a native hub, as one more home.

All times are moved by whole weeks of civil time, so that the hour of the day and the weekday stay what they were, and
the recording ends soon after the world begins: most of it is history, the rest is live.
"""

import logging
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from simulators.sensing import Reading
from simulators.source import Source
from store.home import SensorKind
from store.hub import HubState
from store.recording import BadRow, HomeFile, InputError, Row, read_recording_leniently

log = logging.getLogger(__name__)

ENDS_AFTER = timedelta(hours=3)  # after the world's start, at the earliest; at the latest a week more


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording in memory, moved to where it is wanted."""

    readings: tuple[Reading, ...]  # oldest first
    has_hub_rows: bool  # it says itself when the hub was in touch
    broken_lines: int

    @property
    def start(self) -> float:
        """The first reading, epoch seconds."""
        return self.readings[0].at

    @property
    def end(self) -> float:
        """The last reading, epoch seconds."""
        return self.readings[-1].at

    def source(self) -> Source:
        """As the hub wants it."""
        times = [reading.at for reading in self.readings]

        def readings(start: float) -> Iterator[Reading]:
            yield from self.readings[bisect_left(times, start) :]

        return readings


def load_recording(path: Path, home: HomeFile, *, live_at: datetime | None) -> Recording:
    """The recording, moved so that it ends soon after `live_at`; with None its times stay.

    Broken lines are logged with their place and left out. Raises `store.recording.InputError` if the file cannot be
    read at all, or if no line of it can.
    """
    rows: list[Row] = []
    broken = 0
    for found in read_recording_leniently(path, home):
        if isinstance(found, BadRow):
            broken += 1
            log.warning("%s:%d: %s; the line is left out", path, found.line, found.reason)
        else:
            rows.append(found)
    if not rows:
        raise InputError(path, "no line of it can be read")
    zone = home.zone
    weeks = 0 if live_at is None else _weeks_between(rows[-1].at, live_at + ENDS_AFTER, zone)
    kinds = {sensor.id: sensor.kind for sensor in home.sensors}
    readings: list[Reading] = []
    newest = 0.0
    for row in rows:
        # Around a change of the clocks a moved time may fall behind its predecessor: the order counts.
        newest = max(newest, round(_moved(row.at, weeks, zone).timestamp(), 3))
        readings.append(Reading(newest, row.sensor, _value(row, kinds)))
    return Recording(
        readings=tuple(readings),
        has_hub_rows=any(isinstance(row.value, HubState) for row in rows),
        broken_lines=broken,
    )


def _weeks_between(end: datetime, wanted: datetime, zone: ZoneInfo) -> int:
    """The fewest whole weeks that bring `end` to `wanted` or later; negative if it lies ahead."""
    weeks = (wanted - end) // timedelta(days=7)
    while _moved(end, weeks, zone) < wanted:
        weeks += 1
    return weeks


def _moved(at: datetime, weeks: int, zone: ZoneInfo) -> datetime:
    """The same civil time so many weeks later."""
    if not weeks:
        return at
    civil = at.astimezone(zone).replace(tzinfo=None) + timedelta(weeks=weeks)
    return civil.replace(tzinfo=zone)


def _value(row: Row, kinds: dict[str, SensorKind]) -> bool | float | HubState:
    if isinstance(row.value, HubState):
        return row.value
    kind = kinds[row.sensor]
    return row.value if kind.is_measurement or row.value not in (0.0, 1.0) else row.value == 1.0

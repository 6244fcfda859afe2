"""Recordings (CSV) and home files (JSON) as `interfaces.md` describes them: reading, with file, line and reason.

Used by `telecare replay`, by `telecare home add` and by the simulated hub that plays a recording. Not here: what
the rows mean to the model, and anything that touches the database.
"""

import csv
import gzip
import heapq
import io
import math
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from store.home import SensorKind
from store.home_file import HomeFile, InputError, read_home_file
from store.hub import HubState

__all__ = ["BadRow", "HomeFile", "InputError", "Row", "read_home_file", "read_recording", "read_recording_leniently"]

HUB = "hub"  # the reserved sensor
MAY_BE_LATE = timedelta(hours=1)  # rows out of order by up to so much are put in order
_LEAP = timedelta(days=31)  # from one row to the next; more is believed only with a second row that says so
_SAME_PASS = timedelta(minutes=5)  # disorder that does not yet mean the clocks went back
_PLAIN = 1000  # characters of a line that needs no care
_TAKEN_OUT = 4096  # rows whose place is given back together
_HEADER = ["time", "sensor", "value"]
_ON_OFF = {"1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0, "on": 1.0, "off": 0.0, "open": 1.0, "closed": 0.0,
           "true": 1.0, "false": 0.0}  # fmt: skip
_NUMBERS = {kind for kind in SensorKind if kind.is_measurement} | {SensorKind.OTHER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a recording. `value` is a `HubState` for the hub and a number for everything else."""

    at: datetime  # aware, UTC
    sensor: str
    value: float | HubState


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A line that cannot be read, for those who want to go on."""

    line: int
    reason: str


def read_recording(path: Path, home: HomeFile) -> Iterator[Row]:
    """The rows in order of time, twins dropped. Raises `InputError` at the first line that cannot be read."""
    for row in read_recording_leniently(path, home):
        if isinstance(row, BadRow):
            raise InputError(path, row.reason, line=row.line)
        yield row


def read_recording_leniently(path: Path, home: HomeFile) -> Iterator[Row | BadRow]:
    """As `read_recording`, but a line that cannot be read comes as a `BadRow` (in its place in the file).

    Only a file that cannot be opened, has no header or breaks off raises `InputError`.
    """
    newest = oldest = datetime.min.replace(tzinfo=UTC)  # of the rows so far; what may still come
    waiting = RowsInOrder()  # what may still be overtaken
    recent: set[tuple[datetime, str, float | HubState]] = set()  # the same, for twins
    for line, found in _without_leaps(_parsed(path, home)):
        if isinstance(found, BadRow):
            yield found
            continue
        at = found.at
        if at < oldest:
            reason = f"more than an hour out of order: {at.isoformat()} after {newest.isoformat()}"
            yield BadRow(line=line, reason=reason)
            continue
        known = (at, found.sensor, found.value)
        if known in recent:
            continue
        recent.add(known)
        waiting.push(found)
        if at > newest:
            newest, oldest = at, at - MAY_BE_LATE
            while waiting.first_at < oldest:
                row = waiting.pop()
                recent.discard((row.at, row.sensor, row.value))
                yield row
    while waiting:
        yield waiting.pop()


def has_hub_rows(path: Path) -> bool:
    """Does the hub say anything in this recording? If not, it is taken as always observable."""
    try:
        with _opened(path) as text:
            return any(f",{HUB}," in line.replace(" ", "") for line in text)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        return False  # reading it properly will tell what is wrong with it


class RowsInOrder:
    """Rows in an order that depends on the rows alone, not on the order they came in.

    By time, then sensor. Of two rows of one sensor in the same second, that one comes first which changes
    something: a pulse that began and ended within a second ends where it began. Nearly all rows come in order, and
    cost nothing; a heap holds the others.
    """

    def __init__(self, last_values: dict[str, float | HubState] | None = None) -> None:
        self._rows: list[Row] = []  # came in order …
        self._next = 0  # … and those before this one are taken out
        self._heap: list[tuple[datetime, str, str, int, Row]] = []  # came too late for that
        self._pushed = 0
        self._last = dict(last_values or {})

    def __len__(self) -> int:
        return len(self._rows) - self._next + len(self._heap)

    @property
    def first_at(self) -> datetime:
        """The time of the row that comes next; there must be one."""
        if not self._heap:
            return self._rows[self._next].at
        return self._first().at

    def push(self, row: Row) -> None:
        """Put it in its place."""
        rows = self._rows
        if not rows or row.at > rows[-1].at or (row.at == rows[-1].at and _order(row) >= _order(rows[-1])):
            rows.append(row)
        else:
            self._push_late(row)

    def pop(self) -> Row:
        """Take the next row."""
        row = self._take()
        if row.value == self._last.get(row.sensor) and len(self):
            following = self._first()
            if following.at == row.at and following.sensor == row.sensor:
                self._take()
                self._push_late(row)
                row = following
        self._last[row.sensor] = row.value
        return row

    def waiting(self) -> list[Row]:
        """The rows not yet taken out, in order but for pulses within a second."""
        return sorted([*self._rows[self._next :], *(entry[-1] for entry in self._heap)], key=_order)

    def last_values(self) -> dict[str, float | HubState]:
        """What each sensor said last, of the rows taken out."""
        return self._last

    def _push_late(self, row: Row) -> None:
        self._pushed += 1  # only so that rows themselves are never compared
        heapq.heappush(self._heap, (*_order(row), self._pushed, row))

    def _is_heap_first(self) -> bool:
        if not self._heap:
            return False
        if self._next >= len(self._rows):
            return True
        at = self._rows[self._next].at
        if self._heap[0][0] != at:
            return self._heap[0][0] < at
        return self._heap[0][:3] <= _order(self._rows[self._next])

    def _first(self) -> Row:
        return self._heap[0][-1] if self._is_heap_first() else self._rows[self._next]

    def _take(self) -> Row:
        if self._is_heap_first():
            return heapq.heappop(self._heap)[-1]
        row = self._rows[self._next]
        self._next += 1
        if self._next == len(self._rows) or self._next >= _TAKEN_OUT:
            del self._rows[: self._next]
            self._next = 0
        return row


def _order(row: Row) -> tuple[datetime, str, str]:
    return row.at, row.sensor, str(row.value)


def _without_leaps(lines: Iterable[tuple[int, Row | BadRow]]) -> Iterator[tuple[int, Row | BadRow]]:
    """A time far ahead is believed only if the next row is there too: else one wrong year would refuse all the rest."""
    newest: datetime | None = None
    doubtful: tuple[int, Row] | None = None
    for line, found in lines:
        if isinstance(found, BadRow):
            yield line, found
            continue
        if doubtful is not None:
            leap_line, leap = doubtful
            doubtful = None
            if found.at < leap.at - MAY_BE_LATE:
                reason = f"far ahead of the rows around it: {leap.at.isoformat()} before {found.at.isoformat()}"
                yield leap_line, BadRow(line=leap_line, reason=reason)
            else:
                newest = leap.at
                yield leap_line, leap
        if newest is not None and found.at > newest + _LEAP:
            doubtful = line, found
            continue
        newest = found.at if newest is None else max(newest, found.at)
        yield line, found
    if doubtful is not None:
        yield doubtful


def _parsed(path: Path, home: HomeFile) -> Iterator[tuple[int, Row | BadRow]]:
    """Each line as it stands, in file order."""
    kinds = {sensor.id: sensor.kind for sensor in home.sensors}
    zone = home.zone
    before: datetime | None = None  # the row before, for the hour that happens twice
    line = 1
    try:
        with _opened(path) as text:
            if [name.strip().lower() for name in _cells(next(text, ""))] != _HEADER:
                raise InputError(path, f"the first line must be {','.join(_HEADER)}", line=1)
            for line, written in enumerate(text, start=2):
                found = _line(written, kinds, zone, before, line)
                if isinstance(found, Row):
                    before = found.at
                if found is not None:
                    yield line, found
    except FileNotFoundError as exc:
        raise InputError(path, "no such file") from exc
    except (EOFError, zlib.error) as exc:
        raise InputError(path, f"the compressed file is broken: {exc}", line=line) from exc
    except csv.Error as exc:
        raise InputError(path, f"not CSV: {exc}", line=line) from exc
    except OSError as exc:
        raise InputError(path, f"cannot be read: {exc}", line=line) from exc


def _opened(path: Path) -> IO[str]:
    """The text, line by line; a byte that is none stays in its own line, so that this line alone is refused."""
    with path.open("rb") as probe:
        packed = probe.read(2) == b"\x1f\x8b"
    if packed:
        return io.TextIOWrapper(gzip.open(path), encoding="utf-8-sig", errors="surrogateescape", newline="")
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _line(
    written: str, kinds: dict[str, SensorKind], zone: ZoneInfo, before: datetime | None, line: int
) -> Row | BadRow | None:
    """One line by itself: no value of ours holds a line break, and an open quote must not swallow what follows."""
    if not written.isascii() and any("\udc80" <= character <= "\udcff" for character in written):
        return BadRow(line=line, reason="not UTF-8 text")
    try:
        cells = _cells(written)
    except csv.Error as exc:
        return BadRow(line=line, reason=f"not CSV: {exc}")
    return _row(cells, kinds, zone, before, line) if cells not in ([], [""]) else None


def _cells(written: str) -> list[str]:
    if '"' not in written and len(written) < _PLAIN:
        return written.rstrip("\r\n").split(",")  # what csv would say, in a tenth of the time
    return next(csv.reader([written], strict=True), [])


def _row(
    cells: list[str], kinds: dict[str, SensorKind], zone: ZoneInfo, before: datetime | None, line: int
) -> Row | BadRow:
    if len(cells) != len(_HEADER):
        return BadRow(line=line, reason=f"{len(cells)} columns instead of {len(_HEADER)}")
    time, sensor, word = cells[0].strip(), cells[1].strip(), cells[2].strip()
    at = _time(time, zone, before)
    if at is None:
        return BadRow(line=line, reason=f"not a time: {time[:40]!r}")
    if sensor == HUB:
        try:
            return Row(at=at, sensor=sensor, value=HubState(word.lower()))
        except ValueError:
            return BadRow(line=line, reason=f"the hub says only checkin, online or offline: {word[:40]!r}")
    kind = kinds.get(sensor)
    if kind is None:
        return BadRow(line=line, reason=f"sensor {sensor[:40]!r} is not in the home file")
    value = _number(word) if kind in _NUMBERS else None
    if value is None and not kind.is_measurement:
        value = _ON_OFF.get(word.lower())
    if value is None:
        return BadRow(line=line, reason=f"not a value of a {kind} sensor: {word[:40]!r}")
    return Row(at=at, sensor=sensor, value=value)


def _number(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _time(text: str, zone: ZoneInfo, before: datetime | None) -> datetime | None:
    """Aware UTC. Civil time of an hour that happens twice is the first unless the row before says otherwise;

    civil time of an hour that never was is read with the offset before the change.
    """
    if len(text) < len("2008-02-25T00:20"):
        return None
    try:
        given = datetime.fromisoformat(text)
        if not 1970 < given.year < 2200:  # a dead clock battery, or a millisecond stamp in the wrong column
            return None
        if given.tzinfo is not None:
            return given.astimezone(UTC)
        first = given.replace(tzinfo=zone).astimezone(UTC)
        if before is not None and first < before - _SAME_PASS:
            return given.replace(tzinfo=zone, fold=1).astimezone(UTC) if _happens_twice(given, zone) else first
        return first
    except (ValueError, OverflowError):
        return None


def _happens_twice(given: datetime, zone: ZoneInfo) -> bool:
    first, second = given.replace(tzinfo=zone), given.replace(tzinfo=zone, fold=1)
    return (first.utcoffset() or timedelta()) > (second.utcoffset() or timedelta())

"""Recordings (CSV) and home files (JSON) as `interfaces.md` describes them: reading, with file, line and reason.

Used by `telecare replay`, by `telecare home add` and by the simulated hub that plays a recording. Not here: what
the rows mean to the model, and anything that touches the database.
"""

import csv
import gzip
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
from store.row import HUB, Row, RowsInOrder

__all__ = [
    "HUB", "BadRow", "HomeFile", "InputError", "Row", "RowsInOrder", "has_hub_rows", "read_home_file", "read_recording",
    "read_recording_leniently",
]  # fmt: skip

MAY_BE_LATE = timedelta(hours=1)  # rows out of order by up to so much are put in order
_LEAP = timedelta(days=31)  # from one row to the next; more is believed only with a second row that says so
_SAME_PASS = timedelta(minutes=5)  # disorder that does not yet mean the clocks went back
_PLAIN = 1000  # characters of a line that needs no care
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_RELEASE_EVERY = timedelta(minutes=1)
_SHORTEST = len("2008-02-25T00:20")
_KEPT_ENDS = 10_000  # different ends of lines that are remembered; a sensor says few different things
_HEADER = ["time", "sensor", "value"]
_ON_OFF = {"1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0, "on": 1.0, "off": 0.0, "open": 1.0, "closed": 0.0,
           "true": 1.0, "false": 0.0}  # fmt: skip
_NUMBERS = {kind for kind in SensorKind if kind.is_measurement} | {SensorKind.OTHER}


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
    newest = oldest = release = _LONG_AGO  # of the rows so far; what may still come; when to look what cannot any more
    waiting = RowsInOrder()  # what may still be overtaken
    late: set[Row] = set()  # those of them that did not come in order: for twins
    for line, found in _without_leaps(_parsed(path, home)):
        if isinstance(found, BadRow):
            yield from waiting.take_before(oldest)
            yield found
            continue
        at = found.at
        if at > newest:
            newest, oldest = at, at - MAY_BE_LATE
            waiting.push(found)
            if at > release:
                release = at + _RELEASE_EVERY
                late = {row for row in late if row.at >= oldest} if late else late
                yield from waiting.take_before(oldest)
        elif at < oldest:
            yield from waiting.take_before(oldest)
            reason = f"more than an hour out of order: {at.isoformat()} after {newest.isoformat()}"
            yield BadRow(line=line, reason=reason)
        elif found not in late and not waiting.has(found):
            late.add(found)
            waiting.push(found)
    while waiting:
        yield waiting.pop()


def has_hub_rows(path: Path) -> bool:
    """Does the hub say anything in this recording? If not, it is taken as always observable."""
    try:
        with _opened(path) as text:
            return any(f",{HUB}," in line.replace(" ", "") for line in text)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        return False  # reading it properly will tell what is wrong with it


def _without_leaps(lines: Iterable[tuple[int, Row | BadRow]]) -> Iterator[tuple[int, Row | BadRow]]:
    """A time far ahead is believed only if the next row is there too: else one wrong year would refuse all the rest."""
    newest: datetime | None = None
    doubtful: tuple[int, Row] | None = None
    believed = latest = _LONG_AGO  # up to when no question arises; the newest of those that raised none
    for each in lines:
        line, found = each
        if doubtful is None and isinstance(found, Row) and found.at <= believed:
            if found.at > latest:
                latest = found.at
            yield each
            continue
        newest = newest if newest is None else max(newest, latest)
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
        believed = newest + _LEAP
        yield line, found
    if doubtful is not None:
        yield doubtful


def _parsed(path: Path, home: HomeFile) -> Iterator[tuple[int, Row | BadRow]]:
    """Each line as it stands, in file order."""
    kinds = {sensor.id: sensor.kind for sensor in home.sensors}
    zone = home.zone
    before: datetime | None = None  # the row before, for the hour that happens twice
    # Nearly all lines end like one before, and have a time that means only one thing: those are not taken apart again.
    ends: dict[str, tuple[str, float | HubState]] = {}
    times = PlainTimes(zone)
    line = 1
    try:
        with _opened(path) as text:
            if [name.strip().lower() for name in _cells(next(text, ""))] != _HEADER:
                raise InputError(path, f"the first line must be {','.join(_HEADER)}", line=1)
            for line, written in enumerate(text, start=2):
                time, _, end = written.partition(",")
                said = ends.get(end)
                if said is not None and (at := times.instant(time)) is not None:
                    before = at
                    yield line, Row(at, *said)
                    continue
                found = _line(written, kinds, zone, before, line)
                if isinstance(found, Row):
                    before = found.at
                    if len(ends) < _KEPT_ENDS and len(written) < _PLAIN and '"' not in written:
                        ends[end] = found.sensor, found.value
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
    at = careful_time(time, zone, before)
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


class PlainTimes:
    """`careful_time` for times that need no care, in a tenth of the time: an offset is known for a whole hour."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._begins = self._ends = _LONG_AGO.replace(tzinfo=None)  # civil: the hour whose offset is known …
        self._instant = _LONG_AGO  # … and when it begins

    def instant(self, text: str) -> datetime | None:
        """Aware UTC; None: to be read with care, be it a time or not."""
        if len(text) < _SHORTEST:
            return None
        try:
            given = datetime.fromisoformat(text)
        except ValueError:
            return None
        if given.tzinfo is None:
            if not self._begins <= given < self._ends and not self._knows_hour_of(given):
                return None
            return self._instant + (given - self._begins)
        return given.astimezone(UTC) if 1970 < given.year < 2200 else None

    def _knows_hour_of(self, given: datetime) -> bool:
        """Has this hour one offset throughout, whichever way it is read?"""
        if not 1970 < given.year < 2200:
            return False
        begins = given.replace(minute=0, second=0, microsecond=0)
        ends = begins + timedelta(hours=1)
        edges = (begins, ends - datetime.resolution)
        offsets = {edge.replace(tzinfo=self._zone, fold=fold).utcoffset() for edge in edges for fold in (0, 1)}
        offset = offsets.pop()
        if offsets or offset is None:
            return False
        self._begins, self._ends, self._instant = begins, ends, (begins - offset).replace(tzinfo=UTC)
        return True


def careful_time(text: str, zone: ZoneInfo, before: datetime | None) -> datetime | None:
    """Aware UTC. Civil time of an hour that happens twice is the first unless the row before says otherwise;

    civil time of an hour that never was is read with the offset before the change.
    """
    if len(text) < _SHORTEST:
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

"""Rows of the chart: civil days (or nights) of a home's own time zone, right over both clock changes.

A row runs 24 hours on the wall clock and 23, 24 or 25 hours in fact. An hour that the clock shows twice is drawn in two
halves, its first time above its second; an hour that the clock skips is marked as not having been. Pure.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

DAY_MINUTES = 1440
_SECOND = timedelta(seconds=1)


class View(StrEnum):
    """Where a row begins."""

    DAY = "day"  # 00:00 to 24:00
    NIGHT = "night"  # noon to noon, so that a night stays in one piece

    @property
    def first_minute(self) -> int:
        """Civil minute at the left edge, counted from the midnight that begins the row's date."""
        return 0 if self is View.DAY else DAY_MINUTES // 2


class Half(StrEnum):
    """How much of the row's height a stretch takes."""

    WHOLE = "whole"
    FIRST = "first"  # the first time the clock showed these minutes: upper half
    SECOND = "second"  # the second time: lower half


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A part of a row in which the clock runs on evenly."""

    start: datetime  # UTC
    end: datetime  # UTC
    first_minute: float  # civil minute of `start`
    half: Half = Half.WHOLE

    @property
    def last_minute(self) -> float:
        """Civil minute of `end`."""
        return self.first_minute + (self.end - self.start) / timedelta(minutes=1)

    def minute_at(self, at: datetime) -> float:
        """Civil minute of an instant inside this stretch."""
        return self.first_minute + (at - self.start) / timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One civil day or night."""

    date: date  # the civil date on which the row begins
    start: datetime  # UTC
    end: datetime  # UTC
    stretches: tuple[Stretch, ...]  # together exactly [start, end)
    skipped: tuple[tuple[float, float], ...]  # civil minutes that the clock left out

    @property
    def length(self) -> timedelta:
        """23, 24 or 25 hours, by elapsed time."""
        return self.end - self.start

    @property
    def is_weekend(self) -> bool:
        """The row begins on a Saturday or Sunday."""
        return self.date.weekday() >= 5

    def at(self, instant: datetime) -> tuple[float, Half] | None:
        """Where on the row an instant lies; None if it lies outside."""
        for stretch in self.stretches:
            if stretch.start <= instant < stretch.end:
                return stretch.minute_at(instant), stretch.half
        return None

    def pieces(self, start: datetime, end: datetime) -> list[tuple[float, float, Half]]:
        """Where on the row [start, end) lies: (first minute, last minute, half) of each piece."""
        return [
            (stretch.minute_at(first), stretch.minute_at(last), stretch.half)
            for stretch in self.stretches
            if (first := max(start, stretch.start)) < (last := min(end, stretch.end))
        ]


def rows_until(until: date, *, weeks: int, zone: ZoneInfo, view: View) -> list[Row]:
    """The rows of so many weeks up to and including `until`, oldest first."""
    return [row_of(until - timedelta(days=back), zone=zone, view=view) for back in range(weeks * 7 - 1, -1, -1)]


def row_of(day: date, *, zone: ZoneInfo, view: View = View.DAY) -> Row:
    """The row that begins on this date."""
    clock = time(view.first_minute // 60)
    start = datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), clock, tzinfo=zone).astimezone(UTC)

    even = [
        Stretch(start=first, end=last, first_minute=_civil_minute(first, day, zone))
        for first, last in _between_clock_changes(start, end, zone)
    ]
    edges = [view.first_minute, *[m for s in even for m in (s.first_minute, s.last_minute)]]
    edges.append(view.first_minute + DAY_MINUTES)
    return Row(
        date=day,
        start=start,
        end=end,
        stretches=tuple(_split_where_the_clock_repeats(even)),
        skipped=tuple((last, first) for last, first in zip(edges[::2], edges[1::2], strict=True) if last < first),
    )


def _civil_minute(at: datetime, day: date, zone: ZoneInfo) -> float:
    local = at.astimezone(zone).replace(tzinfo=None)
    return (local - datetime.combine(day, time())) / timedelta(minutes=1)


def _between_clock_changes(start: datetime, end: datetime, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """[start, end) cut where the zone's offset changes, to the second."""
    cuts = [start]
    at = start
    while at < end:
        then = min(at + timedelta(hours=1), end)
        if at.astimezone(zone).utcoffset() != then.astimezone(zone).utcoffset() and then < end:
            cuts.append(_change_between(at, then, zone))
        elif then == end and at.astimezone(zone).utcoffset() != (end - _SECOND).astimezone(zone).utcoffset():
            cuts.append(_change_between(at, end - _SECOND, zone))
        at = then
    return [(first, last) for first, last in zip(cuts, [*cuts[1:], end], strict=True) if first < last]


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    old = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def _split_where_the_clock_repeats(even: list[Stretch]) -> list[Stretch]:
    """Halve what the clock shows twice. No zone has changed its clock twice in a day."""
    if len(even) != 2 or even[0].last_minute <= even[1].first_minute:
        return even
    before, after = even

    # The clock went back: [again, before.last_minute) is shown twice.
    again = max(before.first_minute, after.first_minute)
    until = min(before.last_minute, after.last_minute)
    halves = [
        *_cut(before, again, until, Half.FIRST),
        *_cut(after, again, until, Half.SECOND),
    ]
    return [stretch for stretch in halves if stretch.start < stretch.end]


def _cut(stretch: Stretch, first: float, last: float, half: Half) -> list[Stretch]:
    """A stretch in three: before, inside (as a half) and after the civil minutes [first, last)."""
    at = stretch.start + timedelta(minutes=max(0.0, first - stretch.first_minute))
    to = stretch.start + timedelta(minutes=max(0.0, last - stretch.first_minute))
    at, to = min(at, stretch.end), min(to, stretch.end)
    return [
        Stretch(start=stretch.start, end=at, first_minute=stretch.first_minute),
        Stretch(start=at, end=to, first_minute=stretch.minute_at(at), half=half),
        Stretch(start=to, end=stretch.end, first_minute=stretch.minute_at(to)),
    ]

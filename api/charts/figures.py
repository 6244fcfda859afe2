"""The numbers behind the chart, one line a day, each with how much of the day could be observed. Pure.

"Could not observe" is never "no activity": a day without coverage has no figures, not zeros.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from api.charts.civil import Row
from api.charts.places import Place
from api.charts.timeline import Interval, Segment, Timeline
from store.home import Absence

QUARTER = timedelta(minutes=15)
IN_BED_FROM = timedelta(minutes=10)  # shorter rests on the bed are not a night
BED_TIME_FROM = timedelta(hours=18)  # after the row's midnight …
BED_TIME_UNTIL = timedelta(hours=30)  # … until six in the morning after
_NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    """What was seen on one civil day (or night), and what could not be."""

    row: Row
    observed: timedelta
    not_observed: timedelta
    still_to_come: timedelta
    not_installed: timedelta  # before the home's first message; the four add up to the row's length, whatever its hours
    first_seen: datetime | None
    last_seen: datetime | None
    up_at: datetime | None  # by the bed mat: left the bed for good before noon
    to_bed_at: datetime | None  # by the bed mat: the first long rest that began in the evening or night
    active_quarters: int  # quarter hours in which somebody was seen
    time_in: dict[Place, timedelta]  # seen and last seen together
    absences: tuple[Absence, ...]
    dark: frozenset[Place] = frozenset()  # could not be observed for most of the time in which the home was

    @property
    def observed_share(self) -> float | None:
        """Of the part of the row that has been; None before it begins, or before the home was installed."""
        so_far = self.observed + self.not_observed
        return self.observed / so_far if so_far else None

    @property
    def was_seen(self) -> bool:
        """Somebody was seen at least once."""
        return self.active_quarters > 0


def day_figures(
    rows: Sequence[Row],
    timeline: Timeline,
    *,
    covered: Sequence[Interval],
    absences: Sequence[Absence],
    now: datetime,
    installed_at: datetime | None = None,
    places: Mapping[Place, Sequence[Interval]] | None = None,
) -> list[DayFigures]:
    """One for each row, in the same order. `places` says when each was covered; without it, all were as the home."""
    in_bed = [s for s in timeline.segments if s.place is Place.IN_BED and s.end - s.start >= IN_BED_FROM]
    walk = _SegmentWalk(timeline.segments)
    return [
        _figures(
            row, timeline, walk, in_bed, covered=covered, absences=absences, now=now, installed_at=installed_at,
            places=places or {},
        )
        for row in rows
    ]  # fmt: skip


def _figures(
    row: Row,
    timeline: Timeline,
    walk: "_SegmentWalk",
    in_bed: Sequence[Segment],
    *,
    covered: Sequence[Interval],
    absences: Sequence[Absence],
    now: datetime,
    installed_at: datetime | None,
    places: Mapping[Place, Sequence[Interval]],
) -> DayFigures:
    until = min(max(now, row.start), row.end)
    since = min(max(installed_at or row.start, row.start), until)
    observed = _length(covered, since, until)
    times = timeline.sightings
    first, last = (int(i) for i in np.searchsorted(times, (row.start.timestamp(), until.timestamp())))
    seen = times[first:last]

    time_in: dict[Place, timedelta] = {}
    for segment in walk.inside(row):
        if segment.place is not Place.UNOBSERVED:
            inside = _overlap(row.start, row.end, segment.start, segment.end)
            time_in[segment.place] = time_in.get(segment.place, _NOTHING) + inside
    return DayFigures(
        row=row,
        observed=observed,
        not_observed=until - since - observed,
        still_to_come=row.end - until,
        not_installed=since - row.start,
        first_seen=datetime.fromtimestamp(float(seen[0]), UTC) if len(seen) else None,
        last_seen=datetime.fromtimestamp(float(seen[-1]), UTC) if len(seen) else None,
        up_at=_up_at(row, in_bed, now),
        to_bed_at=_to_bed_at(row, in_bed),
        active_quarters=len(np.unique((seen - row.start.timestamp()) // QUARTER.total_seconds())),
        time_in=time_in,
        absences=tuple(a for a in absences if a.from_at < row.end and a.until_at > row.start),
        dark=frozenset(place for place, seen in places.items() if _length(seen, since, until) < observed / 2),
    )


class _SegmentWalk:
    """Segments and rows are both sorted: each row looks only at its own segments."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = segments
        self._ends = np.array([segment.end.timestamp() for segment in segments])

    def inside(self, row: Row) -> Iterator[Segment]:
        index = int(np.searchsorted(self._ends, row.start.timestamp(), side="right"))
        while index < len(self._segments) and self._segments[index].start < row.end:
            yield self._segments[index]
            index += 1


def _length(covered: Sequence[Interval], start: datetime, end: datetime) -> timedelta:
    return sum((_overlap(start, end, *interval) for interval in covered), _NOTHING)


def _overlap(start: datetime, end: datetime, first: datetime, last: datetime) -> timedelta:
    return max(_NOTHING, min(end, last) - max(start, first))


def _midnight(row: Row) -> datetime:
    """The midnight that begins the row's date, or for a row from noon to noon the one in its middle."""
    if not row.stretches or row.stretches[0].first_minute < 720:
        return row.start
    return row.start + row.length / 2


def _up_at(row: Row, in_bed: Sequence[Segment], now: datetime) -> datetime | None:
    midnight = _midnight(row)
    ends = [s.end for s in in_bed if midnight < s.end <= midnight + timedelta(hours=12) and s.end < now]
    still_there = any(s.start < midnight + timedelta(hours=12) < s.end for s in in_bed)
    return max(ends) if ends and not still_there else None


def _to_bed_at(row: Row, in_bed: Sequence[Segment]) -> datetime | None:
    midnight = _midnight(row)
    if midnight != row.start:
        midnight -= timedelta(hours=24)  # a row from noon to noon shows its own evening
    starts = [s.start for s in in_bed if midnight + BED_TIME_FROM <= s.start < midnight + BED_TIME_UNTIL]
    return min(starts) if starts else None

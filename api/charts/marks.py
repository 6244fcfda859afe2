"""What the chart draws, as rows of plain numbers and words: everything is cut to civil days here. Pure, no Altair.

Coordinates: x is the civil minute of the row's date, y counts rows downwards; the usual day lies in [-USUAL_ROWS, 0).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from api.charts import patterns
from api.charts.civil import DAY_MINUTES, Half, Row, View
from api.charts.places import LOOKS, Look, Place, place_of_room
from api.charts.timeline import Segment
from api.pages.words import DAYS, MONTHS, duration
from store.deviation import Deviation, Grade
from store.home import Absence
from store.routine import QUARTERS, Routine, Usual

USUAL_ROWS = 2.8  # height of the usual day above the first row, in rows
NIGHT = (23 * 60, 6 * 60)  # civil minutes: the routine's own night
_STRIP = (0.04, 0.25)  # of a row: where what is usual shows
_BAR = (0.28, 0.97)  # of a row: what was seen
_LETTER_FROM = 20  # minutes a stretch must last to carry its letter, if it is wide enough on the screen, too
_DARKEST = 0.5  # opacity of the strip where activity is seen on every day
_DIMMED = "#e3e5e7"

# A grade is a shape, a colour and a word.
SHAPES = {Grade.NOTICE: "circle", Grade.ATTENTION: "square", Grade.URGENT: "diamond"}
GRADE_COLOURS = {Grade.NOTICE: "#383f43", Grade.ATTENTION: "#4c2c92", Grade.URGENT: "#b10e1e"}

Mark = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedFinding:
    """A deviation with its number on the chart, and the alert that came of it."""

    number: int
    deviation: Deviation
    alert_code: str | None
    is_shadow: bool = False  # nobody was told, because the home was in shadow or not live


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The data of the chart."""

    labels: list[str]  # one a row, top to bottom
    datasets: dict[str, list[Mark]]


def day_label(row: Row) -> str:
    """'Mon 3 Nov'."""
    return f"{DAYS[row.date.weekday()]} {row.date.day} {MONTHS[row.date.month - 1]}"


def chart_marks(
    rows: Sequence[Row],
    segments: Sequence[Segment],
    *,
    absences: Sequence[Absence],
    routine: Routine | None,
    findings: Sequence[NumberedFinding],
    day_types: Mapping[int, str],
    zone: ZoneInfo,
    view: View,
    now: datetime,
    room: Place | None = None,
) -> Marks:
    """Everything the chart shows. `day_types` says of each row's index which day type of the routine it is."""
    left, right = view.first_minute, view.first_minute + DAY_MINUTES
    drawn = list(_segment_marks(rows, segments, zone=zone, room=room))
    usual = routine.usual if routine else None
    return Marks(
        labels=["Today" if row.start <= now < row.end else day_label(row) for row in rows],
        datasets={
            "axes": [{"x": left, "y": 0.5}],
            "usual": list(_usual_marks(usual, view, last=len(rows))),
            "rows": [{"x": left, "x2": right, "y": i + _BAR[0], "y2": i + _BAR[1]} for i in range(len(rows))],
            "nights": [{"x": a, "x2": b, "y": -USUAL_ROWS, "y2": len(rows)} for a, b in _nights(view)],
            "usual_day": list(_usual_day_marks(usual, view, room)),
            "usual_base": [{"x": left, "x2": right, "y": -0.25}],
            "six_hours": [{"x": m, "y": -USUAL_ROWS, "y2": len(rows)} for m in range(left, right + 1, 360)],
            "segments": [mark for mark, _ in drawn],
            "letters": [letter for _, letter in drawn if letter],
            "skipped": list(_skipped_marks(rows)),
            "absences": list(_absence_marks(rows, absences, zone)),
            "usual_up": list(_usual_up_marks(rows, usual, day_types, view)),
            "weekends": [{"x": left, "y": i, "y2": i + 1} for i, row in enumerate(rows) if row.is_weekend],
            "weeks": [{"x": left, "x2": right, "y": i} for i, row in enumerate(rows) if i and row.date.weekday() == 0],
            "now": list(_now_mark(rows, now, zone)),
            "spans": list(_span_marks(rows, findings, now)),
            "findings": list(_finding_marks(rows, findings, zone)),
        },
    )


def _bar(index: int, half: Half) -> tuple[float, float]:
    top, bottom = _BAR
    middle = (top + bottom) / 2
    if half is Half.FIRST:
        return index + top, index + middle - 0.02
    if half is Half.SECOND:
        return index + middle + 0.02, index + bottom
    return index + top, index + bottom


def _boxes(rows: Sequence[Row], start: datetime, end: datetime) -> Iterator[tuple[int, Mark, Half]]:
    """(row, box, half) of [start, end) on every row it touches."""
    for index, row in enumerate(rows):
        if row.start < end and start < row.end:
            for first, last, half in row.pieces(start, end):
                top, bottom = _bar(index, half)
                yield (
                    index,
                    {"x": round(first, 2), "x2": round(last, 2), "y": round(top, 3), "y2": round(bottom, 3)},
                    half,
                )


def _segment_marks(
    rows: Sequence[Row], segments: Sequence[Segment], *, zone: ZoneInfo, room: Place | None
) -> Iterator[tuple[Mark, Mark | None]]:
    row = 0  # both are sorted: walk through them together
    for segment in segments:
        while row < len(rows) and rows[row].end <= segment.start:
            row += 1
        words = {"what": _words(segment), "when": _span_words(segment.start, segment.end, zone)}
        look = LOOKS[segment.place]
        touched = row
        while touched < len(rows) and rows[touched].start < segment.end:
            day = day_label(rows[touched])
            for first, last, half in rows[touched].pieces(segment.start, segment.end):
                top, bottom = _bar(touched, half)
                mark = {
                    "x": round(first, 2), "x2": round(last, 2), "y": round(top, 3), "y2": round(bottom, 3),
                    "fill": _fill(segment, look, room), "day": day, **words,
                }  # fmt: skip
                yield mark, _letter(mark, segment, look, room)
            touched += 1


def _fill(segment: Segment, look: Look, room: Place | None) -> str:
    if room is not None and segment.place not in (room, Place.UNOBSERVED):
        return _DIMMED
    if look.pattern:
        return patterns.fill_of(look.pattern)
    return look.colour if segment.is_seen else look.pale


def _letter(mark: Mark, segment: Segment, look: Look, room: Place | None) -> Mark | None:
    if not look.letter or mark["x2"] - mark["x"] < _LETTER_FROM or room not in (None, segment.place):
        return None
    return {
        "minutes": mark["x2"] - mark["x"],
        "x": (mark["x"] + mark["x2"]) / 2,
        "y": (mark["y"] + mark["y2"]) / 2,
        "text": look.letter,
        "ink": look.ink if segment.is_seen else "#0b0c0c",
    }


def _words(segment: Segment) -> str:
    label = LOOKS[segment.place].label
    return label if segment.is_seen else f"{label}: last seen here, quiet since"


def _span_words(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    return f"{start.astimezone(zone):%H:%M}–{end.astimezone(zone):%H:%M} ({duration(end - start)})"


def _nights(view: View) -> list[tuple[int, int]]:
    begins, ends = NIGHT
    return [(0, ends), (begins, DAY_MINUTES)] if view is View.DAY else [(begins, ends + DAY_MINUTES)]


def _quarters(view: View) -> Iterator[tuple[int, int]]:
    """(quarter hour of the civil day, its x) in the order of the row."""
    for quarter in range(QUARTERS):
        minute = quarter * DAY_MINUTES // QUARTERS
        yield quarter, minute if minute >= view.first_minute else minute + DAY_MINUTES


def _usual_marks(usual: Usual | None, view: View, *, last: int) -> Iterator[Mark]:
    if usual is None:
        return
    for quarter, x in _quarters(view):
        yield {"x": x, "x2": x + 15, "y": 0, "y2": last, "share": round(_DARKEST * usual.active_share[quarter], 3)}


def _usual_day_marks(usual: Usual | None, view: View, room: Place | None) -> Iterator[Mark]:
    """For each quarter hour a column as high as it is usual to be active then, divided by rooms."""
    if usual is None:
        return
    height = USUAL_ROWS - 0.6
    for quarter, x in _quarters(view):
        share = usual.active_share[quarter]
        at = -0.25
        by_place: dict[Place, float] = {}
        for name, shares in usual.room_share.items():
            place = place_of_room(name)
            by_place[place] = by_place.get(place, 0.0) + shares[quarter]
        total = sum(by_place.values())
        if total <= 0:
            by_place, total = {Place.OTHER: 1.0}, 1.0
        for place in Place:
            part = by_place.get(place, 0.0) / total * share * height
            if part < 0.01:
                continue
            yield {
                "x": x, "x2": x + 15, "y": round(at, 3), "y2": round(at - part, 3),
                "fill": LOOKS[place].colour if room in (None, place) else _DIMMED,
                "day": "Usual day",
                "what": f"{LOOKS[place].label}: {by_place[place] / total:.0%} of what is seen now",
                "when": f"{x // 60 % 24:02d}:{x % 60:02d}: active on {share:.0%} of days",
            }  # fmt: skip
            at -= part


def _usual_up_marks(
    rows: Sequence[Row], usual: Usual | None, day_types: Mapping[int, str], view: View
) -> Iterator[Mark]:
    if usual is None:
        return
    for index in range(len(rows)):
        times = usual.up_by.get(day_types.get(index, ""))
        if not times:
            continue
        early, middle, late = (minute_of(text) for text in times)
        shift = DAY_MINUTES if early < view.first_minute else 0
        latest = min(max(late, early + 1) + shift, view.first_minute + DAY_MINUTES)  # not beyond the night's noon
        yield {
            "x": early + shift, "x2": latest, "y": index + _STRIP[0], "y2": index + _STRIP[1],
            "day": day_label(rows[index]),
            "what": f"Usually up by {times[1]}",
            "when": f"{times[0]} to {times[2]} on 8 of 10 days",
        }  # fmt: skip
        assert early <= middle <= late, "quantiles are sorted"


def minute_of(text: str) -> int:
    """Civil minute of 'HH:MM'."""
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def _skipped_marks(rows: Sequence[Row]) -> Iterator[Mark]:
    for index, row in enumerate(rows):
        for first, last in row.skipped:
            yield {
                "x": first, "x2": last, "y": index + _BAR[0], "y2": index + _BAR[1],
                "fill": patterns.fill_of(patterns.SKIPPED), "day": day_label(row),
                "what": "The clocks went forward: this time did not exist",
                "when": duration(timedelta(minutes=last - first)),
            }  # fmt: skip


def _absence_marks(rows: Sequence[Row], absences: Sequence[Absence], zone: ZoneInfo) -> Iterator[Mark]:
    for absence in absences:
        start, end = (f"{DAYS[at.weekday()]} {at.day} {MONTHS[at.month - 1]} {at:%H:%M}"
                      for at in (absence.from_at.astimezone(zone), absence.until_at.astimezone(zone)))  # fmt: skip
        for index, box, _ in _boxes(rows, absence.from_at, absence.until_at):
            yield {
                **box, "fill": patterns.fill_of(patterns.AWAY), "day": day_label(rows[index]),
                "what": f"Known to be away: {absence.reason}",
                "when": f"{start} to {end}",
            }  # fmt: skip


def _now_mark(rows: Sequence[Row], now: datetime, zone: ZoneInfo) -> Iterator[Mark]:
    for index, row in enumerate(rows):
        if (found := row.at(now)) is not None:
            yield {"x": round(found[0], 2), "y": index + _STRIP[0], "y2": index + 1, "day": "Today", "what": "Now",
                   "when": f"{now.astimezone(zone):%H:%M}"}  # fmt: skip


def _span_marks(rows: Sequence[Row], findings: Sequence[NumberedFinding], now: datetime) -> Iterator[Mark]:
    """A line below the row, from where the deviation began to where it ended."""
    for finding in findings:
        deviation = finding.deviation
        for index, box, _ in _boxes(rows, deviation.started_at, deviation.ended_at or now):
            yield {"x": box["x"], "x2": box["x2"], "y": index + 0.985, "ink": GRADE_COLOURS[deviation.grade]}


def _finding_marks(rows: Sequence[Row], findings: Sequence[NumberedFinding], zone: ZoneInfo) -> Iterator[Mark]:
    for finding in findings:
        deviation = finding.deviation
        for index, row in enumerate(rows):
            if (found := row.at(deviation.raised_at)) is not None:
                yield {
                    "x": round(found[0], 2), "y": index + 0.62, "text": str(finding.number),
                    "shape": SHAPES[deviation.grade], "fill": GRADE_COLOURS[deviation.grade],
                    "day": day_label(row), "what": deviation.explanation,
                    "when": f"{deviation.raised_at.astimezone(zone):%H:%M}", "href": f"#finding-{finding.number}",
                }  # fmt: skip

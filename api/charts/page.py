"""What stands around the chart: its key, the numbered findings and the table behind it, in words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from api.charts.figures import DayFigures
from api.charts.load import HomeChart
from api.charts.marks import GRADE_COLOURS, SHAPES, day_label
from api.charts.patterns import fill_of
from api.charts.places import LOOKS, Place
from api.pages.home_state import finding_words
from store.deviation import EPISODE, Grade

GRADE_WORDS = {
    Grade.NOTICE: "Notice (shown here only)",
    Grade.ATTENTION: "Attention (somebody is told)",
    Grade.URGENT: "Urgent (somebody is told at once)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """A place in the key of the chart."""

    place: Place
    label: str
    letter: str
    fill: str
    pale: str
    ink: str
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingLine:
    """A numbered finding in words."""

    number: int
    what: str
    grade: str
    shape: str
    colour: str
    raised_at: datetime
    started_at: datetime
    ended_at: datetime | None
    once_in_days: float | None
    explanation: str
    alert_code: str | None
    is_shadow: bool  # found, not told
    is_late: bool  # found afterwards, from readings that came late; nobody was told
    joined: int | None  # the number of the finding by which people had been told of the same situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The numbers behind the chart."""

    columns: list[str]
    rows: list[tuple[str, list[str]]]  # the day, and a cell for each column


def key_of(chart: HomeChart) -> list[KeyEntry]:
    """The places of this chart."""
    return [
        KeyEntry(
            place=place,
            label=LOOKS[place].label,
            letter=LOOKS[place].letter,
            fill=fill_of(LOOKS[place].pattern) if LOOKS[place].pattern else LOOKS[place].colour,
            pale=LOOKS[place].pale,
            ink=LOOKS[place].ink,
            is_chosen=place is chart.choice.room,
        )
        for place in chart.places
    ]


def grades_key() -> list[tuple[str, str, str]]:
    """(words, shape, colour) of each grade."""
    return [(GRADE_WORDS[grade], SHAPES[grade], GRADE_COLOURS[grade]) for grade in Grade]


def finding_lines(chart: HomeChart) -> list[FindingLine]:
    """The findings of these weeks, the newest first: those are asked about most."""
    numbers = {str(finding.deviation.id): finding.number for finding in chart.findings}
    return [
        FindingLine(
            number=finding.number,
            what=finding_words(finding.deviation),
            grade=GRADE_WORDS[finding.deviation.grade],
            shape=SHAPES[finding.deviation.grade],
            colour=GRADE_COLOURS[finding.deviation.grade],
            raised_at=finding.deviation.raised_at,
            started_at=finding.deviation.started_at,
            ended_at=finding.deviation.ended_at,
            once_in_days=finding.deviation.once_in_days,
            explanation=finding.deviation.explanation,
            alert_code=finding.alert_code,
            is_shadow=finding.is_shadow,
            is_late=bool(finding.deviation.evidence.get("late")),
            joined=numbers.get(str(finding.deviation.evidence.get(EPISODE))),
        )
        for finding in reversed(chart.findings)
    ]


def table_of(chart: HomeChart) -> Table:
    """One line a day in the order of the chart; days on which nobody could be seen say so, and nothing else."""
    places = [place for place in chart.places if place is not Place.OUT]
    bed = ["Up", "To bed"] if chart.has_bed_mat else []
    columns = ["Observed", "First seen", "Last seen", *bed, "Active quarter hours", "Out of home"]
    columns += [LOOKS[place].label for place in places]
    has_door = any(sensor.is_exit for sensor in chart.sensors)
    return Table(
        columns=columns,
        rows=[
            (
                day_label(day.row),
                _cells(
                    day, places, zone=chart.zone, has_bed_mat=chart.has_bed_mat, has_door=has_door, width=len(columns)
                ),
            )
            for day in chart.days
        ],
    )


def _cells(
    day: DayFigures, places: Sequence[Place], *, zone: ZoneInfo, has_bed_mat: bool, has_door: bool, width: int
) -> list[str]:
    share = day.observed_share
    if share is None and day.not_installed:
        return ["not installed yet", *["–"] * (width - 1)]
    if share is None:
        return ["still to come", *[""] * (width - 1)]
    if share == 0 and not day.was_seen:
        return ["0%: could not observe", *["–"] * (width - 1)]

    def clock(at: datetime | None) -> str:
        if at is None:
            return "–"
        here = at.astimezone(zone)
        days_on = (here.date() - day.row.date).days
        return f"{here:%H:%M}" + (f" (+{days_on} day)" if days_on else "")

    away = "; known to be away" if day.absences else ""
    return [
        f"{_share(share)}{away}",
        clock(day.first_seen),
        clock(day.last_seen),
        *([clock(day.up_at), clock(day.to_bed_at)] if has_bed_mat else []),
        str(day.active_quarters) if day.was_seen else "none seen",
        _hours(day.time_in.get(Place.OUT)) if has_door else "not known",
        *(_cell_of(place, day) for place in places),
    ]


def _cell_of(place: Place, day: DayFigures) -> str:
    if place in day.dark and not day.time_in.get(place):
        return "could not observe"
    return "–" if place.is_room and not day.was_seen else _hours(day.time_in.get(place))


def _share(share: float) -> str:
    """Rounded so that 100% means all and 0% means none."""
    percent = round(100 * share)
    if percent == 100 and share < 1:
        return "over 99%"
    return "under 1%" if percent == 0 and share > 0 else f"{percent}%"


def _hours(length: timedelta | None) -> str:
    """'7:32'."""
    minutes = round((length or timedelta(0)) / timedelta(minutes=1))
    return f"{minutes // 60}:{minutes % 60:02d}"

"""Reads what a home's chart needs from the database and puts it together; the only file here that takes `conn`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from api.charts.choice import Choice
from api.charts.civil import Row
from api.charts.figures import DayFigures, day_figures
from api.charts.marks import Marks, NumberedFinding, chart_marks
from api.charts.places import Place, place_of_room
from api.charts.sentences import chart_sentence, day_types
from api.charts.spec import chart_spec
from api.charts.timeline import LEAD_IN, Interval, Segment, Timeline, build_timeline, shows_a_person
from store.alert import alert_codes_of_findings
from store.coverage import covered_for, covered_intervals, joined
from store.coverage_day import home_coverage
from store.database import Conn
from store.deviation import deviations_between
from store.home import Absence, Home, Sensor, SensorKind, absences_of, sensors_of
from store.hub import check_ins_between
from store.routine import Routine, routine_of
from store.sensor_event import changes_between
from store.watching import shadow_findings_of


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeChart:
    """A home's weeks, ready to be drawn, told and tabled."""

    choice: Choice
    zone: ZoneInfo
    now: datetime
    rows: Sequence[Row]
    timeline: Timeline
    covered: Sequence[Interval]
    absences: Sequence[Absence]
    routine: Routine | None
    sensors: Sequence[Sensor]
    findings: Sequence[NumberedFinding]
    days: Sequence[DayFigures]

    @property
    def sentence(self) -> str:
        """What the chart shows."""
        return chart_sentence(self.days, self.routine, findings=len(self.findings))

    @property
    def places(self) -> list[Place]:
        """The places that appear, in the order of the key; rooms with sensors even if nothing was seen there."""
        there = {place_of_room(s.room) for s in self.sensors if not s.kind.is_measurement}
        there |= {segment.place for segment in self.timeline.segments}
        return [place for place in Place if place in there and place is not Place.UNOBSERVED]

    @property
    def has_bed_mat(self) -> bool:
        """Only then can the table say when somebody went to bed and got up."""
        return any(sensor.kind is SensorKind.BED for sensor in self.sensors)

    def marks(self) -> Marks:
        """What is drawn."""
        return chart_marks(
            self.rows,
            self.timeline.segments,
            absences=self.absences,
            routine=self.routine,
            findings=self.findings,
            day_types=day_types([row.date for row in self.rows], self.routine),
            zone=self.zone,
            view=self.choice.view,
            now=self.now,
            room=self.choice.room,
        )

    def spec(self, *, width: int | Literal["container"] = "container") -> dict[str, Any]:
        """The Vega-Lite specification with its data."""
        return chart_spec(self.marks(), view=self.choice.view, weeks=self.choice.weeks, width=width)


def load_chart(conn: Conn, home: Home, choice: Choice, *, now: datetime) -> HomeChart:
    """Everything about these weeks of this home."""
    zone = ZoneInfo(home.time_zone)
    rows = choice.rows(zone)
    begins, ends = rows[0].start - LEAD_IN, min(rows[-1].end, now)

    sensors = sensors_of(conn, home.id)
    events = changes_between(conn, home.id, begins, ends)
    coverage = home_coverage(conn, home, sensors, begins, max(begins, ends))
    installed_at = coverage.installed_at or ends  # before the first message there was nothing to be observed
    absences = absences_of(conn, home.id, rows[0].start, rows[-1].end)

    timeline = build_timeline(
        events, {s.id: s for s in sensors}, covered=coverage.home, start=max(begins, installed_at), end=ends
    )
    return HomeChart(
        choice=choice,
        zone=zone,
        now=now,
        rows=rows,
        timeline=timeline,
        covered=coverage.home,
        absences=absences,
        routine=routine_of(conn, home.id),
        sensors=sensors,
        findings=_findings(conn, home, rows),
        days=day_figures(
            rows,
            timeline,
            covered=coverage.home,
            absences=absences,
            now=now,
            installed_at=installed_at,
            places=_by_place(coverage.places),
        ),
    )


def _by_place(rooms: Mapping[str, Sequence[Interval]]) -> dict[Place, list[Interval]]:
    """Rooms of free text are one place together: it was covered where any of them was."""
    found: dict[Place, list[Interval]] = {}
    for room, covered in rooms.items():
        found.setdefault(place_of_room(room), []).extend(covered)
    return {place: joined(covered) for place, covered in found.items()}


def _findings(conn: Conn, home: Home, rows: Sequence[Row]) -> list[NumberedFinding]:
    """Deviations that were raised in these weeks, numbered in that order."""
    start, end = rows[0].start, rows[-1].end
    raised = [d for d in deviations_between(conn, home.id, start, end) if start <= d.raised_at < end]
    alerts = alert_codes_of_findings(conn, home.id)
    untold = shadow_findings_of(conn, home.id)
    return [
        NumberedFinding(
            number=number, deviation=deviation, alert_code=alerts.get(deviation.id), is_shadow=deviation.id in untold
        )
        for number, deviation in enumerate(sorted(raised, key=lambda d: d.raised_at), start=1)
    ]


def last_seen(chart: HomeChart) -> tuple[datetime, Place] | None:
    """When and where somebody was seen last: by the chart if it reaches up to now, else by the sensors' last words."""
    if chart.choice.is_current and chart.timeline.last_sighting:
        return chart.timeline.last_sighting
    told = [
        (sensor.value_at, place_of_room(sensor.room))
        for sensor in chart.sensors
        if sensor.value_at and (shows_a_person(sensor.kind, 0) or shows_a_person(sensor.kind, 1))
    ]
    return max(told, key=lambda seen: seen[0]) if told else None


def current_segment(chart: HomeChart) -> Segment | None:
    """Where the timeline has the resident now; None if it does not know, or does not reach up to now."""
    if not chart.choice.is_current or not chart.timeline.segments:
        return None
    last = chart.timeline.segments[-1]
    return last if last.end >= chart.timeline.end else None


def is_covered_now(conn: Conn, home: Home, *, now: datetime) -> bool:
    """A movement now would reach us: the same arithmetic as the model's."""
    since = now - covered_for(home.check_in_interval)
    covered = covered_intervals(check_ins_between(conn, home.id, since, now), home.check_in_interval, since, now)
    return bool(covered) and covered[-1][1] >= now

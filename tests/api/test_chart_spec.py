"""The drawing: valid Vega-Lite, rendered by Vega itself, with everything a clinician must find on it."""

import json
import re
from datetime import date, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from api.charts.bundle import write_bundle
from api.charts.civil import View, rows_until
from api.charts.marks import Marks, NumberedFinding, chart_marks, minute_of
from api.charts.patterns import DEFINITIONS
from api.charts.picture import PICTURE_WIDTH, chart_picture
from api.charts.places import LOOKS, Place
from api.charts.spec import chart_spec, picture_height
from api.charts.timeline import Interval, build_timeline
from store.deviation import Deviation, DeviationKind, Grade, finding_id
from store.home import Absence
from store.sensor_event import SensorEvent
from tests.api.chart_events import LONDON, SENSORS, at, event, told
from tests.api.test_chart_figures import routine

TODAY = date(2026, 3, 10)
NOW = at("14:00")


def finding(number: int, grade: Grade, raised: datetime) -> NumberedFinding:
    deviation = Deviation(
        id=finding_id("K7", "inactivity", raised),
        home_id=1,
        kind=DeviationKind.INACTIVITY,
        grade=grade,
        raised_at=raised,
        started_at=raised - timedelta(hours=3),
        ended_at=None,
        once_in_days=70.0,
        explanation="No movement for 3 h.",
    )
    return NumberedFinding(number=number, deviation=deviation, alert_code=None)


def marks(
    events: list[SensorEvent] | None = None,
    *,
    until: date = TODAY,
    weeks: int = 1,
    view: View = View.DAY,
    room: Place | None = None,
    covered: list[Interval] | None = None,
    now: datetime = NOW,
    **more: Any,
) -> Marks:
    rows = rows_until(until, weeks=weeks, zone=LONDON, view=view)
    start, end = rows[0].start, min(rows[-1].end, now)
    found = build_timeline(
        events or [], SENSORS, covered=[(start, end)] if covered is None else covered, start=start, end=end
    )
    given: dict[str, Any] = {
        "absences": (),
        "routine": routine(),
        "findings": (),
        "day_types": dict.fromkeys(range(7), "weekday"),
    }
    return chart_marks(rows, found.segments, zone=LONDON, view=view, now=now, room=room, **{**given, **more})


def test_the_specification_is_valid_for_every_view() -> None:
    drawn = marks(told("07:00 kitchen", "07:10 bathroom"), findings=[finding(1, Grade.URGENT, at("12:00"))])
    for view in View:
        for weeks in (1, 2, 4, 8):
            chart_spec(drawn, view=view, weeks=weeks, validate=True)  # raises SchemaValidationError


@pytest.mark.parametrize("weeks", [1, 2, 4, 8])
def test_the_page_reserves_exactly_the_room_that_the_picture_takes(weeks: int) -> None:
    svg = chart_picture(chart_spec(marks(weeks=weeks), view=View.DAY, weeks=weeks, width=PICTURE_WIDTH))
    size = re.search(r'<svg[^>]* width="(\d+)" height="(\d+)"', svg)
    assert size is not None
    assert abs(int(size[1]) - PICTURE_WIDTH) <= 1
    assert abs(int(size[2]) - picture_height(weeks)) <= 2


def test_the_picture_has_hours_days_letters_hatching_and_numbers() -> None:
    drawn = marks(
        told("06:30 bed", "09:00 bed off", "09:05 kitchen", "09:15 kitchen", "09:25 kitchen", "09:40 kitchen"),
        covered=[(at("00:00"), at("11:00"))],
        findings=[finding(3, Grade.ATTENTION, at("12:00"))],
        absences=[
            Absence(id=1, home_id=1, from_at=at("-48:00"), until_at=at("-30:00"), reason="holiday", noted_by="x")
        ],
    )
    svg = chart_picture(chart_spec(drawn, view=View.DAY, weeks=1, width=PICTURE_WIDTH))
    texts = set(re.findall(r"<text[^>]*>([^<]+)</text>", svg))
    assert {"00", "12", "24", "Today", "Mon 9 Mar", "Usual day", "K", "3"} <= texts
    for pattern in ("pattern-unobserved", "pattern-away", "pattern-bed"):
        assert f'fill="url(#{pattern})"' in svg
        assert f'id="{pattern}"' in svg


def test_missing_coverage_never_looks_like_a_place_or_like_nothing() -> None:
    drawn = marks(told("07:00 kitchen"), covered=[(at("00:00"), at("09:00"))])
    today = [m for m in drawn.datasets["segments"] if m["day"] == "Tue 10 Mar" and m["x"] >= 540]
    assert [(m["x"], m["x2"], m["fill"], m["what"]) for m in today] == [
        (540, 840, "url(#pattern-unobserved)", "Could not be observed")
    ]


def test_no_two_bars_overlap_even_where_the_clock_shows_an_hour_twice() -> None:
    start = datetime.fromisoformat("2026-10-24T23:00:00+00:00")
    events = [event("kitchen" if n % 2 else "bathroom", start + n * timedelta(minutes=20)) for n in range(40)]
    drawn = marks(events, until=date(2026, 10, 25), now=start + timedelta(hours=25))
    bars = [m for m in drawn.datasets["segments"] if m["day"] == "Sun 25 Oct"]
    assert len({m["y"] for m in bars}) == 2  # whole and upper half begin alike, the lower half does not
    for n, one in enumerate(bars):
        for two in bars[n + 1 :]:
            in_line = one["x"] < two["x2"] and two["x"] < one["x2"]
            assert not (in_line and one["y"] < two["y2"] and two["y"] < one["y2"])


def test_a_skipped_hour_is_marked_as_never_having_been() -> None:
    drawn = marks(until=date(2026, 3, 29), now=at("100:00", day=date(2026, 3, 29)))
    assert [(m["x"], m["x2"]) for m in drawn.datasets["skipped"]] == [(60, 120)]


def test_findings_carry_a_shape_a_number_and_a_link() -> None:
    found = [finding(n, grade, at(f"{8 + n}:00")) for n, grade in enumerate(Grade, start=1)]
    drawn = marks(findings=found).datasets["findings"]
    assert [(m["shape"], m["text"], m["href"]) for m in drawn] == [
        ("circle", "1", "#finding-1"),
        ("square", "2", "#finding-2"),
        ("diamond", "3", "#finding-3"),
    ]


def test_one_room_alone_leaves_the_others_and_keeps_what_could_not_be_seen() -> None:
    events = told("07:00 kitchen", "07:30 bathroom")
    drawn = marks(events, room=Place.BATHROOM, covered=[(at("00:00"), at("12:00"))]).datasets
    fills = {m["what"].split(":")[0]: m["fill"] for m in drawn["segments"] if m["day"] == "Tue 10 Mar"}
    assert fills["Bathroom"] in (LOOKS[Place.BATHROOM].colour, LOOKS[Place.BATHROOM].pale)
    assert fills["Kitchen"] not in (LOOKS[Place.KITCHEN].colour, LOOKS[Place.KITCHEN].pale)
    assert fills["Could not be observed"] == "url(#pattern-unobserved)"


def test_every_place_has_a_letter_of_its_own_or_a_pattern_that_exists() -> None:
    letters = [look.letter for look in LOOKS.values() if look.letter]
    assert len(letters) == len(set(letters))
    for look in LOOKS.values():
        assert bool(look.letter) != bool(look.pattern)
        assert not look.pattern or f'id="{look.pattern}"' in DEFINITIONS


def test_the_usual_time_to_get_up_stands_on_each_row() -> None:
    drawn = marks().datasets["usual_up"]
    assert len(drawn) == 7
    assert (drawn[0]["x"], drawn[0]["x2"]) == (minute_of("06:40"), minute_of("07:30"))
    assert marks(view=View.NIGHT).datasets["usual_up"][0]["x"] == 1440 + 400


def test_a_usual_time_to_get_up_that_reaches_beyond_noon_ends_with_the_night() -> None:
    late = routine(up_by={"weekday": ["04:11", "09:00", "13:19"]})
    drawn = marks(view=View.NIGHT, routine=late).datasets["usual_up"][0]
    assert (drawn["x"], drawn["x2"]) == (1440 + minute_of("04:11"), 1440 + minute_of("12:00"))


def test_without_a_routine_nothing_is_drawn_behind() -> None:
    drawn = marks(routine=None).datasets
    assert not drawn["usual"]
    assert not drawn["usual_day"]
    assert not drawn["usual_up"]


def test_four_weeks_of_a_busy_home_become_a_specification_in_a_moment() -> None:
    start = at("00:00") - timedelta(days=27)
    names = ["kitchen", "bathroom", "bedroom", "door", "fridge"]
    events = [event(names[n // 9 % 5], start + n * timedelta(days=27) / 42_000) for n in range(42_000)]
    chart_spec(marks(), view=View.DAY, weeks=4)  # the drawing without data is made once for all
    began = process_time()
    spec = chart_spec(marks(events, weeks=4), view=View.DAY, weeks=4)
    assert process_time() - began < 0.8  # about 0.15 s on a quiet machine
    assert len(json.dumps(spec)) < 3_000_000


def test_the_bundle_can_draw_without_eval(tmp_path: Path) -> None:
    write_bundle(tmp_path / "vendor" / "vega.js")
    script = (tmp_path / "vendor" / "vega.js").read_text(encoding="utf-8")
    assert "expressionInterpreter" in script
    assert script.rstrip().endswith("window.vegaEmbed=$t6;") or "window.vegaEmbed" in script[-200:]
    assert [each.name for each in (tmp_path / "vendor").iterdir()] == ["vega.js"]

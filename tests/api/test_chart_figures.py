"""The numbers and sentences beside the chart: coverage with every figure, and never zero for what nobody could see."""

from datetime import date, timedelta

import pytest

from api.charts.civil import View, row_of
from api.charts.figures import DayFigures, day_figures
from api.charts.places import Place
from api.charts.sentences import chart_sentence, day_types, equipment_words, last_movement, next_alert_words
from api.charts.timeline import Interval, Segment, build_timeline
from store.home import Absence
from store.routine import Routine, Usual
from store.sensor_event import SensorEvent
from tests.api.chart_events import DAY, LONDON, SENSORS, at, timeline, told

NOON = at("12:00")
ZONE = "Europe/London"


def figures(
    events: list[SensorEvent],
    *,
    day: date = DAY,
    covered: list[Interval] | None = None,
    now: str = "36:00",
    view: View = View.DAY,
    absences: tuple[Absence, ...] = (),
) -> DayFigures:
    row = row_of(day, zone=LONDON, view=view)
    start, end = row.start - timedelta(hours=24), min(row.end + timedelta(hours=24), at(now, day=day))
    covered = [(start, end)] if covered is None else covered
    found = build_timeline(events, SENSORS, covered=covered, start=start, end=end)
    (only,) = day_figures([row], found, covered=covered, absences=absences, now=at(now, day=day))
    return only


def routine(
    *, warm_up_days: float = 0, up_by: dict[str, list[str]] | None = None, next_check: str | None = None
) -> Routine:
    usual = Usual(
        active_share=[0.5] * 96,
        usual_quiet_minutes=[40.0] * 96,
        room_share={"kitchen": [1.0] * 96},
        up_by={"weekday": ["06:40", "07:00", "07:30"]} if up_by is None else up_by,
    )
    return Routine(
        home_id=1, as_of=NOON, learned_days=19, warm_up_days=warm_up_days, usual=usual,
        next_check_at=at(next_check) if next_check else None,
    )  # fmt: skip


def test_a_day_is_told_by_when_somebody_was_seen_and_where() -> None:
    day = figures(told("07:05 bathroom", "07:20 kitchen", "07:40 kitchen", "21:30 bathroom"))
    assert (day.first_seen, day.last_seen) == (at("07:05"), at("21:30"))
    assert day.active_quarters == 4
    assert day.time_in[Place.KITCHEN] == timedelta(hours=14, minutes=10)
    assert day.observed_share == 1


def test_the_bed_mat_tells_when_somebody_got_up_and_went_to_bed() -> None:
    day = figures(told("00:10 bed", "06:50 bed off", "06:55 kitchen", "13:00 bed", "13:40 bed off", "23:15 bed"))
    assert (day.up_at, day.to_bed_at) == (at("06:50"), at("23:15"))


def test_a_late_night_belongs_to_the_evening_before() -> None:
    assert figures(told("20:00 kitchen", "24:40 bed", "31:00 bed off")).to_bed_at == at("24:40")


def test_the_row_of_a_night_shows_its_own_evening_and_morning() -> None:
    day = figures(told("23:15 bed", "31:00 bed off", "31:05 kitchen"), view=View.NIGHT, now="40:00")
    assert (day.to_bed_at, day.up_at) == (at("23:15"), at("31:00"))


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 3, 10), 24)])
def test_observed_and_not_observed_add_up_to_the_real_length_of_the_day(day: date, hours: int) -> None:
    row = row_of(day, zone=LONDON)
    covered = [
        (row.start - timedelta(hours=3), row.start + timedelta(minutes=150)),
        (row.end - timedelta(hours=7), row.end),
    ]
    found = figures([], day=day, covered=covered, now="48:00")
    assert found.observed == timedelta(hours=9, minutes=30)
    assert found.observed + found.not_observed == row.length == timedelta(hours=hours)
    assert found.still_to_come == timedelta(0)


def test_the_rest_of_today_is_still_to_come_and_not_missing() -> None:
    day = figures(told("07:00 kitchen"), now="12:00")
    assert (day.observed, day.not_observed, day.still_to_come) == (
        timedelta(hours=12),
        timedelta(0),
        timedelta(hours=12),
    )
    assert day.observed_share == 1


def test_a_day_that_nobody_could_see_has_no_figures() -> None:
    day = figures([], covered=[])
    assert day.observed_share == 0
    assert (day.first_seen, day.active_quarters, day.time_in) == (None, 0, {})


def test_the_sentence_says_what_the_chart_shows_and_what_could_not_be_seen() -> None:
    row_start = at("00:00")
    seen = figures(told("07:00 kitchen"))
    partly = figures(told("07:00 kitchen"), covered=[(row_start, at("21:00"))])
    said = chart_sentence([seen, partly], routine(), findings=2)
    assert said == (
        "Between 10 March and 10 March 2026: usually up between 06:40 and 07:30, seen on 2 of 2 days; "
        "3 hours could not be observed (6% of the time). 2 findings are marked."
    )


def test_the_sentence_keeps_weekdays_and_weekends_apart() -> None:
    up_by = {"weekday": ["06:40", "07:00", "07:30"], "weekend": ["08:00", "08:30", "09:10"]}
    said = chart_sentence([figures([])], routine(up_by=up_by), findings=0)
    assert "usually up between 06:40 and 07:30 on weekdays and between 08:00 and 09:10 at weekends" in said
    assert "all of it could be observed" in said


def test_nothing_learned_is_said_plainly() -> None:
    assert "usual time to get up not learned yet" in chart_sentence([figures([])], None, findings=0)


@pytest.mark.parametrize(
    ("found", "covered", "said"),
    [
        (None, True, "Nothing has been learned of this home yet, so no alert about the resident can be raised."),
        (routine(next_check="13:10"), True, "If nothing moves, the next finding is due at 13:10, in 1 h 10 min."),
        (
            routine(next_check="25:30"),
            True,
            "If nothing moves, the next finding is due on Wed at 01:30, in 13 h 30 min.",
        ),
        (
            routine(next_check="11:00"),
            True,
            "The time until which silence is usual has passed; the next check is due now.",
        ),
        (routine(), True, "Continued silence would raise no further finding at present."),
        (
            routine(next_check="13:10"),
            False,
            "While this home cannot be observed, silence raises no alert about the resident.",
        ),
        (
            routine(warm_up_days=9),
            True,
            "Learning: 9 days to go (19 observed so far). Until then no alert about unusual activity is raised.",
        ),
    ],
)
def test_the_next_alert_in_words(found: Routine | None, covered: bool, said: str) -> None:
    assert next_alert_words(found, is_covered=covered, time_zone=ZONE, now=NOON) == said


def test_the_last_movement_in_words() -> None:
    in_bed = Segment(start=at("11:00"), end=NOON, place=Place.IN_BED, is_seen=True)
    seen = (at("10:42"), Place.KITCHEN)
    assert last_movement(seen, None, time_zone=ZONE, now=NOON) == "Last movement 10:42 in the kitchen, 1 h 18 min ago."
    assert last_movement(seen, in_bed, time_zone=ZONE, now=NOON).startswith("In bed since 11:00. Last movement 10:42")
    assert last_movement(None, None, time_zone=ZONE, now=NOON) == "No movement has been seen so far."


@pytest.mark.parametrize(
    ("failing", "covered", "heard", "said"),
    [
        (0, True, "11:58", "The hub is live and none of its 5 sensors is known to be silent."),
        (1, True, "11:58", "The hub is live; 1 of its 5 sensors needs help."),
        (0, False, "09:00", "This home cannot be observed since 09:00: its hub has not been heard."),
        (0, False, None, "This home cannot be observed: its hub has not been heard."),
    ],
)
def test_the_equipment_in_words(failing: int, covered: bool, heard: str | None, said: str) -> None:
    words = equipment_words(
        sensors=5,
        failing=failing,
        is_covered=covered,
        covered_until=at(heard) if heard else None,
        time_zone=ZONE,
        now=NOON,
    )
    assert words == said


def test_each_row_finds_its_day_type_if_the_routine_knows_it() -> None:
    days = [date(2026, 3, 13), date(2026, 3, 14)]
    both = routine(up_by={"weekday": ["06:40", "07:00", "07:30"], "weekend": ["08:00", "08:30", "09:10"]})
    assert day_types(days, both) == {0: "weekday", 1: "weekend"}
    assert day_types(days, routine(up_by={"every_day": ["06:40", "07:00", "07:30"]})) == {
        0: "every_day",
        1: "every_day",
    }
    assert day_types(days, None) == {}


def test_segments_of_the_day_before_do_not_count_today() -> None:
    day = figures(told("07:00 kitchen"), day=DAY + timedelta(days=1), now="24:00")
    assert timeline(told("07:00 kitchen")).segments[0].place is Place.KITCHEN
    assert not day.was_seen
    assert day.time_in[Place.KITCHEN] == timedelta(hours=24)  # last seen there, all day long

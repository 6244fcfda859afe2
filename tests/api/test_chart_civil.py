"""Rows of civil days: 23, 24 and 25 hours, in any zone, by day and by night."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.charts.civil import DAY_MINUTES, Half, View, row_of, rows_until

LONDON = ZoneInfo("Europe/London")


def stretches(zone: str, day: date, view: View = View.DAY) -> list[tuple[float, float, str]]:
    row = row_of(day, zone=ZoneInfo(zone), view=view)
    return [(each.first_minute, each.last_minute, str(each.half)) for each in row.stretches]


def test_an_ordinary_day_is_one_stretch() -> None:
    assert stretches("Europe/London", date(2026, 3, 10)) == [(0, 1440, "whole")]
    assert stretches("Europe/London", date(2026, 3, 10), View.NIGHT) == [(720, 2160, "whole")]


def test_in_spring_an_hour_is_skipped() -> None:
    row = row_of(date(2026, 3, 29), zone=LONDON)
    assert row.length == timedelta(hours=23)
    assert list(row.skipped) == [(60, 120)]
    assert stretches("Europe/London", date(2026, 3, 29)) == [(0, 60, "whole"), (120, 1440, "whole")]


def test_in_autumn_an_hour_is_drawn_in_two_halves() -> None:
    row = row_of(date(2026, 10, 25), zone=LONDON)
    assert row.length == timedelta(hours=25)
    assert stretches("Europe/London", date(2026, 10, 25)) == [
        (0, 60, "whole"),
        (60, 120, "first"),
        (60, 120, "second"),
        (120, 1440, "whole"),
    ]
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 01:30 BST
    assert row.at(first) == (90, Half.FIRST)
    assert row.at(first + timedelta(hours=1)) == (90, Half.SECOND)  # 01:30 GMT


def test_the_night_of_the_change_lies_in_the_row_that_began_the_noon_before() -> None:
    row = row_of(date(2026, 3, 28), zone=LONDON, view=View.NIGHT)
    assert row.length == timedelta(hours=23)
    assert list(row.skipped) == [(1500, 1560)]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/Havana", date(2025, 11, 2), 25.0),  # back to the same midnight
        ("America/Sao_Paulo", date(2018, 11, 4), 23.0),  # midnight itself is skipped
        ("America/Sao_Paulo", date(2018, 2, 17), 25.0),  # back before midnight
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),  # half an hour
        ("Pacific/Apia", date(2011, 12, 30), 0.0),  # a day that never was
        ("Asia/Kolkata", date(2026, 1, 1), 24.0),
    ],
)
def test_odd_clocks_are_right_too(zone: str, day: date, hours: float) -> None:
    assert row_of(day, zone=ZoneInfo(zone)).length == timedelta(hours=hours)


def test_a_stretch_of_time_is_cut_where_the_clock_changes() -> None:
    row = row_of(date(2026, 10, 25), zone=LONDON)
    midnight = datetime(2026, 10, 24, 23, tzinfo=UTC)
    assert row.pieces(midnight + timedelta(minutes=30), midnight + timedelta(minutes=150)) == [
        (30, 60, Half.WHOLE),
        (60, 120, Half.FIRST),
        (60, 90, Half.SECOND),
    ]


def test_rows_follow_each_other_without_gaps() -> None:
    rows = rows_until(date(2026, 11, 8), weeks=4, zone=LONDON, view=View.DAY)
    assert len(rows) == 28
    assert rows[-1].date == date(2026, 11, 8)
    assert all(one.end == two.start for one, two in pairwise(rows))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(available_timezones())),
    st.dates(date(1990, 1, 1), date(2035, 12, 31)),
    st.sampled_from(list(View)),
)
def test_stretches_fill_the_row_and_never_share_a_place(zone: str, day: date, view: View) -> None:
    row = row_of(day, zone=ZoneInfo(zone), view=view)

    assert sum((each.end - each.start for each in row.stretches), timedelta()) == row.length
    for one, two in pairwise(row.stretches):
        assert one.end == two.start
    for each in row.stretches:
        assert view.first_minute <= each.first_minute < each.last_minute <= view.first_minute + DAY_MINUTES
    drawn = sorted((e.first_minute, e.last_minute) for e in row.stretches if e.half is not Half.SECOND)
    assert all(one[1] <= two[0] for one, two in pairwise(drawn))

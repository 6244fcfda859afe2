"""Residents: believable days, the same whenever and from wherever they are generated."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from statistics import mean, pstdev
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.diary import Impulse
from simulators.dwelling import kit
from simulators.persona import personas
from simulators.resident import Resident, wakes_at, waking_day
from simulators.sensing import Senses, temperatures
from simulators.source import resident_source

LONDON = ZoneInfo("Europe/London")
MONDAY = date(2026, 3, 2)
NAMES = sorted(personas())


def resident(name: str = "homebody", *, seed: int = 1, dwelling: str = "flat", dialect: str = "native") -> Resident:
    return Resident(persona=personas()[name], seed=seed, zone=LONDON, kit=kit(dwelling, dialect=dialect))


def noon(day: date) -> float:
    return datetime(day.year, day.month, day.day, 12, tzinfo=LONDON).timestamp()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("dwelling", "dialect"),
    [("flat", "native"), ("maisonette", "native"), ("small_flat", "native"), ("flat", "zigbee2mqtt")],
)
def test_a_week_has_600_to_1500_readings_a_day_in_order(name: str, dwelling: str, dialect: str) -> None:
    start = noon(MONDAY)
    source = resident_source(resident(name, dwelling=dwelling, dialect=dialect), dialect=dialect)
    week = [reading for reading in islice(source(start), 15_000) if reading.at < start + 7 * 86400]
    assert all(before.at <= after.at for before, after in pairwise(week))
    assert 600 <= len(week) / 7 <= 1500


@given(
    name=st.sampled_from(NAMES),
    seed=st.integers(0, 10_000),
    day=st.dates(date(2025, 1, 1), date(2027, 12, 31)),
    dwelling=st.sampled_from(["flat", "maisonette", "small_flat"]),
)
@settings(max_examples=40, deadline=None)
def test_on_any_day_a_resident_is_in_one_place_at_a_time_and_causes_nothing_at_home_while_out(
    name: str, seed: int, day: date, dwelling: str
) -> None:
    lived = waking_day(resident(name, seed=seed, dwelling=dwelling), day)

    assert lived.stays[0].start == lived.start
    assert abs(lived.stays[-1].end - lived.end) < 1
    for before, after in pairwise(lived.stays):
        assert before.end - 1e-6 <= after.start < before.end + 60  # a few seconds may pass on the way
    assert list(lived.impulses) == sorted(lived.impulses)
    for stay in lived.stays:
        own = [i for i in lived.impulses if i.by == "resident" and stay.start < i.at < stay.end]
        if stay.place == "out":
            assert [i for i in own if not i.role.startswith("door/front") and i.at > stay.start + 15] == []
        elif stay.doing != "pass":
            seen = {i.role for i in own if i.role.startswith("motion/")} - {"motion/hall"}
            assert seen <= {f"motion/{stay.place}"}


@given(name=st.sampled_from(NAMES), seed=st.integers(0, 99), days=st.integers(0, 400), minutes=st.integers(0, 1439))
@settings(max_examples=12, deadline=None)
def test_a_stream_started_later_says_exactly_what_the_earlier_one_says(
    name: str, seed: int, days: int, minutes: int
) -> None:
    source = resident_source(resident(name, seed=seed))
    later = noon(MONDAY + timedelta(days=days)) + minutes * 60
    earlier = [reading for reading in islice(source(later - 86400), 3000) if reading.at >= later]
    assert list(islice(source(later), 400)) == earlier[:400]


def test_two_seeds_are_two_people() -> None:
    first, second = (waking_day(resident(seed=seed), MONDAY) for seed in (1, 2))
    assert first.impulses != second.impulses


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 28), 23), (date(2026, 10, 24), 25)])
def test_the_night_of_a_clock_change_is_an_hour_shorter_or_longer_and_people_live_by_the_clock(
    day: date, hours: int
) -> None:
    lived = waking_day(resident("early_riser"), day)
    civil = [datetime.fromtimestamp(at, UTC).astimezone(LONDON) for at in (lived.start, lived.end)]
    assert all(5.5 < at.hour + at.minute / 60 < 8.5 for at in civil)
    spread = (civil[1].hour - civil[0].hour) * 60 + civil[1].minute - civil[0].minute
    assert abs((lived.end - lived.start) / 60 - spread - hours * 60) < 2


def test_weekends_begin_later_and_the_irregular_sleeper_is_irregular() -> None:
    def wake_hours(name: str, weekdays: range) -> list[float]:
        days = [MONDAY + timedelta(days=i) for i in range(140)]
        wakes = [datetime.fromtimestamp(wakes_at(resident(name), d), LONDON) for d in days if d.weekday() in weekdays]
        return [at.hour + at.minute / 60 for at in wakes]

    assert mean(wake_hours("outgoing", range(5, 7))) > mean(wake_hours("outgoing", range(5))) + 0.3
    assert pstdev(wake_hours("irregular_sleeper", range(5))) > 2 * pstdev(wake_hours("early_riser", range(5)))


def test_days_have_night_toilet_visits_naps_outings_and_visitors_as_the_persona_says() -> None:
    days = [waking_day(resident("cared_for"), MONDAY + timedelta(days=i)) for i in range(28)]
    night_visits = sum(
        stay.doing == "toilet" and datetime.fromtimestamp(stay.start, LONDON).hour in (23, 0, 1, 2, 3, 4, 5)
        for day in days
        for stay in day.stays
    )
    assert 1.5 < night_visits / 28 < 4.5
    assert sum(any(stay.doing == "nap" for stay in day.stays) for day in days) > 20
    assert sum(any(stay.place == "out" for stay in day.stays) for day in days) in range(2, 5)  # the day centre
    assert mean(len(day.visits) for day in days) > 1.7  # carers, twice a day


def test_a_visitor_is_seen_where_the_resident_is_not() -> None:
    day = waking_day(resident("cared_for"), MONDAY)
    visit = day.visits[0]
    seen = {i.role for i in day.impulses if visit.start < i.at < visit.end and i.role.startswith("motion/")}
    assert {"motion/lounge", "motion/kitchen"} <= seen


def test_every_sensor_says_on_and_off_in_turn() -> None:
    source = resident_source(resident("night_waker", dwelling="maisonette"))
    last: dict[str, object] = {}
    for reading in islice(source(noon(MONDAY)), 6000):
        if isinstance(reading.value, bool):
            assert last.get(reading.sensor) != reading.value
            last[reading.sensor] = reading.value
    assert len(last) >= 12


def test_a_movement_sensor_is_blind_for_a_while_and_runs_on_after_the_last_movement() -> None:
    flat = kit("flat")
    code = next(sensor.id for sensor in flat if sensor.role == "motion/kitchen")
    movements = [Impulse(at, "motion/kitchen", True, 0, "resident") for at in (100.0, 104.0, 130.0, 300.0)]
    senses = Senses(flat, dialect="native")
    readings = senses.feel(movements, until=310)
    assert [(r.at, r.sensor, r.value) for r in sorted(readings)] == [
        (100.0, code, True),
        (175.0, code, False),  # 45 s after the one at 130 s
        (300.0, code, True),
    ]
    assert [(r.at, r.value) for r in senses.feel([], until=1000)] == [(345.0, False)]


def test_a_kettle_switches_itself_off_and_what_nothing_listens_to_is_not_recorded() -> None:
    senses = Senses(kit("flat"), dialect="native")
    kettle = Impulse(50.0, "appliance/kettle", True, 180, "resident")
    garden = Impulse(60.0, "motion/garden", True, 0, "resident")
    assert [(r.at, r.value) for r in senses.feel([kettle, garden], until=1000)] == [(50.0, True), (230.0, False)]


def test_thermometers_speak_every_half_hour_whatever_anybody_does() -> None:
    flat = kit("flat")
    day = temperatures(flat, seed=1, start=noon(MONDAY), end=noon(MONDAY) + 86400)
    by_sensor = {reading.sensor for reading in day}
    assert len(day) == 48 * len(by_sensor)
    assert all(14 < float(reading.value) < 26 for reading in day if not isinstance(reading.value, str))

"""What changes slowly shows in the truth and in the rows; what breaks does what it says."""

import random
from datetime import date, datetime, timedelta
from statistics import mean
from zoneinfo import ZoneInfo

import pytest

from simulators.changes import Change, ChangeKind, sunset_hour, winter
from simulators.evaluated_day import Person, lived_day
from simulators.evaluated_kit import KitSize, evaluated_kit
from simulators.evaluated_personas import lives
from simulators.evaluation_truth import TruthDay, truth_day
from simulators.hearing import Ear, Heard, hear
from simulators.troubles import Trouble, TroubleKind, some_troubles, suffer_troubles

LONDON = ZoneInfo("Europe/London")
BEGINS = date(2026, 5, 4)
ROOMS = ("bedroom", "bathroom", "kitchen", "lounge", "hall")
KIT = evaluated_kit(KitSize.RICH, ROOMS)
EARS = {sensor.id: Ear(blind_s=8.0, after_run_s=45.0, missed_share=0.0) for sensor in KIT}
HALF = 40  # days before and after


def person(*changes: Change, life: str = "homebody") -> Person:
    return Person(
        seed="test", life=lives()[life], zone=LONDON, rooms=frozenset(ROOMS), doors=frozenset(), changes=changes
    )


def halves(kind: ChangeKind, size: float, *, life: str = "homebody") -> list[tuple[list[TruthDay], list[Heard]]]:
    """Truth and readings of the days before and after."""
    changed = person(Change(kind=kind, begins=BEGINS, full_from=BEGINS, size=size), life=life)
    days = [BEGINS + timedelta(days=i) for i in range(-HALF - 1, HALF)]
    lived = [lived_day(changed, day) for day in days]
    heard = hear(KIT, EARS, sorted(impulse for day in lived for impulse in day.impulses), random.Random(1))
    edge = datetime(BEGINS.year, BEGINS.month, BEGINS.day, 12, tzinfo=LONDON).timestamp()
    truth = [truth_day(day, lived, (), LONDON) for day in days[1:]]
    return [
        ([day for day in truth if day.day < BEGINS], [each for each in heard if each.at < edge]),
        ([day for day in truth if day.day > BEGINS], [each for each in heard if each.at >= edge]),
    ]


def sensor(kind: str, room: str, name: str = "") -> str:
    return next(s.id for s in KIT if s.kind == kind and s.room == room and name in s.name)


def at_night(heard: list[Heard], code: str) -> float:
    hours = (datetime.fromtimestamp(each.at, LONDON).hour for each in heard if each.sensor == code and each.value)
    return sum(1 for hour in hours if hour < 5) / HALF


def a_day(heard: list[Heard], code: str) -> float:
    return sum(1 for each in heard if each.sensor == code and each.value) / HALF


def test_more_bathroom_visits_at_night_show_in_the_truth_and_in_the_rows() -> None:
    (before, heard_before), (after, heard_after) = halves(ChangeKind.NIGHT_BATHROOM, 2.0)
    more = mean(d.night_bathroom_visits for d in after) - mean(d.night_bathroom_visits for d in before)
    assert 1.2 < more < 2.8
    code = sensor("motion", "bathroom")
    assert at_night(heard_after, code) > at_night(heard_before, code) + 0.8


def test_fewer_meals_show_in_the_truth_and_at_the_fridge() -> None:
    (before, heard_before), (after, heard_after) = halves(ChangeKind.FEWER_MEALS, 0.5)
    assert mean(d.meals for d in after) < 0.75 * mean(d.meals for d in before)
    code = sensor("door", "kitchen", "Fridge")
    assert a_day(heard_after, code) < 0.85 * a_day(heard_before, code)


def test_fewer_outings_show_in_the_truth_and_at_the_front_door() -> None:
    (before, heard_before), (after, heard_after) = halves(ChangeKind.FEWER_OUTINGS, 0.9, life="volunteer")
    assert sum(len(d.outings) for d in after) < 0.5 * sum(len(d.outings) for d in before)
    assert a_day(heard_after, sensor("door", "hall")) < 0.75 * a_day(heard_before, sensor("door", "hall"))


def test_a_later_rise_and_a_shifted_day_show_in_the_truth_and_in_the_bed() -> None:
    for kind in (ChangeKind.LATER_RISE, ChangeKind.SHIFTED_DAY):
        (before, heard_before), (after, heard_after) = halves(kind, 1.5)
        rises = [mean(_hour(d.rose_at) for d in days if d.rose_at) for days in (before, after)]
        assert 1.1 < rises[1] - rises[0] < 1.9
        firsts = [mean(_first_in_kitchen(heard)) for heard in (heard_before, heard_after)]
        assert 0.9 < firsts[1] - firsts[0] < 2.1


def _first_in_kitchen(heard: list[Heard]) -> list[float]:
    firsts: dict[date, float] = {}
    for each in heard:
        civil = datetime.fromtimestamp(each.at, LONDON)
        if each.sensor == sensor("motion", "kitchen") and civil.hour >= 5:
            firsts.setdefault(civil.date(), civil.hour + civil.minute / 60)
    return list(firsts.values())


def test_less_activity_and_restless_nights_show_in_the_rows() -> None:
    (_, heard_before), (_, heard_after) = halves(ChangeKind.LESS_ACTIVE, 1.8)
    codes = [s.id for s in KIT if s.kind == "motion"]
    assert sum(a_day(heard_after, code) for code in codes) < 0.85 * sum(a_day(heard_before, code) for code in codes)
    (_, heard_before), (_, heard_after) = halves(ChangeKind.RESTLESS_NIGHTS, 2.0)
    code = sensor("motion", "hall")
    assert at_night(heard_after, code) > at_night(heard_before, code) + 0.8


def _hour(t: float) -> float:
    civil = datetime.fromtimestamp(t, LONDON)
    return civil.hour + civil.minute / 60


def test_a_change_begins_on_its_day_and_grows_evenly_to_its_size() -> None:
    slow = Change(kind=ChangeKind.NIGHT_BATHROOM, begins=BEGINS, full_from=BEGINS + timedelta(days=3), size=2.0)
    sizes = [slow.on(BEGINS + timedelta(days=i)) for i in range(-1, 6)]
    assert sizes == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0, 2.0, 2.0])


def test_winter_is_in_december_and_dark() -> None:
    assert winter(date(2026, 12, 21)) > 0.99
    assert winter(date(2026, 6, 21)) < -0.99
    assert sunset_hour(date(2026, 12, 21), is_summer_time=False) == pytest.approx(15.8, abs=0.3)
    assert sunset_hour(date(2026, 6, 21), is_summer_time=True) == pytest.approx(21.4, abs=0.3)


# Equipment ------------------------------------------------------------------------------------

READINGS = [Heard(60.0 * i, code, float(i % 2), "resident") for i in range(600) for code in ("M001", "M002", "D001")]


def suffered(kind: TroubleKind, code: str = "") -> list[Heard]:
    trouble = Trouble(kind=kind, start=6000.0, end=24_000.0, sensor=code)
    return suffer_troubles(READINGS, [trouble], random.Random(2))


def during(heard: list[Heard]) -> list[Heard]:
    return [each for each in heard if 6000.0 <= each.at < 24_000.0]


def test_a_power_cut_leaves_nothing_and_a_late_burst_leaves_everything() -> None:
    assert during(suffered(TroubleKind.POWER_CUT)) == []
    assert len(suffered(TroubleKind.POWER_CUT)) == len(READINGS) - len(during(READINGS))
    assert suffered(TroubleKind.LATE_BURST) == READINGS


def test_a_dead_sensor_is_silent_alone_and_a_stuck_one_says_on() -> None:
    dead = during(suffered(TroubleKind.SENSOR_DEAD, "M001"))
    assert {each.sensor for each in dead} == {"M002", "D001"}
    stuck = [each for each in suffered(TroubleKind.STUCK_ON, "M001") if each.sensor == "M001"]
    assert [each.value for each in during(stuck)] in ([], [1.0])
    assert next(each for each in reversed(stuck) if each.at < 24_000.0).value == 1.0


def test_a_half_blind_sensor_misses_most_and_a_chattering_one_speaks_by_itself() -> None:
    blind = [each for each in during(suffered(TroubleKind.HALF_BLIND, "M001")) if each.sensor == "M001"]
    assert 0.02 < len(blind) / 300 < 0.25
    loud = suffered(TroubleKind.CHATTER, "D001")
    own = [each for each in loud if each.by == "equipment"]
    assert {each.sensor for each in own} == {"D001"}
    assert len(own) > 300
    assert all(6000.0 <= each.at < 24_000.0 for each in own)
    assert loud == sorted(loud, key=lambda each: each.at)


def test_troubles_lie_in_the_period_and_name_sensors_that_can_have_them() -> None:
    many = [
        trouble
        for seed in range(40)
        for trouble in some_troubles(
            random.Random(seed), start=0.0, end=105 * 86400.0, movement=["M001"], contacts=["D001", "B001"]
        )
    ]
    assert {trouble.kind for trouble in many} == set(TroubleKind)
    assert all(0 <= trouble.start < 105 * 86400.0 < trouble.start + 200 * 86400.0 for trouble in many)
    assert {t.sensor for t in many if t.kind is TroubleKind.CHATTER} <= {"D001", "B001"}
    assert {t.sensor for t in many if t.kind in (TroubleKind.STUCK_ON, TroubleKind.HALF_BLIND)} == {"M001"}
    assert {t.sensor for t in many if t.kind in (TroubleKind.POWER_CUT, TroubleKind.LATE_BURST)} == {""}

"""Evaluation homes: the same whenever they are made, believable, and true to what they say of themselves."""

import random
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from statistics import mean

import pytest

from simulators.absences import AbsenceKind, some_absences
from simulators.evaluated_kit import KitSize
from simulators.evaluated_personas import lives
from simulators.evaluation import ZONE, EvaluationHome, evaluation_home
from simulators.hearing import PEOPLE
from store.home import SensorKind
from store.hub import HubState
from store.recording import HUB, Row

ALL_LIVES = range(len(lives()))


@cache
def home(number: int, days: int = 28, seed: int = 3) -> EvaluationHome:
    """Made once: no test changes what it gets."""
    return evaluation_home(number, days=days, seed=seed)


def at(row: Row) -> float:
    return row.at.timestamp()


def test_the_same_number_and_seed_give_the_same_home_and_others_give_another() -> None:
    again = evaluation_home(4, days=28, seed=3)
    assert again == home(4)
    assert evaluation_home(4, days=28, seed=4).rows != again.rows
    assert home(5).rows != again.rows


def test_who_lives_there_does_not_depend_on_how_long_one_looks() -> None:
    for number in (1, 5, 9):
        short, long = evaluation_home(number, days=3, seed=3), home(number)
        assert (short.truth.persona, short.truth.kit, short.truth.has_pet) == (
            long.truth.persona,
            long.truth.kit,
            long.truth.has_pet,
        )
        assert short.home.sensors == long.home.sensors


def test_a_period_without_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="0 days"):
        evaluation_home(0, days=0, seed=3)


@pytest.mark.parametrize("number", ALL_LIVES)
def test_rows_come_in_order_from_known_sensors_with_a_cause_each_and_the_hub_among_them(number: int) -> None:
    made = home(number)
    known = {sensor.id for sensor in made.home.sensors} | {HUB}
    first = datetime(made.truth.first_day.year, made.truth.first_day.month, made.truth.first_day.day, tzinfo=ZONE)
    assert len(made.rows) == len(made.causes)
    assert all(before.at <= after.at for before, after in pairwise(made.rows))
    assert {row.sensor for row in made.rows} <= known
    assert {"hub", "resident"} <= set(made.causes) <= PEOPLE | {"pet", "equipment", "hub"}
    assert all((row.sensor == HUB) == (cause == "hub") for row, cause in zip(made.rows, made.causes, strict=True))
    assert first <= made.rows[0].at
    assert made.rows[-1].at < (first + timedelta(days=28)).astimezone(UTC) + timedelta(hours=1)
    check_ins = sum(1 for row in made.rows if row.value is HubState.CHECKIN)
    cut = sum(min(t.end, at(made.rows[-1])) - t.start for t in made.truth.troubles if not t.sensor) / 86400
    assert 288 * (28 - cut) * 0.97 - 12 <= check_ins <= 288 * 28 * 1.01 + 12


def test_every_way_of_life_and_every_kit_comes() -> None:
    few = [evaluation_home(number, days=1, seed=3).truth for number in range(56)]
    assert {truth.persona for truth in few[:14]} == set(lives())
    assert len(lives()) >= 12
    assert {truth.kit for truth in few} == set(KitSize)
    assert {truth.residents for truth in few} == {1, 2}
    assert {truth.has_pet for truth in few} == {True, False}


@pytest.mark.parametrize("number", ALL_LIVES)
def test_days_are_those_of_people(number: int) -> None:
    made = home(number)
    days = [day for day in made.truth.days if day.rose_at is not None and day.to_bed_at is not None]
    assert len(days) >= 7
    hours = [_hour(day.rose_at) for day in days if day.rose_at is not None]
    assert 5.0 <= mean(hours) <= 12.0
    beds = [day.to_bed_at for day in days]
    rises = [day.rose_at for day in days]
    nights = [
        (rise - bed) / 3600
        for bed, rise, (before, after) in zip(beds, rises[1:], pairwise(days), strict=False)
        if bed is not None and rise is not None and after.day - before.day == timedelta(days=1)
    ]
    assert 5.0 <= mean(nights) <= 12.5
    assert 0.3 <= mean(day.night_bathroom_visits for day in days) <= 8.0
    assert 1.0 <= mean(day.meals for day in days) <= 3.6
    assert mean(len(day.outings) for day in days) <= 8.0

    moves = [row for row, cause in zip(made.rows, made.causes, strict=True) if cause in PEOPLE]
    assert 20 <= len(moves) / 28 <= 2500
    gaps = [(at(after) - at(before)) / 60 for before, after in pairwise(moves)]
    assert 4 <= sum(1 for gap in gaps if gap >= 5) / 28 <= 80
    assert max(gaps) >= 150  # the tail is heavy: hours without anything come in every life


def _hour(t: float) -> float:
    civil = datetime.fromtimestamp(t, ZONE)
    return civil.hour + civil.minute / 60


@pytest.mark.parametrize("number", ALL_LIVES)
def test_a_day_is_told_without_a_hole_and_nobody_is_in_two_places(number: int) -> None:
    for day in home(number).truth.days[1:-1]:
        for before, after in pairwise(day.stays):
            assert before.end - 1e-6 <= after.start < before.end + 120
        assert day.place_at(day.stays[0].start) == day.stays[0].place


@pytest.mark.parametrize("number", ALL_LIVES)
def test_who_is_out_causes_nothing_at_home(number: int) -> None:
    made = home(number)
    exits = {sensor.id for sensor in made.home.sensors if sensor.exit}
    movement = {sensor.id for sensor in made.home.sensors if sensor.kind is SensorKind.MOTION}
    own = [
        at(row)
        for row, cause in zip(made.rows, made.causes, strict=True)
        if cause == "resident" and row.sensor not in exits and (row.value == 1.0 or row.sensor not in movement)
    ]
    for day in made.truth.days:
        for start, end in day.outings:
            assert [t for t in own if start + 300 < t < end - 1] == []


def test_an_absence_is_empty_but_for_visitors_and_is_noted_where_it_says_so() -> None:
    seen = 0
    for number in ALL_LIVES:
        made = home(number)
        for absence in made.truth.absences:
            inside = {
                cause
                for row, cause in zip(made.rows, made.causes, strict=True)
                if absence.start + 600 < at(row) < absence.end
            }
            assert inside <= {"visitor", "equipment", "hub"}
            noted = [period for period in made.home.absences if period.from_at.timestamp() == absence.noted_from]
            assert len(noted) == absence.is_noted
            seen += 1
    assert seen >= 2


def test_some_absences_are_noted_and_some_are_not_and_they_never_touch() -> None:
    drawn = [some_absences(random.Random(i), first=date(2026, 5, 1), days=105, zone=ZONE) for i in range(60)]
    assert {absence.is_noted for each in drawn for absence in each} == {True, False}
    assert {absence.kind for each in drawn for absence in each} == set(AbsenceKind)
    assert 0.5 < mean(len(each) for each in drawn) < 2.0
    assert all(before.end < after.start for each in drawn for before, after in pairwise(each))


def test_people_live_by_the_clock_when_it_changes() -> None:
    """Check-ins are as many as the hours of the day, and getting up stays at its civil hour."""
    shifts = []
    short_days = long_days = 0
    for number in range(14):
        made = home(number)
        for change in (date(2026, 3, 29), date(2026, 10, 25)):
            index = (change - made.truth.first_day).days
            if not 7 <= index < 21 or made.truth.absences:
                continue
            around = made.truth.days[index - 7 : index], made.truth.days[index : index + 7]
            before, after = (mean(_hour(day.rose_at) for day in days if day.rose_at) for days in around)
            shifts.append(after - before)
            start = datetime(change.year, change.month, change.day, tzinfo=ZONE).timestamp()
            hours = 23 if change.month == 3 else 25
            if any(t.start < start + hours * 3600 and t.end > start for t in made.truth.troubles):
                continue
            seen = sum(1 for r in made.rows if r.sensor == HUB and start <= at(r) < start + hours * 3600)
            assert abs(seen - hours * 12) <= 2
            short_days, long_days = short_days + (hours == 23), long_days + (hours == 25)
    assert len(shifts) >= 3
    assert abs(mean(shifts)) < 0.4  # of an hour; living by the sun would be a whole one
    assert short_days + long_days >= 1


def test_pets_are_seen_by_movement_sensors_and_only_in_homes_that_have_one() -> None:
    seen = {True: 0, False: 0}
    for number in range(14):
        made = home(number)
        movement = {sensor.id for sensor in made.home.sensors if sensor.kind is SensorKind.MOTION}
        by_pet = {row.sensor for row, cause in zip(made.rows, made.causes, strict=True) if cause == "pet"}
        assert by_pet <= movement
        assert not by_pet or made.truth.has_pet
        seen[made.truth.has_pet] += len(by_pet)
    assert seen[True] > 0


def test_long_periods_have_changes_after_day_60_and_short_ones_have_none() -> None:
    assert all(not home(number).truth.changes for number in range(14))
    dated = [
        (change.begins - made.first_day).days
        for made in (evaluation_home(number, days=90, seed=3).truth for number in (4, 6))
        for change in made.changes
    ]
    assert dated
    assert all(60 <= days <= 85 for days in dated)

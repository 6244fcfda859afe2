"""Gone out and not back; the front door at night; a home too cold or too hot."""

import math
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.detectors.door_at_night import DoorAtNight
from anomaly.home_model import HomeModel
from store.deviation import DeviationKind, Grade
from store.recording import Row
from tests.anomaly.conftest import FIRST_DAY, check_ins_only
from tests.anomaly.life_with_a_mat import (
    LEARNED,
    LEARNED_DAYS,
    a_life_with_a_mat,
    comes_home,
    found_by,
    goes_out,
    moves,
    of_kind,
    ordinary,
    row,
    the_plan,
    told,
)

OUT, DOOR, WARMTH = DeviationKind.NOT_RETURNED, DeviationKind.DOOR_AT_NIGHT, DeviationKind.TEMPERATURE
LEAVES = LEARNED + timedelta(hours=2)
NIGHT = LEARNED.replace(hour=3) + timedelta(days=1)


@pytest.fixture(scope="module")
def learned() -> bytes:
    """The state of a home after five ordinary weeks, at noon."""
    model = HomeModel(the_plan())
    model.feed(each for each in a_life_with_a_mat(LEARNED_DAYS + 1) if each.at < LEARNED)
    model.advance(LEARNED)
    return model.to_bytes()


def leaves(at: datetime = LEAVES) -> list[Row]:
    before = [each for each in ordinary(LEARNED, 1) if each.at < min(at, LEARNED + timedelta(hours=1.4))]
    return [*before, *moves(at - timedelta(minutes=30), "lounge", "hall", "lounge"), *goes_out(at)]


# Not returned --------------------------------------------------------------------------------


def test_who_is_out_far_longer_than_usual_is_asked_after_the_same_day(learned: bytes) -> None:
    found = found_by(learned, leaves(), LEAVES + timedelta(hours=9))
    first = told(found, OUT)[0]
    assert timedelta(hours=1.5) < first.raised_at - LEAVES < timedelta(hours=8)
    assert first.grade is Grade.ATTENTION
    assert first.explanation.startswith("Left by the front door at 14:00")
    assert "usually take" in first.explanation


def test_an_unnoticed_holiday_is_never_called_a_collapse(learned: bytes) -> None:
    found = found_by(learned, leaves(), LEAVES + timedelta(days=6))
    assert len({f.id for f in told(found, OUT)}) == 1
    assert {f.kind for f in found if f.grade is not Grade.NOTICE} == {OUT}
    assert all(f.grade is not Grade.URGENT for f in found)


def test_it_is_over_when_they_come_home(learned: bytes) -> None:
    back = LEAVES + timedelta(hours=8)
    home = [*comes_home(back), *moves(back + timedelta(minutes=3), "hall", "kitchen", "lounge", every=60)]
    found = found_by(learned, leaves() + home, back + timedelta(hours=1))
    assert [f.ended_at for f in found if f.kind is OUT and f.ended_at] == [back]


def test_ordinary_outings_tell_nobody(learned: bytes) -> None:
    assert told(found_by(learned, ordinary(LEARNED, 21), LEARNED + timedelta(days=21)), OUT) == []


def test_who_opens_the_door_and_stays_in_is_not_missed(learned: bytes) -> None:
    seen = moves(LEAVES + timedelta(minutes=4), "hall", "lounge", "kitchen", "lounge", every=90)
    assert of_kind(found_by(learned, leaves() + seen, LEAVES + timedelta(hours=10)), OUT) == []


def test_who_is_known_to_be_away_is_not_missed_until_a_day_after_they_are_expected(learned: bytes) -> None:
    end = LEAVES + timedelta(days=2)
    away = [{"from": (LEAVES - timedelta(hours=1)).isoformat(), "until": end.isoformat(), "reason": "holiday"}]
    found = found_by(learned, leaves(), end + timedelta(hours=30), absences=away)
    first = told(found, OUT)[0]
    assert timedelta(hours=23) < first.raised_at - end < timedelta(hours=25)
    assert first.explanation.startswith("Probably out, and not seen at home since")


def test_before_anything_is_known_only_the_limit_of_the_night_counts() -> None:
    leaves_at = FIRST_DAY + timedelta(days=1, hours=15)
    model = HomeModel(the_plan())
    model.feed([each for each in a_life_with_a_mat(2) if each.at < leaves_at - timedelta(hours=2)])
    model.feed(goes_out(leaves_at))
    found = told(model.advance(leaves_at + timedelta(hours=20)), OUT)
    assert [f.raised_at for f in found] == [FIRST_DAY + timedelta(days=2, hours=4)]
    assert "04:00 is the limit set for every home" in found[0].explanation


def test_a_return_that_an_outage_may_have_hidden_is_left_to_the_longest_limit(learned: bytes) -> None:
    model = HomeModel(the_plan(always_observed=False))
    model.feed(each for each in a_life_with_a_mat(LEARNED_DAYS + 1) if each.at < LEARNED)
    model.feed(check_ins_only(FIRST_DAY, LEAVES + timedelta(minutes=20)))
    model.feed([*leaves(), *check_ins_only(LEAVES + timedelta(hours=2), LEAVES + timedelta(hours=30))])
    found = told(model.advance(LEAVES + timedelta(hours=30)), OUT)
    assert [f.raised_at - LEAVES >= timedelta(hours=24) for f in found] == [True]


# The front door at night ---------------------------------------------------------------------


def test_who_goes_out_in_the_middle_of_the_night_is_told_within_minutes(learned: bytes) -> None:
    rows = [each for each in ordinary(LEARNED, 1) if each.at < NIGHT - timedelta(hours=1.6)]
    rows += [row(NIGHT - timedelta(seconds=60), "B1", 0.0), *goes_out(NIGHT)]
    found = told(found_by(learned, rows, NIGHT + timedelta(minutes=30)), DOOR)
    assert found[-1].raised_at - NIGHT <= timedelta(minutes=12)
    assert "Nobody has moved inside since" in found[-1].explanation
    assert len({f.id for f in found}) == 1


def test_who_stays_in_is_less_of_a_worry(learned: bytes) -> None:
    rows = [each for each in ordinary(LEARNED, 1) if each.at < NIGHT - timedelta(hours=1.6)]
    rows += [row(NIGHT - timedelta(seconds=60), "B1", 0.0), *goes_out(NIGHT)]
    gone = of_kind(found_by(learned, rows, NIGHT + timedelta(minutes=30)), DOOR)
    back = [*moves(NIGHT + timedelta(minutes=2), "hall", "bedroom"), row(NIGHT + timedelta(minutes=3), "B1")]
    stayed = of_kind(found_by(learned, rows + back, NIGHT + timedelta(minutes=30)), DOOR)
    assert max(f.grade.rank for f in stayed) < max(f.grade.rank for f in gone)


def test_who_comes_home_late_has_not_gone_out_at_night(learned: bytes) -> None:
    assert of_kind(found_by(learned, leaves() + comes_home(NIGHT), NIGHT + timedelta(minutes=5)), DOOR) == []


def test_a_door_that_is_used_every_night_means_nothing() -> None:
    model = HomeModel(the_plan())
    rows = list(a_life_with_a_mat(40))
    for day in range(40):
        at = FIRST_DAY + timedelta(days=day, hours=5.2 + 0.05 * (day % 3))
        rows += [row(at, "D1"), row(at + timedelta(seconds=5), "D1", 0.0)]
        rows += moves(at + timedelta(minutes=2), "hall", "kitchen", "hall", every=70)
    model.feed(rows)
    assert told(model.advance(FIRST_DAY + timedelta(days=40)), DOOR) == []


def test_the_chance_of_an_hour_this_rare_or_rarer_adds_up() -> None:
    door = DoorAtNight()
    rates = door.rates()
    rarest = sum(rate for rate in rates if rate <= min(rates) + 1e-12)
    assert door.surprise_of(8) == pytest.approx(-math.log(1 - math.exp(-rarest)))
    assert door.surprise_of(8) > door.surprise_of(1) > door.surprise_of(93) > door.surprise_of(50)


# Temperature ---------------------------------------------------------------------------------


def thermometers(
    start: datetime, hours: float, degrees: float, *, rooms: tuple[str, ...] = ("lounge", "kitchen")
) -> list[Row]:
    return [
        row(start + timedelta(minutes=20 * i, seconds=7), f"T-{room}", degrees)
        for i in range(int(hours * 3))
        for room in rooms
    ]


def warmth(state: bytes, rows: list[Row], hours: float, **changes: Any) -> list[tuple[Grade, str]]:
    found = of_kind(found_by(state, rows, LEARNED + timedelta(hours=hours), **changes), WARMTH)
    return [(f.grade, f.evidence["rule"]) for f in found]


def test_a_cold_home_is_told_after_two_hours(learned: bytes) -> None:
    rows = thermometers(LEARNED, 5, 15.0)
    found = told(found_by(learned, rows, LEARNED + timedelta(hours=5)), WARMTH)
    assert [(f.grade, f.evidence["rule"]) for f in found] == [(Grade.ATTENTION, "cold")]
    assert timedelta(hours=2) <= found[0].raised_at - LEARNED <= timedelta(hours=3)
    assert "The limit set for every home is 16 °C" in found[0].explanation


def test_worse_is_urgent_and_heat_counts_too(learned: bytes) -> None:
    assert (Grade.URGENT, "very cold") in warmth(learned, thermometers(LEARNED, 5, 10.5), 5)
    assert (Grade.URGENT, "very hot") in warmth(learned, thermometers(LEARNED, 5, 33.0), 5)
    assert warmth(learned, thermometers(LEARNED, 5, 29.0), 5)[-1] == (Grade.ATTENTION, "hot")


@pytest.mark.parametrize("value", [-40.0, 85.0, -127.0, 5.0])
def test_never_from_a_single_reading_or_a_broken_thermometer(learned: bytes, value: float) -> None:
    rows = thermometers(LEARNED, 6, 20.0)
    odd = [row(LEARNED + timedelta(hours=1), "T-lounge", value), row(LEARNED + timedelta(hours=4), "T-kitchen", value)]
    assert warmth(learned, rows + odd, 6) == []
    assert warmth(learned, thermometers(LEARNED, 6, value, rooms=("lounge",)), 6) == [] or value == 5.0


def test_a_thermometer_in_a_fridge_is_no_cold_home() -> None:
    model = HomeModel(the_plan())
    rows = [each for each in a_life_with_a_mat(20) if each.sensor != "T-kitchen"]
    rows += thermometers(FIRST_DAY, 20 * 24, 5.0, rooms=("kitchen",))
    model.feed(rows)
    late = model.advance(FIRST_DAY + timedelta(days=20))
    assert told(late, WARMTH) == []


def test_cold_nights_are_nobodys_business_and_a_dead_thermometer_says_nothing(learned: bytes) -> None:
    at_night = LEARNED.replace(hour=23) + timedelta(minutes=5)
    rows = thermometers(LEARNED, 11, 19.5) + thermometers(at_night, 7.5, 15.0)
    rows += thermometers(at_night + timedelta(hours=7.6), 2, 18.0)
    assert [each for each in warmth(learned, rows, 22) if each[0] is not Grade.NOTICE] == []
    assert [each for each in warmth(learned, thermometers(LEARNED, 1, 15.0), 22) if each[0] is not Grade.NOTICE] == []


def test_it_is_over_when_it_is_warm_again_and_not_told_again_for_days(learned: bytes) -> None:
    rows = thermometers(LEARNED, 4, 15.0) + thermometers(LEARNED + timedelta(hours=4), 3, 18.0)
    rows += thermometers(LEARNED + timedelta(hours=20), 5, 15.0)
    found = found_by(learned, rows, LEARNED + timedelta(hours=26))
    assert len({f.id for f in told(found, WARMTH)}) == 1
    assert [f for f in found if f.kind is WARMTH and f.ended_at is not None]


def test_the_cold_of_an_empty_home_is_nobodys_business(learned: bytes) -> None:
    away = [{"from": LEARNED.isoformat(), "until": (LEARNED + timedelta(days=3)).isoformat(), "reason": "hospital"}]
    assert warmth(learned, thermometers(LEARNED, 6, 10.0), 8, absences=away) == []


# All of them ---------------------------------------------------------------------------------


@settings(max_examples=6, deadline=None)
@given(cut=st.integers(0, 30 * 60))
def test_a_run_that_is_cut_in_two_goes_on_bit_for_bit(learned: bytes, cut: int) -> None:
    back = NIGHT + timedelta(hours=1)
    rows = [*leaves(), *comes_home(NIGHT), *goes_out(NIGHT + timedelta(minutes=20)), *thermometers(LEARNED, 24, 14.0)]
    rows += moves(back, "hall", "kitchen", "lounge", every=70)
    end = LEARNED + timedelta(hours=30)
    whole = HomeModel(the_plan(), learned)
    whole.feed(rows)
    said = whole.advance(end)
    at = LEARNED + timedelta(minutes=cut)
    first = HomeModel(the_plan(), learned)
    first.feed(each for each in rows if each.at < at)
    heard = first.advance(at)
    second = HomeModel(the_plan(), first.to_bytes())
    second.feed(each for each in rows if each.at >= at)
    assert heard + second.advance(end) == said
    assert second.to_bytes() == whole.to_bytes()
    assert {f.kind for f in said} >= {OUT, WARMTH}


def test_a_day_away_leaves_what_is_known_as_it_was(learned: bytes) -> None:
    start = LEARNED.replace(hour=0) + timedelta(days=1)
    period = {"from": start.isoformat(), "until": (start + timedelta(days=1)).isoformat(), "reason": "holiday"}
    model = HomeModel(the_plan(absences=[period]), learned)
    model.feed(ordinary(LEARNED, 2))
    model.advance(start + timedelta(minutes=5))
    before = lessons(model)
    model.advance(start + timedelta(days=1, minutes=5))
    assert lessons(model) == before


def lessons(model: HomeModel) -> list[object]:
    saved = {name: model._family[name].saved() for name in ("not_returned", "door_at_night", "temperature")}
    out, door, warm = saved["not_returned"], saved["door_at_night"], saved["temperature"]
    return [out["durations"], out["rarity"], door["openings"], door["days"], door["rarity"], warm["ranges"]]

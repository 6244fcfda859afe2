"""Unusually long in one place, or out of bed at night and not back."""

import json
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.home_model import HomeModel
from anomaly.plan import plan_of_file
from store.deviation import DeviationKind, Grade
from store.recording import Row
from tests.anomaly.conftest import FIRST_DAY, a_home, check_ins_only
from tests.anomaly.life_with_a_mat import (
    LEARNED,
    LEARNED_DAYS,
    a_life_with_a_mat,
    falls_in_the_bathroom,
    found_by,
    moves,
    of_kind,
    ordinary,
    row,
    the_plan,
    to_the_bathroom,
    told,
)

DWELL = DeviationKind.DWELL
NIGHT = LEARNED.replace(hour=2) + timedelta(days=1)  # two in the morning, in bed since half past ten
EVENING = ordinary(LEARNED, 1)  # from noon to noon


@pytest.fixture(scope="module")
def learned() -> bytes:
    """The state of a home after five ordinary weeks, at noon."""
    model = HomeModel(the_plan())
    model.feed(each for each in a_life_with_a_mat(LEARNED_DAYS + 1) if each.at < LEARNED)
    model.advance(LEARNED)
    return model.to_bytes()


def until_two() -> list[Row]:
    return [each for each in EVENING if each.at < NIGHT - timedelta(minutes=31)]


def test_who_falls_in_the_bathroom_at_night_is_missed_within_45_minutes(learned: bytes) -> None:
    found = found_by(learned, until_two() + falls_in_the_bathroom(NIGHT), NIGHT + timedelta(hours=3))
    first = told(found, DWELL)[0]
    assert timedelta(minutes=8) < first.raised_at - NIGHT <= timedelta(minutes=45)
    assert first.explanation.startswith("Out of bed since 02:00 and not back")
    assert "nine in ten under" in first.explanation
    assert first.raised_at.second == 0
    assert len({f.id for f in of_kind(found, DWELL)}) == 1


def test_who_lies_there_and_is_still_seen_moving_is_missed_as_well(learned: bytes) -> None:
    moving = [row(NIGHT + timedelta(minutes=3 * i), "M-bathroom") for i in range(1, 40)]
    found = found_by(learned, until_two() + falls_in_the_bathroom(NIGHT) + moving, NIGHT + timedelta(hours=2))
    assert told(found, DWELL)[0].raised_at - NIGHT <= timedelta(minutes=60)
    assert told(found, DeviationKind.INACTIVITY) == []


def test_it_is_over_when_they_are_back_in_bed(learned: bytes) -> None:
    back = NIGHT + timedelta(minutes=70)
    rows = until_two() + to_the_bathroom(NIGHT, minutes=70)
    found = found_by(learned, rows, NIGHT + timedelta(hours=3))
    assert told(found, DWELL)
    assert {f.ended_at for f in found if f.kind is DWELL and f.ended_at} <= {back, back - timedelta(seconds=25)}


def test_an_ordinary_night_and_a_slow_one_are_nobodys_business(learned: bytes) -> None:
    rows = until_two() + to_the_bathroom(NIGHT, minutes=9)
    assert told(found_by(learned, rows, NIGHT + timedelta(hours=3)), DWELL) == []


def test_a_month_of_ordinary_days_tells_nobody(learned: bytes) -> None:
    end = LEARNED + timedelta(days=30)
    assert told(found_by(learned, ordinary(LEARNED, 30), end), DWELL) == []


def test_a_mat_that_says_left_while_nothing_moves_is_a_notice_at_most(learned: bytes) -> None:
    rows = [*until_two(), row(NIGHT, "B1", 0.0)]
    found = found_by(learned, rows, NIGHT + timedelta(hours=4, minutes=30))
    assert told(found, DWELL) == []


def test_a_lost_sensor_in_another_room_makes_it_impossible_to_judge(learned: bytes) -> None:
    plan = the_plan()
    lost = tuple(replace(s, is_available=s.code != "M-hall") for s in plan.sensors)
    model = HomeModel(replace(plan, sensors=lost), learned)
    model.feed(until_two() + falls_in_the_bathroom(NIGHT))
    assert of_kind(model.advance(NIGHT + timedelta(hours=3)), DWELL) == []


def test_nothing_is_said_of_a_noted_visit(learned: bytes) -> None:
    start, end = NIGHT - timedelta(hours=8), NIGHT + timedelta(hours=8)
    visits = [{"from": start.isoformat(), "until": end.isoformat(), "reason": "family"}]
    rows = until_two() + falls_in_the_bathroom(NIGHT)
    assert of_kind(found_by(learned, rows, NIGHT + timedelta(hours=3), visits=visits), DWELL) == []


@settings(max_examples=8, deadline=None)
@given(silent_after=st.integers(0, 25), hours=st.integers(1, 12))
def test_while_the_hub_is_silent_nothing_is_said(watched: bytes, silent_after: int, hours: int) -> None:
    last = NIGHT + timedelta(minutes=silent_after)
    model = HomeModel(the_plan(always_observed=False), watched)
    model.feed([*until_two(), *falls_in_the_bathroom(NIGHT), *check_ins_only(LEARNED, last)])
    model.advance(last + timedelta(minutes=15))
    assert of_kind(model.advance(last + timedelta(hours=hours)), DWELL) == []


@pytest.fixture(scope="module")
def watched() -> bytes:
    """The same home with a hub that checks in."""
    model = HomeModel(the_plan(always_observed=False))
    model.feed(each for each in a_life_with_a_mat(LEARNED_DAYS + 1) if each.at < LEARNED)
    model.feed(check_ins_only(FIRST_DAY, LEARNED))
    model.advance(LEARNED)
    return model.to_bytes()


def test_a_home_that_is_seen_again_after_an_outage_is_judged_again(watched: bytes) -> None:
    model = HomeModel(the_plan(always_observed=False), watched)
    model.feed([*until_two(), *falls_in_the_bathroom(NIGHT), *check_ins_only(LEARNED, NIGHT + timedelta(hours=2))])
    assert told(model.advance(NIGHT + timedelta(hours=1)), DWELL)


def test_where_people_sit_in_a_room_without_a_sensor_nobody_is_told() -> None:
    """They end in the hall, often for hours: the home's own stays there say that it means nothing."""
    sensors = [{"id": f"M-{room}", "kind": "motion", "room": room} for room in ("bedroom", "kitchen", "hall")]
    plan = plan_of_file(a_home(sensors=sensors), always_observed=True)
    rng, found = random.Random(2), []
    model = HomeModel(plan)
    for day in range(75):
        at = FIRST_DAY + timedelta(days=day, hours=7)
        rows = []
        while at < FIRST_DAY + timedelta(days=day, hours=22):
            rows += moves(at, "kitchen", "hall")
            at += timedelta(minutes=rng.lognormvariate(3.0, 0.9) if rng.random() < 0.7 else rng.uniform(60, 240))
        model.feed([*rows, *moves(FIRST_DAY + timedelta(days=day, hours=22), "hall", "bedroom")])
        found += model.advance(FIRST_DAY + timedelta(days=day + 1))
    assert told(found, DWELL) == []


def test_nothing_is_said_before_such_stays_are_known() -> None:
    model = HomeModel(the_plan())
    first = FIRST_DAY + timedelta(days=2, hours=2)
    model.feed(each for each in a_life_with_a_mat(2) if each.at < first)
    model.feed(falls_in_the_bathroom(first))
    assert of_kind(model.advance(first + timedelta(hours=4)), DWELL) == []


def test_a_chattering_mat_costs_nothing_and_says_nothing(learned: bytes) -> None:
    chatter = [row(NIGHT + timedelta(seconds=i), "B1", float(i % 2)) for i in range(6000)]
    found = found_by(learned, until_two() + chatter, NIGHT + timedelta(hours=4))
    assert told(found, DWELL) == []


def test_a_late_event_ends_what_was_found(learned: bytes) -> None:
    model = HomeModel(the_plan(), learned)
    model.feed(until_two() + falls_in_the_bathroom(NIGHT))
    assert told(model.advance(NIGHT + timedelta(hours=1)), DWELL)
    model.feed([row(NIGHT + timedelta(minutes=20), "M-kitchen")])
    found = model.advance(NIGHT + timedelta(minutes=61))
    assert [f.kind for f in found if f.ended_at is not None and f.kind is DWELL] == [DWELL]


def test_a_dead_sensor_that_explains_it_makes_it_unable_to_verify(learned: bytes) -> None:
    """From the kitchen they always go to the hall: if its sensor died, nobody would see them go."""
    noon = LEARNED + timedelta(hours=3)
    rows = [each for each in ordinary(LEARNED, 1) if each.sensor not in ("M-hall", "M-lounge") or each.at < noon]
    found = found_by(learned, rows, LEARNED + timedelta(hours=12))
    assert all(f.kind is not DWELL or f.grade is not Grade.URGENT for f in found)


def learning(model: HomeModel) -> object:
    saved = model._family["dwell"].saved()
    return saved["durations"], saved["rarity"]


def test_a_day_away_leaves_what_is_known_as_it_was(learned: bytes) -> None:
    start = LEARNED.replace(hour=0) + timedelta(days=1)
    period = {"from": start.isoformat(), "until": (start + timedelta(days=1)).isoformat(), "reason": "holiday"}
    model = HomeModel(the_plan(absences=[period]), learned)
    model.feed(ordinary(LEARNED, 2))
    model.advance(start + timedelta(minutes=5))
    before = learning(model)
    model.advance(start + timedelta(days=1, minutes=5))
    assert learning(model) == before


@settings(max_examples=8, deadline=None)
@given(cut=st.integers(0, 48 * 60))
def test_a_run_that_is_cut_in_two_goes_on_bit_for_bit(learned: bytes, cut: int) -> None:
    rows = [*until_two(), *falls_in_the_bathroom(NIGHT), *ordinary(NIGHT + timedelta(hours=5), 1)]
    end = LEARNED + timedelta(days=2)
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


def test_looking_changes_nothing_that_is_known(learned: bytes) -> None:
    model = HomeModel(the_plan(), learned)
    model.feed(until_two() + falls_in_the_bathroom(NIGHT))
    model.advance(NIGHT + timedelta(minutes=10))
    before = learning(model)
    model.advance(NIGHT + timedelta(hours=2))
    assert learning(model) == before


def test_what_is_known_of_a_home_is_small(learned: bytes) -> None:
    assert len(json.dumps(HomeModel(the_plan(), learned)._family["dwell"].saved())) < 6_000

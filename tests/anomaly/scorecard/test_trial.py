"""A home on trial: incidents, twins, branches, and a table that can be worked out by hand."""

import json
import math
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from river import drift

from anomaly.detectors.not_up import NotUp
from anomaly.home_model import HomeModel
from anomaly.plan import plan_of_file
from anomaly.scorecard import figures
from anomaly.scorecard.card import scorecard
from anomaly.scorecard.details import details
from anomaly.scorecard.edits import LATE_BY, failed, happened
from anomaly.scorecard.homes import EvaluatedHome, Stay, with_check_ins
from anomaly.scorecard.incidents import Incident, IncidentKind, Twin, instant, planned, planned_gradual
from anomaly.scorecard.onlooker import fresh_onlooker
from anomaly.scorecard.own_budget import AtOwnBudgets, Point, points
from anomaly.scorecard.ticked import hinkley_statistic
from anomaly.scorecard.trial import HomeResult, Trial, tried
from store.deviation import GRADE_ALONE, Deviation
from store.recording import HUB, Row
from tests.anomaly.conftest import a_home, a_life
from tests.anomaly.scorecard.made import FIRST, steady_home

TRIAL = Trial(incidents=6, warm_up=timedelta(days=7), gradual=False)


@pytest.fixture(scope="module")
def steady() -> HomeResult:
    return tried(steady_home(), TRIAL)


def living(days: int = 20, **changes: object) -> EvaluatedHome:
    return EvaluatedHome(file=a_home(**changes), rows=list(a_life(days)))


def test_the_fixed_limit_takes_exactly_its_hours_from_the_last_sign_of_life(steady: HomeResult) -> None:
    collapses = figures.incidents_of(steady, IncidentKind.COLLAPSE)
    assert len(collapses) == 6
    for each in collapses:
        since = each.incident.at % 1800.0  # the drawer was opened at the last half hour
        for hours in (8.0, 12.0):
            delay = figures.delay_at(each, "fixed limit", hours)
            assert delay == pytest.approx(hours * 60.0 - since / 60.0, abs=0.01)
        assert figures.delay_at(each, "fixed limit", 25.0) == math.inf


def test_the_table_worked_out_by_hand(steady: HomeResult) -> None:
    card = scorecard([steady])
    rows = {(each["method"], each["budget"]): each for each in card["methods"]}
    fixed = rows["fixed 12 h", None]
    assert fixed["false_a_home_month"] == 0.0
    day = fixed["groups"]["collapse by day"]
    assert (day["incidents"], day["within_4_h"]["value"], day["within_12_h"]["value"]) == (6, 0.0, 1.0)
    assert 690.0 <= day["median_minutes"]["value"] <= 720.0
    assert card["incidents"] == 6
    assert card["home_days"] == 6.0  # of twelve; a warm-up of seven would be more than half


def test_half_an_hour_of_quiet_is_the_line_and_its_multiple_is_found_in_time(steady: HomeResult) -> None:
    one = figures.incidents_of(steady, IncidentKind.COLLAPSE)[0]
    since = one.incident.at % 1800.0 / 60.0
    assert figures.delay_at(one, "alert line", 4.0) == pytest.approx(120.0 - since, abs=1.01)


def test_technical_twins_are_no_incidents(steady: HomeResult) -> None:
    twins = [each for each in steady.outcomes if each.twin is not None]
    assert len(twins) == 18
    card = scorecard([steady])
    assert card["incidents"] == 6
    assert sum(group["incidents"] for group in card["service"].values()) == 6
    assert {name: each["incidents"] for name, each in card["technical"].items()} == {
        "hub_off": 6, "sensor_dead": 6, "late_burst": 6,
    }  # fmt: skip


def test_the_same_seed_gives_the_same_table_and_another_one_other_incidents() -> None:
    def table(seed: int) -> Any:
        made = tried(living(8), replace(TRIAL, incidents=1, seed=seed))
        card = scorecard([made])
        card.pop("seconds")
        return json.dumps(card), [each.incident.at for each in made.outcomes]

    first = table(3)
    assert first == table(3)
    assert first[1] != table(4)[1]


def test_whoever_looks_on_changes_nothing() -> None:
    plan, rows = plan_of_file(a_home(), always_observed=False), list(a_life(10))
    alone, watched = HomeModel(plan), HomeModel(plan)
    watched.attach("scorecard", fresh_onlooker())
    watched.attach("own", AtOwnBudgets(points(plan.limits)))
    for model in (alone, watched):
        model.feed(rows)
    assert alone.advance(rows[-1].at) == watched.advance(rows[-1].at)
    assert alone.to_bytes() == watched.to_bytes()


def test_a_detector_with_the_shipped_limits_beside_the_model_says_what_the_model_says() -> None:
    """So what stands at another limit is that detector, and nothing else."""
    home = living(24)
    plan = plan_of_file(home.file, always_observed=False)
    shipped = Point(detector="not up", nominal_a_month=0.12, limits=plan.limits, make=NotUp)
    own, model = AtOwnBudgets([shipped]), HomeModel(plan)
    model.attach("own", own)
    morning = FIRST + timedelta(days=23, hours=1)
    model.feed(row for row in home.rows if row.at < morning or row.sensor == HUB)
    said = [f for f in model.advance(home.rows[-1].at) if isinstance(f, Deviation) and f.kind == "not_up"]
    assert said
    assert [[(each.id, each.grade, each.raised_at) for each in told] for told in own.told] == [
        [(each.id, each.evidence.get(GRADE_ALONE, each.grade), each.raised_at) for each in said]
    ]


def test_a_branch_says_what_a_whole_replay_of_the_changed_rows_says() -> None:
    home = living(14)
    made = tried(home, TRIAL)
    one = next(each for each in made.outcomes if each.twin is None and each.incident.kind is IncidentKind.COLLAPSE)
    plan = plan_of_file(home.file, always_observed=False)
    at = one.incident.at // 60 * 60
    ahead = [row for row in home.rows if at <= row.at.timestamp() < at + 86400]
    caused = [row.sensor != HUB for row in ahead]
    before = [row for row in home.rows if row.at.timestamp() < at]
    model = HomeModel(plan)
    model.feed([*before, *happened(one.incident, ahead, caused, plan, before[-2000:])])
    said = {(str(f.id), str(f.grade)) for f in model.advance(instant(at + 86400)) if f.raised_at.timestamp() >= at}
    assert {(each.id, each.grade) for each in one.told} <= said
    assert any(each.kind == "inactivity" for each in one.told)


def _at(day: float, kind: IncidentKind) -> Incident:
    return Incident(kind=kind, at=(FIRST + timedelta(days=day)).timestamp(), part="", place="", seed=5)


def test_after_a_collapse_only_hub_thermometer_and_cat_go_on() -> None:
    home = steady_home(3)
    plan = plan_of_file(home.file, always_observed=False)
    what = _at(1.51, IncidentKind.COLLAPSE)
    by_people = [row.sensor == "D1" and row.at.hour != 20 for row in home.rows]  # at eight the cat opens the drawer
    left = [row for row in happened(what, home.rows, by_people, plan, []) if row.at >= instant(what.at)]
    assert {row.sensor for row in left} == {HUB, "T1", "D1"}
    assert {row.at.hour for row in left if row.sensor == "D1"} == {20}


@pytest.mark.parametrize(("kind", "is_pressed"), [(IncidentKind.COLLAPSE, False), (IncidentKind.NOT_UP, True)])
def test_who_falls_leaves_the_mat_and_who_stays_in_bed_does_not(kind: IncidentKind, is_pressed: bool) -> None:
    file = a_home(sensors=[{"id": "B1", "kind": "bed", "room": "bedroom"}])
    plan = plan_of_file(file, always_observed=False)
    before = [Row(at=FIRST, sensor="B1", value=1.0)]
    left = happened(_at(0.3, kind), [], [], plan, before)
    assert [row.value for row in left] == ([] if is_pressed else [0.0])


def test_a_later_life_is_the_same_life_ninety_minutes_later() -> None:
    home = steady_home(3)
    plan = plan_of_file(home.file, always_observed=False)
    later = happened(_at(1.0, IncidentKind.LATER), home.rows, home.caused(), plan, [])
    opened = [row.at for row in later if row.sensor == "D1"]
    gap = max(b - a for a, b in pairwise(opened))
    assert gap == timedelta(minutes=120)
    assert [row for row in later if row.sensor == HUB] == [row for row in home.rows if row.sensor == HUB]


def test_two_more_visits_are_two_more_in_every_night() -> None:
    home = living(12)
    plan = plan_of_file(home.file, always_observed=False)
    more = happened(_at(3.5, IncidentKind.NIGHT_VISITS), home.rows, home.caused(), plan, [])
    lived = set(home.rows)
    added = [row for row in more if row not in lived]
    nights = {row.at.date() for row in added}
    assert len(nights) >= 7
    assert all(row.at.hour < 6 and row.sensor == "M-bathroom" for row in added)
    assert len([row for row in added if row.value == 1.0]) == 4 * len(nights)  # twice seen on each visit


def test_a_late_burst_loses_nothing_and_a_dead_sensor_only_its_own() -> None:
    home = living(6)
    plan = plan_of_file(home.file, always_observed=False)
    what = _at(3.4, IncidentKind.COLLAPSE)
    in_time, late = failed(Twin.LATE_BURST, what, home.rows, plan)
    assert sorted([*in_time, *late], key=lambda row: row.at) == home.rows
    assert late
    assert all(instant(what.at) <= row.at < instant(what.at) + LATE_BY for row in late)
    assert failed(Twin.HUB_OFF, what, home.rows, plan)[0][-1].at < instant(what.at)
    lost = set(home.rows) - set(failed(Twin.SENSOR_DEAD, what, home.rows, plan)[0])
    assert len({row.sensor for row in lost}) == 1
    assert min(row.at for row in lost) >= instant(what.at)


def test_incidents_are_spread_over_kinds_parts_of_the_day_and_places() -> None:
    home = living(30)
    plan = plan_of_file(home.file, always_observed=False)
    chosen = planned(home, plan, begin=(FIRST + timedelta(days=10)).timestamp(), wanted=24, seed=1)
    assert len(chosen) == 24
    assert {each.kind for each in chosen} >= {IncidentKind.COLLAPSE, IncidentKind.NIGHT_BATHROOM, IncidentKind.NOT_UP}
    collapses = [each for each in chosen if each.kind is IncidentKind.COLLAPSE]
    assert len({(each.part, each.place) for each in collapses}) >= 5
    assert len({each.at for each in chosen}) == 24


def test_in_a_home_of_two_both_collapse_and_nothing_else_is_tried() -> None:
    begin = (FIRST + timedelta(days=10)).timestamp()
    two = living(20, residents=2)
    plan = plan_of_file(two.file, always_observed=False)
    chosen = planned(two, plan, begin=begin, wanted=9, seed=1)
    assert {each.kind for each in chosen} == {IncidentKind.COLLAPSE}
    assert len(chosen) == 9
    assert planned_gradual(two, plan, begin=begin, days=3.0, seed=1) == []


def test_collapses_come_at_waking_minutes_at_home_each_as_likely_as_the_other() -> None:
    """An hour in the kitchen and two in the lounge, with a nap, a night and an outing that must not count."""
    home = steady_home(40)
    hour, start = 3600.0, FIRST.timestamp()
    plan = plan_of_file(home.file, always_observed=False)
    stays = tuple(
        Stay(start + (24 * day + at) * hour, start + (24 * day + at + hours) * hour, place, doing)
        for day in range(40)
        for at, hours, place, doing in (
            (1, 5, "bedroom", "sleep"), (8, 1, "kitchen", "cook"), (10, 3, "out", "out"), (13, 2, "lounge", "nap"),
            (19, 2, "lounge", "read"), (22.5, 0.5, "hall", "pass"),
        )
    )  # fmt: skip
    begin = (FIRST + timedelta(days=10)).timestamp()
    chosen = planned(replace(home, stays=stays), plan, begin=begin, wanted=190, seed=1)
    collapses = [each for each in chosen if each.kind is IncidentKind.COLLAPSE]
    assert len(collapses) >= 80
    assert sum(each.place == "kitchen" for each in collapses) == pytest.approx(len(collapses) / 3, abs=2)
    assert {each.place for each in collapses} == {"kitchen", "lounge"}
    for each in collapses:
        clock = (each.at - FIRST.timestamp()) % 86400 / hour
        assert 8 <= clock < 9 or 19 <= clock < 21
    minutes = [(each.at % 3600) // 600 for each in collapses]
    assert all(minutes.count(tenth) >= len(collapses) / 12 for tenth in range(6))


def test_none_is_injected_before_the_warm_up_is_over_or_in_an_absence() -> None:
    begin = (FIRST + timedelta(days=10)).timestamp()
    absence = {"from": "2026-01-16T00:00", "until": "2026-01-22T00:00"}
    away = living(20, absences=[absence])
    plan = plan_of_file(away.file, always_observed=False)
    chosen = planned(away, plan, begin=begin, wanted=9, seed=1)
    assert chosen
    for each in chosen:
        assert each.at >= begin
        assert not plan.absences[0].start <= each.at < plan.absences[0].end


def test_a_recording_without_a_hub_gets_the_check_ins_that_it_stands_for() -> None:
    rows = list(a_life(2, check_ins=False))
    hub = [row for row in with_check_ins(rows, timedelta(minutes=5)) if row.sensor == HUB]
    assert hub[0].at == rows[0].at
    assert len(hub) == (rows[-1].at - rows[0].at) // timedelta(minutes=5) + 1


def test_a_short_recording_is_halved_and_says_so() -> None:
    made = tried(living(12), replace(TRIAL, warm_up=timedelta(days=28), incidents=2))
    assert 5.0 < made.warm_up_days < 6.1


def test_details_are_lines_that_machines_read(steady: HomeResult) -> None:
    lines = [json.loads(line) for line in details(steady)]
    assert len([line for line in lines if line["what"] == "collapse"]) == 24
    assert {line.get("twin") for line in lines} >= {None, "hub_off", "sensor_dead", "late_burst"}


def test_the_statistic_we_read_is_the_one_river_judges_by() -> None:
    watched = drift.PageHinkley(min_instances=1, delta=0.5, threshold=math.inf, mode="up")
    judge = drift.PageHinkley(min_instances=1, delta=0.5, threshold=4.0, mode="up")
    values = [0.1, -0.2, 0.3, 0.0, 2.0, 2.0, 2.5, 3.0]
    for value in values:
        watched.update(value)
        judge.update(value)
        assert judge.drift_detected == (hinkley_statistic(watched) > 4.0)
        if judge.drift_detected:
            return
    pytest.fail("the test never alarmed, so nothing was compared")

"""The rules by which single events become places, as tables and as properties."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.charts.places import Place
from api.charts.timeline import CELL, SEEN_FOR, build_timeline, shows_a_person
from store.home import SensorKind
from tests.api.chart_events import KIT, SENSORS, at, event, timeline, told, where


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        pytest.param(["07:00 kitchen"], {"06:59": "", "07:00": "kitchen", "07:14": "kitchen"}, id="seen"),
        pytest.param(
            ["07:00 kitchen"], {"07:16": "kitchen?", "12:00": "kitchen?"}, id="last seen after a quarter hour"
        ),
        pytest.param(
            ["07:00 kitchen", "07:05 bathroom"], {"07:04": "kitchen", "07:06": "bathroom"}, id="the next room ends it"
        ),
        pytest.param(["07:00 study"], {"07:01": "other"}, id="a room of another name is another place"),
        pytest.param(["07:00 fridge off"], {"07:01": "kitchen"}, id="closing a door needs a hand too"),
        pytest.param(["07:00 kettle off"], {"07:01": ""}, id="a kettle switches itself off"),
        pytest.param(["07:00 kitchen off"], {"07:01": ""}, id="no more movement is not a movement"),
        pytest.param(
            ["07:00 warmth", "08:00 smoke"], {"07:01": "", "08:01": ""}, id="measurements and smoke are nobody"
        ),
    ],
)
def test_a_sighting_holds_the_person_in_its_room(said: list[str], asked: dict[str, str]) -> None:
    found = timeline(told(*said))
    assert {clock: where(found, clock) for clock in asked} == asked


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        pytest.param(["09:00 kitchen", "09:01 door", "12:00 door"], {"10:00": "out"}, id="door, quiet, door"),
        pytest.param(["09:00 door", "09:01 kitchen", "12:00 door"], {"10:00": "out"}, id="seen just after the door"),
        pytest.param(["09:00 door", "12:00 kitchen"], {"10:00": "hall?"}, id="nobody came back: never left"),
        pytest.param(["09:00 door", "12:00 kitchen", "12:01 door"], {"10:00": "out"}, id="seen just before the door"),
        pytest.param(["09:00 door", "09:15 door"], {"09:10": "hall"}, id="too short to be out"),
        pytest.param(["09:00 kitchen", "12:00 door"], {"10:00": "kitchen?"}, id="quiet without a door is no outing"),
        pytest.param(["09:00 door"], {"10:00": "out", "23:59": "out"}, id="not back yet"),
        pytest.param(
            ["08:00 bed", "09:00 door", "12:00 door"], {"10:00": "in_bed"}, id="somebody left, the bed did not"
        ),
    ],
)
def test_out_of_home_needs_the_front_door_at_both_ends(said: list[str], asked: dict[str, str]) -> None:
    found = timeline(told(*said))
    assert {clock: where(found, clock) for clock in asked} == asked


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        pytest.param(
            ["01:00 bed", "07:00 bed off"], {"01:30": "in_bed", "06:59": "in_bed", "07:05": "bedroom"}, id="bed"
        ),
        pytest.param(["13:00 chair", "14:00 chair off"], {"13:30": "in_chair"}, id="chair"),
        pytest.param(
            ["01:00 bed", "02:00 bed off", "02:09 bed", "07:00 bed off"], {"02:05": "in_bed"}, id="chatter is bridged"
        ),
        pytest.param(
            ["01:00 bed", "02:00 bed off", "02:11 bed", "07:00 bed off"],
            {"02:05": "bedroom"},
            id="too long for chatter",
        ),
        pytest.param(
            ["01:00 bed", "02:00 bed off", "02:03 bathroom", "02:09 bed", "07:00 bed off"],
            {"02:04": "bathroom", "02:10": "in_bed"},
            id="a visit to the bathroom is no chatter",
        ),
        pytest.param(
            ["01:00 bed", "05:00 kitchen", "07:00 bed off"],
            {"05:01": "kitchen", "05:03": "in_bed"},
            id="somebody elsewhere shows, shortly",
        ),
        pytest.param(
            ["07:00 bed", "07:10 bathroom", "07:25 kitchen", "07:30 door", "16:00 door", "22:00 bed off"],
            {"07:05": "in_bed", "07:12": "bathroom", "12:00": "out"},
            id="a mat that sticks is not believed",
        ),
        pytest.param(
            ["01:00 bed", "08:00 door", "08:01 kitchen", "08:30 kitchen", "08:40 door", "10:00 bed off"],
            {"08:20": "in_bed", "09:30": "in_bed"},
            id="a visitor does not get the resident up",
        ),
        pytest.param(["01:00 bed"], {"16:59": "in_bed", "17:01": "bedroom?"}, id="pressed for ever is not believed"),
    ],
)
def test_mats_are_states_with_their_faults(said: list[str], asked: dict[str, str]) -> None:
    found = timeline(told(*said))
    assert {clock: where(found, clock) for clock in asked} == asked


def test_missing_coverage_claims_nothing_but_what_was_reported() -> None:
    covered = [(at("00:00"), at("09:00")), (at("15:00"), at("24:00"))]
    found = timeline(told("08:55 kitchen", "12:00 bathroom", "16:00 kitchen"), covered=covered)

    asked = {clock: where(found, clock) for clock in ("08:59", "09:30", "12:01", "12:03", "15:30", "16:01")}
    assert asked == {
        "08:59": "kitchen",
        "09:30": "unobserved",
        "12:01": "bathroom",  # it was reported all the same
        "12:03": "unobserved",
        "15:30": "",  # where somebody was before the blind time says nothing
        "16:01": "kitchen",
    }


def test_a_short_blind_time_does_not_make_us_forget() -> None:
    covered = [(at("00:00"), at("09:00")), (at("09:10"), at("24:00"))]
    assert where(timeline(told("08:00 kitchen"), covered=covered), "10:00") == "kitchen?"


def test_a_pressed_mat_is_still_pressed_after_a_blind_time() -> None:
    covered = [(at("00:00"), at("02:00")), (at("04:00"), at("24:00"))]
    found = timeline(told("01:00 bed", "07:00 bed off"), covered=covered)
    assert [where(found, clock) for clock in ("01:30", "03:00", "05:00")] == ["in_bed", "unobserved", "in_bed"]


def test_a_home_nothing_is_known_of_has_only_unobserved_time() -> None:
    found = timeline([], covered=[])
    assert [(s.start, s.end, s.place) for s in found.segments] == [(at("00:00"), at("24:00"), Place.UNOBSERVED)]
    assert timeline([]).segments == []
    assert found.last_sighting is None


def test_an_empty_period_is_no_error() -> None:
    found = timeline(told("07:00 kitchen"), start="12:00", end="12:00")
    assert found.segments == []


def test_events_of_sensors_the_home_no_longer_has_are_left_out() -> None:
    gone = event("kitchen", at("07:00"))
    del_kit = {i: s for i, s in SENSORS.items() if i != KIT["kitchen"].id}
    found = build_timeline([gone], del_kit, covered=[(at("00:00"), at("24:00"))], start=at("00:00"), end=at("24:00"))
    assert found.segments == []


def test_the_last_sighting_is_told_with_its_place() -> None:
    assert timeline(told("07:00 kitchen", "09:30 bathroom", "09:31 bathroom off")).last_sighting == (
        at("09:30"),
        Place.BATHROOM,
    )


def test_every_kind_of_sensor_has_an_answer_to_who_caused_it() -> None:
    causes = {kind for kind in SensorKind if shows_a_person(kind, 1)}
    assert set(SensorKind) - causes == {
        SensorKind.TEMPERATURE, SensorKind.HUMIDITY, SensorKind.ILLUMINANCE, SensorKind.POWER, SensorKind.SMOKE,
        SensorKind.FLOOD,
    }  # fmt: skip


_MINUTE = st.integers(0, 48 * 60 - 1)
_EVENTS = st.lists(st.tuples(_MINUTE, st.sampled_from(sorted(KIT)), st.sampled_from([0, 1])), max_size=60)
_HOURS = st.lists(st.integers(0, 47), max_size=8)


@settings(max_examples=150, deadline=None)
@given(_EVENTS, _HOURS)
def test_segments_never_overlap_and_stay_inside(said: list[tuple[int, str, int]], blind: list[int]) -> None:
    start = datetime(2026, 3, 9, tzinfo=UTC)
    end = start + timedelta(hours=48)
    events = sorted(
        (event(name, start + timedelta(minutes=minute), value) for minute, name, value in said),
        key=lambda each: each.occurred_at,
    )
    covered = [
        (start + timedelta(hours=hour), start + timedelta(hours=hour + 1)) for hour in range(48) if hour not in blind
    ]
    found = build_timeline(events, SENSORS, covered=covered, start=start, end=end).segments

    assert all(segment.start < segment.end for segment in found)
    assert all(one.end <= two.start for one, two in pairwise(found))
    if found:
        assert start <= found[0].start
        assert found[-1].end <= end
    for segment in found:
        if segment.place is Place.UNOBSERVED:
            assert all(last <= segment.start or segment.end <= first for first, last in covered)
        if segment.place.is_room and segment.is_seen:
            touching = [e.occurred_at for e in events if segment.start - SEEN_FOR - CELL < e.occurred_at < segment.end]
            assert touching, "nobody is seen without a sighting"

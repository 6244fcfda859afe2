"""What the equipment says of itself becomes faults: opened, raised, told anew and ended, each with its reason."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly.equipment import Condition, equipment_faults, forecast_words, forecasts_of
from anomaly.equipment_watch import EquipmentWatch
from ingest.dialects.bridged import reject_unknown
from ingest.told import Told
from store.database import Conn
from store.deviation import Grade
from store.equipment import (
    HUB_ITSELF,
    BatteryForecast,
    EquipmentDay,
    Unplaced,
    battery_forecasts,
    equipment_days,
    note_equipment_day,
    unplaced_sensors,
    worst_hours,
)
from store.fault import Fault, FaultKind, open_faults
from store.home import Home, Sensor, SensorKind, add_home, add_organisation, add_sensor, sensors_of
from store.hub import HubClock, save_hub_clocks
from store.rejected_message import RejectedMessage, keep_rejected

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
HOME = Home(
    id=1, organisation_id=1, code="K7", partition=3, time_zone="Europe/London",
    check_in_interval=timedelta(minutes=5), residents=1, person_plan_id=None, technical_plan_id=None, created_at=NOW,
)  # fmt: skip


def sensor(**changes: Any) -> Sensor:
    given: dict[str, Any] = {
        "id": 7, "home_id": 1, "code": "M1", "name": "", "kind": SensorKind.MOTION, "room": "kitchen",
        "is_exit": False, "is_essential": False, "value": 0.0, "value_at": NOW, "last_heard_at": NOW,
        "is_available": None, "battery_percent": None, "signal_quality": None,
    }  # fmt: skip
    return Sensor(**{**given, **changes})


def days_of(percents: list[int], *, sensor_id: int = 7, bad_hours: tuple[int, ...] = ()) -> list[EquipmentDay]:
    """One a day until today; with bad hours on each."""
    weak = [25 if hour in bad_hours else None for hour in range(24)] if bad_hours else None
    first = TODAY - timedelta(days=len(percents) - 1)
    return [
        EquipmentDay(sensor_id=sensor_id, day=first + timedelta(days=i), battery_percent=percent, weak_signal=weak)
        for i, percent in enumerate(percents)
    ]


def found(condition: Condition, *open_: Fault, now: datetime = NOW) -> list[Fault]:
    return list(equipment_faults(HOME, condition, open_, now=now))


def with_days(days: list[EquipmentDay], **changes: Any) -> Condition:
    percent = days[-1].battery_percent if days else None
    return Condition(
        sensors=[sensor(battery_percent=percent, **changes)], days=days, forecasts=forecasts_of(days, today=TODAY)
    )


# Batteries -----------------------------------------------------------------------------------------


def test_a_falling_battery_is_told_weeks_ahead_with_its_date() -> None:
    (fault,) = found(with_days(days_of([90 - 2 * i for i in range(22)])))  # 48 left, two a day
    assert fault.kind is FaultKind.BATTERY_LOW
    assert fault.grade is Grade.NOTICE
    assert fault.evidence["why"] == "forecast"
    assert fault.evidence["empty_on"] == (TODAY + timedelta(days=24)).isoformat()
    assert "empty in about 3 weeks" in fault.explanation


def test_an_essential_sensor_is_worth_a_journey_earlier_than_another() -> None:
    days = days_of([70 - 3 * i for i in range(15)])  # empty in nine days
    assert [fault.grade for fault in found(with_days(days))] == [Grade.NOTICE]
    assert [fault.grade for fault in found(with_days(days, is_essential=True))] == [Grade.ATTENTION]


def test_a_battery_without_a_history_is_told_by_its_level() -> None:
    assert found(Condition(sensors=[sensor(battery_percent=16)])) == []
    (low,) = found(Condition(sensors=[sensor(battery_percent=15)]))
    assert low.grade is Grade.NOTICE
    assert low.evidence["why"] == "level"
    (nearly,) = found(Condition(sensors=[sensor(battery_percent=5)]))
    assert nearly.grade is Grade.ATTENTION


def test_a_battery_that_knows_only_full_and_empty_is_told_when_it_is_empty() -> None:
    assert found(with_days(days_of([100] * 30))) == []
    (fault,) = found(with_days(days_of([*[100] * 30, 0])))
    assert fault.grade is Grade.ATTENTION
    assert "empty_on" not in fault.evidence


def test_a_replaced_battery_ends_the_fault_and_a_warm_afternoon_does_not() -> None:
    falling = [60 - 2 * i for i in range(24)]
    (fault,) = found(with_days(days_of(falling)))
    assert found(with_days(days_of([*falling, 18])), fault)[0].ended_at is None
    (ended,) = found(with_days(days_of([*falling, 100])), fault)
    assert ended.id == fault.id
    assert ended.ended_at == NOW


def test_the_same_fault_is_told_anew_and_only_rises() -> None:
    (notice,) = found(with_days(days_of([90 - 2 * i for i in range(22)])))
    later = NOW + timedelta(days=20)
    (raised,) = found(Condition(sensors=[sensor(battery_percent=4)]), notice, now=later)
    assert (raised.id, raised.started_at) == (notice.id, notice.started_at)
    assert (raised.grade, raised.raised_at) == (Grade.ATTENTION, later)
    (again,) = found(Condition(sensors=[sensor(battery_percent=12)]), raised, now=later + timedelta(hours=1))
    assert (again.grade, again.raised_at) == (Grade.ATTENTION, later)
    assert "12 %" in again.explanation


def test_the_hubs_own_battery_counts_too() -> None:
    (fault,) = found(Condition(sensors=[], hub_battery_percent=11))
    assert fault.sensor_id is None
    assert fault.grade is Grade.ATTENTION
    assert fault.explanation.startswith("The hub: 11 %")


@given(st.lists(st.integers(0, 100), min_size=1, max_size=40))
def test_what_a_battery_says_twice_makes_one_fault_that_ends_only_when_it_is_good(percents: list[int]) -> None:
    condition = with_days(days_of(percents))
    told = found(condition)
    assert len(told) <= 1
    for fault in told:
        (again,) = found(condition, fault)
        assert (again.id, again.grade, again.ended_at) == (fault.id, fault.grade, None) or percents[-1] >= 30
    if percents[-1] <= 15:
        assert told


@pytest.mark.parametrize(
    ("days", "said"),
    [(0, "empty today"), (5, "in about 5 days"), (22, "in about 3 weeks"), (120, "in about 4 months")],
)
def test_a_forecast_is_told_no_more_exactly_than_it_is(days: int, said: str) -> None:
    made = BatteryForecast(
        sensor_id=7, empty_on=TODAY + timedelta(days=days), earliest=TODAY, latest=None, points_per_day=1.0,
        rests_on_days=20,
    )  # fmt: skip
    assert said in forecast_words(made, today=TODAY)


# Links, clocks, sensors nobody placed --------------------------------------------------------------


def test_a_weak_link_is_told_with_its_worst_hours_and_ends_after_two_good_days() -> None:
    bad = days_of([80, 80, 80, 80], bad_hours=(19, 20, 21))
    (fault,) = found(Condition(sensors=[sensor(is_essential=True)], days=bad))
    assert fault.kind is FaultKind.WEAK_SIGNAL
    assert fault.grade is Grade.ATTENTION
    assert fault.evidence["worst_hours"] == [19, 20, 21]
    better = [*bad, *(EquipmentDay(sensor_id=7, day=TODAY + timedelta(days=d), battery_percent=80, weak_signal=None)
                      for d in (1, 2))]  # fmt: skip
    assert found(Condition(sensors=[sensor()], days=better[:-1]), fault)[0].ended_at is None
    assert found(Condition(sensors=[sensor()], days=better), fault)[0].ended_at == NOW


def clock(skew: timedelta, **changes: Any) -> HubClock:
    return HubClock(home_id=1, boot="b1", skew=skew, measured_at=NOW, updated_at=NOW, **changes)


@pytest.mark.parametrize(
    ("skew", "grade"),
    [(timedelta(minutes=1, seconds=59), None), (timedelta(minutes=3), Grade.NOTICE),
     (-timedelta(minutes=3), Grade.NOTICE), (timedelta(hours=5), Grade.ATTENTION)],
)  # fmt: skip
def test_a_clock_that_is_off_is_a_fault_by_how_far(skew: timedelta, grade: Grade | None) -> None:
    told = found(Condition(sensors=[], clock=clock(skew)))
    assert [fault.grade for fault in told] == ([] if grade is None else [grade])
    for fault in told:
        assert ("slow" if skew > timedelta(0) else "fast") in fault.explanation
        assert found(Condition(sensors=[], clock=None), fault)[0].ended_at == NOW
        between = found(Condition(sensors=[], clock=clock(timedelta(seconds=90))), fault)
        assert between == []  # neither right nor wrong: it stays as it is


def test_times_that_cannot_be_true_are_a_fault_for_a_day() -> None:
    mad = clock(timedelta(0), implausible=9, implausible_at=NOW, implausible_hub_at=datetime(1970, 1, 1, tzinfo=UTC))
    (fault,) = found(Condition(sensors=[], clock=mad))
    assert fault.grade is Grade.ATTENTION
    assert fault.evidence["hub_said"].startswith("1970-01-01")
    (ended,) = found(Condition(sensors=[], clock=mad), fault, now=NOW + timedelta(hours=25))
    assert ended.ended_at is not None


def test_sensors_nobody_placed_are_one_fault_that_names_them() -> None:
    one = Unplaced(code="0x01", since=NOW - timedelta(hours=2), model="")
    new = Unplaced(code="0x02", since=NOW - timedelta(minutes=5), model="")
    (fault,) = found(Condition(sensors=[], unplaced=[one, new]))  # the newer one is being installed just now
    assert fault.evidence["sensors"] == ["0x01"]
    assert fault.grade is Grade.NOTICE
    (worse,) = found(Condition(sensors=[], unplaced=[one, new]), fault, now=NOW + timedelta(hours=24))
    assert worse.id == fault.id
    assert worse.evidence["sensors"] == ["0x01", "0x02"]
    assert worse.grade is Grade.ATTENTION
    assert found(Condition(sensors=[]), worse)[0].ended_at == NOW


# With a database -----------------------------------------------------------------------------------


@pytest.fixture
def home(conn: Conn) -> Home:
    organisation = add_organisation(conn, "Telecare Test", now=NOW)
    made = add_home(conn, organisation_id=organisation, code="K7", time_zone="Europe/London",
                    check_in_interval=timedelta(minutes=5), residents=1, dialect="zigbee2mqtt", now=NOW)  # fmt: skip
    add_sensor(conn, made.id, code="M1", kind=SensorKind.MOTION, room="kitchen")
    return made


def say(conn: Conn, at: datetime, **said: int) -> None:
    """The sensor and the hub are heard with this."""
    conn.execute(
        """
        UPDATE sensor SET battery_percent = coalesce(%s, battery_percent), last_heard_at = %s,
               signal_quality = coalesce(%s, signal_quality)
        """,
        (said.get("battery_percent"), at, said.get("signal_quality")),
    )
    conn.execute("UPDATE hub SET last_heard_at = %s", (at,))


@pytest.mark.database
def test_weeks_of_readings_become_a_forecast_a_fault_and_its_end(conn: Conn, home: Home) -> None:
    watch, start = EquipmentWatch(home), NOW - timedelta(days=30)
    for day in range(31):
        at = start + timedelta(days=day)
        say(conn, at, battery_percent=80 - 2 * day, signal_quality=140)
        watch.look(conn, now=at + timedelta(minutes=1))
    (fault,) = open_faults(conn, home.id)
    assert fault.kind is FaultKind.BATTERY_LOW
    assert fault.raised_at < NOW - timedelta(days=2)  # long before the battery was low by its level
    sensor_id = sensors_of(conn, home.id)[0].id
    foretold = battery_forecasts(conn, home.id)[sensor_id]
    assert abs((foretold.empty_on - NOW.date()).days - 10) <= 1
    assert f"{80 - 60} %" in fault.explanation  # told anew every day
    assert fault.revision <= 3
    say(conn, NOW + timedelta(hours=1), battery_percent=100)
    assert watch.look(conn, now=NOW + timedelta(hours=1, minutes=1))
    assert open_faults(conn, home.id) == []
    later = EquipmentWatch(home)
    assert not later.look(conn, now=NOW + timedelta(hours=2))
    assert battery_forecasts(conn, home.id) == {}


@pytest.mark.database
def test_only_what_was_heard_on_a_day_is_noted_and_the_weakest_of_an_hour_stays(conn: Conn, home: Home) -> None:
    watch = EquipmentWatch(home)
    for minute, quality in ((0, 30), (20, 12), (40, 35)):
        at = NOW + timedelta(minutes=minute)
        say(conn, at, signal_quality=quality, battery_percent=70)
        watch.look(conn, now=at)
    watch.look(conn, now=NOW + timedelta(days=2))  # silent since
    (kept,) = equipment_days(conn, home.id, date(2026, 1, 1))
    assert kept.day == TODAY
    assert kept.battery_percent == 70
    assert kept.weak_signal is not None
    assert kept.weak_signal[12] == 12
    assert worst_hours([kept]) == [12]


@pytest.mark.database
def test_a_wrong_clock_of_an_earlier_start_of_the_hub_is_over(conn: Conn, home: Home) -> None:
    save_hub_clocks(conn, [HubClock(home_id=home.id, boot="b1", skew=timedelta(hours=2), measured_at=NOW,
                                    updated_at=NOW)])  # fmt: skip
    watch = EquipmentWatch(home)
    assert watch.look(conn, now=NOW)
    assert [fault.kind for fault in open_faults(conn, home.id)] == [FaultKind.CLOCK_WRONG]
    conn.execute(
        "INSERT INTO hub_sequence (home_id, boot, seen, updated_at) VALUES (%s, 'b2', '{}', %s)",
        (home.id, NOW + timedelta(minutes=5)),
    )
    assert watch.look(conn, now=NOW + timedelta(minutes=6))
    assert open_faults(conn, home.id) == []


@pytest.mark.database
@pytest.mark.parametrize("name", ["0x00158d0001", "Bad Küche", "it's"])
def test_a_sensor_whose_messages_are_refused_is_missed_by_name(conn: Conn, home: Home, name: str) -> None:
    told = Told()
    reject_unknown(told, _Heard(), name)  # type: ignore[arg-type]  # needs only that it is not retained
    (refused,) = told.rejected
    keep_rejected(
        conn,
        [RejectedMessage(home_id=home.id, topic="t", payload=b"", reason=str(refused.reason), detail=refused.detail,
                         received_at=NOW - timedelta(hours=2))],
    )  # fmt: skip
    (missed,) = unplaced_sensors(conn, home.id, now=NOW, within=timedelta(days=1))
    assert missed.code == name
    add_sensor(conn, home.id, code=name, kind=SensorKind.DOOR, room="hall")
    assert unplaced_sensors(conn, home.id, now=NOW, within=timedelta(days=1)) == []


class _Heard:
    is_retained = False


@pytest.mark.database
def test_a_later_sample_never_hides_an_earlier_weaker_one(conn: Conn, home: Home) -> None:
    hours: list[int | None] = [None] * 24
    for hour, value in ((3, 20), (3, 30), (5, 11)):
        said = hours.copy()
        said[hour] = value
        day = EquipmentDay(sensor_id=HUB_ITSELF, day=TODAY, battery_percent=None, weak_signal=said)
        note_equipment_day(conn, home.id, [day])
    (kept,) = equipment_days(conn, home.id, TODAY)
    assert kept.weak_signal is not None
    assert (kept.weak_signal[3], kept.weak_signal[5], kept.weak_signal[4]) == (20, 11, None)

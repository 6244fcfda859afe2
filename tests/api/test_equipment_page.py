"""The equipment of a home on the page and over the JSON API: batteries, links, clock, coverage, faults, new sensors."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from api.equipment import ClockState, clock_words, forecast_words, hours_words, place_days, share_words
from store.coverage_day import Coverage
from store.database import Conn
from store.deviation import Grade, finding_id
from store.equipment import (
    HUB_ITSELF,
    BatteryForecast,
    EquipmentDay,
    note_equipment_day,
    save_battery_forecasts,
)
from store.fault import Fault, FaultKind, save_fault
from store.home import sensors_of
from store.hub import HubCheckIn, HubClock, HubState, insert_check_ins, save_hub_clocks
from tests.api.conftest import Browser, World

LONDON = ZoneInfo("Europe/London")


def forecast(sensor_id: int, today: date) -> BatteryForecast:
    return BatteryForecast(
        sensor_id=sensor_id, empty_on=today + timedelta(days=20), earliest=today + timedelta(days=12),
        latest=today + timedelta(days=33), points_per_day=1.5, rests_on_days=28,
    )  # fmt: skip


OLD = forecast(1, date(2026, 3, 10))


@pytest.fixture
def worn(conn: Conn, world: World) -> World:
    """K7 with two days of check-ins and all that can be wrong with its equipment."""
    home, now = world.home, world.now
    ids = {sensor.code: sensor.id for sensor in sensors_of(conn, home.id)}
    insert_check_ins(
        conn,
        [
            HubCheckIn(home_id=home.id, occurred_at=at, received_at=at, number=n, state=HubState.CHECKIN, backlog=0)
            for n in range(1, 48 * 12 + 1)
            for at in [now - timedelta(hours=48) + timedelta(minutes=5 * n)]
        ],
    )
    weak: list[int | None] = [10 if hour in (19, 20) else None for hour in range(24)]
    day = EquipmentDay(sensor_id=ids["D001"], day=now.date(), battery_percent=40, weak_signal=weak)
    note_equipment_day(conn, home.id, [day])
    save_battery_forecasts(conn, home.id, [forecast(ids["M001"], now.date()), forecast(HUB_ITSELF, now.date())])
    conn.execute("UPDATE hub SET battery_percent = 31, signal_dbm = -71")
    clock = HubClock(home_id=home.id, boot="b", skew=timedelta(minutes=4), measured_at=now, updated_at=now)
    save_hub_clocks(conn, [clock])
    for kind, sensor, text in (
        (FaultKind.SENSOR_SILENT, ids["M001"], "Sensor M001 has been silent"),
        (FaultKind.CLOCK_WRONG, None, "The hub's clock is 4 min slow."),
    ):
        started = now - timedelta(hours=12)
        save_fault(
            conn,
            Fault(id=finding_id("K7", kind, started), home_id=home.id, sensor_id=sensor, kind=kind, grade=Grade.NOTICE,
                  raised_at=now, started_at=started, ended_at=None, explanation=text),
        )  # fmt: skip
    conn.execute(
        """
        INSERT INTO rejected_message (home_id, topic, payload, reason, detail, received_at)
        VALUES (%s, 't', '', 'unknown_sensor', 'topic: no sensor ''<b>new</b>'' in this home', %s)
        """,
        (home.id, now - timedelta(hours=3)),
    )
    conn.commit()
    return world


def test_the_page_shows_forecasts_links_clock_coverage_ages_and_new_sensors(ian: Browser, worn: World) -> None:
    page = ian.get("/homes/K7/equipment").text
    for said in (
        "empty in about 3 weeks (22 Mar to 12 Apr)",
        "weak at 19:00 and 20:00",
        "-71 dBm",
        "wrong: 4 min slow",
        "Coverage of the last 7 days",
        "Whole home",
        "not installed yet",
        "12 h",  # the fault's age
        "Notice (shown here only)",
        "&lt;b&gt;new&lt;/b&gt;",
    ):
        assert said in page, said
    assert "<b>new" not in page
    assert page.count("<caption") >= 4


def test_a_room_whose_sensor_is_silent_is_darker_than_the_home(ian: Browser, worn: World) -> None:
    found = ian.get("/api/v1/homes/K7/equipment").json()
    shares = {place["room"]: [day["share"] for day in place["days"]] for place in found["coverage"]}
    assert shares[None][-1] == pytest.approx(1.0, abs=0.02)
    assert shares["hall"] == shares[None]
    assert shares["bedroom"][-1] < 0.2
    assert shares["bedroom"][0] is None


def test_a_program_gets_the_same(ian: Browser, worn: World) -> None:
    found = ian.get("/api/v1/homes/K7/equipment").json()
    assert found["hub"]["clock"] == "wrong"
    assert found["hub"]["clock_skew_seconds"] == 240
    assert found["hub"]["battery_forecast"]["rests_on_days"] == 28
    by_id = {sensor["id"]: sensor for sensor in found["sensors"]}
    assert by_id["D001"]["weak_hours"] == [19, 20]
    assert by_id["M001"]["battery_forecast"]["latest"] == "2026-04-12"
    assert by_id["kettle"]["battery_forecast"] is None
    assert [one["id"] for one in found["unplaced"]] == ["<b>new</b>"]
    assert {fault["kind"] for fault in found["faults"]} >= {"sensor_silent", "clock_wrong"}


def test_coverage_over_the_api_tells_rooms_apart(clara: Browser, worn: World) -> None:
    found = clara.get("/api/v1/homes/K7/coverage").json()
    rooms = {place["room"]: place["share"] for place in found["places"]}
    assert rooms["hall"] == found["share"]
    assert rooms["bedroom"] < found["share"]
    assert found["installed_at"].startswith("2026-03-08")


def test_a_day_is_counted_from_the_homes_first_message_to_now() -> None:
    midnight = datetime(2026, 3, 28, tzinfo=LONDON)  # the next night has an hour less
    edges = [midnight, datetime(2026, 3, 29, tzinfo=LONDON), datetime(2026, 3, 30, tzinfo=LONDON)]
    noon, now = midnight + timedelta(hours=12), datetime(2026, 3, 29, 13, tzinfo=LONDON)
    coverage = Coverage(
        start=midnight, end=now, installed_at=noon, home=[(noon, datetime(2026, 3, 29, 1, tzinfo=UTC))],
        places={"hall": []},
    )  # fmt: skip
    home, hall = place_days(coverage, edges, LONDON)
    assert [day.share for day in home.days] == [1.0, pytest.approx(1 / 12)]
    assert [day.share for day in hall.days] == [0.0, 0.0]
    ((first, last),) = home.days[1].dark
    assert first == pytest.approx(1 / 23)
    assert last == pytest.approx(12 / 23)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (share_words(None), "not installed yet"),
        (share_words(0.9999), "over 99 %"),
        (share_words(0.0001), "under 1 %"),
        (share_words(1.0), "100 %"),
        (hours_words([3]), "03:00"),
        (hours_words([19, 20, 3]), "19:00, 20:00 and 03:00"),
        (clock_words(ClockState.RIGHT, None), "agrees with ours"),
        (clock_words(ClockState.CORRECTED, -timedelta(seconds=90)), "1 min fast; times are corrected on arrival"),
        (clock_words(ClockState.UNKNOWN, None), "not known: this protocol does not tell"),
        (forecast_words(OLD, today=date(2026, 3, 30)), "may be empty today (22 Mar to 12 Apr)"),
    ],
)  # fmt: skip
def test_words(said: str, words: str) -> None:
    assert said == words

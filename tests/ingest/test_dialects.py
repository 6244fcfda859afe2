"""Each dialect from a message to the row, and what is offered to whoever sets up the home."""

import json
from datetime import datetime
from typing import Any

import pytest

from deploy.administration import register_home
from ingest.told import TimeLimits
from ingest.wire import Dialect, home_topic
from ingest.writer import Writer
from store.clock import make_clock
from store.database import Conn, Pool
from store.home import Home, SensorKind, add_organisation, add_sensor
from store.home_file import HomeFile
from store.sensor_offer import MOST, offer_sensors
from tests.ingest.homes import arrival, make_home, rows

OFFERS = "SELECT code, kind, model FROM sensor_offer ORDER BY code"


@pytest.fixture
def writer(pool: Pool) -> Writer:
    return Writer(pool, clock=make_clock(), limits=TimeLimits())


def said(home: Home, dialect: Dialect, rest: str, payload: Any, now: datetime) -> Any:
    raw = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
    return arrival(home_topic(home.partition, home.code, dialect, rest), raw, now)


@pytest.mark.parametrize(
    ("dialect", "code", "rest", "payload"),
    [
        (Dialect.ZIGBEE2MQTT, "Haustür", "Haustür", {"contact": False}),
        (Dialect.ZIGBEE2MQTT, "Haustür", "Haustür/contact", "false"),
        (Dialect.SHELLY, "hall/input:0", "hall/status/input:0", {"id": 0, "state": False}),
        (Dialect.TASMOTA, "hall/Switch1", "stat/hall/RESULT", {"Switch1": {"Action": "ON"}}),
        (Dialect.HOMEASSISTANT, "binary_sensor.hall", "binary_sensor/hall/state", "on"),
    ],
)
def test_a_door_that_opens_is_one_event_in_every_dialect(
    conn: Conn, writer: Writer, now: datetime, dialect: Dialect, code: str, rest: str, payload: Any
) -> None:
    home = make_home(conn, {code: SensorKind.DOOR}, now=now, dialect=dialect)
    writer.write([said(home, dialect, rest, payload, now)])
    writer.write([said(home, dialect, rest, payload, now)])  # a bridge repeats itself
    assert rows(conn, "SELECT home_id, value FROM sensor_event") == [(home.id, 1.0)]
    assert rows(conn, "SELECT dialect, state FROM hub") == [(dialect, "online")]
    assert rows(conn, "SELECT count(*) FROM rejected_message") == [(0,)]


@pytest.mark.parametrize("dialect", Dialect)
def test_a_home_can_be_added_with_every_dialect(conn: Conn, now: datetime, dialect: Dialect) -> None:
    file = HomeFile.model_validate({"id": "K7", "time_zone": "Europe/London", "sensors": []})
    organisation_id = add_organisation(conn, "Test", now=now)
    register_home(conn, file, organisation_id=organisation_id, dialect=dialect, now=now)
    conn.commit()
    assert rows(conn, "SELECT dialect FROM hub") == [(dialect,)]


@pytest.mark.parametrize(
    ("dialect", "rest", "payload", "offered"),
    [
        (Dialect.ZIGBEE2MQTT, "Keller", {"occupancy": True}, ("Keller", "motion", "")),
        (Dialect.SHELLY, "new/status/switch:0", {"apower": 3}, ("new/switch:0", "appliance", "")),
        (Dialect.TASMOTA, "tele/new/SENSOR", {"DS18B20": {"Temperature": 20.1}}, ("new/DS18B20", "temperature", "")),
        (Dialect.HOMEASSISTANT, "binary_sensor/pir/state", "off", ("binary_sensor.pir", "motion", "")),
    ],
)
def test_a_sensor_that_reports_and_nobody_has_placed_is_kept_and_offered_until_somebody_places_it(
    conn: Conn, writer: Writer, now: datetime, dialect: Dialect, rest: str, payload: Any, offered: tuple[str, str, str]
) -> None:
    home = make_home(conn, {}, now=now, dialect=dialect)
    writer.write([said(home, dialect, rest, payload, now)])
    assert rows(conn, OFFERS) == [offered]
    assert rows(conn, "SELECT reason FROM rejected_message") == [("unknown_sensor",)]
    add_sensor(conn, home.id, code=offered[0], kind=SensorKind(offered[1]), room="hall")
    conn.commit()
    writer.write([said(home, dialect, rest, payload, now)])
    assert rows(conn, OFFERS) == []
    assert rows(conn, "SELECT count(*) FROM rejected_message") == [(1,)]


def test_a_guess_does_not_replace_what_the_bridges_list_tells(conn: Conn, writer: Writer, now: datetime) -> None:
    home = make_home(conn, {}, now=now, dialect=Dialect.ZIGBEE2MQTT)
    listed = [{"friendly_name": "a", "definition": {"model": "RTCGQ11LM", "exposes": [{"property": "occupancy"}]}}]
    guesses = [said(home, Dialect.ZIGBEE2MQTT, "a", payload, now) for payload in ({"temperature": 20}, {"battery": 1})]
    writer.write(guesses[:1])
    assert rows(conn, OFFERS) == [("a", "temperature", "")]
    writer.write(guesses[1:])  # `other` is no better guess
    assert rows(conn, OFFERS) == [("a", "temperature", "")]
    writer.write([said(home, Dialect.ZIGBEE2MQTT, "bridge/devices", listed, now), *guesses])
    writer.write(guesses)
    assert rows(conn, OFFERS) == [("a", "motion", "RTCGQ11LM")]


def test_a_bridge_that_invents_names_cannot_fill_the_list(conn: Conn, now: datetime) -> None:
    home = make_home(conn, {}, now=now, dialect=Dialect.TASMOTA)
    for start in (0, 600, 1_200):
        offer_sensors(
            conn, home.id, {f"x{start + index}": (SensorKind.OTHER, "") for index in range(600)}, now=now
        )  # fmt: skip
    offer_sensors(conn, home.id, {"x1": (SensorKind.DOOR, "")}, now=now)
    assert MOST <= conn.execute("SELECT count(*) FROM sensor_offer").fetchall()[0][0] < 2 * MOST
    assert conn.execute("SELECT kind FROM sensor_offer WHERE code = 'x1'").fetchall() == [("door",)]

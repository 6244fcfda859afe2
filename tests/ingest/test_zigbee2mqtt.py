import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.dialects.zigbee2mqtt import read
from ingest.told import CheckIn, How, TimeLimits, Told
from ingest.wire import Reason
from store.home import SensorKind
from store.hub import HubState

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SENSORS = {
    "Flur Bewegung": SensorKind.MOTION,
    "Flur Bewegung/temperature": SensorKind.TEMPERATURE,
    "Haustür": SensorKind.DOOR,
    "kitchen/kettle": SensorKind.APPLIANCE,
    "z1": SensorKind.APPLIANCE,
    "z1/power": SensorKind.POWER,
    "mat": SensorKind.BED,
    "shake": SensorKind.VIBRATION,
    "button": SensorKind.SOS,
    "smoke": SensorKind.SMOKE,
    "leak": SensorKind.FLOOD,
    "lux": SensorKind.ILLUMINANCE,
    "thing": SensorKind.OTHER,
}


def told(rest: str, payload: bytes | str | dict[str, Any] | list[Any], *, is_retained: bool = False) -> Told:
    raw = (
        payload
        if isinstance(payload, bytes)
        else payload.encode()
        if isinstance(payload, str)
        else json.dumps(payload).encode()
    )
    return read(rest, raw, is_retained=is_retained, sensors=SENSORS, received_at=NOW, limits=TimeLimits())


def values(found: Told) -> list[tuple[str, float, How]]:
    return [(reading.sensor, reading.value, reading.how) for reading in found.readings]


@pytest.mark.parametrize(
    ("rest", "payload", "expected"),
    [
        ("Flur Bewegung", {"occupancy": True}, [("Flur Bewegung", 1.0, How.STATE)]),
        ("Flur Bewegung", {"occupancy": None, "battery": 100}, []),
        (
            "Flur Bewegung",
            {"occupancy": False, "temperature": "21.5"},
            [("Flur Bewegung", 0.0, How.STATE), ("Flur Bewegung/temperature", 21.5, How.STATE)],
        ),
        ("Haustür", {"contact": True}, [("Haustür", 0.0, How.STATE)]),
        ("Haustür", {"contact": False}, [("Haustür", 1.0, How.STATE)]),
        ("Haustür", {"garage_door_contact": True, "trigger": False}, [("Haustür", 0.0, How.STATE)]),
        ("Haustür", {"linkquality": 5}, []),
        ("Haustür/contact", "false", [("Haustür", 1.0, How.STATE)]),
        ("kitchen/kettle", {"power": 1900, "state": "ON"}, [("kitchen/kettle", 1900.0, How.WATTS)]),
        ("kitchen/kettle", {"power": 1900, "state": "OFF"}, [("kitchen/kettle", 0.0, How.STATE)]),
        ("kitchen/kettle/power", "0.5", [("kitchen/kettle", 0.5, How.WATTS)]),
        ("kitchen/kettle/state", "ON", []),  # the switch is on: that says nothing about the kettle
        ("z1", {"power": 71}, [("z1", 71.0, How.WATTS), ("z1/power", 71.0, How.STATE)]),
        ("z1/power", "0", [("z1", 0.0, How.WATTS), ("z1/power", 0.0, How.STATE)]),
        ("mat", {"contact": True}, [("mat", 1.0, How.STATE)]),
        ("mat", {"presence": "false"}, [("mat", 0.0, How.STATE)]),
        ("shake", {"action": "vibration", "strength": 20}, [("shake", 1.0, How.PULSE)]),
        ("shake", {"action": "", "strength": 20}, []),
        ("shake", {"action": None}, []),
        ("shake", {"strength": 83, "angle_x": 11}, []),
        ("shake", {"vibration": False}, [("shake", 0.0, How.STATE)]),
        ("shake/action", "vibration", [("shake", 1.0, How.PULSE)]),
        ("shake/action", '""', []),
        ("button", {"action": "single"}, [("button", 1.0, How.PULSE)]),
        ("smoke", {"smoke": True}, [("smoke", 1.0, How.STATE)]),
        ("leak", {"water_leak": True}, [("leak", 1.0, How.STATE)]),
        ("lux", {"illuminance": 40000, "illuminance_lux": 10}, [("lux", 10.0, How.STATE)]),
        ("thing", {"state": "on"}, [("thing", 1.0, How.STATE)]),
    ],
)
def test_each_kind_of_sensor_is_read_from_its_keys(
    rest: str, payload: str | dict[str, Any], expected: list[tuple[str, float, How]]
) -> None:
    found = told(rest, payload)
    assert values(found) == expected
    assert found.rejected == []
    assert found.check_ins == [CheckIn(at=NOW, state=HubState.CHECKIN, is_stated=False)]


def test_battery_and_link_quality_are_news_however_they_are_written() -> None:
    (news,) = told("Haustür", {"battery": "97", "linkquality": 300}).sensors
    assert (news.battery_percent, news.signal_quality) == (97, 255)
    (news,) = told("Haustür", {"battery": "low", "linkquality": None}).sensors
    assert (news.battery_percent, news.signal_quality) == (None, None)


@pytest.mark.parametrize(
    ("last_seen", "seconds_ago"),
    [
        ((NOW - timedelta(seconds=90)).isoformat(), 90),
        ("2026-03-10T12:58:30+01:00", 90),
        ((NOW - timedelta(seconds=90)).timestamp() * 1_000, 90),
        ("12:00", 0),
        ("2026-03-10T11:00:00", 0),  # without an offset it could be anything
        (None, 0),
        (10**40, 0),
    ],
)
def test_last_seen_is_when_it_happened(last_seen: object, seconds_ago: int) -> None:
    found = told("Haustür", {"contact": False, "last_seen": last_seen})
    assert found.readings[0].at == NOW - timedelta(seconds=seconds_ago)
    assert found.check_ins[0].at == found.readings[0].at


@pytest.mark.parametrize(
    ("last_seen", "reason"), [(NOW + timedelta(hours=1), Reason.IN_FUTURE), (NOW - timedelta(days=500), Reason.TOO_OLD)]
)
def test_a_bridge_whose_clock_is_wrong_is_rejected_and_no_sign_of_life(last_seen: datetime, reason: Reason) -> None:
    found = told("Haustür", {"contact": False, "last_seen": last_seen.isoformat()})
    assert [rejected.reason for rejected in found.rejected] == [reason]
    assert not found.readings
    assert not found.check_ins


@pytest.mark.parametrize(
    ("rest", "payload", "reason", "detail"),
    [
        ("Haustür", {"contact": "ajar"}, Reason.VALUE, "payload.contact: neither true nor false"),
        ("lux", {"illuminance": "bright"}, Reason.VALUE, "payload.illuminance: not a number"),
        ("Haustür", "[1]", Reason.SHAPE, "payload: not an object"),
        ("Haustür", "{", Reason.NOT_JSON, "payload: Expecting"),
        ("Keller", {"contact": True}, Reason.UNKNOWN_SENSOR, "topic: no sensor 'Keller' in this home"),
        ("Keller/power", "UNLOCK", Reason.UNKNOWN_SENSOR, "topic: no sensor 'Keller/power' in this home"),
        ("bridge/state", "perhaps", Reason.SHAPE, "payload: neither online nor offline"),
        ("bridge/devices", "{}", Reason.SHAPE, "payload: not a list"),
        ("bridge/health", "7", Reason.SHAPE, "payload: not an object"),
        ("Haustür/availability", "maybe", Reason.SHAPE, "payload: neither online nor offline"),
    ],
)
def test_what_cannot_be_read_is_rejected_with_its_place(
    rest: str, payload: str | dict[str, Any], reason: Reason, detail: str
) -> None:
    (rejected,) = told(rest, payload).rejected
    assert rejected.reason is reason
    assert rejected.detail.startswith(detail)


@pytest.mark.parametrize("payload", ["online", '{"state":"online"}', '"online"'])
def test_the_bridge_and_its_devices_say_whether_they_are_there(payload: str) -> None:
    assert told("bridge/state", payload).check_ins == [CheckIn(at=NOW, state=HubState.ONLINE)]
    news = told("Flur Bewegung/availability", payload).sensors
    assert [(it.sensor, it.is_available, it.is_heard) for it in news] == [
        ("Flur Bewegung", True, False),
        ("Flur Bewegung/temperature", True, False),
    ]


def test_the_health_report_is_a_check_in_with_the_bridges_own_time_and_backlog() -> None:
    at = NOW - timedelta(minutes=2)
    health = {"response_time": int(at.timestamp() * 1_000), "mqtt": {"connected": True, "queued": 12}}
    assert told("bridge/health", health).check_ins == [CheckIn(at=at, state=HubState.CHECKIN, backlog=12)]
    assert told("bridge/health", {"process": {"uptime_sec": 5}}).check_ins == [
        CheckIn(at=NOW, state=HubState.CHECKIN, backlog=0)
    ]


@pytest.mark.parametrize(
    "rest", ["bridge/info", "bridge/event", "bridge/logging", "bridge/definitions", "bridge/response/health_check"]
)
def test_other_news_of_the_bridge_is_a_sign_of_life_and_nothing_else(rest: str) -> None:
    assert told(rest, "not even json") == Told(check_ins=[CheckIn(at=NOW, state=HubState.CHECKIN, is_stated=False)])


@pytest.mark.parametrize("rest", ["Haustür/set", "Haustür/get", "kitchen/kettle/set/state"])
def test_commands_to_a_device_say_nothing(rest: str) -> None:
    assert told(rest, {"state": "ON"}) == Told()


def test_an_emptied_topic_says_nothing() -> None:
    assert told("Haustür", b"") == Told()


def test_a_retained_state_is_neither_event_nor_sign_of_life() -> None:
    found = told("Haustür", {"contact": False, "battery": 80}, is_retained=True)
    assert not found.readings
    assert not found.check_ins
    assert [(it.initial_value, it.is_heard, it.battery_percent) for it in found.sensors] == [(1.0, False, 80)]
    assert told("Keller", {"contact": False}, is_retained=True) == Told()
    assert told("bridge/health", {}, is_retained=True) == Told()
    assert told("bridge/state", "offline", is_retained=True).check_ins[0].is_retained


def test_devices_are_offered_with_what_they_seem_to_be() -> None:
    def device(name: object, *properties: str) -> dict[str, Any]:
        exposes = [
            {"type": "switch", "features": [{"property": properties[0]}]},
            *({"property": p} for p in properties),
        ]
        return {"type": "EndDevice", "friendly_name": name, "definition": {"model": "m", "exposes": exposes}}

    found = told(
        "bridge/devices",
        [
            {"type": "Coordinator", "friendly_name": "Coordinator", "definition": None},
            device("a", "battery", "occupancy"),
            device("b", "garage_door_contact"),
            device("c", "state", "power"),
            device("d", "linkquality"),
            {"type": "EndDevice", "friendly_name": "e", "definition": None},
            device(7, "x"),
            "nonsense",
        ],
    )
    assert [(offer.code, str(offer.kind), offer.model) for offer in found.offers] == [
        ("a", "motion", "m"), ("b", "door", "m"), ("c", "appliance", "m"), ("d", "other", "m"), ("e", "other", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rest", "payload", "expected"),
    [
        ("Keller/neu", {"battery": 80, "occupancy": False}, [("Keller/neu", "motion")]),
        ("Keller", {"garage_door_contact": True}, [("Keller", "door")]),
        ("Keller", {"linkquality": 80}, [("Keller", "other")]),
        ("Keller/contact", "true", [("Keller", "door")]),  # `output: attribute`
        ("Keller/child_lock", "UNLOCK", []),
        ("Keller", "{", []),
    ],
)
def test_a_device_nobody_has_placed_is_refused_and_offered(
    rest: str, payload: str | dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    found = told(rest, payload)
    assert [(offer.code, str(offer.kind)) for offer in found.offers] == expected
    assert [rejected.reason for rejected in found.rejected] == [Reason.UNKNOWN_SENSOR]


KEYS = st.sampled_from(
    ["occupancy", "contact", "x_contact", "power", "state", "action", "last_seen", "battery", "mqtt"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS | st.text(), inner),
)
RESTS = st.sampled_from(
    [*SENSORS, "bridge/state", "bridge/health", "bridge/devices", "z1/power", "shake/action", "smoke/availability"]
) | st.text(min_size=1)


@given(RESTS, st.binary() | JSON.map(lambda value: json.dumps(value).encode()), st.booleans())
def test_no_payload_raises(rest: str, payload: bytes, is_retained: bool) -> None:
    told(rest, payload, is_retained=is_retained)

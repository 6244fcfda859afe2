"""Statestream's topics. What it publishes: home-assistant/core, homeassistant/components/mqtt_statestream/__init__.py
(states plain, attributes as JSON, timestamps plain, everything retained); the rest with each row."""

from datetime import timedelta

import pytest

from ingest.told import CheckIn, How, Told
from ingest.wire import Dialect, Reason
from store.home import SensorKind
from store.hub import HubState
from tests.ingest.telling import NOW, Payload, Values, news, offered, told, values

SENSORS = {
    "binary_sensor.hall_motion": SensorKind.MOTION,
    "binary_sensor.hall_motion_occupancy": SensorKind.MOTION,
    "binary_sensor.front_door": SensorKind.DOOR,
    "cover.garage": SensorKind.DOOR,
    "binary_sensor.bed": SensorKind.BED,
    "binary_sensor.smoke": SensorKind.SMOKE,
    "sensor.bath_temperature": SensorKind.TEMPERATURE,
    "sensor.lux": SensorKind.ILLUMINANCE,
    "sensor.kettle_power": SensorKind.APPLIANCE,
    "switch.lamp": SensorKind.APPLIANCE,
    "media_player.tv": SensorKind.APPLIANCE,
    "event.pull_cord": SensorKind.SOS,
    "input_button.help": SensorKind.SOS,
}


def statestream(rest: str, payload: Payload, *, is_retained: bool = False) -> Told:
    return told(Dialect.HOMEASSISTANT, rest, payload, sensors=SENSORS, is_retained=is_retained)


SHAPES: list[tuple[str, str, str, Values]] = [
    ("core source", "binary_sensor/hall_motion/state", "on", [("binary_sensor.hall_motion", 1.0, How.STATE)]),
    ("core source", "binary_sensor/hall_motion/state", "off", [("binary_sensor.hall_motion", 0.0, How.STATE)]),
    # base_topic with a name before it, bridged as it is
    ("core#11225", "statestream/blah/binary_sensor/front_door/state", "on",
     [("binary_sensor.front_door", 1.0, How.STATE)]),
    # the same issue: an attribute called `state` comes on the same topic, in quotation marks
    ("core#11225", "sensor/bath_temperature/state", '"Online"', []),
    ("core#11225", "sensor/bath_temperature/state", "21.5", [("sensor.bath_temperature", 21.5, How.STATE)]),
    ("quoted", "binary_sensor/bed/state", '"on"', [("binary_sensor.bed", 1.0, How.STATE)]),
    ("binary_sensor: device class door, on is open", "binary_sensor/front_door/state", "off",
     [("binary_sensor.front_door", 0.0, How.STATE)]),
    ("cover states", "cover/garage/state", "open", [("cover.garage", 1.0, How.STATE)]),
    ("cover states", "cover/garage/state", "closing", [("cover.garage", 1.0, How.STATE)]),
    ("cover states", "cover/garage/state", "closed", [("cover.garage", 0.0, How.STATE)]),
    ("numbers are text", "sensor/lux/state", "1e2", [("sensor.lux", 100.0, How.STATE)]),
    ("numbers are text", "sensor/kettle_power/state", "1911.3", [("sensor.kettle_power", 1911.3, How.WATTS)]),
    ("switch", "switch/lamp/state", "on", [("switch.lamp", 1.0, How.STATE)]),
    ("media_player states", "media_player/tv/state", "playing", [("media_player.tv", 1.0, How.STATE)]),
    ("media_player states", "media_player/tv/state", "standby", [("media_player.tv", 0.0, How.STATE)]),
    ("unknown", "binary_sensor/smoke/state", "unknown", []),
    ("unknown", "sensor/lux/state", "unknown", []),
    ("unavailable", "event/pull_cord/state", "unavailable", []),
    ("unknown", "event/pull_cord/state", "unknown", []),
    ("publish_timestamps", "binary_sensor/smoke/last_changed", "2026-03-10T11:00:00+00:00", []),
    ("publish_attributes", "binary_sensor/smoke/friendly_name", '"Rauch"', []),
    ("other entities", "sun/sun/state", "below_horizon", []),
    ("other entities", "light/hall/state", "on", []),
    ("other entities", "sensor/uptime/state", "2026-03-01T11:00:00+00:00", []),
    ("other entities", "binary_sensor/router_update_available/state", "off", []),
]  # fmt: skip


@pytest.mark.parametrize(("source", "rest", "payload", "expected"), SHAPES)
def test_what_statestream_publishes_is_understood(source: str, rest: str, payload: str, expected: Values) -> None:
    found = statestream(rest, payload)
    assert values(found) == expected, source
    assert found.rejected == []
    assert found.check_ins == [CheckIn(at=NOW, state=HubState.CHECKIN, is_stated=False)]


@pytest.mark.parametrize("entity", ["event/pull_cord", "input_button/help"])
def test_the_state_of_a_button_is_the_time_of_its_press(entity: str) -> None:
    at = NOW - timedelta(hours=5)
    found = statestream(f"{entity}/state", at.isoformat(timespec="milliseconds"))
    assert [(it.sensor, it.value, it.how, it.at) for it in found.readings] == [
        (entity.replace("/", "."), 1.0, How.PULSE, at)
    ]
    ahead = statestream(f"{entity}/state", (NOW + timedelta(days=1)).isoformat())
    assert (ahead.readings, [it.reason for it in ahead.rejected]) == ([], [Reason.IN_FUTURE])
    old = statestream(f"{entity}/state", "1970-01-01T00:00:00+00:00")
    assert (old.readings, [it.reason for it in old.rejected]) == ([], [Reason.TOO_OLD])


def test_availability_is_told_by_the_state() -> None:
    assert news(statestream("binary_sensor/bed/state", "unavailable")) == [("binary_sensor.bed", False, None, None)]
    assert news(statestream("binary_sensor/bed/state", "off")) == [("binary_sensor.bed", True, None, None)]
    assert news(statestream("binary_sensor/bed/state", "unknown")) == []


def test_battery_and_radio_come_as_attributes_or_as_entities_of_their_own() -> None:
    assert news(statestream("binary_sensor/bed/battery", '"87"')) == [("binary_sensor.bed", None, 87, None)]
    assert news(statestream("binary_sensor/bed/linkquality", "120")) == [("binary_sensor.bed", None, None, 120)]
    assert news(statestream("binary_sensor/bed/rssi", "-75")) == [("binary_sensor.bed", None, None, 128)]
    assert news(statestream("sensor/hall_motion_battery/state", "64")) == [
        ("binary_sensor.hall_motion", None, 64, None), ("binary_sensor.hall_motion_occupancy", None, 64, None),
    ]  # fmt: skip
    assert news(statestream("sensor/bed_lqi/state", "33")) == [("binary_sensor.bed", None, None, 33)]
    assert news(statestream("sensor/hall_motion_battery/state", "unavailable")) == []
    assert not any(it.is_heard for it in statestream("sensor/bed_lqi/state", "33").sensors)


def test_a_retained_state_is_neither_event_nor_sign_of_life() -> None:
    found = statestream("binary_sensor/front_door/state", "on", is_retained=True)
    assert (found.readings, found.check_ins) == ([], [])
    assert [(it.initial_value, it.is_heard) for it in found.sensors] == [(1.0, False)]
    press = statestream("event/pull_cord/state", (NOW - timedelta(hours=1)).isoformat(), is_retained=True)
    assert (press.readings, [it.initial_value for it in press.sensors]) == ([], [None])
    assert statestream("binary_sensor/new/state", "on", is_retained=True).rejected == []


@pytest.mark.parametrize(
    ("entity", "kind"),
    [
        ("binary_sensor/kitchen_motion", "motion"),
        ("binary_sensor/fridge_door", "door"),
        ("binary_sensor/sink_leak", "flood"),
        ("binary_sensor/x1", "other"),
        ("sensor/kitchen_temperature", "temperature"),
        ("sensor/heater_power", "appliance"),
        ("event/door_bell", "sos"),
    ],
)
def test_what_nobody_has_placed_is_refused_and_offered(entity: str, kind: str) -> None:
    found = statestream(f"{entity}/state", "on")
    code = entity.replace("/", ".")
    assert offered(found) == [(code, kind)]
    assert [(it.reason, it.detail) for it in found.rejected] == [
        (Reason.UNKNOWN_SENSOR, f"topic: no sensor {code!r} in this home")
    ]


def test_the_device_class_tells_what_is_offered() -> None:
    found = statestream("binary_sensor/x1/device_class", '"motion"')
    assert (offered(found), found.rejected) == ([("binary_sensor.x1", "motion")], [])
    assert offered(statestream("sensor/x1/device_class", '"humidity"')) == [("sensor.x1", "humidity")]
    assert offered(statestream("sensor/x1/device_class", '"timestamp"')) == []
    assert offered(statestream("binary_sensor/bed/device_class", '"motion"')) == []


@pytest.mark.parametrize(
    ("rest", "payload", "reason", "detail"),
    [
        ("binary_sensor/bed/state", "ajar", Reason.VALUE, "payload.state: neither on nor off"),
        ("sensor/lux/state", "bright", Reason.VALUE, "payload.state: not a number"),
        ("sensor/lux/state", "nan", Reason.VALUE, "payload.state: not a number"),
        ("event/pull_cord/state", "pressed", Reason.VALUE, "payload.state: not the time of a press"),
        ("binary_sensor/bed/state", "x" * 256, Reason.SHAPE, "payload: more than 255 characters"),
        ("binary_sensor/bed/state", b"\xff", Reason.SHAPE, "payload: more than 255 characters, or not UTF-8"),
        ("Binary Sensor/bed/state", "on", Reason.TOPIC, "topic: homeassistant/'Binary Sensor/bed/state'"),
        ("garbage", "on", Reason.TOPIC, "topic: homeassistant/'garbage'"),
        ("status", "perhaps", Reason.SHAPE, "payload: neither online nor offline"),
    ],
)
def test_what_cannot_be_read_is_rejected_with_its_place(
    rest: str, payload: Payload, reason: Reason, detail: str
) -> None:
    (rejected,) = statestream(rest, payload).rejected
    assert rejected.reason is reason
    assert rejected.detail.startswith(detail)


@pytest.mark.parametrize("rest", ["status", "homeassistant/status", "bridge/state"])
def test_birth_and_last_will_are_the_hubs(rest: str) -> None:
    assert statestream(rest, "offline").check_ins == [CheckIn(at=NOW, state=HubState.OFFLINE)]
    assert statestream(rest, b"") == Told()

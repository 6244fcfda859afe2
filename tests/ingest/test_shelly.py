"""Shapes that real devices sent, each with where it was seen; times are moved to the tests' own day."""

from datetime import timedelta
from typing import Any

import pytest

from ingest.told import CheckIn, How, Told
from ingest.wire import Dialect, Reason
from store.home import SensorKind
from store.hub import HubState
from tests.ingest.telling import NOW, Payload, Values, news, offered, told, values

SENSORS = {
    "kettle/switch:0": SensorKind.APPLIANCE,
    "kettle/switch:0/watts": SensorKind.POWER,
    "hall/input:0": SensorKind.DOOR,
    "hall/input:1": SensorKind.SOS,
    "hall/input:2": SensorKind.BED,
    "hall/bthomesensor:200": SensorKind.DOOR,
    "hall/bthomedevice:201/bthomesensor:205": SensorKind.MOTION,
    "hall/bthomedevice:202": SensorKind.SOS,
    "Küche oben/links/temperature:0": SensorKind.TEMPERATURE,
    "Küche oben/links/humidity:0": SensorKind.HUMIDITY,
    "cellar/flood:0": SensorKind.FLOOD,
    "landing/smoke:0": SensorKind.SMOKE,
    "lounge/presencezone:200": SensorKind.MOTION,
    "lounge/illuminance:0": SensorKind.ILLUMINANCE,
    "board/em1:1": SensorKind.APPLIANCE,
}
SAID_AT = NOW - timedelta(seconds=90)
SAID_TS = SAID_AT.timestamp()
MANY: dict[str, Any] = {f"input__{index}": {} for index in range(1_000)}


def shelly(rest: str, payload: Payload, *, is_retained: bool = False) -> Told:
    return told(Dialect.SHELLY, rest, payload, sensors=SENSORS, is_retained=is_retained)


def notified(*, method: str = "NotifyStatus", ts: Any = SAID_TS, **params: Any) -> dict[str, Any]:
    components = {name.replace("__", ":"): status for name, status in params.items()}
    return {"src": "shellyx-1", "dst": "shellyx-1/events", "method": method, "params": {"ts": ts, **components}}


SHAPES: list[tuple[str, str, Payload, Values]] = [
    # ioBroker.shelly#1592: attributes that changed only, no id
    ("#1592", "kettle/events/rpc", notified(switch__0={"apower": 1911.5, "current": 8.071}),
     [("kettle/switch:0", 1911.5, How.WATTS), ("kettle/switch:0/watts", 1911.5, How.STATE)]),
    # the same issue: whole status, no time
    ("#1592", "kettle/status/switch:0",
     {"id": 0, "source": "MQTT", "tag": None, "output": True, "apower": 11.5, "voltage": 240.3, "freq": 50.0,
      "aenergy": {"total": 152669.987, "by_minute": [0.0, 0.0, 0.0]}, "temperature": {"tC": 55.0, "tF": 131.0}},
     [("kettle/switch:0", 11.5, How.WATTS), ("kettle/switch:0/watts", 11.5, How.STATE)]),
    # ioBroker.shelly#813: switched off, and energy only
    ("#813", "kettle/status/switch:0", {"id": 0, "source": "init", "output": False, "apower": 0.0},
     [("kettle/switch:0", 0.0, How.STATE), ("kettle/switch:0/watts", 0.0, How.STATE)]),
    ("#813", "kettle/events/rpc", notified(switch__0={"id": 0, "aenergy": {"by_minute": [0.0], "total": 123.5}}), []),
    # ALLTERCO/shelly-script-examples#4: {"ts": …, "input:0": {"id": 0, "state": false}}; a contact that is open
    ("script-examples#4", "hall/events/rpc", notified(input__0={"id": 0, "state": False}),
     [("hall/input:0", 1.0, How.STATE)]),
    ("script-examples#4", "hall/status/input:0", {"id": 0, "state": True}, [("hall/input:0", 0.0, How.STATE)]),
    # Shelly API, Input: `state` is null for an input of type button
    ("API Input", "hall/status/input:1", {"id": 1, "state": None}, []),
    ("API Input", "hall/status/input:2", {"id": 2, "state": True}, [("hall/input:2", 1.0, How.STATE)]),
    # Shelly API, BTHomeSensor; docs-ble: window and door 1 = open, motion 1 = detected
    ("API BTHomeSensor", "hall/events/rpc", notified(bthomesensor__200={"id": 200, "value": True}),
     [("hall/bthomesensor:200", 1.0, How.STATE)]),
    ("API BTHomeSensor", "hall/events/rpc", notified(bthomesensor__205={"id": 205, "value": 0}),
     [("hall/bthomedevice:201/bthomesensor:205", 0.0, How.STATE)]),
    ("API BTHomeSensor", "hall/events/rpc", notified(bthomesensor__205={"id": 205, "value": None}), []),
    # gist NelsonMinar/494a0f53: a Plus H&T wakes up
    ("gist 494a0f53", "Küche oben/links/events/rpc",
     notified(method="NotifyFullStatus", ble={}, cloud={"connected": False}, ht_ui={}, mqtt={"connected": True},
              humidity__0={"id": 0, "rh": 42.2}, temperature__0={"id": 0, "tC": 19.8, "tF": 67.6},
              sys={"mac": "B8D61A8B17CC", "time": None, "unixtime": None, "uptime": 3}),
     [("Küche oben/links/temperature:0", 19.8, How.STATE), ("Küche oben/links/humidity:0", 42.2, How.STATE)]),
    ("API Temperature", "Küche oben/links/status/temperature:0", {"id": 0, "tC": None, "errors": ["read"]}, []),
    ("API Flood", "cellar/events/rpc", notified(flood__0={"id": 0, "alarm": True, "mute": False}),
     [("cellar/flood:0", 1.0, How.STATE)]),
    ("API Smoke", "landing/status/smoke:0", {"id": 0, "alarm": False, "mute": False},
     [("landing/smoke:0", 0.0, How.STATE)]),
    ("API PresenceZone", "lounge/events/rpc", notified(presencezone__200={"id": 200, "value": True, "num_objects": 1}),
     [("lounge/presencezone:200", 1.0, How.STATE)]),
    ("API Illuminance", "lounge/status/illuminance:0", {"id": 0, "lux": 20, "illumination": "dark"},
     [("lounge/illuminance:0", 20.0, How.STATE)]),
    # a Pro 3EM, by its own monitoring script
    ("Pro 3EM", "board/events/rpc", notified(em1__1={"id": 1, "act_power": 28.7, "voltage": 234.6}),
     [("board/em1:1", 28.7, How.WATTS)]),
    # text where a number should be, as other bridges write it
    ("oddity", "kettle/status/switch:0", {"apower": "71"},
     [("kettle/switch:0", 71.0, How.WATTS), ("kettle/switch:0/watts", 71.0, How.STATE)]),
]  # fmt: skip


@pytest.mark.parametrize(("source", "rest", "payload", "expected"), SHAPES)
def test_what_real_devices_say_is_understood(source: str, rest: str, payload: Payload, expected: Values) -> None:
    found = shelly(rest, payload)
    assert values(found) == expected, source
    assert found.rejected == []
    at = SAID_AT if rest.endswith("rpc") else NOW
    assert found.check_ins == [CheckIn(at=at, state=HubState.CHECKIN, is_stated=False)]
    assert {reading.at for reading in found.readings} <= {at}


def pushed(component: str, event: str, **more: Any) -> dict[str, Any]:
    return notified(method="NotifyEvent", events=[{"component": component, "id": 1, "event": event, **more}])


@pytest.mark.parametrize(
    ("component", "code"), [("input:1", "hall/input:1"), ("bthomedevice:202", "hall/bthomedevice:202")]
)
def test_a_push_is_an_event_at_its_own_time(component: str, code: str) -> None:
    at = SAID_AT - timedelta(seconds=1)
    (reading,) = shelly("hall/events/rpc", pushed(component, "single_push", ts=at.timestamp())).readings
    assert (reading.sensor, reading.value, reading.how, reading.at) == (code, 1.0, How.PULSE, at)


@pytest.mark.parametrize("event", ["config_changed", "btn_up", "ota_progress", "data", 7, None])
def test_other_events_say_nothing(event: Any) -> None:
    assert values(shelly("hall/events/rpc", pushed("input:1", event))) == []


def test_a_push_is_no_event_of_a_sensor_that_is_not_pushed() -> None:
    assert values(shelly("hall/events/rpc", pushed("input:0", "btn_down"))) == []


def test_a_device_says_whether_it_is_connected_for_all_its_sensors() -> None:
    found = shelly("kettle/online", "false")
    assert news(found) == [("kettle/switch:0", False, None, None), ("kettle/switch:0/watts", False, None, None)]
    assert not any(it.is_heard for it in found.sensors)
    assert found.check_ins == []  # a last will is the broker's word, and the broker may be ours
    assert news(shelly("kettle/online", "true"))[0][1] is True
    assert len(shelly("kettle/online", "true").check_ins) == 1


def test_battery_and_radio_reach_the_sensors_that_hang_on_them() -> None:
    awake = notified(devicepower__0={"id": 0, "battery": {"V": 5.9, "percent": "99"}}, wifi={"rssi": -75})
    assert news(shelly("Küche oben/links/events/rpc", awake)) == [
        ("Küche oben/links/temperature:0", None, 99, 128), ("Küche oben/links/humidity:0", None, 99, 128),
    ]  # fmt: skip
    bluetooth = notified(bthomedevice__201={"id": 201, "rssi": -50, "battery": 87, "packet_id": 3}, wifi={"rssi": -75})
    assert ("hall/bthomedevice:201/bthomesensor:205", None, 87, 255) in news(shelly("hall/events/rpc", bluetooth))
    assert all(it[0] != "hall/bthomesensor:200" for it in news(shelly("hall/events/rpc", bluetooth)))
    assert ("hall/input:0", None, None, 128) in news(shelly("hall/status/wifi", {"rssi": -75}))


def test_the_empty_battery_of_a_device_on_external_power_is_no_news() -> None:
    plugged = notified(devicepower__0={"battery": {"V": 0.43, "percent": 0}, "external": {"present": True}})
    assert news(shelly("Küche oben/links/events/rpc", plugged)) == []  # gist NelsonMinar/494a0f53


@pytest.mark.parametrize("ts", [None, 0, 12.7, "soon", True, -5e9, 1e300])
def test_a_clock_that_is_not_set_leaves_our_time(ts: Any) -> None:
    found = shelly("hall/events/rpc", notified(ts=ts, input__0={"state": False}))
    assert [reading.at for reading in found.readings] == [NOW]


@pytest.mark.parametrize(("ts", "reason"), [(1.6e9, Reason.TOO_OLD), (4102444800, Reason.IN_FUTURE)])
def test_a_clock_that_is_set_wrongly_is_no_sign_of_life(ts: float, reason: Reason) -> None:
    found = shelly("hall/events/rpc", notified(ts=ts, input__0={"state": False}))
    assert [(it.reason, it.detail.partition(":")[0]) for it in found.rejected] == [(reason, "payload.params.ts")]
    assert (found.readings, found.check_ins) == ([], [])


def test_a_retained_state_is_neither_event_nor_sign_of_life() -> None:
    found = shelly("hall/status/input:0", {"state": False}, is_retained=True)
    assert (found.readings, found.check_ins) == ([], [])
    assert [(it.sensor, it.initial_value, it.is_heard) for it in found.sensors] == [("hall/input:0", 1.0, False)]
    assert shelly("new/status/input:0", {"state": False}, is_retained=True).rejected == []


def test_what_nobody_has_placed_is_offered_and_on_an_unknown_device_refused() -> None:
    found = shelly("new/events/rpc", notified(switch__0={"apower": 5}, input__0={"state": True}, sys={"uptime": 3}))
    assert offered(found) == [("new/switch:0", "appliance"), ("new/input:0", "other")]
    (rejected,) = found.rejected
    assert (rejected.reason, rejected.detail) == (
        Reason.UNKNOWN_SENSOR, "topic: no sensor 'new/switch:0' in this home",
    )  # fmt: skip
    known = shelly("kettle/events/rpc", notified(temperature__100={"tC": 20.5}, switch__1={"output": True}))
    assert (offered(known), known.rejected) == ([("kettle/temperature:100", "temperature")], [])
    assert offered(shelly("new/events/rpc", pushed("input:3", "btn_down"))) == [("new/input:3", "sos")]


@pytest.mark.parametrize(
    ("rest", "payload", "reason", "detail"),
    [
        ("hall/events/rpc", "{", Reason.NOT_JSON, "payload: Expecting"),
        ("hall/events/rpc", "[]", Reason.SHAPE, "payload: not an object"),
        ("hall/events/rpc", {"method": "NotifyStatus"}, Reason.SHAPE, "payload.params: not an object"),
        ("hall/events/rpc", notified(method="NotifyEvent"), Reason.SHAPE, "payload.params.events: not a list"),
        ("hall/status/input:0", {"state": "ajar"}, Reason.VALUE, "payload.state: neither true nor false"),
        ("kettle/status/switch:0", {"apower": "much"}, Reason.VALUE, "payload.apower: not a number"),
        (
            "hall/events/rpc",
            notified(**MANY),
            Reason.TOO_LARGE,
            "payload.params:",
        ),
        (
            "hall/events/rpc",
            notified(method="NotifyEvent", events=[1] * 1_001),
            Reason.TOO_LARGE,
            "payload.params.events:",
        ),
        ("hall/online", "perhaps", Reason.SHAPE, "payload: neither true nor false"),
        ("bridge/state", "perhaps", Reason.SHAPE, "payload: neither online nor offline"),
        ("shellies/shelly1-1/relay/0", "on", Reason.TOPIC, "topic: shelly/'shellies/shelly1-1/relay/0' is not known"),
        ("rpc", "{}", Reason.TOPIC, "topic: shelly/'rpc' is not known"),
    ],
)
def test_what_cannot_be_read_is_rejected_with_its_place(
    rest: str, payload: Payload, reason: Reason, detail: str
) -> None:
    rejected = shelly(rest, payload).rejected[0]
    assert rejected.reason is reason
    assert rejected.detail.startswith(detail)


@pytest.mark.parametrize(
    "rest", ["hall/rpc", "hall/command", "hall/command/switch:0", "hall/debug/log", "hall/status/sys", "a/b/announce"]
)
def test_commands_and_other_news_are_a_sign_of_life_and_nothing_else(rest: str) -> None:
    assert shelly(rest, "not even json") == Told(check_ins=[CheckIn(at=NOW, state=HubState.CHECKIN, is_stated=False)])


def test_the_homes_own_broker_says_whether_it_is_connected() -> None:
    assert shelly("bridge/state", "0").check_ins == [CheckIn(at=NOW, state=HubState.OFFLINE)]
    assert shelly("bridge/state", "1", is_retained=True).check_ins[0].is_retained
    assert shelly("hall/status/input:0", b"") == Told()

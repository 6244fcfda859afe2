"""Shapes that real devices sent, each with where it was seen."""

from datetime import timedelta
from typing import Any

import pytest

from ingest.told import CheckIn, How, Told
from ingest.wire import Dialect, Reason
from store.home import SensorKind
from store.hub import HubState
from tests.ingest.telling import NOW, Payload, Values, news, offered, told, values

SENSORS = {
    "kettle/ENERGY": SensorKind.APPLIANCE,
    "kettle/ENERGY/watts": SensorKind.POWER,
    "board/ENERGY/1": SensorKind.APPLIANCE,
    "board/ENERGY/2": SensorKind.APPLIANCE,
    "board/ENERGY": SensorKind.POWER,
    "hall/Switch1": SensorKind.DOOR,
    "hall/Switch2": SensorKind.MOTION,
    "hall/Button1": SensorKind.SOS,
    "lamp/POWER": SensorKind.APPLIANCE,
    "bath/DHT11": SensorKind.TEMPERATURE,
    "bath/DHT11/Humidity": SensorKind.HUMIDITY,
    "Flur/oben/ANALOG": SensorKind.ILLUMINANCE,
    "zb/Garage Entry Door Sensor": SensorKind.DOOR,
    "zb/motion_sensor": SensorKind.MOTION,
    "zb/0x5E8D": SensorKind.MOTION,
    "zb/scene_button": SensorKind.SOS,
    "zb/shake": SensorKind.VIBRATION,
    "zb/mat": SensorKind.BED,
    "zb/leak": SensorKind.FLOOD,
    "zb/THERMO1": SensorKind.TEMPERATURE,
    "zb/plug": SensorKind.APPLIANCE,
}


def tasmota(rest: str, payload: Payload, *, is_retained: bool = False) -> Told:
    return told(Dialect.TASMOTA, rest, payload, sensors=SENSORS, is_retained=is_retained)


def zigbee(address: str, **attributes: Any) -> dict[str, Any]:
    return {"ZbReceived": {address: {"Device": address, **attributes}}}


SHAPES: list[tuple[str, str, Payload, Values]] = [
    # gist tablatronix/1ff3262f
    ("gist 1ff3262f", "tele/bath/SENSOR",
     {"Time": "2021-06-13T06:59:52", "TempUnit": "C", "DHT11": {"Temperature": 23.0, "Humidity": 37.0, "DewPoint": 7}},
     [("bath/DHT11", 23.0, How.STATE), ("bath/DHT11/Humidity", 37.0, How.STATE)]),
    ("docs TempUnit", "tele/bath/SENSOR", {"DHT11": {"Temperature": 68.0, "Humidity": None}, "TempUnit": "F"},
     [("bath/DHT11", 20.0, How.STATE)]),
    # tasmota/docs, Power-Monitoring
    ("docs ENERGY", "tele/kettle/SENSOR",
     {"Time": "2026-03-10T13:00:00", "ENERGY": {"Total": 3.2, "Power": 1911, "Voltage": 230, "Current": 8.3}},
     [("kettle/ENERGY", 1911.0, How.WATTS), ("kettle/ENERGY/watts", 1911.0, How.STATE)]),
    ("docs ENERGY", "tele/board/SENSOR", {"ENERGY": {"Power": [12, 0.5], "Voltage": 230}},
     [("board/ENERGY", 12.5, How.STATE), ("board/ENERGY/1", 12.0, How.WATTS), ("board/ENERGY/2", 0.5, How.WATTS)]),
    # pastebin 4izDrY6W and 4ZwhdBsQ
    ("pastebin 4izDrY6W", "tele/hall/SENSOR", {"Time": "2024-02-24T22:20:38", "Switch1": "ON"},
     [("hall/Switch1", 1.0, How.STATE)]),
    ("pastebin 4ZwhdBsQ", "tele/hall/SENSOR",
     {"Time": "2019-05-23T06:36:33", "Switch1": "OFF", "Switch2": "OFF", "COUNTER": {"C1": 0},
      "SHUTTER-1": {"position": 0, "direction": 0}},
     [("hall/Switch1", 0.0, How.STATE), ("hall/Switch2", 0.0, How.STATE)]),
    ("pastebin 4ZwhdBsQ", "stat/lamp/POWER", "ON", [("lamp/POWER", 1.0, How.STATE)]),
    ("pastebin 4ZwhdBsQ", "stat/lamp/RESULT", {"POWER": "OFF"}, [("lamp/POWER", 0.0, How.STATE)]),
    # hatasmota#28: SetOption114
    ("hatasmota#28", "stat/hall/RESULT", {"Switch2": {"Action": "ON"}}, [("hall/Switch2", 1.0, How.STATE)]),
    ("hatasmota#28", "stat/hall/RESULT", {"Switch2": {"Action": "TOGGLE"}}, []),
    ("hatasmota#28", "stat/hall/SWITCH2", "OFF", [("hall/Switch2", 0.0, How.STATE)]),
    # Tasmota#23910
    ("Tasmota#23910", "stat/hall/RESULT", {"Button1": {"Action": "SINGLE"}}, [("hall/Button1", 1.0, How.PULSE)]),
    ("Tasmota#23910", "stat/hall/RESULT", {"Button1": {"Action": "HOLD"}}, [("hall/Button1", 1.0, How.PULSE)]),
    ("Tasmota#23910", "stat/hall/RESULT", {"Button1": {"Action": "CLEAR"}}, []),
    ("Tasmota#116", "stat/hall/RESULT", {"Command": "Unknown"}, []),
    # the order %topic%/%prefix%/, from a ZB Bridge set-up guide; a name with a slash
    ("ZB Bridge guide", "Flur/oben/tele/SENSOR", {"ANALOG": {"Illuminance": "120"}},
     [("Flur/oben/ANALOG", 120.0, How.STATE)]),
    ("ZB Bridge guide", "zb/tele/SENSOR",
     {"ZbReceived": {"THERMO1": {"Device": "0x5480", "Name": "THERMO1", "Temperature": 20.9, "LinkQuality": 76}}},
     [("zb/THERMO1", 20.9, How.STATE)]),
    # homebridge-tasmota-zbbridge#16: a topic a device (SetOption89); 1 is open
    ("zbbridge#16", "tele/zb/5FA7/SENSOR", zigbee("0x5FA7", Name="Garage Entry Door Sensor", Contact=1, LinkQuality=66),
     [("zb/Garage Entry Door Sensor", 1.0, How.STATE)]),
    ("zbbridge#16", "tele/zb/5FA7/SENSOR", zigbee("0x5FA7", Name="Garage Entry Door Sensor", Contact=0),
     [("zb/Garage Entry Door Sensor", 0.0, How.STATE)]),
    # tabspacekr/HomeAssistant readme: closed says ZoneStatusChange 32, open 33; names with a space before them
    ("tabspacekr", "tele/zb/SENSOR", zigbee("0x662E", Name=" Garage Entry Door Sensor", ZoneStatusChange=33),
     [("zb/Garage Entry Door Sensor", 1.0, How.STATE)]),
    ("tabspacekr", "tele/zb/SENSOR", zigbee("0x662E", Name=" Garage Entry Door Sensor", ZoneStatusChange=32),
     [("zb/Garage Entry Door Sensor", 0.0, How.STATE)]),
    ("tabspacekr", "tele/zb/SENSOR", zigbee("0x057B", Name=" motion_sensor", Occupancy=0, LinkQuality=204),
     [("zb/motion_sensor", 0.0, How.STATE)]),
    ("tabspacekr", "tele/zb/SENSOR", zigbee("0x5E54", Name=" scene_button", **{"0006!00": "", "Power": 0}),
     [("zb/scene_button", 1.0, How.PULSE)]),
    # homebridge-tasmota-zbbridge#6: no name yet
    ("zbbridge#6", "tele/zb/SENSOR", zigbee("0x5E8D", **{"0500<00": "010000000000", "Occupancy": 1, "LinkQuality": 58}),
     [("zb/0x5E8D", 1.0, How.STATE)]),
    # SetOption100, 118 and 119: without ZbReceived around it, in the topic, without the address
    ("docs SetOption100", "tele/zb/SENSOR", {"0x5E8D": {"Device": "0x5E8D", "Occupancy": True}},
     [("zb/0x5E8D", 1.0, How.STATE)]),
    ("docs SetOption118", "tele/zb/ZbReceived", {"0x5E8D": {"Device": "0x5E8D", "Occupancy": 1}},
     [("zb/0x5E8D", 1.0, How.STATE)]),
    ("docs SetOption119", "tele/zb/SENSOR", {"ZbReceived": {"Device": "0x5E8D", "Occupancy": 1}},
     [("zb/0x5E8D", 1.0, How.STATE)]),
    # tasmota/docs, Zigbee
    ("docs Zigbee", "tele/zb/RESULT", zigbee("0x128F", Name="shake", AqaraVibrationMode="tilt", LinkQuality=158),
     [("zb/shake", 1.0, How.PULSE)]),
    ("docs Zigbee", "tele/zb/SENSOR", zigbee("0x128F", Name="shake", AqaraVibrationMode="", LinkQuality=158), []),
    ("a Zigbee button", "tele/zb/SENSOR", zigbee("0xFF74", Name="scene_button", Click="single", Endpoint=2),
     [("zb/scene_button", 1.0, How.PULSE)]),
    ("a mat", "tele/zb/SENSOR", zigbee("0x0001", Name="mat", Contact=0), [("zb/mat", 1.0, How.STATE)]),
    ("docs ZoneStatus", "tele/zb/SENSOR", zigbee("0x0002", Name="leak", ZoneStatusChange=1),
     [("zb/leak", 1.0, How.STATE)]),
    ("docs ActivePower", "tele/zb/SENSOR", zigbee("0x0003", Name="plug", ActivePower=1800, Power=1),
     [("zb/plug", 1800.0, How.WATTS)]),
    ("docs Power", "tele/zb/SENSOR", zigbee("0x0003", Name="plug", Power=0), [("zb/plug", 0.0, How.STATE)]),
    ("docs Power", "tele/zb/SENSOR", zigbee("0x0003", Name="plug", Power=1), []),
    ("null", "tele/zb/SENSOR", zigbee("0x0003", Name="motion_sensor", Occupancy=None), []),
]  # fmt: skip


@pytest.mark.parametrize(("source", "rest", "payload", "expected"), SHAPES)
def test_what_real_devices_say_is_understood(source: str, rest: str, payload: Payload, expected: Values) -> None:
    found = tasmota(rest, payload)
    assert sorted(values(found)) == sorted(expected), source
    assert found.rejected == []
    assert found.check_ins == [CheckIn(at=NOW, state=HubState.CHECKIN, is_stated=False)]


def test_a_time_with_an_offset_is_believed_and_one_without_is_not() -> None:
    at = NOW - timedelta(minutes=3)
    (reading,) = tasmota("tele/hall/SENSOR", {"Time": at.isoformat(), "Switch1": "ON"}).readings
    assert reading.at == at
    (reading,) = tasmota("tele/hall/SENSOR", {"Time": "1970-01-01T00:00:07", "Switch1": "ON"}).readings
    assert reading.at == NOW
    found = tasmota("tele/hall/SENSOR", {"Time": "2100-01-01T00:00:00Z", "Switch1": "ON"})
    assert [it.reason for it in found.rejected] == [Reason.IN_FUTURE]
    assert (found.readings, found.check_ins) == ([], [])


def test_the_will_is_of_every_sensor_behind_the_device() -> None:
    assert news(tasmota("tele/hall/LWT", "Offline")) == [
        ("hall/Switch1", False, None, None), ("hall/Switch2", False, None, None), ("hall/Button1", False, None, None),
    ]  # fmt: skip
    assert tasmota("tele/hall/LWT", "Offline").check_ins == []  # the broker's word, and the broker may be ours
    assert len(tasmota("tele/hall/LWT", "Online").check_ins) == 1
    assert ("zb/mat", True, None, None) in news(tasmota("tele/zb/LWT", "Online", is_retained=True))


def test_battery_and_radio_are_news() -> None:
    said = zigbee("0x01F3", Name="motion_sensor", BatteryVoltage=2.7, BatteryPercentage="17", LinkQuality=79)
    assert news(tasmota("tele/zb/SENSOR", said)) == [("zb/motion_sensor", None, 17, 79)]
    state = {"POWER": "OFF", "Wifi": {"AP": 1, "SSId": "x", "Channel": 3, "RSSI": 44, "Signal": -78}}
    assert news(tasmota("tele/hall/STATE", state))[0] == ("hall/Switch1", None, None, 112)
    assert [it for it in news(tasmota("tele/zb/STATE", state)) if it[0] != "zb/THERMO1"] == []


def test_what_the_bridge_remembers_is_like_a_retained_state() -> None:
    said = {"ZbInfo": {"mat": {"Device": "0x499B", "Name": "mat", "Contact": 0, "Reachable": False,
                               "BatteryPercentage": 100, "LinkQuality": 76, "LastSeen": 959}}}  # fmt: skip
    found = tasmota("tele/zb/499B/SENSOR", said)  # Tasmota#20850
    assert found.readings == []
    assert [(it.initial_value, it.is_heard) for it in found.sensors] == [(1.0, False), (None, False)]
    assert news(found) == [("zb/mat", None, 100, 76), ("zb/mat", False, None, None)]


def test_a_retained_state_is_neither_event_nor_sign_of_life() -> None:
    found = tasmota("stat/hall/SWITCH1", "ON", is_retained=True)
    assert (found.readings, found.check_ins) == ([], [])
    assert [(it.sensor, it.initial_value, it.is_heard) for it in found.sensors] == [("hall/Switch1", 1.0, False)]
    assert tasmota("tele/new/SENSOR", {"Switch1": "ON"}, is_retained=True).rejected == []


def test_what_nobody_has_placed_is_offered_and_on_an_unknown_device_refused() -> None:
    found = tasmota("tele/new/SENSOR", {"Switch1": "ON", "ENERGY": {"Power": 3}, "BME280": {"Temperature": 20.5}})
    assert offered(found) == [("new/Switch1", "other"), ("new/ENERGY", "appliance"), ("new/BME280", "temperature")]
    (rejected,) = found.rejected
    assert (rejected.reason, rejected.detail) == (
        Reason.UNKNOWN_SENSOR, "topic: no sensor 'new/Switch1' in this home",
    )  # fmt: skip
    known = tasmota("tele/hall/SENSOR", {"Switch1": "ON", "Switch3": "ON"})
    assert (offered(known), known.rejected) == ([("hall/Switch3", "other")], [])
    behind = tasmota("tele/zb/SENSOR", zigbee("0x1234", Name="Keller", Contact=1, ModelId="lumi.sensor_magnet"))
    assert [(it.code, str(it.kind), it.model) for it in behind.offers] == [("zb/Keller", "door", "lumi.sensor_magnet")]
    assert [it.reason for it in behind.rejected] == [Reason.UNKNOWN_SENSOR]
    assert tasmota("tele/new/STATE", {"POWER": "ON", "Wifi": {"Signal": -60}}).offers == []


@pytest.mark.parametrize(
    ("rest", "payload", "reason", "detail"),
    [
        ("tele/hall/SENSOR", "{", Reason.NOT_JSON, "payload: Expecting"),
        ("tele/hall/SENSOR", "[]", Reason.SHAPE, "payload: not an object"),
        ("tele/hall/SENSOR", {"Switch1": "ajar"}, Reason.VALUE, "payload.Switch1: neither on nor off"),
        ("stat/hall/SWITCH1", b"\xff\x00", Reason.VALUE, "payload.Switch1: neither on nor off"),
        ("tele/kettle/SENSOR", {"ENERGY": {"Power": "much"}}, Reason.VALUE, "payload.ENERGY.Power: not a number"),
        ("tele/board/SENSOR", {"ENERGY": {"Power": [1]}}, Reason.VALUE, "payload.ENERGY.Power: not a number"),
        ("tele/zb/SENSOR", zigbee("0x1", Name="mat", Contact="x"), Reason.VALUE, "payload.Contact: neither 0 nor 1"),
        ("tele/hall/SENSOR", {f"Switch{it}": "ON" for it in range(1_001)}, Reason.TOO_LARGE, "payload: 1001 parts"),
        ("tele/zb/SENSOR", {"ZbInfo": {f"{it}": {} for it in range(1_001)}}, Reason.TOO_LARGE, "payload: 1001 parts"),
        ("tele/hall/LWT", "perhaps", Reason.SHAPE, "payload: neither Online nor Offline"),
        ("garbage", "1", Reason.TOPIC, "topic: tasmota/'garbage' is not known"),
        ("tele//SENSOR", "{}", Reason.TOPIC, "topic: tasmota/'tele//SENSOR' is not known"),
    ],
)
def test_what_cannot_be_read_is_rejected_with_its_place(
    rest: str, payload: Payload, reason: Reason, detail: str
) -> None:
    rejected = tasmota(rest, payload).rejected[0]
    assert rejected.reason is reason
    assert rejected.detail.startswith(detail)


@pytest.mark.parametrize(
    "rest", ["tele/hall/INFO1", "stat/hall/STATUS8", "tele/hall/UPTIME", "tasmota/discovery/A/config"]
)
def test_other_news_is_a_sign_of_life_and_nothing_else(rest: str) -> None:
    assert tasmota(rest, "anything") == Told(check_ins=[CheckIn(at=NOW, state=HubState.CHECKIN, is_stated=False)])


@pytest.mark.parametrize("rest", ["cmnd/hall/POWER", "hall/cmnd/POWER"])
def test_commands_to_a_device_say_nothing(rest: str) -> None:
    assert tasmota(rest, "ON") == Told()


def test_the_homes_own_broker_says_whether_it_is_connected() -> None:
    assert tasmota("bridge/state", "offline").check_ins == [CheckIn(at=NOW, state=HubState.OFFLINE)]
    assert tasmota("tele/hall/SENSOR", b"") == Told()

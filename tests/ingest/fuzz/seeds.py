"""Real messages to begin from: what the tables of the dialects' own tests hold, and payloads collected elsewhere."""

import json
from datetime import timedelta
from typing import Any, NamedTuple

from ingest.wire import Dialect
from store.home import SensorKind
from tests.ingest import test_homeassistant, test_shelly, test_tasmota, test_zigbee2mqtt
from tests.ingest.telling import NOW, Payload, encoded
from tests.ingest.test_real_payloads import samples

SENSORS: dict[str, SensorKind] = {
    "M001": SensorKind.MOTION,
    "T001": SensorKind.TEMPERATURE,
    **test_zigbee2mqtt.SENSORS,
    **test_shelly.SENSORS,
    **test_tasmota.SENSORS,
    **test_homeassistant.SENSORS,
}


class Seed(NamedTuple):
    """One message that a real hub or bridge could have sent."""

    dialect: Dialect
    rest: str
    payload: bytes


def seeds() -> list[Seed]:
    """All of them, the same in each run on one machine."""
    shapes: list[tuple[Dialect, str, Payload]] = [
        *((Dialect.SHELLY, rest, payload) for _, rest, payload, _ in test_shelly.SHAPES),
        *(
            (Dialect.SHELLY, "hall/events/rpc", test_shelly.pushed("input:1", event))
            for event in ("btn_down", "btn_up")
        ),
        (Dialect.SHELLY, "kettle/online", "false"),
        *((Dialect.TASMOTA, rest, payload) for _, rest, payload, _ in test_tasmota.SHAPES),
        (Dialect.TASMOTA, "tele/hall/LWT", "Online"),
        (Dialect.TASMOTA, "tele/hall/STATE", {"POWER": "OFF", "Wifi": {"RSSI": 44, "Signal": -78}}),
        *((Dialect.HOMEASSISTANT, rest, payload) for _, rest, payload, _ in test_homeassistant.SHAPES),
        (Dialect.HOMEASSISTANT, "event/pull_cord/state", NOW.isoformat()),
        (Dialect.HOMEASSISTANT, "sensor/hall_motion_battery/state", "64"),
        (Dialect.HOMEASSISTANT, "status", "online"),
        *((Dialect.ZIGBEE2MQTT, rest, payload) for rest, payload in _ZIGBEE),
        *((Dialect.ZIGBEE2MQTT, it["topic"].partition("/")[2], it["payload"]) for it in samples()),
        *((Dialect.NATIVE, rest, payload) for rest, payload in _NATIVE),
    ]
    return [Seed(dialect, rest, encoded(payload)) for dialect, rest, payload in shapes]


def _reading(seq: int, **changed: Any) -> dict[str, Any]:
    return {"boot": "b1", "seq": seq, "sensor": "M001", "value": True, "at": NOW.isoformat(), **changed}


_ZIGBEE: list[tuple[str, Payload]] = [
    ("Haustür", {"contact": False, "battery": "97", "linkquality": 120, "last_seen": NOW.isoformat()}),
    ("Haustür", {"garage_door_contact": True, "trigger": False, "last_seen": NOW.timestamp() * 1_000}),
    ("Haustür/contact", "false"),
    ("Flur Bewegung", {"occupancy": True, "temperature": "21.5", "action": ""}),
    ("kitchen/kettle", {"power": 1900, "state": "ON", "update": {"state": None}}),
    ("shake", {"action": "vibration", "strength": 20}),
    ("Haustür/availability", {"state": "online"}),
    ("bridge/state", "online"),
    ("bridge/health", {"response_time": NOW.timestamp() * 1_000, "mqtt": {"connected": True, "queued": 12}}),
    ("bridge/info", {"version": "2.1.0"}),
    ("bridge/devices",
     [{"type": "Coordinator", "friendly_name": "Coordinator"},
      {"type": "EndDevice", "friendly_name": "neu", "definition": {"model": "m", "exposes": [
          {"property": "occupancy"}, {"features": [{"property": "state"}]}]}}]),
]  # fmt: skip
_NATIVE: list[tuple[str, Payload]] = [
    ("events", _reading(17)),
    ("events", [_reading(seq) for seq in range(1, 6)]),
    ("events", _reading(18, sensor="T001", value=21.5, at=(NOW - timedelta(days=6)).isoformat())),
    ("checkin", {"boot": "b1", "at": NOW.isoformat(), "uptime_s": 3600, "backlog": 0, "battery": 100, "signal": -61}),
    ("status", {"state": "offline"}),
    (
        "sensors",
        {
            "sent": NOW.isoformat(),
            "sensors": [{"sensor": "M001", "battery": 7, "link": 11, "available": False, "heard": NOW.isoformat()}],
            "offers": [{"sensor": "neu", "kind": "door", "model": "m"}],
        },
    ),
    ("lost", {"boot": "b1", "first": 3, "last": 9, "from": NOW.isoformat(), "until": NOW.isoformat()}),
]


def words() -> list[Any]:
    """What is put in the place of something else: each has broken a program somewhere."""
    return [
        None, True, False, 0, 1, -1, 2**31, 2**63, -(2**63) - 1, 10**400, 1e308, -1e308, 1e-320, 0.1, "", " ", "0",
        "ON", "null", "NaN", "-Infinity", "\ud800", "\udfff\ud800", "\x00", "\u202e", "é" * 300, "1" * 400, [],
        {}, [[]], [None], {"": None}, {"\ud800_contact": True}, {"\x00": 1}, "1970-01-01T00:00:00Z",
        "2100-01-01T00:00:00+14:00",
        4_102_444_800, 4_102_444_800_000, 1, "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-03-10",
        "homes/00/K7", "../../etc", "'; DROP TABLE home; --", "{{7*7}}", "single_push", "offline", 1.5, [1, "2", None],
        {"Device": "0x1"}, {"Action": "ON"}, {"percent": "87"}, "unavailable", NOW.isoformat(), NOW.timestamp(),
    ]  # fmt: skip


def raw_payloads() -> list[bytes]:
    """Payloads that are no JSON, or hardly."""
    return [
        b"", b"\x00", b"\xff\xfe\x00", b"\xef\xbb\xbf{}", b"NaN", b"-Infinity", b"1e999", b"9" * 5_000, b'"\\ud800"',
        b"[" * 10_000, b'{"a":' * 5_000, b"[" * 40 + b"]" * 40, b"{}" * 3, b'{"contact":tru', b"true", b'"on"', b"null",
        json.dumps(["x"] * 3_000).encode(), "Tür".encode("utf-16"), b"\xc3\x28", b"-0", b"1" * 400, b'{"a":1,"a":2}',
    ]  # fmt: skip

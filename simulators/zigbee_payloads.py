"""What Zigbee2MQTT says for each kind of sensor: payloads as its 2.x versions publish them. Pure.

The shapes are those seen in public threads: contact `true` means closed, a plug tells its power, a battery sensor its
charge and voltage, everything its link quality and (`last_seen: ISO_8601`) when it was heard.
"""

import json
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from simulators.dwelling import KitSensor
from simulators.sensing import Reading
from simulators.wear import Wear, battery_percent, link_quality

_MODELS: dict[str, tuple[str, str, tuple[str, ...]]] = {  # kind → model, vendor, what it exposes
    "motion": ("RTCGQ11LM", "Aqara", ("occupancy", "illuminance", "battery", "voltage", "linkquality")),
    "door": ("MCCGQ11LM", "Aqara", ("contact", "battery", "voltage", "linkquality")),
    "vibration": ("DJT11LM", "Aqara", ("vibration", "strength", "angle", "battery", "voltage", "linkquality")),
    "appliance": ("TS011F_plug_1", "Tuya", ("state", "power", "current", "voltage", "energy", "linkquality")),
    "temperature": ("WSDCGQ11LM", "Aqara", ("temperature", "humidity", "battery", "voltage", "linkquality")),
}
_KETTLE_WATTS = 2080.0


def payload_of(
    sensor: KitSensor, reading: Reading, *, installed: float, hour: int = 12, wear: Wear | None = None
) -> bytes:
    """The message the bridge publishes for this reading. `hour` is civil, for a link that is weak at some hours."""
    noise = zlib.crc32(f"{sensor.id}{reading.at}".encode())
    said: dict[str, Any] = {"last_seen": _iso(reading.at)}
    said["linkquality"] = link_quality(sensor.id, reading.at, hour=hour, wear=wear)
    if sensor.kind == "appliance":
        watts = _KETTLE_WATTS + noise % 60 if reading.value else 0.0
        said |= {"state": "ON", "power": watts, "current": round(watts / 231, 2), "voltage": 229 + noise % 5}
        said |= {"energy": round(12 + (reading.at - installed) / 86400 * 0.4, 2), "power_outage_memory": "restore"}
        return json.dumps(said).encode()
    battery = battery_percent(reading.at, installed=installed, wear=wear)
    said |= {"battery": battery, "voltage": 2850 + 2 * battery}
    if sensor.kind == "motion":
        said |= {"occupancy": bool(reading.value), "illuminance": noise % 200}
    elif sensor.kind == "door":
        said["contact"] = not reading.value
    elif sensor.kind == "vibration":
        said |= {"vibration": bool(reading.value), "strength": noise % 60, "angle": 4, "angle_x": 1, "angle_y": -2}
    else:
        said |= {"temperature": reading.value, "humidity": 45 + noise % 12, "pressure": 1004 + noise % 9}
    return json.dumps(said).encode()


def devices_payload(sensors: Sequence[KitSensor]) -> bytes:
    """`bridge/devices`: the coordinator and every paired sensor."""
    listed: list[dict[str, Any]] = [
        {"ieee_address": "0x00124b0024c0ffee", "type": "Coordinator", "friendly_name": "Coordinator", "supported": True}
    ]
    for sensor in sensors:
        model, vendor, properties = _MODELS[sensor.kind]
        exposes = [{"name": name, "property": name, "access": 1} for name in properties]
        listed.append(
            {
                "ieee_address": f"0x00158d00{zlib.crc32(sensor.id.encode()):08x}",
                "type": "Router" if sensor.kind == "appliance" else "EndDevice",
                "friendly_name": sensor.id,
                "supported": True,
                "interview_completed": True,
                "power_source": "Mains (single phase)" if sensor.kind == "appliance" else "Battery",
                "definition": {"model": model, "vendor": vendor, "exposes": exposes},
            }
        )
    return json.dumps(listed).encode()


def health_payload(*, at: float, started: float, queued: int, published: int) -> bytes:
    """`bridge/health`: the bridge's own regular report."""
    return json.dumps(
        {
            "response_time": round(at * 1000),
            "os": {"load_average": [0.12, 0.1, 0.09], "memory_used_mb": 412.0, "memory_percent": 42.1},
            "process": {"uptime_sec": round(at - started), "memory_used_mb": 96.4, "memory_percent": 9.8},
            "mqtt": {"connected": True, "queued": queued, "published": published, "received": 0},
            "devices": {},
        }
    ).encode()


def state_payload(state: str) -> bytes:
    """`bridge/state` and availability: `online` or `offline`."""
    return json.dumps({"state": state}).encode()


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

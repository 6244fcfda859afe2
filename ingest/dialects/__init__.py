"""How each kind of hub words its messages: pure modules, one a dialect, from a payload to what it told us."""

from collections.abc import Mapping
from datetime import datetime

from ingest.dialects import homeassistant, native, native_sensors, shelly, tasmota, zigbee2mqtt
from ingest.told import TimeLimits, Told
from ingest.wire import Dialect, Topic
from store.home import SensorKind


def read(
    topic: Topic,
    payload: bytes,
    *,
    is_retained: bool,
    sensors: Mapping[str, SensorKind],
    received_at: datetime,
    limits: TimeLimits,
) -> Told:
    """What a home's message told us, given the sensors of that home by code. Never raises.

    A native hub's message needs no sensors (`Dialect.needs_sensors`), and its times are judged when its clock is known
    (`ingest.clocks`): neither is then looked at. Only what it says of the sensors themselves needs to know them.
    """
    match topic.dialect:
        case Dialect.NATIVE if topic.rest == native_sensors.SENSORS:
            return native_sensors.read(payload, is_retained=is_retained, sensors=sensors, received_at=received_at)
        case Dialect.NATIVE:
            return native.read(topic.rest, payload, is_retained=is_retained, received_at=received_at)
        case Dialect.ZIGBEE2MQTT:
            reader = zigbee2mqtt.read
        case Dialect.SHELLY:
            reader = shelly.read
        case Dialect.TASMOTA:
            reader = tasmota.read
        case Dialect.HOMEASSISTANT:
            reader = homeassistant.read
    return reader(topic.rest, payload, is_retained=is_retained, sensors=sensors, received_at=received_at, limits=limits)

"""A Zigbee2MQTT beside the hub, on a local broker: its messages are read as the service would read them, and told on
as the hub's own numbered readings. So sensors that cannot number what they say get durable delivery all the same.

What it says of the devices themselves (battery, link quality, new devices) is noted in `conditions`, for whoever tells
the service.
"""

import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.changes import LastSaid, believed_fall, change
from ingest.dialects import zigbee2mqtt
from ingest.hub.conditions import SensorConditions
from ingest.hub.inputs import MOST_AT_ONCE, is_urgent
from ingest.hub.queue import Item
from ingest.told import TimeLimits
from store.home import SensorKind
from store.hub import HubState

log = logging.getLogger(__name__)


class Zigbee:
    """One subscription with a persistent session, each message answered when what it says is on disk."""

    def __init__(
        self,
        sensors: Mapping[str, SensorKind],
        *,
        said: Mapping[str, str],  # what each sensor said last, as `take` handed it out
        host: str,
        port: int,
        username: str,
        password: str,
        base: str,
        client_id: str,
        conditions: SensorConditions,
        now: Callable[[], datetime],
        wake: Callable[[], None],
    ) -> None:
        self._sensors, self._now, self._wake, self._base = sensors, now, wake, base
        self._conditions = conditions
        self._said = {code: _last_said(word) for code, word in said.items()}
        self._messages: SimpleQueue[tuple[mqtt.MQTTMessage, datetime, int]] = SimpleQueue()
        self._taken: list[tuple[int, int, int]] = []  # mid, qos, connection
        self._connections = 0
        self._is_bridge_up = True  # until it says something else
        self._paho = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False, manual_ack=True)
        if username:
            self._paho.username_pw_set(username, password)
        self._paho.reconnect_delay_set(1, 30)
        self._paho.on_connect = self._connected
        self._paho.on_message = self._received
        self._paho.connect_async(host, port, keepalive=30)
        self._paho.loop_start()

    def take(self, now: datetime) -> tuple[list[Item], dict[str, str]]:
        """The changes among what has come."""
        items: list[Item] = []
        told: set[str] = set()
        with contextlib.suppress(Empty):
            while len(items) < MOST_AT_ONCE:
                message, at, connection = self._messages.get_nowait()
                self._taken.append((message.mid, message.qos, connection))
                found = self._read(message, at)
                items += found
                told.update(item.sensor for item in found)
        return items, {code: _word(self._said[code]) for code in told}

    def kept(self) -> None:
        """Answer the broker, for messages of this very connection: it delivers the others again."""
        for mid, qos, connection in self._taken:
            if qos and connection == self._connections:
                self._paho.ack(mid, qos)
        self._taken.clear()

    @property
    def is_hearing(self) -> bool:
        """False while the local broker cannot be reached, or Zigbee2MQTT has told it that it is away."""
        return self._paho.is_connected() and self._is_bridge_up

    def close(self) -> None:
        """Leave; the local broker keeps what comes meanwhile."""
        self._paho.disconnect()
        self._paho.loop_stop()

    def _read(self, message: mqtt.MQTTMessage, at: datetime) -> list[Item]:
        rest = message.topic.removeprefix(f"{self._base}/")
        told = zigbee2mqtt.read(
            rest,
            bytes(message.payload),
            is_retained=message.retain,
            sensors=self._sensors,
            received_at=at,
            limits=TimeLimits(),
        )
        for rejected in told.rejected:
            log.warning("%s is not understood: %s", rest, rejected.detail)
        self._conditions.note(told.sensors, told.offers, at=at)
        for check_in in told.check_ins:
            self._is_bridge_up = check_in.state is not HubState.OFFLINE
        items: list[Item] = []
        for reading in told.readings:
            if reading.sensor not in self._sensors:
                continue  # nobody has named and placed it
            last = self._said.get(reading.sensor, LastSaid())
            value, self._said[reading.sensor] = change(reading, last)
            if value is not None:
                items.append(self._item(reading.sensor, value, reading.at))
        if not message.retain:
            items += self._believed_falls(at)
        return items

    def _believed_falls(self, at: datetime) -> list[Item]:
        """Any message may be the one that shows a plug has been idle for long enough."""
        fallen = [code for code, last in self._said.items() if believed_fall(last, at)]
        for code in fallen:
            self._said[code] = LastSaid(value=0.0, value_at=at)
        return [self._item(code, 0.0, at) for code in fallen]

    def _item(self, sensor: str, value: float, at: datetime) -> Item:
        kind = self._sensors[sensor]
        told: bool | float = value if kind.is_measurement or value not in (0.0, 1.0) else value == 1.0
        return Item(at.timestamp(), sensor, told, is_urgent(kind, told))

    def _connected(
        self, client: mqtt.Client, _data: Any, _flags: mqtt.ConnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if reason.is_failure:
            log.warning("the local broker refuses us: %s", reason)
            return
        self._connections += 1
        client.subscribe(f"{self._base}/#", qos=1)
        log.info("listening to the local %s", self._base)

    def _received(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._messages.put((message, self._now(), self._connections))
        self._wake()


def _word(last: LastSaid) -> str:
    return json.dumps([last.value, _iso(last.value_at), _iso(last.falling_at)])


def _last_said(word: str) -> LastSaid:
    value, value_at, falling_at = json.loads(word)
    return LastSaid(value=value, value_at=_time(value_at), falling_at=_time(falling_at))


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)

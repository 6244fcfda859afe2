"""A Zigbee2MQTT bridge beside the hubs of a fault: its messages have no numbers, so only the broker keeps them.

It shows what such messages lose where native hubs lose nothing. What counts as told is what the broker confirmed.
"""

import json
import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from deploy.bench.fault_parts import Parts
from deploy.bench.fault_stored import Stored
from ingest.wire import Dialect, home_topic
from simulators.story import SENSOR
from store.home import partition_of

_MOST_IN_FLIGHT = 500
_SETTLED_SECONDS = 1.0  # without another row: then nothing more comes
_MOST_SECONDS = 30.0
# What such a message carries besides: a usual size.
_MORE = {"battery": 97, "linkquality": 123, "voltage": 3005, "device": {"model": "GZCGQ01LM", "friendlyName": SENSOR}}
_UPDATE = {
    "update": {"state": "idle", "installed_version": 16777241, "latest_version": 16777241},
    "update_available": 0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridged:
    """How its messages went."""

    confirmed: int  # by the broker
    lost: int  # of those
    doubled: int


class Bridge:
    """One home's bridge. Close it."""

    def __init__(self, parts: Parts, code: str) -> None:
        self._stored = Stored(parts, [code], dialect=str(Dialect.ZIGBEE2MQTT))
        self._clock = parts.clock
        self._topic = home_topic(partition_of(code), code, Dialect.ZIGBEE2MQTT, SENSOR)
        self._sent: list[int] = []  # message ids: fewer than 65,536, so that each is another
        self._confirmed: set[int] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"bridge-{code}")
        username, password = parts.login()
        if username:
            self._client.username_pw_set(username, password)
        self._client.max_inflight_messages_set(_MOST_IN_FLIGHT)
        self._client.reconnect_delay_set(1, 2)
        self._client.on_publish = lambda _client, _data, mid, *_: self._confirmed.add(mid)
        self._client.connect(parts.broker_host, parts.hub_network.port)
        self._client.loop_start()

    def publish(self, messages: int) -> None:
        """So many, as fast as they go."""
        for _ in range(messages):
            at = datetime.fromtimestamp(self._clock.now().timestamp(), UTC)
            number = len(self._sent) + 1  # a sensor whose first word is 0 has said nothing
            said = {"illuminance": number, "last_seen": at.isoformat(timespec="milliseconds")}
            payload = json.dumps(said | _MORE | _UPDATE).encode()
            self._sent.append(self._client.publish(self._topic, payload, qos=1).mid)

    def publish_every(self, seconds: float) -> None:
        """One now and then, until told to stop."""

        def tell() -> None:
            while not self._stop.wait(seconds):
                self.publish(1)

        self._thread = threading.Thread(target=tell, name="bridge", daemon=True)
        self._thread.start()

    @property
    def confirmed(self) -> int:
        """How many the broker has confirmed."""
        return len(self._confirmed)

    def stop(self) -> None:
        """No more; return when the broker has confirmed all, or will not."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        deadline = time.monotonic() + _MOST_SECONDS
        while self.confirmed < len(self._sent) and time.monotonic() < deadline:
            time.sleep(0.1)

    def result(self) -> Bridged:
        """What became of them, asked when nothing more comes."""
        confirmed = [number for number, mid in enumerate(self._sent, start=1) if mid in self._confirmed]
        deadline, rows, since = time.monotonic() + _MOST_SECONDS, self._values(), time.monotonic()
        while time.monotonic() - since < _SETTLED_SECONDS and time.monotonic() < deadline:
            time.sleep(0.2)
            found = self._values()
            if len(found) != len(rows):
                rows, since = found, time.monotonic()
        times = Counter(rows)
        return Bridged(
            confirmed=len(confirmed),
            lost=sum(not times[number] for number in confirmed),
            doubled=sum(number - 1 for number in times.values()),
        )

    def close(self) -> None:
        """Go."""
        self._stop.set()
        self._client.disconnect()
        self._client.loop_stop()
        self._stored.close()

    def _values(self) -> list[int]:
        return [round(value) for _, _, _, value in self._stored.rows()]

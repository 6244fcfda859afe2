"""What the hub tests have in place of ingest: a subscriber that keeps what it hears and acknowledges when told to."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from deploy.local_stack.credentials import Credential as StackCredential
from ingest.dialects import native, zigbee2mqtt
from ingest.hub.link import BrokerAddress, Credential
from ingest.sequences import Seen
from ingest.told import CheckIn, Reading, TimeLimits, Told
from ingest.wire import Dialect, Rejected, ack_topic, home_prefix, parse_topic
from simulators.hub import HubLike
from store.clock import Clock
from store.home import SensorKind, partition_of
from tests.conftest import TestBroker


class Listener:
    """Hears one home."""

    def __init__(
        self,
        broker: TestBroker,
        home_code: str,
        sensors: Mapping[str, SensorKind],
        *,
        clock: Clock,
        is_acking: bool = True,
        after: "Listener | None" = None,  # knows what that one has stored
    ) -> None:
        self.readings: list[Reading] = []  # in order of arrival, twins included
        self.check_ins: list[CheckIn] = []
        self.told: list[tuple[str, Told]] = []
        self.is_acking = is_acking
        self._home_code, self._sensors, self._clock = home_code, sensors, clock
        self._seen: dict[str, Seen] = after._seen if after else {}
        self._subscribed = threading.Event()
        credential = broker.credentials()
        self._paho = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=credential.client_id, clean_session=True)
        self._paho.username_pw_set(credential.username, credential.password)
        self._paho.on_message = self._on_message
        self._paho.on_subscribe = lambda *_: self._subscribed.set()
        self._paho.connect(broker.host, broker.port)
        self._paho.loop_start()
        self._paho.subscribe(f"{home_prefix(partition_of(home_code), home_code)}#", 1)
        assert self._subscribed.wait(10)

    @property
    def stored(self) -> list[Reading]:
        """What ingest would have stored: each numbered reading once."""
        found: dict[tuple[str | None, int | None], Reading] = {}
        for reading in self.readings:
            found.setdefault((reading.boot, reading.seq), reading)
        return list(found.values())

    def close(self) -> None:
        self._paho.disconnect()
        self._paho.loop_stop()

    def _on_message(self, _paho: object, _data: object, message: mqtt.MQTTMessage) -> None:
        topic = parse_topic(message.topic)
        assert not isinstance(topic, Rejected)
        payload = bytes(message.payload)
        now, limits = self._clock.now() + timedelta(seconds=1), TimeLimits()
        if topic.dialect is Dialect.NATIVE:
            told = native.read(topic.rest, payload, is_retained=message.retain, received_at=now)
        else:
            told = zigbee2mqtt.read(
                topic.rest,
                payload,
                is_retained=message.retain,
                sensors=self._sensors,
                received_at=now,
                limits=limits,
            )
        self.told.append((topic.rest, told))
        self.readings += told.readings
        self.check_ins += told.check_ins
        for reading in told.readings:
            if reading.boot is not None and reading.seq is not None:
                self._seen.setdefault(reading.boot, Seen()).add(reading.seq)
        if self.is_acking:
            for boot in told.boots & self._seen.keys():
                ack = native.Ack(boot=boot, seq=self._seen[boot].contiguous)
                self._paho.publish(ack_topic(self._home_code), native.encode_ack(ack), qos=0)


def hub_credential(credential: StackCredential) -> Credential:
    return Credential(username=credential.username, password=credential.password, client_id=credential.client_id)


def address_of(broker: TestBroker) -> BrokerAddress:
    return BrokerAddress(host=broker.host, port=broker.port)


def clock_at(shown: datetime, *, speed: float = 1.0) -> Clock:
    return Clock(real_start=datetime.now(UTC), start=shown, speed=speed)


def run_until(hub: HubLike, claim: Callable[[], object], *, seconds: float = 15.0) -> bool:
    """Step the hub until the claim holds; False if it does not within that time."""
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            return False
        if not hub.step():
            time.sleep(0.01)
    return True

"""A hub's end of the wire, and ours, on the real broker."""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Protocol

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from ingest.dialects.native import Ack, decode_ack
from ingest.settings import BrokerSettings
from ingest.subscriber import BatchLimits, Subscriber
from ingest.told import TimeLimits
from ingest.wire import ack_topic, home_prefix
from ingest.worker import Worker
from ingest.writer import Writer
from store.clock import Clock
from store.database import Pool
from store.home import Home


class Login(Protocol):
    """What the broker gave to whoever connects."""

    @property
    def username(self) -> str: ...
    @property
    def password(self) -> str: ...
    @property
    def client_id(self) -> str: ...


class Wire:
    """A hub's connection: publishes at QoS 1 and collects its acknowledgements."""

    def __init__(self, host: str, port: int, login: Login, home: Home) -> None:
        self.acks: queue.Queue[Ack] = queue.Queue()
        self._ready = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=login.client_id)
        self._client.username_pw_set(login.username, login.password)
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: client.subscribe(ack_topic(home.code), 0)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.reconnect_delay_set(1, 1)
        self._client.connect(host, port)
        self._client.loop_start()
        assert self._ready.wait(10)

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish, and return when the broker has it."""
        assert wait_until(self._client.is_connected)
        sent = self._client.publish(topic, payload, qos=1)
        sent.wait_for_publish(30)
        assert sent.is_published()

    def acked(self, seq: int, *, seconds: float = 30.0) -> bool:
        """True once everything up to `seq` is acknowledged."""
        with contextlib.suppress(queue.Empty):
            while True:
                if self.acks.get(timeout=seconds).seq >= seq:
                    return True
        return False

    def close(self) -> None:
        """Go offline."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _: Client, __: object, message: MQTTMessage) -> None:
        ack = decode_ack(bytes(message.payload))
        assert ack is not None
        self.acks.put(ack)


def broker_settings(host: str, port: int, login: Login, *, redelivery_seconds: float = 6.0) -> BrokerSettings:
    """Settings of an ingest that connects with this login."""
    return BrokerSettings(
        broker_host=host,
        broker_port=port,
        broker_username=login.username,
        broker_password=login.password,
        broker_client_id=login.client_id,
        broker_redelivery_seconds=redelivery_seconds,
    )


def subscriber_of(
    settings: BrokerSettings, home: Home, *, clock: Clock, limits: BatchLimits | None = None
) -> Subscriber:
    """A subscriber that sees this home only: the broker is shared by all tests."""
    return Subscriber(settings, [f"{home_prefix(home.partition, home.code)}#"], clock=clock, limits=limits)


@contextlib.contextmanager
def running(subscriber: Subscriber, pool: Pool, clock: Clock) -> Iterator[threading.Thread]:
    """Ingest at work in a thread."""
    stop = threading.Event()
    worker = Worker(subscriber, Writer(pool, clock=clock, limits=TimeLimits()), pool, clock=clock)
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(30)
        subscriber.close()
        assert not thread.is_alive()


def wait_until(is_so: Callable[[], bool], *, seconds: float = 30.0) -> bool:
    """True as soon as it is so; false if it has not become so in time."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if is_so():
            return True
        pause.wait(0.05)
    return is_so()


SHORT = timedelta(seconds=1)

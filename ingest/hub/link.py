"""One MQTT connection of a hub: opened, lost, never reused.

A lost connection is thrown away with all that was on its way: the hub begins again from what it holds, oldest
first. (paho would send its own leftovers again on reconnecting, and so put newer readings before older ones.)
"""

import contextlib
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

log = logging.getLogger(__name__)

_KEEP_ALIVE_S = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a hub connects with. All of it is secret together; only `username` may be logged."""

    username: str = ""
    password: str = ""
    client_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where the broker is."""

    host: str
    port: int
    tls_ca: Path | None = None  # PEM; with it the connection is encrypted and the broker's name is checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """What the broker says for us when we are gone without a word."""

    topic: str
    payload: bytes
    retain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What has happened on the connection."""

    is_up: bool | None = None  # True: connected; False: lost, refused or not reached; None: a message came
    payload: bytes = b""


class Link(Protocol):
    """What a hub needs of a connection."""

    @property
    def in_flight(self) -> int:
        """Messages the broker has not confirmed."""

    def news(self) -> list[News]:
        """What has happened since the last call."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand it to the network, at QoS 1."""

    def break_off(self) -> None:
        """Lose it without a goodbye."""

    def close(self) -> None:
        """Say goodbye."""


class Connection:
    """One attempt to connect, in the background, and what comes of it until it is lost."""

    def __init__(
        self,
        *,
        credential: Credential,
        address: BrokerAddress,
        will: Will,
        subscribe_to: str | None,
        on_news: Callable[[], None],
    ) -> None:
        self._news: SimpleQueue[News] = SimpleQueue()
        self._on_news = on_news
        self._subscribe_to = subscribe_to
        self._sent = 0
        self._confirmed = 0  # by the broker; only paho's thread counts it
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=credential.client_id,
            clean_session=True,
            reconnect_on_failure=False,
        )
        if credential.username:
            self._client.username_pw_set(credential.username, credential.password)
        if address.tls_ca is not None:
            self._client.tls_set(ca_certs=str(address.tls_ca))
        self._client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        self._client.reconnect_delay_set(0, 0)  # we try again ourselves, with a new connection
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._lost
        self._client.on_connect_fail = self._lost
        self._client.on_message = self._received
        self._client.on_publish = self._published
        self._client.connect_async(address.host, address.port, keepalive=_KEEP_ALIVE_S)
        self._client.loop_start()

    @property
    def in_flight(self) -> int:
        """Messages the broker has not confirmed."""
        return self._sent - self._confirmed

    def news(self) -> list[News]:
        """What has happened since the last call."""
        found: list[News] = []
        with contextlib.suppress(Empty):
            while True:
                found.append(self._news.get_nowait())
        return found

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand it to the network thread, at QoS 1; call it only while connected."""
        self._sent += 1
        self._client.publish(topic, payload, qos=1, retain=retain)

    def break_off(self) -> None:
        """Lose the connection without a goodbye, as when a cable is pulled: the broker publishes the will."""
        wire = self._client.socket()
        if isinstance(wire, socket.socket):
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
        self._client.loop_stop()

    def close(self) -> None:
        """Say goodbye: the broker forgets the will. What is on its way may be lost; the hub still holds it."""
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(
        self, _client: mqtt.Client, _data: Any, _flags: mqtt.ConnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if reason.is_failure:
            log.warning("the broker refuses a hub: %s", reason)
            return  # paho ends the connection, which is news enough
        if self._subscribe_to:
            self._client.subscribe(self._subscribe_to, qos=0)
        self._tell(News(is_up=True))

    def _lost(self, *_: Any) -> None:
        self._tell(News(is_up=False))

    def _received(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._tell(News(payload=bytes(message.payload)))

    def _published(self, *_: Any) -> None:
        self._confirmed += 1
        self._on_news()

    def _tell(self, news: News) -> None:
        self._news.put(news)
        self._on_news()

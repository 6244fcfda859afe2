"""A small MQTT 3.1.1 connection for tests, on paho: everything it does waits for its answer."""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from deploy.local_stack.credentials import Credential
from store.home import partition_of

PATIENCE_SECONDS = 10.0


def own_topic(code: str, rest: str) -> str:
    return f"homes/{partition_of(code):02d}/{code}/{rest}"


def eventually(claim: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> bool:
    """True as soon as the claim holds; False if it does not within that time."""
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class Connection:
    """Connects at once; `refused` says why if the broker did not want it."""

    def __init__(
        self,
        port: int,
        credential: Credential | None,
        *,
        clean: bool = True,
        manual: bool = False,
        will: tuple[str, str] | None = None,
        ca: Path | None = None,
    ) -> None:
        client_id = credential.client_id if credential else "nobody"
        self._paho = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=clean, manual_ack=manual
        )
        if credential:
            self._paho.username_pw_set(credential.username, credential.password)
        if will:
            self._paho.will_set(*will, qos=1, retain=True)
        if ca is not None:
            self._paho.tls_set_context(ssl.create_default_context(cafile=str(ca)))
        self._connected = threading.Event()
        self._granted: dict[int, bool] = {}
        self.received: list[paho.MQTTMessage] = []
        self.delay = 0.0  # seconds for which the next message keeps the network thread
        self.disconnects = 0
        self.had_session = False
        self.refused: str | None = None
        self._paho.on_connect = self._on_connect
        self._paho.on_disconnect = self._on_disconnect
        self._paho.on_message = self._on_message
        self._paho.on_subscribe = self._on_subscribe
        self._paho.connect("127.0.0.1", port, keepalive=10)
        self._paho.loop_start()
        assert self._connected.wait(PATIENCE_SECONDS), "no answer to CONNECT"

    @property
    def payloads(self) -> list[str]:
        return [message.payload.decode() for message in self.received]

    def publish(self, topic: str, payload: str, *, retain: bool = False, qos: int = 1) -> bool:
        """True if the broker acknowledged it."""
        sent = self._paho.publish(topic, payload, qos=qos, retain=retain)
        sent.wait_for_publish(PATIENCE_SECONDS)
        return sent.is_published()

    def publish_soon(self, topic: str, payload: str) -> paho.MQTTMessageInfo:
        return self._paho.publish(topic, payload, qos=1)

    def subscribe(self, topic_filter: str, qos: int = 1) -> bool:
        """True if the broker granted it."""
        _, mid = self._paho.subscribe(topic_filter, qos)
        assert mid is not None
        assert eventually(lambda: mid in self._granted), "no answer to SUBSCRIBE"
        return self._granted[mid]

    def subscribe_soon(self, topic_filter: str) -> int:
        """The number to ask `was_answered` for."""
        _, mid = self._paho.subscribe(topic_filter, 1)
        return mid or 0

    def was_answered(self, mid: int) -> bool:
        """True if the broker granted or refused it."""
        return mid in self._granted

    def puback(self, message: paho.MQTTMessage) -> None:
        self._paho.ack(message.mid, message.qos)

    def drop(self) -> None:
        """Lose the line, without saying good-bye."""
        self._paho.loop_stop()
        sock = self._paho.socket()
        if sock is not None:
            sock.close()

    def break_off(self) -> None:
        """Lose the line for good, also when the broker has stopped reading and more is still to be sent."""
        self._paho.disconnect()
        sock = self._paho.socket()
        if isinstance(sock, socket.socket):  # a TLS socket is one too
            sock.shutdown(socket.SHUT_RDWR)
        self._paho.loop_stop()

    def close(self) -> None:
        self._paho.disconnect()
        self._paho.loop_stop()

    def _on_connect(self, _paho: object, _: object, flags: paho.ConnectFlags, code: ReasonCode, __: object) -> None:
        self.had_session = flags.session_present
        self.refused = str(code) if code.is_failure else None
        self._connected.set()

    def _on_message(self, _paho: object, _: object, message: paho.MQTTMessage) -> None:
        delay, self.delay = self.delay, 0.0
        time.sleep(delay)
        self.received.append(message)

    def _on_disconnect(self, *_: object) -> None:
        self.disconnects += 1

    def _on_subscribe(self, _paho: object, _: object, mid: int, codes: list[ReasonCode], __: object) -> None:
        self._granted[mid] = not any(code.is_failure for code in codes)


class Connect:
    """Makes connections that are closed with the test."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def __call__(
        self,
        port: int,
        credential: Credential | None,
        *,
        clean: bool = True,
        manual: bool = False,
        will: tuple[str, str] | None = None,
        ca: Path | None = None,
    ) -> Connection:
        connection = Connection(port, credential, clean=clean, manual=manual, will=will, ca=ca)
        self._stack.callback(connection.close)
        return connection

"""Our short ways past paho against paho's own way, so that a new paho cannot change what they rest on unseen."""

import socket
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from ingest.lean_client import LeanClient

TOPICS = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="+#"), min_size=1, max_size=40)
CONNACK = b"\x20\x02\x00\x00"


class Broker:
    """The broker's end of a connection, one byte string at a time."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.sock = self._listener

    def accept(self) -> None:
        """Take the connection that has been begun, and let it in."""
        self.sock, _ = self._listener.accept()
        self.sock.settimeout(10)
        self.sock.recv(1_000)
        self.sock.sendall(CONNACK)

    def close(self) -> None:
        """End it."""
        self.sock.close()
        self._listener.close()


def connected(client: Client) -> Broker:
    """The client connected to a broker of its own."""
    broker = Broker()
    client.on_socket_register_write = lambda *_: None
    client.connect("127.0.0.1", broker.port)
    client.loop_write()
    broker.accept()
    while not client.is_connected():
        client.loop_read()
    return broker


@pytest.fixture(scope="module")
def lean() -> Iterator[tuple[LeanClient, Broker]]:
    client = LeanClient(CallbackAPIVersion.VERSION2, client_id="lean", manual_ack=True)
    broker = connected(client)
    yield client, broker
    client.disconnect()
    client.loop_write()
    broker.close()


@pytest.fixture(scope="module")
def plain() -> Iterator[tuple[Client, Broker, list[MQTTMessage]]]:
    client = Client(CallbackAPIVersion.VERSION2, client_id="plain", manual_ack=True)
    came: list[MQTTMessage] = []
    client.on_message = lambda _, __, message: came.append(message)
    broker = connected(client)
    yield client, broker, came
    client.disconnect()
    client.loop_write()
    broker.close()


def remaining(size: int) -> bytes:
    """MQTT's way to write a length."""
    coded = b""
    while True:
        size, low = divmod(size, 128)
        coded += bytes([low | 0x80 if size else low])
        if not size:
            return coded


def read_one(client: Client, broker: Broker, packet: bytes) -> None:
    """Have the client read this packet."""
    broker.sock.sendall(packet)
    for _ in range(4):
        client.loop_read()


@given(
    topic=TOPICS,
    payload=st.binary(max_size=300),
    mid=st.integers(1, 65_535),
    qos=st.integers(0, 1),
    dup=st.booleans(),
    retain=st.booleans(),
)
def test_a_message_is_read_as_paho_reads_it(
    lean: tuple[LeanClient, Broker],
    plain: tuple[Client, Broker, list[MQTTMessage]],
    topic: str,
    payload: bytes,
    mid: int,
    qos: int,
    dup: bool,
    retain: bool,
) -> None:
    body = struct.pack(">H", len(topic.encode())) + topic.encode() + (struct.pack(">H", mid) if qos else b"") + payload
    packet = bytes([0x30 | (8 if dup and qos else 0) | qos << 1 | retain]) + remaining(len(body)) + body
    (client, broker), (other, other_broker, came) = lean, plain
    came.clear()
    client.delivered.clear()
    while not client.delivered:
        read_one(client, broker, packet)
    while not came:
        read_one(other, other_broker, packet)
    found, expected = client.delivered[0], came[0]
    assert found.topic.decode() == expected.topic
    assert found.payload == bytes(expected.payload)
    assert (found.is_repeated, found.is_retained) == (bool(expected.dup), bool(expected.retain))
    assert found.mid == (expected.mid if qos else 0)


def sent(client: Client, broker: Broker) -> bytes:
    """What the client had to write."""
    while client.want_write():
        client.loop_write()
    broker.sock.sendall(b"\xd0\x00")
    client.loop_read()
    return broker.sock.recv(1_000_000)


@given(mids=st.lists(st.integers(1, 65_535), min_size=1, max_size=30))
def test_pubacks_are_written_as_paho_writes_them(
    lean: tuple[LeanClient, Broker], plain: tuple[Client, Broker, list[MQTTMessage]], mids: list[int]
) -> None:
    (client, broker), (other, other_broker, _) = lean, plain
    client.puback_all(mids)
    for mid in mids:
        other.ack(mid, 1)
    assert sent(client, broker) == sent(other, other_broker)


@given(messages=st.lists(st.tuples(TOPICS, st.binary(max_size=300)), min_size=1, max_size=10))
def test_answers_are_written_as_paho_writes_them(
    lean: tuple[LeanClient, Broker],
    plain: tuple[Client, Broker, list[MQTTMessage]],
    messages: list[tuple[str, bytes]],
) -> None:
    (client, broker), (other, other_broker, _) = lean, plain
    client.publish_all(messages)
    for topic, payload in messages:
        other.publish(topic, payload, qos=0)
    assert sent(client, broker) == sent(other, other_broker)


@pytest.mark.parametrize("body", [b"", b"\x00", b"\x00\x05abc", b"\x00\x03abc\x01"])
def test_a_message_that_is_cut_off_ends_the_connection(body: bytes) -> None:
    client = LeanClient(CallbackAPIVersion.VERSION2, client_id="cut", manual_ack=True)
    broker = connected(client)
    broker.sock.sendall(b"\x32" + bytes([len(body)]) + body)
    while client.socket() is not None:
        client.loop_read()
    assert client.delivered == []
    broker.close()

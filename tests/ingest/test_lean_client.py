"""Our short ways past paho against paho's own way, so that a new paho cannot change what they rest on unseen."""

import socket
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from ingest.lean_client import MESSAGES_A_TURN, LeanClient

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


PACKETS = st.one_of(
    st.tuples(TOPICS, st.one_of(st.binary(max_size=200), st.just(b"x" * 20_000)), st.integers(0, 1)),
    st.just(None),  # a packet of another kind between the messages
)


@given(packets=st.lists(PACKETS, max_size=12), parts=st.lists(st.floats(0, 1), max_size=6))
def test_however_the_bytes_are_cut_every_message_is_read_once_and_in_order(
    packets: list[tuple[str, bytes, int] | None], parts: list[float]
) -> None:
    client = LeanClient(CallbackAPIVersion.VERSION2, client_id="pieces", manual_ack=True)
    broker = connected(client)
    sent, expected = b"", []
    for mid, packet in enumerate(packets, 1):
        if packet is None:
            sent += b"\xd0\x00"
            continue
        topic, payload, qos = packet
        body = struct.pack(">H", len(topic.encode())) + topic.encode() + struct.pack(">H", mid)[: 2 * qos] + payload
        sent += bytes([0x30 | qos << 1]) + remaining(len(body)) + body
        expected.append((topic, payload, mid * qos))
    sent += b"\x30\x05\x00\x03end"
    cuts = sorted(round(part * len(sent)) for part in parts)
    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        broker.sock.sendall(sent[start:end])
        client.read_turn()
    while not client.delivered or client.delivered[-1].topic != b"end":
        client.read_turn()
    assert [(each.topic.decode(), each.payload, each.mid) for each in client.delivered[:-1]] == expected
    client.disconnect()
    client.loop_write()
    broker.close()


def test_what_was_read_ahead_of_a_cut_off_message_is_kept_and_the_connection_ends() -> None:
    client = LeanClient(CallbackAPIVersion.VERSION2, client_id="ahead", manual_ack=True)
    broker = connected(client)
    broker.sock.sendall(b"\x30\x04\x00\x01ab" * 3 + b"\x32\x03\x00\x05a" + b"\x30\x04\x00\x01ab")
    while client.socket() is not None:
        client.read_turn()
    assert [message.payload for message in client.delivered] == [b"b"] * 3
    broker.close()


def test_no_more_is_taken_in_a_turn_than_agreed_and_the_rest_is_not_forgotten() -> None:
    client = LeanClient(CallbackAPIVersion.VERSION2, client_id="turns", manual_ack=True)
    broker = connected(client)
    count = 2 * MESSAGES_A_TURN + 10
    broker.sock.sendall(b"".join([b"\x32\x06\x00\x01a" + struct.pack(">H", mid) + b"x" for mid in range(1, count + 1)]))
    mids: list[int] = []
    while len(mids) < count:
        client.read_turn()
        assert len(client.delivered) <= MESSAGES_A_TURN
        mids += [message.mid for message in client.delivered]
        client.delivered.clear()
    assert mids == list(range(1, count + 1))
    assert not client.is_ahead
    client.disconnect()
    client.loop_write()
    broker.close()

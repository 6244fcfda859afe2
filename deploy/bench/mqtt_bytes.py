"""The bytes of MQTT 3.1.1 that the load generator writes and reads by itself: a library would cost more than ingest.

For benchmarks only. Ingest and the hubs use paho.
"""

import struct
from collections.abc import Iterator

PUBLISH_QOS_1 = 0x32
PUBACK, SUBACK, CONNACK, PUBLISH = 0x40, 0x90, 0x20, 0x30
_CLEAN_SESSION, _USERNAME_AND_PASSWORD = 0x02, 0xC0
KEEP_ALIVE_SECONDS = 600


def connect(client_id: str, username: str | None, password: str | None, *, clean: bool = True) -> bytes:
    """The first packet of a connection."""
    flags = (_CLEAN_SESSION if clean else 0) | (_USERNAME_AND_PASSWORD if username else 0)
    body = text("MQTT") + bytes([4, flags]) + struct.pack(">H", KEEP_ALIVE_SECONDS) + text(client_id)
    if username:
        body += text(username) + text(password or "")
    return packet(0x10, body)


def subscribe(topic_filter: str, qos: int) -> bytes:
    """Ask for a topic filter."""
    return packet(0x82, b"\x00\x01" + text(topic_filter) + bytes([qos]))


def disconnect() -> bytes:
    """Go politely."""
    return packet(0xE0, b"")


def packet(kind: int, body: bytes) -> bytes:
    """A packet with its length in front."""
    return bytes([kind]) + length(len(body)) + body


def length(size: int) -> bytes:
    """The remaining length as MQTT writes it."""
    coded = bytearray()
    while True:
        size, low = divmod(size, 128)
        coded.append(low | 0x80 if size else low)
        if not size:
            return bytes(coded)


def packets(buffer: bytearray) -> Iterator[tuple[int, bytes]]:
    """The whole packets at the head of `buffer` (kind with its flags, body); they are removed from it."""
    at, end = 0, len(buffer)
    while end - at >= 2:
        size, shift, head = 0, 0, at + 1
        while head < end:
            byte = buffer[head]
            head += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        else:
            break  # the length itself is not whole yet
        if end - head < size:
            break
        yield buffer[at], bytes(buffer[head : head + size])
        at = head + size
    del buffer[:at]


def text(value: str) -> bytes:
    """A string with its length in front."""
    coded = value.encode()
    return struct.pack(">H", len(coded)) + coded

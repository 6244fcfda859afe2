"""The few bytes of MQTT 3.1.1 with which a stack asks whether its broker is ready. Ingest and hubs use paho instead."""

import secrets
import socket
import ssl
import struct
from pathlib import Path

from deploy.local_stack.credentials import Credential

PATIENCE_SECONDS = 5.0
_CLEAN_SESSION = 0x02
_USERNAME_AND_PASSWORD = 0xC0
_CONNECT, _SUBSCRIBE, _DISCONNECT = 0x10, 0x82, 0xE0
_CONNACK, _SUBACK = 0x20, 0x90
_REFUSED = 0x80


def accepts(host: str, port: int, credential: Credential, *, ca: Path | None = None) -> bool:
    """True if the broker there lets this credential in now; with `ca`, over TLS. Its session is left alone."""
    try:
        with _opened(host, port, ca) as connection:
            client_id = f"probe-{secrets.token_hex(8)}"
            is_in = _connect(connection, credential, client_id, flags=_CLEAN_SESSION)
            if is_in:
                connection.sendall(_packet(_DISCONNECT, b""))
            return is_in
    except OSError:
        return False


def open_session(host: str, port: int, credential: Credential, topic_filter: str) -> bool:
    """Have the broker keep this credential's messages (QoS 1) from now on, though nobody reads them yet."""
    try:
        with socket.create_connection((host, port), timeout=PATIENCE_SECONDS) as connection:
            if not _connect(connection, credential, credential.client_id, flags=0):
                return False
            connection.sendall(_packet(_SUBSCRIBE, b"\x00\x01" + _text(topic_filter) + b"\x01"))
            answer = _receive(connection, 5)
            connection.sendall(_packet(_DISCONNECT, b""))
            return answer[:1] == bytes([_SUBACK]) and answer[4] != _REFUSED
    except OSError:
        return False


def _opened(host: str, port: int, ca: Path | None) -> socket.socket:
    plain = socket.create_connection((host, port), timeout=PATIENCE_SECONDS)
    if ca is None:
        return plain
    try:
        return ssl.create_default_context(cafile=str(ca)).wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _connect(connection: socket.socket, credential: Credential, client_id: str, *, flags: int) -> bool:
    keep_alive_seconds = 10
    head = _text("MQTT") + bytes([4, flags | _USERNAME_AND_PASSWORD]) + struct.pack(">H", keep_alive_seconds)
    body = head + _text(client_id) + _text(credential.username) + _text(credential.password)
    connection.sendall(_packet(_CONNECT, body))
    answer = _receive(connection, 4)
    return answer[:1] == bytes([_CONNACK]) and answer[3] == 0


def _packet(kind: int, body: bytes) -> bytes:
    length = bytes([len(body)]) if len(body) < 128 else bytes([len(body) % 128 + 128, len(body) // 128])
    return bytes([kind]) + length + body


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text.encode())) + text.encode()


def _receive(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        if not part:
            raise ConnectionError("the broker closed the connection")
        received += part
    return received

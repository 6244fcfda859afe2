"""A broker that packs many messages into one TLS record: what TLS has deciphered already wakes nobody."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from ingest.settings import BrokerSettings
from ingest.subscriber import Subscriber
from store.clock import make_clock
from tests.ingest.wires import SHORT, wait_until

MESSAGES = 510  # ten more than are read in one turn


def packets() -> bytes:
    """All of them at QoS 1, shorter together than a TLS record."""
    found = []
    for mid in range(1, MESSAGES + 1):
        body = struct.pack(">H", 3) + b"a/b" + struct.pack(">H", mid) + b"on"
        found.append(bytes([0x32, len(body)]) + body)
    return b"".join(found)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerSettings]:
    """Answers CONNECT and SUBSCRIBE, sends everything at once, and then nothing more."""
    authority = trustme.CA()
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True) as connection:
            connection.recv(1_000)  # CONNECT
            connection.sendall(b"\x20\x02\x00\x00")
            subscribe = connection.recv(1_000)
            connection.sendall(b"\x90\x03" + subscribe[2:4] + b"\x01")
            connection.sendall(packets())
            over.wait(60)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield BrokerSettings(
        broker_host="127.0.0.1",
        broker_port=listener.getsockname()[1],
        broker_tls_ca=ca,
        broker_redelivery_seconds=0.0,
    )
    over.set()
    thread.join(10)
    listener.close()


def test_all_of_a_record_is_read_though_no_byte_follows_it(broker: BrokerSettings) -> None:
    assert len(packets()) < 2**14
    with contextlib.closing(Subscriber(broker, ["a/#"], clock=make_clock())) as subscriber:
        came = 0

        def have_all_come() -> bool:
            nonlocal came
            came += len(subscriber.take(wait=SHORT))
            return came == MESSAGES

        assert wait_until(have_all_come, seconds=15), came

"""The homes of `telecare bench ingest`: a process of its own that publishes readings and listens for acknowledgements.

Every home is a hub with its own boot and numbers; each reading is one native message at QoS 1. The homes share a few
connections, and their packets are put together by hand, because the generator runs on the cores it measures. The time
of a reading is the moment before it is handed to the socket, so acknowledgement minus that time is publish to commit
and back again.

Commands on standard input, one JSON object a line; answers likewise on standard output:
    {"rate": 3500, "seconds": 60}       publish at this rate, or
    {"events": 200000}                  publish so many as fast as the broker takes them
    {"await": 60}                       wait until all are acknowledged, but no longer than so many seconds without any
"""

import argparse
import json
import select
import socket
import sys
import time
from array import array
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deploy.bench import mqtt_bytes
from deploy.bench.seed import SENSORS, code_of
from ingest.wire import ACKS_FILTER, Dialect, home_topic
from store.home import partition_of

BOOT = "bench"
CONNECTIONS = 4
AHEAD = 4_000  # readings of one connection that the broker has not confirmed yet
STRIDE = 611_953  # a prime: homes take turns in an order that jumps about, as real ones do
TICK_SECONDS = 0.005
CHUNK = 200  # readings put together at once


@dataclass(slots=True)
class Connection:
    """One socket to the broker."""

    sock: socket.socket
    incoming: bytearray = field(default_factory=bytearray)
    outgoing: bytearray = field(default_factory=bytearray)
    mid: int = 0
    unconfirmed: int = 0

    def flush(self) -> None:
        """Send what the kernel takes."""
        if self.outgoing:
            try:
                sent = self.sock.send(self.outgoing)
            except BlockingIOError:
                return
            del self.outgoing[:sent]


class Generator:
    """Publishes for all homes in turn, and notes how long each reading took to be acknowledged."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._homes: int = arguments.homes
        self._head = [self._topic(index) for index in range(self._homes)]
        self._next_seq = array("q", [1]) * self._homes
        self._acked = array("q", [0]) * self._homes
        self._sent_at: dict[int, float] = {}  # home and number -> when
        self._turn = 0
        self._last_us = 0
        self.published = 0
        self.acknowledged = 0
        self.seconds: list[float] = []  # publish to acknowledgement, of each
        self.last_ack_at = 0.0
        self.first_ack_at = 0.0
        self._connections = [self._connect(arguments, f"bench-{index}") for index in range(CONNECTIONS)]
        self._ears = self._connect(arguments, "bench-ears", listens=True)
        self._all = {each.sock.fileno(): each for each in (*self._connections, self._ears)}

    def publish(self, *, rate: float | None, events: int | None, seconds: float | None) -> None:
        """Publish for so many seconds at a rate, or so many at once."""
        begun = time.monotonic()
        before = self.published
        said = begun
        while True:
            now = time.monotonic()
            if rate is not None and seconds is not None:
                due = int(rate * min(now - begun, seconds)) - (self.published - before)
                if now - begun >= seconds and due <= 0:
                    break
            else:
                due = (events or 0) - (self.published - before)
                if due <= 0:
                    break
            self._publish(due)
            self._serve(TICK_SECONDS)
            if now - said >= 1.0:
                said = now
                say(published=self.published, acknowledged=self.acknowledged)
        while any(each.outgoing or each.unconfirmed for each in self._connections):
            self._serve(0.05)
            if time.monotonic() - begun > 3_600:
                raise SystemExit("the broker does not confirm what was published")

    def wait(self, patience: float) -> None:
        """Until every reading is acknowledged, or none has been for so long."""
        quiet_since = said = time.monotonic()
        known = self.acknowledged
        while self.acknowledged < self.published and time.monotonic() - quiet_since < patience:
            self._serve(0.1)
            if self.acknowledged != known:
                known, quiet_since = self.acknowledged, time.monotonic()
            if time.monotonic() - said >= 1.0:
                said = time.monotonic()
                say(published=self.published, acknowledged=self.acknowledged)

    def result(self) -> dict[str, Any]:
        """What has happened since publishing began last, the waiting for it included."""
        ordered = sorted(self.seconds)

        def share(part: float) -> float | None:
            return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 4) if ordered else None

        return {
            "done": True,
            "published": self.published,
            "acknowledged": self.acknowledged,
            "timed": len(ordered),
            "p50_s": share(0.5),
            "p99_s": share(0.99),
            "max_s": share(1.0),
            "first_ack_at": self.first_ack_at,
            "last_ack_at": self.last_ack_at,
        }

    def _publish(self, due: int) -> None:
        for connection in self._connections:
            share = min(due, CHUNK, AHEAD - connection.unconfirmed)
            if share <= 0 or len(connection.outgoing) > 200_000:
                continue
            due -= share
            connection.outgoing += b"".join([self._reading(connection) for _ in range(share)])
            connection.unconfirmed += share
            self.published += share
            connection.flush()

    def _reading(self, connection: Connection) -> bytes:
        home = self._turn * STRIDE % self._homes
        self._turn += 1
        seq = self._next_seq[home]
        self._next_seq[home] = seq + 1
        connection.mid = mid = connection.mid % 65_535 + 1
        now = time.time()
        us = max(int(now * 1e6), self._last_us + 1)  # no two readings of one time: so the database can count
        self._last_us = us
        self._sent_at[home << 32 | seq] = now
        at = datetime.fromtimestamp(us / 1e6, UTC)
        body = b'{"boot":"%b","seq":%d,"sensor":"%b","value":%b,"at":"%b"}' % (
            BOOT.encode(),
            seq,
            SENSORS[seq % len(SENSORS)].code.encode(),
            b"true" if seq // len(SENSORS) % 2 else b"false",
            at.isoformat(timespec="microseconds").encode(),
        )
        head = self._head[home]
        return b"\x32%b%b%b%b" % (mqtt_bytes.length(len(head) + 2 + len(body)), head, mid.to_bytes(2, "big"), body)

    def _serve(self, seconds: float) -> None:
        """Move bytes both ways for at most so long."""
        readers = list(self._all)
        writers = [fd for fd, each in self._all.items() if each.outgoing]
        ready, writable, _ = select.select(readers, writers, [], seconds)
        for fd in writable:
            self._all[fd].flush()
        for fd in ready:
            connection = self._all[fd]
            data = connection.sock.recv(1_000_000)
            if not data:
                raise SystemExit("the broker ended a connection of the load generator")
            connection.incoming += data
            for kind, body in mqtt_bytes.packets(connection.incoming):
                if kind == mqtt_bytes.PUBACK:
                    connection.unconfirmed -= 1
                elif kind & 0xF0 == mqtt_bytes.PUBLISH:
                    self._note(body)

    def _note(self, body: bytes) -> None:
        """An acknowledgement: `acks/B000017` and `{"boot":"bench","seq":3}`."""
        topic_end = 2 + int.from_bytes(body[:2], "big")
        home = int(body[2:topic_end].rpartition(b"/B")[2])
        seq = int(body[topic_end:].rpartition(b":")[2].rstrip(b"}"))
        now = time.time()
        for each in range(self._acked[home] + 1, seq + 1):
            self.seconds.append(now - self._sent_at.pop(home << 32 | each))
        self.acknowledged += max(0, seq - self._acked[home])
        self._acked[home] = max(seq, self._acked[home])
        self.last_ack_at = now
        self.first_ack_at = self.first_ack_at or now

    def begin(self) -> None:
        """What follows is measured by itself."""
        self.first_ack_at = 0.0
        self.seconds = []

    @staticmethod
    def _topic(index: int) -> bytes:
        code = code_of(index)
        return mqtt_bytes.text(home_topic(partition_of(code), code, Dialect.NATIVE, "events"))

    @staticmethod
    def _connect(arguments: argparse.Namespace, client_id: str, *, listens: bool = False) -> Connection:
        connection = Connection(socket.create_connection((arguments.host, arguments.port), timeout=10))
        connection.sock.sendall(mqtt_bytes.connect(client_id, arguments.username, arguments.password))
        expect(connection, mqtt_bytes.CONNACK)
        if listens:
            connection.sock.sendall(mqtt_bytes.subscribe(ACKS_FILTER, 0))
            expect(connection, mqtt_bytes.SUBACK)
        connection.sock.setblocking(False)
        return connection


def expect(connection: Connection, kind: int) -> None:
    """Read until a packet of this kind has come."""
    while True:
        connection.incoming += connection.sock.recv(65_536)
        found: deque[tuple[int, bytes]] = deque(mqtt_bytes.packets(connection.incoming))
        if any(each == kind for each, _ in found):
            return


def say(**fields: Any) -> None:
    """One line for whoever started us."""
    print(json.dumps(fields), flush=True)


def main() -> None:
    """Connect, then do what standard input says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--username")
    parser.add_argument("--password")
    parser.add_argument("--homes", type=int, required=True)
    generator = Generator(parser.parse_args())
    say(done=True)
    for line in sys.stdin:
        order = json.loads(line)
        if "await" in order:
            generator.wait(order["await"])
        else:
            generator.begin()
            generator.publish(rate=order.get("rate"), events=order.get("events"), seconds=order.get("seconds"))
        say(**generator.result())


if __name__ == "__main__":
    main()

"""What a hub listens to: JSON lines of little programs, and a Zigbee2MQTT beside it. Threads end here: `take` is called
by the hub's own thread, and what was taken is answered only when it is on disk (`kept`).
"""

import contextlib
import json
import logging
import os
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from queue import Empty, Full, Queue
from typing import IO, Any, NamedTuple, Protocol

from ingest.changes import value_fault
from ingest.hub.queue import Item
from store.home import SensorKind

log = logging.getLogger(__name__)

URGENT_KINDS = frozenset({SensorKind.SOS, SensorKind.SMOKE, SensorKind.FLOOD})
MOST_AT_ONCE = 500
_WAITING = 10_000  # lines read and not yet recorded; whoever writes more has to wait
_LONGEST_LINE = 10_000
_ANSWER_WITHIN_S = 30.0


class Input(Protocol):
    """A source of readings."""

    def take(self, now: datetime) -> tuple[list[Item], dict[str, str]]:
        """What has come, at most `MOST_AT_ONCE`; and what its sensors said last, to be stored with it."""

    def kept(self) -> None:
        """Everything taken is on disk."""

    @property
    def is_hearing(self) -> bool:
        """False while it is known that its sensors cannot be heard: then the hub must not vouch for the home."""

    def close(self) -> None:
        """Hear nothing more."""


class _Line(NamedTuple):
    text: str
    at: datetime
    answer: Callable[[str], None]


class Lines:
    """`{"sensor": "M001", "value": true}`, one a line: from a stream, or from whoever connects to a socket.

    On the socket each line is answered, with `ok` once it is on disk or with what is wrong with it.
    """

    def __init__(
        self, sensors: Mapping[str, SensorKind], *, now: Callable[[], datetime], wake: Callable[[], None]
    ) -> None:
        self._sensors, self._now, self._wake = sensors, now, wake
        self._lines: Queue[_Line] = Queue(_WAITING)
        self._taken: list[_Line] = []
        self._server: _SocketServer | None = None
        self._is_closed = threading.Event()

    def read(self, stream: IO[str]) -> None:
        """Read this stream to its end, in a thread of its own."""
        threading.Thread(target=self._read, args=(stream,), daemon=True, name="lines").start()

    def listen(self, path: Path) -> None:
        """Take connections on a local socket that only this account and its group may use."""
        path.unlink(missing_ok=True)
        mask = os.umask(0o117)
        try:
            self._server = _SocketServer(str(path), self._hear)
        finally:
            os.umask(mask)
        threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True, name="socket").start()

    def take(self, now: datetime) -> tuple[list[Item], dict[str, str]]:
        """The readings of the lines that can be read; the others are answered with the reason."""
        items: list[Item] = []
        with contextlib.suppress(Empty):
            while len(items) < MOST_AT_ONCE:
                line = self._lines.get_nowait()
                read = read_line(line.text, self._sensors, at=line.at)
                if isinstance(read, str):
                    log.warning("a line is left out: %s", read)
                    line.answer(f"error: {read}")
                else:
                    items.append(read)
                    self._taken.append(line)
        return items, {}

    def kept(self) -> None:
        """Answer."""
        for line in self._taken:
            line.answer("ok")
        self._taken.clear()

    @property
    def is_hearing(self) -> bool:
        """Always: whoever has something to say comes to us."""
        return True

    def close(self) -> None:
        """Take no more connections."""
        self._is_closed.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _read(self, stream: IO[str]) -> None:
        for text in stream:
            if text.strip() and not self._put(_Line(text[:_LONGEST_LINE], self._now(), lambda _: None)):
                return

    def _hear(self, connection: socket.socket) -> None:
        """One connection, in a thread of its own: line by line, each answered before the next."""
        connection.settimeout(None)
        with connection.makefile("r", encoding="utf-8", errors="replace") as lines:
            while text := lines.readline(_LONGEST_LINE):
                answers: Queue[str] = Queue()
                if text.strip() and self._put(_Line(text, self._now(), answers.put)):
                    try:
                        answer = answers.get(timeout=_ANSWER_WITHIN_S)
                    except Empty:
                        answer = "error: not on disk yet; it may still come to be"
                    connection.sendall(answer.encode() + b"\n")

    def _put(self, line: _Line) -> bool:
        while not self._is_closed.is_set():
            with contextlib.suppress(Full):
                self._lines.put(line, timeout=0.5)
                self._wake()
                return True
        return False


def read_line(text: str, sensors: Mapping[str, SensorKind], *, at: datetime) -> Item | str:
    """The reading of a line, or what is wrong with it."""
    try:
        given: Any = json.loads(text)
    except (ValueError, RecursionError) as exc:
        return f"not JSON: {str(exc)[:80]}"
    if not isinstance(given, dict):
        return "not an object"
    sensor, value = given.get("sensor"), given.get("value")
    kind = sensors.get(sensor) if isinstance(sensor, str) else None
    if kind is None:
        return f"sensor: no {str(sensor)[:40]!r} in the home file"
    if not isinstance(value, (bool, int, float)) or not abs(value) <= 1e12:
        return "value: not true, false or a number"
    fault = value_fault(kind, float(value))
    if fault is not None:
        return f"value: {fault}"
    told: bool | float = float(value) if kind.is_measurement else value == 1
    return Item(at.timestamp(), str(sensor), told, is_urgent(kind, told))


def is_urgent(kind: SensorKind, value: bool | float) -> bool:
    """Whether this reading overtakes what waits: an alarm; that it is over can wait its turn."""
    return kind in URGENT_KINDS and value == 1


class _SocketServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, path: str, hear: Callable[[socket.socket], None]) -> None:
        super().__init__(path, socketserver.BaseRequestHandler)
        self._hear = hear

    def finish_request(self, request: Any, client_address: Any) -> None:
        with contextlib.suppress(OSError):  # whoever connected has gone
            self._hear(request)

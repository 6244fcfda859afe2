"""A network that can be cut: a TCP relay in front of a broker, for tests and `telecare bench faults`.

Three ways in which real networks fail: the line is cut and both ends hear of it; it is dead and nobody hears of it
(half-open: what is sent disappears); the line comes back, but what was connected before stays dead, because the routers
between have forgotten it. One thread; knows nothing of MQTT.
"""

import contextlib
import selectors
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Self

_CHUNK = 65_536
_MOST_WAITING = 262_144  # bytes in one direction; more is not read, so that the sender feels it
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST at once


@dataclass(slots=True, eq=False)
class _End:
    """One socket of a relayed connection, and what waits to be sent on it."""

    sock: socket.socket
    peer: "_End | None" = None
    waiting: bytearray = field(default_factory=bytearray)
    is_dead: bool = False  # half-open: what it says disappears


class CutNetwork:
    """Relays `port` on the loopback address to `target`, until told otherwise. Leaving closes everything."""

    def __init__(self, target: tuple[str, int], *, port: int = 0) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", port))
        self._listening.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._ends: set[_End] = set()
        self._lock = threading.Lock()
        self._is_cut = self._is_swallowing = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cut network", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where to connect to."""
        return int(self._listening.getsockname()[1])

    def cut(self) -> None:
        """Both ends of every connection hear at once that it is over; new ones are ended as they come."""
        with self._lock:
            self._is_cut = True
            self._end_all()

    def swallow(self) -> None:
        """Nobody hears anything: what is sent on these connections, and on new ones, disappears, for ever."""
        with self._lock:
            self._is_swallowing = True
            for end in self._ends:
                end.is_dead = True

    def mend(self, *, tells: bool = False) -> None:
        """New connections work again. What was swallowed stays dead; with `tells` both ends hear that it is."""
        with self._lock:
            self._is_cut = self._is_swallowing = False
            if tells:
                self._end_all()

    def close(self) -> None:
        """Stop relaying."""
        self._stop.set()
        self._thread.join()
        with self._lock:
            self._end_all()
            self._selector.close()
            self._listening.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            for key, events in self._selector.select(0.05):
                with self._lock:
                    if key.data is None:
                        self._accept()
                    elif key.data in self._ends:
                        self._move(key.data, events)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            sock, _ = self._listening.accept()
            if self._is_cut:
                _reset(sock)
                return
            near = _End(sock, is_dead=self._is_swallowing)
            self._ends.add(near)
            if not self._is_swallowing:
                try:
                    near.peer = _End(socket.create_connection(self._target, timeout=2.0), peer=near)
                except OSError:
                    self._end(near)
                    return
                self._ends.add(near.peer)
            for end in (near, near.peer):
                if end is not None:
                    end.sock.setblocking(False)
                    end.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._selector.register(end.sock, selectors.EVENT_READ, end)

    def _move(self, end: _End, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE and end.waiting:
                del end.waiting[: end.sock.send(end.waiting)]
            if events & selectors.EVENT_READ:
                received = end.sock.recv(_CHUNK)
                if not received:
                    self._end(end)
                    return
                if not end.is_dead and end.peer is not None:
                    end.peer.waiting += received
        except BlockingIOError:
            pass
        except OSError:
            self._end(end)
            return
        for each in (end, end.peer):
            if each is not None and each in self._ends:
                self._listen_to(each)

    def _listen_to(self, end: _End) -> None:
        is_full = end.peer is not None and len(end.peer.waiting) > _MOST_WAITING and not end.is_dead
        wanted = (0 if is_full else selectors.EVENT_READ) | (selectors.EVENT_WRITE if end.waiting else 0)
        if wanted:
            with contextlib.suppress(KeyError):
                self._selector.modify(end.sock, wanted, end)
                return
            self._selector.register(end.sock, wanted, end)
        else:
            with contextlib.suppress(KeyError):
                self._selector.unregister(end.sock)

    def _end(self, end: _End) -> None:
        """This end has gone: the other is told, unless the line between them is dead."""
        peer = end.peer
        self._drop(end)
        if peer is not None and not end.is_dead:
            self._drop(peer)

    def _end_all(self) -> None:
        for end in list(self._ends):
            self._drop(end)

    def _drop(self, end: _End) -> None:
        self._ends.discard(end)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(end.sock)
        if end.peer is not None:
            end.peer.peer = None
        _reset(end.sock)


def _reset(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    sock.close()

"""Paho's network loop, turned by a thread of ours: many messages a turn, one lock a turn, answers in one piece.

`loop_start` of paho asks the kernel before every packet whether there is one, wakes itself for every answer, and sends
each in a packet of its own. Its parts for loops of one's own (`loop_read`, `loop_write`, `loop_misc`) do not.

All calls of the client happen in this thread; others leave work with `do`. Nothing here knows what a message is.
"""

import contextlib
import logging
import select
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable

from ingest.lean_client import LeanClient

IDLE_SECONDS = 1.0  # between two looks at the keep-alive
STOP_SECONDS = 10.0  # connecting takes at most half of it

log = logging.getLogger(__name__)

Work = Callable[[LeanClient], object]


class Pump:
    """Moves the bytes of one paho client until its connection ends or `stop` is called. Connects by itself."""

    def __init__(
        self,
        client: LeanClient,
        *,
        on_turn: Callable[[], None],
        may_read: Callable[[], bool],
        retry_seconds: tuple[float, float],
    ) -> None:
        """`on_turn` is called when the client has messages in `delivered`, and takes them out. While `may_read` is
        false nothing is read: the broker has to keep what it has.
        """
        self._client = client
        self._on_turn = on_turn
        self._may_read = may_read
        self._retry_seconds = retry_seconds
        self._work: deque[Work] = deque()
        self._stopping = threading.Event()
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._ear.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def start(self, host: str, port: int, *, keep_alive_seconds: int) -> None:
        """Begin to connect; returns at once."""
        self._address = (host, port, keep_alive_seconds)
        self._thread.start()

    def do(self, work: Work) -> None:
        """Have this done with the client soon, in order; not at all if the connection ends before."""
        self._work.append(work)
        self.ring()

    def ring(self) -> None:
        """Something has changed: look now."""
        with contextlib.suppress(OSError):  # full: it will look anyway; or closed: there is nobody
            self._bell.send(b"\0")

    def stop(self) -> None:
        """Disconnect politely and wait until that is done."""
        self._stopping.set()
        self.ring()
        self._thread.join(STOP_SECONDS)
        self._bell.close()

    def _run(self) -> None:
        try:
            if self._connected():
                self._turn_until_the_end()
        except Exception:
            # A defect of ours or of paho: without a connection the subscriber makes a new one.
            log.exception("the connection to the broker failed")
            self._client.disconnect()
        finally:
            self._ear.close()

    def _connected(self) -> bool:
        """Try until there is a connection, or we are to stop."""
        self._client.on_socket_register_write = lambda *_: None  # paho then leaves it to us when to write
        pause, longest = self._retry_seconds
        while not self._stopping.is_set():
            try:
                self._client.connect(*self._address)
            except (OSError, ValueError) as exc:
                log.warning("cannot reach the broker, trying again: %s", exc)
                self._stopping.wait(pause)
                pause = min(2 * pause, longest)
            else:
                return True
        return False

    def _turn_until_the_end(self) -> None:
        client = self._client
        while (sock := client.socket()) is not None:
            wants = [sock, self._ear] if self._may_read() else [self._ear]
            has_more = client.is_ahead or (isinstance(sock, ssl.SSLSocket) and sock.pending() > 0)
            is_deciphered = sock in wants and has_more
            idle = 0.0 if is_deciphered else IDLE_SECONDS  # what has been read already wakes nobody
            ready, _, _ = select.select(wants, [sock] if client.want_write() else [], [], idle)
            if self._ear in ready:
                with contextlib.suppress(BlockingIOError):
                    self._ear.recv(4_096)
            if sock in ready or is_deciphered:
                self._read()
            while self._work:
                self._work.popleft()(client)
            if self._stopping.is_set():
                client.disconnect()
            if client.want_write():
                client.loop_write()
            client.loop_misc()

    def _read(self) -> None:
        client = self._client
        client.read_turn()
        if client.delivered:
            self._on_turn()

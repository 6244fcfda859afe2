"""A telephone line that can be cut: a TCP proxy between a home and the broker."""

import contextlib
import socket
import threading

from deploy.local_stack.ports import LOOPBACK


class Line:
    """Passes every connection on to `port`, until it is cut; then it refuses, until it is mended."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server((LOOPBACK, 0))
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._is_cut = False
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    @property
    def port(self) -> int:
        """Where the home connects to."""
        port: int = self._listener.getsockname()[1]
        return port

    def cut(self) -> None:
        """Nothing passes from here on; what was on its way is lost."""
        with self._lock:
            self._is_cut = True
            ends = list(self._open)
        for end in ends:
            _end(end)

    def mend(self) -> None:
        """The next attempt to connect succeeds."""
        with self._lock:
            self._is_cut = False

    def close(self) -> None:
        self.cut()
        _end(self._listener)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, work: object, *arguments: socket.socket) -> None:
        assert callable(work)
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                home, _ = self._listener.accept()
            except OSError:
                return  # closed
            with self._lock:
                if self._is_cut:
                    home.close()
                    continue
            try:
                broker = socket.create_connection((LOOPBACK, self._target), timeout=5)
            except OSError:
                home.close()
                continue
            broker.settimeout(None)
            with self._lock:
                self._open |= {home, broker}
            self._start(self._pass_on, home, broker)
            self._start(self._pass_on, broker, home)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            _end(end)
        with self._lock:
            is_last = source not in self._open
            self._open -= {source, target}
        if is_last:  # the other direction has ended before us
            source.close()
            target.close()


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)

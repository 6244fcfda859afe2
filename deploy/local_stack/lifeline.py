"""Stops the processes of a stack whose supervisor was killed -9. Also a script: the guard at the line's other end.

The guard waits at the end of a pipe. While the supervisor lives, nothing is written but who is to be stopped; when it
dies, however it dies, the kernel closes the pipe and the guard stops everybody. Chosen over Linux's PR_SET_PDEATHSIG
because that fires when the *thread* that started a child ends, is lost on a change of account, does not exist on macOS
and needs code between fork and exec. The cost is one small Python process.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

PATIENCE_SECONDS = 8.0  # a service returns within 5 s of SIGTERM; PostgreSQL stops in less


class Lifeline:
    """Holds processes that must not outlive this one. A guard that is killed itself is replaced by `check`.

    May be used from several threads.
    """

    def __init__(self, *, inherit: tuple[int, ...] = ()) -> None:
        self._inherit = inherit  # open files (a lock) that stay open until the guard has finished
        self._held: dict[int, int] = {}
        self._lock = threading.RLock()
        self._guard: subprocess.Popen[bytes] | None = None

    def hold(self, pid: int, stop_signal: int) -> None:
        """Stop this process with that signal if we die."""
        with self._lock:
            self._held[pid] = stop_signal
            self._say(f"+{pid} {stop_signal}\n")

    def let_go(self, pid: int) -> None:
        """This process has ended."""
        with self._lock:
            if self._held.pop(pid, None) is not None:
                self._say(f"-{pid}\n")

    def check(self) -> None:
        """Replace the guard if somebody killed it."""
        with self._lock:
            if self._held and (self._guard is None or self._guard.poll() is not None):
                self._replace()

    def close(self) -> None:
        """Let the guard go: it stops whoever is still held, and ends."""
        if self._guard is None:
            return
        with contextlib.suppress(BrokenPipeError):
            assert self._guard.stdin is not None
            self._guard.stdin.close()
        self._guard.wait(timeout=PATIENCE_SECONDS + 5)
        self._guard = None

    def _say(self, line: str) -> None:
        if self._guard is None:
            self._replace()  # tells all that is held, so this line too
            return
        try:
            assert self._guard.stdin is not None
            self._guard.stdin.write(line.encode())
        except BrokenPipeError:
            self._replace()

    def _replace(self) -> None:
        if self._guard is not None:
            self._guard.wait(timeout=5)
            with contextlib.suppress(BrokenPipeError):
                assert self._guard.stdin is not None
                self._guard.stdin.close()
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            bufsize=0,
            pass_fds=self._inherit,
            start_new_session=True,  # Ctrl-C in the terminal is the supervisor's business
        )
        for pid, stop_signal in self._held.items():
            self._say(f"+{pid} {stop_signal}\n")


def guard() -> None:
    """Read who is to be stopped until the pipe closes; then stop them."""
    held: dict[int, int] = {}
    for line in sys.stdin:
        if line.startswith("+"):
            pid, stop_signal = line[1:].split()
            held[int(pid)] = int(stop_signal)
        elif line.startswith("-"):
            held.pop(int(line[1:]), None)
    left = {pid for pid, stop_signal in held.items() if _send(pid, stop_signal)}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = {pid for pid in left if _send(pid, 0)}
    for pid in left:
        _send(pid, signal.SIGKILL)


def _send(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):  # gone; or gone and its number given to another account
        return False
    return True


if __name__ == "__main__":
    guard()

"""One child process: its log, its end, and its place on the lifeline. Knows nothing of what the process does."""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Self

from deploy.local_stack.account import Account
from deploy.local_stack.lifeline import Lifeline

LOG_LIMIT_BYTES = 20_000_000  # a log larger than this is put aside at the next start, replacing the one before

log = logging.getLogger(__name__)


class Process:
    """A running child in a session of its own, so that Ctrl-C reaches only its supervisor."""

    def __init__(self, name: str, popen: subprocess.Popen[bytes], lifeline: Lifeline | None, stop_signal: int) -> None:
        self.name = name
        self._popen = popen
        self._lifeline = lifeline
        self._stop_signal = stop_signal

    @classmethod
    def start(
        cls,
        name: str,
        argv: list[str],
        *,
        environment: Mapping[str, str],
        log_file: Path,
        directory: Path | None = None,
        account: Account | None = None,
        lifeline: Lifeline | None = None,
        stop_signal: int = signal.SIGTERM,
    ) -> Self:
        """Start it. `environment` is all it gets; both outputs are appended to `log_file`."""
        with open_log(log_file) as output:
            popen = subprocess.Popen(
                argv,
                env=dict(environment),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        if lifeline is not None:
            lifeline.hold(popen.pid, stop_signal)
        return cls(name, popen, lifeline, stop_signal)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._popen.pid

    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        code = self._popen.poll()
        if code is not None and self._lifeline is not None:
            self._lifeline.let_go(self._popen.pid)
        return code

    def ask_to_stop(self) -> None:
        """Send the polite signal and return at once."""
        if self.exit_code() is None:
            self._popen.send_signal(self._stop_signal)

    def wait(self, seconds: float) -> bool:
        """True if it has ended within that time."""
        try:
            self._popen.wait(timeout=max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        self.exit_code()
        return True

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        if self.exit_code() is None:
            self._popen.kill()
            self._popen.wait(timeout=10)
            self.exit_code()

    def stop(self, seconds: float) -> None:
        """Ask, wait, and kill what does not listen."""
        self.ask_to_stop()
        if not self.wait(seconds):
            log.warning("%s did not stop within %.0f s and was killed", self.name, seconds)
            self.kill()


def open_log(path: Path) -> BinaryIO:
    """The log opened at its end, readable by its owner alone; put aside first if it has grown too large."""
    if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
        path.replace(path.with_name(path.name + ".old"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def command_of(pid: int) -> str:
    """The command line of a running process; empty if there is none (or it is a zombie)."""
    proc = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self").exists():
        try:
            return proc.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            return ""
    found = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def stop_stray(pid: int, *, marks: tuple[str, ...], stop_signal: int, seconds: float) -> bool:
    """Stop a process left over from an earlier run. True if there was one.

    Only if its command line shows all `marks`: numbers of processes are used again.
    """
    if not _is_ours(pid, marks):
        return False
    log.warning("stopping a process left over from an earlier run (pid %d)", pid)
    for number, patience in ((stop_signal, seconds), (signal.SIGKILL, 5.0)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not _is_ours(pid, marks):
                return True
            time.sleep(0.05)
    return True


def _is_ours(pid: int, marks: tuple[str, ...]) -> bool:
    command = command_of(pid)
    return bool(command) and all(mark in command for mark in marks)

"""What processes have used: CPU seconds and memory, from /proc. None where there is no /proc (only Linux has one)."""

import os
from pathlib import Path

PROC = Path("/proc")


def cpu_seconds(pid: int) -> float | None:
    """User and system time of a process and of all its children, living and ended."""
    if not PROC.is_dir():
        return None
    children = [each for each in _all_pids() if _parent(each) == pid]
    return _ticks(pid, with_ended=True) + sum(_ticks(child, with_ended=True) for child in children)


def peak_megabytes(pid: int) -> float | None:
    """The most memory the process has had resident, in MB."""
    try:
        for line in (PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    return None


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def _fields(pid: int) -> list[str]:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _parent(pid: int) -> int | None:
    fields = _fields(pid)
    return int(fields[1]) if fields else None


def _ticks(pid: int, *, with_ended: bool) -> float:
    fields = _fields(pid)
    if not fields:
        return 0.0
    own, ended = sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))
    return (own + (ended if with_ended else 0)) / os.sysconf("SC_CLK_TCK")

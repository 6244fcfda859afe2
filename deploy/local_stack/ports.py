"""Free loopback ports that a restarted server finds free again."""

import random
import socket
from pathlib import Path

# Below every system's range for outgoing connections (Linux from 32768, macOS and Windows from 49152): while a server
# is down, an outgoing connection could otherwise take its port, or a connection to that port even connect to itself.
PORTS = range(18_000, 30_000)

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A port nobody listens on at this moment."""
    for port in random.sample(PORTS, 200):
        if is_free(port):
            return port
    raise RuntimeError(f"no free port on {LOOPBACK} between {PORTS.start} and {PORTS.stop}")


def is_free(port: int) -> bool:
    """True if a server could listen on this port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: old connections do not count
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def kept_port(file: Path) -> int:
    """The port written in `file` if it is still free, else a new one, which is written there."""
    if file.exists():
        text = file.read_text().strip()
        if text.isdigit() and is_free(int(text)):
            return int(text)
    port = free_port()
    file.write_text(f"{port}\n")
    return port

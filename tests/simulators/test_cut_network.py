"""The network that can be cut: what passes, what both ends hear, and what disappears without a word."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from simulators.cut_network import CutNetwork

SECONDS = 10.0


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """A server that says everything back, on each connection."""
    listening = socket.create_server(("127.0.0.1", 0))
    open_ones: list[socket.socket] = []

    def answer(sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while said := sock.recv(65_536):
                sock.sendall(said)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listening.accept()
                open_ones.append(sock)
                threads.append(threading.Thread(target=answer, args=(sock,)))
                threads[-1].start()

    threads = [threading.Thread(target=serve)]
    threads[0].start()
    yield listening.getsockname()
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    threads[0].join(SECONDS)
    for sock in open_ones:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join(SECONDS)
        assert not thread.is_alive()
    for sock in open_ones:
        sock.close()


@pytest.fixture
def network(echo: tuple[str, int]) -> Iterator[CutNetwork]:
    with CutNetwork(echo) as network:
        yield network


@contextlib.contextmanager
def connected(network: CutNetwork) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", network.port), timeout=SECONDS) as sock:
        yield sock


def says_back(sock: socket.socket, said: bytes) -> bool:
    sock.sendall(said)
    heard = b""
    while len(heard) < len(said):
        more = sock.recv(65_536)
        if not more:
            return False
        heard += more
    return heard == said


def is_ended(sock: socket.socket) -> bool:
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


def hears_nothing(sock: socket.socket) -> bool:
    sock.settimeout(0.5)
    try:
        sock.recv(1)
    except TimeoutError:
        return True
    finally:
        sock.settimeout(SECONDS)
    return False


def test_everything_passes_both_ways_also_much_at_once(network: CutNetwork) -> None:
    with connected(network) as one, connected(network) as other:
        assert says_back(one, b"good morning")
        sent = bytes(range(256)) * 8_000  # more than waits in the network
        sender = threading.Thread(target=other.sendall, args=(sent,))
        sender.start()
        heard = b""
        while len(heard) < len(sent):
            heard += other.recv(65_536)
        sender.join(SECONDS)
        assert heard == sent


def test_a_cut_is_heard_at_once_and_nobody_gets_through_until_it_is_mended(network: CutNetwork) -> None:
    with connected(network) as before:
        assert says_back(before, b"1")
        network.cut()
        assert is_ended(before)
    with connected(network) as meanwhile:
        assert is_ended(meanwhile)
    network.mend()
    with connected(network) as after:
        assert says_back(after, b"2")


def test_a_half_open_line_swallows_without_a_word_and_stays_dead_when_new_ones_work(network: CutNetwork) -> None:
    with connected(network) as before, contextlib.ExitStack() as stack:
        assert says_back(before, b"1")
        network.swallow()
        before.sendall(b"2")
        meanwhile = stack.enter_context(connected(network))
        meanwhile.sendall(b"3")
        assert hears_nothing(before)
        assert hears_nothing(meanwhile)
        network.mend()
        after = stack.enter_context(connected(network))
        assert says_back(after, b"4")
        assert hears_nothing(before)


def test_a_half_open_line_may_be_told_of_at_the_end(network: CutNetwork) -> None:
    with connected(network) as before:
        assert says_back(before, b"1")
        network.swallow()
        before.sendall(b"2")
        network.mend(tells=True)
        assert is_ended(before)

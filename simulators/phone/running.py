"""Runs the phone network on a port of this machine: for the service `phone`, and as a context manager for tests."""

import socket
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import uvicorn

from simulators.phone.answering import Phone
from simulators.phone.app import create_app
from simulators.phone.connections import Connections
from simulators.phone.courier import Courier, Posted
from simulators.phone.journal import Journal
from simulators.phone.message import Message
from simulators.phone.mischief import Misbehaviour, Mischief
from simulators.phone.network import Account, PhoneNetwork, Transit
from simulators.phone.rest import REMEMBERED, Asked
from store.clock import Clock, make_clock

SECONDS_TO_START = 10.0
SECONDS_TO_STOP = 3

TEST_ACCOUNT = Account(
    sid="AC" + "0123456789abcdef" * 2,
    auth_token="fedcba9876543210" * 2,
    sender="+447700900000",
    messaging_service_sid="MG" + "0123456789abcdef" * 2,
)
AT_ONCE = Transit(until_sent=timedelta(milliseconds=5), until_delivered=timedelta(milliseconds=10))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningPhones:
    """A phone network that answers at `url`."""

    url: str
    network: PhoneNetwork
    asked: deque[Asked] = field(default_factory=deque)  # every request to the API, oldest first

    @property
    def account(self) -> Account:
        """The credentials that the network knows."""
        return self.network.account

    @property
    def posted(self) -> list[Posted]:
        """Every form posted to the service and what came of it, oldest first."""
        return list(self.network.courier.posted)

    def texts_to(self, number: str) -> list[str]:
        """What can be read on the phone, oldest first; the service's texts only."""
        return [message.body for message in self.messages_with(number) if message.is_on_phone]

    def messages_with(self, number: str) -> list[Message]:
        """All texts to and from the phone, whatever became of them, oldest first."""
        return self.network.journal.with_phone(number)

    def reply(self, number: str, body: str) -> Message:
        """A person types a text on that phone."""
        return self.network.reply(number, body)

    def misbehave(self, *misbehaviours: Misbehaviour) -> None:
        """These faults and no others from now on; none: behave."""
        self.network.mischief.switch_to(misbehaviours)

    def forget(self) -> None:
        """As if just started: no texts, no STOP, no faults. For tests that share one network."""
        self.misbehave()
        self.settle()
        self.network.journal.clear()
        self.network.courier.posted.clear()
        self.asked.clear()

    def settle(self, *, within: float = 10.0) -> None:
        """Wait until every text has reached its end and the service was told. Answers due later are not waited for."""
        until = time.monotonic() + within
        while not self.network.is_settled:
            if time.monotonic() > until:
                raise TimeoutError("the phone network is still busy")
            time.sleep(0.005)


@contextmanager
def running_phone_network(
    *,
    account: Account = TEST_ACCOUNT,
    clock: Clock | None = None,
    phones: Iterable[Phone] = (),
    public_url: str | None = None,
    data: Path | None = None,
    transit: Transit = AT_ONCE,
    port: int = 0,
) -> Iterator[RunningPhones]:
    """The network on a free port of 127.0.0.1 until the block is left. `network.public_url` may be set later."""
    network = PhoneNetwork(
        account=account,
        clock=clock or make_clock(),
        journal=Journal(data),
        courier=Courier(account.auth_token),
        mischief=Mischief(),
        phones=phones,
        public_url=public_url,
        transit=transit,
    )
    connections, asked, stop = Connections(), deque[Asked](maxlen=REMEMBERED), threading.Event()
    listener = _listen(port)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(network, connections=connections, asked=asked),
            http=connections.protocol(),
            loop="asyncio",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,  # addresses hold phone numbers
            timeout_graceful_shutdown=SECONDS_TO_STOP,
        )
    )
    carrying = threading.Thread(target=network.run, args=(stop,), name="phone-network")
    serving = threading.Thread(target=server.run, args=([listener],), name="phone-server")
    try:
        carrying.start()
        serving.start()
        _wait_for(server, serving)
        yield RunningPhones(url=f"http://127.0.0.1:{listener.getsockname()[1]}", network=network, asked=asked)
    finally:
        stop.set()
        network.wake()
        network.mischief.switch_to([])  # lets go of what hangs
        server.should_exit = True
        for thread in (serving, carrying):
            if thread.ident is not None:
                thread.join()
        listener.close()
        network.courier.close()
        network.journal.close()


def _listen(port: int) -> socket.socket:
    # The protocol is named so that asyncio switches Nagle's algorithm off: otherwise each answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise
    return listener


def _wait_for(server: uvicorn.Server, thread: threading.Thread) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while not server.started:
        if not thread.is_alive() or time.monotonic() > until:
            raise RuntimeError("the phone network's web server did not start")
        time.sleep(0.005)

"""The embedded NATS server."""

import os
import signal
import uuid
from dataclasses import replace
from pathlib import Path

from deploy.brokers.embedded import Embedded
from deploy.local_stack.broker import Broker
from deploy.local_stack.credentials import Credential
from deploy.local_stack.lifeline import Lifeline
from store.clock import Clock
from store.database import Conn
from tests.deploy.servers.common import Homes, Quirks


class NatsServer:
    """NATS as `telecare demo` starts it."""

    name = "nats"
    quirks = Quirks(takes_spaces=False)
    ca: Path | None = None

    def __init__(self, folder: Path, conn: Conn, clock: Clock, lifeline: Lifeline) -> None:
        self._broker = Broker(folder, lifeline=lifeline)
        self._homes = Homes(conn, Embedded(folder), clock)

    @property
    def port(self) -> int:
        return self._broker.port

    @property
    def homes_port(self) -> int:
        return self._broker.port

    def credentials(self, code: str | None = None) -> Credential:
        if code is not None:
            return self._homes.credential(code)
        return replace(self._broker.credentials.ingest(), client_id=f"telecare-ingest-{uuid.uuid4().hex}")

    def renew(self, code: str) -> Credential:
        return self._homes.renew(code)

    def revoke(self, code: str) -> None:
        self._homes.revoke(code)

    def kill(self) -> None:
        assert self._broker.process is not None
        os.kill(self._broker.process.pid, signal.SIGKILL)
        assert self._broker.process.wait(5.0)

    def start(self) -> None:
        self._broker.start()

    def stop(self) -> None:
        self._broker.stop()

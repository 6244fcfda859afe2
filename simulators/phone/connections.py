"""Lets the network close a connection without an answer, which no HTTP framework offers by itself."""

import asyncio
import threading

from starlette.datastructures import Address
from uvicorn.protocols.http.h11_impl import H11Protocol


class Connections:
    """The open connections by the caller's address."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[tuple[str, int], tuple[asyncio.Transport, asyncio.AbstractEventLoop]] = {}

    def drop(self, caller: Address | None) -> None:
        """Close that caller's connection at once, whatever was about to be answered."""
        with self._lock:
            found = self._open.get((caller.host, caller.port)) if caller else None
        if found is not None:
            transport, loop = found
            loop.call_soon_threadsafe(transport.abort)

    def protocol(self) -> type[H11Protocol]:
        """uvicorn's HTTP protocol, which tells us of each connection."""
        connections = self

        class Noted(H11Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                assert isinstance(transport, asyncio.Transport)
                super().connection_made(transport)
                with connections._lock:
                    connections._open[transport.get_extra_info("peername")[:2]] = (transport, self.loop)

            def connection_lost(self, exc: Exception | None) -> None:
                with connections._lock:
                    connections._open.pop(self.transport.get_extra_info("peername")[:2], None)
                super().connection_lost(exc)

        return Noted

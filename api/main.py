"""Runs the pages and the JSON API as one process."""

import logging
import socket
import threading
from datetime import timedelta

import psycopg
import uvicorn

from api.app import create_app
from api.middleware import BROKER_AT_ONCE
from api.settings import ApiSettings
from store.clock import Clock
from store.database import DatabaseSettings, Pool, open_pool
from store.oversight import note_seen

log = logging.getLogger(__name__)

SEEN_EVERY = timedelta(seconds=10)  # real
STOP_WITHIN = 3  # seconds for open requests to end


def run(*, clock: Clock, stop: threading.Event) -> None:
    """Serve until `stop` is set. A database that is away makes a plain page, and is used again when it is back."""
    settings = ApiSettings()
    pool = open_pool(DatabaseSettings(), size=settings.api_connections + BROKER_AT_ONCE + 1)
    try:
        serve(pool, clock, settings, stop)
    finally:
        pool.close(timeout=2)


def serve(pool: Pool, clock: Clock, settings: ApiSettings, stop: threading.Event) -> None:
    """Serve with this pool until `stop` is set."""
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(pool, clock, settings),
            proxy_headers=bool(settings.api_trusted_proxies),
            forwarded_allow_ips=settings.api_trusted_proxies or None,
            server_header=False,
            access_log=False,
            log_config=None,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=STOP_WITHIN,
        )
    )
    listener = listen(settings.api_host, settings.api_port)
    # Outside the main thread uvicorn leaves signals alone: whoever started us says when to stop.
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="pages")
    thread.start()
    log.info("pages at %s", settings.public_url)
    try:
        while not stop.is_set() and thread.is_alive():
            _note_seen(pool, clock)
            stop.wait(SEEN_EVERY.total_seconds())
    finally:
        server.should_exit = True
        thread.join(timeout=STOP_WITHIN + 2)
        listener.close()
    if not stop.is_set():
        raise RuntimeError("the web server ended by itself; the log says why")


class CannotListen(Exception):
    """The address is taken, not ours, or not allowed."""


def listen(host: str, port: int) -> socket.socket:
    """A socket of our own, so that a port that is taken is an error with a reason and not an exit in a thread."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as exc:
        raise CannotListen(f"cannot listen on {host} port {port}: {exc.strerror}") from exc


def _note_seen(pool: Pool, clock: Clock) -> None:
    try:
        with pool.connection(timeout=2) as conn:
            note_seen(conn, "api", now=clock.now())
    except psycopg.OperationalError as exc:
        log.warning("the database cannot be reached: %s", type(exc).__name__)

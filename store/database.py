"""The connection pool and its settings. A service makes one pool in its `main` and passes it on."""

import logging
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from store.settings import Settings

Conn = Connection[TupleRow]
Pool = ConnectionPool[Conn]

log = logging.getLogger(__name__)


class DatabaseSettings(Settings):
    """Where the database is, and as whom: `store.access` says what each role may do."""

    database_url: str = "postgresql://telecare@localhost/telecare"  # libpq connection string


def open_pool(settings: DatabaseSettings, *, size: int = 4) -> Pool:
    """A pool that hands out only live connections and comes back by itself when the database does.

    Waiting for a connection raises `psycopg_pool.PoolTimeout` after 10 s; workers catch
    `psycopg.OperationalError` (its base) and try again.
    """
    options: dict[str, Any] = {
        "connect_timeout": 5,
        "options": "-c timezone=UTC -c statement_timeout=60000 -c idle_in_transaction_session_timeout=60000",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }
    return ConnectionPool(
        settings.database_url,
        kwargs=options,
        min_size=1,
        max_size=size,
        timeout=10.0,
        reconnect_timeout=15.0,
        check=ConnectionPool.check_connection,
        open=True,
    )

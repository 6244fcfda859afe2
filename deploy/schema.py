"""Before a service begins: may this version run on the schema of its database? `store.migrate` decides."""

import contextlib
import logging
import threading
import time

import psycopg

from store.database import Conn, DatabaseSettings
from store.migrate import UnfitSchema, require_fit
from store.roles import powers_of

_AGAIN_SECONDS = 1.0  # between two questions to a database that is away
_CONNECT_SECONDS = 5

log = logging.getLogger(__name__)


def fits(settings: DatabaseSettings, *, stop: threading.Event, patience: float | None = None) -> bool:
    """True if the service may begin; false, with the reason in the log, if it must not, or was told to stop.

    A database that is away is waited for: a service that is started beside it begins when it is there. With `patience`,
    in seconds, it is not waited for any longer and the service begins unchecked.
    """
    is_told = False
    begun = time.monotonic()
    while not stop.is_set():
        try:
            with contextlib.closing(
                psycopg.connect(settings.database_url, autocommit=True, connect_timeout=_CONNECT_SECONDS)
            ) as conn:
                require_fit(conn)
                _warn_of_too_much_power(conn)
            return True
        except UnfitSchema as exc:
            log.error("not started: %s", exc)
            return False
        except psycopg.OperationalError as exc:
            if not is_told:
                log.warning("no database just now, waiting for it: %s", exc)
                is_told = True
        if patience is not None and time.monotonic() - begun > patience:
            return True
        stop.wait(_AGAIN_SECONDS)
    return False


def _warn_of_too_much_power(conn: Conn) -> None:
    """Not a reason to stand still: nobody is helped by a service that watches over people and does not start."""
    powers = powers_of(conn)
    if powers.words:
        log.error(
            "this service signs in to the database as %s, which %s: a mistake or a break-in could reach every row and "
            "change every table; give it a role of its own (telecare migrate makes them, see TELECARE_DATABASE_URL)",
            powers.role,
            powers.words,
        )

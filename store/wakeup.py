"""Waking the next service: LISTEN/NOTIFY, with polling as the safety net. A lost notice costs a poll, nothing more."""

import logging
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum

import psycopg

from store.database import Conn, DatabaseSettings

log = logging.getLogger(__name__)


class Channel(StrEnum):
    """Who is woken by what."""

    INTAKE = "telecare_intake"  # ingest has stored something: anomaly
    FINDING = "telecare_finding"  # anomaly has found something: alerts
    NOTIFICATION = "telecare_notification"  # an answer or a page has made something due: alerts


def wake(conn: Conn, channel: Channel) -> None:
    """Wake whoever listens, once this transaction commits."""
    conn.execute("SELECT pg_notify(%(channel)s, '')", {"channel": channel})


class Listener:
    """A connection of its own that waits for notices. Survives the database: a broken connection is made again."""

    def __init__(self, settings: DatabaseSettings, *channels: Channel) -> None:
        self._url = settings.database_url
        self._channels = channels
        self._conn: Conn | None = None

    def wait(self, timeout: timedelta, *, sleep: Callable[[float], None]) -> None:
        """Return at the next notice, or after `timeout` of real time. Never raises for a lost database."""
        try:
            if self._conn is None:
                self._conn = psycopg.connect(self._url, autocommit=True, connect_timeout=5)
                for channel in self._channels:
                    self._conn.execute(f"LISTEN {channel}")  # an enum of ours, never input
                return  # something may have come before we listened
            for _ in self._conn.notifies(timeout=timeout.total_seconds(), stop_after=1):
                pass
        except psycopg.OperationalError as exc:
            log.warning("lost the database while waiting for work: %s", exc)
            self.close()
            sleep(timeout.total_seconds())

    def close(self) -> None:
        """Give the connection back."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None

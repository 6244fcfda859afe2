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
    DESCRIPTION = (
        "telecare_description"  # a home, its sensors or absences are described anew: anomaly, with the home's id
    )


def wake(conn: Conn, channel: Channel) -> None:
    """Wake whoever listens, once this transaction commits."""
    conn.execute("SELECT pg_notify(%(channel)s, '')", {"channel": channel})


class Listener:
    """A connection of its own that waits for notices. Survives the database: a broken connection is made again."""

    def __init__(self, settings: DatabaseSettings, *channels: Channel) -> None:
        self._url = settings.database_url
        self._channels = channels
        self._conn: Conn | None = None

    def wait(self, timeout: timedelta, *, sleep: Callable[[float], None]) -> list[tuple[Channel, str]]:
        """Return at the next notice, or after `timeout` of real time: what was said, as (channel, payload).

        Never raises for a lost database. A connection that is new says every channel with an empty payload: whatever
        came before it was not heard.
        """
        try:
            if self._conn is None:
                self._conn = psycopg.connect(self._url, autocommit=True, connect_timeout=5)
                for channel in self._channels:
                    self._conn.execute(f"LISTEN {channel}")  # an enum of ours, never input
                return [(channel, "") for channel in self._channels]  # something may have come before we listened
            found = list(self._conn.notifies(timeout=timeout.total_seconds(), stop_after=1))
            if found:
                found += self._conn.notifies(timeout=0)
            return [(Channel(notice.channel), notice.payload) for notice in found]
        except psycopg.OperationalError as exc:
            log.warning("lost the database while waiting for work: %s", exc)
            self.close()
            sleep(timeout.total_seconds())
            return []

    def close(self) -> None:
        """Give the connection back."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None

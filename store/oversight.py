"""Which service proved when that it works, and which partitions it serves."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import kwargs_row

from store.database import Conn


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSeen:
    """The last time a service, or one worker of it, finished a round of its work."""

    service: str  # `api`, `ingest`, or with the partitions of one worker: `ingest 00-31`
    seen_at: datetime
    note: str
    partitions: frozenset[int] | None = None  # which it serves; None: all of them, or it has none

    @property
    def duty(self) -> str:
        """The service without its partitions."""
        return self.service.split(" ")[0]


def _service_seen(*, partitions: list[int] | None, **columns: Any) -> ServiceSeen:
    return ServiceSeen(partitions=None if partitions is None else frozenset(partitions), **columns)


def note_seen(
    conn: Conn, service: str, *, now: datetime, note: str = "", partitions: Collection[int] | None = None
) -> None:
    """This service, or this worker of it (`store.partition.worker_name`), has just finished a round of its work."""
    conn.execute(
        """
        INSERT INTO service_seen (service, seen_at, note, partitions)
        VALUES (%(service)s, %(now)s, %(note)s, %(partitions)s::smallint[])
            ON CONFLICT (service) DO UPDATE
           SET seen_at = excluded.seen_at, note = excluded.note, partitions = excluded.partitions
        """,
        {
            "service": service,
            "now": now,
            "note": note,
            "partitions": None if partitions is None else sorted(partitions),
        },
    )


def forget_service(conn: Conn, service: str) -> None:
    """This worker was taken out of service for good: nobody is to miss it."""
    conn.execute("DELETE FROM service_seen WHERE service = %(service)s", {"service": service})


def services_seen(conn: Conn) -> list[ServiceSeen]:
    """Every service that has ever reported, by name."""
    with conn.cursor(row_factory=kwargs_row(_service_seen)) as cur:
        return cur.execute("SELECT service, seen_at, note, partitions FROM service_seen ORDER BY service").fetchall()

"""Which service proved when that it works."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import kwargs_row

from store.database import Conn


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSeen:
    """The last time a service finished a round of its work."""

    service: str
    seen_at: datetime
    note: str


def note_seen(conn: Conn, service: str, *, now: datetime, note: str = "") -> None:
    """This service has just finished a round of its work."""
    conn.execute(
        """
        INSERT INTO service_seen (service, seen_at, note) VALUES (%(service)s, %(now)s, %(note)s)
            ON CONFLICT (service) DO UPDATE SET seen_at = excluded.seen_at, note = excluded.note
        """,
        {"service": service, "now": now, "note": note},
    )


def services_seen(conn: Conn) -> list[ServiceSeen]:
    """Every service that has ever reported, by name."""
    with conn.cursor(row_factory=kwargs_row(ServiceSeen)) as cur:
        return cur.execute("SELECT service, seen_at, note FROM service_seen ORDER BY service").fetchall()

"""Messages, or single readings of them, that could not be taken: kept with the reason, where they can be looked at."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from store.database import Conn

KEPT_BYTES = 4_096  # of a payload
KEPT_PER_HOUR = 200  # of one home and reason; the rest is only counted
_NO_HOME = 0  # in rejected_hour: all homes we do not know, together


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedMessage:
    """What could not be taken, and why."""

    home_id: int | None  # None: not of a home we know
    topic: str
    payload: bytes
    reason: str  # one of a few words, to count by
    detail: str  # what was wrong and where
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedOfHome:
    """How many messages of a home could not be taken for one reason."""

    home_code: str
    reason: str
    messages: int  # kept or only counted
    last_hour: datetime  # in which the last of them came
    last_detail: str | None  # of the last that was kept


def keep_rejected(conn: Conn, messages: Sequence[RejectedMessage]) -> int:
    """Keep them, at most `KEPT_PER_HOUR` of a home, hour and reason, and count the others; how many were kept.

    A broken hub repeats itself for ever: without a limit it would fill the disk for everybody.
    """
    of_hour: dict[tuple[int, datetime, str], list[RejectedMessage]] = defaultdict(list)
    for message in messages:
        hour = message.received_at.replace(minute=0, second=0, microsecond=0)
        of_hour[message.home_id or _NO_HOME, hour, message.reason].append(message)
    kept: list[RejectedMessage] = []
    for (home_id, hour, reason), found in sorted(of_hour.items(), key=lambda item: item[0]):
        row = conn.execute(
            """
            INSERT INTO rejected_hour (home_id, hour, reason, rejected)
            VALUES (%(home_id)s, %(hour)s, %(reason)s, %(more)s)
                ON CONFLICT (home_id, hour, reason) DO UPDATE SET rejected = rejected_hour.rejected + excluded.rejected
            RETURNING rejected
            """,
            {"home_id": home_id, "hour": hour, "reason": reason, "more": len(found)},
        ).fetchone()
        assert row is not None
        before = row[0] - len(found)
        kept += found[: max(0, KEPT_PER_HOUR - before)]
    with conn.cursor() as cur:
        cur.executemany(
            """
            INSERT INTO rejected_message (home_id, topic, payload, reason, detail, received_at)
            VALUES (%(home_id)s, %(topic)s, %(payload)s, %(reason)s, %(detail)s, %(received_at)s)
            """,
            [
                {
                    "home_id": message.home_id,
                    "topic": _storable(message.topic, 500),
                    "payload": message.payload[:KEPT_BYTES],
                    "reason": message.reason,
                    "detail": _storable(message.detail, 500),
                    "received_at": message.received_at,
                }
                for message in kept
            ],
        )
    return len(kept)


def rejected_by_home(conn: Conn, organisation_id: int, *, since: datetime) -> list[RejectedOfHome]:
    """Counts of the organisation's homes by home and reason, the most first."""
    with conn.cursor(row_factory=class_row(RejectedOfHome)) as cur:
        return cur.execute(
            """
            SELECT home.code AS home_code, counted.reason, sum(counted.rejected)::bigint AS messages,
                   max(counted.hour) AS last_hour,
                   (SELECT kept.detail FROM rejected_message AS kept
                     WHERE kept.home_id = home.id AND kept.reason = counted.reason
                     ORDER BY kept.received_at DESC, kept.id DESC LIMIT 1) AS last_detail
              FROM rejected_hour AS counted
              JOIN home ON home.id = counted.home_id
             WHERE home.organisation_id = %(organisation)s AND counted.hour >= %(since)s
             GROUP BY home.id, home.code, counted.reason
             ORDER BY messages DESC, home.code, counted.reason
            """,
            {"organisation": organisation_id, "since": since},
        ).fetchall()


def count_rejected_of_no_home(conn: Conn, *, since: datetime) -> int:
    """How many were kept that are of no home we know: nobody's, so this bare figure is all that anybody is shown."""
    row = conn.execute("SELECT count_rejected_of_no_home(%(since)s)", {"since": since}).fetchone()
    return int(row[0]) if row is not None else 0


def rejected_of_home(conn: Conn, home_id: int, *, since: datetime, limit: int) -> list[RejectedMessage]:
    """The home's newest messages that were kept, newest first."""
    with conn.cursor(row_factory=class_row(RejectedMessage)) as cur:
        return cur.execute(
            """
            SELECT home_id, topic, payload, reason, detail, received_at
              FROM rejected_message
             WHERE home_id = %(home)s AND received_at >= %(since)s
             ORDER BY received_at DESC, id DESC
             LIMIT %(limit)s
            """,
            {"home": home_id, "since": since, "limit": limit},
        ).fetchall()


def _storable(text: str, length: int) -> str:
    """The text as PostgreSQL can hold it: no NUL, no lone surrogate."""
    return text[:length].encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")

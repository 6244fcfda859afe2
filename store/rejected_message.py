"""Messages, or single readings of them, that could not be taken: kept with the reason, where they can be looked at."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from store.database import Conn

KEPT_BYTES = 4_096  # of a payload
KEPT_PER_HOUR = 200  # of one home; the rest is only counted
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


def keep_rejected(conn: Conn, messages: Sequence[RejectedMessage]) -> int:
    """Keep them, at most `KEPT_PER_HOUR` of a home and hour, and count the others; how many were kept.

    A broken hub repeats itself for ever: without a limit it would fill the disk for everybody.
    """
    of_hour: dict[tuple[int, datetime], list[RejectedMessage]] = defaultdict(list)
    for message in messages:
        hour = message.received_at.replace(minute=0, second=0, microsecond=0)
        of_hour[message.home_id or _NO_HOME, hour].append(message)
    kept: list[RejectedMessage] = []
    for (home_id, hour), found in sorted(of_hour.items(), key=lambda item: item[0]):
        row = conn.execute(
            """
            INSERT INTO rejected_hour (home_id, hour, rejected) VALUES (%(home_id)s, %(hour)s, %(more)s)
                ON CONFLICT (home_id, hour) DO UPDATE SET rejected = rejected_hour.rejected + excluded.rejected
            RETURNING rejected
            """,
            {"home_id": home_id, "hour": hour, "more": len(found)},
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


def _storable(text: str, length: int) -> str:
    """The text as PostgreSQL can hold it: no NUL, no lone surrogate."""
    return text[:length].encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")

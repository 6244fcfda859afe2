"""Partitions of homes: how a share of them is written, and who serves which.

A home's partition follows from its code (`store.home.partition_of`). Workers divide partitions, nothing of ours divides
them for them: a worker says which are its own, and a lock in the database keeps any other from doing the same work. The
lock belongs to a connection, so it is gone as soon as the process is, or half a minute after its machine has vanished.
Locks need a connection straight to PostgreSQL: behind a pooler that shares connections they mean nothing.
"""

import argparse
import re
from collections.abc import Collection
from enum import IntEnum

import psycopg

from store.database import Conn, DatabaseSettings
from store.home import PARTITIONS

ALL = frozenset(range(PARTITIONS))

_SPAN = re.compile(r"(?P<first>[0-9]{1,2})(-(?P<last>[0-9]{1,2}))?")
_WANTED = 100  # added to a duty: "this worker would serve the partition if it could"

# A vanished machine says no goodbye: the server must ask for it, or its locks would outlive it by two hours.
_SERVER_ASKS = "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=4"


class Duty(IntEnum):
    """What of a partition is served by one worker at a time; the first half of the lock's name in the database."""

    INGEST = 703_185_401
    ANOMALY = 703_185_402


def parse_partitions(text: str) -> frozenset[int]:
    """`00-63`, `0-15,32` … as numbers. Raises ValueError with what is wrong."""
    found: set[int] = set()
    for part in text.split(","):
        span = _SPAN.fullmatch(part.strip())
        if span is None:
            raise ValueError(f"{part.strip()!r} is not a partition or a range of them, such as 07 or 00-31")
        lowest, highest = int(span["first"]), int(span["last"] or span["first"])
        if not lowest <= highest < PARTITIONS:
            raise ValueError(f"{part.strip()!r} is not within 0 to {PARTITIONS - 1}, lowest first")
        found |= set(range(lowest, highest + 1))
    return frozenset(found)


def partitions_argument(text: str) -> frozenset[int]:
    """`parse_partitions` for the command line: its parser prints the reason and leaves with exit code 2."""
    try:
        return parse_partitions(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def partitions_label(partitions: Collection[int]) -> str:
    """The one way to write these partitions: `00-31`, `00-15,32`; empty for none."""
    spans: list[tuple[int, int]] = []
    for number in sorted(set(partitions)):
        if spans and spans[-1][1] == number - 1:
            spans[-1] = spans[-1][0], number
        else:
            spans.append((number, number))
    return ",".join(f"{first:02d}" if first == last else f"{first:02d}-{last:02d}" for first, last in spans)


def worker_name(service: str, partitions: Collection[int]) -> str:
    """What a worker is called beside others of its service: `ingest 00-31`; plain `ingest` if it has all of them."""
    return service if set(partitions) >= ALL else f"{service} {partitions_label(partitions)}"


class PartitionLocks:
    """The partitions this worker alone may serve, held on a connection of their own. Used by one thread at a time.

    Any call may raise `psycopg.OperationalError` when the database is away: then nothing is held any more.
    """

    def __init__(self, settings: DatabaseSettings, duty: Duty) -> None:
        self._url = settings.database_url
        self._duty = duty
        self._conn: Conn | None = None
        self._held: frozenset[int] = frozenset()

    @property
    def held(self) -> frozenset[int]:
        """What was held when the database was last asked."""
        return self._held

    def take(self, partitions: Collection[int]) -> frozenset[int]:
        """Take those of them that nobody holds; which of them are held now."""
        missing = sorted(set(partitions) - self._held)
        if missing:
            found = self._ask(
                "SELECT number FROM unnest(%(numbers)s::int[]) AS wanted (number)"
                " WHERE pg_try_advisory_lock(%(duty)s, number)",
                duty=self._duty,
                numbers=missing,
            )
            self._held |= found
        return self._held & set(partitions)

    def give_back(self, partitions: Collection[int]) -> None:
        """Let others have them."""
        leaving = sorted(self._held & set(partitions))
        if leaving:
            self._ask(
                "SELECT number FROM unnest(%(numbers)s::int[]) AS leaving (number)"
                " WHERE pg_advisory_unlock(%(duty)s, number)",
                duty=self._duty,
                numbers=leaving,
            )
            self._held -= set(leaving)

    def want(self, partitions: Collection[int]) -> None:
        """Let those who stand in know that their owner is there, whether it holds them yet or not."""
        self._ask(
            "SELECT number FROM unnest(%(numbers)s::int[]) AS own (number)"
            " WHERE pg_try_advisory_lock_shared(%(duty)s, number)",
            duty=self._duty + _WANTED,
            numbers=sorted(set(partitions)),
        )

    def wanted_by_others(self, partitions: Collection[int]) -> frozenset[int]:
        """Those of them whose owner is there."""
        return self._ask(
            "SELECT DISTINCT objid::int FROM pg_locks"
            " WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND pid <> pg_backend_pid()"
            "   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            "   AND classid = %(duty)s::bigint::oid AND objid = ANY(%(numbers)s::bigint[]::oid[])",
            duty=self._duty + _WANTED,
            numbers=sorted(set(partitions)),
        )

    def is_alive(self) -> bool:
        """True if what is held is still held; false if the database has forgotten us. Never raises."""
        if self._conn is None:
            return False
        try:
            self._ask("SELECT 1 WHERE %(duty)s IS NULL", duty=self._duty, numbers=[])
        except psycopg.OperationalError:
            return False
        return True

    def close(self) -> None:
        """Give everything back."""
        conn, self._conn, self._held = self._conn, None, frozenset()
        if conn is not None:
            conn.close()

    def _ask(self, query: str, *, duty: int, numbers: list[int]) -> frozenset[int]:
        try:
            if self._conn is None:
                self._conn = _connected(self._url)
            rows = self._conn.execute(query, {"duty": duty, "numbers": numbers}).fetchall()  # one of the above
        except psycopg.OperationalError:
            self.close()
            raise
        return frozenset(int(number) for (number,) in rows)


def _connected(url: str) -> Conn:
    return psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=5,
        options=f"-c statement_timeout=10000 -c idle_session_timeout=0 {_SERVER_ASKS}",
        keepalives_idle=5,
        keepalives_interval=3,
        keepalives_count=4,
        tcp_user_timeout=15_000,  # milliseconds
    )

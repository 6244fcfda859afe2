"""Batches into the database, whatever is in them: a row that the store refuses is found and set aside.

Raises `psycopg.Error` when the database is away or at odds with itself; the same batch can then be written again.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import psycopg

from ingest.arrival import Arrival, Item, read_arrival
from ingest.batch import AckDue, store_batch
from ingest.desk import rejected_message
from ingest.sequences import Seen
from ingest.stopwatch import Stopwatch
from ingest.told import Reading, TimeLimits
from ingest.wire import Reason, Rejected
from store.clock import Clock
from store.database import Pool
from store.intake import save_hub_sequences
from store.intake_open import Asked, lock_homes, open_homes
from store.rejected_message import keep_rejected

_LATENCY = timedelta(seconds=10)  # real time from a hub to us at which no skew is seen yet
WAIT_FOR_CONNECTION_SECONDS = 3.0  # then the worker looks whether it should stop
_TOO_MUCH = "54"  # SQLSTATE class "program limit exceeded": this row would fail for ever

log = logging.getLogger(__name__)


class Writer:
    """Stores what arrived."""

    def __init__(self, pool: Pool, *, clock: Clock, limits: TimeLimits) -> None:
        self._pool = pool
        self._clock = clock
        self._limits = limits
        self.watch = Stopwatch()

    def twin(self) -> "Writer":
        """One like it for another thread."""
        return Writer(self._pool, clock=self._clock, limits=self._limits)

    def write(self, arrivals: Sequence[Arrival]) -> list[AckDue]:
        """Store the messages: committed when this returns, so that all of them may be answered. Whom else to answer."""
        self.watch.lap("waiting")
        items = [read_arrival(arrival, self._limits) for arrival in arrivals]
        self.watch.lap("reading")
        acks = self._write(items)
        self.watch.lap("committing")
        return list({(ack.home_code, ack.boot): ack for ack in acks}.values())  # the newest of each hub

    def _write(self, items: list[Item]) -> list[AckDue]:
        try:
            with self._pool.connection(timeout=WAIT_FOR_CONNECTION_SECONDS) as conn:
                return store_batch(conn, items, limits=self._limits_now(), now=self._clock.now(), watch=self.watch)
        except psycopg.Error as exc:
            if not _is_of_the_data(exc):
                raise
            reason, detail = Reason.STORE_REFUSED, str(exc)
        except Exception as exc:
            # A defect of ours must not stop the other homes; the message is kept, the traceback is in the log.
            if len(items) == 1 and not items[0].halves():
                log.exception("could not handle a message", extra={"home": items[0].home_code})
            reason, detail = Reason.FAILED, type(exc).__name__
        if len(items) > 1:
            middle = len(items) // 2
            return self._write(items[:middle]) + self._write(items[middle:])
        halves = items[0].halves()
        if halves:
            return [ack for half in halves for ack in self._write([half])]
        return self._set_aside(items[0], Rejected(reason=reason, detail=detail))

    def _limits_now(self) -> TimeLimits:
        """A clock that runs fast makes the time on the network look long."""
        return replace(self._limits, ignored_skew=max(self._limits.ignored_skew, self._clock.stretch(_LATENCY)))

    def _set_aside(self, item: Item, rejected: Rejected) -> list[AckDue]:
        """Keep what the store refused as rejected; a numbered reading is then done with, as any rejected one."""
        try:
            with self._pool.connection(timeout=WAIT_FOR_CONNECTION_SECONDS) as conn:
                homes = lock_homes(conn, {item.home_code: 0}) if item.home_code is not None else {}
                home = homes.get(item.home_code or "")
                keep_rejected(conn, [rejected_message(item, home.id if home is not None else None, rejected)])
                if home is None or item.told is None or not item.told.boots:
                    return []
                asked = [Asked(home.id), *(Asked(home.id, boot) for boot in item.told.boots)]
                known = open_homes(conn, [home], asked).sequences
                sequences = {hub: Seen(*stored) for hub, stored in known.items() if hub[1]}
                numbered: list[Reading | Rejected] = [*item.told.readings, *item.told.rejected]
                for one in numbered:
                    if one.boot is not None and one.seq is not None:
                        sequences[home.id, one.boot].add(one.seq)
                save_hub_sequences(conn, {hub: seen.stored for hub, seen in sequences.items()}, now=self._clock.now())
                return [AckDue(home.code, boot, seen.contiguous) for (_, boot), seen in sequences.items()]
        except psycopg.Error as exc:
            if not _is_of_the_data(exc):
                raise
            log.error("a message could not even be kept as rejected: %s", exc, extra={"home": item.home_code})
        return []


def _is_of_the_data(exc: psycopg.Error) -> bool:
    """True if the same rows would fail again, false if the database is away, busy or not yet migrated."""
    return isinstance(exc, (psycopg.DataError, psycopg.IntegrityError)) or (exc.sqlstate or "").startswith(_TOO_MUCH)

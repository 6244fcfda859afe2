"""The loop of ingest: take a batch, store it, answer. Lives on whatever dies around it."""

import logging
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg

from ingest.arrival import Arrival
from ingest.batch import AckDue
from ingest.dialects.native import ack_payload
from ingest.housekeeping import Housekeeping
from ingest.subscriber import Subscriber
from ingest.wire import ack_topic
from ingest.writer import Writer
from store.clock import Clock
from store.database import Pool
from store.oversight import note_seen
from store.partition import ALL, worker_name

SIDE_BY_SIDE = 200  # messages from which on a batch is divided; a smaller one is written as quickly in one piece
WAIT = timedelta(milliseconds=500)  # for a first message; then the loop looks whether it should stop
RETRY_SECONDS = (0.2, 5.0)  # between attempts to reach the database, rising
SEEN_EVERY_SECONDS = 10.0

log = logging.getLogger(__name__)


class Worker:
    """Moves messages from the broker into the database."""

    def __init__(
        self,
        subscriber: Subscriber,
        writer: Writer,
        pool: Pool,
        *,
        clock: Clock,
        partitions: Collection[int] = ALL,
        housekeeping: Housekeeping | None = None,
    ) -> None:
        self._subscriber = subscriber
        self._writer = writer
        self._pool = pool
        self._clock = clock
        self._partitions = frozenset(partitions)
        self._housekeeping = housekeeping
        self._other_writer = writer.twin()
        self._lane = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lane")
        self._in_hand: list[Arrival] = []  # taken and not stored yet
        self._stored = 0
        self._noted_at = float("-inf")

    def step(self) -> bool:
        """Store one batch and answer it; false if there was none.

        Raises `psycopg.Error` when the database is away: the batch stays in hand for the next step.
        """
        self._in_hand = self._subscriber.still_due(self._in_hand)  # the rest comes again
        if not self._in_hand:
            self._in_hand = self._subscriber.take(wait=WAIT)
        if not self._in_hand:
            return False
        self._store_in_hand()
        return True

    def _store_in_hand(self) -> None:
        """Two transactions side by side, of homes that have nothing to do with each other: while the database works
        on one, we work on the other. What is stored is answered, whatever becomes of the other half.
        """
        first, *others = lanes_of(self._in_hand)
        beside = [(lane, self._lane.submit(self._other_writer.write, lane)) for lane in others]
        failures: list[Exception] = []
        left = self._settle(first, lambda: self._writer.write(first), failures)
        for lane, writing in beside:
            left += self._settle(lane, writing.result, failures)
        self._in_hand = left
        if failures:
            raise failures[0]

    def _settle(
        self, lane: list[Arrival], write: Callable[[], list[AckDue]], failures: list[Exception]
    ) -> list[Arrival]:
        """Answer what is stored when `write` returns; what is not stored, with the reason added to `failures`."""
        try:
            acks = write()
        except Exception as exc:
            failures.append(exc)
            return lane
        self._answer(acks)
        self._subscriber.puback(lane)
        self._stored += len(lane)
        return []

    def run(self, stop: threading.Event) -> None:
        """Step until told to stop."""
        with self._lane:
            self._run(stop)
        seconds = [writer.watch.words for writer in (self._writer, self._other_writer)]
        log.info("stopped after %d messages; seconds: %s; beside it: %s", self._stored, *seconds)

    def _run(self, stop: threading.Event) -> None:
        pause = RETRY_SECONDS[0]
        while not stop.is_set():
            try:
                self.step()
                self._note_seen()
                if self._housekeeping is not None:
                    self._housekeeping.step()
            except psycopg.Error as exc:
                log.warning("cannot store, trying again in %.1f s: %s", pause, exc)
            except Exception:
                # A defect of ours. Nothing of the batch was answered: have it delivered again.
                log.exception("unexpected; reconnecting to the broker")
                self._in_hand = []
                self._subscriber.reconnect()
            else:
                pause = RETRY_SECONDS[0]
                continue
            stop.wait(pause)
            pause = min(2 * pause, RETRY_SECONDS[1])

    def _answer(self, acks: list[AckDue]) -> None:
        self._subscriber.publish_all([(ack_topic(ack.home_code), ack_payload(ack.boot, ack.seq)) for ack in acks])

    def _note_seen(self) -> None:
        if time.monotonic() - self._noted_at < SEEN_EVERY_SECONDS:
            return
        connected = "connected to the broker" if self._subscriber.is_connected else "no broker"
        with self._pool.connection(timeout=3.0) as conn:
            note_seen(
                conn,
                worker_name("ingest", self._partitions),
                now=self._clock.now(),
                note=f"{connected}; {self._stored} messages since start",
                partitions=self._partitions,
            )
        self._noted_at = time.monotonic()


def lanes_of(arrivals: list[Arrival]) -> list[list[Arrival]]:
    """The batch in two, the messages of one home together and in order; or in one if that is not worth it."""
    if len(arrivals) < SIDE_BY_SIDE:
        return [arrivals]
    lanes: list[list[Arrival]] = [[], []]
    for arrival in arrivals:
        lanes[hash("/".join(arrival.topic.split("/", 3)[:3])) & 1].append(arrival)
    return lanes if all(lanes) else [arrivals]

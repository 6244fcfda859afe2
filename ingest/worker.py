"""The loop of ingest: take a batch, store it, answer. Lives on whatever dies around it."""

import logging
import threading
import time
from datetime import timedelta

import psycopg

from ingest.arrival import Arrival
from ingest.batch import AckDue
from ingest.dialects.native import Ack, encode_ack
from ingest.subscriber import Subscriber
from ingest.wire import ack_topic
from ingest.writer import Writer
from store.clock import Clock
from store.database import Pool
from store.oversight import note_seen

WAIT = timedelta(milliseconds=500)  # for a first message; then the loop looks whether it should stop
RETRY_SECONDS = (0.2, 5.0)  # between attempts to reach the database, rising
SEEN_EVERY_SECONDS = 10.0

log = logging.getLogger(__name__)


class Worker:
    """Moves messages from the broker into the database."""

    def __init__(self, subscriber: Subscriber, writer: Writer, pool: Pool, *, clock: Clock) -> None:
        self._subscriber = subscriber
        self._writer = writer
        self._pool = pool
        self._clock = clock
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
        acks = self._writer.write(self._in_hand)
        done, self._in_hand = self._in_hand, []
        self._answer(acks)
        self._subscriber.puback(done)
        self._stored += len(done)
        return True

    def run(self, stop: threading.Event) -> None:
        """Step until told to stop."""
        pause = RETRY_SECONDS[0]
        while not stop.is_set():
            try:
                self.step()
                self._note_seen()
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
        for ack in acks:
            self._subscriber.publish(ack_topic(ack.home_code), encode_ack(Ack(boot=ack.boot, seq=ack.seq)))

    def _note_seen(self) -> None:
        if time.monotonic() - self._noted_at < SEEN_EVERY_SECONDS:
            return
        connected = "connected to the broker" if self._subscriber.is_connected else "no broker"
        with self._pool.connection(timeout=3.0) as conn:
            note_seen(conn, "ingest", now=self._clock.now(), note=f"{connected}; {self._stored} messages since start")
        self._noted_at = time.monotonic()

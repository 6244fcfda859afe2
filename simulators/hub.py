"""A native hub: records first, publishes oldest first, forgets only what the service has committed.

The protocol stands in `ingest.dialects.native`. A hub that is up to date publishes each reading by itself; one that has
something to catch up (weeks of history, an outage) publishes lists, and with each list the check-ins of the time it
covers, with what is still waiting in `backlog`. So a check-in never overtakes what happened before it. `online` is said
when the hub is up to date, because until then it cannot vouch for the present.

Not here: threads. `step` does what can be done now and says whether there is more; `world.py` calls it.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from ingest.dialects.native import EVENTS, STATUS, decode_ack
from ingest.wire import Dialect, ack_topic, home_topic
from simulators.connection import BrokerAddress, Connection, Credential, Will
from simulators.hub_payloads import hub_word_payloads, readings_payload, status_payload
from simulators.hub_queue import Held, HubQueue, Item
from simulators.source import Source
from store.clock import Clock
from store.home import partition_of
from store.hub import HubState

log = logging.getLogger(__name__)

READINGS_IN_A_LIST = 200
UNACKNOWLEDGED_READINGS = 1200  # published and not committed yet: more would only pile up in the broker
_RECORD_AT_ONCE = 1500  # readings and check-ins in one transaction
_RECORD_AHEAD = 3000  # readings recorded and not published: history is made no faster than it is taken
_MESSAGES_IN_FLIGHT = 8
_FRESH_S = 2.0  # real seconds: what is younger, and not many, needs no list
_FEW = 20
PATIENCE_S = (10.0, 80.0)  # real seconds without progress of the acknowledgements, first and at most
_RETRY_S = 1.0  # real seconds between two connections


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """The hub has no connection; with `is_dark` it has no power either and records nothing."""

    start: float  # epoch seconds
    until: float
    is_dark: bool


class HubLike(Protocol):
    """What the world does with each home."""

    def step(self) -> bool:
        """Do what can be done now. True if there is more to do at once."""

    def progress(self) -> float:
        """The share of its history that is committed, 0 to 1."""

    def close(self) -> None:
        """Go off the network, hold what is held."""


class NativeHub:
    """One home's hub. Everything happens in `step`, in one thread."""

    def __init__(
        self,
        *,
        home_code: str,
        check_in_interval: timedelta,
        source: Source,
        begins: float,  # epoch seconds: when the hub was installed
        live: float,  # epoch seconds: what lies before is history
        queue_file: Path,
        credential: Credential,
        address: BrokerAddress,
        clock: Clock,
        on_news: Callable[[], None],
        outages: Sequence[Outage] = (),
        makes_check_ins: bool = True,  # False: they come from the source
        patience_s: tuple[float, float] = PATIENCE_S,
    ) -> None:
        self._home_code = home_code
        self._interval = check_in_interval.total_seconds()
        self._begins, self._live = begins, live
        self._credential, self._address = credential, address
        self._clock, self._on_news = clock, on_news
        self._outages = outages
        self._queue = HubQueue(queue_file)
        self._items = self._all_items(source, makes_check_ins)
        self._next = next(self._items, None)
        self._behind_s = math.inf  # how much of what has happened is not even recorded

        self._connection: Connection | None = None
        self._is_up = False
        self._is_announced = False
        self._retry_at = 0.0
        self._sent_place = 0  # everything up to there was published on this connection
        self._last_place = self._queue.last_place()
        self._unsent = self._queue.readings_after(0)
        self._unacknowledged = 0
        self._patience_s = patience_s
        self._patience, self._progress_at = patience_s[0], 0.0

    # What the world sees -----------------------------------------------------------------------

    @property
    def is_caught_up(self) -> bool:
        """True if the service has committed every reading there is."""
        return self._behind_s <= 0 and self._queue.oldest() is None

    @property
    def recorded_until(self) -> float:
        """Up to when everything is recorded, epoch seconds."""
        return self._queue.recorded_until or self._begins

    @property
    def queue(self) -> HubQueue:
        """The hub's disk."""
        return self._queue

    def progress(self) -> float:
        """The share of the history that is committed, 0 to 1."""
        if self.is_caught_up and self._clock.now().timestamp() >= self._live:
            return 1.0  # even if nothing at all happened just before
        done = self._queue.oldest() or self.recorded_until
        return max(0.0, min(1.0, (done - self._begins) / max(1.0, self._live - self._begins)))

    def step(self) -> bool:
        """Record what has happened, publish what may be published. True if there is more to do at once."""
        now = self._clock.now().timestamp()
        self._listen()
        self._connect_or_not(now)
        is_busy = self._record(now)
        if self._is_up:
            is_busy |= self._publish(now)
            self._resend_if_stalled()
        return is_busy

    def close(self) -> None:
        """Go off the network in order; everything not committed stays held."""
        if self._connection is not None:
            if self._is_up:
                self._say_status(HubState.OFFLINE)
            self._connection.close()
            self._connection = None
        self._queue.close()

    def hand_over(self) -> float:
        """Stop for good, another hub takes over: from when on."""
        at = self.recorded_until
        self._queue.hand_over(at)
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._queue.close()
        return at

    # Recording -----------------------------------------------------------------------------------

    def _all_items(self, source: Source, makes_check_ins: bool) -> Iterator[Item]:
        """Readings and check-ins from where we stopped, a check-in after everything before it."""
        start = self._queue.recorded_until
        after = self._begins - 1e-3 if start is None else start
        check_in = math.floor(after / self._interval + 1) * self._interval if makes_check_ins else math.inf
        if start is None and makes_check_ins and check_in > self._begins:
            yield Item(self._begins, "hub", HubState.CHECKIN)  # it says that it is there when it is switched on
        for at, sensor, value in source(after):
            while check_in < at:
                yield Item(check_in, "hub", HubState.CHECKIN)
                check_in += self._interval
            if at > after:
                yield Item(at, sensor, value)
        while makes_check_ins:  # the source has ended: the hub goes on
            yield Item(check_in, "hub", HubState.CHECKIN)
            check_in += self._interval

    def _record(self, now: float) -> bool:
        if self._next is None or self._next.at > now:
            self._behind_s = 0.0
            return False
        if self._unsent >= _RECORD_AHEAD:
            self._behind_s = now - self._next.at
            return False
        items: list[Item] = []
        last = self._next.at
        while self._next is not None and self._next.at <= now:
            if len(items) >= _RECORD_AT_ONCE and self._next.at > last:
                break
            last = self._next.at
            if not any(outage.is_dark and outage.start <= last < outage.until for outage in self._outages):
                items.append(self._next)
            self._next = next(self._items, None)
        readings, self._last_place = self._queue.append(items, recorded_until=last)
        self._unsent += readings
        self._behind_s = now - self._next.at if self._next is not None and self._next.at <= now else 0.0
        return self._behind_s > 0

    # Publishing ----------------------------------------------------------------------------------

    def _publish(self, now: float) -> bool:
        connection = self._connection
        assert connection is not None
        while self._last_place > self._sent_place:
            if connection.in_flight >= _MESSAGES_IN_FLIGHT or self._unacknowledged >= UNACKNOWLEDGED_READINGS:
                return False  # a confirmation or an acknowledgement wakes us
            held = self._queue.after(self._sent_place, limit=2 * READINGS_IN_A_LIST)
            if not held:
                self._sent_place = self._last_place
                break
            fresh_from = now - self._clock.stretch(timedelta(seconds=_FRESH_S)).total_seconds()
            if self._behind_s <= 0 and held[0].at >= fresh_from and len(held) <= _FEW:
                self._publish_singly(held)
            else:
                self._publish_list(held)
        if self._behind_s <= 0 and not self._is_announced:
            self._say_status(HubState.ONLINE)
            self._is_announced = True
        return False

    def _publish_singly(self, held: Sequence[Held]) -> None:
        for one in held:
            self._publish_readings([one] if one.seq is not None else [])
            # What is recorded after it is of this very moment and follows at once: nothing waits.
            self._publish_hub_words([one] if one.seq is None else [], backlog=0)
            self._sent_place = one.place

    def _publish_list(self, held: Sequence[Held]) -> None:
        readings: list[Held] = []
        words: list[Held] = []
        for one in held:
            if one.seq is not None and len(readings) >= READINGS_IN_A_LIST:
                break
            (words if one.seq is None else readings).append(one)
            self._sent_place = one.place
        self._publish_readings(readings)
        # A rough count of what is not recorded yet is honest enough: it says how long this will take.
        unrecorded = math.ceil(self._behind_s / 90)
        self._publish_hub_words(words, backlog=self._unsent + unrecorded)

    def _publish_readings(self, held: Sequence[Held]) -> None:
        if not held:
            return
        if not self._unacknowledged:
            self._progress_at = time.monotonic()
        self._unacknowledged += len(held)
        self._unsent -= len(held)
        self._send(EVENTS, readings_payload(held))

    def _publish_hub_words(self, held: Sequence[Held], *, backlog: int) -> None:
        for rest, payload in hub_word_payloads(held, backlog=backlog, installed=self._begins):
            self._send(rest, payload)

    def _say_status(self, state: HubState) -> None:
        self._send(STATUS, status_payload(state, boot=self._queue.boot, at=self._clock.now()))

    def _send(self, rest: str, payload: bytes) -> None:
        assert self._connection is not None
        self._connection.publish(self._topic(rest), payload)

    def _topic(self, rest: str) -> str:
        return home_topic(partition_of(self._home_code), self._home_code, Dialect.NATIVE, rest)

    # Connection and acknowledgements ---------------------------------------------------------------

    def _listen(self) -> None:
        if self._connection is None:
            return
        is_lost = False
        for news in self._connection.news():
            if news.is_up is None:
                self._forget(news.payload)
            elif news.is_up:
                self._is_up, self._is_announced = True, False
                self._begin_again()
            else:
                is_lost = True
        if is_lost:
            self._connection.break_off()
            self._gone()

    def _gone(self) -> None:
        self._connection, self._is_up = None, False
        self._retry_at = time.monotonic() + _RETRY_S

    def _connect_or_not(self, now: float) -> None:
        is_out = any(outage.start <= now < outage.until for outage in self._outages)
        if is_out and self._connection is not None:
            self._connection.break_off()
            self._gone()
        if is_out or self._connection is not None or time.monotonic() < self._retry_at:
            return
        will = status_payload(HubState.OFFLINE, boot=self._queue.boot, at=None)
        self._connection = Connection(
            credential=self._credential,
            address=self._address,
            will=Will(topic=self._topic(STATUS), payload=will),
            subscribe_to=ack_topic(self._home_code),
            on_news=self._on_news,
        )

    def _forget(self, payload: bytes) -> None:
        ack = decode_ack(payload)
        if ack is None or not self._queue.forget(ack.boot, ack.seq):
            return
        self._patience, self._progress_at = self._patience_s[0], time.monotonic()
        self._count()

    def _begin_again(self) -> None:
        """Publish everything held once more, oldest first."""
        self._sent_place = 0
        self._progress_at = time.monotonic()
        self._count()

    def _count(self) -> None:
        self._unsent = self._queue.readings_after(self._sent_place)
        self._unacknowledged = self._queue.readings_after(0) - self._unsent

    def _resend_if_stalled(self) -> None:
        assert self._connection is not None
        waits = time.monotonic() - self._progress_at
        if self._unacknowledged and not self._connection.in_flight and waits > self._patience:
            log.info("no acknowledgement for %.0f s, resending", waits, extra={"home_code": self._home_code})
            self._patience = min(2 * self._patience, self._patience_s[1])
            self._begin_again()

"""A native hub: records first, publishes alarms first and then oldest first, forgets only what is committed.

The protocol stands in `ingest.dialects.native`. A hub that is up to date publishes each reading by itself; one that has
something to catch up (an outage, weeks of history) publishes lists, and with each list the check-ins of the time it
covers, with what is still waiting in `backlog`. So a check-in never overtakes what happened before it. Alarms do, and
after an outage what each sensor says now: their numbers show that something is still to come. `online` is said when the
hub is up to date, because until then it cannot vouch for the present.

The same machine serves `telecare hub` and the pretend homes. Not here: threads, sensors, and where time comes from.
`step` does what can be done now; whoever has the hub calls it again and again.
"""

import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from ingest.dialects.native import EVENTS, LOST, STATUS, decode_ack
from ingest.dialects.native_sensors import SENSORS, NativeSensors, encode_sensors
from ingest.hub.link import BrokerAddress, Connection, Credential, Link, Will
from ingest.hub.payloads import Condition, hub_word_payloads, lost_payload, readings_payload, status_payload
from ingest.hub.queue import Held, HubQueue, Item, Lost
from ingest.wire import Dialect, ack_topic, home_topic
from store.clock import Clock
from store.home import partition_of
from store.hub import HubState

log = logging.getLogger(__name__)

READINGS_IN_A_LIST = 200
UNACKNOWLEDGED_READINGS = 1200  # published and not committed yet: more would only pile up in the broker
PATIENCE_S = (10.0, 80.0)  # real seconds without progress of the acknowledgements, first and at most
_MESSAGES_IN_FLIGHT = 8
_FRESH_S = 2.0  # real seconds: what is younger, and not many, needs no list
_FEW = 20
_RETRY_S = 1.0  # real seconds between two connections


class Hub:
    """One home's hub. Everything happens in the thread that calls it."""

    def __init__(
        self,
        *,
        home_code: str,
        queue: HubQueue,
        credential: Credential,
        address: BrokerAddress,
        clock: Clock,
        on_news: Callable[[], None],
        condition: Callable[[float], Condition],
        present: timedelta | None = None,  # after an outage, what each sensor said last within this is told first
        patience_s: tuple[float, float] = PATIENCE_S,
        retry_s: float = _RETRY_S,
        connect: Callable[..., Link] = Connection,
    ) -> None:
        self._home_code = home_code
        self._credential, self._address = credential, address
        self._clock, self._on_news, self._condition = clock, on_news, condition
        self._present = present
        self._queue = queue
        self._connect, self._retry_s = connect, retry_s
        self._connection: Link | None = None
        self._is_up = False
        self._is_announced = False
        self._retry_at = 0.0
        self._sent_place = 0  # everything up to there was published on this connection
        self._last_place = queue.last_place()
        self._ahead: list[int] = []  # places that overtake what waits
        self._overtook: set[int] = set()  # places behind `_sent_place` that are published already
        self._unsent = queue.readings_after(0)
        self._unacknowledged = 0
        self._patience_s = patience_s
        self._patience, self._progress_at = patience_s[0], 0.0

    @property
    def unsent(self) -> int:
        """Readings recorded and not published on this connection."""
        return self._unsent

    @property
    def is_connected(self) -> bool:
        """True while the broker hears us."""
        return self._is_up

    def record(self, items: Iterable[Item], *, recorded_until: float, said: dict[str, str] | None = None) -> None:
        """Durable when this returns. `said`: what each sensor said last, as an input wants to have it back."""
        before = self._last_place
        readings, self._last_place = self._queue.append(items, recorded_until=recorded_until, said=said)
        self._unsent += readings
        self._ahead += self._queue.urgent_after(before) if self._last_place > before else []

    def step(self, *, behind_s: float = 0.0, is_cut: bool = False, is_holding: bool = False) -> None:
        """Hear what came, publish what may be published.

        `behind_s`: how much of what has happened is not even recorded. `is_cut`: there is no network. `is_holding`:
        the clock is not set yet, so that only alarms are worth telling.
        """
        self._listen()
        self._connect_or_not(is_cut)
        if self._is_up:
            self._publish_ahead()
            if not is_holding:
                self._publish(behind_s)
            self._resend_if_stalled()

    def say_lost(self, gone: Sequence[Lost]) -> None:
        """These readings were thrown away: the service is told, so that it does not wait for them."""
        if not gone:
            return
        self._last_place = self._queue.last_place()
        self._count()
        if self._is_up:
            self._publish_lost(gone)

    def say_sensors(self, words: NativeSensors) -> None:
        """How the sensors are; call it while connected. It is not held: what is lost on the way is told again."""
        if self._is_up:
            self._send(SENSORS, encode_sensors(words))

    def break_off(self) -> None:
        """Lose the connection as when a cable is pulled."""
        if self._connection is not None:
            self._connection.break_off()
            self._gone()

    def close(self) -> None:
        """Go off the network in order; everything not committed stays held. The queue is its owner's to close."""
        if self._connection is not None:
            if self._is_up:
                self._say_status(HubState.OFFLINE)
            self._connection.close()
        self._connection, self._is_up = None, False

    def fall_silent(self) -> None:
        """Go off the network without a word: another hub takes over."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._is_up = None, False

    # Publishing ----------------------------------------------------------------------------------

    def _publish_ahead(self) -> None:
        if not self._ahead:
            return
        held = [one for one in self._queue.at_places(self._ahead) if one.place > self._sent_place]
        self._ahead.clear()
        held = [one for one in held if one.place not in self._overtook]
        for start in range(0, len(held), READINGS_IN_A_LIST):
            self._publish_readings(held[start : start + READINGS_IN_A_LIST])
        self._overtook.update(one.place for one in held)

    def _publish(self, behind_s: float) -> None:
        connection = self._connection
        assert connection is not None
        while self._last_place > self._sent_place:
            if connection.in_flight >= _MESSAGES_IN_FLIGHT or self._unacknowledged >= UNACKNOWLEDGED_READINGS:
                return  # a confirmation or an acknowledgement wakes us
            held = self._queue.after(self._sent_place, limit=2 * READINGS_IN_A_LIST)
            if not held:
                self._sent_place = self._last_place
                break
            fresh_from = self._now() - self._clock.stretch(timedelta(seconds=_FRESH_S)).total_seconds()
            if behind_s <= 0 and held[0].at >= fresh_from and len(held) <= _FEW:
                self._publish_singly(held)
            else:
                self._publish_list(held, behind_s)
            self._overtook = {place for place in self._overtook if place > self._sent_place}
        if behind_s <= 0 and not self._is_announced:
            self._say_status(HubState.ONLINE)
            self._is_announced = True

    def _publish_singly(self, held: Sequence[Held]) -> None:
        for one in held:
            self._publish_readings([one] if one.seq is not None and one.place not in self._overtook else [])
            # What is recorded after it is of this very moment and follows at once: nothing waits.
            self._publish_hub_words([one] if one.seq is None else [], backlog=0)
            self._sent_place = one.place

    def _publish_list(self, held: Sequence[Held], behind_s: float) -> None:
        readings: list[Held] = []
        words: list[Held] = []
        for one in held:
            if one.seq is not None and len(readings) >= READINGS_IN_A_LIST:
                break
            if one.seq is None:
                words.append(one)
            elif one.place not in self._overtook:
                readings.append(one)
            self._sent_place = one.place
        self._publish_readings(readings)
        # A rough count of what is not recorded yet is honest enough: it says how long this will take.
        unrecorded = math.ceil(behind_s / 90)
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
        for rest, payload in hub_word_payloads(
            held,
            backlog=max(0, backlog),
            sent=self._clock.now(),
            condition=self._condition,
            lowest=self._queue.lowest,
        ):
            self._send(rest, payload)

    def _publish_lost(self, gone: Sequence[Lost]) -> None:
        for lost in gone:
            self._send(LOST, lost_payload(lost))

    def _say_status(self, state: HubState) -> None:
        now = self._clock.now()
        self._send(STATUS, status_payload(state, boot=self._queue.boot, at=now, sent=now))

    def _send(self, rest: str, payload: bytes) -> None:
        assert self._connection is not None
        self._connection.publish(self._topic(rest), payload)

    def _topic(self, rest: str) -> str:
        return home_topic(partition_of(self._home_code), self._home_code, Dialect.NATIVE, rest)

    def _now(self) -> float:
        return self._clock.now().timestamp()

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
            self.break_off()

    def _gone(self) -> None:
        self._connection, self._is_up = None, False
        self._retry_at = time.monotonic() + self._retry_s

    def _connect_or_not(self, is_cut: bool) -> None:
        if is_cut:
            self.break_off()
        if is_cut or self._connection is not None or time.monotonic() < self._retry_at:
            return
        will = status_payload(HubState.OFFLINE, boot=self._queue.boot, at=None)
        self._connection = self._connect(
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
        """Publish everything held once more: alarms, what the sensors say now, then oldest first."""
        self._sent_place = 0
        self._overtook.clear()
        self._ahead = self._queue.urgent_after(0)
        self._progress_at = time.monotonic()
        self._count()
        if self._present is not None and self._unsent > _FEW:
            self._ahead += self._queue.newest_of_each(since=self._now() - self._present.total_seconds())
        self._publish_lost(self._queue.lost())

    def _count(self) -> None:
        if self._overtook:
            self._overtook = {one.place for one in self._queue.at_places(self._overtook)}
        held = self._queue.readings_after(0)
        behind = self._queue.readings_after(self._sent_place)
        self._unsent = behind - len(self._overtook)
        self._unacknowledged = held - self._unsent

    def _resend_if_stalled(self) -> None:
        assert self._connection is not None
        waits = time.monotonic() - self._progress_at
        if self._unacknowledged and not self._connection.in_flight and waits > self._patience:
            log.info("no acknowledgement for %.0f s, resending", waits, extra={"home_code": self._home_code})
            self._patience = min(2 * self._patience, self._patience_s[1])
            self._begin_again()

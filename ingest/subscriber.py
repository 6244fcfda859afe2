"""The way from the broker to a batch, and the pubacks back. No database here.

What has to hold, and how it does:

- *Nothing is answered before it is committed.* `manual_ack`, and `puback` is called by the worker after the commit.
- *A message id means something on its connection only.* Each connection has a client object of its own and an arrival
  knows which; a puback for an earlier connection goes nowhere. What was waiting when a connection ended is forgotten
  here, because the broker delivers it again.
- *A copy of what is still in hand is not taken twice*, and never answered for another message: a broker that repeats a
  delivery on a living connection (NATS does after its ack_wait) uses the same message id.
- *Order.* NATS delivers unanswered messages again some seconds after the reconnect, and new ones meanwhile
  (nats-server#8360). So with a resumed session the first batch waits that long and begins with the repeated ones.
- *No more in memory than agreed.* While as much waits as may, nothing is read from the connection, and the broker keeps
  the rest. If that lasts longer than the keep-alive, the connection is made anew and the broker delivers again.
- *It comes back by itself*: connecting is tried for ever; a connection that ended is replaced at the next `take`.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.arrival import Arrival
from ingest.broker_client import new_client
from ingest.lean_client import Delivered, LeanClient
from ingest.pump import Pump
from ingest.repeats import is_counted_anew
from ingest.settings import BrokerSettings
from store.clock import Clock

KEEP_ALIVE_SECONDS = 30
RETRY_SECONDS = (1, 5)  # between attempts, rising
SHORT_SECONDS = 10.0  # a connection that ends sooner was refused, or taken over by another with our client id

# Between two messages of one turn. A bridge's message without a time has that of its receipt: were it the same for all,
# on, off and on again would be two events.
_APART = timedelta(microseconds=1)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """How much is gathered for one transaction, and how much may wait for the next."""

    messages: int = 2_000
    payload_bytes: int = 500_000  # some 5,000 readings
    gather: timedelta = timedelta(milliseconds=100)  # from the first message on, real time
    waiting_messages: int = 20_000  # some 10 MB
    waiting_bytes: int = 16_000_000


@dataclass(slots=True)
class _Inbox:
    """What one connection has delivered and nobody has taken yet. Used under the subscriber's lock only."""

    waiting: deque[Arrival] = field(default_factory=deque)
    waiting_bytes: int = 0
    in_hand: dict[int, Arrival] = field(default_factory=dict)  # message id -> not answered yet
    begun_at: float = field(default_factory=time.monotonic)
    is_connected: bool = False
    is_subscribed: bool = False
    has_ended: bool = False
    numbered: int = 0  # messages with an id that this connection has delivered
    open_at: float = 0.0  # monotonic; until then only gather, repeated deliveries may still come


class Subscriber:
    """A persistent session at the broker."""

    def __init__(
        self,
        settings: BrokerSettings,
        filters: Sequence[str],
        *,
        clock: Clock,
        limits: BatchLimits | None = None,
    ) -> None:
        self._settings = settings
        self._filters = list(filters)
        self._clock = clock
        self._limits = limits or BatchLimits()
        self._changed = threading.Condition()
        self._inbox: _Inbox | None = None
        self._pump: Pump | None = None  # of that inbox
        self._connect_at = 0.0  # monotonic; not before
        self._pause = 0.0

    def take(self, *, wait: timedelta) -> list[Arrival]:
        """The next batch, oldest first; empty if nothing came within `wait` of real time."""
        self._keep_connected()
        deadline = time.monotonic() + wait.total_seconds()
        with self._changed:
            while not self._may_take():
                left = deadline - time.monotonic()
                if left <= 0:
                    return []
                self._changed.wait(min(left, 0.1))
            inbox = self._inbox
            assert inbox is not None
            until = time.monotonic() + self._limits.gather.total_seconds()
            while len(inbox.waiting) < self._limits.messages and inbox.waiting_bytes < self._limits.payload_bytes:
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            return self._cut(inbox) if inbox is self._inbox else []

    def still_due(self, arrivals: Iterable[Arrival]) -> list[Arrival]:
        """Those the broker will not deliver again: it waits for our answer, or (QoS 0) for none."""
        with self._changed:
            in_hand = self._inbox.in_hand if self._inbox is not None else {}
            return [arrival for arrival in arrivals if not arrival.mid or in_hand.get(arrival.mid) is arrival]

    def puback(self, arrivals: Iterable[Arrival]) -> None:
        """Tell the broker to forget these messages. Those of an earlier connection are passed over."""
        answered: list[int] = []
        with self._changed:
            inbox, pump = self._inbox, self._pump
            if inbox is None or pump is None or inbox.has_ended:
                return
            for arrival in arrivals:
                if inbox.in_hand.get(arrival.mid) is arrival:
                    del inbox.in_hand[arrival.mid]
                    if arrival.mid:  # 0: delivered at QoS 0, nothing to answer
                        answered.append(arrival.mid)
        pump.do(lambda client: client.puback_all(answered))

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 0, if there is a connection."""
        self.publish_all([(topic, payload)])

    def publish_all(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publish each topic's payload at QoS 0, if there is a connection."""
        with self._changed:
            pump = self._pump if self._inbox is not None and self._inbox.is_connected else None
        if pump is not None and messages:
            pump.do(lambda client: client.publish_all(messages))

    @property
    def is_connected(self) -> bool:
        """True if the broker has accepted us and not gone since."""
        with self._changed:
            return self._inbox is not None and self._inbox.is_connected

    @property
    def is_subscribed(self) -> bool:
        """True if the broker has confirmed on this connection what we want to hear."""
        with self._changed:
            inbox = self._inbox
            return inbox is not None and inbox.is_connected and inbox.is_subscribed

    def reconnect(self) -> None:
        """Give up this connection; the next `take` makes another, and the broker delivers again what is unanswered."""
        with self._changed:
            pump, self._pump, self._inbox = self._pump, None, None
        if pump is not None:
            pump.stop()

    def close(self) -> None:
        """End the connection; the session stays at the broker."""
        self.reconnect()

    def _keep_connected(self) -> None:
        with self._changed:
            inbox = self._inbox
            has_ended = inbox is not None and inbox.has_ended
        if inbox is not None and has_ended:
            is_short = time.monotonic() - inbox.begun_at < SHORT_SECONDS
            self._pause = min(max(2 * self._pause, RETRY_SECONDS[0]), RETRY_SECONDS[1]) if is_short else 0.0
            self._connect_at = time.monotonic() + self._pause
            self.reconnect()
        if self._inbox is None and time.monotonic() >= self._connect_at:
            self._connect()

    def _connect(self) -> None:
        client = new_client(self._settings)  # a lost connection gets a new one: see above
        inbox = _Inbox()
        client.on_connect = self._on_connect(inbox)
        client.on_disconnect = self._on_disconnect(inbox)
        client.on_subscribe = self._on_subscribe(inbox)
        pump = Pump(
            client,
            on_turn=lambda: self._take_in(inbox, client),
            may_read=lambda: self._has_room(inbox),
            retry_seconds=RETRY_SECONDS,
        )
        with self._changed:
            self._inbox, self._pump = inbox, pump
        pump.start(self._settings.broker_host, self._settings.broker_port, keep_alive_seconds=KEEP_ALIVE_SECONDS)

    # Called by the network thread.

    def _on_connect(
        self, inbox: _Inbox
    ) -> Callable[[Client, object, ConnectFlags, ReasonCode, Properties | None], None]:
        def on_connect(
            client: Client, _: object, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
        ) -> None:
            if reason.is_failure:
                log.error("the broker refused us: %s", reason)
                return
            wait = self._settings.broker_redelivery_seconds if flags.session_present else 0.0
            with self._changed:
                inbox.is_connected = True
                inbox.open_at = time.monotonic() + wait
            log.info("connected to the broker, session %s", "resumed" if flags.session_present else "new")
            client.subscribe([(topic_filter, 1) for topic_filter in self._filters])

        return on_connect

    def _on_disconnect(
        self, inbox: _Inbox
    ) -> Callable[[Client, object, DisconnectFlags, ReasonCode, Properties | None], None]:
        def on_disconnect(
            client: Client, _: object, flags: DisconnectFlags, reason: ReasonCode, properties: Properties | None
        ) -> None:
            with self._changed:
                inbox.is_connected = False
                inbox.has_ended = True
                inbox.waiting.clear()
                inbox.waiting_bytes = 0
                inbox.in_hand.clear()
                self._changed.notify_all()
            if reason.is_failure:
                log.warning("lost the broker: %s", reason)

        return on_disconnect

    def _on_subscribe(
        self, inbox: _Inbox
    ) -> Callable[[Client, object, int, list[ReasonCode], Properties | None], None]:
        def on_subscribe(
            client: Client, _: object, mid: int, reasons: list[ReasonCode], properties: Properties | None
        ) -> None:
            refused = [str(reason) for reason in reasons if reason.is_failure]
            if refused:
                log.error("the broker refused a subscription: %s", ", ".join(sorted(set(refused))))
                client.disconnect()
                return
            with self._changed:
                inbox.is_subscribed = True

        return on_subscribe

    def _take_in(self, inbox: _Inbox, client: LeanClient) -> None:
        """What one turn has brought."""
        now = self._clock.now()
        came = [_arrival(message, now + index * _APART) for index, message in enumerate(client.delivered)]
        client.delivered.clear()
        with self._changed:
            if inbox.has_ended:
                return
            had = len(inbox.waiting)
            for arrival in came:
                if arrival.mid:
                    inbox.numbered += 1
                    if arrival.is_repeated and is_counted_anew(arrival.mid, inbox.numbered):
                        arrival = replace(arrival, keeps_id=False)
                held = inbox.in_hand.get(arrival.mid) if arrival.mid else None
                if held is not None and held.topic == arrival.topic and held.payload == arrival.payload:
                    continue  # a copy of what we still have
                inbox.waiting.append(arrival)
                inbox.waiting_bytes += len(arrival.payload)
                if arrival.mid:
                    inbox.in_hand[arrival.mid] = arrival
            if not had or len(inbox.waiting) >= self._limits.messages:
                self._changed.notify_all()

    def _has_room(self, inbox: _Inbox) -> bool:
        with self._changed:
            limits = self._limits
            return len(inbox.waiting) < limits.waiting_messages and inbox.waiting_bytes < limits.waiting_bytes

    def _may_take(self) -> bool:
        inbox = self._inbox
        return inbox is not None and bool(inbox.waiting) and time.monotonic() >= inbox.open_at

    def _cut(self, inbox: _Inbox) -> list[Arrival]:
        if inbox.open_at:  # the first batch of a connection: what is repeated is older than what is new
            inbox.open_at = 0.0
            inbox.waiting = deque(sorted(inbox.waiting, key=lambda arrival: not arrival.is_repeated))
        batch: list[Arrival] = []
        size = 0
        while inbox.waiting and len(batch) < self._limits.messages and size < self._limits.payload_bytes:
            arrival = inbox.waiting.popleft()
            size += len(arrival.payload)
            batch.append(arrival)
        inbox.waiting_bytes -= size
        if self._pump is not None:
            self._pump.ring()  # there is room again
        return batch


def _arrival(message: Delivered, now: datetime) -> Arrival:
    topic, payload, mid, is_repeated, is_retained = message
    try:
        text = topic.decode()
    except UnicodeDecodeError:
        text = "(not UTF-8)"
    return Arrival(
        topic=text, payload=payload, is_retained=is_retained, is_repeated=is_repeated, received_at=now, mid=mid
    )

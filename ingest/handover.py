"""From one division of the partitions to another: `telecare ingest --drain 00-63 --into 00-31 --into 32-63`.

What waits in an old worker's session belongs to nobody else, and a session nobody reads grows for ever. So, with the
old workers stopped and their partitions locked: connect as they did and store what waits, and make the new workers'
sessions beside; when both bring the same, remove the old ones. What was published in between waits in both and is
stored once (`overlap`). The new workers may be started as soon as this has ended.

Without `--into` an old session is stored and removed while others serve its partitions already. What they have stored
before is known again if its hub numbers it or says when it was; what a bridge without times sent may then be doubled.

If this is killed it can be run again. Native hubs send again in any case what was not acknowledged.

Held on Mosquitto and RabbitMQ by tests. On NATS it is refused: a drained session there was seen to lose what it had yet
to send again.
"""

import contextlib
import logging
import queue
import secrets
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import psycopg
from paho.mqtt.client import Client
from paho.mqtt.reasoncodes import ReasonCode

from ingest.arrival import Arrival
from ingest.broker_client import new_client
from ingest.dialects.native import Ack, encode_ack
from ingest.overlap import Overlap
from ingest.settings import BrokerSettings
from ingest.subscriber import Subscriber
from ingest.wire import ack_topic, topic_filters
from ingest.writer import Writer
from store.clock import Clock
from store.database import DatabaseSettings, Pool
from store.oversight import forget_service, services_seen
from store.partition import Duty, PartitionLocks, partitions_label, worker_name

WAIT = timedelta(milliseconds=50)
RETRY_SECONDS = 1.0
REPETITIONS = 3  # times what the broker may need to repeat what its old worker had not answered: only silence tells
TAIL_SECONDS = 2.0  # without another copy: what the new session brings now came after the old one was removed
REMOVE_SECONDS = 15.0
ASK_SECONDS = 15.0
# A NATS subject can hold no space, so NATS grants no such subscription; MQTT allows it, and the others grant it. No
# home has this code, so nothing is ever delivered.
_NOT_ON_NATS = "homes/00/no such home/#"
RUNNING = timedelta(seconds=30)  # seen so lately, a worker is running

log = logging.getLogger(__name__)


class Refused(Exception):
    """It cannot be begun; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    """A message of a new session that no old one has brought yet."""

    subscriber: Subscriber
    arrival: Arrival


def division_fault(sources: Sequence[frozenset[int]], targets: Sequence[frozenset[int]]) -> str | None:
    """What is wrong with this change of division, or None."""
    for name, parts in (("--drain", sources), ("--into", targets)):
        for number, part in enumerate(parts):
            if any(part & other for other in parts[:number]):
                return f"{name} {partitions_label(part)}: some of these partitions are named twice"
    for target in targets:
        if target in sources:
            return f"--into {partitions_label(target)}: such a worker exists already; leave it out on both sides"
    if targets:
        old, new = frozenset[int]().union(*sources), frozenset[int]().union(*targets)
        if old - new:
            return f"--into: nobody would take partitions {partitions_label(old - new)}"
        if new - old:
            return f"--into: partitions {partitions_label(new - old)} are not drained"
    return None


class Handover:
    """Empties the sessions of `sources` into the database and makes those of `targets`."""

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        sources: Sequence[frozenset[int]],
        targets: Sequence[frozenset[int]],
        writer: Writer,
        clock: Clock,
    ) -> None:
        self._writer = writer
        self._is_probe = not targets
        self._sources = [(settings.with_partitions(part), part) for part in sources]
        self._old = [Subscriber(of, topic_filters(part), clock=clock) for of, part in self._sources]
        if self._is_probe:  # nobody's session: it only shows what is being published just now
            everything = frozenset[int]().union(*sources)
            base = f"{settings.broker_client_id}-drain-{secrets.token_hex(6)}"
            self._probe = settings.with_partitions(everything).model_copy(update={"broker_client_id": base})
            self._new = [Subscriber(self._probe, topic_filters(everything), clock=clock)]
        else:
            self._new = [Subscriber(settings.with_partitions(p), topic_filters(p), clock=clock) for p in targets]
        self._redelivery = REPETITIONS * settings.broker_redelivery_seconds
        self._overlap: Overlap[_Pending] = Overlap()
        self._level_from: float | None = None
        self.stored = 0  # messages

    def run(self, stop: threading.Event) -> bool:
        """Do it; false if it was stopped before: then everything is as it was, and it can be run again."""
        told_at = time.monotonic()
        while not stop.is_set():
            self._read_old(stop)
            self._read_new(stop)
            self._look_at_connections()
            if self._overlap.is_level(time.monotonic()):
                return self._change_over(stop)
            if time.monotonic() - told_at > 5.0:
                told_at = time.monotonic()
                log.info("draining: %d messages stored so far", self.stored)
        return False

    def close(self) -> None:
        """End the connections; sessions stay as they are."""
        for subscriber in (*self._old, *self._new):
            subscriber.close()

    def _read_old(self, stop: threading.Event) -> None:
        for subscriber in self._old:
            batch = subscriber.take(wait=WAIT)
            if batch and self._store(subscriber, batch, stop):
                now = time.monotonic()
                for arrival in batch:
                    copy = None if arrival.is_retained else self._overlap.came_from_old(_key(arrival), now)
                    if copy is not None:
                        copy.subscriber.puback([copy.arrival])

    def _read_new(self, stop: threading.Event) -> bool:
        """Take what has come; true if any of it was a copy."""
        is_any = False
        for subscriber in self._new:
            for arrival in subscriber.take(wait=WAIT):
                pending = _Pending(subscriber=subscriber, arrival=arrival)
                if arrival.is_retained:  # told again to each new connection; never an event, and never told twice here
                    self._take_over(pending, stop)
                elif self._overlap.came_from_new(_key(arrival), pending, time.monotonic()):
                    subscriber.puback([arrival])
                    is_any = True
        return is_any

    def _take_over(self, pending: _Pending, stop: threading.Event) -> None:
        """Store what only a new session has, unless its broker is going to deliver it again to the new worker."""
        if not self._is_probe and pending.subscriber.still_due([pending.arrival]):
            self._store(pending.subscriber, [pending.arrival], stop)

    def _look_at_connections(self) -> None:
        """Only while all are subscribed does silence mean anything; and not before the broker's repetitions."""
        if not all(subscriber.is_subscribed for subscriber in (*self._old, *self._new)):
            self._level_from = None
            self._overlap.interrupt()
        elif self._level_from is None:
            self._level_from = time.monotonic() + self._redelivery
            self._overlap.begin(self._level_from)

    def _change_over(self, stop: threading.Event) -> bool:
        for (settings, part), subscriber in zip(self._sources, self._old, strict=True):
            subscriber.close()
            if not remove_session(settings):
                raise Refused(f"the broker did not remove the session of {partitions_label(part)}; run this again")
        if self._is_probe:
            self._new[0].close()
            remove_session(self._probe)
            return True
        copy_at = time.monotonic()
        while True:
            for pending in self._overlap.take_waiting():
                self._take_over(pending, stop)
            if time.monotonic() - copy_at > TAIL_SECONDS:
                return not stop.is_set()
            if self._read_new(stop):
                copy_at = time.monotonic()

    def _store(self, subscriber: Subscriber, batch: list[Arrival], stop: threading.Event) -> bool:
        """Store and answer; what the broker will deliver again meanwhile (a lost connection) is left to that."""
        while not stop.is_set():
            try:
                acks = self._writer.write(batch)
            except psycopg.Error as exc:
                log.warning("cannot store, trying again: %s", exc)
                stop.wait(RETRY_SECONDS)
                continue
            for ack in acks:
                subscriber.publish(ack_topic(ack.home_code), encode_ack(Ack(boot=ack.boot, seq=ack.seq)))
            subscriber.puback(batch)
            self.stored += len(batch)
            return True
        return False


def hand_over(
    settings: BrokerSettings,
    *,
    sources: Sequence[frozenset[int]],
    targets: Sequence[frozenset[int]],
    writer: Writer,
    pool: Pool,
    database: DatabaseSettings,
    clock: Clock,
    stop: threading.Event,
) -> int:
    """The command: 0 when the old sessions are gone, 1 if that could not be done, with the reason on standard error."""
    with (
        contextlib.closing(PartitionLocks(database, Duty.INGEST)) as locks,
        contextlib.closing(
            Handover(settings, sources=sources, targets=targets, writer=writer, clock=clock)
        ) as handover,
    ):
        try:
            _refuse_nats(settings)
            _refuse_while_served(pool, locks, sources, takes_locks=bool(targets), clock=clock)
            if not handover.run(stop):
                raise Refused("stopped before it was done; the old sessions are still there: run this again")
        except Refused as exc:
            print(exc, file=sys.stderr)
            return 1
    with pool.connection() as conn:
        for source in sources:
            forget_service(conn, worker_name("ingest", source))
    print(f"{handover.stored} messages stored, {len(sources)} old sessions removed, {len(targets)} new ones made")
    return 0


def _refuse_nats(settings: BrokerSettings) -> None:
    match grants_spaces(settings):
        case None:
            raise Refused(f"the broker at {settings.broker_host}:{settings.broker_port} does not let us in")
        case False:
            raise Refused(
                "this broker is NATS, on which a session that is drained can lose messages: nothing was changed. "
                "It is for one ingest with all partitions; for several, use Mosquitto or RabbitMQ (docs/brokers.md)"
            )


def grants_spaces(settings: BrokerSettings) -> bool | None:
    """Whether the broker grants a subscription with a space, which NATS alone of ours does not; None: not reached."""
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
    own = f"{settings.broker_client_id}-drain-{secrets.token_hex(6)}"
    client = new_client(settings.model_copy(update={"broker_client_id": own}), clean_session=True)

    def on_connect(client: Client, _: object, __: object, reason: ReasonCode, ___: object) -> None:
        if not reason.is_failure:
            client.subscribe(_NOT_ON_NATS, 0)
            client.on_disconnect = lambda *_: answers.put(False)  # a broker may end the connection instead

    client.on_connect = on_connect
    client.on_subscribe = lambda _, __, ___, reasons, ____: answers.put(not any(one.is_failure for one in reasons))
    client.connect_async(settings.broker_host, settings.broker_port, keepalive=10)
    client.loop_start()
    try:
        return answers.get(timeout=ASK_SECONDS)
    except queue.Empty:
        return None
    finally:
        client.disconnect()
        client.loop_stop()


def _refuse_while_served(
    pool: Pool, locks: PartitionLocks, sources: Sequence[frozenset[int]], *, takes_locks: bool, clock: Clock
) -> None:
    if takes_locks:
        wanted = frozenset[int]().union(*sources)
        free = locks.take(wanted)
        if free != wanted:
            raise Refused(f"partitions {partitions_label(wanted - free)} are being served: stop their worker first")
        return
    names = {worker_name("ingest", source) for source in sources}
    with pool.connection() as conn:
        for seen in services_seen(conn):
            if seen.service in names and clock.now() - seen.seen_at < clock.stretch(RUNNING):
                raise Refused(f"{seen.service} was at work a moment ago: stop it and wait half a minute")


def remove_session(settings: BrokerSettings) -> bool:
    """Have the broker forget this worker's session, with what may be in it. False if it cannot be reached."""
    is_gone = threading.Event()
    client = new_client(settings, clean_session=True)
    client.on_connect = lambda client, _, __, reason, ___: None if reason.is_failure else client.disconnect()
    client.on_disconnect = lambda _, __, ___, reason, ____: None if reason.is_failure else is_gone.set()
    client.connect_async(settings.broker_host, settings.broker_port, keepalive=10)
    client.loop_start()
    try:
        return is_gone.wait(REMOVE_SECONDS)
    finally:
        client.loop_stop()


def _key(arrival: Arrival) -> tuple[str, bytes]:
    return arrival.topic, arrival.payload

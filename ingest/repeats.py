"""Which messages of a bridge are stored already and only delivered again. Pure.

A broker delivers again what we had not answered when the connection ended. If we were killed between the commit and the
answer, such a message is stored already. A native hub's reading shows that by its number, and a bridge's message by its
time if it has one. For one without either: a broker repeats a message with the flag DUP and under the packet id of
its first delivery (MQTT 3.1.1, 4.4.0-1; seen with Mosquitto 2.0 and NATS 2.14). So packet id, topic and payload
together are remembered with each bridge's message in the transaction that stores it, and a message with DUP that is
among the home's last ones is left out.

RabbitMQ 3.10 does not keep to that: it counts ids from 1 on each connection. There an id says nothing, and a door that
opens again would be left out because it opened under the same id on an earlier connection. So a message whose id is
just its place on its connection (`is_counted_anew`) does not count as repeated: told twice is a nuisance, lost is
worse.

Why DUP, topic and payload are not enough without the id: a bridge says the same words again and again. Of `on`, `off`,
`on`, with the first two answered and the third in hand when we are killed, the third comes again with DUP and with the
words of the first, which is stored. To leave it out would lose it; to know better one would have to know which answers
reached the broker, and MQTT does not say.

What this cannot see, then: a broker that gives repeated messages new ids, or another worker's session after a
take-over. There the rules of `ingest.changes` are all there is: the same state twice is one event, but on/off/on is
told twice. And it could be wrong once, if a new message had the words and the packet id of one of the home's last 256
and we were killed just then; packet ids are counted up to 65,535 before one is used again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from ingest.arrival import Arrival, Item
from ingest.wire import Topic

MAX_ID = 65_535  # of MQTT packet ids, which begin at 1


def delivery_key(arrival: Arrival) -> int:
    """Packet id, topic and payload as one signed 64-bit number."""
    said = blake2b(arrival.topic.encode("utf-8", "surrogatepass") + b"\0" + arrival.payload, digest_size=6).digest()
    return int.from_bytes(said + arrival.mid.to_bytes(2), signed=True)


def is_counted_anew(mid: int, place: int) -> bool:
    """True if this id can be that of a broker that counts from 1 on each connection: `place` is the message's there.

    A broker that keeps ids gives such a one only to the very first messages of a session.
    """
    return mid == (place - 1) % MAX_ID + 1


def is_of_bridge(item: Item) -> bool:
    """True if this message has no number, so that a repeated delivery must be told by other means."""
    return isinstance(item.topic, Topic) and item.topic.dialect.needs_sensors and item.arrival.mid != 0


def may_be_repeated(items: Iterable[Item]) -> bool:
    """True if the broker says of any of them that it may have been delivered before."""
    return any(_may_be_known(item) and is_of_bridge(item) for item in items)


@dataclass(slots=True, kw_only=True)
class Deliveries:
    """What a batch adds to the deliveries of each home."""

    stored: dict[int, set[int]]  # by home id; needed only if anything may be repeated
    new: dict[int, dict[int, None]] = field(default_factory=dict)  # in order, each once

    def is_repetition(self, item: Item, home_id: int) -> bool:
        """True if this message is stored already; else it is noted as one that now is."""
        if not is_of_bridge(item):
            return False
        key = delivery_key(item.arrival)
        added = self.new.setdefault(home_id, {})
        if _may_be_known(item) and (key in added or key in self.stored.get(home_id, ())):
            return True
        added[key] = None
        return False


def _may_be_known(item: Item) -> bool:
    return item.arrival.is_repeated and item.arrival.keeps_id

"""A message as it came from the broker, and its way through the batch. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from ingest.dialects import native
from ingest.payload import MAX_BYTES
from ingest.told import TimeLimits, Told
from ingest.wire import Dialect, Reason, Rejected, Topic, home_of, parse_topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One message of the broker, not yet answered."""

    topic: str
    payload: bytes
    is_retained: bool
    is_repeated: bool  # the broker's DUP flag: it may have been delivered before
    received_at: datetime  # ours
    mid: int  # the message id of this delivery; means something on this connection only


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An arrival, read as far as that goes without the database."""

    arrival: Arrival
    topic: Topic | Rejected
    home_code: str | None  # the home it speaks of, if the topic says so at all
    told: Told | None = None  # read already; a bridge's message is read when its home's sensors are known

    def halves(self) -> list["Item"]:
        """The item in two, to find the reading that the store will not take; empty if it cannot be divided."""
        told = self.told
        if told is None or len(told.readings) < 2:
            return []
        middle = len(told.readings) // 2
        first = Told(readings=told.readings[:middle], boots=told.boots)
        second = Told(
            readings=told.readings[middle:],
            check_ins=told.check_ins,
            rejected=told.rejected,
            lost=told.lost,
            boots=told.boots,
        )
        return [replace(self, told=first), replace(self, told=second)]


def read_arrival(arrival: Arrival, limits: TimeLimits) -> Item:
    """The arrival with its topic, and what it told us if that needs no knowledge of the home."""
    topic = parse_topic(arrival.topic)
    if isinstance(topic, Topic):
        home_code: str | None = topic.home_code
    else:
        found = home_of(arrival.topic)
        home_code = found[1] if found is not None else None
    if isinstance(topic, Topic) and len(arrival.payload) > MAX_BYTES:
        topic = Rejected(
            reason=Reason.TOO_LARGE, detail=f"payload: {len(arrival.payload)} bytes, more than {MAX_BYTES}"
        )
    if isinstance(topic, Topic) and topic.dialect is Dialect.NATIVE:
        told = native.read(
            topic.rest,
            arrival.payload,
            is_retained=arrival.is_retained,
            received_at=arrival.received_at,
        )
        return Item(arrival=arrival, topic=topic, home_code=home_code, told=told)
    return Item(arrival=arrival, topic=topic, home_code=home_code)

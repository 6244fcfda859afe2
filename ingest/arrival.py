"""A message as it came from the broker, and its way through the batch. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ingest.dialects import native, native_sensors
from ingest.payload import MAX_BYTES
from ingest.told import TimeLimits, Told
from ingest.wire import Dialect, Reason, Rejected, Topic, home_of, parse_topic


@dataclass(slots=True, kw_only=True)
class Arrival:
    """One message of the broker, not yet answered. Not frozen: one is made for each, and that would cost twice."""

    topic: str
    payload: bytes
    is_retained: bool
    is_repeated: bool  # the broker's DUP flag: it may have been delivered before
    received_at: datetime  # ours
    mid: int  # the message id of this delivery; means something on this connection only …
    keeps_id: bool = True  # … unless it was delivered before: then it is that of the first delivery, if this is true


class Item(NamedTuple):
    """An arrival, read as far as that goes without the database."""

    arrival: Arrival
    topic: Topic | Rejected
    home_code: str | None  # the home it speaks of, if the topic says so at all
    # Read already; what needs to know the home's sensors (a bridge's message, say) is read when they are known.
    told: Told | None = None

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
        return [self._replace(told=first), self._replace(told=second)]


def read_arrival(arrival: Arrival, limits: TimeLimits) -> Item:
    """The arrival with its topic, and what it told us if that needs no knowledge of the home."""
    topic = parse_topic(arrival.topic)
    if isinstance(topic, Rejected):
        found = home_of(arrival.topic)
        return Item(arrival, topic, found[1] if found is not None else None)
    home_code = topic.home_code
    if len(arrival.payload) > MAX_BYTES:
        detail = f"payload: {len(arrival.payload)} bytes, more than {MAX_BYTES}"
        return Item(arrival, Rejected(reason=Reason.TOO_LARGE, detail=detail), home_code)
    if topic.dialect is not Dialect.NATIVE or topic.rest == native_sensors.SENSORS:
        return Item(arrival, topic, home_code)
    told = native.read(topic.rest, arrival.payload, is_retained=arrival.is_retained, received_at=arrival.received_at)
    return Item(arrival, topic, home_code, told)

"""The topic grammar, and how a message is refused. Pure: no broker, no database.

Topics:

    homes/{partition}/{home code}/{dialect}/{rest}      from a home to us
    acks/{home code}                                    from us to a native hub

    partition   two digits, 00–63, of the home (`store.home.partition_of` when it is created)
    home code   1–32 letters, digits, _ and -, not beginning with _ or -; never a name of a person
    dialect     native | zigbee2mqtt | shelly | tasmota | homeassistant
    rest        native:         events | checkin | status
                zigbee2mqtt:    what the bridge publishes below its base topic:
                                <friendly name>[/availability | /<attribute>] | bridge/<…>
                                (a friendly name may hold spaces, umlauts and slashes)
                shelly:         <device>/events/rpc | <device>/status/<component> | <device>/online
                tasmota:        tele/<device>/… | stat/<device>/… (or <device>/tele/…)
                homeassistant:  <domain>/<object id>/state or /<attribute> | status

A home's credential may publish below `homes/{partition}/{home code}/` and read `acks/{home code}`, nothing else.
What is inside a payload is the dialect's affair: `ingest.dialects`.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from store.home import PARTITIONS
from store.partition import parse_partitions as parse_partitions

_TOPIC = re.compile(r"homes/([0-5][0-9]|6[0-3])/([A-Za-z0-9][A-Za-z0-9_-]{0,31})/([a-z0-9]+)/(.+)", re.DOTALL)
_HOME_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_PARTITION = re.compile(r"[0-9]{2}")

ACKS_FILTER = "acks/+"  # everything we answer to native hubs


class Dialect(StrEnum):
    """How a hub words its messages."""

    NATIVE = "native"
    ZIGBEE2MQTT = "zigbee2mqtt"
    SHELLY = "shelly"
    TASMOTA = "tasmota"
    HOMEASSISTANT = "homeassistant"

    @property
    def needs_sensors(self) -> bool:
        """True if its messages can be read only by who knows the sensors of the home and their kinds."""
        return self is not Dialect.NATIVE


_DIALECTS = {str(dialect): dialect for dialect in Dialect}


class Reason(StrEnum):
    """Why a message, or one reading of it, was rejected: few words, to count by."""

    TOPIC = "topic"  # not of the grammar
    UNKNOWN_DIALECT = "unknown_dialect"
    WRONG_PARTITION = "wrong_partition"  # the home lives in another one
    UNKNOWN_HOME = "unknown_home"
    UNKNOWN_SENSOR = "unknown_sensor"
    TOO_MANY_GAPS = "too_many_gaps"  # in a hub's numbers: not acknowledged, so the hub sends it again
    TOO_LARGE = "too_large"  # bytes, or readings of a list
    NOT_JSON = "not_json"
    SHAPE = "shape"  # JSON, but not what this topic carries
    VALUE = "value"  # not what this kind of sensor can say
    TOO_OLD = "too_old"
    IN_FUTURE = "in_future"
    STORE_REFUSED = "store_refused"  # the database would not take this row
    FAILED = "failed"  # a defect of ours; the log has the traceback


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A message, or one reading of it, that cannot be taken, and why."""

    reason: Reason
    detail: str  # what is wrong and where: "payload[3].at: not a time"
    part: bytes | None = None  # the one reading out of a list; None = the whole payload
    boot: str | None = None  # with `seq`: which numbered reading of a native hub it was
    seq: int | None = None


class Topic(NamedTuple):
    """Where a home's message was published."""

    partition: int
    home_code: str
    dialect: Dialect
    rest: str


def parse_topic(topic: str) -> Topic | Rejected:
    """The parts of a home's topic, or why it is none."""
    whole = _TOPIC.fullmatch(topic)
    if whole is not None and whole[3] in _DIALECTS:  # nearly every one; what follows says what is wrong with the others
        partition, home_code, word, rest = whole.groups()
        return Topic(int(partition), home_code, _DIALECTS[word], rest)
    parts = topic.split("/", 4)
    if len(parts) < 5 or parts[0] != "homes":
        return Rejected(reason=Reason.TOPIC, detail="topic: not homes/{partition}/{home}/{dialect}/…")
    _, partition, home_code, dialect, rest = parts
    if not _PARTITION.fullmatch(partition) or int(partition) >= PARTITIONS:
        return Rejected(reason=Reason.TOPIC, detail=f"topic: partition is not 00 to {PARTITIONS - 1}")
    if not is_home_code(home_code):
        return Rejected(reason=Reason.TOPIC, detail="topic: not a home code")
    if not rest:
        return Rejected(reason=Reason.TOPIC, detail="topic: nothing after the dialect")
    try:
        known = Dialect(dialect)
    except ValueError:
        return Rejected(reason=Reason.UNKNOWN_DIALECT, detail=f"topic: dialect {dialect[:40]!r} is not known")
    return Topic(partition=int(partition), home_code=home_code, dialect=known, rest=rest)


def home_of(topic: str) -> tuple[int, str] | None:
    """Partition and code of the home that a topic is below, even if the rest of it is not of the grammar."""
    parts = topic.split("/", 3)
    if len(parts) < 4 or parts[0] != "homes" or not _PARTITION.fullmatch(parts[1]) or not is_home_code(parts[2]):
        return None
    return int(parts[1]), parts[2]


def is_home_code(text: str) -> bool:
    """True if this can be a home's code."""
    return _HOME_CODE.fullmatch(text) is not None


def home_prefix(partition: int, home_code: str) -> str:
    """What every topic of this home begins with, last slash included; its credential may publish below it."""
    if not 0 <= partition < PARTITIONS or not is_home_code(home_code):
        raise ValueError(f"no such home can be: partition {partition}, code {home_code!r}")
    return f"homes/{partition:02d}/{home_code}/"


def home_topic(partition: int, home_code: str, dialect: Dialect, rest: str) -> str:
    """The topic a hub publishes on."""
    return f"{home_prefix(partition, home_code)}{dialect}/{rest}"


def ack_topic(home_code: str) -> str:
    """Where a native hub hears which of its readings are committed."""
    return f"acks/{home_code}"


def topic_filters(partitions: Collection[int]) -> list[str]:
    """What a worker with these partitions subscribes to: one filter if it has all of them."""
    if len(set(partitions)) == PARTITIONS:
        return ["homes/#"]
    return [f"homes/{partition:02d}/#" for partition in sorted(set(partitions))]

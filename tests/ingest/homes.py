"""Homes to store for, and how to look at what was stored."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ingest.arrival import Arrival
from ingest.dialects.native import NativeReading, encode_readings
from ingest.wire import Dialect, home_topic
from store.database import Conn
from store.home import Home, SensorKind, add_home, add_organisation, add_sensor


def make_home(
    conn: Conn,
    sensors: Mapping[str, SensorKind],
    *,
    now: datetime,
    dialect: Dialect = Dialect.NATIVE,
    code: str | None = None,
) -> Home:
    """A committed home with these sensors."""
    home = add_home(
        conn,
        organisation_id=add_organisation(conn, "Test", now=now),
        code=code or f"T{uuid.uuid4().hex[:10]}",
        time_zone="Europe/London",
        check_in_interval=timedelta(minutes=5),
        residents=1,
        dialect=str(dialect),
        now=now,
    )
    for sensor, kind in sensors.items():
        add_sensor(conn, home.id, code=sensor, kind=kind, room="hall")
    conn.commit()
    return home


def native(home: Home, rest: str = "events") -> str:
    """A topic of a native hub."""
    return home_topic(home.partition, home.code, Dialect.NATIVE, rest)


def bridged(home: Home, rest: str) -> str:
    """A topic of a Zigbee2MQTT bridge."""
    return home_topic(home.partition, home.code, Dialect.ZIGBEE2MQTT, rest)


def reading(
    seq: int, at: datetime, *, sensor: str = "M1", value: bool | float = True, boot: str = "b1"
) -> NativeReading:
    """A reading of a native hub."""
    return NativeReading(boot=boot, seq=seq, sensor=sensor, value=value, at=at)


def readings(seqs: Sequence[int], start: datetime) -> bytes:
    """A payload of readings, a second apart."""
    return encode_readings([reading(seq, start + timedelta(seconds=seq)) for seq in seqs])


def arrival(topic: str, payload: bytes, received_at: datetime, *, is_retained: bool = False) -> Arrival:
    """A message as if the broker had delivered it."""
    return Arrival(
        topic=topic, payload=payload, is_retained=is_retained, is_repeated=False, received_at=received_at, mid=0
    )


def rows(conn: Conn, query: Any) -> list[tuple[Any, ...]]:
    """What the query finds, in a transaction of its own."""
    found = conn.execute(query).fetchall()
    conn.commit()
    return found

"""Reading one message in any dialect, as tests want it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ingest import dialects
from ingest.told import How, TimeLimits, Told
from ingest.wire import Dialect, Topic
from store.home import SensorKind, partition_of

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)

Payload = bytes | str | dict[str, Any] | list[Any]
Values = list[tuple[str, float, How]]


def encoded(payload: Payload) -> bytes:
    """The payload in bytes; objects and lists as JSON."""
    if isinstance(payload, bytes):
        return payload
    return (payload if isinstance(payload, str) else json.dumps(payload)).encode()


def told(
    dialect: Dialect,
    rest: str,
    payload: Payload,
    *,
    sensors: Mapping[str, SensorKind],
    is_retained: bool = False,
    received_at: datetime = NOW,
) -> Told:
    """What this message of home K7 told us."""
    return dialects.read(
        Topic(partition=partition_of("K7"), home_code="K7", dialect=dialect, rest=rest),
        encoded(payload),
        is_retained=is_retained,
        sensors=sensors,
        received_at=received_at,
        limits=TimeLimits(),
    )


def values(found: Told) -> Values:
    """Sensor, value and how it counts, of each reading."""
    return [(reading.sensor, round(reading.value, 3), reading.how) for reading in found.readings]


def news(found: Told) -> list[tuple[str, bool | None, int | None, int | None]]:
    """Sensor, availability, battery and signal, where anything of that is said."""
    return [
        (it.sensor, it.is_available, it.battery_percent, it.signal_quality)
        for it in found.sensors
        if (it.is_available, it.battery_percent, it.signal_quality) != (None, None, None)
    ]


def offered(found: Told) -> list[tuple[str, str]]:
    """Code and kind of each offer."""
    return [(offer.code, str(offer.kind)) for offer in found.offers]

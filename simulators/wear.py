"""Equipment that wears in a pretend home: a battery that empties, a link that is weak at certain hours. Pure.

A bridge's history comes through a native hub, which says nothing of the sensors' batteries; so what the service would
have noted of those weeks is told here as well (`noted_days`), for the demo to write down.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from store.equipment import WEAK_LINK_QUALITY, EquipmentDay

_WEAK_QUALITY = 14  # and a little more


@dataclass(frozen=True, slots=True, kw_only=True)
class Wear:
    """What is wrong with one sensor."""

    sensor: str
    empty_at: datetime | None = None  # its battery falls evenly to nothing by then; None: it lasts
    weak_hours: tuple[int, ...] = ()  # of civil time


def battery_percent(at: float, *, installed: float, wear: Wear | None) -> int:
    """What its battery says: about one per cent a week, or what is worn."""
    if wear is None or wear.empty_at is None:
        return max(20, 100 - int((at - installed) / 86400 / 7))
    left = (wear.empty_at.timestamp() - at) / (wear.empty_at.timestamp() - installed)
    return min(100, max(1, round(100 * left)))


def link_quality(sensor: str, at: float, *, hour: int, wear: Wear | None) -> int:
    """Its Zigbee link quality, 0 to 255: steady but for a little noise, and low in its weak hours."""
    noise = zlib.crc32(f"{sensor}{at}".encode()) % 15
    if wear is not None and hour in wear.weak_hours:
        return _WEAK_QUALITY + noise
    return WEAK_LINK_QUALITY + zlib.crc32(sensor.encode()) % 150 + noise


def noted_days(wear: Wear, *, installed: datetime, now: datetime, zone: ZoneInfo) -> Iterator[EquipmentDay]:
    """What the service would have noted of the days before today; `sensor_id` is 0, for the caller to fill in."""
    day = installed.astimezone(zone).date() + timedelta(days=1)
    while day < now.astimezone(zone).date():
        evening = datetime(day.year, day.month, day.day, 22, tzinfo=zone).timestamp()
        weak = [_WEAK_QUALITY + hour % 5 if hour in wear.weak_hours else None for hour in range(24)]
        yield EquipmentDay(
            sensor_id=0,
            day=day,
            battery_percent=battery_percent(evening, installed=installed.timestamp(), wear=wear),
            weak_signal=weak if wear.weak_hours else None,
        )
        day += timedelta(days=1)

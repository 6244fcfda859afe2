"""What a bridge's words and numbers mean, whichever dialect they stand in. Pure.

Bridges write the same thing in many ways: `true`, `"ON"`, `1`, `"open"`; a battery as `97`, `"97"` or `97.5`. What
cannot be understood is None, and the dialect decides whether that is worth a rejection.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Properties = Mapping[str, Any]

_ON = ("true", "on", "1", "yes", "open")
_OFF = ("false", "off", "0", "no", "closed")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST = 1e12  # beyond any measurement; keeps sums and conversions finite

# Wi-Fi and Bluetooth strength: unusable at -100 dBm, as good as it gets at -50 dBm.
_NO_SIGNAL_DBM, _FULL_SIGNAL_DBM = -100.0, -50.0


def truth(value: Any) -> bool | None:
    """True or false, however it is written; None if it is neither."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return bool(value) if value in (0, 1) else None
    if isinstance(value, str):
        word = value.strip().lower()
        return True if word in _ON else False if word in _OFF else None
    return None


def number(value: Any) -> float | None:
    """The number, also from text; None if it is none, not finite, or beyond any measurement."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and abs(found) <= _LARGEST else None


def battery_percent(value: Any) -> int | None:
    """The charge in percent, however it is written; None if it is not said."""
    found = number(value)
    return None if found is None else round(min(100.0, max(0.0, found)))


def link_quality(value: Any) -> int | None:
    """The Zigbee link quality 0–255; None if it is not said."""
    found = number(value)
    return None if found is None else round(min(255.0, max(0.0, found)))


def quality_of_dbm(value: Any) -> int | None:
    """A radio's strength in dBm on the scale of the Zigbee link quality; None if it is not said.

    255 * (dBm + 100) / 50, held to 0–255: the share between no signal (-100 dBm) and a full one (-50 dBm), as Tasmota
    and others turn dBm into percent. -80 dBm, where Wi-Fi begins to fail, is 102; -90 dBm is 51.
    """
    found = number(value)
    if found is None or found >= 0:  # 0 is what a radio says that is not connected
        return None
    share = (found - _NO_SIGNAL_DBM) / (_FULL_SIGNAL_DBM - _NO_SIGNAL_DBM)
    return round(255 * min(1.0, max(0.0, share)))


def unix_time(value: Any) -> datetime | None:
    """The time so many seconds after 1970, or None if that is no time."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return _EPOCH + timedelta(seconds=value)
    except (ValueError, OverflowError):
        return None


def iso_time(value: Any) -> datetime | None:
    """The ISO 8601 time with its offset, in UTC; None for anything else: without an offset it could be any hour."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None

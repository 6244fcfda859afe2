"""Times and states in plain words, in the home's own time zone. Pure; used by templates as filters."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from store.home import Sensor, SensorKind

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def duration(length: timedelta) -> str:
    """'under 1 min', '7 min', '2 h 5 min', '3 days'."""
    minutes = int(length.total_seconds() // 60)
    if minutes < 1:
        return "under 1 min"
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, hours = divmod(hours, 24)
    unit = "day" if days == 1 else "days"
    return f"{days} {unit} {hours} h" if hours and days < 3 else f"{days} {unit}"


def ago(at: datetime | None, now: datetime) -> str:
    """'12 min ago', or 'never'; a time ahead of us (a hub whose clock is fast) is 'just now'."""
    if at is None:
        return "never"
    if now - at < timedelta(minutes=1):
        return "just now"
    return f"{duration(now - at)} ago"


def clock_time(at: datetime, zone: str) -> str:
    """'14:05' where the home is."""
    return at.astimezone(ZoneInfo(zone)).strftime("%H:%M")


def local_time(at: datetime | None, zone: str, now: datetime) -> str:
    """'14:05' today, 'Tue 10 Mar 14:05' otherwise, with the year if it is another one; where the home is."""
    if at is None:
        return "never"
    here, today = at.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone))
    if here.date() == today.date():
        return f"{here:%H:%M}"
    day = f"{DAYS[here.weekday()]} {here.day} {MONTHS[here.month - 1]}"
    return f"{day} {here:%H:%M}" if here.year == today.year else f"{day} {here.year} {here:%H:%M}"


def full_time(at: datetime, zone: str) -> str:
    """'Tue 10 Mar 2026 14:05 GMT' where the home is."""
    here = at.astimezone(ZoneInfo(zone))
    return f"{DAYS[here.weekday()]} {here.day} {MONTHS[here.month - 1]} {here:%Y %H:%M %Z}"


def sentence(word: str) -> str:
    """'no_answer' as 'No answer': for words of ours that have no better wording yet."""
    text = str(word).replace("_", " ").strip()
    return text[:1].upper() + text[1:]


ON_AND_OFF: dict[SensorKind, tuple[str, str]] = {
    SensorKind.MOTION: ("movement", "no movement"),
    SensorKind.DOOR: ("open", "closed"),
    SensorKind.BED: ("somebody lies there", "empty"),
    SensorKind.CHAIR: ("somebody sits there", "empty"),
}
UNITS: dict[SensorKind, str] = {
    SensorKind.TEMPERATURE: "°C",
    SensorKind.HUMIDITY: "%",
    SensorKind.ILLUMINANCE: "lx",
    SensorKind.POWER: "W",
}


def says(sensor: Sensor) -> str:
    """What a sensor said last: 'open', '21.5 °C'."""
    if sensor.value is None:
        return "nothing yet"
    if sensor.kind.is_measurement:
        return f"{sensor.value:.1f} {UNITS[sensor.kind]}"
    on, off = ON_AND_OFF.get(sensor.kind, ("on", "off"))
    return on if sensor.value else off


FILTERS: dict[str, Callable[..., Any]] = {
    "ago": ago,
    "clock_time": clock_time,
    "duration": duration,
    "full_time": full_time,
    "local_time": local_time,
    "says": says,
    "sentence": sentence,
}

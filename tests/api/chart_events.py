"""Small homes for the chart's tests, written as people speak: rooms, clock times, what a sensor said."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from api.charts.timeline import Interval, Timeline, build_timeline
from store.home import Sensor, SensorKind
from store.sensor_event import SensorEvent

LONDON = ZoneInfo("Europe/London")
DAY = date(2026, 3, 10)  # a Tuesday; London has UTC


def sensor(number: int, kind: SensorKind, room: str, *, is_exit: bool = False) -> Sensor:
    return Sensor(
        id=number, home_id=1, code=f"S{number}", name="", kind=kind, room=room, is_exit=is_exit, is_essential=False,
        value=None, value_at=None, last_heard_at=None, is_available=None, battery_percent=None, signal_quality=None,
    )  # fmt: skip


KIT = {
    "bedroom": sensor(1, SensorKind.MOTION, "bedroom"),
    "kitchen": sensor(2, SensorKind.MOTION, "kitchen"),
    "bathroom": sensor(3, SensorKind.MOTION, "bathroom"),
    "door": sensor(4, SensorKind.DOOR, "hall", is_exit=True),
    "bed": sensor(5, SensorKind.BED, "bedroom"),
    "chair": sensor(6, SensorKind.CHAIR, "lounge"),
    "fridge": sensor(7, SensorKind.DOOR, "kitchen"),
    "kettle": sensor(8, SensorKind.APPLIANCE, "kitchen"),
    "warmth": sensor(9, SensorKind.TEMPERATURE, "lounge"),
    "smoke": sensor(10, SensorKind.SMOKE, "kitchen"),
    "study": sensor(11, SensorKind.MOTION, "study"),
}
SENSORS = {each.id: each for each in KIT.values()}


def at(clock: str, *, day: date = DAY) -> datetime:
    """The instant of 'HH:MM' or 'HH:MM:SS' in London; '24:00' and later belong to the next day."""
    hours, *rest = (int(part) for part in clock.split(":"))
    minutes, seconds = (*rest, 0)[:2]
    civil = datetime(day.year, day.month, day.day, tzinfo=LONDON) + timedelta(
        hours=hours, minutes=minutes, seconds=seconds
    )
    return civil.astimezone(UTC)


def event(name: str, instant: datetime, value: float = 1) -> SensorEvent:
    return SensorEvent(
        home_id=1, sensor_id=KIT[name].id, occurred_at=instant, received_at=instant, number=1, value=value
    )


def told(*said: str) -> list[SensorEvent]:
    """Events from words such as '07:10 kitchen' or '23:00 bed off'."""
    found = []
    for words in said:
        clock, name, *state = words.split()
        found.append(event(name, at(clock), 0 if state == ["off"] else 1))
    return sorted(found, key=lambda each: each.occurred_at)


def timeline(
    events: Sequence[SensorEvent], *, start: str = "00:00", end: str = "24:00", covered: list[Interval] | None = None
) -> Timeline:
    begins, ends = at(start), at(end)
    always = [(begins, ends)]
    return build_timeline(events, SENSORS, covered=always if covered is None else covered, start=begins, end=ends)


def where(found: Timeline, clock: str) -> str:
    """'kitchen', 'kitchen?' if only last seen there, '' if not known."""
    instant = at(clock)
    for segment in found.segments:
        if segment.start <= instant < segment.end:
            return str(segment.place) if segment.is_seen else f"{segment.place}?"
    return ""

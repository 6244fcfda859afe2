"""Findings in words a clinician can check. From the same numbers as the score; never a diagnosis, never a name."""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from anomaly.plan import Place, PlanSensor
from anomaly.situation import Situation
from store.home import SensorKind


def duration(seconds: float) -> str:
    """`22 min`, `1 h 50`, `2 days 3 h`."""
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d}" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} days {hours} h" if hours else f"{days} days"


def clock_time(t: float, zone: ZoneInfo, *, seen_from: float) -> str:
    """`09:40`, with the day if it is not the day it is told on."""
    at = datetime.fromtimestamp(t, UTC).astimezone(zone)
    told = datetime.fromtimestamp(seen_from, UTC).astimezone(zone)
    return f"{at:%H:%M}" if at.date() == told.date() else f"{at:%H:%M} on {at:%a} {at.day} {at:%b}"


def rarity(shown: float, found: float) -> str:
    """How often this happens by chance; honest about how little it may rest on."""
    if found > shown:
        return f"happens less than once in {round(shown)} days, as far as can be said yet"
    return f"happens about once in {round(shown)} days"


def where(place: Place, room: str) -> str:
    """`in the kitchen`, `in bed`, `on the stairs`."""
    if place is Place.IN_BED:
        return "in bed"
    if place is Place.IN_CHAIR:
        return "in the chair"
    if room == "outside":
        return "outside"
    if room in ("", "other"):
        return "in a room without a name"
    return f"{'on' if room == 'stairs' else 'in'} the {room}"


def since_where(place: Place, room: str) -> str:
    """From where on nobody has moved: `the kitchen`, `stirring in bed`."""
    said = where(place, room)
    return f"stirring {said}" if place in (Place.IN_BED, Place.IN_CHAIR) else said.partition(" ")[2] or said


_SENSOR_WORDS = {
    SensorKind.MOTION: "movement sensor",
    SensorKind.DOOR: "door sensor",
    SensorKind.BED: "bed mat",
    SensorKind.CHAIR: "chair mat",
    SensorKind.FLUSH: "cistern sensor",
    SensorKind.OTHER: "sensor",
}


def sensor(code: str, sensors: Mapping[str, PlanSensor]) -> str:
    """`the lounge movement sensor (M005)`: what somebody can find who does not know the codes."""
    found = sensors.get(code)
    if found is None:
        return f"sensor {code}"
    if found.is_exit:
        return f"the front door sensor ({code})"
    room = "" if found.room in ("", "other") else f"{found.room} "
    return f"the {room}{_SENSOR_WORDS.get(found.kind, f'{found.kind} sensor')} ({code})"


def equipment(situation: Situation, t: float) -> str | None:
    """Whether a movement would have been seen; nothing for recordings that do not tell."""
    if situation.last_check_in is None:
        return None
    heard = clock_time(situation.last_check_in, situation.plan.zone, seen_from=t)
    lost = sum(1 for s in situation.plan.sensors if s.code in situation.silent_sensors or not s.is_available)
    if lost:
        return f"Hub in touch ({heard}), but {lost} of {len(situation.plan.sensors)} sensors not."
    return f"All sensors live ({heard})."


def door(situation: Situation, t: float) -> str | None:
    """When the front door was used last, if it has a sensor."""
    if not any(sensor.is_exit for sensor in situation.plan.sensors):
        return None
    if situation.door_at is None:
        return "Front door not opened."
    return f"Front door not used since {clock_time(situation.door_at, situation.plan.zone, seen_from=t)}."


def hour_words(hour: float) -> str:
    """7.5 → `07:30`."""
    minutes = round(hour * 60)
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def of_suspect(*, stays_on: bool) -> str:
    """What makes a sensor suspect."""
    return "has stayed on since" if stays_on else "has said nothing since"


def doubtful(*, quiet: str, since: str, rare: str, suspect: str, heard: str, stays_on: bool) -> str:
    """Why nobody can say whether a quiet means anything."""
    return (
        f"No movement for {quiet} since {since}; a quiet as unusual as this {rare}. "
        f"But {suspect} {of_suspect(stays_on=stays_on)} {heard} "
        "and may have failed, which would explain it at least as well. Unable to verify that all is well."
    )


def inactivity(
    *,
    quiet: str,
    since: str,
    usually_within: str | None,
    rare: str | None,
    ceiling: str | None,
    seen: str | None,
    door: str | None,
) -> str:
    """Why a quiet is worth somebody's time."""
    text = [f"No movement for {quiet} since {since}."]
    if usually_within and rare:
        text.append(f"At this hour the next movement usually comes within {usually_within}.")
        text.append(f"A quiet as unusual as this {rare}.")
    elif rare:
        text.append(f"A quiet as unusual as this {rare}.")
    if ceiling:
        text.append(ceiling)
    if seen:
        text.append(seen)
    if door:
        text.append(door)
    return " ".join(text)

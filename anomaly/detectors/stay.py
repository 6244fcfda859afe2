"""One stay that is going on: in a room, or out of bed at night. What `dwell` keeps of it, and its words. Pure."""

from dataclasses import dataclass, field
from typing import Any

from anomaly import explain
from anomaly.clock_bins import PARTS
from anomaly.detectors.detector import Known, Suspicion
from anomaly.plan import Place
from store.coverage import tells_of_people
from store.home import SensorKind

BATHROOM, KITCHEN, HALL, OUT_OF_BED = "bathroom", "kitchen", "hall", "out_of_bed"
STAYS = {Place.BATHROOM: BATHROOM, Place.KITCHEN: KITCHEN, Place.HALL: HALL}
NIGHT_PARTS = ("late evening", "night", "early morning")
_GROUPS = [
    *((of, part) for of in STAYS.values() for part in PARTS),
    *((OUT_OF_BED, part) for part in NIGHT_PARTS),
]  # by which stays are noted: what comes later stands behind
_UNIT = 10.0  # seconds: so finely is a stay learned
_NIGHT_BEGINS, _NIGHT_ENDS = 22.0, 6.0  # civil hours between which somebody who leaves the bed is expected back
_SEE_AT_ONCE = {SensorKind.MOTION, SensorKind.BED, SensorKind.CHAIR}
_PART_WORDS = {
    "night": "at night",
    "morning": "in the morning",
    "day": "by day",
    "evening": "in the evening",
    "late evening": "late in the evening",
    "early morning": "early in the morning",
}


@dataclass(slots=True, kw_only=True)
class Stay:
    """Plain values, so that it can be saved as JSON."""

    of: str  # BATHROOM … OUT_OF_BED
    part: str  # of the day in which it began
    room: str
    began: float
    out: float = 0.0  # chance, as it began, that nobody is there
    blind: float = 0.0  # seconds of it that nobody could see
    blind_from: float | None = None
    is_spoilt: bool = False  # nothing is to be learned from it
    is_told: bool = False  # more than a notice was raised
    rooms: list[str] = field(default_factory=list)  # that saw movement meanwhile

    @property
    def group(self) -> tuple[str, str]:
        """In which its duration belongs, from the general to the particular."""
        return ("any", self.part)

    def age(self, t: float) -> float:
        """Observed seconds."""
        running = 0.0 if self.blind_from is None else max(0.0, t - self.blind_from)
        return t - self.began - self.blind - running


def noted(stay: Stay, seconds: float, told: float | None) -> list[Any]:
    """What a stay that lasted so long teaches when its day is over, as short as can be.

    `told`: the surprise that it counts as, if people were told of it.
    """
    found = [_GROUPS.index((stay.of, stay.part)), round(seconds / _UNIT), round(stay.out, 2), told]
    return found if told is not None else found[:3] if found[2] else found[:2]


def of_note(note: list[Any]) -> tuple[str, str, float, float, float | None]:
    """Back from there: of what, part of the day, seconds, chance that nobody was there, and `told`."""
    number, units, *more = note
    return (*_GROUPS[number], units * _UNIT, more[0] if more else 0.0, more[1] if len(more) > 1 else None)


def noted_by_older(of: str, part: str, seconds: float) -> list[Any]:
    """The note of an earlier release."""
    return [_GROUPS.index((of, part)), round(seconds / _UNIT)]


def night_part(hour: float) -> str | None:
    """Which part of the night this civil hour belongs to; None by day."""
    if hour >= _NIGHT_BEGINS or hour < 1.0:
        return NIGHT_PARTS[0]
    if hour < 4.0:
        return NIGHT_PARTS[1]
    return NIGHT_PARTS[2] if hour < _NIGHT_ENDS else None


def can_be_judged(stay: Stay, known: Known) -> bool:
    """Would it have been seen if they had gone on to another room?

    A lost sensor elsewhere may hide that, unless another sees as much: a front door does not stand in for the movement
    sensor beside it. The one in the room itself could not hide it.
    """
    lost = known.situation.lost_sensors
    seeing = [s for s in known.plan.sensors if tells_of_people(s.kind)]
    live = [s for s in seeing if s.code not in lost]
    for sensor in seeing:
        if sensor.code in lost and (sensor.room != stay.room or sensor.kind is SensorKind.BED):
            others = [s for s in live if s.room == sensor.room]
            if not any(s.kind is sensor.kind or sensor.kind not in _SEE_AT_ONCE for s in others):
                return False
    return any(s.room != stay.room for s in live)


def words(
    stay: Stay, known: Known, *, t: float, middle: float, late: float, rare: str, suspect: Suspicion | None
) -> str:
    """Why it is worth somebody's time. `middle` and `late`: seconds within which half and nine in ten are over."""
    situation, zone = known.situation, known.plan.zone
    since, lasts = explain.clock_time(stay.began, zone, seen_from=t), explain.duration(t - stay.began)
    usual = f"usually {{}} {explain.duration(middle)}, nine in ten under {explain.duration(late)}"
    when = _PART_WORDS[stay.part]
    if stay.of == OUT_OF_BED:
        text = [f"Out of bed since {since} and not back, {lasts}.", f"{when.capitalize()} this "]
        text[1] += usual.format("takes") + f"; so long {rare}."
        quiet = situation.quiet
        if quiet is not None and stay.rooms:
            seen = explain.clock_time(quiet.began, zone, seen_from=t)
            text.insert(1, f"Last movement {explain.where(quiet.place, quiet.room)} at {seen}.")
    else:
        place = explain.where(Place.OTHER, stay.room)
        text = [f"{place[:1].upper()}{place[1:]} since {since}, {lasts}, and seen nowhere else.", "Visits there "]
        text[1] += f"{when} " + usual.format("take") + f"; a stay this long {rare}."
    if suspect is not None:
        heard = explain.clock_time(suspect.heard_at, zone, seen_from=t)
        text.append(
            f"But {explain.sensor(suspect.code, situation.sensors)} {explain.of_suspect(stays_on=suspect.stays_on)} "
            f"{heard} and may have "
            "failed, which would explain it at least as well. Unable to verify that all is well."
        )
    text += [explain.equipment(situation, t) or "", explain.door(situation, t) or ""]
    return " ".join(each for each in text if each)

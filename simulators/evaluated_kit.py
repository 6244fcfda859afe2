"""Kits of the evaluation homes, from the barest anybody would install to the richest."""

import random
from enum import StrEnum

from simulators.dwelling import ESSENTIAL_ROOMS, Kit, KitSensor


class KitSize(StrEnum):
    """What hangs on the walls."""

    BARE = "bare"  # one movement sensor, the front door
    SMALL = "small"  # three movement sensors, the front door
    STANDARD = "standard"  # movement in every room, the front door, the fridge
    BED = "bed"  # the same with a bed mat, a kettle and a cistern
    RICH = "rich"  # bed and chair mats, appliances, cupboards, cisterns, thermometers
    DOORS = "doors"  # no movement sensor at all: doors of rooms, fridge, cupboards; a cistern


_SIZES = (
    (KitSize.BARE, 0.08), (KitSize.SMALL, 0.14), (KitSize.STANDARD, 0.28), (KitSize.BED, 0.22), (KitSize.RICH, 0.22),
    (KitSize.DOORS, 0.06),
)  # fmt: skip
ROOM_DOORS = ("bathroom", "bedroom", "toilet")


def any_size(rng: random.Random) -> KitSize:
    """One of them, by how common they are."""
    sizes, shares = zip(*_SIZES, strict=True)
    return KitSize(rng.choices(sizes, shares)[0])


def evaluated_kit(size: KitSize, rooms: tuple[str, ...]) -> Kit:
    """The sensors of a home with these rooms."""
    wanted: list[tuple[str, str, str]] = []
    seen = {
        KitSize.BARE: ("lounge" if "hall" in rooms else "kitchen",),
        KitSize.SMALL: ("bedroom", "bathroom", "kitchen"),
        KitSize.DOORS: (),
    }.get(size, rooms)
    wanted += [("motion", room, f"{room} movement".capitalize()) for room in rooms if room in seen]
    wanted.append(("door", "hall", "Front door"))
    if size not in (KitSize.BARE, KitSize.SMALL):
        wanted.append(("door", "kitchen", "Fridge"))
    if size in (KitSize.BED, KitSize.RICH):
        wanted += [("bed", "bedroom", "Bed"), ("appliance", "kitchen", "Kettle")]
    if size in (KitSize.BED, KitSize.RICH, KitSize.DOORS):
        wanted += [("flush", room, "Cistern") for room in rooms if room in ("bathroom", "toilet")][-1:]
    if size in (KitSize.RICH, KitSize.DOORS):
        wanted.append(("door", "kitchen", "Cupboard"))
    if size is KitSize.DOORS:
        wanted += [("door", room, room.capitalize()) for room in ROOM_DOORS if room in rooms]
    if size is KitSize.RICH:
        wanted.append(("chair", "lounge", "Armchair"))
        wanted += [("temperature", room, f"{room} temperature".capitalize()) for room in ("bedroom", "lounge")]
    counts: dict[str, int] = {}
    made: list[KitSensor] = []
    for kind, room, name in wanted:
        letter = kind[0].upper()
        counts[letter] = counts.get(letter, 0) + 1
        made.append(
            KitSensor(
                id=f"{letter}{counts[letter]:03d}",
                kind=kind,
                room=room,
                name=name,
                exit=name == "Front door",
                essential=kind == "motion" and room in ESSENTIAL_ROOMS,
            )
        )
    return tuple(made)

"""What hangs on the walls of a pretend home: its sensors, in the words of the home file.

A resident causes things in *roles* ("motion/kitchen", "door/fridge"); the home's sensors say which roles somebody
listens to. What no sensor listens to is not recorded, as in a real home with a small kit.
"""

from collections.abc import Iterable
from dataclasses import dataclass

ESSENTIAL_ROOMS = ("bedroom", "bathroom", "kitchen", "lounge")


@dataclass(frozen=True, slots=True, kw_only=True)
class KitSensor:
    """One sensor of a home file."""

    id: str
    kind: str
    room: str
    name: str = ""
    exit: bool = False
    essential: bool = False

    @property
    def role(self) -> str:
        """What it listens to."""
        if self.kind == "door":
            return "door/front" if self.exit else f"door/{self.name.lower()}"
        if self.kind == "vibration" and self.name.lower() == "cistern":
            return f"flush/{self.room}"
        if self.kind == "appliance":
            return f"appliance/{self.name.lower()}"
        return f"{self.kind}/{self.room}"


Kit = tuple[KitSensor, ...]


def sensors_by_role(kit: Iterable[KitSensor]) -> dict[str, KitSensor]:
    """The sensor that listens to each role."""
    return {sensor.role: sensor for sensor in kit}


def has_room(kit: Iterable[KitSensor], room: str) -> bool:
    """Whether the home has such a room, as far as its sensors tell."""
    return any(sensor.room == room for sensor in kit)


def kit(dwelling: str, *, dialect: str = "native") -> Kit:
    """The sensors of a `flat`, a two-storey `maisonette`, or a `small_flat` with the smallest kit we would accept."""
    rooms = {
        "flat": ("bedroom", "bathroom", "kitchen", "lounge", "hall"),
        "maisonette": ("bedroom", "bathroom", "toilet", "kitchen", "lounge", "hall", "stairs"),
        "small_flat": ("bedroom", "bathroom", "kitchen", "lounge"),
    }[dwelling]
    wanted: list[tuple[str, str, str]] = [("motion", room, f"{room} movement".capitalize()) for room in rooms]
    wanted += [("door", "hall", "Front door"), ("door", "kitchen", "Fridge")]
    if dialect == "zigbee2mqtt":
        wanted += [("vibration", "bathroom", "Cistern"), ("appliance", "kitchen", "Kettle")]
        wanted += [("temperature", room, f"{room} temperature".capitalize()) for room in rooms[:4]]
    elif dwelling == "small_flat":
        wanted += [("bed", "bedroom", "Bed"), ("chair", "lounge", "Armchair")]
        wanted += [("temperature", room, f"{room} temperature".capitalize()) for room in rooms]
    else:
        toilet = "toilet" if "toilet" in rooms else "bathroom"
        wanted += [("bed", "bedroom", "Bed"), ("chair", "lounge", "Armchair"), ("appliance", "kitchen", "Kettle")]
        wanted += [("flush", toilet, "Cistern"), ("door", "kitchen", "Cupboard")]
        wanted += [
            ("temperature", room, f"{room} temperature".capitalize())
            for room in rooms
            if room not in ("hall", "stairs")
        ]

    counts: dict[str, int] = {}
    made: list[KitSensor] = []
    for kind, room, name in wanted:
        letter = kind[0].upper()
        counts[letter] = counts.get(letter, 0) + 1
        # A bridge has friendly names; a native hub has what the installer's label says.
        code = name.lower().replace(" ", "_") if dialect == "zigbee2mqtt" else f"{letter}{counts[letter]:03d}"
        made.append(
            KitSensor(
                id=code,
                kind=kind,
                room=room,
                name=name,
                exit=name == "Front door",
                essential=kind == "motion" and room in ESSENTIAL_ROOMS,
            )
        )
    return tuple(made)

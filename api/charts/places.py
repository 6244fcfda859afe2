"""Where somebody can be on the chart, and how each place looks: colour, letter, pattern and words. Nothing else.

Colours are Okabe and Ito's, which people with any common colour blindness tell apart, stretched by two neutral tones.
No place is told by colour alone: longer stretches carry its letter, states carry a pattern, the table has the numbers,
and `?room=` shows one place at a time.
"""

from dataclasses import dataclass
from enum import StrEnum

from store.home import ROOMS


class Place(StrEnum):
    """A room of `store.home.ROOMS`, or a state that says more than a room."""

    BEDROOM = "bedroom"
    BATHROOM = "bathroom"
    TOILET = "toilet"
    KITCHEN = "kitchen"
    LOUNGE = "lounge"
    DINING = "dining"
    HALL = "hall"
    STAIRS = "stairs"
    UTILITY = "utility"
    OUTSIDE = "outside"
    OTHER = "other"
    IN_BED = "in_bed"  # a bed mat is pressed
    IN_CHAIR = "in_chair"  # a chair mat is pressed
    OUT = "out"  # out of home: the front door, then nothing until the front door again
    UNOBSERVED = "unobserved"  # nobody could have been seen

    @property
    def is_room(self) -> bool:
        """A room, not a state."""
        return self.value in ROOMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a place is drawn."""

    label: str
    letter: str  # "" for states whose pattern speaks
    colour: str  # while seen
    pale: str  # while only last seen there
    ink: str  # the letter, on `colour`
    pattern: str = ""  # id of a pattern in `patterns.py`, drawn instead of the plain colour


LOOKS: dict[Place, Look] = {
    Place.BEDROOM: Look(label="Bedroom", letter="B", colour="#0072b2", pale="#b9d8ea", ink="#ffffff"),
    Place.BATHROOM: Look(label="Bathroom", letter="W", colour="#56b4e9", pale="#d6ecf9", ink="#0b0c0c"),
    Place.TOILET: Look(label="Toilet", letter="T", colour="#cc79a7", pale="#f1dce8", ink="#0b0c0c"),
    Place.KITCHEN: Look(label="Kitchen", letter="K", colour="#e69f00", pale="#f9e5bd", ink="#0b0c0c"),
    Place.LOUNGE: Look(label="Lounge", letter="L", colour="#009e73", pale="#bbe3d8", ink="#ffffff"),
    Place.DINING: Look(label="Dining room", letter="D", colour="#f0e442", pale="#fbf7c6", ink="#0b0c0c"),
    Place.HALL: Look(label="Hall", letter="H", colour="#8c6d4f", pale="#e0d6cb", ink="#ffffff"),
    Place.STAIRS: Look(label="Stairs", letter="S", colour="#5c4a3d", pale="#d3cdc8", ink="#ffffff"),
    Place.UTILITY: Look(label="Utility room", letter="U", colour="#d55e00", pale="#f4d3bb", ink="#ffffff"),
    Place.OUTSIDE: Look(label="Outside door or garden", letter="G", colour="#4b7a2b", pale="#cfdcc6", ink="#ffffff"),
    Place.OTHER: Look(label="Other place", letter="O", colour="#767b80", pale="#dcdfe1", ink="#ffffff"),
    Place.IN_BED: Look(
        label="In bed", letter="", colour="#1d3a63", pale="#c3cddb", ink="#ffffff", pattern="pattern-bed"
    ),
    Place.IN_CHAIR: Look(
        label="In chair", letter="", colour="#00805c", pale="#bfdad3", ink="#ffffff", pattern="pattern-chair"
    ),
    Place.OUT: Look(label="Out of home", letter="", colour="#ffffff", pale="#ffffff", ink="#0b0c0c",
                    pattern="pattern-out"),
    Place.UNOBSERVED: Look(label="Could not be observed", letter="", colour="#ffffff", pale="#ffffff", ink="#0b0c0c",
                           pattern="pattern-unobserved"),
}  # fmt: skip


def place_of_room(room: str) -> Place:
    """The place of a sensor's room; free text is another place."""
    return Place(room) if room in ROOMS else Place.OTHER

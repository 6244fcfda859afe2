"""How a resident spends a stretch of time, and what that does to the things around them.

A `Diary` is written from the beginning to the end of a waking day: each call moves its clock on and notes where the
resident was (stays) and what they caused (impulses). It knows nothing of sensors: whether an impulse is heard, and
how a sensor behaves afterwards, stands in `sensing.py`. Times are epoch seconds, which are cheap, sortable and know
no clock change.
"""

import math
import random
from typing import NamedTuple


class Stay(NamedTuple):
    """Where the resident was, and what for. The truth a detector never sees."""

    start: float
    end: float
    place: str  # a room, or "out"
    doing: str


class Impulse(NamedTuple):
    """Something somebody caused, in the role of a sensor that might hear it."""

    at: float
    role: str
    on: bool  # for movement always true
    lasts: float  # seconds after which the thing itself goes off again: a kettle, a cistern; 0: it does not
    by: str  # resident or visitor


class Visit(NamedTuple):
    """Somebody else is there too."""

    start: float
    end: float


# Median seconds between two movements that a sensor could see; the gaps are log-normal, so long ones are common.
_SECONDS_BETWEEN_MOVEMENTS = {
    "wash": 24.0,
    "toilet": 45.0,
    "dress": 24.0,
    "cook": 20.0,
    "tea": 18.0,
    "eat": 75.0,
    "chores": 25.0,
    "sit": 230.0,
    "read": 280.0,
    "nap": 1500.0,
    "sleep": 2900.0,
    "host": 70.0,
    "pass": 8.0,
}
_GAP_SIGMA = 0.85
_MISSED_SHARE = 0.12  # of movements, by a passive infrared sensor in a furnished room
_MISSED_IN_PASSING_SHARE = 0.22  # of somebody who only crosses the hall


class Diary:
    """A stretch of one resident's life, being written."""

    def __init__(
        self,
        rng: random.Random,
        *,
        start: float,
        place: str,
        tempo: float,
        upstairs: frozenset[str],
        doors: frozenset[str] = frozenset(),  # rooms whose door is shut behind one
        gap_sigma: float = _GAP_SIGMA,  # of the logarithm of the time between two movements
    ) -> None:
        self._rng = rng
        self._doors = doors
        self._gap_sigma = gap_sigma
        self.stillness = 1.0  # a factor on the time between two movements, for what is done next
        self._tempo = tempo
        self._calm = rng.lognormvariate(0.0, 0.4)  # some nights are deeper than others
        self._upstairs = upstairs
        self.now = start
        self.place = place
        self.stays: list[Stay] = []
        self.impulses: list[Impulse] = []
        self.visits: list[Visit] = []

    # Chance ----------------------------------------------------------------------------------

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self._rng.random() < probability

    def seconds(self, minutes: float, *, spread: float = 0.3) -> float:
        """A duration of about so many minutes, never negative; `spread` is the sigma of its logarithm."""
        return minutes * 60 * math.exp(self._rng.gauss(0.0, spread))

    # Moving about ----------------------------------------------------------------------------

    def go(self, place: str) -> None:
        """Walk there, through the hall and over the stairs if need be."""
        if place == self.place:
            return
        start = self.now
        way: list[str] = []
        if "out" not in (place, self.place) and (place in self._upstairs) != (self.place in self._upstairs):
            way.append("stairs")
        if place != "hall" and self.place != "hall":
            way.append("hall")
        for room in way:
            self.now += 2 + 5 * self._rng.random()
            if not self.chance(_MISSED_IN_PASSING_SHARE):
                self.impulses.append(Impulse(self.now, f"motion/{room}", True, 0, "resident"))
            self.now += 1 + 3 * self._rng.random()
        for room in self._doors & {self.place, place}:
            self._open_and_close(f"door/{room}", self.now)
        if way:
            self.stays.append(Stay(start, self.now, way[-1], "pass"))
        self.place = place

    def stay(self, place: str, doing: str, seconds: float) -> None:
        """Be there for so long, moving as one does."""
        self.go(place)
        start, self.now = self.now, self.now + max(1.0, seconds)
        self.stays.append(Stay(start, self.now, place, doing))
        self._move_about(place, doing, start, self.now, "resident")

    def do(self, role: str, on: bool, *, after: float = 0.0, lasts: float = 0.0) -> None:
        """Open, close, press or switch something, `after` seconds from the diary's clock (negative: before)."""
        self.impulses.append(Impulse(self.now + after, role, on, lasts, "resident"))

    def _move_about(self, place: str, doing: str, start: float, end: float, by: str) -> None:
        if place == "out":
            return
        role = f"motion/{place}"
        rng = self._rng
        pace = self._calm if doing == "sleep" else self._tempo
        median = math.log(_SECONDS_BETWEEN_MOVEMENTS[doing] * pace * (self.stillness if by == "resident" else 1.0))
        # Somebody who enters a room moves in it; after that the gaps rule.
        at = (
            start + 1.5 + 2 * rng.random() if doing not in ("sleep", "nap") else start + rng.lognormvariate(median, 0.5)
        )
        while at < end:
            if rng.random() >= _MISSED_SHARE:
                self.impulses.append(Impulse(at, role, True, 0, by))
            at += rng.lognormvariate(median, self._gap_sigma)

    # What people do --------------------------------------------------------------------------

    def use_toilet(self, room: str) -> None:
        """A few minutes, and usually a flush."""
        self.stay(room, "toilet", self.seconds(3.5, spread=0.35))
        if self.chance(0.93):
            self.do(f"flush/{room}", True, after=-25, lasts=35 + 20 * self._rng.random())

    def cook(self, minutes: float) -> None:
        """Make a meal: fridge, cupboard, often the kettle."""
        self.go("kitchen")
        start, seconds = self.now, self.seconds(minutes, spread=0.25)
        for _ in range(1 + int(3 * self._rng.random())):
            self._open_and_close("door/fridge", start + seconds * self._rng.random())
        for _ in range(1 + int(2.5 * self._rng.random())):
            self._open_and_close("door/cupboard", start + seconds * self._rng.random())
        if self.chance(0.75):
            self._boil(start + 60 + 0.3 * seconds * self._rng.random())
        self.stay("kitchen", "cook", seconds)

    def make_tea(self) -> None:
        """Kettle, cupboard, milk."""
        self.go("kitchen")
        start, seconds = self.now, self.seconds(5, spread=0.25)
        self._boil(start + 15)
        if self.chance(0.75):
            self._open_and_close("door/fridge", start + 0.7 * seconds)
        if self.chance(0.6):
            self._open_and_close("door/cupboard", start + 0.3 * seconds)
        self.stay("kitchen", "tea", seconds)

    def _boil(self, at: float) -> None:
        self.impulses.append(Impulse(at, "appliance/kettle", True, 150 + 90 * self._rng.random(), "resident"))

    def _open_and_close(self, role: str, at: float) -> None:
        self.impulses.append(Impulse(at, role, True, 0, "resident"))
        self.impulses.append(Impulse(at + 4 + 20 * self._rng.random() ** 2, role, False, 0, "resident"))

    def sit(self, doing: str, seconds: float) -> None:
        """In the armchair; a fidget now and then lifts the pad for a moment."""
        self.go("lounge")
        self.now += 8
        self.stays.append(Stay(self.now - 8, self.now, "lounge", doing))
        self._on_pad("chair/lounge", seconds, fidgets_per_hour=0.5 / self.stillness)
        self.stay("lounge", doing, seconds)

    def lie(self, doing: str, until: float) -> None:
        """In bed until then; turning over lifts the mat for a moment."""
        self.go("bedroom")
        self._on_pad("bed/bedroom", until - self.now, fidgets_per_hour=0.3 / (self._calm * self.stillness))
        self.stay("bedroom", doing, until - self.now)

    def _on_pad(self, role: str, seconds: float, *, fidgets_per_hour: float) -> None:
        self.do(role, True)
        at = self.now + self._rng.expovariate(fidgets_per_hour) * 3600
        end = self.now + seconds
        while at < end - 60:
            self.impulses.append(Impulse(at, role, False, 0, "resident"))
            self.impulses.append(Impulse(at + 2 + 6 * self._rng.random(), role, True, 0, "resident"))
            at += 30 + self._rng.expovariate(fidgets_per_hour) * 3600
        self.impulses.append(Impulse(end, role, False, 0, "resident"))

    def go_out(self, seconds: float) -> None:
        """Coat, front door, away, back."""
        self.stay("hall", "dress", 60 + 90 * self._rng.random())
        self.front_door(by="resident", entering=False)
        self.stay("out", "out", seconds)
        self.front_door(by="resident", entering=True)
        self.stay("hall", "dress", 40 + 60 * self._rng.random())

    def front_door(self, *, by: str, entering: bool) -> None:
        """Open and close it. Whoever leaves is often seen once more by the hall before the door closes."""
        wide_open = 5 + 9 * self._rng.random()
        if not self.chance(0.002):  # once in a while the contact misses it
            self.impulses.append(Impulse(self.now, "door/front", True, 0, by))
            self.impulses.append(Impulse(self.now + wide_open, "door/front", False, 0, by))
        if entering or self.chance(0.35):
            self.impulses.append(Impulse(self.now + wide_open * 0.6, "motion/hall", True, 0, by))
        if by == "resident":
            self.stays.append(Stay(self.now, self.now + wide_open, "hall", "pass"))
            self.place = "hall"
            self.now += wide_open

    def receive(self, seconds: float, *, is_care: bool) -> None:
        """Somebody comes: they ring, or have the key; they sit together, or the carer works while the resident sits."""
        if not is_care:
            self.stay("hall", "pass", 20)
        start, end = self.now, self.now + seconds
        self.front_door(by="visitor", entering=True)
        self.visits.append(Visit(start, end))
        at = start + 60
        while at < end - 120:  # the visitor's own way through the home
            room = self._rng.choices(("lounge", "kitchen", "bathroom"), (1, 6, 3) if is_care else (8, 3, 1))[0]
            until = min(end - 60, at + self.seconds(7 if is_care else 14, spread=0.5))
            self._move_about(room, "chores" if is_care else "host", at, until, "visitor")
            if room == "kitchen" and self.chance(0.5):
                self._boil(at + 30)
                self._open_and_close("door/fridge", at + 90)
            at = until + 15
        self.sit("host", max(60.0, end - self.now - 40))
        self.now = max(self.now, end)
        self.front_door(by="visitor", entering=False)

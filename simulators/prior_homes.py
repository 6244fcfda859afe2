"""The homes the population prior is estimated on: a semi-Markov chain with sampled parameters.

A mechanism of its own, which shares nothing with the evaluation homes but the home file: no persona, no diary, no
appointments. Somebody is in a state (asleep, in the bathroom, at the stove, in the armchair, out …), stays there for
a time with a heavy tail, and goes on to a state whose weight depends on the hour. Every number is drawn for each home
from wide distributions, so that the homes differ more than those of any one study.

Not here: equipment that fails, visitors, absences. A prior is about ordinary days.
"""

import math
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from store.home import SensorKind
from store.home_file import HomeFile, SensorFile
from store.recording import Row

ZONE = ZoneInfo("Europe/London")
FIRST_DAY = date(2025, 1, 6)  # a Monday
_HOUR = 3600.0

# Where each state is spent, and the median minutes it lasts and seconds between two sightings, before a home's own
# factors. The medians are guesses from everyday life, not fitted to any recording.
_STATES: dict[str, tuple[str, float, float]] = {
    "sleep": ("bedroom", 170.0, 3600.0),
    "night_up": ("bathroom", 4.0, 40.0),
    "bathroom": ("bathroom", 6.0, 35.0),
    "kitchen": ("kitchen", 14.0, 30.0),
    "busy": ("lounge", 9.0, 40.0),
    "still": ("lounge", 35.0, 420.0),
    "bedroom": ("bedroom", 6.0, 40.0),
    "nap": ("bedroom", 50.0, 1800.0),
    "out": ("out", 70.0, math.inf),
}
_AWAKE = ("bathroom", "kitchen", "busy", "still", "bedroom", "nap", "out")
_ROOMS = ("bedroom", "bathroom", "kitchen", "lounge", "hall")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorHome:
    """A home file and its rows; the recording is observed throughout, so the hub says nothing."""

    home: HomeFile
    rows: list[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Numbers:
    """What was drawn for one home."""

    rise: float  # hour
    bed: float
    weekend_later: float
    hours_spread: float
    meals: tuple[float, ...]
    weights: dict[str, float]
    stay: dict[str, float]  # median minutes
    stay_sigma: float
    gap: dict[str, float]  # median seconds
    gap_sigma: float
    lull_share: float  # of gaps that come from the long tail …
    lull_index: float  # … whose exponent this is
    out_hours: tuple[float, float]
    seen: dict[str, float]  # share of sightings that the room's sensor reports
    hold_s: float
    sensors: frozenset[str]
    flickers_an_hour: float  # of a mat
    answers_share: float  # of busy spells in which the front door is opened and nobody leaves
    forgets_share: float  # of returns after which they leave again at once


def prior_home(number: int, *, days: int, seed: int) -> PriorHome:
    """Home `number` over `days` civil days; the same call gives the same rows."""
    rng = random.Random(f"prior/{seed}/{number}")
    numbers = _drawn(rng)
    said = _Chain(numbers, rng).lived(days)
    start, end = _midnight(0), _midnight(days)
    known = {sensor.id for sensor in _sensors(numbers)}
    rows = [
        Row(at=datetime.fromtimestamp(at, UTC), sensor=code, value=value)
        for at, code, value in sorted(said)
        if start <= at < end and code in known
    ]
    home = HomeFile(id=f"P{number:03d}", time_zone=ZONE.key, residents=1, checkin_minutes=5, sensors=_sensors(numbers))
    return PriorHome(home=home, rows=rows)


def _drawn(rng: random.Random) -> _Numbers:
    def about(value: float, sigma: float) -> float:
        return value * math.exp(rng.gauss(0.0, sigma))

    rise = rng.gauss(7.5, 0.9)
    liveliness = rng.gauss(0.0, 0.3)  # shared by all a person does
    rooms = {f"motion_{room}" for room in _ROOMS if rng.random() < 0.8}
    extras = {"fridge": 0.6, "bed": 0.45, "chair": 0.3, "cupboard": 0.25, "flush": 0.3}
    return _Numbers(
        rise=rise,
        bed=max(rise + 13.0, rng.gauss(22.9, 0.9)),
        weekend_later=rng.gauss(0.3, 0.4),
        hours_spread=about(0.45, 0.5),
        meals=(rise + 0.7, rng.gauss(12.6, 0.6), rng.gauss(18.2, 0.8)),
        weights={
            "bathroom": about(1.0, 0.3),
            "kitchen": about(1.3, 0.35),
            "busy": about(1.2, 0.5),
            "still": about(2.2, 0.35),
            "bedroom": about(0.7, 0.5),
            "nap": about(0.25, 0.9),
            "out": about(0.55, 0.8),
        },
        stay={name: about(minutes, 0.3) for name, (_, minutes, _) in _STATES.items()},
        stay_sigma=about(0.7, 0.2),
        gap={name: about(seconds, 0.35) * math.exp(liveliness) for name, (_, _, seconds) in _STATES.items()},
        gap_sigma=about(1.0, 0.2),
        lull_share=rng.betavariate(1.5, 18.0),
        lull_index=rng.uniform(1.0, 1.9),
        out_hours=(rng.uniform(7.5, 11.0), rng.uniform(16.5, 22.0)),
        seen={room: rng.betavariate(4.0, 1.5) for room in _ROOMS},
        hold_s=rng.choice((10.0, 30.0, 60.0, 90.0)),
        sensors=frozenset(rooms | {"front"} | {name for name, share in extras.items() if rng.random() < share}),
        flickers_an_hour=about(0.4, 1.2),
        answers_share=rng.betavariate(1.5, 9.0),
        forgets_share=rng.betavariate(1.2, 9.0),
    )


def _sensors(numbers: _Numbers) -> list[SensorFile]:
    kinds = {
        "front": (SensorKind.DOOR, "hall"),
        "fridge": (SensorKind.DOOR, "kitchen"),
        "cupboard": (SensorKind.DOOR, "kitchen"),
        "bed": (SensorKind.BED, "bedroom"),
        "chair": (SensorKind.CHAIR, "lounge"),
        "flush": (SensorKind.FLUSH, "bathroom"),
    }
    made: list[SensorFile] = []
    for code in sorted(numbers.sensors):
        kind, room = kinds.get(code, (SensorKind.MOTION, code.removeprefix("motion_")))
        made.append(SensorFile(id=code, kind=kind, room=room, exit=code == "front"))
    return made


def _midnight(day: int) -> float:
    civil = FIRST_DAY + timedelta(days=day)
    return datetime(civil.year, civil.month, civil.day, tzinfo=ZONE).timestamp()


class _Chain:
    """One home, from state to state."""

    def __init__(self, numbers: _Numbers, rng: random.Random) -> None:
        self.numbers, self.rng = numbers, rng
        self.said: list[tuple[float, str, float]] = []
        self.at = _midnight(-1) + 3 * _HOUR
        self.rises = self.lies_down = 0.0

    def lived(self, days: int) -> list[tuple[float, str, float]]:
        """What the sensors say, unsorted, from a day before the first to the end of the last."""
        for day in range(-1, days):
            weekend = FIRST_DAY.weekday() + day
            later = self.numbers.weekend_later if weekend % 7 in (5, 6) else 0.0
            midnight, spread = _midnight(day), self.numbers.hours_spread
            # Civil hours after 03:00 are as long after midnight as they seem on all days but two a year; those are an
            # hour off, which is what people do to themselves then too.
            self.rises = midnight + (self.numbers.rise + later + self.rng.gauss(0.0, spread)) * _HOUR
            self.lies_down = midnight + (self.numbers.bed + 0.5 * later + self.rng.gauss(0.0, spread)) * _HOUR
            self.lies_down = max(self.lies_down, self.rises + 9 * _HOUR)
            self._sleep(self.rises)
            state = "bathroom"
            while self.at < self.lies_down:
                self._be(state, min(self.at + self._stay(state), self.lies_down + _HOUR * self.rng.random()))
                state = self._next(state, (self.at - midnight) / _HOUR)
        return self.said

    def _sleep(self, until: float) -> None:
        while self.at < until - 600:
            self._be("sleep", min(until, self.at + self._stay("sleep")))
            if self.at < until - 1800:
                self._be("night_up", min(until, self.at + self._stay("night_up")))
        self.at = max(self.at, until)

    def _stay(self, state: str) -> float:
        return 60.0 * self.numbers.stay[state] * math.exp(self.rng.gauss(0.0, self.numbers.stay_sigma))

    def _next(self, state: str, hour: float) -> str:
        """The weights of a home, changed by the hour; nobody goes where they are, but for what was forgotten."""
        numbers = self.numbers
        if state == "out" and self.rng.random() < numbers.forgets_share:
            return "out"
        near_meal = max(math.exp(-(((hour - meal) / 0.6) ** 2)) for meal in numbers.meals)
        open_door = 1.0 if numbers.out_hours[0] <= hour <= numbers.out_hours[1] else 0.05
        siesta = math.exp(-(((hour - 14.3) / 1.5) ** 2))
        factor = {"kitchen": 0.35 + 4.0 * near_meal, "out": open_door, "nap": 0.1 + 2.0 * siesta}
        names = [name for name in _AWAKE if name != state]
        return self.rng.choices(names, [numbers.weights[name] * factor.get(name, 1.0) for name in names])[0]

    def _be(self, state: str, until: float) -> None:
        """In that state until then, seen now and then."""
        numbers, rng = self.numbers, self.rng
        room = _STATES[state][0]
        until = max(until, self.at + 30.0)
        if state == "out":
            self._see("hall", self.at)
            self._through_door(self.at + 20.0)
            self._through_door(until)
            self._see("hall", until + 5.0)
            self.at = until + 20.0
            return
        if "motion_hall" in numbers.sensors and rng.random() < 0.6:
            self._see("hall", self.at)
        if state == "busy" and rng.random() < numbers.answers_share:
            self._see("hall", self.at)
            self._through_door(self.at + 15.0)
            room = rng.choice(("lounge", "hall", "kitchen"))
        mat = {"sleep": "bed", "nap": "bed", "still": "chair"}.get(state)
        if mat in numbers.sensors:
            self._press(mat, self.at + 10.0, until)
        at = self.at + (5.0 if mat is None else self._gap(state) * rng.random())
        while at < until:
            self._see(room, at)
            if state == "kitchen" and rng.random() < 0.12:
                self._open(rng.choice(("fridge", "cupboard")), at)
            at += self._gap(state)
        if state in ("bathroom", "night_up") and rng.random() < 0.8:
            self.said += [(round(until - 20.0, 3), "flush", 1.0), (round(until + 25.0, 3), "flush", 0.0)]
        self.at = until

    def _gap(self, state: str) -> float:
        """Seconds to the next sighting: log-normal, at times from a Pareto tail."""
        numbers, rng = self.numbers, self.rng
        gap = numbers.gap[state] * math.exp(rng.gauss(0.0, numbers.gap_sigma))
        if rng.random() < numbers.lull_share:
            gap = max(gap, 120.0) * rng.paretovariate(numbers.lull_index)
        return gap

    def _see(self, room: str, at: float) -> None:
        if self.rng.random() < self.numbers.seen[room]:
            self.said.append((round(at, 3), f"motion_{room}", 1.0))
            self.said.append((round(at + self.numbers.hold_s, 3), f"motion_{room}", 0.0))

    def _open(self, code: str, at: float) -> None:
        self.said += [(round(at, 3), code, 1.0), (round(at + 6.0 + 10.0 * self.rng.random(), 3), code, 0.0)]

    def _through_door(self, at: float) -> None:
        if self.rng.random() < 0.995:
            self._open("front", at)

    def _press(self, mat: str, start: float, end: float) -> None:
        self.said.append((round(start, 3), mat, 1.0))
        at = start + self.rng.expovariate(self.numbers.flickers_an_hour) * _HOUR
        while at < end - 10.0:
            self.said += [(round(at, 3), mat, 0.0), (round(at + 3.0, 3), mat, 1.0)]
            at += 5.0 + self.rng.expovariate(self.numbers.flickers_an_hour) * _HOUR
        self.said.append((round(end, 3), mat, 0.0))

"""The quiets of one home as the estimation of the population prior needs them: read from its rows, cut into minutes.

It reads rows itself and does not run the model, whose results depend on the prior: an estimate must not depend on the
one that is shipped. Homes are taken as observed throughout; absences noted in the home file are left out.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from anomaly.clock_bins import PART_OF_BIN, PARTS, QUARTER, ClockBins, Floats, Ints
from anomaly.plan import HomePlan, Place
from anomaly.prior import AGE_EDGES_MINUTES
from anomaly.situation import PASSAGE, Situation
from store.recording import HUB, Row

CELLS = (len(Place), len(PARTS), len(AGE_EDGES_MINUTES))
MORNING_BEGINS = 4.5  # civil hour, as in `not_up`
_CLOCK_STARTS = 60.0 * AGE_EDGES_MINUTES[0]
_AGE_EDGES = 60.0 * np.array(AGE_EDGES_MINUTES[1:], dtype=np.float64)
_STEP = 60.0  # seconds; a quiet is cut into minutes from its own beginning on
_AT_HOME_FOR_SURE = 7200.0  # a longer quiet that ends at the front door may have been an unnoticed outing
_PASSAGE_LESSON = 900.0
_LONGEST = 36 * 3600.0  # a longer quiet is an absence nobody noted


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeQuiets:
    """The quiets of one home in which somebody was at home, cut into minutes, and its mornings."""

    seconds: Floats  # of each step
    bins: Ints
    types: Ints
    cells: Ints
    quiet: Ints  # which quiet a step belongs to
    days: Ints  # for each quiet: the civil day on which it ended
    passages: Floats  # [at home before, outside before][left, stayed]
    rises: Floats  # minutes after midnight, one for each morning that tells

    @property
    def last(self) -> Ints:
        """The last step of each quiet: where it ended."""
        return np.flatnonzero(np.append(self.quiet[1:] != self.quiet[:-1], True))


def home_quiets(plan: HomePlan, rows: Iterable[Row]) -> HomeQuiets:
    """Read one home. Rows in order of time; hub rows are passed over."""
    reader = _Reader(plan)
    for row in rows:
        if row.sensor != HUB:
            reader.row(row.sensor, row.at.timestamp(), float(row.value))
    return reader.read()


class _Reader:
    """Goes through the rows of one home and keeps its quiets."""

    def __init__(self, plan: HomePlan) -> None:
        self.plan = plan
        self.clock = ClockBins(plan.zone)
        self.places = Situation(plan)  # asked only where somebody is, which depends on no prior
        self.began: float | None = None
        self.place = Place.OTHER
        self.door_at = -math.inf
        self.was_outside = self.is_told = False
        self.found: list[tuple[float, float, Place]] = []
        self.passages = np.zeros((2, 2))
        self.living: list[float] = []  # signs of somebody who is up

    def row(self, code: str, t: float, value: float) -> None:
        """One row, in its time."""
        sensor = self.places.sensors.get(code)
        if sensor is None or self.places.is_away(t):
            self.began = None if sensor is not None else self.began
            return
        self.places.note_state(sensor, t, value)
        if not sensor.shows_life(value):
            return
        outside = False
        if self.began is not None and t - self.began >= _CLOCK_STARTS:
            outside = self._over(self.began, t, is_exit=sensor.is_exit)
        if sensor.is_exit:
            if t - self.door_at > PASSAGE:
                self.was_outside, self.is_told = outside, False
            self.door_at = t
        if sensor.is_living_place:
            self.living.append(t)
        self.began, self.place = t, self.places.place_of(sensor, value)

    def _over(self, began: float, t: float, *, is_exit: bool) -> bool:
        """A quiet has ended; True if they had been out."""
        after_door = began - self.door_at <= PASSAGE and self.place not in (Place.IN_BED, Place.IN_CHAIR)
        if after_door and t - began >= _PASSAGE_LESSON and not self.is_told:
            self.passages[int(self.was_outside), 0 if is_exit else 1] += 1.0
            self.is_told = True
        outside = is_exit and (after_door or t - began > _AT_HOME_FOR_SURE)
        if not outside and t - began < _LONGEST:
            self.found.append((began, t, self.place))
        return outside

    def read(self) -> HomeQuiets:
        """Everything, cut into minutes."""
        if not self.found:
            none = np.zeros(0, np.int64)
            return HomeQuiets(
                seconds=np.zeros(0), bins=none, types=none, cells=none, quiet=none, days=none,
                passages=self.passages, rises=self._rises(),
            )  # fmt: skip
        began, ended = np.array([(a, b) for a, b, _ in self.found]).T
        place = np.array([int(each) for _, _, each in self.found])
        steps = np.maximum(1, np.ceil((ended - began - _CLOCK_STARTS) / _STEP)).astype(np.int64)
        quiet = np.repeat(np.arange(len(steps)), steps)
        age = _CLOCK_STARTS + _STEP * (np.arange(len(quiet)) - np.repeat(np.cumsum(steps) - steps, steps))
        at = began[quiet] + age
        quarters = (at // QUARTER).astype(np.int64)
        last = int((ended[-1]) // QUARTER)
        table = self.clock.quarters(int(quarters[0]), last)
        bins, types, _ = table[:, quarters - quarters[0]]
        aged = np.searchsorted(_AGE_EDGES, age + 1e-3, side="right")
        return HomeQuiets(
            seconds=np.minimum(_STEP, ended[quiet] - at),
            bins=bins,
            types=types,
            cells=(place[quiet] * len(PARTS) + PART_OF_BIN[bins]) * len(AGE_EDGES_MINUTES) + aged,
            quiet=quiet,
            days=table[2, (ended // QUARTER).astype(np.int64) - quarters[0]],
            passages=self.passages,
            rises=self._rises(),
        )

    def _rises(self) -> Floats:
        """For each day the first sign of being up that is followed by another ten minutes to an hour later."""
        found: dict[int, float] = {}
        next_morning = -math.inf
        for number, t in enumerate(self.living):
            if t < next_morning:
                continue
            _, _, day = self.clock.at(t)
            begins = self.clock.instant(day, MORNING_BEGINS)
            if t < begins:
                next_morning = begins
            elif any(t + 600.0 <= sign for sign in _until(self.living, number, t + 3600.0)):
                found[day] = (t - self.clock.instant(day, 0.0)) / 60.0
                next_morning = self.clock.instant(day + 1, MORNING_BEGINS)
        return np.array([minutes for minutes in found.values() if minutes < 15 * 60.0])


def _until(signs: list[float], first: int, end: float) -> Iterator[float]:
    """The signs from that number on, before `end`."""
    for sign in islice(signs, first, None):
        if sign >= end:
            return
        yield sign

"""Which sensor would have seen it: who usually ends a quiet, and where people usually go next.

A dead sensor and a person who cannot move leave the same hole in a day: no events. They differ in what was to be
expected. If the resident usually goes on from the hall to the lounge, a quiet that begins in the hall is what a dead
lounge sensor looks like; and while they sit there, only the other sensors can end it:

    q[s,c]   share of the quiets in c (place, part of day) that only s ended: nobody else spoke within five minutes
    u[r,s]   quiets that begin with r because s did not see the resident come, for each other quiet that begins with r:
             moves r→s, times the share of visits to s that last, over the quiets after r

Counted only, from quiets and moves that were watched; decayed like the hazard. What follows from it for an alert
stands in `doubt`; whether a sensor is silent at all in `detectors.sensor_silence`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly.clock_bins import PART_OF_BIN, PARTS
from anomaly.hazard import CELLS_OF_PLACE, CLOCK_STARTS, HALF_LIFE_DAYS, Path
from anomaly.plan import Place

_PRIOR_STAYS = 0.5  # so that one unusual quiet proves nothing
_PRIOR_ENDINGS = 2.0  # in which the sensor in question had no part
_MOST = 0.97  # q at most: something else always may end a quiet

Counts = NDArray[np.float32]


class Witnesses:
    """What the sensors of one home see of its quiets and moves. Rows are sensors, by `codes`."""

    def __init__(self) -> None:
        self.codes: list[str] = []
        self._row_of: dict[str, int] = {}
        self.moves: Counts = np.zeros((0, 0), np.float32)  # r then s within five minutes
        self.stays: Counts = np.zeros(0, np.float32)  # r, then a quiet
        self.visits: Counts = np.zeros((0, 2), np.float32)  # times it took over; … and had the resident for longer
        self.sole: Counts = np.zeros((0, len(Place), len(PARTS)), np.float32)  # quiets only it ended
        self.ended: Counts = np.zeros((len(Place), len(PARTS)), np.float32)  # quiets, whoever ended them
        self.last: tuple[str, float] | None = None  # the newest sign of life
        self.entered: float | None = None  # since when it is always the same sensor
        self.pending: tuple[str, int, int, float] | None = None  # who ended a quiet of this place and part, and when

    def life(self, code: str, t: float, *, is_watched: bool) -> None:
        """Another sign of life. What lies between teaches only if it was watched throughout."""
        if self.pending is not None:
            self._settle_ending(code, t)
        if self.last is None or not is_watched:
            self.last, self.entered, self.pending = (code, t), t, None
            return
        before, at = self.last
        if code == before and t - at < CLOCK_STARTS:
            self._row(code)
            self.last = (code, t)
            return
        row, then = self._row(before), self._row(code)
        if t - at >= CLOCK_STARTS:
            self.stays[row] += 1.0
        elif code != before:
            self.moves[row, then] += 1.0
        if code != before:
            if self.entered is not None:
                self.visits[row, 0] += 1.0
                if t - self.entered >= CLOCK_STARTS:
                    self.visits[row, 1] += 1.0
            self.entered = t
        self.last = (code, t)

    def quiet_over(self, code: str, t: float, place: Place, quarter: int) -> None:
        """This sensor ended a quiet that counts; whether it alone could is seen within five minutes."""
        self._settle_ending(code, t)
        part = int(PART_OF_BIN[quarter])
        self.ended[place, part] += 1.0
        self.pending = (code, int(place), part, t)

    def _settle_ending(self, code: str, t: float) -> None:
        if self.pending is None:
            return
        ended_by, place, part, at = self.pending
        if t - at >= CLOCK_STARTS:
            row = self._row(ended_by)
            self.sole[row, place, part] += 1.0
            self.pending = None
        elif code != ended_by:
            self.pending = None

    def day_over(self, *, learned: bool) -> None:
        """Forget a little."""
        if learned:
            keep = np.float32(2.0 ** (-1.0 / HALF_LIFE_DAYS))
            for counts in (self.moves, self.stays, self.visits, self.sole, self.ended):
                counts *= keep

    def unseen(self, code: str) -> float:
        """u: for each quiet after an event like the last one, how many if this sensor did not see people come to it."""
        if self.last is None or code not in self.codes or self.last[0] not in self.codes:
            return 0.0
        before, row = self.codes.index(self.last[0]), self.codes.index(code)
        if before == row:
            return 0.0
        came, stayed = self.visits[row].tolist()
        share = (stayed + 0.5) / (came + 1.0)
        moved, stays = float(self.moves[before, row]), float(self.stays[before])
        return float(moved * share / (stays + _PRIOR_STAYS))

    def without(self, path: Path, silent: set[str]) -> Path:
        """The same quiet if these sensors could not have ended it: its exposure shrinks by their share q."""
        rows = [self.codes.index(code) for code in sorted(silent) if code in self.codes]
        if not rows or not len(path.ends):
            return path
        share = np.minimum(self.sole[rows].sum(0, dtype=np.float64) / (self.ended + _PRIOR_ENDINGS), _MOST)
        places, parts = path.cells // CELLS_OF_PLACE, PART_OF_BIN[path.bins]
        seconds = path.seconds * (1.0 - share[places, parts])
        return Path(path.ends, seconds, path.bins, path.types, path.cells)

    def _row(self, code: str) -> int:
        row = self._row_of.get(code)
        if row is None:
            row = self._row_of[code] = len(self.codes)
            self.codes.append(code)
            n = len(self.codes)
            self.moves = _grown(self.moves, (n, n))
            self.stays, self.visits = _grown(self.stays, (n,)), _grown(self.visits, (n, 2))
            self.sole = _grown(self.sole, (n, len(Place), len(PARTS)))
        return row

    # Saved and gone on from ------------------------------------------------------------------

    def arrays(self) -> dict[str, Counts]:
        """The counts."""
        return {
            "moves": self.moves,
            "stays": self.stays,
            "visits": self.visits,
            "sole": self.sole,
            "ended": self.ended,
        }

    def saved(self) -> dict[str, Any]:
        """What is going on, as JSON."""
        return {"codes": self.codes, "last": self.last, "entered": self.entered, "pending": self.pending}

    def restore(self, saved: dict[str, Any], arrays: dict[str, Counts]) -> None:
        """From JSON and arrays."""
        self.codes, self.entered = list(saved["codes"]), saved["entered"]
        self._row_of = {code: row for row, code in enumerate(self.codes)}
        self.last = None if saved["last"] is None else (saved["last"][0], saved["last"][1])
        pending = saved["pending"]
        self.pending = None if pending is None else (pending[0], pending[1], pending[2], pending[3])
        for name in self.arrays():
            setattr(self, name, arrays[name])


def _grown(counts: Counts, shape: tuple[int, ...]) -> Counts:
    larger: Counts = np.zeros(shape, np.float32)
    larger[tuple(slice(length) for length in counts.shape)] = counts
    return larger

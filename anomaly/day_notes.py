"""What the quiets of one civil day showed, as it was seen: small enough to keep for weeks, and to be learned again.

A quiet is its observed stretches, its place and the chance that nobody was there, not what followed from them by the
counts of that day: so a day can be learned anew when another day before it has been taken out. Times are kept to
twenty seconds, which is far finer than anything that is learned from them.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from anomaly.hazard import CLOCK_STARTS, Stretch
from anomaly.plan import Place

_UNIT = 20.0  # seconds
_COUNTS = math.floor(CLOCK_STARTS / _UNIT) + 1  # units: a quiet that counted keeps something that counts
_PLACE, _GOES_ON, _TEACHES, _SCORED, _OUT = 0x07, 0x08, 0x10, 0x20, 0x40
_FULL = 255  # a chance of 1
_EARLIEST = 30_000  # units before its day that a quiet may have begun: three days and a half

Record = tuple[int, int, int, int]  # start in units since 1970, length, place and flags, chance out


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietNote:
    """One quiet that is over."""

    stretches: list[Stretch]  # observed, epoch seconds
    place: Place
    out: float  # chance, as it began, that nobody was there
    teaches: bool  # its length; otherwise it only counts for the day's highest score
    score: float | None = None  # nats; None: by the counts of the day


@dataclass(slots=True)
class QuietNotes:
    """The quiets of one day, in their order."""

    records: list[Record] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)  # of those that have one of their own, in their order

    def note(self, quiet: QuietNote) -> None:
        """Another one is over."""
        flags = int(quiet.place) | (_TEACHES if quiet.teaches else 0) | (_SCORED if quiet.score is not None else 0)
        out = round(quiet.out * _FULL)
        flags |= _OUT if out else 0
        for number, (start, end) in enumerate(quiet.stretches):
            over = sum(self.records[-1][:2]) if self.records else 0
            begun = max(round(start / _UNIT), over)
            length = max(round((end - begun * _UNIT) / _UNIT), 0)
            if end - start >= CLOCK_STARTS:
                length = max(length, _COUNTS)
            self.records.append((begun, length, flags | (_GOES_ON if number else 0), out))
        if quiet.stretches and quiet.score is not None:
            self.scores.append(quiet.score)

    def quiets(self) -> Iterator[QuietNote]:
        """As they were noted, to the precision that is kept."""
        scores = iter(self.scores)
        number, last = 0, len(self.records)
        while number < last:
            _, _, flags, out = self.records[number]
            stretches: list[Stretch] = []
            while not stretches or (number < last and self.records[number][2] & _GOES_ON):
                begun, length = self.records[number][:2]
                stretches.append((begun * _UNIT, (begun + length) * _UNIT))
                number += 1
            yield QuietNote(
                stretches=stretches,
                place=Place(flags & _PLACE),
                out=out / _FULL,
                teaches=bool(flags & _TEACHES),
                score=next(scores) if flags & _SCORED else None,
            )

    def packed(self, begins: float) -> bytes:
        """The records of a day that begins then, each from the end of the one before."""
        found = bytearray()
        over = round(begins / _UNIT) - _EARLIEST
        for begun, length, flags, out in self.records:
            found.append(flags)
            _put(found, max(begun - over, 0))
            _put(found, length)
            if flags & _OUT:
                found.append(out)
            over = max(begun, over) + length
        return bytes(found)

    @classmethod
    def unpacked(cls, packed: bytes, begins: float, scores: list[float]) -> "QuietNotes":
        """From there."""
        records: list[Record] = []
        over = round(begins / _UNIT) - _EARLIEST
        left = iter(packed)
        for flags in left:
            begun = over + _taken(left)
            length = _taken(left)
            records.append((begun, length, flags, next(left) if flags & _OUT else 0))
            over = begun + length
        return cls(records=records, scores=scores)


def _put(found: bytearray, number: int) -> None:
    """Seven bits a byte, the lowest first; the eighth says that there are more."""
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)


def _taken(left: Iterator[int]) -> int:
    number = shift = 0
    for byte in left:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return number

"""What the last days have shown, kept apart until nobody will take it back.

A day's values enter a baseline only when they have stood here for the guard lag; until then a day can be left out and
put back again, and nothing is left of it meanwhile: the baseline never saw it, so its bits are those of a home whose
day was masked. Days pass whether they teach or not, so that a masked day does not change when the others enter.
"""

from collections.abc import Collection
from typing import Generic, TypeVar

LAG_DAYS = 7  # of what is judged by the baseline alone, and would notice a change too late otherwise
TAKEN_BACK_DAYS = 14  # of what is judged by baseline and journal together

Entry = TypeVar("Entry")


class DayJournal(Generic[Entry]):
    """One entry a day at most, oldest first."""

    def __init__(self, *, lag: int = LAG_DAYS) -> None:
        self.lag = lag
        self.kept: list[tuple[int, Entry]] = []  # civil day number, what it showed; masked days too
        self.masked: frozenset[int] = frozenset()

    @property
    def entries(self) -> list[tuple[int, Entry]]:
        """The days that may teach."""
        return [each for each in self.kept if each[0] not in self.masked] if self.masked else self.kept

    def pass_day(self, day: int) -> list[tuple[int, Entry]]:
        """This day has come: those that have stood long enough leave, oldest first. Masked ones are gone for good."""
        over = sum(each[0] <= day - self.lag for each in self.kept)
        leaving, self.kept = self.kept[:over], self.kept[over:]
        return [each for each in leaving if each[0] not in self.masked]

    def add(self, day: int, entry: Entry) -> None:
        """What this day showed; days come in their order, and one that is told twice counts as told first."""
        if not self.kept or day > self.kept[-1][0]:
            self.kept.append((day, entry))

    def mask(self, days: Collection[int]) -> bool:
        """These days must not teach, and no others. True if that changes what the journal's days say."""
        masked = frozenset(days)
        changed = any((day in masked) is not (day in self.masked) for day, _ in self.kept)
        self.masked = masked
        return changed

    def take_out(self, day: int) -> bool:
        """Forget this day for good. False if it is not here: never told, or already part of the baseline."""
        kept = [each for each in self.kept if each[0] != day]
        found = len(kept) < len(self.kept)
        self.kept = kept
        return found

"""What the last days have shown, kept apart until nobody will take it back.

A day's values enter a baseline only when they have stood here for the guard lag; until then a day can be taken out
again, and nothing is left of it: the baseline never saw it, so its bits are those of a home whose day was masked.
Days pass whether they teach or not, so that a masked day does not change when the others enter.
"""

from typing import Generic, TypeVar

LAG_DAYS = 7

Entry = TypeVar("Entry")


class DayJournal(Generic[Entry]):
    """One entry a day at most, oldest first."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, Entry]] = []  # civil day number, what it showed

    def pass_day(self, day: int) -> list[tuple[int, Entry]]:
        """This day has come: those that have stood long enough leave, oldest first."""
        leaving = [each for each in self.entries if each[0] <= day - LAG_DAYS]
        self.entries = self.entries[len(leaving) :]
        return leaving

    def add(self, day: int, entry: Entry) -> None:
        """What this day showed; days come in their order, and one that is told twice counts as told first."""
        if not self.entries or day > self.entries[-1][0]:
            self.entries.append((day, entry))

    def take_out(self, day: int) -> bool:
        """Forget this day. False if it is not here: never told, or already part of the baseline."""
        kept = [each for each in self.entries if each[0] != day]
        found = len(kept) < len(self.entries)
        self.entries = kept
        return found

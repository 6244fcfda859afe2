"""What was told against what is stored, to the last reading. Pure.

A reading is home, sensor, the hub's own time and value; a story never says the same twice, so the multisets must be
equal.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

Key = tuple[str, str, int, float]  # home, sensor, hub time in epoch milliseconds, value


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How a fault went."""

    readings: int  # that happened
    stored: int  # rows
    lost: int  # acknowledged to the hub, and not stored
    doubled: int  # rows beyond one of a reading
    unasked: int  # rows of readings that never happened
    unacknowledged: int  # still held by hubs, or not even recorded: this did not end

    @property
    def is_good(self) -> bool:
        """Everything is stored, once."""
        return self.lost == self.doubled == self.unasked == self.unacknowledged == 0 and self.stored == self.readings


def key(home: str, sensor: str, hub_time: float, value: float) -> Key:
    """A reading as it is compared; `hub_time` in epoch seconds."""
    return home, sensor, round(hub_time * 1000), value


def count(happened: Collection[Key], stored: Iterable[Key], *, held: Iterable[Key]) -> Count:
    """Compare. `held` are the readings whose hub has not been told that they are committed."""
    rows = Counter(stored)
    told = Counter(happened)
    not_acknowledged = set(held)
    missing = _minus(told, rows)
    return Count(
        readings=told.total(),
        stored=rows.total(),
        lost=sum(number for each, number in missing.items() if each not in not_acknowledged),
        doubled=sum(number - told[each] for each, number in rows.items() if told[each] and number > told[each]),
        unasked=sum(number for each, number in rows.items() if not told[each]),
        unacknowledged=len(not_acknowledged),
    )


def _minus(these: Mapping[Key, int], those: Mapping[Key, int]) -> dict[Key, int]:
    return {each: number - those.get(each, 0) for each, number in these.items() if number > those.get(each, 0)}

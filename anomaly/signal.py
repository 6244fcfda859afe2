"""Is a radio link weak, again and again, and at which hours is it worst? Pure.

One bad hour is a microwave oven. A link is weak if there were bad hours on three of the last four days it was heard,
and good again after two days without: between the two nothing changes, so that a fault does not come and go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from store.equipment import EquipmentDay, worst_hours

_LOOKED_AT = 4  # days on which it was heard
_WEAK_DAYS = 3  # of them
_GOOD_DAYS = 2  # the newest, without any bad hour
_BAD_HOURS = 3  # in a day that counts as weak


class Reception(StrEnum):
    """What can be said of a link."""

    WEAK = "weak"  # again and again: a fault
    GOOD = "good"  # no bad hour of late
    BETWEEN = "between"  # as it was judged before
    UNKNOWN = "unknown"  # hardly heard yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A radio link over the last days."""

    reception: Reception
    since: date | None  # the first weak day of those looked at
    weakest: int | None
    worst_hours: list[int]  # civil, the worst first


def judged(days: Sequence[EquipmentDay]) -> Link:
    """Days of one hub or sensor, oldest first; a day on which it was not heard is not there."""
    looked_at = days[-_LOOKED_AT:]
    weak = [each for each in looked_at if _bad_hours(each) >= _BAD_HOURS]
    if len(weak) >= _WEAK_DAYS:
        reception = Reception.WEAK
    elif len(looked_at) < _GOOD_DAYS:
        reception = Reception.UNKNOWN
    elif not any(_bad_hours(each) for each in looked_at[-_GOOD_DAYS:]):
        reception = Reception.GOOD
    else:
        reception = Reception.BETWEEN
    samples = [said for each in days for said in each.weak_signal or [] if said is not None]
    return Link(
        reception=reception,
        since=weak[0].day if weak else None,
        weakest=min(samples, default=None),
        worst_hours=worst_hours(days),
    )


def _bad_hours(day: EquipmentDay) -> int:
    return sum(said is not None for said in day.weak_signal or [])

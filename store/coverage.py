"""When a home could be observed at all: pure arithmetic on check-ins, the same for the model and for the charts.

Not here: whether a single sensor is alive (`anomaly`), and how uncovered time is drawn (`api`).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol

from store.hub import HubState

MISSED_CHECK_INS = 3  # so many without a word, and nobody knows whether a movement would have been recorded


class CheckIn(Protocol):
    """What coverage needs of a check-in: a `HubCheckIn`, or the same of a recording."""

    @property
    def occurred_at(self) -> datetime:
        """The hub's clock."""

    @property
    def state(self) -> HubState:
        """What the hub said."""


def covered_for(check_in_interval: timedelta) -> timedelta:
    """How long one check-in vouches for what follows it."""
    return MISSED_CHECK_INS * check_in_interval


def covered_intervals(
    check_ins: Iterable[CheckIn], interval: timedelta, start: datetime, end: datetime, *, always: bool = False
) -> list[tuple[datetime, datetime]]:
    """The parts of [start, end) in which the hub was in touch, in order and not overlapping.

    Each check-in covers three intervals from its own time on, unless the hub goes offline before. Give check-ins
    from `start - covered_for(interval)` on, or the first minutes look uncovered. `always` is for recordings
    without any hub row, which count as observed throughout.
    """
    if start >= end:
        return []
    if always:
        return [(start, end)]
    found: list[tuple[datetime, datetime]] = []
    begun: datetime | None = None  # the running covered stretch …
    until = start  # … and how far it is vouched for
    for check_in in sorted(check_ins, key=lambda each: each.occurred_at):
        at = check_in.occurred_at
        if begun is not None and at > until:
            found.append((begun, until))
            begun = None
        if check_in.state is HubState.OFFLINE:
            if begun is not None:
                found.append((begun, at))
            begun = None
            continue
        if begun is None:
            begun = at
        until = at + covered_for(interval)
    if begun is not None:
        found.append((begun, until))
    clipped = ((max(a, start), min(b, end)) for a, b in found)
    return [(a, b) for a, b in clipped if a < b]

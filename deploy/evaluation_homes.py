"""The simulated homes of the scorecard: `simulators.evaluation` in the words of `anomaly.scorecard`.

They stand here because the model must not know the simulators.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, time

from anomaly.scorecard.homes import Change, EvaluatedHome, Stay
from simulators.evaluation import evaluation_home

PEOPLE = frozenset({"resident", "partner", "visitor"})  # whose rows an incident takes away; a cat goes on


def evaluation_homes(n: int, days: int, seed: int) -> Iterator[EvaluatedHome]:
    """Homes 0 … n − 1, each over so many civil days. The same arguments give the same homes."""
    for number in range(n):
        yield simulated_home(number, days=days, seed=seed)


def simulated_home(number: int, *, days: int, seed: int) -> EvaluatedHome:
    """One of them."""
    made = evaluation_home(number, days=days, seed=seed)
    stays = [stay for day in made.truth.days for stay in day.stays]
    return EvaluatedHome(
        file=made.home,
        rows=made.rows,
        people=[cause in PEOPLE for cause in made.causes],
        stays=_joined(stays),
        changes=tuple(
            Change(
                kind=str(change.kind),
                begins=datetime.combine(change.begins, time(), made.home.zone).timestamp(),
            )
            for change in made.truth.changes
        ),
    )


def _joined(stays: Sequence[tuple[float, float, str, str]]) -> tuple[Stay, ...]:
    """Stays that were cut at midnight are one again."""
    joined: list[Stay] = []
    for start, end, place, doing in sorted(stays):
        last = joined[-1] if joined else None
        if last is not None and (last.place, last.doing) == (place, doing) and abs(last.end - start) < 1.0:
            joined[-1] = Stay(last.start, end, place, doing)
        else:
            joined.append(Stay(start, end, place, doing))
    return tuple(joined)

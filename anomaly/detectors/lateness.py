"""What the habits of the day share: from "not yet by now" to a grade, and when the next one would be reached."""

import math

import numpy as np

from anomaly import explain
from anomaly.clock_bins import DAY_TYPES
from anomaly.clock_change import tolerance
from anomaly.detectors.detector import Known
from anomaly.habit import Habit
from anomaly.open_finding import OpenFinding
from store.deviation import Grade

KNOWN_DAYS = 7.0  # days of evidence before anything is said of a habit
_MOST = Grade.ATTENTION  # somebody who is about, but late, needs a call, not a siren


def needed_days(known: Known, false_a_month: float, *, of: str) -> dict[Grade, float]:
    """How rare something must be for each grade up to attention, which is never easier than a notice.

    `of`: the detector whose budget it is. A nat of its governor makes N larger by e.
    """
    required = known.required_days(false_a_month)
    notice = required.get(Grade.NOTICE, math.inf)
    times = math.exp(known.offset(of))
    return {grade: times * max(days, notice) for grade, days in required.items() if grade.rank <= _MOST.rank}


def later(t: float, known: Known) -> float:
    """Minutes by which a habit may be later just now, because the clocks were changed."""
    return tolerance(known.situation.clock, t)


def judged(
    habit: Habit, minutes: float, until: float, day_type: int, *, needed: dict[Grade, float], open_: OpenFinding | None
) -> tuple[Grade | None, float | None]:
    """The grade that is reached now and was not before; and in how many minutes the next one would be, if at all."""
    if habit.days < KNOWN_DAYS or minutes >= until or not needed:
        return None, None
    grid = np.arange(minutes, until)
    reached = habit.reached(grid, day_type, needed)
    have = -1 if open_ is None else Grade(open_.grade).rank
    grade = next((g for g in reversed(Grade) if g in reached and g.rank > have and reached[g][0]), None)
    have = have if grade is None else grade.rank
    waits = [np.flatnonzero(at) for g, at in reached.items() if g.rank > have]
    return grade, min((max(1.0, float(wait[0])) for wait in waits if len(wait)), default=None)


def how_rare(habit: Habit, minutes: float, day_type: int, known: Known) -> tuple[float, float]:
    """Once in how many days: as computed, and as it may be shown."""
    once = habit.tail.once_in_days(habit.usual.score_one(minutes, day_type))
    return once, min(once, known.maxima.shown(once))


def usual_words(habit: Habit, day_type: int, *, what: str) -> tuple[str, dict[str, str]]:
    """The sentence about what is usual, and its numbers."""
    middle, late = habit.usual.quantiles(day_type, (0.5, 0.9))
    numbers = {"usual": explain.hour_words(middle / 60), "nine_in_ten_by": explain.hour_words(late / 60)}
    kind = DAY_TYPES[day_type]
    words = f"On a {kind} usually {what} by {numbers['usual']}, nine days in ten by {numbers['nine_in_ten_by']}"
    return words, numbers

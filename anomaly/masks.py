"""Which civil days must not teach, and since when the routine is another: what staff have said, in the plan."""

from datetime import date

from anomaly.clock_bins import ClockBins
from anomaly.plan import HomePlan


def is_masked(day: int, plan: HomePlan, clock: ClockBins) -> bool:
    """Must this civil day not teach? Not if any of it is masked, unless staff said that it was usual."""
    if not plan.masked or date.fromordinal(day) in plan.usual:
        return False
    begins, ends = clock.instant(day, 0.0), clock.instant(day + 1, 0.0)
    return any(period.start < ends and period.end > begins for period in plan.masked)


def normal_from(plan: HomePlan, clock: ClockBins) -> int | None:
    """The civil day from which the past counts less; None: never."""
    return None if plan.new_normal_from is None else clock.at(plan.new_normal_from.timestamp())[2]

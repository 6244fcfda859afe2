"""The chart and the state of a home in a sentence each: what a screen reader says and everybody reads first. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from api.charts.figures import DayFigures
from api.charts.places import LOOKS, Place
from api.charts.timeline import Segment
from api.pages.words import DAYS, duration, local_time
from store.routine import Routine

MONTH_NAMES = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
               "November", "December")  # fmt: skip
_NOTHING = timedelta(0)


def long_date(day: date, *, with_year: bool = False) -> str:
    """'26 October'."""
    return f"{day.day} {MONTH_NAMES[day.month - 1]}" + (f" {day.year}" if with_year else "")


def chart_sentence(days: Sequence[DayFigures], routine: Routine | None, *, findings: int) -> str:
    """What the chart shows: when the resident is usually up, how often they were seen, what could not be observed."""
    first, last = days[0].row.date, days[-1].row.date
    period = f"Between {long_date(first, with_year=first.year != last.year)} and {long_date(last, with_year=True)}"
    begun = [day for day in days if day.observed or day.not_observed]
    parts = [
        *_usual_words(routine),
        f"seen on {sum(day.was_seen for day in begun)} of {len(begun)} days" if begun else "nothing has been yet",
    ]
    blind = sum((day.not_observed for day in days), _NOTHING)
    watched = blind + sum((day.observed for day in days), _NOTHING)
    if not blind:
        missing = "all of it could be observed"
    else:
        missing = f"{_amount(blind)} could not be observed ({_percent(blind / watched)} of the time)"
    dark = {place for day in days for place in day.dark}
    if dark:
        named = " and ".join(sorted(LOOKS[place].label.lower() for place in dark))
        missing += f"; some days say nothing of {named}"
    marked = "" if not findings else f" {_count(findings, 'finding is', 'findings are')} marked."
    return f"{period}: {', '.join(parts)}; {missing}.{marked}"


def _usual_words(routine: Routine | None) -> list[str]:
    up_by = routine.usual.up_by if routine else {}
    ranges = {day_type: (times[0], times[2]) for day_type, times in up_by.items() if len(times) == 3}
    if not ranges:
        return ["usual time to get up not learned yet"]
    if len(set(ranges.values())) == 1:
        early, late = next(iter(ranges.values()))
        return [f"usually up between {early} and {late}"]
    return [
        "usually up " + " and ".join(f"between {a} and {b} {_when(day_type)}" for day_type, (a, b) in ranges.items())
    ]


def _when(day_type: str) -> str:
    return {"weekday": "on weekdays", "weekend": "at weekends"}.get(day_type, f"({day_type.replace('_', ' ')})")


def _amount(length: timedelta) -> str:
    hours = length / timedelta(hours=1)
    if hours < 1:
        return _count(max(1, round(hours * 60)), "minute", "minutes")
    return f"{hours:.1f} hours" if hours < 10 and round(hours, 1) % 1 else _count(round(hours), "hour", "hours")


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _percent(share: float) -> str:
    return "under 1%" if 0 < share < 0.01 else f"{share:.0%}"


def last_movement(
    seen: tuple[datetime, Place] | None, current: Segment | None, *, time_zone: str, now: datetime
) -> str:
    """'Last movement 10:42 in the kitchen, 12 min ago.' `current` is where the timeline has the resident now."""
    if seen is None:
        return "No movement has been seen so far."
    at, place = seen
    state = ""
    if current is not None and current.place in (Place.OUT, Place.IN_BED, Place.IN_CHAIR):
        state = f"{LOOKS[current.place].label} since {local_time(current.start, time_zone, now)}. "
    return f"{state}Last movement {local_time(at, time_zone, now)}{_where(place)}, {duration(now - at)} ago."


def _where(place: Place) -> str:
    special = {Place.OTHER: "", Place.STAIRS: " on the stairs", Place.OUTSIDE: " outside"}
    return special.get(place, f" in the {LOOKS[place].label.lower()}")


def equipment_words(*, sensors: int, failing: int, is_covered: bool, covered_until: datetime | None,
                    time_zone: str, now: datetime, is_partly_blind: bool = False) -> str:  # fmt: skip
    """Whether a movement now would be noticed. `is_partly_blind`: the model says that too little can be seen."""
    if not is_covered:
        if covered_until is None:
            return "This home cannot be observed: its hub has not been heard."
        since = local_time(covered_until, time_zone, now)
        return f"This home cannot be observed since {since}: its hub has not been heard."
    if is_partly_blind:
        return f"The hub is live, but too few of its {sensors} sensors are: this home cannot be observed well enough."
    if failing:
        return f"The hub is live; {failing} of its {sensors} sensors {'needs' if failing == 1 else 'need'} help."
    return f"The hub is live and none of its {sensors} sensors is known to be silent."


def next_alert_words(routine: Routine | None, *, is_covered: bool, time_zone: str, now: datetime) -> str:
    """The next-alert time: when continued silence would raise the next grade."""
    if routine is None:
        return "Nothing has been learned of this home yet, so no alert about the resident can be raised."
    if routine.warm_up_days > 0:
        days = max(1, round(routine.warm_up_days))
        return (
            f"Learning: {_count(days, 'day', 'days')} to go ({routine.learned_days:.0f} observed so far). "
            "Until then no alert about unusual activity is raised."
        )
    if not is_covered:
        return "While this home cannot be observed, silence raises no alert about the resident."
    if routine.next_check_at is None:
        return "Continued silence would raise no further finding at present."
    if routine.next_check_at <= now:
        return "The time until which silence is usual has passed; the next check is due now."
    return (
        f"If nothing moves, the next finding is due {_at(routine.next_check_at, time_zone, now)}, "
        f"in {duration(routine.next_check_at - now)}."
    )


def _at(at: datetime, time_zone: str, now: datetime) -> str:
    here, today = at.astimezone(ZoneInfo(time_zone)), now.astimezone(ZoneInfo(time_zone)).date()
    if here.date() == today:
        return f"at {here:%H:%M}"
    return f"on {DAYS[here.weekday()]} at {here:%H:%M}"


def day_types(days: Sequence[date], routine: Routine | None) -> Mapping[int, str]:
    """Which day type of the routine each row has; bank holidays are not known here and count as their weekday."""
    known = set(routine.usual.up_by) if routine else set()
    found = {}
    for index, day in enumerate(days):
        wanted = "weekend" if day.weekday() >= 5 else "weekday"
        if wanted in known:
            found[index] = wanted
        elif len(known) == 1:
            found[index] = next(iter(known))
    return found

"""A pretend life with a bed mat, made of a seed: simple on purpose, so that each day can be bent."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from anomaly.plan import HomePlan, plan_of_file
from store.recording import Row
from tests.anomaly.conftest import FIRST_DAY, LONDON, a_home

ROOMS = ("bedroom", "bathroom", "kitchen", "lounge")
SENSORS: list[dict[str, object]] = [{"id": f"M-{room}", "kind": "motion", "room": room} for room in ROOMS]
SENSORS += [
    {"id": "D1", "kind": "door", "room": "hall", "exit": True},
    {"id": "B1", "kind": "bed", "room": "bedroom"},
]


def sleeper_plan(*, without: tuple[str, ...] = (), **changes: object) -> HomePlan:
    """Their flat, always observed."""
    sensors = [each for each in SENSORS if each["id"] not in without]
    return plan_of_file(a_home(sensors=sensors, **changes), always_observed=True)


@dataclass(frozen=True, kw_only=True)
class Bent:
    """What is different on one day."""

    visits: int | None = None  # to the bathroom in the night that ends on it
    later: float = 0.0  # hours by which the day is later
    cooks: bool = True
    to_bed: bool = True
    up_from: float | None = None  # civil hour at which they get up in the night, and stay up until six
    stirs: bool = True  # … and move about


ORDINARY = Bent()


def a_sleeper(
    days: int,
    *,
    seed: int = 1,
    bent: dict[int, Bent] | None = None,
    from_day: int = 0,
    first: datetime = FIRST_DAY,
    zone: ZoneInfo = LONDON,
) -> Iterator[Row]:
    """Days `from_day` … `days`, oldest row first. Day n is the same whatever is asked for before it."""
    for number in range(from_day, days):
        rng = random.Random(f"{seed}/{number}")
        midnight = (first + timedelta(days=number)).astimezone(zone).replace(hour=0, minute=0, tzinfo=zone)
        yield from sorted(_day(rng, midnight, (bent or {}).get(number, ORDINARY)), key=lambda row: row.at)


def _day(rng: random.Random, midnight: datetime, bent: Bent) -> Iterator[Row]:
    def row(hour: float, sensor: str, value: float) -> Row:
        civil = midnight + timedelta(hours=hour)  # civil arithmetic: the zone's own clock
        return Row(at=civil.astimezone(UTC), sensor=sensor, value=value)

    usual = sum(rng.random() < 0.25 for _ in range(4))
    up, bed = 7.0 + bent.later + rng.gauss(0, 0.2), 22.5 + min(bent.later, 1.4) + rng.gauss(0, 0.2)
    visits = usual if bent.visits is None else bent.visits
    for number in range(visits):
        hour = 0.5 + 4.2 * (number + rng.random()) / visits
        if bent.up_from is not None and hour > bent.up_from - 0.3:
            continue
        yield row(hour, "B1", 0.0)
        yield row(hour + 0.01, "M-bathroom", 1.0)
        yield row(hour + 0.07, "B1", 1.0)
    if bent.up_from is not None:
        yield row(bent.up_from, "B1", 0.0)
        yield row(bent.up_from + 0.01, "M-bathroom", 1.0)
        hour = bent.up_from + 0.1
        while bent.stirs and hour < 6.0:
            yield row(hour, "M-lounge", 1.0)
            hour += rng.uniform(0.03, 0.2)
    if bent.up_from is None:
        yield row(up, "B1", 0.0)
    hour = up + 0.01
    yield row(hour, "M-lounge", 1.0)
    if bent.cooks:
        yield row(up + 0.4 + rng.gauss(0, 0.08), "M-kitchen", 1.0)
    while hour < bed - 0.1:
        room = rng.choice(("kitchen", "lounge", "lounge", "bathroom")) if hour > up + 0.6 else "lounge"
        yield row(hour, f"M-{room if bent.cooks or room != 'kitchen' else 'lounge'}", 1.0)
        hour += rng.expovariate(1 / 0.25)
    if bent.to_bed:
        yield row(bed - 0.01, "M-bedroom", 1.0)
        yield row(bed, "B1", 1.0)
    else:
        hour = bed
        while hour < 24.0:
            yield row(hour, "M-lounge", 1.0)
            hour += rng.uniform(0.05, 0.2)

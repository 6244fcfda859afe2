"""A hand-made life with a bed mat and thermometers, for the acute detectors; made of a seed."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from anomaly.home_model import HomeModel
from anomaly.open_finding import Finding
from anomaly.plan import HomePlan, plan_of_file
from store.deviation import Deviation, DeviationKind, Grade
from store.recording import Row
from tests.anomaly.conftest import FIRST_DAY, LONDON, a_home

LEARNED_DAYS = 35
LEARNED = FIRST_DAY + timedelta(days=LEARNED_DAYS, hours=12)  # noon of a Monday
ROOMS = ("bedroom", "bathroom", "kitchen", "lounge", "hall")


def the_plan(*, always_observed: bool = True, **changes: object) -> HomePlan:
    sensors: list[dict[str, object]] = [{"id": f"M-{room}", "kind": "motion", "room": room} for room in ROOMS]
    sensors += [
        {"id": "D1", "kind": "door", "room": "hall", "exit": True},
        {"id": "B1", "kind": "bed", "room": "bedroom"},
        {"id": "T-lounge", "kind": "temperature", "room": "lounge"},
        {"id": "T-kitchen", "kind": "temperature", "room": "kitchen"},
    ]
    return plan_of_file(a_home(**{"sensors": sensors, **changes}), always_observed=always_observed)


def row(at: datetime, sensor: str, value: float = 1.0) -> Row:
    return Row(at=at, sensor=sensor, value=value)


def moves(at: datetime, *rooms: str, every: float = 20.0) -> list[Row]:
    """Through these rooms, one movement each."""
    return [row(at + timedelta(seconds=i * every), f"M-{room}") for i, room in enumerate(rooms)]


def goes_out(at: datetime) -> list[Row]:
    """Through the hall and the front door."""
    return [*moves(at - timedelta(seconds=5), "hall"), row(at, "D1"), row(at + timedelta(seconds=6), "D1", 0.0)]


def comes_home(at: datetime) -> list[Row]:
    """The door first."""
    return [row(at, "D1"), *moves(at + timedelta(seconds=4), "hall"), row(at + timedelta(seconds=8), "D1", 0.0)]


def a_life_with_a_mat(days: int, *, first: datetime = FIRST_DAY, seed: int = 1, degrees: float = 20.0) -> Iterator[Row]:
    """Up at seven, an hour out at two, to bed at half past ten, once to the bathroom at night."""
    rng = random.Random(seed)
    for number in range(days):
        midnight = (first + timedelta(days=number)).astimezone(LONDON).replace(hour=0, minute=0, tzinfo=LONDON)
        yield from sorted(_day(rng, midnight.astimezone(UTC), degrees), key=lambda each: (each.at, each.sensor))


def _day(rng: random.Random, start: datetime, degrees: float) -> Iterator[Row]:
    def at(hour: float) -> datetime:
        return start + timedelta(seconds=round(hour * 3600, 3))

    for half_hour in range(48):
        for room in ("lounge", "kitchen"):
            yield row(at(half_hour / 2 + 0.01), f"T-{room}", round(degrees + rng.gauss(0, 0.2), 1))
    yield from to_the_bathroom(at(rng.uniform(1.5, 3.5)), minutes=5 * rng.lognormvariate(0, 0.25))
    hour, out, bed = 7 + rng.gauss(0, 0.2), 14 + rng.gauss(0, 0.3), 22.5 + rng.gauss(0, 0.2)
    yield row(at(hour), "B1", 0.0)
    hour += 0.02
    while hour < bed - 0.1:
        if out <= hour:
            away = 1.0 * rng.lognormvariate(0, 0.25)
            yield from goes_out(at(hour))
            hour, out = hour + away, 99.0
            yield from comes_home(at(hour))
            yield from moves(at(hour + 0.05), "hall", "kitchen", "lounge", "kitchen", every=70.0)
            hour += 0.2
        room = rng.choice(("kitchen", "lounge", "lounge", "bathroom"))
        stays = min(5 * rng.lognormvariate(0, 0.4), (bed - 0.06 - hour) * 60)
        yield from moves(at(hour), "hall", room)
        yield row(at(hour + stays / 60), f"M-{room}")
        hour += stays / 60 + 0.01
    yield from moves(at(bed - 0.03), "hall", "bedroom")
    yield row(at(bed), "B1", 1.0)


def to_the_bathroom(at: datetime, *, minutes: float = 5.0) -> list[Row]:
    """At night, and back to bed."""
    back = at + timedelta(minutes=minutes)
    there = [row(at, "B1", 0.0), *moves(at + timedelta(seconds=5), "bedroom", "hall", "bathroom")]
    return [*there, *moves(back - timedelta(seconds=25), "hall", "bedroom"), row(back, "B1", 1.0)]


def falls_in_the_bathroom(at: datetime) -> list[Row]:
    """… and not back."""
    return [row(at, "B1", 0.0), *moves(at + timedelta(seconds=5), "bedroom", "hall", "bathroom", "bathroom")]


def ordinary(start: datetime, days: int, *, seed: int = 9, degrees: float = 20.0) -> list[Row]:
    """More of the same life from this instant on."""
    rows = a_life_with_a_mat(days + 2, first=start - timedelta(days=1), seed=seed, degrees=degrees)
    return [each for each in rows if start <= each.at < start + timedelta(days=days)]


def found_by(state: bytes, rows: list[Row], until: datetime, **changes: Any) -> list[Finding]:
    model = HomeModel(the_plan(**changes), state)
    model.feed(rows)
    return model.advance(until)


def of_kind(found: list[Finding], kind: DeviationKind) -> list[Deviation]:
    """Raised ones, not their ends."""
    return [f for f in found if isinstance(f, Deviation) and f.kind is kind and f.ended_at is None]


def told(found: list[Finding], kind: DeviationKind) -> list[Deviation]:
    """Of which somebody hears by telephone."""
    return [f for f in of_kind(found, kind) if f.grade is not Grade.NOTICE]

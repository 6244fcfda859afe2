"""Unusual hours of a resident who goes on moving: what they do between two instants, instead of what they would do.

Each function says when it really begins, given what the resident is doing, and everything that is caused until `until`.
Whoever collapses, or goes away, stands in `scenarios`. Pure: the same resident and instant always give the same.
"""

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import cycle

from simulators.diary import Impulse, Stay
from simulators.resident import Resident, waking_day

Stretch = tuple[float, float, list[Impulse]]  # from when until when, and what is caused instead

_AT_MOST_DAYS = 3  # how far ahead we look for the moment an incident needs
_SITTING_S, _DOZING_S = 300.0, 900.0  # between two movements in the chair …
_LYING_S = 140.0  # … on the bathroom floor …
_TURNING_OVER_S = (3720.0, 4200.0)  # … and in bed
_A_ROUND = ("lounge", "hall", "bathroom", "hall", "bedroom", "hall", "kitchen")  # of somebody who cannot sleep


def first_stay(resident: Resident, wanted: datetime, fits: Callable[[Stay], bool]) -> Stay:
    """The first stay of that sort which is going on at `wanted` or begins later. ValueError if there is none soon."""
    at = wanted.timestamp()
    day = wanted.astimezone(resident.zone).date() - timedelta(days=1)
    for ahead in range(_AT_MOST_DAYS):
        for stay in waking_day(resident, day + timedelta(days=ahead)).stays:
            if stay.end > at + 30 and fits(stay) and stay.end - stay.start > 30:
                return stay
    raise ValueError(f"{resident.persona.name} gives no occasion within {_AT_MOST_DAYS} days of {wanted.isoformat()}")


def moves(at: float, room: str, *, by: str = "resident") -> Impulse:
    """Somebody moves there."""
    return Impulse(at, f"motion/{room}", True, 0, by)


def front_door(at: float, *, by: str) -> list[Impulse]:
    """Opened and closed."""
    return [Impulse(at, "door/front", True, 0, by), Impulse(at + 9, "door/front", False, 0, by)]


def long_in_bathroom(resident: Resident, wanted: datetime, until: float) -> Stretch:
    """They slip in the bathroom and cannot get up: they are seen there now and then, and nowhere else."""
    begin = wanted.timestamp()
    stay = first_stay(resident, wanted, lambda stay: stay.place in ("bathroom", "toilet") and stay.start >= begin)
    at = stay.start + 40
    until += at - begin
    seen = _now_and_then(_rng(resident, at), stay.place, at, until, _LYING_S)
    return at, until, [*seen, *_walk(until, "hall", "bedroom")]


def no_breakfast(resident: Resident, wanted: datetime, until: float) -> Stretch:
    """Gets up as usual, washes, and then sits in the living room instead of going to the kitchen."""
    stay = first_stay(resident, wanted, lambda stay: stay.place == "kitchen" and stay.doing == "cook")
    rng = _rng(resident, stay.start)
    found = [*_walk(stay.start, "hall", "lounge"), Impulse(stay.start + 30, "chair/lounge", True, 0, "resident")]
    found += _now_and_then(rng, "lounge", stay.start + 20, until, _SITTING_S)
    return stay.start - 20, until, [*found, Impulse(until, "chair/lounge", False, 0, "resident")]


def stays_in_bed(resident: Resident, wanted: datetime, until: float) -> Stretch:
    """Does not get up, turns over now and then, and gets up late."""
    at = max(wanted.timestamp(), first_stay(resident, wanted, lambda stay: stay.doing == "sleep").start + 600)
    rng, seen, now = _rng(resident, at), [], at
    while now < until:
        seen.append(moves(now, "bedroom"))
        now += rng.uniform(*_TURNING_OVER_S)
    return at, until, [*seen, Impulse(until, "bed/bedroom", False, 0, "resident"), *_walk(until + 5, "bedroom", "hall")]


def asleep_in_the_chair(resident: Resident, wanted: datetime, until: float) -> Stretch:
    """Does not go to bed, but falls asleep in the armchair, and goes in the small hours."""
    stay = first_stay(resident, wanted, lambda stay: stay.doing == "sleep")
    at = stay.start - 5
    rng = _rng(resident, at)
    return (
        at,
        until,
        [
            moves(at + 20, "hall"),
            Impulse(at + 40, "chair/lounge", True, 0, "resident"),
            *_now_and_then(rng, "lounge", at + 35, until, _DOZING_S),
            Impulse(until, "chair/lounge", False, 0, "resident"),
            *_back_to_bed(until + 2),
        ],
    )


def up_at_night(resident: Resident, wanted: datetime, until: float) -> Stretch:
    """Cannot sleep: walks about and sits in the living room for hours, then goes back to bed."""
    stay = first_stay(resident, wanted, lambda stay: stay.doing == "sleep")
    at = max(wanted.timestamp(), stay.start + 600)
    rng = _rng(resident, at)
    found, now = [*_out_of_bed(at)], at + 20
    for room in cycle(_A_ROUND):
        for _ in range({"hall": 1, "lounge": 25}.get(room, 2)):
            found.append(moves(now, room))
            now += rng.uniform(60.0, 300.0) if room == "lounge" else rng.uniform(15.0, 70.0)
        if now >= until - 300:
            break
    return at, until, [*(i for i in found if i.at < until), *_back_to_bed(until)]


def out_at_night(resident: Resident, wanted: datetime, until: float) -> Stretch:
    """Gets up, goes out by the front door, and comes back later."""
    stay = first_stay(resident, wanted, lambda stay: stay.doing == "sleep")
    at = max(wanted.timestamp(), stay.start + 600)
    out = [*front_door(at + 70, by="resident"), *front_door(until, by="resident")]
    return at, until, [*_out_of_bed(at), *out, *_back_to_bed(until + 12)]


def _rng(resident: Resident, at: float) -> random.Random:
    return random.Random(f"{resident.persona.name}/{resident.seed}/{at:.0f}/strange")


def _now_and_then(rng: random.Random, room: str, start: float, end: float, mean_s: float) -> Iterator[Impulse]:
    at = start + mean_s * rng.uniform(0.2, 1.0)
    while at < end:
        yield moves(at, room)
        at += mean_s * rng.uniform(0.3, 1.7)


def _walk(at: float, *rooms: str) -> list[Impulse]:
    return [moves(at + 8 * i, room) for i, room in enumerate(rooms)]


def _out_of_bed(at: float) -> list[Impulse]:
    return [Impulse(at, "bed/bedroom", False, 0, "resident"), *_walk(at + 4, "bedroom", "hall")]


def _back_to_bed(at: float) -> list[Impulse]:
    return [*_walk(at, "hall", "bedroom"), Impulse(at + 60, "bed/bedroom", True, 0, "resident")]

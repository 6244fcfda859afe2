"""How the sensors of an evaluation home hear what happens: each with its own blind time, after-run and misses.

As `sensing`, but over a whole period at once, with sensors that differ, and with the cause kept beside each reading,
so that whoever injects an incident can take out what people caused and leave what pets and equipment say.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from simulators.diary import Impulse
from simulators.dwelling import Kit, sensors_by_role

PEOPLE = frozenset(("resident", "partner", "visitor"))  # who somebody may be


class Heard(NamedTuple):
    """One change of one sensor, or one measurement, and what caused it."""

    at: float  # epoch seconds, whole milliseconds
    sensor: str
    value: float
    by: str  # resident, partner, visitor, pet or equipment


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """How one sensor hears."""

    blind_s: float  # after a detection (movement sensors)
    after_run_s: float  # how long it goes on saying "on" after the last one
    missed_share: float  # beyond what any sensor of its kind misses


_INFRARED = ((8.0, 45.0), (60.0, 90.0), (5.0, 20.0), (30.0, 30.0), (120.0, 120.0))  # blind, after-run, as sold


def ears(kit: Kit, rng: random.Random) -> dict[str, Ear]:
    """One make of movement sensor in the home, each hung better or worse."""
    blind, after_run = rng.choice(_INFRARED)
    return {
        sensor.id: Ear(
            blind_s=blind if sensor.kind == "motion" else 0.0,
            after_run_s=after_run if sensor.kind == "motion" else 0.0,
            missed_share=rng.betavariate(1.2, 5.0) if sensor.kind == "motion" else 0.01 * rng.random(),
        )
        for sensor in kit
    }


def hear(kit: Kit, heard_by: dict[str, Ear], impulses: Iterable[Impulse], rng: random.Random) -> list[Heard]:
    """What the sensors say of these impulses (oldest first), in order of time."""
    by_role = sensors_by_role(kit)
    is_on: dict[str, str] = {}  # sensor → who caused it
    goes_off: dict[str, float] = {}
    blind_until: dict[str, float] = {}
    heard: list[Heard] = []
    chance = rng.random
    for at, role, on, lasts, by in impulses:
        sensor = by_role.get(role)
        if sensor is None:
            continue
        code = sensor.id
        at = round(at, 3)
        ear = heard_by[code]
        off_at = goes_off.get(code)
        if off_at is not None and at >= off_at:
            heard.append(Heard(off_at, code, 0.0, is_on.pop(code)))
            del goes_off[code]
        if sensor.kind == "motion":
            if at < blind_until.get(code, 0.0) or chance() < ear.missed_share:
                continue
            blind_until[code] = at + ear.blind_s
            goes_off[code] = round(at + ear.after_run_s, 3)
        elif chance() < ear.missed_share:
            continue
        elif lasts:
            goes_off[code] = round(at + lasts, 3)
        if on and code not in is_on:
            is_on[code] = by
            heard.append(Heard(at, code, 1.0, by))
        elif not on and code in is_on:
            del is_on[code]
            goes_off.pop(code, None)
            heard.append(Heard(at, code, 0.0, by))
    heard += [Heard(off_at, code, 0.0, is_on[code]) for code, off_at in goes_off.items()]
    heard.sort(key=lambda each: each[0])
    return heard


def warmth(kit: Kit, start: float, end: float, *, cold: float, rng: random.Random) -> list[Heard]:
    """What the thermometers say in [start, end), every half hour or so. `cold`: 1 in midwinter, −1 in midsummer."""
    heard: list[Heard] = []
    for sensor in kit:
        if sensor.kind == "temperature":
            usual = {"bedroom": 18.5}.get(sensor.room, 20.5) - 1.2 * cold
            at = start + 1800.0 * rng.random()
            while at < end:
                by_day = 1.2 if 8 <= (at % 86400.0) / 3600.0 < 22 else -0.6
                heard.append(Heard(round(at, 3), sensor.id, round(usual + by_day + rng.gauss(0, 0.3), 1), "equipment"))
                at += 1800.0 + 20.0 * rng.random()
    return heard


def of_kind(kit: Kit, kinds: Sequence[str]) -> list[str]:
    """The codes of the sensors of these kinds."""
    return [sensor.id for sensor in kit if sensor.kind in kinds]

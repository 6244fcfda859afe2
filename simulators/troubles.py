"""What goes wrong with the equipment of an evaluation home, and what that does to its readings. Pure.

The resident is well all the while: whatever is made of these stretches beyond "cannot observe" is a mistake.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from simulators.hearing import Heard

DAY = 86400.0


class TroubleKind(StrEnum):
    """What happens."""

    POWER_CUT = "power_cut"  # the hub is dead: nothing is recorded
    LATE_BURST = "late_burst"  # the hub has no connection; what it recorded comes at the end of it
    SENSOR_DEAD = "sensor_dead"  # one sensor says nothing any more
    STUCK_ON = "stuck_on"  # one sensor says "on" and nothing more
    HALF_BLIND = "half_blind"  # a movement sensor behind a curtain: it misses nine in ten
    CHATTER = "chatter"  # a contact or mat that says on and off by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One of them, epoch seconds; `end` may lie behind the period."""

    kind: TroubleKind
    start: float
    end: float
    sensor: str = ""

    def covers(self, at: float) -> bool:
        """Is it going on then?"""
        return self.start <= at < self.end


def some_troubles(
    rng: random.Random, *, start: float, end: float, movement: Sequence[str], contacts: Sequence[str]
) -> tuple[Trouble, ...]:
    """What goes wrong in a home in [start, end): about half of the homes have no trouble worth the name in a month."""
    months = (end - start) / (30 * DAY)
    found: list[Trouble] = []

    def draw(kind: TroubleKind, a_month: float, seconds: tuple[float, float], sensors: Sequence[str] | None) -> None:
        times, left = 0, rng.expovariate(1.0)
        while left < a_month * months:
            times += 1
            left += rng.expovariate(1.0)
        for _ in range(times):
            begins = rng.uniform(start, end)
            lasts = rng.lognormvariate(0.0, 1.0)
            long = min(seconds[1], seconds[0] * lasts)
            if sensors is None or sensors:
                sensor = rng.choice(sensors) if sensors else ""
                found.append(Trouble(kind=kind, start=begins, end=begins + long, sensor=sensor))

    draw(TroubleKind.POWER_CUT, 0.12, (3 * 3600.0, 3 * DAY), None)
    draw(TroubleKind.LATE_BURST, 0.35, (2 * 3600.0, 2 * DAY), None)
    draw(TroubleKind.SENSOR_DEAD, 0.07, (12 * DAY, 60 * DAY), [*movement, *contacts])
    draw(TroubleKind.STUCK_ON, 0.03, (4 * DAY, 30 * DAY), movement)
    draw(TroubleKind.HALF_BLIND, 0.03, (6 * DAY, 30 * DAY), movement)
    draw(TroubleKind.CHATTER, 0.04, (6 * 3600.0, 2 * DAY), contacts)
    return tuple(sorted(found, key=lambda trouble: trouble.start))


def suffer_troubles(heard: list[Heard], troubles: Sequence[Trouble], rng: random.Random) -> list[Heard]:
    """What is left of the readings, and what the equipment says by itself."""
    left = heard
    for trouble in troubles:
        match trouble.kind:
            case TroubleKind.POWER_CUT:
                left = [each for each in left if not trouble.covers(each.at)]
            case TroubleKind.SENSOR_DEAD:
                left = [each for each in left if each.sensor != trouble.sensor or not trouble.covers(each.at)]
            case TroubleKind.STUCK_ON:
                left = [each for each in left if each.sensor != trouble.sensor or not trouble.covers(each.at)]
                before = [each.value for each in left if each.sensor == trouble.sensor and each.at < trouble.start]
                if not (before and before[-1]):
                    left.append(Heard(round(trouble.start, 3), trouble.sensor, 1.0, "equipment"))
            case TroubleKind.HALF_BLIND:
                left = [
                    each
                    for each in left
                    if each.sensor != trouble.sensor or not trouble.covers(each.at) or rng.random() >= 0.9
                ]
            case TroubleKind.CHATTER:
                left = left + _chatter(trouble, rng)
            case TroubleKind.LATE_BURST:
                pass  # nothing is lost; only the check-ins are missing until the burst
    left.sort(key=lambda each: each[0])
    # A power cut or a dead sensor that ended leaves nothing behind; what it would have said in a power cut is lost.
    cuts = [trouble for trouble in troubles if trouble.kind is TroubleKind.POWER_CUT]
    return [each for each in left if not any(cut.covers(each.at) for cut in cuts)]


def _chatter(trouble: Trouble, rng: random.Random) -> list[Heard]:
    """Bouts of on and off, a second or two apart."""
    said: list[Heard] = []
    at = trouble.start
    while at < trouble.end:
        for _ in range(rng.randint(5, 60)):
            said.append(Heard(round(at, 3), trouble.sensor, 1.0, "equipment"))
            said.append(Heard(round(at + 0.4 + rng.random(), 3), trouble.sensor, 0.0, "equipment"))
            at += 2.0 + 3.0 * rng.random()
        at += rng.expovariate(1.0 / 1500.0)
    return [each for each in said if each.at < trouble.end]

"""How sensors turn what happens into readings: movement with its blind time and after-run, contacts, pads, warmth.

Pure: a fold over impulses with a small state, so that a reading does not depend on where the history was cut.
"""

import math
import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from simulators.diary import Impulse
from simulators.dwelling import Kit, KitSensor, sensors_by_role
from store.hub import HubState

_TEMPERATURE_EVERY_S = 1800.0
_COLD_BY = 7.5  # °C that an unheated home ends below its usual, in a mild winter
_COOLS_S, _WARMS_S = 8 * 3600.0, 2 * 3600.0
_INFRARED = {  # seconds: blind after a detection, and how long it says "on" after the last one
    "native": (8.0, 45.0),
    "zigbee2mqtt": (60.0, 90.0),  # the usual battery sensor sleeps for a minute
}


class Reading(NamedTuple):
    """One change of one sensor, or one measurement."""

    at: float  # epoch seconds, whole milliseconds
    sensor: str
    value: bool | float | HubState  # a state only from a recording, of the sensor 'hub'


class Senses:
    """The sensors of a home, being fed with what happens, oldest first."""

    def __init__(self, kit: Kit, *, dialect: str) -> None:
        self._by_role = sensors_by_role(kit)
        self._blind_s, self._after_run_s = _INFRARED[dialect]
        self._is_on: dict[str, bool] = {}
        self._goes_off: dict[str, float] = {}  # sensor → when it goes off by itself
        self._blind_until: dict[str, float] = {}

    def is_on(self, role: str) -> bool:
        """What the sensor of this role said last."""
        sensor = self._by_role.get(role)
        return sensor is not None and self._is_on.get(sensor.id, False)

    def feel(self, impulses: Iterable[Impulse], *, until: float) -> list[Reading]:
        """The readings these impulses cause before `until`, unsorted; what comes later is kept for the next call."""
        readings: list[Reading] = []
        for impulse in impulses:
            sensor = self._by_role.get(impulse.role)
            if sensor is None:
                continue
            code, at = sensor.id, round(impulse.at, 3)
            off_at = self._goes_off.get(code)
            if off_at is not None and at >= off_at:
                self._switch(readings, code, off_at, False)
                del self._goes_off[code]
            if sensor.kind == "motion":
                if at < self._blind_until.get(code, 0.0):
                    continue
                self._blind_until[code] = at + self._blind_s
                self._goes_off[code] = round(at + self._after_run_s, 3)
            elif impulse.lasts:
                self._goes_off[code] = round(at + impulse.lasts, 3)
            self._switch(readings, code, at, impulse.on)
        for code, off_at in list(self._goes_off.items()):
            if off_at < until:
                self._switch(readings, code, off_at, False)
                del self._goes_off[code]
        return readings

    def _switch(self, readings: list[Reading], code: str, at: float, on: bool) -> None:
        if self._is_on.get(code, False) != on:
            self._is_on[code] = on
            readings.append(Reading(at, code, on))


def temperatures(
    kit: Sequence[KitSensor], *, seed: int, start: float, end: float, cold: Sequence[tuple[str, float, float]] = ()
) -> list[Reading]:
    """What the thermometers say by themselves in [start, end): heating by day, cooler nights, a little noise.

    `cold`: a name, and from when until when the heating is off, epoch seconds.
    """
    readings: list[Reading] = []
    for index, sensor in enumerate(kit):
        if sensor.kind != "temperature":
            continue
        base = {"bathroom": 21.0, "bedroom": 18.5, "kitchen": 20.0}.get(sensor.room, 20.5)
        phase = index * 97.0  # they do not all speak at once
        tick = math.ceil((start - phase) / _TEMPERATURE_EVERY_S)
        while (at := tick * _TEMPERATURE_EVERY_S + phase) < end:
            rng = random.Random((seed << 40) ^ (index << 32) ^ tick)
            daily = 1.3 * math.sin((at % 86400.0 / 86400.0 - 0.375) * 2 * math.pi)
            weather = 0.8 * math.sin(at / 86400.0 / 5.3 + seed)
            degrees = base + daily + weather + rng.gauss(0, 0.12) - sum(_cooled(at, *each[1:]) for each in cold)
            readings.append(Reading(round(at, 3), sensor.id, round(degrees, 1)))
            tick += 1
    return readings


def _cooled(at: float, since: float, until: float) -> float:
    """By how many degrees, with the heating off since then: down within hours, up again a little quicker."""
    if at < since:
        return 0.0
    reached = _COLD_BY * -math.expm1(-(min(at, until) - since) / _COOLS_S)
    return reached * math.exp(-max(0.0, at - until) / _WARMS_S)

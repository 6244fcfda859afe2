"""A sensor that has fallen silent, or is stuck, while the rest of the home shows life: a fault of the equipment.

A sensor without check-ins of its own is judged by others. In each quarter hour in which anybody moved it used to speak
with some chance p (by part of day); A = Σ −log(1 − p) since it spoke last, and the odds that it is dead are
prior · exp(A). Life is more bursty than that, so A must also be twice the longest it ever survived. A dead sensor
never teaches that it is usually silent: what passes in silence is counted only when it speaks again.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from anomaly import explain
from anomaly.clock_bins import PART_OF_BIN, PARTS, QUARTER
from anomaly.detectors.detector import Known, Suspicion, says_nothing, unheeded
from anomaly.open_finding import Finding, OpenFinding, next_minute
from anomaly.plan import PlanSensor
from anomaly.situation import Quiet
from store.deviation import Grade
from store.fault import FaultKind
from store.home import SensorKind

SILENT_AFTER = 24 * 3600.0  # seconds; nobody drives out for less
_EVIDENCE = math.log(99.0 * 1000.0)  # 99 : 1 for dead, from 1 : 1000 that it died since it spoke last
_SUSPICION = math.log(99.0 * 20.0)  # enough to say nothing of a resident whom it may no longer see
_LEARNED_DAYS, _LEARNED_FIRINGS = 7.0, 20.0  # before, too little is known of it
_TEMPERED = 5.0  # nats for the longest silence a sensor ever survived: life is burstier than the count assumes
JAMMED_AFTER = 2 * 3600.0  # seconds on without a word, of one that is known to switch off: it would see nobody move
_STUCK_QUARTERS = 20  # active quarter hours elsewhere while it stays on
_LIFE_IN_ROOMS = 2  # one sensor alone, in an empty home, shows no life
_HALF_LIFE_DAYS = 42.0
_MOTION = SensorKind.MOTION  # asked for at every row: looking a member up takes long
_STICKS = {SensorKind.MOTION, SensorKind.BED, SensorKind.CHAIR}
_RARELY_SPEAK = {SensorKind.SMOKE, SensorKind.FLOOD, SensorKind.SOS}


@dataclass(slots=True)
class _Speech:
    """How often one sensor speaks. Plain values, saved as JSON."""

    spoke: list[float] = field(default_factory=lambda: [0.0] * len(PARTS))  # active quarters in which it did
    chances: list[float] = field(default_factory=lambda: [0.0] * len(PARTS))  # active quarters
    waiting: list[float] = field(default_factory=lambda: [0.0] * len(PARTS))  # active quarters since it spoke
    evidence: float = 0.0  # A, nats
    most: float = 0.0  # the largest A it ever survived
    last: float | None = None
    on_since: float | None = None
    on_quarters: int = 0  # active quarters elsewhere while it stays on
    clears: bool = False  # it has switched off before


class SensorSilence:
    """Watches the sensors of one home."""

    def __init__(self) -> None:
        self.due = math.inf
        self.open: dict[str, OpenFinding] = {}  # "kind/sensor"
        self.speech: dict[str, _Speech] = {}
        # Suspected, though nobody drives out yet: what happens in their rooms cannot be judged.
        self.silent: set[str] = set()
        self.jammed: set[str] = set()  # movement sensors that stay on: whether anybody moves cannot be seen
        self.quarter: int | None = None
        self.fired: set[str] = set()
        self.watched = False

    def unseeing(self, quiet: Quiet | None) -> set[str]:
        """Sensors that might not tell of a movement now.

        One that stays on and was the last to speak is not among them: somebody may be lying in front of it. `doubt`
        speaks of that one.
        """
        began = math.inf if quiet is None else quiet.began
        return self.silent | {code for code in self.jammed if (self._of(code).last or 0.0) < began}

    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterable[Finding]:
        """A sensor spoke; an active quarter hour may be over."""
        quarter = int(t // QUARTER)
        if quarter != self.quarter:
            if self.quarter is not None and self.watched:
                self._close(self.quarter, t, known)
            self.quarter = quarter
            self.fired = set()
            self.watched = _counts(t, known)
        code = sensor.code
        self.fired.add(code)
        self._of(code).last = t
        if self.silent or self.jammed:
            self.silent.discard(code)
            self.jammed.discard(code)
        return self._ended(f"{FaultKind.SENSOR_SILENT}/{code}", t, known) if self.open else ()

    def note_state(self, sensor: PlanSensor, t: float, value: float, known: Known) -> Iterable[Finding]:
        """What the sensor says now: stuck means on, and on, and on."""
        if sensor.kind not in _STICKS:
            return ()
        speech = self._of(sensor.code)
        if value > 0:
            speech.on_since = speech.on_since or t
            if speech.clears and sensor.kind is _MOTION:
                self.due = min(self.due, next_minute(t + JAMMED_AFTER))
        elif speech.on_since is not None:
            speech.on_since, speech.on_quarters, speech.clears = None, 0, True
            return self._ended(f"{FaultKind.SENSOR_STUCK}/{sensor.code}", t, known) if self.open else ()
        return ()

    @unheeded
    def reading(self, sensor: PlanSensor, t: float, value: float, known: Known) -> Iterator[Finding]:
        """Nothing to say: see `Detector`."""
        return says_nothing()

    def changed(self, t: float, known: Known) -> Iterator[Finding]:
        """A quarter hour that was not watched throughout counts for nothing."""
        self.watched &= _counts(t, known)
        yield from ()

    def look(self, t: float, known: Known) -> Iterator[Finding]:
        """Say what the last active quarter hour has shown."""
        self.due = math.inf
        for sensor in known.plan.sensors:
            speech = self.speech.get(sensor.code)
            if speech is None:
                continue
            if speech.on_since is not None and speech.clears and sensor.kind is SensorKind.MOTION:
                jams = next_minute((speech.last or speech.on_since) + JAMMED_AFTER)
                if t >= jams:
                    self.jammed.add(sensor.code)
                    jams = next_minute(speech.on_since + SILENT_AFTER)
                if jams > t:
                    self.due = min(self.due, jams)
            if sensor.code in self.silent and speech.last is not None:
                if t - speech.last < SILENT_AFTER:
                    self.due = min(self.due, next_minute(speech.last + SILENT_AFTER))
                elif not self._is_stuck(sensor.code, speech, t) and self._is_silent(
                    speech, known, evidence=_EVIDENCE, times=2.0
                ):  # one that has stayed on is silent as well, and that is told below
                    yield from self._raised(FaultKind.SENSOR_SILENT, sensor, speech, t, known)
            if self._is_stuck(sensor.code, speech, t):
                yield from self._raised(FaultKind.SENSOR_STUCK, sensor, speech, t, known)

    def day_over(self, midnight: float, known: Known, *, learnable: bool) -> None:
        """Forget a little."""
        keep = 2.0 ** (-1.0 / _HALF_LIFE_DAYS)
        for speech in self.speech.values():
            speech.spoke = [count * keep for count in speech.spoke]
            speech.chances = [count * keep for count in speech.chances]
            speech.most *= keep

    def suspects(self, known: Known) -> list[Suspicion]:
        """Every sensor that is known well enough to be missed, with what speaks for its death."""
        found = []
        for sensor in known.plan.sensors:
            speech = self.speech.get(sensor.code)
            if speech is None or speech.last is None or not _tells(sensor) or not self._is_known(speech, known):
                continue
            evidence = speech.evidence * min(1.0, _TEMPERED / max(speech.most, _TEMPERED))
            found.append(
                Suspicion(
                    code=sensor.code, heard_at=speech.last, evidence=evidence, stays_on=sensor.code in self.jammed
                )
            )
        return found

    def _of(self, code: str) -> _Speech:
        speech = self.speech.get(code)
        if speech is None:
            speech = self.speech[code] = _Speech()
        return speech

    def _close(self, quarter: int, t: float, known: Known) -> None:
        """An active quarter hour is over: who spoke in it, who did not?"""
        part = int(PART_OF_BIN[known.situation.clock.at(quarter * QUARTER)[0]])
        rooms = {known.situation.sensors[code].room for code in self.fired if code in known.situation.sensors}
        for sensor in known.plan.sensors:
            speech = self.speech.get(sensor.code)
            if speech is None or not _tells(sensor):
                continue
            if sensor.code in self.fired:
                speech.chances = [a + b for a, b in zip(speech.chances, speech.waiting, strict=True)]
                speech.chances[part] += 1.0
                speech.spoke[part] += 1.0
                speech.waiting = [0.0] * len(PARTS)
                speech.most = max(speech.most, speech.evidence)
                speech.evidence, speech.on_quarters = 0.0, 0
                continue
            if len(rooms) < _LIFE_IN_ROOMS:
                continue
            speech.waiting[part] += 1.0
            chance = (speech.spoke[part] + 0.1) / (speech.chances[part] + 1.0)
            speech.evidence += -math.log1p(-min(chance, 0.95))
            if speech.on_since is not None and rooms - {sensor.room}:
                speech.on_quarters += 1
            if self._is_silent(speech, known, evidence=_SUSPICION, times=1.25):
                self.silent.add(sensor.code)
            if sensor.code in self.silent or speech.on_quarters >= _STUCK_QUARTERS:
                self.due = next_minute(t)

    def _is_known(self, speech: _Speech, known: Known) -> bool:
        return known.learned_days >= _LEARNED_DAYS and sum(speech.spoke) >= _LEARNED_FIRINGS

    def _is_silent(self, speech: _Speech, known: Known, *, evidence: float, times: float) -> bool:
        return self._is_known(speech, known) and speech.evidence >= max(evidence, times * speech.most)

    def _is_stuck(self, code: str, speech: _Speech, t: float) -> bool:
        on_for = 0.0 if speech.on_since is None else t - speech.on_since
        return on_for >= SILENT_AFTER and (speech.on_quarters >= _STUCK_QUARTERS or code in self.jammed)

    def _raised(
        self, kind: FaultKind, sensor: PlanSensor, speech: _Speech, t: float, known: Known
    ) -> Iterator[Finding]:
        name = f"{kind}/{sensor.code}"
        if name in self.open:
            return
        started = speech.last if kind is FaultKind.SENSOR_SILENT else speech.on_since
        assert started is not None
        since = explain.clock_time(started, known.plan.zone, seen_from=t)
        what = "has been silent" if kind is FaultKind.SENSOR_SILENT else "has stayed on"
        words = explain.sensor(sensor.code, known.situation.sensors)
        words = f"{words[:1].upper()}{words[1:]} {what} for {explain.duration(t - started)}, since {since}"
        self.open[name] = OpenFinding(
            kind=kind,
            sensor=sensor.code,
            grade=Grade.ATTENTION if sensor.is_essential else Grade.NOTICE,
            raised=t,
            started=started,
            explanation=words + ("." if sensor.code in self.jammed else ", while others show life."),
            evidence={"sensor": sensor.code, "evidence_nats": round(speech.evidence, 2)},
        )
        yield self.open[name].finding(known.plan)

    def _ended(self, name: str, t: float, known: Known) -> Iterator[Finding]:
        found = self.open.pop(name, None)
        if found is not None:
            yield found.finding(known.plan, ended=t)

    def held(self) -> list[OpenFinding]:
        """What is unusual just now."""
        return list(self.open.values())

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "due": self.due,
            "open": {name: asdict(found) for name, found in self.open.items()},
            "silent": sorted(self.silent),
            "jammed": sorted(self.jammed),
            "speech": {code: list(asdict(speech).values()) for code, speech in self.speech.items()},
            "quarter": self.quarter,
            "fired": sorted(self.fired),
            "watched": self.watched,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.due = saved["due"]
        self.open = {name: OpenFinding(**found) for name, found in saved["open"].items()}
        self.silent = set(saved["silent"])
        self.jammed = set(saved.get("jammed", ()))
        self.speech = {code: _Speech(*values) for code, values in saved["speech"].items()}
        self.quarter = saved["quarter"]
        self.fired = set(saved["fired"])
        self.watched = saved["watched"]


def _tells(sensor: PlanSensor) -> bool:
    """Does it speak often enough, and of people, for its silence to mean something?"""
    return sensor.kind not in _RARELY_SPEAK and not sensor.kind.is_measurement


def _counts(t: float, known: Known) -> bool:
    """Would the hub have passed on what a sensor says, and is it the resident who moves?"""
    situation = known.situation
    return situation.is_covered and not situation.is_away(t) and not situation.has_visit(t)

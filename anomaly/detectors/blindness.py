"""Cannot see: the equipment does not let us know how the resident is. Said instead of inactivity, never as well as it.

The fault goes to technicians (`hub_silence`, `sensor_silence`); this is for those who look after people. It is a notice
after half an hour, and worth somebody's attention at once if it was already unusually quiet when we went blind.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from anomaly import explain
from anomaly.detectors.detector import CEILINGS_ONLY_DAYS, NOTICE_DAYS, Known, says_nothing, unheeded
from anomaly.detectors.inactivity import score_of
from anomaly.open_finding import Finding, OpenFinding, next_minute
from anomaly.plan import PlanSensor
from anomaly.situation import Quiet
from store.deviation import DeviationKind, Grade

_SAID_AFTER = 1800.0  # seconds; a short outage is nobody's business
_PROBABLY = 0.5


class Blindness:
    """Watches whether one home can be seen."""

    def __init__(self) -> None:
        self.due = math.inf
        self.open: OpenFinding | None = None

    @unheeded
    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterator[Finding]:
        """Signs of life do not prove that the next one would be seen."""
        yield from ()

    @unheeded
    def reading(self, sensor: PlanSensor, t: float, value: float, known: Known) -> Iterator[Finding]:
        """Nothing to say: see `Detector`."""
        return says_nothing()

    def changed(self, t: float, known: Known) -> Iterator[Finding]:
        """We went blind, or see again."""
        situation = known.situation
        if situation.can_see or situation.is_away(t):
            self.due = math.inf
            if self.open is not None:
                yield self.open.finding(known.plan, ended=t)
                self.open = None
        elif self.open is None and situation.blind_since is not None:
            wait = 0.0 if self._quiet_once_in_days(t, known) >= NOTICE_DAYS else _SAID_AFTER
            self.due = max(next_minute(situation.blind_since + wait), next_minute(t))

    def look(self, t: float, known: Known) -> Iterator[Finding]:
        """Say it."""
        self.due = math.inf
        situation = known.situation
        if situation.can_see or situation.blind_since is None or situation.quiet is None or situation.is_away(t):
            return
        once = self._quiet_once_in_days(t, known)
        unverified = once >= NOTICE_DAYS
        zone, quiet = known.plan.zone, situation.quiet
        blind_from = explain.clock_time(situation.blind_since, zone, seen_from=t)
        seen = f"{explain.where(quiet.place, quiet.room)} at {explain.clock_time(quiet.began, zone, seen_from=t)}"
        why = _why(known) if situation.is_covered else "the hub is silent"
        text = f"The home cannot be observed since {blind_from}: {why}. Last movement {seen}."
        if unverified:
            text += f" It was already quiet for {explain.duration(quiet.age(t))}, which "
            text += f"{explain.rarity(known.maxima.shown(once), once)}. Unable to verify that all is well."
        self.open = OpenFinding(
            kind=DeviationKind.CANNOT_OBSERVE,
            grade=Grade.ATTENTION if unverified else Grade.NOTICE,
            raised=t,
            started=situation.blind_since,
            explanation=text,
            once_in_days=round(known.maxima.shown(once), 1) if unverified else None,
            evidence={
                "quiet_minutes": round(quiet.age(t) / 60),
                "unable_to_verify": unverified,
                "hub_last_heard": None
                if situation.last_check_in is None
                else explain.clock_time(situation.last_check_in, zone, seen_from=t),
            },
        )
        yield self.open.finding(known.plan)

    def day_over(self, midnight: float, known: Known, *, learnable: bool) -> None:
        """Nothing is learned here."""

    def _quiet_once_in_days(self, t: float, known: Known) -> float:
        """How rare the quiet is that was running when we went blind."""
        quiet = known.situation.quiet
        if quiet is None or known.learned_days < CEILINGS_ONLY_DAYS or quiet.out >= _PROBABLY:
            return 0.0
        path = known.hazard.path(quiet.observed(t), quiet.place, known.situation.clock)
        score = score_of(quiet, path, known)
        return known.maxima.once_in_days(float(score[-1])) if len(score) else 0.0

    def held(self) -> list[OpenFinding]:
        """What is unusual just now."""
        return [] if self.open is None else [self.open]

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {"due": self.due, "open": None if self.open is None else asdict(self.open)}

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.due = saved["due"]
        self.open = None if saved["open"] is None else OpenFinding(**saved["open"])


def _why(known: Known) -> str:
    """Which sensors of essential places do not tell of a movement."""
    situation = known.situation
    lost = [s for s in known.plan.sensors if s.is_essential and s.code in situation.lost_sensors]
    names = [explain.sensor(each.code, situation.sensors) for each in lost]
    if any(each.code in situation.silent_sensors for each in lost):
        return f"{' and '.join(names)} may have failed"
    return f"{' and '.join(names)} cannot be reached" if names else "a sensor that matters is silent"

"""No movement for longer than is usual here, at this hour, in this place: the person may be unable to move.

The surprise Λ of the running quiet (`hazard`) grows minute by minute; when it passes what the home's own days reach
about once in N days (`return_period`), the finding is raised, and rises under the same id. Between two signs of life
nothing can change but the clock: the minute at which the next grade would be reached is computed once and waited for.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from anomaly import explain
from anomaly.clock_bins import QUARTER, Floats
from anomaly.detectors.detector import Known
from anomaly.hazard import CLOCK_STARTS, Path
from anomaly.open_finding import Finding, OpenFinding, next_minute
from anomaly.plan import PlanSensor
from anomaly.situation import Quiet, with_absence
from store.deviation import DeviationKind, Grade

_LOOK_AHEAD = 2 * 3600.0  # seconds; doubled while a quiet goes on
_USUALLY = math.log(10.0)  # nats: nine quiets in ten are over
_PROBABLY = 0.5


class Inactivity:
    """Watches the running quiet of one home."""

    def __init__(self) -> None:
        self.due = math.inf
        self.open: OpenFinding | None = None

    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterator[Finding]:
        """Somebody moved: whatever was found is over, and a new quiet begins."""
        if self.open is not None:
            yield self.open.finding(known.plan, ended=t)
            self.open = None
        self.due = next_minute(t + CLOCK_STARTS) if known.situation.watching else math.inf

    def changed(self, t: float, known: Known) -> Iterator[Finding]:
        """Nothing is said while nobody can see; afterwards we look anew."""
        if self.open is not None and known.situation.is_away(t):
            yield self.open.finding(known.plan, ended=t)
            self.open = None
        quiet = known.situation.quiet
        self.due = next_minute(t) if known.situation.watching and quiet is not None else math.inf

    def look(self, t: float, known: Known) -> Iterator[Finding]:
        """Raise what has been reached, and find out when the next grade would be."""
        quiet = known.situation.quiet
        if quiet is None or not known.situation.watching:
            self.due = math.inf
            return
        age = quiet.age(t)
        until = next_minute(t + max(_LOOK_AHEAD, age))
        reach = _Reach(quiet, known, until=until)
        grade = reach.grade_at(t)
        if grade is not None and (self.open is None or grade.rank > Grade(self.open.grade).rank):
            self.open = reach.finding(grade, t)
            yield self.open.finding(known.plan)
        self.due = reach.next_after(t, self.open) or until

    def next_grade_at(self, t: float, known: Known, *, within: float = 48 * 3600.0) -> float | None:
        """When continued silence would raise the next grade; None if not within so many seconds."""
        quiet = known.situation.quiet
        if quiet is None or not known.situation.watching:
            return None
        return _Reach(quiet, known, until=next_minute(t + within)).next_after(t, self.open)

    def day_over(self, midnight: float, known: Known, *, learnable: bool) -> None:
        """The thresholds may have moved: look again."""
        if known.situation.watching and known.situation.quiet is not None:
            self.due = max(next_minute(known.situation.quiet.began + CLOCK_STARTS), midnight)

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {"due": self.due, "open": None if self.open is None else asdict(self.open)}

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.due = saved["due"]
        self.open = None if saved["open"] is None else OpenFinding(**saved["open"])


class _Reach:
    """How far one quiet has come, and will come if nobody moves until an instant."""

    def __init__(self, quiet: Quiet, known: Known, *, until: float) -> None:
        self.quiet, self.known = quiet, known
        self.path = known.hazard.path(quiet.observed(until), quiet.place, known.situation.clock)
        self.surprise = with_absence(known.hazard.surprise(self.path), quiet.chance_out)
        limits = known.plan.limits
        self.is_out = quiet.out >= _PROBABLY
        self.waking = np.cumsum(self.path.seconds * _is_waking(self.path, limits.waking_hours)) + CLOCK_STARTS
        needed = known.required_days(limits.false_inactivity_a_month)
        self.needed = {grade: known.maxima.surprise_of(days) for grade, days in needed.items()}

    def reached(self, grade: Grade) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """For every step: has this grade been reached at its end?"""
        limits = self.known.plan.limits
        found = self.surprise >= self.needed.get(grade, math.inf)
        if grade is Grade.URGENT and not self.is_out:
            found = found | (self.waking >= limits.quiet_waking_hours * 3600.0)
        if grade is Grade.ATTENTION and self.is_out:
            found = found | (np.cumsum(self.path.seconds) + CLOCK_STARTS >= limits.out_hours * 3600.0)
        return found

    def grade_at(self, t: float) -> Grade | None:
        """The highest grade reached by now."""
        step = self._step(t)
        if step is None:
            return None
        return next((grade for grade in reversed(Grade) if self.reached(grade)[step]), None)

    def next_after(self, t: float, found: OpenFinding | None) -> float | None:
        """The first full minute after `t` at which a higher grade is reached."""
        have = -1 if found is None else Grade(found.grade).rank
        due: float | None = None
        for grade in Grade:
            if grade.rank > have:
                steps = np.flatnonzero(self.reached(grade) & (self.path.ends > t))
                if len(steps):
                    at = next_minute(float(self.path.ends[steps[0]]))
                    due = at if due is None else min(due, at)
        return due

    def finding(self, grade: Grade, t: float) -> OpenFinding:
        """In words and numbers."""
        known, quiet, situation = self.known, self.quiet, self.known.situation
        step = self._step(t)
        assert step is not None
        surprise = float(self.surprise[step])
        once = known.maxima.once_in_days(surprise)
        shown = known.maxima.shown(once)
        scored = surprise >= self.needed.get(Grade.NOTICE, math.inf)
        usual = self._usual_seconds()
        zone = known.plan.zone
        evidence = {
            "quiet_minutes": round((t - quiet.began) / 60),
            "observed_minutes": round(quiet.age(t) / 60),
            "usual_minutes": None if usual is None else round(usual / 60),
            "surprise_nats": round(surprise, 3),
            "rests_on_days": round(known.learned_days, 1),
            "place": quiet.place.name.lower(),
            "room": quiet.room,
            "chance_out": round(quiet.out, 3),
            "reason": "score" if scored else "ceiling",
            "residents": known.plan.residents,
        }
        return OpenFinding(
            kind=DeviationKind.INACTIVITY,
            grade=grade,
            raised=t,
            started=quiet.began,
            once_in_days=round(shown, 1),
            evidence=evidence,
            explanation=explain.inactivity(
                quiet=explain.duration(t - quiet.began),
                since=f"{explain.where(quiet.place, quiet.room)} at "
                f"{explain.clock_time(quiet.began, zone, seen_from=t)}",
                usually_within=None if usual is None else explain.duration(usual),
                rare=explain.rarity(shown, once) if scored else None,
                ceiling=None if scored else self._ceiling_words(),
                seen=explain.equipment(situation, t),
                door=explain.door(situation, t),
            ),
        )

    def _ceiling_words(self) -> str:
        limits = self.known.plan.limits
        if self.is_out:
            return f"Probably out; nobody has been seen for {limits.out_hours:g} h and no absence is noted."
        return f"That is {limits.quiet_waking_hours:g} waking hours, the limit set for every home."

    def _usual_seconds(self) -> float | None:
        """The quiet within which nine in ten that begin here and now are over."""
        steps = np.flatnonzero(self.surprise >= _USUALLY)
        return None if not len(steps) else float(self.path.ends[steps[0]] - self.quiet.began)

    def _step(self, t: float) -> int | None:
        """The last step that is over by `t`."""
        found = int(np.searchsorted(self.path.ends, t, side="right")) - 1
        return None if found < 0 else found


def _is_waking(path: Path, hours: tuple[float, float]) -> Floats:
    first, last = hours[0] * 3600 / QUARTER, hours[1] * 3600 / QUARTER
    return ((path.bins >= first) & (path.bins < last)).astype(np.float64)

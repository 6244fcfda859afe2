"""Is a dead sensor at least as good an explanation of this quiet as a person who cannot move? Pure.

Both are rare, and both leave no events. For every sensor s that may have died since it spoke last, the odds against
trouble with the resident are compared, in nats:

    D[s](t) = log(T_s / 365 d) + A[s] + log(exp(−Λ[r](t)) + u[s] exp(−Λ[s](t)))      s has died
    C(t)    = log(T_q / 730 d)                                                       somebody cannot move

T_s is the time since s spoke, T_q since anybody moved. A is the evidence of `sensor_silence` from before this quiet.
Either the resident is still where they were seen last, and without s the quiet has the surprise Λ[r]; or they went to
where only s would have seen them come (u, of `witnesses`), and it has the surprise Λ[s] of a quiet there that only the
others can end. D − C falls as time goes by: in the end the others should have spoken too, and then no dead sensor
explains the quiet any more. And its death must make the quiet clearly likelier, or it explains nothing: a drawer that
nobody opens may well have a dead contact, and a quiet home is as strange with it as without.

Who lies on the floor in front of a live sensor has just been seen by it: the sensor that spoke last is never suspected.
So in a home with a single sensor silence stays inactivity. If it has not switched off since, it is: perhaps it is
stuck, perhaps somebody moves before it all the time, perhaps its last word was lost. That explains a quiet from two to
eight hours; nobody moves for longer than that. The doubt renames a finding, it never withholds one.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomaly.detectors.detector import Known, Suspicion
from anomaly.detectors.sensor_silence import JAMMED_AFTER
from anomaly.hazard import Path
from anomaly.situation import Quiet

_DIES_PER_DAY = 1.0 / 365.0  # one sensor in a year: batteries, radio, fallen off the wall
_TROUBLE_PER_DAY = 1.0 / 730.0  # of two people over 80 one falls in a year; most get up again, so on the safe side
_CLEARLY = math.log(10.0)  # nats by which the quiet is likelier with the sensor dead than with all alive
_DAY = 86400.0
_STAYS_ON = 8 * 3600.0  # seconds up to which a sensor that stays on explains that nothing is heard

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """At which steps of a quiet a dead sensor explains it, and which sensor does so best."""

    explains: Flags
    suspect: Suspicion | None


def doubt_about(quiet: Quiet, path: Path, known: Known, *, until: float) -> Doubt:
    """`path` is the quiet up to `until`; one flag for each of its steps."""
    steps = len(path.ends)
    explains: Flags = np.zeros(steps, dtype=np.bool_)
    if not steps:
        return Doubt(explains=explains, suspect=None)
    trouble = np.log((path.ends - quiet.began) / _DAY * _TROUBLE_PER_DAY)
    alive = -known.hazard.surprise(known.witnesses.without(path, known.situation.lost_sensors))
    best, suspect = -math.inf, None
    for suspicion in known.suspects():
        if suspicion.heard_at >= quiet.began:
            if suspicion.stays_on:
                on_for = path.ends - suspicion.heard_at
                explains |= (on_for >= JAMMED_AFTER) & (on_for < _STAYS_ON)
                best, suspect = math.inf, suspicion
            continue
        unseen = known.witnesses.unseen(suspicion.code)
        margin = suspicion.evidence + np.log((path.ends - suspicion.heard_at) / _DAY * _DIES_PER_DAY) - trouble
        if margin[0] + math.log1p(unseen) < 0.0:  # it only falls
            continue
        dead = _explained_by(suspicion, unseen, quiet, path, known, until=until)
        fits = (margin + dead >= 0.0) & (dead - alive >= _CLEARLY)
        explains |= fits
        if fits.any() and margin[0] > best:
            best, suspect = float(margin[0]), suspicion
    return Doubt(explains=explains, suspect=suspect)


def _explained_by(
    suspicion: Suspicion, unseen: float, quiet: Quiet, path: Path, known: Known, *, until: float
) -> NDArray[np.float64]:
    """log of the chance that the quiet lasts so long if this sensor is dead."""
    situation, lost = known.situation, {suspicion.code} | known.situation.lost_sensors
    stayed = -known.hazard.surprise(known.witnesses.without(path, lost))
    if unseen <= 0.0:
        return stayed
    place = situation.place_of(situation.sensors[suspicion.code], 1.0)
    there = known.hazard.path(quiet.observed(until), place, situation.clock)
    went = math.log(unseen) - known.hazard.surprise(known.witnesses.without(there, lost))
    return np.logaddexp(stayed, went)

"""What waiting costs: when to ask after somebody, not only how rare their quiet is.

A quiet either ends by itself, or the resident cannot end it. Going on waiting is worth while as long as it would soon
end by itself. With ρ collapses a minute, c the price of a false alert in minutes of somebody lying there, S = exp(−Λ)
the chance that an ordinary quiet lasts so long and h the rate at which it would end now,

    chance of a collapse : chance of an ordinary quiet  =  ρ W : S,   W = ∫ S r dt, minutes in which it can have begun
    waiting a moment saves a false alert at rate h, worth c · S · h, and costs ρ · W
    ask as soon as   Λ + log W − log h   ≥   log(c / ρ)

Λ alone asks late wherever quiets are long, as in a chair after lunch, and early where they are short: at the same
number of false alerts, the slowest tenth of collapses was found in half the time with W and h (decision 27). This is
the one-step rule of optimal stopping (Chow, Robbins and Siegmund, *Great Expectations*, 1971, chapter 3), exact where
h falls.

People fall when they are up and about, hardly ever asleep. So a minute counts in W by how lively the home usually is at
that time: r = λ over its mean in the livelier half of the day, 1 at most. Without it a night that is as quiet as every
night, in a home whose bedroom nobody watches, scored higher than a strange hour at noon, and raised what every hour of
that home had to reach (decision 28).
"""

import math
from collections.abc import Iterator

import numpy as np

from anomaly.clock_bins import BINS, Floats
from anomaly.hazard import CLOCK_STARTS, Hazard, Path, Spell

_BEFORE = CLOCK_STARTS / 60.0  # minutes of every quiet in which nothing is counted yet
_FLAT = 1e-9


def costs_of_waiting(hazard: Hazard, path: Path) -> Floats:
    """log W − log h at the end of every step of a quiet, in nats; W in lively minutes, h a minute."""
    if not len(path.ends):
        return np.zeros(0)
    rates = hazard.rates[path.types, path.bins].astype(np.float64)  # a minute
    lively = np.minimum(1.0, rates / _when_lively(hazard)[path.types])
    shape, scale = hazard.shape_and_scale(path.cells)
    exposures = rates * path.seconds / 60.0
    total = np.cumsum(exposures)
    enters = path.cells[1:] != path.cells[:-1]
    run = np.concatenate(([0], np.cumsum(enters)))
    lasts = np.flatnonzero(enters)
    after = total - np.concatenate(([0.0], total[lasts]))[run]  # exposure in the running cell
    before = np.maximum(after - exposures, 0.0)
    passed = np.concatenate(([0.0], np.cumsum(shape[lasts] * np.log1p(after[lasts] / scale[lasts]))))[run]
    grown = np.log((scale + after) / (scale + before))
    power = shape - 1.0
    flat = np.abs(power) < _FLAT
    inner = np.where(flat, grown, -np.expm1(-power * grown) / np.where(flat, 1.0, power))
    minutes = np.exp(-passed - power * np.log1p(before / scale)) * scale / rates * inner
    wait = _BEFORE * lively[0] + np.cumsum(minutes * lively)
    costs: Floats = np.log(wait) - np.log(rates * shape / (scale + after))
    return costs


def highest_score(hazard: Hazard, spells: list[Spell], *, out: float) -> float:
    """The highest score of a quiet of these spells, by its end; 0 if it has none. `out`: the chance nobody is there.

    Within a spell Λ and W grow and h falls, so the score is highest at the end of one.
    """
    return max((score for score, _ in _scored(hazard, spells, out=out)), default=0.0)


def minutes_left(hazard: Hazard, spells: list[Spell], *, score: float, out: float) -> float:
    """Minutes of these spells from the beginning of the one in which the score comes to this; 0 if it does not."""
    for reached, left in _scored(hazard, spells, out=out):
        if reached >= score:
            return left
    return 0.0


def _when_lively(hazard: Hazard) -> Floats:
    """For each kind of day the mean of λ, a minute, over the livelier half of its quarter hours."""
    most: Floats = np.sort(hazard.rates, axis=1)[:, BINS // 2 :].mean(axis=1, dtype=np.float64)
    return most


def _scored(hazard: Hazard, spells: list[Spell], *, out: float) -> Iterator[tuple[float, float]]:
    """The score at the end of each spell, and the minutes from its beginning to the end of the last."""
    passed = exposure = shape = scale = wait = 0.0
    current = -1
    left = sum(spell[0] for spell in spells)
    most = _when_lively(hazard).tolist()
    for minutes, day_type, bin_, cell in spells:
        if cell != current:
            if current >= 0:
                passed += shape * math.log1p(exposure / scale)
            shape, scale = hazard.shape_and_scale_of(cell)
            current, exposure = cell, 0.0
        rate = float(hazard.rates.item(day_type, bin_))
        lively = min(1.0, rate / most[day_type])
        if not wait:
            wait = _BEFORE * lively
        after = exposure + rate * minutes
        power, grown = shape - 1.0, math.log((scale + after) / (scale + exposure))
        inner = grown if abs(power) < _FLAT else -math.expm1(-power * grown) / power
        wait += lively * math.exp(-passed - power * math.log1p(exposure / scale)) * scale / rate * inner
        surprise = passed + shape * math.log1p(after / scale)
        ordinary = out + (1.0 - out) * math.exp(-surprise)
        yield math.log(wait * (scale + after) / (rate * shape)) - math.log(ordinary), left
        exposure = after
        left -= minutes

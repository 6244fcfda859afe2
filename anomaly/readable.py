"""The routine as people read it: drawn from the same counts and the same hazard that the detectors use."""

from datetime import UTC, datetime

import numpy as np

from anomaly import explain
from anomaly.clock_bins import BINS, DAY_TYPES
from anomaly.detectors.detector import WARM_UP_DAYS
from anomaly.hazard import AGE_EDGES, BLOCK_OF_BIN, CLOCK_STARTS, Hazard
from anomaly.home_model import HomeModel
from store.routine import Routine, RoutineProgress, Usual

_STEP_MINUTES = 5
_OVER = np.log(20.0)  # nats: 19 quiets of 20 are over
_CHANCES = (0.1, 0.5, 0.9)


def readable_routine(model: HomeModel, *, as_of: datetime) -> Routine:
    """What the pages show of this home."""
    progress = readable_progress(model, as_of=as_of)
    return Routine(
        home_id=progress.home_id,
        as_of=progress.as_of,
        learned_days=progress.learned_days,
        warm_up_days=progress.warm_up_days,
        usual=Usual(
            active_share=model.counts.active_share(),
            usual_quiet_minutes=usual_quiet_minutes(model.known.hazard),
            room_share=model.counts.room_share(),
            up_by={
                name: [explain.hour_words(minutes / 60.0) for minutes in model.not_up.usual.quantiles(i, _CHANCES)]
                for i, name in enumerate(DAY_TYPES)
            },
        ),
        next_check_at=progress.next_check_at,
    )


def readable_progress(model: HomeModel, *, as_of: datetime) -> RoutineProgress:
    """What of it changes from minute to minute. A thousand times cheaper than the whole."""
    learned = model.known.learned_days
    at = model.at
    due = None if at is None else model.inactivity.next_grade_at(at.timestamp(), model.known)
    return RoutineProgress(
        home_id=model.plan.home_id,
        as_of=as_of,
        learned_days=round(learned, 2),
        warm_up_days=round(max(0.0, WARM_UP_DAYS - learned), 2),
        next_check_at=None if due is None else datetime.fromtimestamp(due, UTC),
    )


def usual_quiet_minutes(hazard: Hazard) -> list[float]:
    """A quiet that begins in this quarter hour is over within so many minutes on 19 of 20 occasions, in any place."""
    rates = (5.0 * hazard.rates[0] + 2.0 * hazard.rates[1]) / 7.0  # per minute, over the week
    weight = hazard.cell_expected.astype(np.float64) + 0.01
    speed = (hazard.speed() * weight).sum(0) / weight.sum(0)  # (block, age)
    steps = np.arange(0, 24 * 60, _STEP_MINUTES)
    ages = np.searchsorted(AGE_EDGES, steps * 60.0 + CLOCK_STARTS + 1e-3, side="right")
    bins = (np.arange(BINS)[:, None] + (steps[None, :] + CLOCK_STARTS / 60.0) // 15).astype(np.int64) % BINS
    surprise = np.cumsum(rates[bins] * speed[BLOCK_OF_BIN[bins], ages[None, :]] * _STEP_MINUTES, axis=1)
    over = np.argmax(surprise >= _OVER, axis=1)
    over = np.where(surprise[:, -1] >= _OVER, over, len(steps) - 1)
    return [float((step + 1) * _STEP_MINUTES + CLOCK_STARTS / 60.0) for step in over]

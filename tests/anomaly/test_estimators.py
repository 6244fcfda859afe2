"""Our estimators keep river's promises, and river keeps those we rely on."""

import pickle
import random
from collections.abc import Callable, Hashable, Iterator
from importlib.metadata import version
from typing import Any

import pytest
from river import drift, stats
from river.base import AnomalyDetector
from river.checks import common

from anomaly.estimators import LargestOfDay, LateHabit, SurprisingQuiet
from anomaly.plan import Place
from tests.anomaly.conftest import FIRST_DAY

BEGIN = FIRST_DAY.timestamp()

# Of river's own checks, those that ask nothing of the features; its data sets have none of ours.
ALONE: tuple[Callable[[Any], None], ...] = (
    common.check_repr,
    common.check_str,
    common.check_tags,
    common.check_clone_same_class,
    common.check_clone_is_idempotent,
    common.check_clone_changes_memory_addresses,
    common.check_init_has_default_params_for_tests,
    common.check_init_default_params_are_not_mutable,
    common.check_doc,
    common.check_mutate_can_be_idempotent,
    common.check_pickling_supports_roundtrip,
    common.check_repr_roundtrips_clone,
    common.check_clone_with_new_params_applies,
    common.check_get_params_matches_signature,
)
ON_DATA: tuple[Callable[[Any, Any], None], ...] = (
    common.check_learn_one,
    common.check_pickling,
    common.check_predict_one_pure,
    common.check_predict_one_before_any_learn,
    common.check_no_state_aliasing_with_input,
    common.check_clone_is_independent,
)


def quiets() -> Iterator[tuple[dict[Hashable, Any], bool]]:
    rng, at = random.Random(4), BEGIN
    for _ in range(60):
        ended = at + rng.uniform(60, 20000)
        yield {"began": at, "ended": ended, "place": Place(rng.randrange(len(Place)))}, False
        at = ended


def mornings() -> Iterator[tuple[dict[Hashable, Any], bool]]:
    rng = random.Random(5)
    for day in range(40):
        yield {"minutes": rng.gauss(440, 30), "day_type": int(day % 7 > 4)}, False


def maxima() -> Iterator[tuple[dict[Hashable, Any], bool]]:
    rng = random.Random(6)
    for _ in range(40):
        yield {"surprise": rng.uniform(0, 9)}, False


Data = Callable[[], Iterator[tuple[dict[Hashable, Any], bool]]]
EACH: list[tuple[AnomalyDetector, Data]] = [
    (SurprisingQuiet(), quiets),
    (LateHabit(), mornings),
    (LargestOfDay(), maxima),
]


@pytest.mark.parametrize(("model", "data"), EACH, ids=lambda each: getattr(each, "__name__", type(each).__name__))
def test_rivers_own_checks_hold(model: AnomalyDetector, data: Data) -> None:
    for check in ALONE:
        check(model.clone())
    for check_on in ON_DATA:
        check_on(model.clone(), list(data()))


@pytest.mark.parametrize(("model", "data"), EACH, ids=lambda each: getattr(each, "__name__", type(each).__name__))
def test_scoring_changes_nothing_and_learning_returns_nothing(model: AnomalyDetector, data: Data) -> None:
    learned = model.clone()
    for x, _ in data():
        before = pickle.dumps(learned)
        learned.score_one(x)
        assert pickle.dumps(learned) == before
        learn: Callable[[dict[Hashable, Any]], object] = learned.learn_one
        assert learn(x) is None
    (x, _), *_ = data()
    assert learned.score_one(x) != model.clone().score_one(x)
    assert learned.clone().score_one(x) == model.clone().score_one(x)


def test_longer_later_and_larger_is_more_unusual() -> None:
    quiet, habit, largest = (model.clone() for model, _ in EACH)
    for model, data in ((quiet, quiets), (habit, mornings), (largest, maxima)):
        for x, _ in data():
            model.learn_one(x)
    hours = [quiet.score_one({"began": BEGIN, "ended": BEGIN + h * 3600, "place": Place.LOUNGE}) for h in (1, 3, 9)]
    assert hours == sorted(hours)
    later = [habit.score_one({"minutes": minutes, "day_type": 0}) for minutes in (400, 500, 700)]
    assert later == sorted(later)
    assert largest.score_one({"surprise": 12.0}) > largest.score_one({"surprise": 2.0})


def test_river_is_the_one_whose_promises_were_read() -> None:
    assert version("river").split(".")[:2] == ["0", "26"]
    mean = stats.EWMean(fading_factor=0.02)
    mean.update(1.0)
    assert mean.get() == 1.0
    change = drift.ADWIN(delta=0.002)
    rng = random.Random(1)
    detected = 0
    for number in range(2000):
        change.update(rng.random() if number < 1000 else rng.random() + 1.0)
        detected += change.drift_detected
    assert detected >= 1

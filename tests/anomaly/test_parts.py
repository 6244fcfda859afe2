"""The parts of the model against what mathematics says they must do."""

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.clock_bins import BINS, ClockBins
from anomaly.detectors.detector import Known
from anomaly.frontier import Frontier
from anomaly.hazard import CLOCK_STARTS, Hazard
from anomaly.health import ModelHealth
from anomaly.plan import Place, plan_of_file
from anomaly.return_period import PRIOR_DAYS, DailyMaximum
from anomaly.situation import Situation, with_absence
from anomaly.state import StateError, pack, unpack
from anomaly.usual_time import UsualTime
from store.deviation import Grade
from store.hub import HubCheckIn, HubState
from tests.anomaly.conftest import LONDON, a_home

MONDAY = datetime(2026, 3, 23, tzinfo=UTC).timestamp()  # a week with a change of clocks in London
DAY = 86400.0


@settings(max_examples=60)
@given(start=st.floats(0, 14 * DAY), length=st.floats(0, 4 * DAY))
def test_exposures_add_up_to_the_time_that_passed_on_every_kind_of_day(start: float, length: float) -> None:
    for first in (MONDAY, datetime(2026, 10, 19, tzinfo=UTC).timestamp()):
        clock = ClockBins(LONDON)
        a, b = first + start, first + start + length
        assert clock.spread(a, b).sum() == pytest.approx(b - a, abs=1e-3)
        path = Hazard().path([(a, b)], Place.KITCHEN, clock)
        assert path.seconds.sum() == pytest.approx(max(0.0, b - a - CLOCK_STARTS), abs=1e-3)


def test_the_days_of_a_clock_change_have_23_and_25_hours() -> None:
    clock = ClockBins(LONDON)
    for day, hours in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-26", 24)):
        number = datetime.fromisoformat(day).toordinal()
        start, end = clock.instant(number, 0), clock.instant(number, 24)
        assert (end - start) / 3600 == hours
        assert clock.midnight_after(start) == end
        assert clock.spread(start, end)[4:8].sum() == 3600 * (hours - 23)


def test_the_quiets_of_a_memoryless_person_are_uniform_once_learned() -> None:
    rng, hazard, clock = random.Random(7), Hazard(), ClockBins(LONDON)
    t, chances = MONDAY, []
    while t < MONDAY + 90 * DAY:
        end = t + CLOCK_STARTS + rng.expovariate(3 / 3600)
        path = hazard.path([(t, end)], Place.LOUNGE, clock)
        if t > MONDAY + 30 * DAY:
            chances.append(float(np.exp(-hazard.surprise(path)[-1])))
        hazard.learn(path, ended=True)
        if t // DAY != end // DAY:
            hazard.day_over(learned=True)
        t = end
    found = np.sort(chances)
    distance = np.abs(found - (np.arange(len(found)) + 0.5) / len(found)).max()
    assert distance < 2.0 / np.sqrt(len(found))  # Kolmogorov–Smirnov, generous for what is still being learned


@settings(max_examples=40)
@given(hours=st.floats(0.2, 40), start=st.floats(0, 7 * DAY), place=st.sampled_from(Place))
def test_surprise_never_falls_while_nobody_moves(hours: float, start: float, place: Place) -> None:
    hazard = Hazard()
    t = MONDAY + start
    surprise = hazard.surprise(hazard.path([(t, t + hours * 3600)], place, ClockBins(LONDON)))
    assert (np.diff(surprise) >= -1e-9).all()
    bounded = with_absence(surprise, 0.3)
    assert (np.diff(bounded) >= -1e-9).all()
    assert bounded[-1] <= -np.log(0.3) + 1e-9
    assert np.allclose(with_absence(surprise, 0.0), surprise)


def test_blind_time_does_not_age_a_quiet() -> None:
    hazard, clock = Hazard(), ClockBins(LONDON)
    t = MONDAY + 12 * 3600
    seen = hazard.path([(t, t + 3600)], Place.KITCHEN, clock)
    blind = hazard.path([(t, t + 1800), (t + 9000, t + 9000 + 1800)], Place.KITCHEN, clock)
    assert blind.seconds.sum() == pytest.approx(seen.seconds.sum())


def test_once_in_n_days_comes_about_once_in_n_days() -> None:
    rng = np.random.default_rng(3)
    maxima, above = DailyMaximum(), 0
    days = 1500
    for value in rng.gumbel(3.0, 0.8, days):
        above += int(value > maxima.surprise_of(30.0))
        maxima.learn_one(float(value))
    assert 0.5 < above / (days / 30) < 1.6


@settings(max_examples=40)
@given(days=st.integers(0, 200), surprise=st.floats(0, 60))
def test_what_is_shown_is_never_above_the_days_it_rests_on(days: int, surprise: float) -> None:
    maxima = DailyMaximum()
    for number in range(days):
        maxima.learn_one(2.0 + number % 3)
    assert maxima.shown(maxima.once_in_days(surprise)) <= min(days, maxima.days) + PRIOR_DAYS + 1e-6
    assert maxima.once_in_days(maxima.surprise_of(50.0)) == pytest.approx(50.0, rel=1e-3)


def test_a_regular_riser_is_missed_soon_and_an_irregular_one_never() -> None:
    rng = random.Random(1)
    regular, irregular = UsualTime(mean=450, spread=75), UsualTime(mean=450, spread=75)
    for day in range(60):
        regular.learn_one(420 + rng.gauss(0, 15), day % 7 >= 5)
        irregular.learn_one(None if day % 4 == 0 else 420 + rng.gauss(0, 150), day % 7 >= 5)
    assert regular.score_one(420, 0) == pytest.approx(0.5, abs=0.12)
    assert regular.score_one(420 + 150, 0) < 1 / 30
    assert irregular.score_one(23 * 60, 0) > 1 / 30
    early, middle, late = regular.quantiles(0, (0.1, 0.5, 0.9))
    assert early < middle < late


def test_grades_wait_for_what_has_been_learned() -> None:
    plan = plan_of_file(a_home(), always_observed=True)
    known = Known(situation=Situation(plan), hazard=Hazard(), maxima=DailyMaximum())
    assert known.required_days(0.35) == {}
    known.learned_days = 5.0
    strict = known.required_days(0.35)
    known.learned_days = 15.0
    usual = known.required_days(0.35)
    assert strict[Grade.ATTENTION] == 2 * usual[Grade.ATTENTION]
    assert usual[Grade.URGENT] == 365


def a_check_in(minute: float, *, backlog: int, state: HubState = HubState.CHECKIN, hub_minute: float = 0) -> HubCheckIn:
    start = datetime(2026, 3, 10, 12, tzinfo=UTC)
    return HubCheckIn(
        home_id=1, occurred_at=start + timedelta(minutes=hub_minute), received_at=start + timedelta(minutes=minute),
        number=1, state=state, backlog=backlog,
    )  # fmt: skip


def test_a_hub_that_catches_up_has_told_everything_until_its_check_in() -> None:
    frontier = Frontier()
    now = datetime(2026, 3, 10, 13, tzinfo=UTC)
    settle, patience = timedelta(seconds=20), timedelta(minutes=15)

    def at() -> datetime | None:
        return frontier.at(now, settle=settle, patience=patience)

    assert at() is None
    frontier.note(a_check_in(59, backlog=900, hub_minute=-6000))
    assert at() == now - timedelta(minutes=6060)
    frontier.note(a_check_in(59, backlog=0, state=HubState.OFFLINE, hub_minute=59))
    assert at() == now - timedelta(minutes=6060)  # it went in the middle of it
    assert frontier.at(now + timedelta(hours=1), settle=settle, patience=patience) == now + timedelta(hours=1) - settle
    frontier.note(a_check_in(59.5, backlog=0, hub_minute=59.5))
    assert at() == now - settle
    saved, rest = Frontier.from_bytes(frontier.to_bytes() + b"rest")
    assert (saved, rest) == (frontier, b"rest")


def test_a_state_is_read_back_as_it_was_and_nothing_else_is_read() -> None:
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([0.1])}
    values = {"at": 0.1 + 0.2, "home": "K7", "never": float("inf")}
    state = pack(values, arrays)
    again, same = unpack(state)
    assert again == values
    assert all(np.array_equal(same[name], array) and same[name].dtype == array.dtype for name, array in arrays.items())
    for broken in (b"", b"x" * 40, state[:-3], state[:4] + b"\x63\x00" + state[6:]):
        with pytest.raises(StateError):
            unpack(broken)


def test_the_monitor_notices_when_quiets_grow_longer() -> None:
    rng, health = random.Random(2), ModelHealth()
    assert health.score_one() == 0.5
    for _ in range(600):
        health.learn_one(rng.random())
    assert health.changes == 0
    for _ in range(600):
        health.learn_one(rng.random() ** 3)
    assert health.changes >= 1
    assert health.score_one() < 0.4


def test_a_day_has_96_quarter_hours() -> None:
    assert ClockBins(LONDON).quarters(0, 95).shape == (3, BINS)

"""For a week after the clocks were put on or back, nobody is told that life is an hour off."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.clock_bins import clock_of
from anomaly.clock_change import SHIFTS, least, shifted_path, shifted_spells, shifts_at, tolerance
from anomaly.hazard import Hazard
from anomaly.plan import Place

LONDON = ZoneInfo("Europe/London")
CLOCK = clock_of(LONDON)
SPRING = datetime(2026, 3, 29, 1, tzinfo=UTC)  # 01:00 becomes 02:00
AUTUMN = datetime(2026, 10, 25, 1, tzinfo=UTC)


@pytest.mark.parametrize("change", [SPRING, AUTUMN])
def test_it_is_so_for_seven_days_and_no_longer(change: datetime) -> None:
    minute = timedelta(minutes=1)
    assert shifts_at(CLOCK, (change - minute).timestamp()) == ()
    assert shifts_at(CLOCK, change.timestamp()) == SHIFTS
    assert shifts_at(CLOCK, (change + timedelta(days=7) - minute).timestamp()) == SHIFTS
    assert shifts_at(CLOCK, (change + timedelta(days=7)).timestamp()) == ()
    assert tolerance(CLOCK, change.timestamp()) == 60.0
    assert tolerance(CLOCK, (change - timedelta(days=30)).timestamp()) == 0.0


def test_a_zone_that_keeps_its_clock_knows_no_such_week() -> None:
    clock = clock_of(ZoneInfo("UTC"))
    assert not any(clock.changed_lately((SPRING + timedelta(days=day)).timestamp()) for day in range(365))


def a_hazard() -> Hazard:
    """Quiets end soon from eight o'clock on, and late before."""
    hazard = Hazard()
    for day in range(40):
        midnight = (datetime(2026, 2, 1, tzinfo=UTC) + timedelta(days=day)).timestamp()
        for hour, minutes in ((1, 300), (8, 12), (9, 10), (10, 14), (12, 20), (15, 30), (18, 25), (21, 40)):
            begun = midnight + 3600.0 * hour
            hazard.learn_one(hazard.spells([(begun, begun + 60.0 * minutes)], Place.LOUNGE, CLOCK))
        hazard.day_over(learned=True)
    return hazard


HAZARD = a_hazard()


@settings(max_examples=60, deadline=None)
@given(begins=st.integers(0, 14 * 24 * 60), minutes=st.integers(6, 900))
def test_a_quiet_is_never_more_surprising_for_it_and_as_ever_in_other_weeks(begins: int, minutes: int) -> None:
    start = (SPRING - timedelta(days=3) + timedelta(minutes=begins)).timestamp()
    path = HAZARD.path([(start, start + 60.0 * minutes)], Place.LOUNGE, CLOCK)
    kind, plain = least(HAZARD.surprise, path, CLOCK), HAZARD.surprise(path)
    assert (np.diff(kind) >= -1e-9).all()
    if shifts_at(CLOCK, float(path.ends[-1])):
        assert (kind <= plain).all()
    else:
        assert (kind == plain).all()


def test_the_hour_they_sleep_longer_by_the_new_clock_is_forgiven() -> None:
    nine = (
        (SPRING + timedelta(days=1)).replace(hour=8, minute=20).timestamp()
    )  # 09:20 by the new clock, 08:20 by theirs
    path = HAZARD.path([(nine - 3600.0, nine)], Place.LOUNGE, CLOCK)
    assert least(HAZARD.surprise, path, CLOCK)[-1] < 0.8 * HAZARD.surprise(path)[-1]


@settings(max_examples=40, deadline=None)
@given(begins=st.integers(0, 24 * 60), minutes=st.integers(6, 900), shift=st.sampled_from(SHIFTS))
def test_steps_and_spells_are_shifted_alike(begins: int, minutes: int, shift: int) -> None:
    start = (datetime(2026, 5, 4, tzinfo=UTC) + timedelta(minutes=begins)).timestamp()
    stretch = [(start, start + 60.0 * minutes)]
    path = shifted_path(HAZARD.path(stretch, Place.LOUNGE, CLOCK), shift)
    spells = shifted_spells(HAZARD.spells(stretch, Place.LOUNGE, CLOCK), shift)
    assert HAZARD.surprise_of(spells) == pytest.approx(float(HAZARD.surprise(path)[-1]), rel=1e-6)
    later = [(start + 900.0 * shift, start + 900.0 * shift + 60.0 * minutes)]
    there = HAZARD.path(later, Place.LOUNGE, CLOCK)
    assert (there.bins == path.bins).all()
    assert (there.cells == path.cells).all()

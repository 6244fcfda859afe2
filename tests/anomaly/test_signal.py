"""A weak link is a matter of days, and does not come and go."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from anomaly.signal import Link, Reception, judged
from store.equipment import EquipmentDay

FIRST = date(2026, 3, 1)


def link_of(*bad_hours: set[int], weakest: int = 20) -> Link:
    """One day each, with these hours bad."""
    return judged(
        [
            EquipmentDay(
                sensor_id=1,
                day=FIRST + timedelta(days=i),
                battery_percent=None,
                weak_signal=[weakest if hour in bad else None for hour in range(24)] if bad else None,
            )
            for i, bad in enumerate(bad_hours)
        ]
    )


EVENING = {19, 20, 21, 22}


def test_three_bad_days_of_four_are_weak_with_the_worst_hours() -> None:
    found = link_of(EVENING, set(), EVENING | {3}, {20, 21, 22})
    assert found.reception is Reception.WEAK
    assert found.since == FIRST
    assert found.worst_hours == [20, 21, 22]
    assert found.weakest == 20


def test_one_bad_day_is_not() -> None:
    assert link_of(set(), set(), EVENING).reception is Reception.BETWEEN


def test_two_days_without_a_bad_hour_are_good_again() -> None:
    assert link_of(EVENING, EVENING, EVENING, set()).reception is Reception.WEAK
    assert link_of(EVENING, EVENING, EVENING, set(), set()).reception is Reception.GOOD


def test_nothing_is_said_of_a_link_hardly_heard() -> None:
    assert judged([]).reception is Reception.UNKNOWN
    assert link_of(EVENING).reception is Reception.UNKNOWN


@given(st.lists(st.sets(st.integers(0, 23)), min_size=0, max_size=12))
def test_a_link_is_never_weak_and_good_and_its_hours_were_bad(days: list[set[int]]) -> None:
    found = link_of(*days)
    bad = set().union(*days) if days else set()
    assert set(found.worst_hours) <= bad
    assert (found.weakest is None) == (not bad)
    if found.reception is Reception.WEAK:
        assert sum(len(day) >= 3 for day in days[-4:]) >= 3
    if found.reception is Reception.GOOD:
        assert not any(days[-2:])

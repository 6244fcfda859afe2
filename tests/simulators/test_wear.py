"""Worn equipment of the pretend world: what the bridge says live and what its history tells are one story."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from simulators.wear import Wear, battery_percent, link_quality, noted_days
from store.equipment import WEAK_LINK_QUALITY

INSTALLED = datetime(2026, 2, 1, tzinfo=UTC)
LONDON = ZoneInfo("Europe/London")


@given(st.floats(0, 60), st.floats(0, 5))
def test_a_worn_battery_only_falls_and_is_empty_by_its_day(days: float, more: float) -> None:
    wear = Wear(sensor="m", empty_at=INSTALLED + timedelta(days=40))
    at = INSTALLED.timestamp() + days * 86400
    first, then = (battery_percent(t, installed=INSTALLED.timestamp(), wear=wear) for t in (at, at + more * 86400))
    assert 1 <= then <= first <= 100
    if days >= 40:
        assert first == 1


@given(st.floats(0, 2e9), st.integers(0, 23))
def test_a_link_is_weak_in_its_weak_hours_and_in_no_other(at: float, hour: int) -> None:
    wear = Wear(sensor="m", weak_hours=(7, 20))
    assert (link_quality("m", at, hour=hour, wear=wear) < WEAK_LINK_QUALITY) == (hour in (7, 20))
    assert link_quality("m", at, hour=hour, wear=None) >= WEAK_LINK_QUALITY


def test_its_history_ends_yesterday_and_goes_on_as_it_speaks_today() -> None:
    wear = Wear(sensor="m", empty_at=INSTALLED + timedelta(days=37), weak_hours=(7,))
    now = INSTALLED + timedelta(days=28, hours=8)
    days = list(noted_days(wear, installed=INSTALLED, now=now, zone=LONDON))
    assert [day.day for day in days] == [(INSTALLED + timedelta(days=d)).date() for d in range(1, 28)]
    today = battery_percent(now.timestamp(), installed=INSTALLED.timestamp(), wear=wear)
    last = days[-1].battery_percent
    assert last is not None
    assert 0 <= last - today <= 4
    assert all(day.weak_signal is not None and day.weak_signal[7] is not None for day in days)

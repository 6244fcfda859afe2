from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.changes import FALL_BELIEVED_AFTER, LastSaid, believed_fall, change, value_fault
from ingest.told import How, Reading
from store.home import SensorKind

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def run(how: How, *said: tuple[float, float], last: LastSaid | None = None) -> list[tuple[float, float]]:
    """The events (second, value) made of what was said (second, value)."""
    last = last or LastSaid()
    events = []
    for second, value in said:
        at = NOW + timedelta(seconds=second)
        event, last = change(Reading(sensor="S", value=value, at=at, how=how), last)
        if event is not None:
            events.append((second, event))
    return events


def test_every_reading_of_a_native_hub_is_an_event() -> None:
    assert run(How.EVENT, (0, 1), (1, 1), (2, 0)) == [(0, 1), (1, 1), (2, 0)]


@pytest.mark.parametrize(
    ("said", "events"),
    [
        ([(0, 0), (60, 0)], []),  # a periodic report of "nothing" before anything was seen
        ([(0, 1)], [(0, 1)]),
        ([(0, 0), (1, 1), (1, 1), (2, 0), (2, 1)], [(1, 1), (2, 0), (2, 1)]),
        ([(0, 0), (5, 0), (3, 1), (6, 0)], [(3, 1)]),  # delivered late: an event, but not what it says now
        ([(0, 21.5), (60, 21.5), (120, 21.6)], [(0, 21.5), (120, 21.6)]),
    ],
)
def test_only_a_change_of_state_is_an_event(said: list[tuple[float, float]], events: list[tuple[float, float]]) -> None:
    assert run(How.STATE, *said) == events


def test_an_action_told_twice_at_once_is_one() -> None:
    assert run(How.PULSE, (0, 1), (1, 1), (10, 1)) == [(0, 1), (10, 1)]


@pytest.mark.parametrize(
    ("said", "events"),
    [
        ([(0, 0), (10, 2_000), (20, 1_900), (130, 0), (145, 0)], [(10, 1), (145, 0)]),
        ([(0, 70), (60, 0), (61, 71), (120, 70)], [(0, 1)]),  # the zero-watt slip of a plug in use
        ([(0, 70), (60, 0), (65, 0), (75, 0)], [(0, 1), (75, 0)]),
        ([(0, 1.2), (60, 3.0), (120, 4.9)], []),  # standby
        ([(0, 70), (60, 3.0), (120, 3.1)], [(0, 1)]),  # neither idle nor clearly in use
    ],
)
def test_a_plug_is_in_use_from_when_its_power_rises_until_its_fall_is_confirmed(
    said: list[tuple[float, float]], events: list[tuple[float, float]]
) -> None:
    assert run(How.WATTS, *said) == events


def test_a_fall_nobody_confirms_is_believed_after_a_while() -> None:
    _, last = change(
        Reading(sensor="S", value=0.0, at=NOW, how=How.WATTS), LastSaid(value=1.0, value_at=NOW - timedelta(hours=1))
    )
    assert not believed_fall(last, NOW + FALL_BELIEVED_AFTER - timedelta(seconds=1))
    assert believed_fall(last, NOW + FALL_BELIEVED_AFTER)
    assert not believed_fall(LastSaid(value=1.0, value_at=NOW), NOW + timedelta(days=1))


@given(st.lists(st.tuples(st.integers(0, 9_999), st.sampled_from([0.0, 1.0]))))
def test_states_in_order_alternate(said: list[tuple[int, float]]) -> None:
    values = [value for _, value in run(How.STATE, *sorted(said))]
    assert values == [float(index % 2 == 0) for index in range(len(values))]


def test_an_on_off_sensor_cannot_say_a_number() -> None:
    assert value_fault(SensorKind.MOTION, 7.0) == "a motion sensor says on or off, not 7"
    assert value_fault(SensorKind.MOTION, 1.0) is None
    assert value_fault(SensorKind.TEMPERATURE, 7.0) is None

"""The comparison of `telecare bench faults` sees what is lost and what is doubled."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from deploy.bench.fault_count import count, key
from simulators.story import IN_A_BURST, Story, Stretch

TOLD = [key("K7", "L1", 1000.0 + place, float(place)) for place in range(10)]


def test_everything_once_is_good() -> None:
    assert count(TOLD, TOLD, held=[]).is_good
    assert count(TOLD, reversed(TOLD), held=[]).is_good


def test_a_missing_row_is_lost_if_its_hub_was_told_that_it_is_committed() -> None:
    counted = count(TOLD, TOLD[:-1], held=[])
    assert (counted.lost, counted.unacknowledged, counted.is_good) == (1, 0, False)
    counted = count(TOLD, TOLD[:-1], held=TOLD[-1:])
    assert (counted.lost, counted.unacknowledged, counted.is_good) == (0, 1, False)


def test_a_row_too_many_is_doubled_even_if_the_total_is_right() -> None:
    counted = count(TOLD, [*TOLD[:-1], TOLD[0]], held=[])
    assert counted.stored == counted.readings
    assert (counted.lost, counted.doubled, counted.is_good) == (1, 1, False)


def test_a_row_nobody_told_is_seen_and_so_is_a_wrong_time_or_value() -> None:
    for wrong in (key("K8", "L1", 1000.0, 0.0), key("K7", "L1", 1000.002, 0.0), key("K7", "L1", 1000.0, 0.5)):
        counted = count(TOLD, [wrong, *TOLD[1:]], held=[])
        assert (counted.lost, counted.unasked, counted.is_good) == (1, 1, False)


@given(st.lists(st.sampled_from(TOLD), max_size=30))
def test_lost_and_doubled_are_the_difference_of_the_multisets(rows: list[tuple[str, str, int, float]]) -> None:
    counted = count(TOLD, rows, held=[])
    difference = Counter(rows)
    difference.subtract(TOLD)
    assert counted.doubled == sum(number for number in difference.values() if number > 0)
    assert counted.lost == -sum(number for number in difference.values() if number < 0)
    assert counted.is_good == (not any(difference.values()))


@given(st.integers(min_value=1, max_value=700), st.floats(min_value=-4e7, max_value=4e7))
def test_a_story_tells_so_many_readings_each_once_and_in_order(readings: int, wrong_by: float) -> None:
    story = Story(
        stretches=(
            Stretch(begins=1e9, ends=1e9 + 60, readings=readings),
            Stretch(begins=1e9 + 60, ends=1e9 + 90, readings=readings, wrong_by=wrong_by),
        )
    )
    bursts = list(story.bursts())
    told = [reading for _, burst in bursts for reading in burst]
    assert [reading.value for reading in told] == [float(place) for place in range(2 * readings)]
    assert len({reading.at for reading in told[:readings]}) == readings
    assert [at for at, _ in bursts] == sorted(at for at, _ in bursts)
    assert all(len(burst) <= IN_A_BURST for _, burst in bursts)
    assert story.last_before(1e9 + 60) == readings - 1
    assert story.last_before(1e9) == -1
    assert Story.from_json(story.to_json()) == story

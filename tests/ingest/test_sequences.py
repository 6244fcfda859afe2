from hypothesis import given
from hypothesis import strategies as st

from ingest.sequences import MAX_HOLES, Seen

NUMBERS = st.lists(st.integers(1, 60))


@given(NUMBERS)
def test_it_says_of_each_number_whether_it_is_new(numbers: list[int]) -> None:
    seen, plain = Seen(), set[int]()
    for number in numbers:
        assert seen.add(number) is (number not in plain)
        plain.add(number)
    beyond = {number for start, end in seen.beyond for number in range(start, end)}
    assert {*range(1, seen.contiguous + 1), *beyond} == plain


@given(NUMBERS)
def test_its_ranges_are_in_order_and_never_touch(numbers: list[int]) -> None:
    seen = Seen()
    for number in numbers:
        seen.add(number)
    edges = [seen.contiguous + 1, *(edge for part in seen.beyond for edge in part)]
    assert edges == sorted(set(edges))


@given(NUMBERS)
def test_contiguous_is_the_highest_below_which_nothing_is_missing(numbers: list[int]) -> None:
    seen = Seen()
    for number in numbers:
        seen.add(number)
    expected = 0
    while expected + 1 in numbers:
        expected += 1
    assert seen.contiguous == expected
    assert Seen(seen.contiguous, seen.beyond).contiguous == expected


@given(NUMBERS, st.integers(1, 60), st.integers(0, 20))
def test_a_whole_stretch_is_noted_like_each_of_its_numbers(numbers: list[int], first: int, more: int) -> None:
    seen, plain = Seen(), Seen()
    for number in numbers:
        seen.add(number)
        plain.add(number)
    is_new = seen.add_all(first, first + more)
    added = [plain.add(number) for number in range(first, first + more + 1)]
    assert is_new is any(added)
    assert (seen.contiguous, seen.beyond) == (plain.contiguous, plain.beyond)


def test_a_hub_whose_numbers_have_too_many_holes_must_fill_them_first() -> None:
    seen = Seen()
    for number in range(3, 3 + 2 * MAX_HOLES, 2):
        assert seen.has_room_for(number)
        seen.add(number)
    assert not seen.has_room_for(10 * MAX_HOLES)
    assert seen.has_room_for(4)  # closes one
    assert seen.has_room_for(1)


def test_the_highest_number_of_a_bigint_fits() -> None:
    seen = Seen(4)
    assert seen.add(2**63 - 2)
    assert not seen.add(2**63 - 2)
    assert seen.contiguous == 4
    assert seen.beyond == ((2**63 - 2, 2**63 - 1),)

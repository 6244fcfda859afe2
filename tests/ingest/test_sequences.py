from hypothesis import given
from hypothesis import strategies as st

from ingest.sequences import Seen

NUMBERS = st.lists(st.integers(1, 60))


@given(NUMBERS)
def test_it_says_of_each_number_whether_it_is_new(numbers: list[int]) -> None:
    seen, plain = Seen(), set[int]()
    for number in numbers:
        assert seen.add(number) is (number not in plain)
        plain.add(number)
    assert {number for start, end in seen.ranges for number in range(start, end)} == plain


@given(NUMBERS)
def test_its_ranges_are_in_order_and_never_touch(numbers: list[int]) -> None:
    seen = Seen()
    for number in numbers:
        seen.add(number)
    edges = [edge for part in seen.ranges for edge in part]
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
    assert Seen(seen.ranges).contiguous == expected


def test_the_highest_number_of_a_bigint_fits() -> None:
    seen = Seen([(1, 5)])
    assert seen.add(2**63 - 2)
    assert not seen.add(2**63 - 2)
    assert seen.ranges == [(1, 5), (2**63 - 2, 2**63 - 1)]

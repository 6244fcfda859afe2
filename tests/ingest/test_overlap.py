"""While two sessions bring the same messages, each message is handled once: whatever order they come in."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ingest.handover import division_fault
from ingest.overlap import LEVEL_SECONDS, SETTLED_SECONDS, Overlap
from store.partition import parse_partitions

words = st.sampled_from("abcd")


@given(
    before=st.lists(words, max_size=10),
    both=st.lists(words, max_size=10),
    after=st.lists(words, max_size=10),
    draws=st.randoms(use_true_random=False),
)
def test_each_message_is_handled_once(before: list[str], both: list[str], after: list[str], draws: object) -> None:
    old, new = [*before, *both], [*both, *after]
    overlap: Overlap[str] = Overlap()
    handled: Counter[str] = Counter()
    shuffle = draws.random  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    while old or new:
        if old and (not new or shuffle() < 0.5):
            word = old.pop(0)
            handled[word] += 1
            overlap.came_from_old(word, 0.0)
        else:
            word = new.pop(0)
            overlap.came_from_new(word, word, 0.0)
    handled.update(overlap.take_waiting())
    # What says the same may be taken one for the other, never for nothing: at most `before` hides as many of `after`.
    expected = Counter([*before, *both, *after])
    hidden = Counter(before) & Counter(after)
    assert all(expected[word] - hidden[word] <= handled[word] <= expected[word] for word in expected)
    if not set(before) & set(after):
        assert handled == expected


def test_the_sessions_are_level_when_only_copies_have_come_for_a_while() -> None:
    overlap: Overlap[str] = Overlap()
    assert not overlap.is_level(0.0)
    overlap.begin(0.0)
    overlap.came_from_old("waited in the old one", 5.0)
    now = 5.0
    while now < 5.0 + LEVEL_SECONDS:
        overlap.came_from_new(f"live {now}", "x", now)
        overlap.came_from_old(f"live {now}", now)
        assert not overlap.is_level(now)
        now += 0.5
    assert overlap.is_level(now + SETTLED_SECONDS)


def test_they_are_not_level_while_the_old_one_lags_behind() -> None:
    overlap: Overlap[str] = Overlap()
    overlap.begin(0.0)
    came = 2 * LEVEL_SECONDS
    overlap.came_from_new("not from the old one yet", "x", came)
    assert overlap.is_level(came + SETTLED_SECONDS / 2)
    assert not overlap.is_level(came + 2 * SETTLED_SECONDS)
    overlap.came_from_old("not from the old one yet", came + 2 * SETTLED_SECONDS)
    assert overlap.is_level(came + 2 * SETTLED_SECONDS)


def test_silence_means_nothing_while_one_of_them_is_not_connected() -> None:
    overlap: Overlap[str] = Overlap()
    overlap.begin(0.0)
    overlap.interrupt()
    assert not overlap.is_level(1000.0)


def test_a_change_of_division_must_leave_no_partition_out() -> None:
    def fault(old: list[str], new: list[str]) -> str | None:
        return division_fault([parse_partitions(part) for part in old], [parse_partitions(part) for part in new])

    assert fault(["00-63"], ["00-31", "32-63"]) is None
    assert fault(["00-31", "32-63"], ["00-63"]) is None
    assert fault(["00-63"], []) is None
    assert fault(["00-63"], ["00-31"]) == "--into: nobody would take partitions 32-63"
    assert fault(["00-31"], ["00-63"]) == "--into: partitions 32-63 are not drained"
    assert fault(["00-31", "00-07"], ["00-31"]) == "--drain 00-07: some of these partitions are named twice"
    assert fault(["00-63"], ["00-40", "40-63"]) == "--into 40-63: some of these partitions are named twice"
    assert "exists already" in (fault(["00-31"], ["00-31"]) or "")

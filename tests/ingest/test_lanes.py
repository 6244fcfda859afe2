"""Two transactions side by side: of different homes, each home's messages in order."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ingest.worker import SIDE_BY_SIDE, lanes_of
from tests.ingest.homes import arrival

AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
ENDS = st.sampled_from(["native/events", "native/checkin", "zigbee2mqtt/Tür/links", "", "zigbee2mqtt"])


@given(st.lists(st.tuples(st.integers(0, 9), ENDS), max_size=3 * SIDE_BY_SIDE))
def test_no_home_is_in_two_lanes_and_each_keeps_its_order(said: list[tuple[int, str]]) -> None:
    arrivals = [arrival(f"homes/07/H{home}/{end}", str(at).encode(), AT) for at, (home, end) in enumerate(said)]
    lanes = lanes_of(arrivals)
    assert sorted(int(each.payload) for lane in lanes for each in lane) == list(range(len(arrivals)))
    homes_of = [{each.topic.split("/")[2] for each in lane} for lane in lanes]
    assert all(not one & other for place, one in enumerate(homes_of) for other in homes_of[:place])
    for lane in lanes:
        assert [int(each.payload) for each in lane] == sorted(int(each.payload) for each in lane)
    if len(arrivals) < SIDE_BY_SIDE:
        assert lanes == [arrivals]

"""A recording is read quickly where nothing is doubtful, and says the same as if every line were read with care."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from store.home_file import HomeFile
from store.hub import HubState
from store.recording import BadRow, PlainTimes, careful_time, read_recording_leniently
from store.row import Row, RowsInOrder

# Clocks change by an hour, by half an hour, at midnight, and by 44 minutes and a half; or never.
ZONES = ("Europe/London", "Australia/Lord_Howe", "America/Havana", "Africa/Monrovia", "Asia/Kathmandu", "UTC")
FORMS = (
    "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M", "%Y%m%dT%H%M%S", "%G-W%V-%uT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S+05:45", "%Y-%m-%dT%H:%M:%S.%f-03:30", "%Y-%m-%dT%H", "%Y-%m-%d",
    " %Y-%m-%dT%H:%M:%S", "%d/%m/%Y %H:%M:%S",
)  # fmt: skip
CHANGES = tuple(  # civil times about which clocks change in one of the zones, and the first and last that are believed
    datetime.fromisoformat(text)
    for text in (
        "2026-03-29T01:00", "2026-10-25T01:00", "2026-04-05T02:00", "2026-10-04T02:00", "2026-03-08T00:00",
        "2026-11-01T00:30", "1972-01-07T00:00", "1970-12-31T23:00", "2199-12-31T23:00",
    )
)  # fmt: skip
any_civil = st.one_of(
    st.datetimes(datetime.fromisoformat("1969-01-01"), datetime.fromisoformat("2201-01-01")),
    st.builds(
        lambda change, seconds: change + timedelta(seconds=seconds), st.sampled_from(CHANGES), st.integers(-9000, 9000)
    ),
)


@settings(max_examples=400, deadline=None)
@given(
    zone=st.sampled_from(ZONES), given=st.lists(st.tuples(any_civil, st.sampled_from(FORMS)), min_size=1, max_size=6)
)
def test_a_quickly_read_time_is_the_carefully_read_one(zone: str, given: list[tuple[datetime, str]]) -> None:
    times = PlainTimes(ZoneInfo(zone))
    for civil, form in given:
        text = civil.strftime(form)
        quick = times.instant(text)
        if quick is not None:  # whatever came before
            for before in (None, quick - timedelta(hours=3), quick + timedelta(hours=3)):
                assert quick == careful_time(text, ZoneInfo(zone), before)


@settings(max_examples=300)
@given(text=st.one_of(st.text(max_size=40), st.text("0123456789-:T+Z. W", min_size=16, max_size=30)))
@example("2026-03-10T08:00:00\udcff")
@example("2026-03-10T24:00:00")
@example("2026-03-10T08:00:00+99:99")
def test_what_is_no_time_is_none_for_both(text: str) -> None:
    zone = ZoneInfo("Europe/London")
    quick = PlainTimes(zone).instant(text)
    assert quick is None or quick == careful_time(text, zone, None)


def test_ordinary_times_are_read_quickly() -> None:
    times = PlainTimes(ZoneInfo("Europe/London"))
    assert times.instant("2026-07-10T08:00:00.250") == datetime(2026, 7, 10, 7, 0, 0, 250_000, tzinfo=UTC)
    assert times.instant("2026-07-10T08:00:00Z") == datetime(2026, 7, 10, 8, tzinfo=UTC)
    assert times.instant("2026-10-25T01:30:00") is None  # happens twice: needs care
    assert times.instant("2026-03-29T01:30:00") is None  # never was


HOME = HomeFile.model_validate({
    "id": "K7", "time_zone": "Europe/London",
    "sensors": [{"id": "M1", "kind": "motion"}, {"id": "T1", "kind": "temperature"}],
})  # fmt: skip
ENDS = ("M1,1", "M1,0", "M1, ON", "T1,20.5", "hub,checkin", "M1,2", "X9,1", "M1,1,1", '"M1",1', "M1", "T1,nan")


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from((0, 0, 1, 20, 900, 3000, 86_400 * 40)), st.sampled_from((0, 0, 0, 1, 1800, 4000)),
                  st.sampled_from(ENDS), st.booleans()),
        min_size=1, max_size=40,
    ),
    start=st.sampled_from(("2026-10-24T20:00:00", "2026-03-28T20:00:00", "2026-06-01T08:00:00")),
)  # fmt: skip
def test_a_line_says_the_same_whatever_stood_before_it(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, str, bool]], start: str
) -> None:
    """Blanks make every line one that is read with care; nothing else may change by that."""
    at, plain, careful = datetime.fromisoformat(start), ["time,sensor,value"], ["time,sensor,value"]
    for forward, back, end, with_offset in steps:
        at += timedelta(seconds=forward)
        text = (at - timedelta(seconds=back)).isoformat() + ("Z" if with_offset else "")
        plain.append(f"{text},{end}")
        careful.append(f" {text},{end}")
    path = tmp_path_factory.mktemp("recording") / "recording.csv"

    def read(lines: list[str]) -> list[Row | BadRow]:
        path.write_text("\n".join(lines) + "\n")
        return list(read_recording_leniently(path, HOME))

    assert read(plain) == read(careful)


def test_twins_are_dropped_wherever_they_stand_within_the_hour(tmp_path: Path) -> None:
    path = tmp_path / "recording.csv"
    times = ["08:00:00", "08:10:00", "08:10:00", "08:00:00", "08:05:00", "08:05:00", "08:20:00", "08:05:00"]
    path.write_text("time,sensor,value\n" + "".join(f"2026-06-01T{time}Z,M1,1\n" for time in times))
    found = [row for row in read_recording_leniently(path, HOME) if isinstance(row, Row)]
    assert [f"{row.at:%H:%M}" for row in found] == ["08:00", "08:05", "08:10", "08:20"]


@settings(max_examples=100)
@given(
    seconds=st.lists(st.integers(0, 30), min_size=1, max_size=40),
    cuts=st.lists(st.integers(0, 31), max_size=4).map(sorted),
)
def test_rows_taken_out_together_are_those_taken_out_one_by_one(seconds: list[int], cuts: list[int]) -> None:
    begin = datetime(2026, 3, 10, tzinfo=UTC)
    rows = [Row(at=begin + timedelta(seconds=s), sensor=f"S{s % 3}", value=float(i % 2)) for i, s in enumerate(seconds)]
    together, singly = RowsInOrder(), RowsInOrder()
    for row in rows:
        together.push(row)
        singly.push(row)
        assert together.first_epoch() == together.first_at.timestamp()
    for cut in cuts:
        until = begin + timedelta(seconds=cut)
        expected = []
        while singly and singly.first_at < until:
            expected.append(singly.pop())
        assert together.take_before(until) == expected
        assert together.last_values() == singly.last_values()
    assert together.waiting() == singly.waiting()


def test_nothing_waits_for_ever() -> None:
    assert RowsInOrder().first_epoch() == float("inf")
    rows = RowsInOrder()
    rows.push(Row(at=datetime(2026, 3, 10, tzinfo=UTC), sensor="hub", value=HubState.CHECKIN))
    assert rows.first_epoch() == datetime(2026, 3, 10, tzinfo=UTC).timestamp()

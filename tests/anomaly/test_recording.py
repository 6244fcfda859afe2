"""Home files and recordings, good and bad."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.coverage import covered_intervals
from store.home_file import InputError, read_home_file
from store.hub import HubCheckIn, HubState
from store.recording import BadRow, Row, RowsInOrder, has_hub_rows, read_recording, read_recording_leniently
from tests.anomaly.conftest import a_home

GOOD = [
    ("2026-03-10T08:00:00", "M-hall", "1", datetime(2026, 3, 10, 8, tzinfo=UTC), 1.0),
    ("2026-07-10T08:00:00", "M-hall", "OFF", datetime(2026, 7, 10, 7, tzinfo=UTC), 0.0),
    ("2026-07-10T08:00:00Z", "D1", "open", datetime(2026, 7, 10, 8, tzinfo=UTC), 1.0),
    ("2026-07-10 08:00:00.250+02:00", "D1", "CLOSED", datetime(2026, 7, 10, 6, 0, 0, 250_000, tzinfo=UTC), 0.0),
    ("2026-03-10T08:00", "M-hall", "True", datetime(2026, 3, 10, 8, tzinfo=UTC), 1.0),
    ("2026-03-10T08:00:00", "hub", "checkin", datetime(2026, 3, 10, 8, tzinfo=UTC), HubState.CHECKIN),
    ("2026-03-29T01:30:00", "M-hall", "1", datetime(2026, 3, 29, 1, 30, tzinfo=UTC), 1.0),  # an hour that never was
]
BAD = [
    ("2026-03-10T08:00:00,M-hall", "2 columns instead of 3"),
    ("2026-03-10T08:00:00,M-hall,1,9", "4 columns instead of 3"),
    ("yesterday,M-hall,1", "not a time"),
    ("2026-13-10T08:00:00,M-hall,1", "not a time"),
    ("0001-01-01T00:00:00,M-hall,1", "not a time"),
    ("2026-03-10T08:00:00,M-attic,1", "not in the home file"),
    ("2026-03-10T08:00:00,M-hall,0.5", "not a value of a motion sensor"),
    ("2026-03-10T08:00:00,M-hall,", "not a value of a motion sensor"),
    ("2026-03-10T08:00:00,T1,nan", "not a value of a temperature sensor"),
    ("2026-03-10T08:00:00,T1,ON", "not a value of a temperature sensor"),
    ("2026-03-10T08:00:00,hub,tired", "only checkin, online or offline"),
    ('2026-03-10T08:00:00,"M-hall"x,1', "not CSV"),
]


def written(folder: Path, *lines: str, header: str = "time,sensor,value") -> Path:
    path = folder / "recording.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


@pytest.mark.parametrize(("time", "sensor", "value", "at", "expected"), GOOD)
def test_a_good_row_is_read(
    tmp_path: Path, time: str, sensor: str, value: str, at: datetime, expected: float | HubState
) -> None:
    path = written(tmp_path, f"{time},{sensor},{value}")
    assert list(read_recording(path, a_home())) == [Row(at=at, sensor=sensor, value=expected)]


@pytest.mark.parametrize(("line", "reason"), BAD)
def test_a_broken_line_is_named_with_file_line_and_reason(tmp_path: Path, line: str, reason: str) -> None:
    home = a_home(sensors=[{"id": "M-hall", "kind": "motion"}, {"id": "T1", "kind": "temperature"}])
    path = written(tmp_path, "2026-03-10T07:00:00,M-hall,1", line)
    with pytest.raises(InputError, match=reason) as caught:
        list(read_recording(path, home))
    assert str(caught.value).startswith(f"{path}:3: ")


def test_whoever_wants_to_go_on_gets_the_rest(tmp_path: Path) -> None:
    path = written(tmp_path, "2026-03-10T07:00:00,M-hall,1", "nonsense", "", "2026-03-10T07:00:05,M-hall,0")
    found = list(read_recording_leniently(path, a_home()))
    assert [row.line for row in found if isinstance(row, BadRow)] == [3]
    assert len([row for row in found if isinstance(row, Row)]) == 2


def test_more_than_an_hour_out_of_order_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "2026-03-10T09:00:01,M-hall,1", "2026-03-10T08:00:00,M-hall,0")
    with pytest.raises(InputError, match="more than an hour out of order"):
        list(read_recording(path, a_home()))


@pytest.mark.parametrize("header", ["", "sensor,time,value", "time;sensor;value"])
def test_without_the_header_nothing_is_read(tmp_path: Path, header: str) -> None:
    with pytest.raises(InputError, match="the first line must be"):
        list(read_recording(written(tmp_path, header=header), a_home()))


def test_a_missing_a_cut_off_and_a_binary_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        list(read_recording(tmp_path / "none.csv", a_home()))
    packed = tmp_path / "cut.csv.gz"
    rows = "".join(f"2026-03-10T08:{minute:02d}:00,M-hall,{minute % 2}\n" for minute in range(60))
    packed.write_bytes(gzip.compress(f"time,sensor,value\n{rows}".encode())[:-20])
    with pytest.raises(InputError, match="compressed file is broken"):
        list(read_recording(packed, a_home()))
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"time,sensor,value\n\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="not UTF-8"):
        list(read_recording(binary, a_home()))


def test_the_hour_that_happens_twice_is_told_by_the_row_before(tmp_path: Path) -> None:
    times = ["00:50", "01:10", "01:50", "01:05", "01:30", "02:10"]  # 25 October 2026 in London
    path = written(tmp_path, *(f"2026-10-25T{time}:00,M-hall,{i % 2}" for i, time in enumerate(times)))
    found = [row.at for row in read_recording(path, a_home())]
    assert found == sorted(found)
    assert [f"{at:%H:%M}" for at in found] == ["23:50", "00:10", "00:50", "01:05", "01:30", "02:10"]


def test_a_recording_without_hub_rows_is_recognised(tmp_path: Path) -> None:
    assert not has_hub_rows(written(tmp_path, "2026-03-10T08:00:00,M-hall,1"))
    assert has_hub_rows(written(tmp_path, "2026-03-10T08:00:00,hub,checkin"))


@settings(max_examples=40)
@given(
    order=st.permutations(range(12)),
    seconds=st.lists(st.integers(0, 5), min_size=12, max_size=12),
    start=st.floats(0, 1),
)
def test_the_order_of_lines_within_an_hour_does_not_matter(order: list[int], seconds: list[int], start: float) -> None:
    begin = datetime(2026, 3, 10, tzinfo=UTC) + timedelta(seconds=start)
    rows = [Row(at=begin + timedelta(seconds=s), sensor=f"S{i % 3}", value=float(i % 2)) for i, s in enumerate(seconds)]

    def taken(given: list[Row]) -> list[Row]:
        heap, out = RowsInOrder(), []
        for row in given:
            heap.push(row)
        while heap:
            out.append(heap.pop())
        return out

    assert taken([rows[i] for i in order]) == taken(rows)


def test_a_pulse_within_a_second_ends_where_it_began() -> None:
    at = datetime(2026, 3, 10, tzinfo=UTC)
    heap = RowsInOrder({"M": 1.0})
    heap.push(Row(at=at, sensor="M", value=1.0))
    heap.push(Row(at=at, sensor="M", value=0.0))
    assert [heap.pop().value, heap.pop().value] == [0.0, 1.0]


HOME_FAULTS = [
    ({"id": "a/b"}, "id: "),
    ({"time_zone": "Mars/Base"}, "not an IANA time zone"),
    ({"sensors": [{"id": "M1", "kind": "telepathy"}]}, r"sensors\[0\] \(M1\).kind"),
    ({"sensors": [{"id": "hub", "kind": "motion"}]}, "reserved"),
    ({"sensors": [{"id": "M1", "kind": "motion"}] * 2}, "stands there twice"),
    ({"checkin_minutes": 0}, "checkin_minutes"),
    ({"residents": 0}, "residents"),
    ({"absences": [{"from": "2026-03-02", "until": "2026-03-01"}]}, "is not after from"),
    ({"sensors": "none"}, "sensors: "),
]


@pytest.mark.parametrize(("change", "reason"), HOME_FAULTS)
def test_a_home_file_is_refused_with_the_place_and_the_reason(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    path = tmp_path / "home.json"
    path.write_text(json.dumps({"id": "K7", "time_zone": "Europe/London", "sensors": [], **change}))
    with pytest.raises(InputError, match=reason) as caught:
        read_home_file(path)
    assert str(caught.value).startswith(str(path))


def test_an_unknown_room_is_kept_and_missing_things_have_defaults(tmp_path: Path) -> None:
    path = tmp_path / "home.json"
    sensor = {"id": "M1", "kind": "motion", "room": "pantry"}
    absence = {"from": "2026-07-01T00:00", "until": "2026-07-02T00:00"}
    path.write_text(json.dumps({"id": "K7", "time_zone": "Europe/London", "sensors": [sensor], "absences": [absence]}))
    home = read_home_file(path)
    assert home.sensors[0].room == "pantry"
    assert not home.sensors[0].exit
    assert home.check_in_interval == timedelta(minutes=5)
    assert home.absences[0].from_at == datetime(2026, 6, 30, 23, tzinfo=UTC)


def test_each_check_in_covers_three_intervals_unless_the_hub_goes() -> None:
    start = datetime(2026, 3, 10, tzinfo=UTC)

    def said(minute: int, state: HubState = HubState.CHECKIN) -> HubCheckIn:
        at = start + timedelta(minutes=minute)
        return HubCheckIn(home_id=1, occurred_at=at, received_at=at, number=minute, state=state, backlog=0)

    def covered(*check_ins: HubCheckIn, always: bool = False) -> list[tuple[float, float]]:
        found = covered_intervals(
            check_ins, timedelta(minutes=5), start, start + timedelta(minutes=60), always=always
        )  # fmt: skip
        return [((a - start).total_seconds() / 60, (b - start).total_seconds() / 60) for a, b in found]

    assert covered() == []
    assert covered(always=True) == [(0, 60)]
    assert covered(said(0), said(5), said(10)) == [(0, 25)]
    assert covered(said(0), said(30)) == [(0, 15), (30, 45)]
    assert covered(said(5), said(0), said(7, HubState.OFFLINE), said(50, HubState.ONLINE)) == [(0, 7), (50, 60)]
    assert covered(said(-10), said(-5)) == [(0, 10)]

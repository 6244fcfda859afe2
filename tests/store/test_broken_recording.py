"""One broken line costs that line only, whatever is wrong with it."""

import json
from pathlib import Path

import pytest

from store.home_file import HomeFile, InputError, read_home_file
from store.recording import BadRow, read_recording, read_recording_leniently

HOME = HomeFile.model_validate(
    {"id": "K7", "time_zone": "Europe/London", "sensors": [{"id": "M1", "kind": "motion", "room": "hall"}]}
)
BEFORE = b"time,sensor,value\n2026-03-10T07:00:00,M1,1\n"
AFTER = b"\n2026-03-10T07:00:05,M1,0\n2026-03-10T07:00:09,M1,1\n"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'"2026-03-10T07:00:03,M1,1', "not CSV"),
        (b"\xff\xfe\x00,M1,1", "not UTF-8 text"),
        (b"\x00\x00", "1 columns"),
        (b"x" * 200_000, "not CSV"),
        (b"2100-01-01T00:00:00,M1,1", "far ahead of the rows around it"),
        (b"1999-01-01T00:00:00,M1,1", "more than an hour out of order"),
    ],
)
def test_a_broken_line_is_named_and_the_lines_after_it_are_read(tmp_path: Path, line: bytes, reason: str) -> None:
    path = tmp_path / "recording.csv"
    path.write_bytes(BEFORE + line + AFTER)
    found = list(read_recording_leniently(path, HOME))
    (bad,) = (row for row in found if isinstance(row, BadRow))
    assert bad.line == 3
    assert reason in bad.reason
    assert len(found) == 4
    with pytest.raises(InputError, match=f":3: .*{reason}"):
        list(read_recording(path, HOME))


def test_a_long_silence_is_believed_when_the_rows_after_it_agree(tmp_path: Path) -> None:
    path = tmp_path / "recording.csv"
    path.write_bytes(BEFORE + b"2026-06-10T07:00:00,M1,1\n2026-06-10T06:30:00,M1,0\n2026-06-10T08:00:00,M1,0\n")
    assert [row.at.hour for row in read_recording(path, HOME)] == [7, 5, 6, 7]


def test_a_last_row_after_a_long_silence_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "recording.csv"
    path.write_bytes(BEFORE + b"2026-06-10T07:00:00,M1,1\n")
    assert len(list(read_recording(path, HOME))) == 2


@pytest.mark.parametrize(
    "given",
    [
        "[" * 100_000,
        '{"residents": ' + "9" * 5_000 + "}",
        json.dumps({"id": "K7", "time_zone": "UTC", "sensors": [{"id": "M1", "kind": "motion", "room": "a\x00b"}]}),
    ],
)
def test_a_home_file_that_nothing_could_store_is_refused_with_its_name(tmp_path: Path, given: str) -> None:
    path = tmp_path / "home.json"
    path.write_text(given)
    with pytest.raises(InputError, match=r"home\.json"):
        read_home_file(path)

"""Recordings of real homes, played as if they happened now."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from simulators.recording_player import load_recording
from store.hub import HubState
from store.recording import HomeFile, InputError

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
LIVE_AT = datetime(2026, 11, 23, 8, tzinfo=UTC)  # a Monday
HOME = HomeFile.model_validate(
    {
        "id": "R1",
        "time_zone": "Europe/Amsterdam",
        "sensors": [
            {"id": "M1", "kind": "motion", "room": "kitchen"},
            {"id": "T1", "kind": "temperature", "room": "kitchen"},
        ],
    }
)


def recording(folder: Path, *lines: str) -> Path:
    file = folder / "recording.csv"
    file.write_text("\n".join(["time,sensor,value", *lines]) + "\n")
    return file


def civil(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone(AMSTERDAM).replace(tzinfo=None)


def test_it_keeps_hour_and_weekday_and_ends_soon_after_the_world_begins(tmp_path: Path) -> None:
    file = recording(tmp_path, "2008-03-01T06:30:00,M1,1", "2008-03-01T06:30:20,M1,0", "2008-03-26T19:04:46,M1,ON")
    played = load_recording(file, HOME, live_at=LIVE_AT)
    first, last = civil(played.start), civil(played.end)
    assert (first.weekday(), first.time()) == (5, datetime(2008, 3, 1, 6, 30).time())  # noqa: DTZ001 - only its time
    assert (last.weekday(), last.time()) == (2, datetime(2008, 3, 26, 19, 4, 46).time())  # noqa: DTZ001 - likewise
    assert timedelta(0) < datetime.fromtimestamp(played.end, UTC) - LIVE_AT < timedelta(days=7, hours=4)
    assert [reading.value for reading in played.readings] == [True, False, True]


def test_its_times_stay_when_that_is_asked_for(tmp_path: Path) -> None:
    file = recording(tmp_path, "2008-03-01T06:30:00,M1,1", "2008-03-01T07:00:00,T1,20.5")
    played = load_recording(file, HOME, live_at=None)
    assert datetime.fromtimestamp(played.start, UTC) == datetime(2008, 3, 1, 5, 30, tzinfo=UTC)
    assert played.readings[1].value == 20.5


def test_moved_over_a_clock_change_the_order_stays(tmp_path: Path) -> None:
    lines = [
        f"2008-06-0{day}T0{hour}:{minute:02d}:00,M1,1" for day in (1, 2) for hour in (1, 2, 3) for minute in (0, 30)
    ]
    file = recording(tmp_path, *lines)  # Sunday 1 June falls on Sunday 25 October 2026, when 02:30 happens twice
    played = load_recording(file, HOME, live_at=datetime(2026, 10, 25, 20, tzinfo=UTC))
    times = [reading.at for reading in played.readings]
    assert times == sorted(times)
    assert civil(played.start).date().isoformat() == "2026-10-25"


def test_broken_lines_are_logged_with_their_place_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = recording(
        tmp_path, "2008-03-01T06:30:00,M1,1", "yesterday,M1,1", "2008-03-01T06:31:00,X9,1", "2008-03-01T06:32:00,M1,0"
    )
    with caplog.at_level(logging.WARNING):
        played = load_recording(file, HOME, live_at=LIVE_AT)
    assert len(played.readings) == 2
    assert played.broken_lines == 2
    assert f"{file}:3: not a time" in caplog.text
    assert f"{file}:4: sensor 'X9' is not in the home file" in caplog.text


def test_a_recording_of_which_nothing_can_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no line of it"):
        load_recording(recording(tmp_path, "yesterday,M1,1"), HOME, live_at=LIVE_AT)


def test_what_the_recording_says_of_the_hub_is_kept(tmp_path: Path) -> None:
    file = recording(
        tmp_path, "2008-03-01T06:30:00,hub,checkin", "2008-03-01T06:31:00,M1,1", "2008-03-01T06:32:00,hub,offline"
    )
    played = load_recording(file, HOME, live_at=LIVE_AT)
    assert played.has_hub_rows
    assert [reading.value for reading in played.readings] == [HubState.CHECKIN, True, HubState.OFFLINE]


def test_it_can_be_continued_from_any_instant(tmp_path: Path) -> None:
    file = recording(tmp_path, *(f"2008-03-01T06:{minute:02d}:00,M1,{minute % 2}" for minute in range(30)))
    played = load_recording(file, HOME, live_at=LIVE_AT)
    assert list(played.source()(played.readings[7].at)) == list(played.readings[7:])

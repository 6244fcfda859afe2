"""What `telecare demo` cannot use it refuses with exit code 2 and one sentence, before anything is started."""

import json
from pathlib import Path

import pytest

from deploy import demo
from deploy.cli import main
from store.home_file import HomeFile

HOME = {"id": "REC1", "time_zone": "Europe/London", "sensors": [{"id": "M1", "kind": "motion", "room": "hall"}]}


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["demo", *arguments]) == 2
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    return told


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file"),
        (b"", "the first line must be"),
        (b"time,sensor,value\n", "not one line"),
        (bytes(range(256)) * 100, "the first line must be"),
        (b"\x1f\x8b" + bytes(range(256)), "cannot be read"),
    ],
)
def test_a_recording_that_cannot_be_played_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, reason: str
) -> None:
    recording, home = tmp_path / "recording.csv", tmp_path / "home.json"
    home.write_text(json.dumps(HOME))
    if content is not None:
        recording.write_bytes(content)
    told = refused(capsys, "--recording", str(recording), "--home", str(home), "--data", str(tmp_path / "data"))
    assert str(recording) in told
    assert reason in told
    assert not (tmp_path / "data").exists()


def test_a_folder_is_no_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "home.json"
    home.write_text(json.dumps(HOME))
    assert "directory" in refused(capsys, "--recording", str(tmp_path), "--home", str(home))


def test_a_home_that_the_demo_has_already_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "home.json"
    home.write_text(json.dumps(HOME | {"id": "K7"}))
    assert "K7 already" in refused(capsys, "--recording", str(home), "--home", str(home))


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "1e9"])
def test_a_speed_that_no_clock_can_run_at_is_refused(capsys: pytest.CaptureFixture[str], speed: str) -> None:
    assert "--speed" in refused(capsys, f"--speed={speed}")


def test_a_data_folder_that_cannot_be_made_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert "nothing can be kept there" in refused(capsys, "--data", str(tmp_path / "file"))
    assert "nothing can be kept there" in refused(capsys, "--data", str(tmp_path / "file" / "below"))


def test_broken_lines_are_told_with_file_and_line_and_the_rest_is_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = tmp_path / "recording.csv"
    recording.write_text("time,sensor,value\nnonsense\n2026-03-10T07:00:00,M1,1\n" + "x\n" * demo.BAD_LINES_SHOWN)
    demo._read_once(recording, HomeFile.model_validate(HOME))
    told = capsys.readouterr().err.splitlines()
    assert told[0] == f"{recording}:2: 1 columns instead of 3; the line is left out"
    assert told[-1] == f"{recording}: 1 more lines are left out"

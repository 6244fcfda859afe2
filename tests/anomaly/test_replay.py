"""`telecare replay` as a command: exit codes, outputs, and a run that is cut in two."""

import argparse
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from anomaly.replay import add_arguments, run
from store.recording import Row
from tests.anomaly.conftest import FIRST_DAY, a_home, a_life, check_ins_only

FALL = FIRST_DAY + timedelta(days=19, hours=10)


def replay(*words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args([str(word) for word in words]))


def lines_of(rows: list[Row]) -> str:
    return "time,sensor,value\n" + "".join(f"{r.at.isoformat()},{r.sensor},{r.value}\n" for r in rows)


def findings(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home, three weeks of its life, and a collapse on the last morning."""
    folder = tmp_path_factory.mktemp("replay")
    (folder / "home.json").write_text(a_home().model_dump_json(by_alias=True))
    rows = [row for row in a_life(20) if row.at < FALL] + list(check_ins_only(FALL, FALL + timedelta(hours=3)))
    (folder / "life.csv").write_text(lines_of(rows))
    return folder


def test_the_clock_goes_on_when_the_recording_has_ended(folder: Path, tmp_path: Path) -> None:
    until = FALL + timedelta(hours=9)
    out = tmp_path / "found.jsonl"
    assert (
        replay(folder / "life.csv", "--home", folder / "home.json", "--until", until.isoformat(), "--output", out) == 0
    )
    found = findings(out)
    kinds = [finding["kind"] for finding in found]
    assert "inactivity" in kinds
    assert "hub_silent" in kinds
    assert "cannot_observe" in kinds
    assert [f["raised_at"] for f in found] == sorted(f["raised_at"] for f in found)
    assert len({(f["id"], f["grade"]) for f in found}) == len(found)
    silent = next(f for f in found if f["kind"] == "hub_silent")
    assert not [f for f in found if f["kind"] == "inactivity" and f["raised_at"] > silent["raised_at"]]


@pytest.mark.parametrize("after_hours", [30.0, 19 * 24 + 11.3])
def test_a_run_cut_in_two_finds_the_same(folder: Path, tmp_path: Path, after_hours: float) -> None:
    until, cut = FALL + timedelta(hours=9), FIRST_DAY + timedelta(hours=after_hours, seconds=17)
    whole, first, second = (tmp_path / name for name in ("whole", "first", "second"))
    ends, halves = tmp_path / "end.state", tmp_path / "half.state"
    usual = (folder / "life.csv", "--home", folder / "home.json")
    assert replay(*usual, "--until", until.isoformat(), "--output", whole, "--state-out", ends) == 0
    assert replay(*usual, "--until", cut.isoformat(), "--output", first, "--state-out", halves) == 0
    went_on = ("--state-in", halves, "--from", cut.isoformat(), "--until", until.isoformat())
    assert replay(*usual, *went_on, "--output", second, "--state-out", tmp_path / "end2.state") == 0
    joined = {(f["id"], f["grade"]): f for f in findings(first) + findings(second)}
    assert joined == {(f["id"], f["grade"]): f for f in findings(whole)}
    assert (tmp_path / "end2.state").read_bytes() == ends.read_bytes()


def test_shuffled_lines_within_the_hour_find_the_same(folder: Path, tmp_path: Path) -> None:
    header, *lines = (folder / "life.csv").read_text().splitlines()
    blocks = [lines[i : i + 7][::-1] for i in range(0, len(lines), 7)]
    (tmp_path / "life.csv").write_text("\n".join([header, *(line for block in blocks for line in block)]))
    outs: list[str] = []
    for recording in (folder / "life.csv", tmp_path / "life.csv"):
        out = tmp_path / f"found{len(outs)}"
        assert replay(recording, "--home", folder / "home.json", "--output", out) == 0
        outs.append(out.read_text())
    assert outs[0] == outs[1]


def test_bad_input_exits_with_2_and_leaves_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text((folder / "life.csv").read_text() + "2026-01-25T01:00:00Z,M-attic,1\n")
    out, state = tmp_path / "out", tmp_path / "state"
    home = ("--home", folder / "home.json")
    assert replay(broken, *home, "--output", out, "--state-out", state) == 2
    message = capsys.readouterr().err
    assert f"{broken}:{len(broken.read_text().splitlines())}: sensor 'M-attic' is not in the home file" in message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.csv"]

    state.write_bytes(b"TCHM nonsense")
    assert replay(folder / "life.csv", *home, "--state-in", state) == 2
    assert replay(folder / "life.csv", "--home", tmp_path / "none.json") == 2
    assert replay(folder / "life.csv", *home, "--until", "tomorrow") == 2
    assert "--until: not a time: 'tomorrow'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--output", "nowhere/found.jsonl"], "no such folder"),
        (["--output", "."], "is a folder"),
        (["--state-out", "nowhere/state"], "no such folder"),
        (["--state-in", "empty"], "is empty"),
        (["--from", "2026-03-02", "--until", "2026-03-01"], "is not before --until"),
    ],
)
def test_what_cannot_be_done_is_said_before_the_work(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: list[str], reason: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").touch()
    assert replay(folder / "life.csv", "--home", folder / "home.json", *words) == 2
    said = capsys.readouterr()
    assert reason in said.err
    assert said.out == ""


def test_the_state_of_another_home_is_refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other.json").write_text(a_home(id="B4").model_dump_json(by_alias=True))
    state = tmp_path / "state"
    until = (FIRST_DAY + timedelta(days=1)).isoformat()
    usual = (folder / "life.csv", "--until", until)
    assert replay(*usual, "--home", folder / "home.json", "--state-out", state) == 0
    assert replay(*usual, "--home", tmp_path / "other.json", "--state-in", state) == 2
    assert "the state of home K7, not of B4" in capsys.readouterr().err


# A: four nights away that nobody noted, each told as not returned.
@pytest.mark.parametrize(("house", "most_a_month"), [("A", 4.5), ("C", 1.0)])
def test_real_homes_stay_within_what_was_measured(
    recordings: Path, tmp_path: Path, house: str, most_a_month: float
) -> None:
    out = tmp_path / "found"
    name = f"kasteren_house{house}"
    assert replay(recordings / f"{name}.csv.gz", "--home", recordings / f"{name}.home.json", "--output", out) == 0
    alarms = {f["id"] for f in findings(out) if f["type"] == "deviation" and f["grade"] != "notice"}
    months = {"A": 28 / 30, "C": 19 / 30}[house]
    assert len(alarms) / months <= most_a_month

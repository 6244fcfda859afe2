"""`telecare scorecard` as a command: what it prints, writes and refuses."""

import csv
import gzip
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from anomaly.scorecard.card import scorecard
from anomaly.scorecard.homes import read_recorded_home, recorded_homes
from anomaly.scorecard.pictures import draw
from anomaly.scorecard.readme import BEGIN, END, rewritten, section
from anomaly.scorecard.trial import Trial, tried
from deploy.cli import main
from deploy.evaluation_homes import evaluation_homes
from store.home_file import InputError
from store.recording import HUB
from tests.anomaly.conftest import a_home, a_life

SMALL = ["--homes", "0", "--incidents", "1", "--without-gradual"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recorded homes of eight days."""
    made = tmp_path_factory.mktemp("recordings")
    for number in (1, 2):
        home = a_home(id=f"R{number}")
        (made / f"r{number}.home.json").write_text(home.model_dump_json())
        with gzip.open(made / f"r{number}.csv.gz", "wt", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["time", "sensor", "value"])
            for row in a_life(8, seed=number, check_ins=False):
                writer.writerow([row.at.isoformat(), row.sensor, int(float(row.value))])
    return made


@pytest.fixture(scope="module")
def card(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What it says of them, in two processes."""
    out = tmp_path_factory.mktemp("out")
    assert main(["scorecard", str(folder), *SMALL, "--jobs", "2", "--details", str(out / "details.jsonl")]) == 0
    assert {json.loads(line)["home"] for line in (out / "details.jsonl").read_text().splitlines()} <= {"R1", "R2"}
    return scorecard([tried(read_recorded_home(each), Trial(incidents=1)) for each in recorded_homes(folder)])


def test_machines_get_one_object(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scorecard", str(folder), *SMALL, "--jobs", "1", "--json"]) == 0
    given = json.loads(capsys.readouterr().out)
    (one,) = given["sets"].values()
    assert one["homes"] == 2
    assert {"false_alerts", "calibration", "service", "methods", "technical", "gradual"} <= one.keys()
    methods = {each["method"].split(",")[0] for each in one["methods"]}
    assert methods == {
        "telecare", "fixed limit", "fixed 8 h", "fixed 12 h", "hourly z", "alert line", "Wilhelm & Wahl",
        "HalfSpaceTrees", "PageHinkley",
    }  # fmt: skip


def _refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["scorecard", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_bad_folders_are_refused_with_file_and_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"{tmp_path / 'none'}: no such folder" in _refused([str(tmp_path / "none"), *SMALL], capsys)
    assert "holds no NAME.home.json" in _refused([str(tmp_path), *SMALL], capsys)
    home = tmp_path / "a.home.json"
    home.write_text(a_home().model_dump_json())
    assert f"{home}: there is no a.csv.gz" in _refused([str(tmp_path), *SMALL], capsys)
    recording = tmp_path / "a.csv"
    recording.write_text("time,sensor,value\n2026-03-10T07:00:00,M-attic,1\n")
    assert f"{recording}:2: sensor 'M-attic'" in _refused([str(tmp_path), *SMALL, "--jobs", "2"], capsys)
    recording.write_text("time,sensor,value\n")
    assert f"{recording}: holds no row" in _refused([str(tmp_path), *SMALL, "--jobs", "1"], capsys)


def test_nothing_to_measure_and_no_place_to_write_are_said_before_the_work(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "nothing to measure" in _refused(["--homes", "0"], capsys)
    assert "too few" in _refused(["--days", "1"], capsys)
    readme = tmp_path / "README.md"
    readme.write_text("no marks here")
    assert "needs the marks" in _refused([str(folder), *SMALL, "--readme", str(readme)], capsys)
    assert readme.read_text() == "no marks here"


def test_the_section_of_the_readme_is_written_anew_and_nothing_else(tmp_path: Path, card: dict[str, Any]) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"# Before\n\n{BEGIN}\nold figures\n{END}\n\nAfter.\n")
    once = rewritten(readme, section({"two homes": card}, "telecare scorecard"))
    assert once.startswith("# Before\n")
    assert once.endswith("After.\n")
    assert "old figures" not in once
    assert "telecare scorecard" in once
    readme.write_text(once)
    assert rewritten(readme, section({"two homes": card}, "telecare scorecard")) == once
    with pytest.raises(InputError, match="cannot be read"):
        rewritten(tmp_path / "none.md", "")


def test_failures_stand_in_the_readme_too(card: dict[str, Any]) -> None:
    bad = json.loads(json.dumps(card))
    bad["false_alerts"]["a_home_month"] = {"value": 3.2, "low": 2.4, "high": 4.1}
    bad["technical"]["sensor_dead"]["mistaken"] = 2
    written = section({"homes": bad}, "telecare scorecard")
    lines = [line for line in written.splitlines() if "**missed**" in line]
    assert any("false alerts a home-month, whole service" in line for line in lines)
    assert any("technical incidents" in line and "sensor dead 2" in line for line in lines)


def test_the_pictures_are_drawn(tmp_path: Path, card: dict[str, Any]) -> None:
    with_curve = json.loads(json.dumps(card))
    with_curve["curves"] = [
        {"method": name, "budget": 1.0, "false_a_home_month": rate, "median_minutes": 90.0, "p90_minutes": None}
        for name, rate in (("telecare", 1.0), ("alert line", 0.5))
    ]
    written = draw(with_curve, "two homes", tmp_path / "plots", "card")
    assert {"card-delay.svg", "card-delay.png"} <= {path.name for path in written}
    assert "alert line" in (tmp_path / "plots" / "card-delay.svg").read_text()
    assert (tmp_path / "plots" / "card-delay.png").read_bytes().startswith(b"\x89PNG")


def test_simulated_homes_know_who_caused_what_and_where_the_resident_was() -> None:
    first, second = evaluation_homes(2, 3, 5)
    assert first.file.id != second.file.id
    assert first.people is not None
    assert len(first.people) == len(first.rows)
    assert not any(by_people for row, by_people in zip(first.rows, first.people, strict=True) if row.sensor == HUB)
    assert any(first.people)
    assert first.stays
    assert all(a.end <= b.start + 1.0 for a, b in pairwise(first.stays))

"""`telecare prior`: the shipped file is what the command makes, and what is left out is left out."""

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import pytest

from anomaly import prior
from deploy import prior as command
from simulators.prior_homes import prior_home

SHIPPED = Path(prior.__file__).with_name("prior_data.json")


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(words))


def shipped() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(SHIPPED.read_text())
    return data


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Three small recordings, with names."""
    for number, name in enumerate(("ash", "birch", "cedar")):
        made = prior_home(number, days=4, seed=9)
        (tmp_path / f"{name}.home.json").write_text(made.home.model_dump_json())
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("time", "sensor", "value"))
            writer.writerows((row.at.isoformat(), row.sensor, row.value) for row in made.rows)
    return tmp_path


def test_the_command_makes_the_shipped_file_bit_for_bit(tmp_path: Path) -> None:
    telecare, prior_, *words = shipped()["provenance"]["command"].split()
    assert (telecare, prior_) == ("telecare", "prior")
    assert run(*words, "--output", str(tmp_path / "made.json")) == 0
    assert (tmp_path / "made.json").read_bytes() == SHIPPED.read_bytes()


def test_what_ships_is_from_the_generator_alone_and_says_by_which_code() -> None:
    provenance = shipped()["provenance"]
    assert provenance["generator"] == "simulators.prior_homes"
    assert provenance["recordings"] == []
    assert provenance["code"] == command.code_hash()
    assert provenance["home_days"] >= 2000


def test_a_recording_that_is_left_out_changes_nothing(recordings: Path, tmp_path: Path) -> None:
    few = ("--homes", "2", "--days", "4", "--date", "2026-01-02")
    out = {name: tmp_path / f"{name}.json" for name in ("all", "left_out", "never_there")}
    assert run(*few, "--recordings", str(recordings), "--output", str(out["all"])) == 0
    assert run(*few, "--recordings", str(recordings), "--without", "birch", "--output", str(out["left_out"])) == 0
    for path in recordings.glob("birch.*"):
        path.unlink()
    assert run(*few, "--recordings", str(recordings), "--output", str(out["never_there"])) == 0
    assert out["left_out"].read_bytes() == out["never_there"].read_bytes()
    assert out["left_out"].read_bytes() != out["all"].read_bytes()
    told = json.loads(out["left_out"].read_text())["provenance"]
    assert told["recordings"] == ["ash", "cedar"]
    assert "not to be shipped" in told["licence"]


def test_recordings_beside_the_estimate_are_printed_and_not_in_it(
    recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ("--homes", "2", "--days", "4", "--date", "2026-01-02")
    assert run(*few) == 0
    alone = capsys.readouterr().out
    assert run(*few, "--compare", str(recordings)) == 0
    told = capsys.readouterr()
    assert told.out == alone
    assert all(name in told.err for name in ("generated", "ash", "birch", "cedar"))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--recordings", "DIR", "--without", "oak"), "no recording oak; there are ash, birch, cedar"),
        (("--without", "ash"), "needs --recordings"),
        (("--recordings", "DIR/nowhere"), "no such folder"),
        (("--compare", "EMPTY"), "holds no NAME.home.json"),
        (("--output", "DIR/nowhere/x.json"), "no such folder"),
    ],
)
def test_bad_input_is_named(
    recordings: Path, words: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (recordings / "empty").mkdir()
    given = [word.replace("DIR", str(recordings)).replace("EMPTY", str(recordings / "empty")) for word in words]
    assert run("--homes", "1", "--days", "3", "--date", "2026-01-02", *given) == 2
    assert reason in capsys.readouterr().err


def test_a_recording_that_lacks_its_rows_is_named(recordings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (recordings / "ash.csv").unlink()
    assert run("--homes", "1", "--days", "3", "--date", "2026-01-02", "--recordings", str(recordings)) == 2
    assert "ash.csv" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--homes", "0"), ("--days", "x"), ("--date", "yesterday")])
def test_options_that_are_no_numbers_or_dates_are_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as exit_:
        run("--date", "2026-01-02", *words)
    assert exit_.value.code == 2


def test_the_model_is_given_numbers_of_sane_size() -> None:
    per_hour = 60 * prior.rates_per_minute()
    assert per_hour.shape == (96,)
    assert (per_hour > 0.5).all()
    assert (per_hour < 8.0).all()
    assert per_hour[10 * 4 : 20 * 4].mean() > 2 * per_hour[1 * 4 : 5 * 4].mean()
    assert prior.speeds_by_age().shape == (len(prior.AGE_EDGES_MINUTES),)
    assert (prior.speeds_by_age() > 0).all()
    assert prior.multiplier().shape == (8, 4, len(prior.AGE_EDGES_MINUTES))
    assert 2.0 < prior.DAILY_MAXIMUM_MU < 20.0
    assert 0.5 < prior.DAILY_MAXIMUM_SIGMA < 2.0
    assert 6 * 60 < prior.UP_MEAN_MINUTES < 10 * 60
    assert prior.passages().shape == (2, 2)

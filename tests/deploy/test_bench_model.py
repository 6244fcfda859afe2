"""`telecare bench model` on a small fleet: it says all it must, in numbers that can be."""

import argparse
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from deploy.bench.model import add_arguments, run
from deploy.bench.year import Failed, denser, repeated, replayed_year, write_recording
from simulators.dwelling import kit
from simulators.fleet import home_file
from store.recording import Row, read_recording


def bench(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(words))


def test_the_benchmark_prints_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("--days", "3", "--homes", "150", "--year-events", "0", "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    for name in ("learn_one_us", "tick_100k_ms", "refresh_100k_ms", "replay_events_per_s"):
        assert figures[name] > 0
    assert figures["take_up_ms"] > 0
    assert figures["worker_bytes_per_home"] > figures["bytes_per_home"]
    assert "year_replay_s" not in figures
    assert 4_000 < figures["bytes_per_home"] <= 16_000
    assert figures["homes"] == 150
    assert figures["events"] > 3 * 288
    assert sum(figures["where_time_goes"].values()) == pytest.approx(1.0, abs=0.2)


def test_a_year_is_made_of_a_life_and_becomes_denser_but_never_quieter() -> None:
    home = home_file("B1", kit("flat"), check_in_minutes=5.0)
    begin = datetime(2026, 3, 2, tzinfo=UTC)
    seconds = (3600.0, 3700.0, 3900.0, 40_000.0, 86_400.0 + 50_000.0)
    week = [Row(at=begin + timedelta(seconds=s), sensor="M001", value=1.0) for s in seconds]
    year = repeated(week, home, days=7, until=70)
    assert len(year) == 10 * len(week)
    civil = {row.at.astimezone(home.zone).time() for row in year}
    assert len(civil) == len(week)  # by the clocks, though they changed in between
    dense = denser(year, home, events=500)
    assert len(dense) == 500
    assert [row for row in dense if row in set(year)] == year
    longest = [later.at - row.at for row, later in pairwise(year) if later.at - row.at >= timedelta(minutes=5)]
    kept = [later.at - row.at for row, later in pairwise(dense) if later.at - row.at >= timedelta(minutes=5)]
    assert kept == longest


def test_a_written_year_is_replayed_by_the_command(tmp_path: Path) -> None:
    home = home_file("B1", kit("flat"), check_in_minutes=5.0)
    begin = datetime(2026, 10, 24, 22, tzinfo=UTC)  # over the hour that happens twice
    rows = [Row(at=begin + timedelta(minutes=i), sensor="M001", value=float(i % 2)) for i in range(400)]
    recording, description = write_recording(rows, home, tmp_path)
    assert list(read_recording(recording, home)) == rows
    done = replayed_year(recording, description, events=len(rows))
    assert done.events == 400
    assert done.seconds > 0
    recording.write_text("nothing")
    with pytest.raises(Failed, match="the first line must be"):
        replayed_year(recording, description, events=1)


def test_a_size_that_cannot_be_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("--homes", "0") == 2
    assert "--homes" in capsys.readouterr().err

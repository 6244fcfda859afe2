"""`telecare bench model` on a small fleet: it says all it must, in numbers that can be."""

import argparse
import json

import pytest

from deploy.bench.model import add_arguments, run


def bench(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(words))


def test_the_benchmark_prints_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("--days", "3", "--homes", "150", "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    for name in ("learn_one_us", "tick_100k_ms", "refresh_100k_ms", "replay_events_per_s"):
        assert figures[name] > 0
    assert 4_000 < figures["bytes_per_home"] <= 16_000
    assert figures["homes"] == 150
    assert figures["events"] > 3 * 288
    assert sum(figures["where_time_goes"].values()) == pytest.approx(1.0, abs=0.2)


def test_a_size_that_cannot_be_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("--homes", "0") == 2
    assert "--homes" in capsys.readouterr().err

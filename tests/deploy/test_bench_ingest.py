"""`telecare bench ingest`, small: the real parts, and figures that are not made up."""

import json
import subprocess
import sys

import pytest

from deploy.bench.brokers import mosquitto_program
from deploy.bench.mqtt_bytes import length, packet, packets

MINIMUM = {
    "homes", "events", "events_per_s", "publish_to_commit_p99_s", "lost", "doubled", "ratio_to_counting_subscriber",
    "burst_drain_per_s", "ingest_peak_mb",
}  # fmt: skip


def bench(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.cli", "bench", "ingest", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.mark.parametrize(
    "broker",
    [
        "nats",
        pytest.param("mosquitto", marks=pytest.mark.skipif(mosquitto_program() is None, reason="no mosquitto here")),
    ],
)
def test_it_counts_what_it_published(broker: str) -> None:
    done = bench("--homes", "40", "--seconds", "2", "--rate", "100", "--burst", "400", "--broker", broker, "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures.keys() >= MINIMUM
    assert figures["events"] == 600
    assert (figures["lost"], figures["doubled"], figures["rejected"]) == (0, 0, 0)
    assert 0 < figures["publish_to_commit_p99_s"] < 60
    assert figures["publish_to_commit_timed"] == figures["live_events"] == 200, "every reading, not those of the end"
    assert figures["ratio_to_counting_subscriber"] > 0
    assert figures["stages"]["burst"]["writing"] >= 0


@pytest.mark.parametrize("options", [["--homes", "0"], ["--rate", "0"], ["--seconds", "0", "--burst", "0"]])
def test_a_size_that_cannot_be_is_refused(options: list[str]) -> None:
    done = bench(*options)
    assert done.returncode == 2
    assert options[0] in done.stderr or "nothing to measure" in done.stderr


def test_packets_that_come_in_pieces_are_put_together() -> None:
    whole = packet(0x30, b"a" * 5) + packet(0x40, b"\x00\x01") + packet(0x30, b"b" * 20_000)
    buffer, found = bytearray(), []
    for at in range(0, len(whole), 7):
        buffer += whole[at : at + 7]
        found += list(packets(buffer))
    assert found == [(0x30, b"a" * 5), (0x40, b"\x00\x01"), (0x30, b"b" * 20_000)]
    assert buffer == b""
    assert length(20_000) == b"\xa0\x9c\x01"

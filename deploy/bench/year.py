"""A busy year of one home as a recording, and how long `telecare replay` takes for it, its start included.

A pretend life, made as dense as real recordings of the busiest kind: while somebody is about, a movement sensor goes on
and off every few seconds. What is longer than five minutes stays as quiet as it was. Times are civil, without an
offset, as most recordings have them. Wall-clock seconds, for that is what somebody waits for.
"""

import gzip
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path

from store.home import SensorKind
from store.home_file import HomeFile
from store.recording import Row

_QUIET = timedelta(minutes=5)  # from one row to the next; longer ones stay as they are
_LONGEST_S = 1800.0  # after which a replay is given up
DAYS = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class YearReplayed:
    """What came of it."""

    events: int
    seconds: float  # from starting the process to its end
    cpu_seconds: float


class Failed(Exception):
    """The replay did not end well."""


def repeated(rows: Sequence[Row], home: HomeFile, *, days: int, until: int = DAYS) -> list[Row]:
    """These rows of the first `days` civil days, again and again until there are `until` days of them."""
    civil = [row.at.astimezone(home.zone) for row in rows]
    found: list[Row] = []
    for passed in range(0, until, days):
        later = timedelta(days=passed)  # added to what clocks show, whatever they were changed by meanwhile
        found += [row._replace(at=(at + later).astimezone(UTC)) for row, at in zip(rows, civil, strict=True)]
    end = civil[0] + timedelta(days=until)
    return sorted((row for row in found if row.at < end), key=lambda row: row.at)


def denser(rows: Sequence[Row], home: HomeFile, *, events: int, seed: int = 1) -> list[Row]:
    """These rows with as many more of the movement sensors as make `events` of them; none are taken away."""
    movement = {sensor.id for sensor in home.sensors if sensor.kind is SensorKind.MOTION}
    rng = random.Random(seed)
    wanted = max(0, events - len(rows))
    gaps: list[tuple[int, float]] = []
    last: int | None = None  # the newest row of a movement sensor
    for i, row in enumerate(rows):
        if last is not None and timedelta(0) < row.at - rows[last].at < _QUIET:
            gaps.append((last, (row.at - rows[last].at).total_seconds()))
        if row.sensor in movement:
            last = i
    made = list(rows)
    for i in rng.choices(range(len(gaps)), weights=[seconds for _, seconds in gaps], k=wanted) if gaps else ():
        before, seconds = gaps[i]
        at = rows[before].at + timedelta(seconds=round(rng.uniform(0.0, seconds), 3))
        made.append(Row(at=at, sensor=rows[before].sensor, value=float(rng.random() < 0.5)))
    return sorted(made, key=lambda row: row.at)


def write_recording(rows: Sequence[Row], home: HomeFile, folder: Path) -> tuple[Path, Path]:
    """The recording and its home file in this folder."""
    recording, description = folder / "year.csv.gz", folder / "year.home.json"
    with gzip.open(recording, "wt", compresslevel=3, encoding="utf-8", newline="") as file:
        file.write("time,sensor,value\n")
        for row in rows:
            at = row.at.astimezone(home.zone).replace(tzinfo=None)
            value = f"{row.value:g}" if isinstance(row.value, float) else row.value
            file.write(f"{at.isoformat(timespec='milliseconds')},{row.sensor},{value}\n")
    description.write_text(home.model_dump_json(by_alias=True), encoding="utf-8")
    return recording, description


def replayed_year(recording: Path, description: Path, *, events: int) -> YearReplayed:
    """Run `telecare replay` on it. Raises `Failed` with what it said."""
    findings = recording.with_name("findings.jsonl")
    words = ["replay", str(recording), "--home", str(description), "--output", str(findings)]
    begun, spent = time.monotonic(), _children()
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", *words], capture_output=True, text=True, timeout=_LONGEST_S, check=False
    )
    seconds = time.monotonic() - begun
    if done.returncode:
        raise Failed(f"telecare replay ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return YearReplayed(events=events, seconds=seconds, cpu_seconds=_children() - spent)


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system

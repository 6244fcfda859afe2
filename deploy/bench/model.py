"""`telecare bench model`: what the routine model costs, for one home and for a hundred thousand of them.

One home's model replays a pretend life of the simulators, and its time is laid out by part. The fleet is filled with
copies of what that home has learned; finding who is ready among all homes, the surprise of the quiets that are due,
and the night of a whole country are timed on it. CPU seconds of one core, so that a busy machine says nearly the same.
Last, `telecare replay` itself runs a year with a million events (`year`): what somebody waits for, in wall-clock time.
"""

import argparse
import cProfile
import json
import pstats
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

import anomaly
from anomaly.clock_bins import BINS
from anomaly.fleet import Fleet
from anomaly.health import ModelHealth
from anomaly.home_model import HomeModel
from anomaly.plan import Place, plan_of_file
from deploy.bench.ingest import Bar
from deploy.bench.year import Failed, YearReplayed, denser, repeated, replayed_year, write_recording
from simulators.dwelling import kit
from simulators.fleet import home_file
from simulators.persona import personas
from simulators.resident import Resident
from simulators.source import resident_source
from store.hub import HubState
from store.recording import HUB, Row

ZONE = ZoneInfo("Europe/London")
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
CHECK_IN = timedelta(minutes=5)
NAMED = 100_000  # homes for which the figures are given, however many were measured
DUE = 100  # of which one in so many has a quiet that must be looked at now
ONCE_IN_DAYS = (10.0, 85.0, 365.0)
TIMES = 5  # the best of so many
_LEARNED = 1000  # times the same quiet
_IN_MEMORY = 100  # homes that are held as a worker holds them
_WEEKS = 8  # of a life, that make up the year


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A home and what its sensors said."""

    plan: Any
    rows: list[Row]
    end: datetime


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much."""
    parser.add_argument("--days", type=int, default=60, help="of one home's life to replay (default: 60)")
    parser.add_argument("--homes", type=int, default=NAMED, help="in the fleet (default: 100,000; needs 1.3 GB)")
    parser.add_argument(
        "--year-events", type=int, default=1_000_000, metavar="N",
        help="of the year that `telecare replay` runs (default: 1,000,000; 0: leave it out)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")


def run(arguments: argparse.Namespace) -> int:
    """Measure. Exit codes: 0 measured, 2 bad input, 1 if the replay failed."""
    if arguments.days < 2 or arguments.homes < 1 or arguments.year_events < 0:
        print("--days must be at least 2, --homes at least 1 and --year-events at least 0", file=sys.stderr)
        return 2
    figures = measure(days=arguments.days, homes=arguments.homes)
    if arguments.year_events:
        try:
            year = _year(arguments.year_events)
        except Failed as exc:
            print(exc, file=sys.stderr)
            return 1
        figures["year_events"] = year.events
        figures["year_replay_s"] = round(year.seconds, 1)
        figures["year_replay_cpu_s"] = round(year.cpu_seconds, 1)
    if arguments.json:
        print(json.dumps(figures))
        return 0
    for name, value in figures.items():
        if isinstance(value, dict):
            print(f"{name}:")
            for part, share in value.items():
                print(f"    {part:36} {share:6.1%}")
        else:
            print(f"{name:24} {value}")
    return 0


def measure(*, days: int, homes: int) -> dict[str, Any]:
    """The figures, by name; those of 100,000 homes are scaled from `homes`."""
    life = _life(days)
    model, seconds = _replayed(life)
    fleet, rows = _filled(model, homes)
    scale = NAMED / homes
    return {
        "days": days,
        "events": len(life.rows),
        "homes": homes,
        "bytes_per_home": fleet.bytes_per_home,
        "saved_bytes_per_home": len(model.to_bytes()),
        **_held(life, model),
        "learn_one_us": round(1e6 * _learn_one(model), 2),
        "event_us": round(1e6 * seconds / len(life.rows), 1),
        "replay_events_per_s": round(len(life.rows) / seconds),
        "tick_100k_ms": round(1e3 * scale * _tick(fleet, rows, model), 2),
        "refresh_100k_ms": round(1e3 * scale * _refresh(fleet, rows), 1),
        "where_time_goes": _profile(life),
    }


def _life(days: int) -> Life:
    """A lively home with movement, a front door, mats and thermometers, and a hub that checks in."""
    sensors = kit("flat")
    resident = Resident(persona=personas()["early_riser"], seed=7, zone=ZONE, kit=sensors)
    end = BEGIN + timedelta(days=days)
    rows: list[Row] = []
    for reading in resident_source(resident)(BEGIN.timestamp()):
        if reading.at >= end.timestamp():
            break
        rows.append(Row(at=datetime.fromtimestamp(reading.at, UTC), sensor=reading.sensor, value=float(reading.value)))
    rows += [Row(at=BEGIN + i * CHECK_IN, sensor=HUB, value=HubState.CHECKIN) for i in range(days * 288)]
    rows.sort(key=lambda row: row.at)
    plan = plan_of_file(home_file("B1", sensors, check_in_minutes=5.0), always_observed=False)
    return Life(plan=plan, rows=rows, end=end)


def _replayed(life: Life, *, days_at_once: int = 5, shows: bool = True) -> tuple[HomeModel, float]:
    """The model after this life, and the CPU seconds it took."""
    model = HomeModel(life.plan)
    bar = Bar("replay of one home", len(life.rows)) if shows else None
    begun = time.process_time()
    at, done = BEGIN, 0
    for chunk in _chunks(life, timedelta(days=days_at_once)):
        at += timedelta(days=days_at_once)
        model.feed(chunk)
        model.advance(min(at, life.end))
        model.chances.clear()
        done += len(chunk)
        if bar is not None:
            bar.show(done)
    seconds = time.process_time() - begun
    if bar is not None:
        bar.end()
    return model, seconds


def _chunks(life: Life, length: timedelta) -> Iterator[list[Row]]:
    chunk, end = list[Row](), BEGIN + length
    for row in life.rows:
        while row.at >= end:
            yield chunk
            chunk, end = [], end + length
        chunk.append(row)
    yield chunk


def _learn_one(model: HomeModel) -> float:
    """Seconds to learn one quiet of half an hour, into a copy of the model."""
    known = HomeModel(model.plan, model.to_bytes()).known
    begun = BEGIN.timestamp() + 40000.0
    spells = known.hazard.spells([(begun, begun + 1800.0)], Place.LOUNGE, known.situation.clock)

    def learn() -> None:
        for _ in range(_LEARNED):
            known.hazard.learn_one(spells)

    return _best(learn) / _LEARNED


def _held(life: Life, model: HomeModel) -> dict[str, float]:
    """What one home costs a worker: bytes of all its objects in memory, and milliseconds to make them from a state."""
    state = model.to_bytes()

    def taken_up() -> tuple[HomeModel, ModelHealth]:
        return HomeModel(replace(life.plan, sensors=tuple(replace(each) for each in life.plan.sensors)), state), (
            ModelHealth()
        )

    taken_up()  # what all homes share
    begun = time.process_time()
    for _ in range(_IN_MEMORY):
        taken_up()
    seconds = time.process_time() - begun
    tracemalloc.start()
    try:
        held = [taken_up() for _ in range(_IN_MEMORY)]
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return {
        "worker_bytes_per_home": round(size / len(held)),
        "take_up_ms": round(1e3 * seconds / _IN_MEMORY, 2),
    }


def _year(events: int) -> YearReplayed:
    """A year of that many events, written down and replayed."""
    days = min(7 * _WEEKS, max(7, events // 2000))
    life, home = _life(days), home_file("B1", kit("flat"), check_in_minutes=5.0)
    rows = denser(repeated(life.rows, home, days=days), home, events=events)
    with tempfile.TemporaryDirectory(prefix="telecare-bench-") as folder:
        recording, description = write_recording(rows, home, Path(folder))
        return replayed_year(recording, description, events=len(rows))


def _filled(model: HomeModel, homes: int) -> tuple[Fleet, list[int]]:
    """A fleet in which every home has learned the same, a little apart."""
    fleet, rows = Fleet(), []
    state = {**model.known.hazard.arrays(), **model.counts.arrays(), "maxima": model.known.maxima.sums}
    bar = Bar("filling the fleet", homes)
    now = model.known.situation.at
    for number in range(homes):
        row = fleet.take()
        arrays = fleet.arrays(row)
        for name, array in state.items():
            arrays[name][...] = array
        fleet.due[row] = now + (-30.0 if number % DUE == 0 else 600.0)
        fleet.turn[row] = now + 60.0
        rows.append(row)
        if number % 1000 == 0:
            bar.show(number)
    bar.end()
    return fleet, rows


def _tick(fleet: Fleet, rows: list[int], model: HomeModel) -> float:
    """Seconds to find who is ready, and the Λ of those quiets: two hours long, each begun at another time."""
    known, now = model.known, model.known.situation.at
    ready = fleet.ready(now).tolist()
    spells = [
        known.hazard.spells([(now - 7200.0 - 7 * i, now)], Place(i % 5), known.situation.clock)
        for i in range(len(ready))
    ]
    longest = max(len(found) for found in spells)
    table = np.array([[*found, *[(0.0, *found[-1][1:])] * (longest - len(found))] for found in spells])
    minutes = np.ascontiguousarray(table[:, :, 0])
    types, bins, cells = (table[:, :, column].astype(np.int64) for column in (1, 2, 3))

    def tick() -> None:
        fleet.surprises(fleet.ready(now).tolist(), minutes, types, bins, cells)

    return _best(tick)


def _refresh(fleet: Fleet, rows: list[int]) -> float:
    """Seconds for the night of all homes: forgetting, the day's counts, fresh rates, and their thresholds."""
    seen, learned = np.full((len(rows), BINS), 900.0), [True] * len(rows)
    bar = Bar("nights", TIMES)
    nights = 0

    def night() -> None:
        nonlocal nights
        fleet.day_over(rows, learned, seen)
        fleet.thresholds(rows, ONCE_IN_DAYS)
        nights += 1
        bar.show(nights)

    seconds = _best(night)
    bar.end()
    return seconds


def _profile(life: Life) -> dict[str, float]:
    """The share of each module of the model in a replay, its own time only; measured apart, because measuring costs."""
    profile = cProfile.Profile(time.process_time)
    profile.enable()
    _replayed(life, shows=False)
    profile.disable()
    folder = Path(anomaly.__file__).parent
    parts: dict[str, float] = {}
    total = 0.0
    for (file, _, _), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]  # not in its stub
        path = Path(file)
        is_ours = path.is_relative_to(folder)
        name = str(path.relative_to(folder)) if is_ours else path.name if "recording" in path.name else "python, numpy"
        parts[name] = parts.get(name, 0.0) + own
        total += own
    largest = sorted(parts.items(), key=lambda part: -part[1])
    return {name: round(own / total, 3) for name, own in largest[:12]}


def _best(work: Callable[[], object]) -> float:
    """CPU seconds of the quickest of some runs: what else happens on the machine only adds."""
    took = []
    for _ in range(TIMES):
        begun = time.process_time()
        work()
        took.append(time.process_time() - begun)
    return min(took)

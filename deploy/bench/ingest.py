"""`telecare bench ingest`: events a second from the broker into the database, and where the time goes.

1. `--homes` hubs publish at `--rate` for `--seconds`, each with its own boot, numbers and acknowledgements, a reading a
   message at QoS 1. How long from publishing to the acknowledgement, which ingest sends after its commit.
2. Ingest is stopped, `--burst` readings are published meanwhile, ingest is started again: how fast it catches up, its
   own start included.
3. The same messages have waited for a paho subscriber too that only counts, in a session of its own at the same broker
   and QoS: how fast that is, by itself, with ingest idle beside it. Broker and database are warm for both.
4. What was published is counted in the database.

Everything runs on this machine, so the generator's work is part of the load.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from deploy.bench.brokers import BROKERS, NoBroker, mosquitto_program
from deploy.bench.site import BenchFailed, Site
from deploy.bench.usage import peak_megabytes
from deploy.local_stack.broker import BrokerFailed
from deploy.local_stack.programs import PostgresFailed

PATIENCE_SECONDS = 60.0  # without a single acknowledgement
MOST_HOMES = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How large and how long."""
    parser.add_argument("--homes", type=int, default=100_000, help="how many homes publish (default: 100,000)")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="how long they publish (default: 60; 0: not at all)"
    )
    parser.add_argument("--rate", type=float, default=3_500.0, help="readings a second of all homes (default: 3,500)")
    parser.add_argument(
        "--burst", type=int, default=200_000, help="readings published while ingest is away (default: 200,000; 0: none)"
    )
    parser.add_argument(
        "--broker", choices=sorted(BROKERS), help="default: mosquitto if it is installed, else the embedded nats"
    )
    parser.add_argument("--with-model", action="store_true", help="run the service that learns routines as well")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")


def run(arguments: argparse.Namespace) -> int:
    """Measure. Exit codes: 0 nothing lost or doubled, 1 something was or a part failed, 2 bad input."""
    fault = _fault(arguments)
    if fault is not None:
        print(fault, file=sys.stderr)
        return 2
    before = signal.signal(signal.SIGTERM, _end)
    broker = arguments.broker or ("mosquitto" if mosquitto_program() else "nats")
    folder = Path(tempfile.mkdtemp(prefix="telecare-bench-"))
    folder.chmod(0o711)  # the database's account walks through it
    try:
        with Site(folder, broker=broker, homes=arguments.homes) as site:
            figures = _measure(site, arguments)
    except (BenchFailed, NoBroker, BrokerFailed, PostgresFailed) as exc:
        print(f"the benchmark failed: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped before it was done", file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGTERM, before)
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(figures) if arguments.json else "\n".join(table(figures)))
    return 0 if figures["lost"] == figures["doubled"] == 0 else 1


def _end(*_: object) -> None:
    """Told to stop: as with Ctrl-C, everything that was started is stopped."""
    raise KeyboardInterrupt


def _fault(arguments: argparse.Namespace) -> str | None:
    if not 1 <= arguments.homes <= MOST_HOMES:
        return f"--homes: not 1 to {MOST_HOMES:,}"
    if arguments.seconds < 0 or arguments.burst < 0 or arguments.rate <= 0:
        return "--seconds and --burst must not be negative, and --rate must be positive"
    if not arguments.seconds and not arguments.burst:
        return "nothing to measure: both --seconds and --burst are 0"
    return None


def _measure(site: Site, arguments: argparse.Namespace) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "broker": site.broker.name,
        "homes": arguments.homes,
        "load_average_before": round(os.getloadavg()[0], 2),
        "with_model": arguments.with_model,
        "events": 0,
        "events_per_s": None,
        "publish_to_commit_p99_s": None,
        "ratio_to_counting_subscriber": None,
        "burst_drain_per_s": None,
        "cpu_seconds": {},
        "stages": {},
        "ingest_peak_mb": 0.0,
    }
    site.start_service("ingest")
    site.wait_for_ingest()
    if arguments.with_model:
        site.start_service("anomaly")
    site.start_generator()
    if arguments.seconds:
        _live(site, figures, rate=arguments.rate, seconds=arguments.seconds)
    _note_peak(site, figures)
    if arguments.burst:
        _burst(site, figures, burst=arguments.burst)
        _note_peak(site, figures)
    _stop_ingest(site, figures, "burst" if arguments.burst else "live")
    with contextlib.closing(site.connect()) as conn:
        row = conn.execute("SELECT count(*), count(DISTINCT (home_id, occurred_at)) FROM sensor_event").fetchone()
        rejected = conn.execute("SELECT count(*) FROM rejected_message").fetchone()
    assert row is not None
    assert rejected is not None
    figures["lost"] = figures["events"] - row[1]
    figures["doubled"] = row[0] - row[1]
    figures["rejected"] = rejected[0]
    return figures


def _live(site: Site, figures: dict[str, Any], *, rate: float, seconds: float) -> None:
    bar = Bar(f"{rate:,.0f} readings a second", round(rate * seconds))
    used = site.cpu_seconds()
    begun = time.time()
    site.ask({"rate": rate, "seconds": seconds}, lambda told: bar.show(told["acknowledged"]))
    done = site.ask({"await": PATIENCE_SECONDS}, lambda told: bar.show(told["acknowledged"]))
    bar.end()
    figures["cpu_seconds"]["live"] = _used(used, site.cpu_seconds())
    figures["events"] = figures["live_events"] = done["published"]
    figures["seconds"] = round(done["last_ack_at"] - begun, 1)
    figures["events_per_s"] = round(done["acknowledged"] / (done["last_ack_at"] - begun))
    figures["publish_to_commit_timed"] = done["timed"]
    for name in ("p50_s", "p99_s", "max_s"):
        figures[f"publish_to_commit_{name}"] = done[name]


def _burst(site: Site, figures: dict[str, Any], *, burst: int) -> None:
    if figures["events"]:
        _stop_ingest(site, figures, "live")
    else:
        site.stop_service("ingest")
    site.open_counter()
    before = figures["events"]
    bar = Bar("publishing while ingest is away", burst)
    published = site.ask({"events": burst}, lambda told: bar.show(told["published"] - before))["published"]
    bar.end()
    figures["events"], figures["burst_events"] = published, published - before
    used = site.cpu_seconds()
    begun = site.start_service("ingest")
    bar = Bar("catching up", burst)
    done = site.ask({"await": PATIENCE_SECONDS}, lambda told: bar.show(told["acknowledged"] - before))
    bar.end()
    figures["cpu_seconds"]["burst"] = _used(used, site.cpu_seconds())
    drained = done["acknowledged"] - before
    figures["burst_drain_per_s"] = round(drained / max(0.001, done["last_ack_at"] - begun))
    # From the first message to the last, as it is measured for the subscriber that counts.
    with contextlib.closing(site.connect()) as conn:
        row = conn.execute(
            """
            SELECT extract(epoch FROM min(received_at)) FROM sensor_event WHERE received_at >= to_timestamp(%(begun)s)
            """,
            {"begun": begun},
        ).fetchone()
    if row is not None and row[0] is not None and drained:
        own_rate = drained / (done["last_ack_at"] - float(row[0]))
        counted = site.count(burst)
        figures["cpu_seconds"]["burst"]["counting subscriber"] = round(counted["cpu_seconds"], 2)
        figures["counting_subscriber_per_s"] = round(counted["counted"] / counted["seconds"])
        figures["ingest_own_per_s"] = round(own_rate)
        figures["ratio_to_counting_subscriber"] = round(own_rate * counted["seconds"] / counted["counted"], 2)


def _stop_ingest(site: Site, figures: dict[str, Any], phase: str) -> None:
    site.stop_service("ingest")
    seconds: dict[str, float] = defaultdict(float)  # of both transactions that go side by side
    for words in site.end_of_log("ingest").partition("; seconds: ")[2].split("; beside it: "):
        for stage in filter(None, words.split(", ")):
            seconds[stage.rpartition(" ")[0]] += float(stage.rpartition(" ")[2])
    figures["stages"][phase] = {stage: round(spent, 1) for stage, spent in seconds.items()}


def _note_peak(site: Site, figures: dict[str, Any]) -> None:
    peak = peak_megabytes(site.services["ingest"].pid)
    if peak is not None:
        figures["ingest_peak_mb"] = round(max(figures["ingest_peak_mb"], peak), 1)


def _used(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {name: round(seconds - before.get(name, 0.0), 2) for name, seconds in after.items()}


def table(figures: dict[str, Any]) -> list[str]:
    """The figures for people."""
    lines = [f"{figures['homes']:,} homes on {figures['broker']}; load of the machine before: "
             f"{figures['load_average_before']}"]  # fmt: skip
    if figures["events_per_s"] is not None:
        lines += [
            f"  live            {figures['events_per_s']:,} events/s for {figures['seconds']:,.0f} s",
            f"                  publish to commit: half within {figures['publish_to_commit_p50_s']} s, 99 % within "
            f"{figures['publish_to_commit_p99_s']} s, all within {figures['publish_to_commit_max_s']} s",
        ]
    if figures["burst_drain_per_s"] is not None:
        lines.append(f"  catching up     {figures['burst_drain_per_s']:,} events/s, the start of ingest included")
    if figures["ratio_to_counting_subscriber"] is not None:
        lines.append(
            f"  ingest itself   {figures['ingest_own_per_s']:,} events/s: {figures['ratio_to_counting_subscriber']} of "
            f"a subscriber that only counts ({figures['counting_subscriber_per_s']:,}/s)"
        )
        lines += [
            "                  (paho's own loop and answers; the same messages at QoS 1 from a queue of its own at the",
            "                  same broker, with all else idle; each from its first message to its last)",
        ]
    lines += [
        f"  lost, doubled   {figures['lost']}, {figures['doubled']} of {figures['events']:,}"
        + (f"; {figures['rejected']} messages rejected" if figures["rejected"] else ""),
        f"  memory          ingest at most {figures['ingest_peak_mb']} MB",
    ]
    for phase, used in figures["cpu_seconds"].items():
        events = figures[f"{phase}_events"] or 1
        lines.append(f"  processor, {phase}: " + ", ".join(
            f"{name} {seconds:.1f} s ({1e6 * seconds / events:.0f} µs an event)" for name, seconds in used.items()
        ))  # fmt: skip
    for phase, stages in figures["stages"].items():
        lines.append(f"  in ingest, {phase}, seconds: " + ", ".join(f"{name} {s}" for name, s in stages.items()))
    return lines


class Bar:
    """How far it is, on standard error if somebody looks."""

    def __init__(self, words: str, whole: int) -> None:
        self._words = words
        self._whole = max(1, whole)
        self._is_seen = sys.stderr.isatty()

    def show(self, done: int) -> None:
        """So many of the whole."""
        if self._is_seen:
            part = min(1.0, done / self._whole)
            print(f"\r{self._words:36} [{'#' * int(30 * part):30}] {part:4.0%}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """It is done."""
        if self._is_seen:
            self.show(self._whole)
            print(file=sys.stderr)

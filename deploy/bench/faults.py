"""`telecare bench faults`: what breaks, and what is stored all the same. Real parts, compared to the last reading.

Not a measure of speed, though it says how long recovery took: on a loaded machine everything takes longer and nothing
is lost.
"""

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from deploy.bench.brokers import NoBroker, mosquitto_program
from deploy.bench.fault_bridge import Bridge
from deploy.bench.fault_count import Key, count, key
from deploy.bench.fault_parts import BROKERS, NotBegun, Parts, usual_broker
from deploy.bench.fault_report import NoSection, Report, Row, table, with_section
from deploy.bench.fault_rows import FAULTS, SHORT, WHOLE, Fault
from deploy.bench.fault_stored import LOOK_SECONDS, Stored
from deploy.bench.fault_strikes import NotBroken, Run, Size
from simulators.story import SENSOR, Story
from simulators.telling_hubs import Telling, held, is_done, published, told_until

PATIENCE_SECONDS = 180.0  # for a recovery, and without another row at the end: then it is told as it is
_READINGS = 1_000_000
_HOMES = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much, on what."""
    names = [fault.name for fault in FAULTS]
    parser.add_argument("--readings", type=_positive, default=_READINGS, help="in all faults together")
    parser.add_argument("--homes", type=_positive, default=_HOMES, help="hubs that tell at the same time")
    parser.add_argument(
        "--broker", choices=BROKERS, help="default: mosquitto if it is installed, else the embedded nats"
    )
    parser.add_argument("--only", action="append", choices=names, help="this fault alone; may be given several times")
    parser.add_argument("--short", action="store_true", help="each fault once and briefly, as in the test suite")
    parser.add_argument("--folder", type=Path, help="keep logs and data there (default: a folder that goes away)")
    parser.add_argument("--json", action="store_true", help="one object instead of the table")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="also write the table into the marked section of this file"
    )


def run(arguments: argparse.Namespace) -> int:
    """0 only if every fault struck and nothing was lost or doubled."""
    began, load = time.monotonic(), os.getloadavg()[0]
    broker = arguments.broker or usual_broker()
    wanted = [fault for fault in FAULTS if not arguments.only or fault.name in arguments.only]
    faults = [fault for fault in wanted if fault.is_possible and broker in fault.brokers]
    for fault in wanted:
        if fault not in faults:
            _say(f"{fault.name}: cannot be done on this machine with {broker}")
    with contextlib.ExitStack() as stack:
        try:
            if arguments.markdown is not None:
                with_section(arguments.markdown)
            folder = _folder(arguments.folder, stack)
            with Parts(folder, broker=broker) as parts:
                rows = list(
                    tell_all(
                        parts,
                        faults,
                        readings=max(1, arguments.readings // max(1, len(faults))),
                        homes=arguments.homes,
                        size=SHORT if arguments.short else WHOLE,
                        say=_say,
                    )
                )
                database = f"PostgreSQL {parts.database_version()}"
        except (NoSection, FolderInUse) as exc:
            print(exc, file=sys.stderr)
            return 2
        except (NotBroken, NoBroker, NotBegun) as exc:
            print(exc, file=sys.stderr)
            return 1
    report = Report(
        rows=rows,
        broker=_version(broker),
        database=database,
        cores=os.cpu_count() or 0,
        load=(load, os.getloadavg()[0]),
        homes=arguments.homes,
        seconds=time.monotonic() - began,
    )
    if arguments.markdown is not None:
        arguments.markdown.write_text(with_section(arguments.markdown, report))
    print(json.dumps(report.as_json()) if arguments.json else f"{table(rows)}\n\n{report.words}")
    return 0 if report.is_good else 1


def tell_all(
    parts: Parts,
    faults: Sequence[Fault],
    *,
    readings: int,
    homes: int,
    size: Size,
    patience: float = PATIENCE_SECONDS,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Row]:
    """Each fault with so many readings of so many homes."""
    for number, fault in enumerate(faults, start=1):
        say(f"{number}/{len(faults)}  {fault.title(size)} …")
        row = _tell(parts, fault, number, readings=readings, homes=homes, size=size, patience=patience)
        say(f"{number}/{len(faults)}  {'  '.join(row.cells)}  ({row.seconds:.0f} s)")
        yield row


def _tell(parts: Parts, fault: Fault, number: int, *, readings: int, homes: int, size: Size, patience: float) -> Row:
    began = time.monotonic()
    disks = parts.folder / fault.name
    disks.mkdir()
    fault.prepare(parts, size)
    seconds = fault.seconds(size, ingest_starts_in=parts.ingest_starts_in)
    begins = parts.clock.now().timestamp() + 1.0
    codes = [f"F{number}H{home}" for home in range(min(homes, readings))]
    shares = [readings // len(codes) + (home < readings % len(codes)) for home in range(len(codes))]
    stories = {
        code: fault.story(begins, seconds, share, home)
        for home, (code, share) in enumerate(zip(codes, shares, strict=True))
    }
    username, password = parts.login()
    telling = Telling(
        homes={code: story.to_json() for code, story in stories.items()},
        folder=str(disks),
        host=parts.broker_host,
        port=parts.hub_network.port,
        username=username,
        password=password,
        patience_s=size.patience_s,
        no_network=[list(span) for span in fault.no_network(begins, seconds)],
    )
    with contextlib.ExitStack() as stack:
        stored = stack.enter_context(contextlib.closing(Stored(parts, codes)))
        bridge = stack.enter_context(contextlib.closing(Bridge(parts, f"F{number}Z"))) if fault.has_bridge else None
        running = Run(
            parts=parts,
            telling=telling,
            stories=stories,
            stored=stored,
            begins=begins,
            seconds=seconds,
            planned=fault.strikes(size),
            size=size,
            patience=patience,
            random=random.Random(number),
            bridge=bridge,
        )
        parts.start_hubs(telling)
        parts.sleep_until(begins)
        fault.script(running)
        running.hurry()
        if bridge is not None:
            bridge.stop()
        _wait_until_told(disks, stored, patience)
        parts.stop_hubs()
        counted = count(_happened(stories), stored.rows(), held=_not_acknowledged(disks, stories))
        strikes = running.strikes
        return Row(
            name=fault.name,
            fault=fault.title(size),
            counted=counted,
            wanted=fault.strikes(size) if size.all_flowing else min(1, fault.strikes(size)),
            under_way=[strike.under_way for strike in strikes],
            recover_s=[strike.recover_s for strike in strikes],
            published=published(disks),
            moment=fault.moment,
            bridged=bridge.result() if bridge is not None else None,
            notes=running.notes,
            seconds=time.monotonic() - began,
        )


def _wait_until_told(disks: Path, stored: Stored, patience: float) -> None:
    """Return when every hub has heard that everything is committed, or when nothing has moved for too long."""
    moved_at, before = time.monotonic(), stored.committed()
    while not is_done(disks) and time.monotonic() - moved_at < patience:
        time.sleep(2 * LOOK_SECONDS)
        committed = stored.committed()
        if committed != before:
            moved_at, before = time.monotonic(), committed


def _happened(stories: dict[str, Story]) -> list[Key]:
    return [
        key(code, SENSOR, reading.at, float(reading.value))
        for code, story in stories.items()
        for _, burst in story.bursts()
        for reading in burst
    ]


def _not_acknowledged(disks: Path, stories: dict[str, Story]) -> Iterator[Key]:
    """What the hubs still hold, and what they have not even recorded."""
    for code, story in stories.items():
        for sensor, at, value in held(disks, code):
            yield key(code, sensor, at, value)
        recorded = told_until(disks, code)
        for at, burst in story.bursts():
            if at > recorded:
                yield from (key(code, SENSOR, reading.at, float(reading.value)) for reading in burst)


class FolderInUse(Exception):
    """Somebody's files are there."""


def _folder(named: Path | None, stack: contextlib.ExitStack) -> Path:
    if named is None:
        made = tempfile.TemporaryDirectory(prefix="telecare-faults-", ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(made))
        folder.chmod(0o711)  # the database's own account walks into it
        return folder
    folder = named.absolute()
    if folder.exists() and any(folder.iterdir()):
        raise FolderInUse(f"{folder} is not empty: name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _version(broker: str) -> str:
    """The broker as it names itself."""
    program = mosquitto_program()
    if broker != "mosquitto" or program is None:
        return "NATS" if broker == "nats" else broker
    said = subprocess.run([program, "-h"], capture_output=True, text=True, timeout=10, check=False).stdout
    return (said.splitlines() or [broker])[0].replace("mosquitto version", "Mosquitto")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _positive(text: str) -> int:
    number = int(text) if text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return number

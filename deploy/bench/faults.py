"""`telecare bench faults`: what breaks, and what is stored all the same. Real parts, compared to the last reading.

Not a measure of speed, though it says how long recovery took: on a loaded machine everything takes longer and nothing
is lost.
"""

import argparse
import contextlib
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deploy.bench.brokers import NoBroker
from deploy.bench.fault_count import Count, Key, count, key
from deploy.bench.fault_parts import BROKERS, INGEST, Parts, usual_broker
from deploy.bench.fault_rows import FAULTS, SHORT, WHOLE, Fault, NotBroken, Run, Size
from deploy.bench.fault_stored import LOOK_SECONDS, Stored
from simulators.story import SENSOR, Story
from simulators.telling_hubs import Telling, held, is_done, told_until

PATIENCE_SECONDS = 180.0  # after a story's end, without another row: then it is given up and told as it is
_LONGEST_MOVING = 10.0  # seconds to wait for more to be stored, before breaking the next thing
_READINGS = 1_000_000
_HOMES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    name: str
    fault: str
    counted: Count
    recover_s: float | None  # from the end of the fault until what happened then was stored, of every home

    @property
    def is_good(self) -> bool:
        """Nothing lost, nothing doubled, nothing unfinished."""
        return self.counted.is_good


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


def run(arguments: argparse.Namespace) -> int:
    """0 only if nothing was lost or doubled."""
    faults = [fault for fault in FAULTS if not arguments.only or fault.name in arguments.only]
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        if arguments.folder is not None:
            folder = arguments.folder.absolute()
            if folder.exists() and any(folder.iterdir()):
                print(f"{folder} is not empty: name another folder", file=sys.stderr)
                return 2
            folder.mkdir(parents=True, exist_ok=True)
        else:
            made = tempfile.TemporaryDirectory(prefix="telecare-faults-", ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(made))
            folder.chmod(0o711)  # the database's own account walks into it
        rows: list[Row] = []
        try:
            for row in tell_all(
                folder,
                faults,
                readings=max(1, arguments.readings // len(faults)),
                homes=arguments.homes,
                broker=arguments.broker or usual_broker(),
                size=SHORT if arguments.short else WHOLE,
            ):
                rows.append(row)
                print(f"{len(rows)}/{len(faults)}  " + "  ".join(_cells(row)), file=sys.stderr, flush=True)
        except (NotBroken, NoBroker) as exc:
            print(exc, file=sys.stderr)
            return 1
    seconds = time.monotonic() - began
    if arguments.json:
        print(json.dumps(_as_json(rows, broker=arguments.broker or usual_broker(), seconds=seconds)))
    else:
        print(table(rows))
        print(f"\n{sum(row.counted.readings for row in rows):,} readings in {seconds:.0f} s")
    return 0 if all(row.is_good for row in rows) else 1


def tell_all(
    folder: Path,
    faults: Sequence[Fault],
    *,
    readings: int,
    homes: int,
    broker: str,
    size: Size,
    ingest: Sequence[str] = INGEST,
    patience: float = PATIENCE_SECONDS,
) -> Iterator[Row]:
    """Each fault with so many readings of so many homes. `ingest` is the command that stores them."""
    with Parts(folder, broker=broker, ingest=ingest) as parts:
        for number, fault in enumerate(faults):
            yield _tell(parts, folder, fault, number, readings=readings, homes=homes, size=size, patience=patience)


def _tell(
    parts: Parts, folder: Path, fault: Fault, number: int, *, readings: int, homes: int, size: Size, patience: float
) -> Row:
    codes = [f"F{number}H{home}" for home in range(min(homes, readings))]
    stored = Stored(parts, codes)
    disks = folder / fault.name
    disks.mkdir()
    seconds = fault.seconds(size)
    begins = parts.clock.now().timestamp() + 1.0
    shares = [readings // len(codes) + (home < readings % len(codes)) for home in range(len(codes))]
    stories = {code: fault.story(begins, seconds, share) for code, share in zip(codes, shares, strict=True)}
    username, password = parts.login()
    telling = Telling(
        homes={code: story.to_json() for code, story in stories.items()},
        folder=str(disks),
        host=parts.broker_host,
        port=parts.hub_network.port,
        username=username,
        password=password,
        no_network=[list(span) for span in fault.no_network(begins, seconds)],
    )
    parts.start_hubs(telling)
    _sleep_until(parts, begins)
    fault.script(
        Run(
            parts=parts,
            telling=telling,
            seconds=seconds,
            size=size,
            is_moving=lambda: stored.wait_for_more(_LONGEST_MOVING),
            random=random.Random(number),
        )
    )
    recover = stored.recovered(stories, patience)
    _wait_until_told(disks, stored, patience)
    parts.stop_hubs()
    happened = [
        key(code, SENSOR, reading.at, float(reading.value))
        for code, story in stories.items()
        for _, burst in story.bursts()
        for reading in burst
    ]
    counted = count(happened, stored.rows(), held=_not_acknowledged(disks, stories))
    return Row(name=fault.name, fault=fault.title(size), counted=counted, recover_s=recover)


def _wait_until_told(disks: Path, stored: Stored, patience: float) -> None:
    """Return when every hub has heard that everything is committed, or when nothing has moved for too long."""
    moved_at, before = time.monotonic(), stored.total()
    while not is_done(disks) and time.monotonic() - moved_at < patience:
        time.sleep(LOOK_SECONDS)
        total = stored.total()
        if total != before:
            moved_at, before = time.monotonic(), total


def _sleep_until(parts: Parts, instant: float) -> None:
    while (left := instant - parts.clock.now().timestamp()) > 0:
        time.sleep(min(left, 0.1))


def _not_acknowledged(disks: Path, stories: dict[str, Story]) -> Iterator[Key]:
    """What the hubs still hold, and what they have not even recorded."""
    for code, story in stories.items():
        for sensor, at, value in held(disks, code):
            yield key(code, sensor, at, value)
        recorded = told_until(disks, code)
        for at, burst in story.bursts():
            if at > recorded:
                yield from (key(code, SENSOR, reading.at, float(reading.value)) for reading in burst)


def table(rows: Sequence[Row]) -> str:
    """For people; it is Markdown too."""
    head = ("fault", "readings", "stored", "lost after hub acknowledgement", "doubled", "seconds to recover")
    cells = [head, tuple("---" for _ in head)] + [_cells(row) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    )


def _cells(row: Row) -> tuple[str, ...]:
    counted = row.counted
    return (
        row.fault,
        f"{counted.readings:,}",
        f"{counted.stored:,}" + (f" ({counted.unacknowledged:,} not acknowledged)" if counted.unacknowledged else ""),
        f"{counted.lost:,}",
        f"{counted.doubled + counted.unasked:,}",
        "–" if row.recover_s is None else f"{row.recover_s:.1f}",
    )


def _as_json(rows: Sequence[Row], *, broker: str, seconds: float) -> dict[str, Any]:
    return {
        "broker": broker,
        "seconds": round(seconds, 1),
        "readings": sum(row.counted.readings for row in rows),
        "lost": sum(row.counted.lost for row in rows),
        "doubled": sum(row.counted.doubled + row.counted.unasked for row in rows),
        "is_good": all(row.is_good for row in rows),
        "faults": [
            {"name": row.name, "fault": row.fault, "recover_s": row.recover_s, **asdict(row.counted)} for row in rows
        ],
    }


def _positive(text: str) -> int:
    number = int(text) if text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return number

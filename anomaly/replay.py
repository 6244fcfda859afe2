"""`telecare replay`: a recording through the same model as the service, without broker and database.

Nothing is written before everything is known: findings and state go to temporary files which then take their names.
"""

import argparse
import heapq
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from anomaly.home_model import HomeModel
from anomaly.open_finding import Finding
from anomaly.plan import plan_of_file
from anomaly.state import StateError
from store.deviation import Deviation
from store.finding import finding_json
from store.home_file import HomeFile, InputError, read_home_file
from store.recording import Row, has_hub_rows, read_recording
from store.whole_file import write_whole

_CHUNK = 20_000  # rows taken in before the clock is moved on
GOOD, BAD_INPUT = 0, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.description = "Run a recording through the routine model and print its findings, one JSON object a line."
    parser.add_argument(
        "recordings", nargs="+", type=Path, metavar="RECORDING", help="CSV with time,sensor,value; .gz too"
    )
    parser.add_argument("--home", required=True, type=Path, help="the home file (JSON)")
    parser.add_argument("--from", dest="from_at", metavar="T", help="leave out what happened before")
    parser.add_argument(
        "--until", dest="until_at", metavar="T", help="let the clock run until then, and leave out the rest"
    )
    parser.add_argument("--state-in", type=Path, metavar="FILE", help="go on from this state")
    parser.add_argument("--state-out", type=Path, metavar="FILE", help="keep the state at the end, to go on from")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where the findings go; else standard output")


def run(arguments: argparse.Namespace) -> int:
    """The exit code: 0 good, 2 bad input with file, line and reason on standard error."""
    try:
        home = read_home_file(arguments.home)
        start = _instant(arguments.from_at, "--from", home)
        end = _instant(arguments.until_at, "--until", home)
        if start is not None and end is not None and start >= end:
            raise InputError(Path("--from"), f"{arguments.from_at} is not before --until {arguments.until_at}")
        for path in (arguments.state_out, arguments.output):
            _may_be_written(path)
        model = _model(arguments.state_in, home, arguments.recordings)
        findings = replayed(model, read_recordings(arguments.recordings, home), start=start, end=end)
        lines = "".join(
            json.dumps(finding_json(finding, home.zone), ensure_ascii=False) + "\n" for finding in in_order(findings)
        )
        if arguments.state_out is not None:
            write_whole(arguments.state_out, model.to_bytes())
        if arguments.output is not None:
            write_whole(arguments.output, lines.encode())
        else:
            sys.stdout.write(lines)
    except InputError as exc:
        print(exc, file=sys.stderr)
        return BAD_INPUT
    return GOOD


def replayed(
    model: HomeModel, rows: Iterable[Row], *, start: datetime | None = None, end: datetime | None = None
) -> list[Finding]:
    """Every revision of every finding, as they were made. Rows in [start, end) count; the clock runs to `end`."""
    if model.fed_until is not None:
        fed = datetime.fromtimestamp(model.fed_until, UTC)
        start = fed if start is None else max(start, fed)
    findings: list[Finding] = []
    chunk: list[Row] = []
    last = None
    for row in rows:
        if end is not None and row.at >= end:
            break
        if start is not None and row.at < start:
            continue
        chunk.append(row)
        last = row.at
        if len(chunk) >= _CHUNK:
            model.feed(chunk)
            findings += model.advance(last)
            model.chances.clear()
            chunk.clear()
    model.feed(chunk)
    if end is None and last is not None:
        end = last + timedelta(minutes=1)
    if end is not None:
        findings += model.advance(end)
        model.fed_until = end.timestamp()
    return findings


def in_order(revisions: Iterable[Finding]) -> list[Finding]:
    """One of each finding and grade, alone and in its episode, with its end if known, in order of `raised_at`."""
    latest = {}
    ended = {}
    for finding in revisions:
        alone = finding.grade_alone if isinstance(finding, Deviation) else finding.grade
        latest[finding.id, finding.grade, alone] = finding
        if finding.ended_at is not None:
            ended[finding.id] = finding.ended_at
    known = [replace(finding, ended_at=ended.get(finding.id)) for finding in latest.values()]
    return sorted(known, key=lambda finding: (finding.raised_at, finding.started_at, str(finding.id)))


def read_recordings(paths: list[Path], home: HomeFile) -> Iterator[Row]:
    """The rows of all of them in order of time."""
    if len(paths) == 1:
        return read_recording(paths[0], home)
    return heapq.merge(*(read_recording(path, home) for path in paths), key=lambda row: row.at)


def _model(state_in: Path | None, home: HomeFile, recordings: list[Path]) -> HomeModel:
    plan = plan_of_file(home, always_observed=not any(has_hub_rows(path) for path in recordings))
    if state_in is None:
        return HomeModel(plan)
    try:
        state = state_in.read_bytes()
    except OSError as exc:
        raise InputError(state_in, f"cannot be read: {exc.strerror}") from exc
    if not state:
        raise InputError(state_in, "is empty: no state was kept there")
    try:
        return HomeModel(plan, state)
    except StateError as exc:
        raise InputError(state_in, str(exc)) from exc


def _instant(text: str | None, option: str, home: HomeFile) -> datetime | None:
    """ISO 8601, with an offset or as the home's civil time."""
    if text is None:
        return None
    try:
        given = datetime.fromisoformat(text)
        return (given if given.tzinfo else given.replace(tzinfo=home.zone)).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise InputError(Path(option), f"not a time: {text!r}") from exc


def _may_be_written(path: Path | None) -> None:
    """Said before the work is done, not after."""
    if path is not None and path.is_dir():
        raise InputError(path, "is a folder; a file is needed")
    if path is not None and not path.absolute().parent.is_dir():
        raise InputError(path, "there is no such folder to write it to")

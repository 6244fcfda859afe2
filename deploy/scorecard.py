"""`telecare scorecard`: how good the model is, on simulated homes and on recordings, beside simpler methods.

Each home is a job of its own, on as many cores as there are. What is measured stands in `anomaly.scorecard`.
"""

import argparse
import json
import math
import multiprocessing
import os
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from anomaly.scorecard.card import scorecard
from anomaly.scorecard.details import details
from anomaly.scorecard.homes import RecordedHome, read_recorded_home, recorded_homes
from anomaly.scorecard.readme import rewritten, section
from anomaly.scorecard.report import table
from anomaly.scorecard.trial import HomeResult, Trial, tried
from anomaly.scorecard.verdicts import aims
from deploy.evaluation_homes import simulated_home
from store.home_file import InputError, read_home_file
from store.whole_file import write_whole

GOOD, BAD_INPUT = 0, 2
SIMULATED = "simulated homes"
T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.description = (
        "Measure false alerts, delays and calibration on simulated homes and on recordings, beside simpler methods."
    )
    parser.add_argument(
        "folders", nargs="*", type=Path, metavar="FOLDER", help="also the recordings in it: NAME.home.json, NAME.csv.gz"
    )
    parser.add_argument("--homes", type=_whole, default=48, help="how many simulated ones; 0: none (default 48)")
    parser.add_argument("--days", type=_whole, default=133, help="of each simulated home (default 133)")
    parser.add_argument("--incidents", type=_whole, default=400, help="at least so many of each set (default 400)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same table (default 1)")
    parser.add_argument("--warm-up", type=_whole, default=28, metavar="DAYS", help="nothing counts before (default 28)")
    parser.add_argument("--without-gradual", action="store_true", help="leave out slow changes, which take longest")
    parser.add_argument("--jobs", type=_whole, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument(
        "--details", type=Path, metavar="FILE", help="write every false finding and every incident there, as JSON lines"
    )
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="draw pictures there, as PNG and SVG")
    parser.add_argument("--readme", type=Path, metavar="FILE", help="write the figures between its marks")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")


def _whole(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One home to be tried: a simulated one by its number, or a recorded one by its files."""

    set_name: str
    number: int
    days: int
    seed: int
    recorded: RecordedHome | None
    trial: Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What could not be read, and why: an `InputError` that can leave its process."""

    path: Path
    reason: str
    line: int | None


def done(job: Job) -> HomeResult | Refused:
    """Try it, in a process of its own."""
    if job.recorded is None:
        return tried(simulated_home(job.number, days=job.days, seed=job.seed), job.trial)
    try:
        return tried(read_recorded_home(job.recorded), job.trial)
    except InputError as exc:
        return Refused(path=exc.path, reason=exc.reason, line=exc.line)


def run(arguments: argparse.Namespace) -> int:
    """Exit codes: 0 good, 2 bad input with file and reason on standard error."""
    try:
        jobs = _jobs(arguments)
        if arguments.readme is not None:
            rewritten(arguments.readme, "")  # said before the work is done, not after
        for folder in (arguments.details and arguments.details.absolute().parent, arguments.plots):
            if folder is not None and folder.exists() and not folder.is_dir():
                raise InputError(folder, "is not a folder")
        results = _tried(jobs, processes=max(1, arguments.jobs))
        names = list(dict.fromkeys(job.set_name for job in jobs))
        cards = {
            name: scorecard([r for job, r in zip(jobs, results, strict=True) if job.set_name == name]) for name in names
        }
        _write(arguments, cards, results)
    except InputError as exc:
        print(exc, file=sys.stderr)
        return BAD_INPUT
    if arguments.json:
        judged = {name: {**card, "aims": [asdict(aim) for aim in aims(card)]} for name, card in cards.items()}
        print(json.dumps({"seed": arguments.seed, "sets": judged}, ensure_ascii=False))
    else:
        print("\n\n".join(table(name, card) for name, card in cards.items()))
    return GOOD


def _write(arguments: argparse.Namespace, cards: dict[str, dict[str, Any]], results: Sequence[HomeResult]) -> None:
    if arguments.details is not None:
        lines = "".join(line + "\n" for result in results for line in details(result))
        write_whole(arguments.details, lines.encode())
    if arguments.readme is not None:
        picture = None
        if arguments.plots is not None:
            here = arguments.readme.absolute().parent
            picture = Path(os.path.relpath(arguments.plots.absolute(), here), "scorecard-delay.png").as_posix()
        text = section(cards, _command(arguments), picture=picture)
        write_whole(arguments.readme, rewritten(arguments.readme, text).encode())
    if arguments.plots is not None:
        from anomaly.scorecard.pictures import draw  # the drawing library takes a second to import

        for number, (name, card) in enumerate(cards.items()):
            draw(card, name, arguments.plots, "scorecard" if not number else f"scorecard-{number}")


def _command(arguments: argparse.Namespace) -> str:
    """As somebody else would call it; folders by their name alone."""
    given = [folder.name for folder in arguments.folders]
    options = [f"--{name} {getattr(arguments, name)}" for name in ("homes", "days", "incidents", "seed")]
    return " ".join(["telecare scorecard", *given, *options])


def _jobs(arguments: argparse.Namespace) -> list[Job]:
    sets: list[tuple[str, list[RecordedHome | None]]] = []
    if arguments.homes:
        if arguments.days < 2:
            raise InputError(Path("--days"), f"{arguments.days} days are too few to learn and to judge")
        sets.append((SIMULATED, [None] * arguments.homes))
    sets += [(f"recordings in {folder.name or folder}", [*recorded_homes(folder)]) for folder in arguments.folders]
    for recorded in (each for _, homes in sets for each in homes if each is not None):
        read_home_file(recorded.home)  # what is wrong with one of them is said at once
    if not sets:
        raise InputError(Path("--homes"), "no simulated homes and no folder of recordings: nothing to measure")
    return [
        Job(
            set_name=name,
            number=number,
            days=arguments.days,
            seed=arguments.seed,
            recorded=recorded,
            trial=Trial(
                # one home in eight is a couple's and has none
                incidents=math.ceil(arguments.incidents / max(1, len(homes) - math.ceil(len(homes) / 8))),
                seed=arguments.seed,
                warm_up=timedelta(days=arguments.warm_up),
                gradual=not arguments.without_gradual,
            ),
        )
        for name, homes in sets
        for number, recorded in enumerate(homes)
    ]


def _tried(jobs: Sequence[Job], *, processes: int) -> list[HomeResult]:
    """In the order of the jobs. A counter on standard error says how far it is."""
    results: dict[int, HomeResult] = {}
    # Recordings first: what is wrong with one of them is said before the simulated homes are done.
    order = sorted(range(len(jobs)), key=lambda i: jobs[i].recorded is None)
    if processes == 1:
        for i in _counted(order, len(jobs)):
            results[i] = _accepted(done(jobs[i]))
    else:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(processes, len(jobs)), mp_context=context) as pool:
            waiting = {pool.submit(done, jobs[i]): i for i in order}
            try:
                for future in _counted(as_completed(waiting), len(jobs)):
                    results[waiting[future]] = _accepted(future.result())
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    return [results[i] for i in range(len(jobs))]


def _accepted(result: HomeResult | Refused) -> HomeResult:
    if isinstance(result, Refused):
        raise InputError(result.path, result.reason, line=result.line)
    return result


def _counted(each: Iterable[T], total: int) -> Iterable[T]:
    """The same, with a line that counts when somebody watches."""
    shown = sys.stderr.isatty()
    for number, one in enumerate(each, start=1):
        yield one
        if shown:
            print(f"\r{number} of {total} homes", end="" if number < total else "\n", file=sys.stderr, flush=True)

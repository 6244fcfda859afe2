"""`telecare prior`: estimate what is assumed of a home before anything is known of it, and write it down as data.

The homes come from `simulators.prior_homes`, which no evaluation uses. Recordings may be added, one or more left out
by name so that no home is judged with a prior it is in, or set beside the estimate for comparison. What ships in
`anomaly/prior_data.json` is from the generator alone; a file made with recordings says so, because their licences may
allow evaluation only.
"""

import argparse
import hashlib
import json
import math
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from anomaly import prior, prior_estimation, prior_quiets
from anomaly.plan import plan_of_file
from anomaly.prior_estimation import Estimate, estimate
from anomaly.prior_quiets import HomeQuiets, home_quiets
from simulators import prior_homes
from simulators.prior_homes import prior_home
from store.home_file import InputError, read_home_file
from store.recording import read_recording
from store.whole_file import write_whole

HOMES, DAYS, SEED = 48, 42, 2025
GOOD, BAD_INPUT = 0, 2
_CODE = (prior_homes, prior_quiets, prior_estimation)  # whose content decides the numbers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.description = "Estimate the population prior from generated homes and, if wanted, recordings; as JSON."
    parser.add_argument("--homes", type=_count, default=HOMES, help=f"generated homes; default {HOMES}")
    parser.add_argument("--days", type=_count, default=DAYS, help=f"days of each; default {DAYS}")
    parser.add_argument("--seed", type=int, default=SEED, help=f"default {SEED}")
    parser.add_argument("--date", type=_date, required=True, help="what the file says it was made on (YYYY-MM-DD)")
    parser.add_argument("--recordings", type=Path, metavar="DIR", help="add these: NAME.home.json and NAME.csv[.gz]")
    parser.add_argument(
        "--without", action="append", default=[], metavar="NAME", help="leave this recording out; may come again"
    )
    parser.add_argument("--compare", type=Path, metavar="DIR", help="print what these recordings say by themselves")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write it; else standard output")


def run(arguments: argparse.Namespace) -> int:
    """The exit code: 0 good, 2 bad input with the reason on standard error."""
    try:
        if arguments.output is not None and not arguments.output.absolute().parent.is_dir():
            raise InputError(arguments.output, "there is no such folder to write it to")
        if arguments.without and arguments.recordings is None:
            raise InputError(Path("--without"), "needs --recordings")
        recordings = {} if arguments.recordings is None else recorded(arguments.recordings)
        left_out = sorted(set(arguments.without) - set(recordings))
        if left_out:
            raise InputError(
                arguments.recordings, f"no recording {', '.join(left_out)}; there are {', '.join(recordings)}"
            )
        used = {name: quiets for name, quiets in recordings.items() if name not in arguments.without}
        homes = [*generated(arguments.homes, days=arguments.days, seed=arguments.seed), *used.values()]
        compared = {} if arguments.compare is None else recorded(arguments.compare)
        found = estimate(homes)
        text = as_json(found, provenance=_provenance(arguments, list(used)))
        if arguments.output is None:
            sys.stdout.write(text)
        else:
            write_whole(arguments.output, text.encode())
        if compared:
            _print_beside(found, compared)
    except (InputError, ValueError) as exc:
        print(exc, file=sys.stderr)
        return BAD_INPUT
    return GOOD


def generated(homes: int, *, days: int, seed: int) -> Iterator[HomeQuiets]:
    """The quiets of generated homes 0, 1, 2 …"""
    for number in range(homes):
        made = prior_home(number, days=days, seed=seed)
        yield home_quiets(plan_of_file(made.home, always_observed=True), made.rows)


def recorded(folder: Path) -> dict[str, HomeQuiets]:
    """The quiets of every recording of a folder by its name. Raises `InputError`."""
    if not folder.is_dir():
        raise InputError(folder, "no such folder")
    found: dict[str, HomeQuiets] = {}
    for file in sorted(folder.glob("*.home.json")):
        name = file.name.removesuffix(".home.json")
        rows = next((path for path in (folder / f"{name}.csv", folder / f"{name}.csv.gz") if path.exists()), None)
        if rows is None:
            raise InputError(file, f"there is no {name}.csv or {name}.csv.gz beside it")
        home = read_home_file(file)
        found[name] = home_quiets(plan_of_file(home, always_observed=True), read_recording(rows, home))
    if not found:
        raise InputError(folder, "holds no NAME.home.json")
    return found


def as_json(found: Estimate, *, provenance: dict[str, Any]) -> str:
    """The data file: numbers of four digits, so that two machines agree on them."""
    up = {"mean_minutes": _short(found.up_mean), "spread_minutes": _short(found.up_spread)}
    maximum = {
        "mu": _short(found.maximum_mu),
        "sigma": _short(found.maximum_sigma),
        "tenth_and_ninetieth_home_sigma": _list(np.array(found.home_sigmas)),
    }
    weekday, weekend, every = (_list(60.0 * rates) for rates in found.rates)
    numbers = {
        "format": prior.FORMAT,
        "provenance": provenance | {"quiets": found.quiets},
        "endings_per_hour": {"weekday": weekday, "weekend": weekend, "all": every},
        "age_edges_minutes": list(prior.AGE_EDGES_MINUTES),
        "speed_by_age": _list(found.by_age),
        "level_events": dict(zip(("age", "place", "cell"), map(_short, found.level_events), strict=True)),
        "multiplier": _list(found.multiplier),
        "multiplier_events": _short(found.cell_events),
        "multiplier_rests_on": _list(np.round(found.expected)),
        "daily_maximum": maximum,
        "up": up,
        "passages": _list(found.passages),
    }
    lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in numbers.items())
    return "{\n " + ",\n ".join(lines) + "\n}\n"


def code_hash() -> str:
    """Of the files whose content decides the numbers."""
    digest = hashlib.sha256()
    for module in _CODE:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:16]


def _provenance(arguments: argparse.Namespace, recordings: list[str]) -> dict[str, Any]:
    words = ["telecare", "prior", "--homes", arguments.homes, "--days", arguments.days, "--seed", arguments.seed]
    words += ["--date", arguments.date]
    said: dict[str, Any] = {
        "command": " ".join(map(str, words)),
        "date": str(arguments.date),
        "generator": "simulators.prior_homes",
        "code": code_hash(),
        "homes": arguments.homes,
        "home_days": arguments.homes * arguments.days,
        "recordings": recordings,
    }
    if recordings:
        said["licence"] = "made with recordings, whose licences may allow evaluation only: not to be shipped"
    return said


def _print_beside(found: Estimate, compared: dict[str, HomeQuiets]) -> None:
    """A line for the estimate and one for each recording, on standard error."""
    print(f"{'':20} night  day/h  m 5 min  m 1 h  m 3 h  max μ  max σ  up", file=sys.stderr)
    for name, each in (("generated", found), *((name, estimate([home])) for name, home in compared.items())):
        hours = 60.0 * each.rates[2].reshape(24, 4).mean(1)
        ages = f"{each.by_age[0]:7.2f}  {each.by_age[5]:5.2f}  {each.by_age[8]:5.2f}"
        up = f"{int(each.up_mean // 60):02d}:{int(each.up_mean % 60):02d}"
        print(
            f"{name:20} {hours[0:6].mean():5.2f}  {hours[9:20].mean():5.2f}  {ages}"
            f"  {each.maximum_mu:5.2f}  {each.maximum_sigma:5.2f}  {up}",
            file=sys.stderr,
        )


def _short(value: float) -> float:
    return float(f"{value:.4g}") if math.isfinite(value) else 0.0


def _list(values: "np.ndarray[Any, np.dtype[np.float64]]") -> Any:
    return _short(float(values)) if values.ndim == 0 else [_list(each) for each in values]


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 10_000:
        raise argparse.ArgumentTypeError(f"not between 1 and 10000: {text}")
    return value


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"not a date (YYYY-MM-DD): {text}") from exc

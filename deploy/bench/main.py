"""`telecare bench …`: which benchmarks there are. What each measures stands in its own module."""

import argparse
import importlib

# The module whose `add_arguments(parser)` declares and `run(arguments) -> int` does each. `--json` prints one object.
BENCHES = {
    "faults": ("deploy.bench.faults", "what breaks, and that nothing is lost or doubled: a million readings"),
    "ingest": ("deploy.bench.ingest", "events a second from the broker into the database, and where the time goes"),
    "model": ("deploy.bench.model", "what the routine model costs for a home and for a hundred thousand"),
    "store": ("deploy.bench.store", "how long a chart's questions take among many millions of events"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The benchmarks as sub-commands."""
    benches = parser.add_subparsers(dest="bench", required=True, metavar="BENCH")
    for name, (module, duty) in BENCHES.items():
        bench = benches.add_parser(name, help=duty, description=duty[0].upper() + duty[1:] + ".")
        importlib.import_module(module).add_arguments(bench)


def run(arguments: argparse.Namespace) -> int:
    """Run one benchmark. Exit codes: 0 it ran and nothing was lost or doubled, 2 bad input, 1 anything else."""
    return int(importlib.import_module(BENCHES[arguments.bench][0]).run(arguments))

"""The `telecare` command: one sub-command per duty. Each says in `--help` what it is for."""

import argparse
import importlib
import logging
import signal
import sys
import threading
from collections.abc import Sequence

from deploy import administration
from deploy.schema import fits
from store.clock import make_clock
from store.database import DatabaseSettings

LOG_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"

# The long-running duties and the module whose `run(clock=…, stop=…)` does each. Imported only when asked for,
# so that `telecare replay` does not pay for the web pages' start. Those of `WITH_OPTIONS` have `add_arguments(parser)`
# too, are given `arguments=…` and return the exit code.
SERVICES = {
    "ingest": ("ingest.main", "take what homes send from the broker into the database"),
    "anomaly": ("anomaly.main", "learn routines, find deviations and faults"),
    "alerts": ("alerts.main", "open alerts and tell people until one takes them on"),
    "api": ("api.main", "serve the pages, the JSON interface and the provider's webhooks"),
    "world": ("simulators.world", "pretend homes: residents, sensors and hubs (demo and tests only)"),
    "phone": ("simulators.phone.main", "pretend phone network that speaks Twilio's interface (demo and tests only)"),
}

WITH_OPTIONS = ("ingest", "anomaly")

# What does not work for real homes, and brings no expectation of the schema.
PRETEND = {"world", "phone"}

# Seconds after which a service begins although no database has answered: the pages must say that it is away.
PATIENCE = {"api": 10.0}

# The other duties and the module whose `add_arguments(parser)` declares and `run(arguments) -> int` does each; imported
# only when asked for. What an administrator does (`migrate`, `home`, `staff`) stands in `deploy.administration`.
COMMANDS = {
    "demo": ("deploy.demo", "the whole service on this machine, with pretend homes and phones"),
    "hub": ("ingest.hub.main", "the hub in a home: keeps what its sensors say until the service has it"),
    "health": ("deploy.health", "say whether a service works, for whatever watches processes"),
    "backup": ("deploy.backup", "write the embedded stack's database and settings to one file"),
    "restore": ("deploy.restore", "put such a file back in the place of a data directory"),
    "restored": ("deploy.restored", "tell the service that its database was put back to an earlier time"),
    "replay": ("anomaly.replay", "run a recording through the model, without broker or database"),
    "scorecard": ("deploy.scorecard", "measure false alerts, delays and calibration beside simpler methods"),
    "prior": ("deploy.prior", "estimate what is assumed of a home of which nothing is known yet"),
    "bench": ("deploy.bench.main", "measure how much this machine carries, and where the time goes"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command. Exit codes: 0 good, 2 bad input (with the reason on standard error), 1 anything else."""
    given = list(sys.argv[1:] if argv is None else argv)
    arguments = parser_of(given).parse_args(given)
    level = arguments.log_level or ("info" if arguments.command in SERVICES else "warning")
    logging.basicConfig(level=level.upper(), format=LOG_FORMAT, stream=sys.stderr)
    if arguments.command in SERVICES:
        return _serve(arguments)
    if arguments.command in COMMANDS:
        return int(importlib.import_module(COMMANDS[arguments.command][0]).run(arguments))
    return administration.run(arguments)


def _serve(arguments: argparse.Namespace) -> int:
    """Run a service until SIGTERM or Ctrl-C."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if arguments.command not in PRETEND and not fits(
        DatabaseSettings(), stop=stop, patience=PATIENCE.get(arguments.command)
    ):
        return 1
    module = importlib.import_module(SERVICES[arguments.command][0])
    if arguments.command in WITH_OPTIONS:
        return int(module.run(clock=make_clock(), stop=stop, arguments=arguments))
    module.run(clock=make_clock(), stop=stop)
    return 0


def parser_of(given: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of a command line that has these words: only what they name is imported."""
    parser = argparse.ArgumentParser(
        prog="telecare",
        description="Learns the everyday routine of people who live alone and tells care staff early when something "
        "may be wrong.",
    )
    parser.add_argument(
        "--log-level",
        choices=["debug", "info", "warning", "error"],
        help="default: info for the services, warning for the rest",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, duty) in SERVICES.items():
        service = commands.add_parser(
            name, help=duty, description=f"Run one process that will {duty}. Settings: environment."
        )
        if name in WITH_OPTIONS and name in given:
            importlib.import_module(module).add_arguments(service)
    for name, (module, duty) in COMMANDS.items():
        command = commands.add_parser(name, help=duty)
        if name in given:
            importlib.import_module(module).add_arguments(command)
    administration.add_commands(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())

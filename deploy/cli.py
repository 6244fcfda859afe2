"""The `telecare` command: one sub-command per duty. Each says in `--help` what it is for."""

import argparse
import importlib
import logging
import signal
import sys
import threading
from collections.abc import Sequence

from deploy import administration
from store.clock import make_clock

LOG_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"

# The long-running duties and the module whose `run(clock=…, stop=…)` does each. Imported only when asked for,
# so that `telecare replay` does not pay for the web pages' start.
SERVICES = {
    "ingest": ("ingest.main", "take what homes send from the broker into the database"),
    "anomaly": ("anomaly.main", "learn routines, find deviations and faults"),
    "alerts": ("alerts.main", "open alerts and tell people until one takes them on"),
    "api": ("api.main", "serve the pages, the JSON interface and the provider's webhooks"),
    "world": ("simulators.world", "pretend homes: residents, sensors and hubs (demo and tests only)"),
    "phone": ("simulators.phone.main", "pretend phone network that speaks Twilio's interface (demo and tests only)"),
}

# The other duties and the module whose `add_arguments(parser)` declares and `run(arguments) -> int` does each; imported
# only when asked for. What an administrator does (`migrate`, `home`, `staff`) stands in `deploy.administration`.
COMMANDS = {
    "demo": ("deploy.demo", "the whole service on this machine, with pretend homes and phones"),
    "replay": ("anomaly.replay", "run a recording through the model, without broker or database"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command. Exit codes: 0 good, 2 bad input (with the reason on standard error), 1 anything else."""
    given = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser(given).parse_args(given)
    level = arguments.log_level or ("info" if arguments.command in SERVICES else "warning")
    logging.basicConfig(level=level.upper(), format=LOG_FORMAT, stream=sys.stderr)
    if arguments.command in SERVICES:
        return _serve(SERVICES[arguments.command][0])
    if arguments.command in COMMANDS:
        return int(importlib.import_module(COMMANDS[arguments.command][0]).run(arguments))
    return administration.run(arguments)


def _serve(module: str) -> int:
    """Run a service until SIGTERM or Ctrl-C."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    importlib.import_module(module).run(clock=make_clock(), stop=stop)
    return 0


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
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
    for name, (_, duty) in SERVICES.items():
        commands.add_parser(name, help=duty, description=f"Run one process that will {duty}. Settings: environment.")
    for name, (module, duty) in COMMANDS.items():
        command = commands.add_parser(name, help=duty)
        if name in given:
            importlib.import_module(module).add_arguments(command)
    administration.add_commands(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""`telecare health SERVICE`: whether one of our services works, for what watches processes: Compose, systemd, cron.

A process that merely lives proves nothing: each service writes down when it finished a round of its work, and that is
what is asked for here. Not a look at the service from outside: that is `/healthz` of the pages.
"""

import argparse
import contextlib
import sys
from datetime import timedelta

import psycopg

from store.clock import make_clock
from store.database import DatabaseSettings
from store.oversight import services_seen
from store.partition import ALL, partitions_argument, worker_name

SERVICES = ("ingest", "anomaly", "alerts", "api")
CONNECT_SECONDS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument(
        "--partitions", type=partitions_argument, default=ALL, help="those the worker was started with, such as 00-31"
    )
    parser.add_argument(
        "--within", type=float, default=60.0, metavar="SECONDS", help="how long ago it may have worked (default 60)"
    )


def run(arguments: argparse.Namespace) -> int:
    """0 if it has worked lately, 1 with the reason if not."""
    name = worker_name(arguments.service, arguments.partitions)
    clock = make_clock()
    try:
        with contextlib.closing(
            psycopg.connect(DatabaseSettings().database_url, autocommit=True, connect_timeout=CONNECT_SECONDS)
        ) as conn:
            found = {seen.service: seen for seen in services_seen(conn)}.get(name)
    except psycopg.Error as exc:
        print(f"{name}: the database does not answer: {exc}", file=sys.stderr)
        return 1
    if found is None:
        print(f"{name} has never reported", file=sys.stderr)
        return 1
    ago = clock.now() - found.seen_at
    if ago > clock.stretch(timedelta(seconds=arguments.within)):
        print(f"{name} finished its last round {ago.total_seconds():.0f} s ago", file=sys.stderr)
        return 1
    print(f"{name} works{': ' + found.note if found.note else ''}")
    return 0

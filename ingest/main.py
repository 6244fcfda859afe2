"""Ingest as a process: reads its settings, wires its parts, runs until told to stop."""

import argparse
import contextlib
import gc
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta

from ingest.handover import division_fault, hand_over
from ingest.housekeeping import Housekeeping
from ingest.settings import BrokerSettings, IntakeSettings
from ingest.sole_worker import SoleWorker
from ingest.subscriber import Subscriber
from ingest.told import TimeLimits
from ingest.wire import topic_filters
from ingest.worker import Worker
from ingest.writer import Writer
from store.clock import Clock
from store.database import DatabaseSettings, Pool, open_pool
from store.partition import partitions_argument
from store.retention import KeepSettings

# Objects more than before, after which Python looks for those that hold each other. Nothing here does that by the
# thousand, and a batch makes some ten thousand objects that all go with it: by default Python walks through everything
# that waits again and again. Measured: a third of ingest's processor time.
_COLLECT_AFTER = (100_000, 50, 100)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `telecare ingest`."""
    parser.add_argument(
        "--partitions",
        type=partitions_argument,
        metavar="00-31",
        help="which partitions of homes this worker takes (default: TELECARE_PARTITIONS, or all of them); a second "
        "worker with the same ones stands by and takes over when the first is gone",
    )
    parser.add_argument(
        "--drain",
        action="append",
        type=partitions_argument,
        metavar="00-63",
        help="instead of serving: store what still waits in the session of the worker that had these partitions, then "
        "remove that session; the worker must have been stopped; may be given several times",
    )
    parser.add_argument(
        "--into",
        action="append",
        type=partitions_argument,
        metavar="00-31",
        help="with --drain: the new division, one option for each new worker; their sessions are made before the old "
        "ones are removed, so that nothing is lost between",
    )


def run(*, clock: Clock, stop: threading.Event, arguments: argparse.Namespace | None = None) -> int:
    """Take what the homes send and store it, until `stop` is set; or hand partitions over. The exit code."""
    broker, intake, database = BrokerSettings(), IntakeSettings(), DatabaseSettings()
    sources = arguments.drain if arguments is not None and arguments.drain else []
    targets = arguments.into if arguments is not None and arguments.into else []
    if arguments is not None and arguments.partitions is not None:
        broker = broker.with_partitions(arguments.partitions)
    fault = division_fault(sources, targets)
    if fault is not None:
        print(fault, file=sys.stderr)
        return 2
    limits = TimeLimits(
        oldest=timedelta(days=intake.oldest_days),
        ahead=timedelta(minutes=intake.ahead_minutes),
    )
    with collecting_seldom(), contextlib.closing(open_pool(database, size=4)) as pool:
        writer = Writer(pool, clock=clock, limits=limits)
        if sources:
            return hand_over(
                broker,
                sources=sources,
                targets=targets,
                writer=writer,
                pool=pool,
                database=database,
                clock=clock,
                stop=stop,
            )
        housekeeping = Housekeeping(
            pool, clock=clock, keep=KeepSettings(), keep_boots=timedelta(days=intake.keep_boots_days)
        )
        serve(broker, writer, pool, database, clock=clock, stop=stop, housekeeping=housekeeping)
    return 0


@contextlib.contextmanager
def collecting_seldom() -> Iterator[None]:
    """Python's search for objects that hold each other: seldom, and not through what is there already."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def serve(
    broker: BrokerSettings,
    writer: Writer,
    pool: Pool,
    database: DatabaseSettings,
    *,
    clock: Clock,
    stop: threading.Event,
    housekeeping: Housekeeping | None = None,
) -> None:
    """Serve the partitions of these settings whenever they are ours, until `stop` is set."""
    partitions = broker.own_partitions
    with contextlib.closing(SoleWorker(database, partitions)) as sole:
        while sole.wait(stop):
            with (
                contextlib.closing(Subscriber(broker, topic_filters(partitions), clock=clock)) as subscriber,
                sole.until_lost(stop) as over,
            ):
                worker = Worker(subscriber, writer, pool, clock=clock, partitions=partitions, housekeeping=housekeeping)
                worker.run(over)

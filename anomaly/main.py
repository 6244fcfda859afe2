"""The anomaly service: `telecare anomaly`."""

import argparse
import contextlib
import logging
import threading
from datetime import timedelta

import psycopg

from anomaly.governing import Governing
from anomaly.settings import WatchSettings
from anomaly.shares import Shares
from anomaly.worker import Worker
from store.clock import Clock
from store.database import DatabaseSettings, open_pool
from store.partition import partitions_argument
from store.wakeup import Channel, Listener

_POLL_REAL = timedelta(seconds=1)  # between rounds, if nobody wakes us
_BREATH_REAL = 0.2  # seconds between rounds, however often we are woken

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `telecare anomaly`."""
    parser.add_argument(
        "--partitions",
        type=partitions_argument,
        metavar="00-31",
        help="which partitions of homes this worker watches (default: TELECARE_PARTITIONS, or all of them); a second "
        "worker with the same ones stands by and takes over when the first is gone",
    )
    parser.add_argument(
        "--standby",
        type=partitions_argument,
        metavar="32-63",
        help="partitions to watch as well while their own worker is gone; given back when it is there again "
        "(default: TELECARE_STANDBY_PARTITIONS, or none)",
    )


def run(*, clock: Clock, stop: threading.Event, arguments: argparse.Namespace | None = None) -> int:
    """Watch homes until `stop` is set; returns within a few seconds then. The exit code."""
    settings = WatchSettings()
    own, standby = settings.own, settings.standby
    if arguments is not None and arguments.partitions is not None:
        own = arguments.partitions
    if arguments is not None and arguments.standby is not None:
        standby = arguments.standby
    watch(DatabaseSettings(), own=own, standby=standby, clock=clock, stop=stop)
    return 0


def watch(
    database: DatabaseSettings,
    *,
    own: frozenset[int],
    standby: frozenset[int],
    clock: Clock,
    stop: threading.Event,
) -> None:
    """Watch the homes of these partitions until told to stop. Survives the database."""
    with (
        contextlib.closing(Listener(database, Channel.INTAKE, Channel.DESCRIPTION)) as listener,
        contextlib.closing(Shares(database, own=own, standby=standby)) as shares,
        open_pool(database, size=2) as pool,
    ):
        worker = Worker(pool, clock=clock, own=own)
        governing = Governing(pool, clock=clock)
        while not stop.is_set():
            more = False
            try:
                worker.watch_only(shares.look())
                more = worker.step()
                worker.note_seen()
                governing.step()
            except psycopg.OperationalError as exc:
                log.warning("no database just now: %s", exc)
                stop.wait(_POLL_REAL.total_seconds())
            if not more:
                for channel, payload in listener.wait(_POLL_REAL, sleep=lambda seconds: _wait(stop, seconds)):
                    if channel is Channel.DESCRIPTION:
                        worker.hear(payload)
                stop.wait(_BREATH_REAL)


def _wait(stop: threading.Event, seconds: float) -> None:
    stop.wait(seconds)

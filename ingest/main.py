"""Ingest as a process: reads its settings, wires its parts, runs until told to stop."""

import contextlib
import threading
from datetime import timedelta

from ingest.settings import BrokerSettings, IntakeSettings
from ingest.subscriber import Subscriber
from ingest.told import TimeLimits
from ingest.wire import parse_partitions, topic_filters
from ingest.worker import Worker
from ingest.writer import Writer
from store.clock import Clock
from store.database import DatabaseSettings, open_pool


def run(*, clock: Clock, stop: threading.Event) -> None:
    """Take what the homes send and store it, until `stop` is set."""
    broker, intake = BrokerSettings(), IntakeSettings()
    limits = TimeLimits(
        oldest=timedelta(days=intake.oldest_days),
        ahead=timedelta(minutes=intake.ahead_minutes),
    )
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(contextlib.closing(open_pool(DatabaseSettings(), size=2)))
        filters = topic_filters(parse_partitions(broker.partitions))
        subscriber = stack.enter_context(contextlib.closing(Subscriber(broker, filters, clock=clock)))
        writer = Writer(pool, clock=clock, limits=limits)
        Worker(subscriber, writer, pool, clock=clock).run(stop)

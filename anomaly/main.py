"""The anomaly service: `telecare anomaly`."""

import threading

from anomaly.worker import watch
from store.clock import Clock
from store.database import DatabaseSettings


def run(*, clock: Clock, stop: threading.Event) -> None:
    """Watch every home until `stop` is set; returns within a few seconds then."""
    watch(DatabaseSettings(), clock=clock, stop=stop)

"""Ingest with a defect on purpose, as a process: to show that `telecare bench faults` would see it.

python -m tests.journey.spoilt_ingest forgetful     has acknowledged what then is not in the database
python -m tests.journey.spoilt_ingest repetitive    has written a reading a second time
python -m tests.journey.spoilt_ingest hasty         acknowledges before it stores, which matters only if it is killed
"""

import json
import signal
import sys
import threading
from collections.abc import Sequence
from typing import LiteralString

from ingest.arrival import Arrival
from ingest.batch import AckDue
from ingest.main import serve
from ingest.settings import BrokerSettings
from ingest.told import TimeLimits
from ingest.writer import Writer
from store.clock import Clock, make_clock
from store.database import DatabaseSettings, Pool, open_pool

SPOILT: dict[str, LiteralString] = {
    # What acknowledging before the commit comes to when the commit then fails.
    "forgetful": """
        DELETE FROM sensor_event
         WHERE (home_id, number) IN (SELECT home_id, number FROM sensor_event
                                      ORDER BY received_at DESC, number DESC LIMIT 1)
        """,
    "repetitive": """
        INSERT INTO sensor_event (home_id, sensor_id, occurred_at, received_at, number, value, hub_at)
        SELECT home_id, sensor_id, occurred_at, received_at, number + 1000000, value, hub_at
          FROM sensor_event
         ORDER BY received_at DESC, number DESC LIMIT 1
        """,
}


class SpoiltWriter(Writer):
    """Spoils every batch after it was stored, before its hubs are answered."""

    spoil: LiteralString = ""

    def write(self, arrivals: Sequence[Arrival]) -> list[AckDue]:
        """As if nothing were wrong."""
        acks = super().write(arrivals)
        with self._pool.connection() as conn:
            conn.execute(self.spoil)
        return acks


class HastyWriter(Writer):
    """Stores each batch when the next one comes, and acknowledges it at once."""

    _held: Sequence[Arrival] = ()

    def write(self, arrivals: Sequence[Arrival]) -> list[AckDue]:
        """As if it were stored."""
        held, self._held = self._held, arrivals
        super().write(held)
        acks: dict[tuple[str, str], int] = {}
        for arrival in arrivals:
            _, _, code, dialect, rest = arrival.topic.split("/", 4)
            if (dialect, rest) == ("native", "events"):
                told = json.loads(arrival.payload)
                for one in told if isinstance(told, list) else [told]:
                    acks[code, one["boot"]] = max(one["seq"], acks.get((code, one["boot"]), 0))
        return [AckDue(home_code=code, boot=boot, seq=seq) for (code, boot), seq in acks.items()]


def spoilt(defect: str, pool: Pool, clock: Clock) -> Writer:
    """The writer with this defect."""
    if defect == "hasty":
        return HastyWriter(pool, clock=clock, limits=TimeLimits())
    writer = SpoiltWriter(pool, clock=clock, limits=TimeLimits())
    writer.spoil = SPOILT[defect]
    return writer


def main() -> None:
    """Serve until SIGTERM."""
    stop, clock, database = threading.Event(), make_clock(), DatabaseSettings()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with open_pool(database, size=2) as pool:
        serve(BrokerSettings(), spoilt(sys.argv[1], pool, clock), pool, database, clock=clock, stop=stop)


if __name__ == "__main__":
    main()

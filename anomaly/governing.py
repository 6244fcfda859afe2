"""Once a day the fleet's governor decides, for every organisation, whichever worker comes to it first.

Any number of workers may ask: a lock lets one in, a row for the day keeps it from being decided twice, and both are one
transaction, so that a crash leaves either the day before or this one. Days that nobody was there for are made up for.
"""

import logging
import time
from datetime import UTC, date, datetime, timedelta

import psycopg

from anomaly.fleet_governor import LAG_DAYS, Reason, decide
from store.clock import Clock
from store.database import Conn, Pool
from store.governor import GovernorDay, fleet_day, keep_day, last_days, may_govern

log = logging.getLogger(__name__)

_LOOK_REAL = 60.0  # seconds between looks whether a day is due
_AT_MOST = 30  # days made up for; older ones are left out
_DAY = timedelta(days=1)


class Governing:
    """Asks now and then whether a day is due."""

    def __init__(self, pool: Pool, *, clock: Clock) -> None:
        self._pool, self._clock = pool, clock
        self._looked = float("-inf")

    def step(self) -> bool:
        """Decide about the days that are due, once a minute at most. True if there was one.

        Raises psycopg.OperationalError; any other failure is logged, for the homes must be watched all the same.
        """
        if time.monotonic() - self._looked < _LOOK_REAL:
            return False
        self._looked = time.monotonic()
        try:
            with self._pool.connection() as conn:
                return govern(conn, now=self._clock.now()) > 0
        except psycopg.OperationalError:
            raise
        except Exception:
            log.exception("the governor of false alerts failed; it is tried again")
            return False


def govern(conn: Conn, *, now: datetime) -> int:
    """Decide about every day that is due, in this transaction. How many were decided."""
    if not may_govern(conn):
        return 0
    due = now.astimezone(UTC).date() - LAG_DAYS * _DAY
    return sum(
        _catch_up(conn, organisation_id, last, due, now=now) for organisation_id, last in last_days(conn).items()
    )


def _catch_up(conn: Conn, organisation_id: int, last: tuple[date, float] | None, due: date, *, now: datetime) -> int:
    """An organisation's first decision is about one day: what was before it was another model's, or nobody's."""
    day, nats = (due, 0.0) if last is None else (max(last[0] + _DAY, due - (_AT_MOST - 1) * _DAY), last[1])
    decided = 0
    while day <= due:
        seen = fleet_day(conn, organisation_id, day)
        decision = decide(nats, seen)
        kept = GovernorDay(
            organisation_id=organisation_id, day=day, homes=seen.homes, home_days=seen.home_days, alerts=seen.alerts,
            promised=seen.promised, nats=decision.nats, reason=decision.reason, decided_at=now,
        )  # fmt: skip
        decided += keep_day(conn, kept)
        if decision.reason in (Reason.AT_HIGHEST, Reason.AT_LOWEST):
            log.warning(
                "organisation %d: the governor of false alerts is at its end (%s, %.2f nats)", organisation_id,
                decision.reason, decision.nats,
            )  # fmt: skip
        nats = decision.nats
        day += _DAY
    return decided

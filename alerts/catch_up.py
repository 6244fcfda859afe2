"""After a restore: fetches what people texted since the backup was taken from the provider's list of messages.

A reply that came meanwhile is nowhere else: who answered "1" would be asked again, and who said STOP written to. What
is fetched goes the way of any reply (`store.inbound`, `alerts.answers`), and once only: each has the provider's id. The
list is read again some minutes later, because until the pages are up a reply finds nobody to take it.

Not here: texts of ours that went out meanwhile; `alerts.sender` looks for each before it is sent.
"""

import logging
from datetime import datetime, timedelta

from alerts.gateway import ReceivedMessage, SendFailed, SmsGateway
from store.clock import Clock
from store.database import Pool
from store.inbound import keep_inbound
from store.restored import answers_unread_since, mark_answers_read

log = logging.getLogger(__name__)

# Our clock and the provider's need not agree; what is known already is passed over.
MARGIN = timedelta(hours=1)

# Real time.
LOOK_EVERY = timedelta(seconds=10)  # whether somebody has restored: a service is stopped for that, as a rule
AGAIN_AFTER = timedelta(minutes=10)  # a second reading, when all services are up again
TRY_AGAIN_AFTER = timedelta(seconds=30)


class CatchUp:
    """Reads the list twice after each restore."""

    def __init__(self, pool: Pool, gateway: SmsGateway, clock: Clock) -> None:
        self._pool = pool
        self._gateway = gateway
        self._clock = clock
        self._due_at: datetime | None = None  # the service's time
        self._first_read_at: datetime | None = None

    def step(self) -> bool:
        """Read the list if that is due; true if there was a reply that we did not have."""
        now = self._clock.now()
        if self._due_at is not None and now < self._due_at:
            return False
        self._due_at = now + self._clock.stretch(LOOK_EVERY)
        with self._pool.connection() as conn:
            since = answers_unread_since(conn)
        if since is None:
            self._first_read_at = None
            return False
        try:
            found = self._gateway.received_since(since - self._clock.stretch(MARGIN))
        except SendFailed as exc:
            log.warning("what people texted since the backup cannot be read yet: %s", exc)
            self._due_at = now + self._clock.stretch(TRY_AGAIN_AFTER)
            return False
        fresh = self._keep(found)
        if self._first_read_at is None:
            self._first_read_at = now
            log.info("after a restore: %d texts came since the backup, %d of them new to us", len(found), fresh)
        if now - self._first_read_at >= self._clock.stretch(AGAIN_AFTER):
            with self._pool.connection() as conn:
                mark_answers_read(conn, now=self._clock.now())
            self._first_read_at = None
        else:
            self._due_at = self._first_read_at + self._clock.stretch(AGAIN_AFTER)
        return fresh > 0

    def _keep(self, found: list[ReceivedMessage]) -> int:
        with self._pool.connection() as conn:
            return sum(
                keep_inbound(conn, provider_id=it.provider_id, phone=it.phone, body=it.body, now=it.received_at)
                for it in sorted(found, key=lambda it: (it.received_at, it.provider_id))
            )

"""The alerts worker's steps: each does some work and says whether there was any. The loops stand in `main`.

One finding, reply, receipt or alert that cannot be dealt with is logged, postponed, and never stops the others.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

import psycopg

from alerts.answers import Done, handle_reply, names_an_alert
from alerts.cases import Cases, LostRace
from alerts.letterhead import Letterhead
from alerts.policy import Decision
from alerts.receipts import apply_callback
from store.clock import Clock
from store.database import Conn, Pool
from store.deviation import Deviation, undecided_deviations
from store.fault import Fault, undecided_faults
from store.inbound import (
    InboundMessage,
    ProviderCallback,
    lock_callback,
    lock_message,
    waiting_callbacks,
    waiting_messages,
)
from store.ladder import drop_news, postpone_due_alert
from store.restored import Restore, has_unsettled_texts, last_restore
from store.watching import release_from_shadow

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH = 50  # in one transaction; small, so that a crash repeats little
TRY_AGAIN_AFTER = timedelta(seconds=30)  # real time, for what failed because of itself
LOOKED_FOR_WITHIN = timedelta(minutes=3)  # real time; then texts of before a restore are known, or the provider is away
KEEP_STRAY_RECEIPTS_FOR = timedelta(minutes=2)  # real time


class Worker:
    """Everything but the sending. Any number of these may work at once: rows are claimed with SKIP LOCKED."""

    def __init__(self, pool: Pool, clock: Clock, *, letterhead: Letterhead, cases: Cases) -> None:
        self._pool = pool
        self._clock = clock
        self._letterhead = letterhead
        self._cases = cases
        self._postponed: dict[object, datetime] = {}
        self._early: dict[str, datetime] = {}  # answers to what we do not know yet to have sent, and since when

    def step(self) -> bool:
        """One round of all duties, answers first: they may make the rest unnecessary. True if there was work."""
        duties: tuple[Callable[[], bool], ...] = (
            self.handle_replies,
            self.apply_callbacks,
            self.decide_faults,
            self.release_from_shadow,
            self.decide_deviations,
            self.advance_one,
            self.tell_news,
        )
        worked = False
        for duty in duties:
            worked = duty() or worked
        return worked

    def handle_replies(self) -> bool:
        """Do what responders texted back, each reply in a transaction of its own."""
        with self._pool.connection() as conn:
            waiting = waiting_messages(conn, limit=BATCH)
            restore = last_restore(conn) if waiting else None

        def act(message: InboundMessage) -> Done | None:
            now = self._clock.now()
            with self._pool.connection() as conn:
                if not lock_message(conn, message):
                    return None  # another worker has it
                if restore is not None and self._comes_too_soon(conn, message, restore, now=now):
                    return None
                restored_at = None if restore is None else restore.restored_at
                return handle_reply(conn, message, self._letterhead, restored_at=restored_at, now=now)

        done = self._each(waiting, act, lambda message: message.provider_id)
        for message, outcome in done:
            if outcome is not None:
                log.info("a reply was handled: %s", outcome.result, extra={"provider_id": message.provider_id})
        return any(outcome is not None for _, outcome in done)

    def _comes_too_soon(self, conn: Conn, message: InboundMessage, restore: Restore, *, now: datetime) -> bool:
        """True for an answer, fetched after a restore, to a text that we do not know yet to have gone out."""
        if message.received_at >= restore.restored_at or names_an_alert(conn, message):
            return False
        first_seen = self._early.setdefault(message.provider_id, now)
        if now - first_seen < self._clock.stretch(LOOKED_FOR_WITHIN) and has_unsettled_texts(conn, restore):
            return True
        del self._early[message.provider_id]
        return False

    def apply_callbacks(self) -> bool:
        """Apply the provider's receipts, each in a transaction of its own: else two workers would block each other."""
        keep_for = self._clock.stretch(KEEP_STRAY_RECEIPTS_FOR)
        with self._pool.connection() as conn:
            waiting = waiting_callbacks(conn, limit=BATCH)

        def act(callback: ProviderCallback) -> bool:
            with self._pool.connection() as conn:
                return lock_callback(conn, callback) and apply_callback(
                    conn, callback, keep_for=keep_for, now=self._clock.now()
                )

        return any(applied for _, applied in self._each(waiting, act, lambda callback: callback.id))

    def decide_deviations(self) -> bool:
        """Decide what the model found."""

        with self._pool.connection() as conn:

            def act(deviation: Deviation) -> Decision:
                with conn.transaction():  # a savepoint
                    return self._cases.decide_deviation(conn, deviation, now=self._clock.now())

            done = self._each(undecided_deviations(conn, limit=BATCH), act, lambda deviation: deviation.id)
        for deviation, decision in done:
            _log_decision(deviation, decision)
        return bool(done)

    def release_from_shadow(self) -> bool:
        """Where a home's shadow has ended, what still goes on there is decided anew."""
        with self._pool.connection() as conn:
            released = release_from_shadow(conn, now=self._clock.now())
        if released:
            log.info("%d findings that were held in shadow are decided anew", released)
        return released > 0

    def decide_faults(self) -> bool:
        """Decide what is wrong with the equipment."""

        with self._pool.connection() as conn:

            def act(fault: Fault) -> Decision:
                with conn.transaction():  # a savepoint
                    return self._cases.decide_fault(conn, fault, now=self._clock.now())

            done = self._each(undecided_faults(conn, limit=BATCH), act, lambda fault: fault.id)
        for fault, decision in done:
            _log_decision(fault, decision)
        return bool(done)

    def advance_one(self) -> bool:
        """Move the ladder of one alert that is due."""
        now = self._clock.now()
        with self._pool.connection() as conn:
            try:
                with conn.transaction():
                    return self._cases.advance(conn, now=now) is not None
            except psycopg.OperationalError:
                raise
            except Exception:
                until = now + self._clock.stretch(TRY_AGAIN_AFTER)
                alert_id = postpone_due_alert(conn, until=until, now=now)  # the same, unless another worker took it
                log.exception("an alert could not be moved; tried again soon", extra={"alert_id": alert_id})
                return True

    def tell_news(self) -> bool:
        """Tell whoever was told what became of one alert."""
        with self._pool.connection() as conn:
            try:
                with conn.transaction():
                    return self._cases.tell_news(conn, now=self._clock.now()) is not None
            except psycopg.OperationalError:
                raise
            except Exception:
                alert_id = drop_news(conn)  # a courtesy: it may be lost, but must not hold up the others'
                log.exception("news of an alert could not be told", extra={"alert_id": alert_id})
                return True

    def _each(
        self, items: Iterable[Item], act: Callable[[Item], Result], key: Callable[[Item], object]
    ) -> list[tuple[Item, Result]]:
        """Act on each of them; what came of those that could be dealt with. `act` undoes its work when it raises."""
        now = self._clock.now()
        done: list[tuple[Item, Result]] = []
        for item in items:
            if self._postponed.get(key(item), now) > now:
                continue
            try:
                done.append((item, act(item)))
                self._postponed.pop(key(item), None)
            except psycopg.OperationalError:
                raise  # the database, not the item
            except LostRace:
                log.info("another worker was first; decided again next round")
            except Exception:
                log.exception("a %s could not be dealt with", type(item).__name__, extra={"key": str(key(item))})
                self._postponed[key(item)] = now + self._clock.stretch(TRY_AGAIN_AFTER)
        return done


def _log_decision(finding: Deviation | Fault, decision: Decision) -> None:
    """After the commit. The reason of an alert also stands in its history; without an alert this line is all."""
    log.info(
        "a finding was decided: %s, %s, because %s",
        finding.kind,
        decision.action,
        decision.reason,
        extra={"finding_id": str(finding.id), "home_id": finding.home_id},
    )

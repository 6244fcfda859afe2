"""Wires the alerts service together and runs it until told to stop."""

import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import timedelta

import psycopg

from alerts.cases import Cases
from alerts.catch_up import CatchUp
from alerts.gateway import NoGateway, SmsGateway
from alerts.letterhead import Letterhead
from alerts.sender import Sender
from alerts.twilio import TwilioGateway, TwilioSettings
from alerts.worker import Worker
from store.clock import Clock
from store.database import DatabaseSettings, Pool, open_pool
from store.oversight import note_seen
from store.settings import Settings
from store.wakeup import Channel, Listener

log = logging.getLogger(__name__)

# Real time, all of it.
POLL = timedelta(seconds=1)  # the safety net under the notices
SEEN_EVERY = timedelta(seconds=10)
JOIN_WITHIN = timedelta(seconds=4)  # then we go; the lease of whatever still hangs runs out by itself
SENDERS = 4  # so that one hanging request holds up nobody


class AlertsSettings(Settings):
    """How our texts are signed."""

    sms_name: str = "Telecare"  # the first word of every SMS


def run(*, clock: Clock, stop: threading.Event) -> None:
    """Turn findings into alerts and tell people, until `stop` is set. Outlives the database and the provider."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its lines hold addresses, and those hold phone numbers
    database, twilio, settings = DatabaseSettings(), TwilioSettings(), AlertsSettings()
    with ExitStack() as stack:
        gateway: SmsGateway
        if twilio.is_complete:
            gateway = stack.enter_context(closing(TwilioGateway(twilio)))
        else:
            log.error("no SMS provider is set up (TELECARE_TWILIO_*): alerts are kept, nobody is told")
            gateway = NoGateway()
        pool = stack.enter_context(closing(open_pool(database, size=SENDERS + 3)))
        letterhead = Letterhead(service=settings.sms_name, public_url=twilio.public_url)
        run_with(pool, database, gateway, letterhead, clock=clock, stop=stop)


def run_with(
    pool: Pool,
    database: DatabaseSettings,
    gateway: SmsGateway,
    letterhead: Letterhead,
    *,
    clock: Clock,
    stop: threading.Event,
) -> None:
    """The loops, each in a thread of its own; this one listens and wakes the others."""
    worker = Worker(pool, clock, letterhead=letterhead, cases=Cases(letterhead, random.SystemRandom()))
    sender = Sender(pool, gateway, clock)
    loops = [
        _Loop("cases", _Seen(worker.step, pool, clock), stop),
        *(_Loop(f"sender {number}", sender.send_one, stop) for number in range(1, SENDERS + 1)),
        _Loop("asker", sender.ask_one, stop),
        catch_up := _Loop("catch up", CatchUp(pool, gateway, clock).step, stop),
    ]
    catch_up.once()  # who has answered already is not to be asked again
    for loop in loops:
        loop.thread.start()

    def rest(seconds: float) -> None:
        stop.wait(seconds)

    with closing(Listener(database, Channel.FINDING, Channel.NOTIFICATION)) as listener:
        while not stop.is_set():
            listener.wait(POLL, sleep=rest)
            for loop in loops:
                loop.wake()
    for loop in loops:
        loop.wake()
    for loop in loops:
        loop.thread.join(JOIN_WITHIN.total_seconds() / len(loops))


class _Loop:
    """Repeats a step while it finds work; then rests until woken, or a poll's length. No error ends it."""

    def __init__(self, name: str, step: Callable[[], bool], stop: threading.Event) -> None:
        self._step = step
        self._stop = stop
        self._woken = threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"alerts {name}", daemon=True)

    def wake(self) -> None:
        """There may be work."""
        self._woken.set()

    def once(self) -> bool:
        """One step; true if it found work. Raises nothing."""
        try:
            return self._step()
        except psycopg.OperationalError as exc:
            log.warning("%s: the database is away, trying again: %s", self.thread.name, type(exc).__name__)
        except Exception:
            log.exception("%s: a step failed", self.thread.name)
        return False

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self.once():
                self._woken.wait(POLL.total_seconds())
                self._woken.clear()


class _Seen:
    """A step that also notes, now and then, that it has come to its end: a process that merely lives proves nothing."""

    def __init__(self, step: Callable[[], bool], pool: Pool, clock: Clock) -> None:
        self._step = step
        self._pool = pool
        self._clock = clock
        self._again_at = 0.0  # on the monotonic clock

    def __call__(self) -> bool:
        worked = self._step()
        if time.monotonic() >= self._again_at:
            with self._pool.connection() as conn:
                note_seen(conn, "alerts", now=self._clock.now())
            self._again_at = time.monotonic() + SEEN_EVERY.total_seconds()
        return worked

"""A pretend home's native hub: `telecare hub`'s own machine, with an invented life as its input.

What is pretended is here: that weeks of history were recorded, that there is no network or no power for a while, and
that another hub takes over. How a hub records, publishes and forgets is `ingest.hub`'s.

Not here: threads. `step` does what can be done now and says whether there is more; `world.py` calls it.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from ingest.hub.hub import PATIENCE_S, Hub
from ingest.hub.link import BrokerAddress, Credential
from ingest.hub.payloads import Condition
from ingest.hub.queue import HubQueue, Item
from simulators.source import Source
from store.clock import Clock
from store.hub import HubState

_RECORD_AT_ONCE = 1500  # readings and check-ins in one transaction
_RECORD_AHEAD = 3000  # readings recorded and not published: history is made no faster than it is taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """The hub has no connection; with `is_dark` it has no power either and records nothing."""

    start: float  # epoch seconds
    until: float
    is_dark: bool


class HubLike(Protocol):
    """What the world does with each home."""

    def step(self) -> bool:
        """Do what can be done now. True if there is more to do at once."""

    def progress(self) -> float:
        """The share of its history that is committed, 0 to 1."""

    def close(self) -> None:
        """Go off the network, hold what is held."""


class NativeHub:
    """One home's hub. Everything happens in `step`, in one thread."""

    def __init__(
        self,
        *,
        home_code: str,
        check_in_interval: timedelta,
        source: Source,
        begins: float,  # epoch seconds: when the hub was installed
        live: float,  # epoch seconds: what lies before is history
        queue_file: Path,
        credential: Credential,
        address: BrokerAddress,
        clock: Clock,
        on_news: Callable[[], None],
        outages: Sequence[Outage] = (),
        makes_check_ins: bool = True,  # False: they come from the source
        patience_s: tuple[float, float] = PATIENCE_S,
    ) -> None:
        self._interval = check_in_interval.total_seconds()
        self._begins, self._live = begins, live
        self._clock = clock
        self._outages = outages
        self._queue = HubQueue(queue_file)
        # The history that it uploads is no present state, so nothing but alarms overtakes.
        self._hub = Hub(
            home_code=home_code,
            queue=self._queue,
            credential=credential,
            address=address,
            clock=clock,
            on_news=on_news,
            condition=self._condition,
            patience_s=patience_s,
        )
        self._items = self._all_items(source, makes_check_ins)
        self._next = next(self._items, None)
        self._behind_s = math.inf  # how much of what has happened is not even recorded

    # What the world sees -----------------------------------------------------------------------

    @property
    def is_caught_up(self) -> bool:
        """True if the service has committed every reading there is."""
        return self._behind_s <= 0 and self._queue.oldest() is None

    @property
    def recorded_until(self) -> float:
        """Up to when everything is recorded, epoch seconds."""
        return self._queue.recorded_until or self._begins

    @property
    def queue(self) -> HubQueue:
        """The hub's disk."""
        return self._queue

    def progress(self) -> float:
        """The share of the history that is committed, 0 to 1."""
        if self.is_caught_up and self._clock.now().timestamp() >= self._live:
            return 1.0  # even if nothing at all happened just before
        done = self._queue.oldest() or self.recorded_until
        return max(0.0, min(1.0, (done - self._begins) / max(1.0, self._live - self._begins)))

    def step(self) -> bool:
        """Record what has happened, publish what may be published. True if there is more to do at once."""
        now = self._clock.now().timestamp()
        is_busy = self._record(now)
        self._hub.step(
            behind_s=self._behind_s, is_cut=any(outage.start <= now < outage.until for outage in self._outages)
        )
        return is_busy

    def close(self) -> None:
        """Go off the network in order; everything not committed stays held."""
        self._hub.close()
        self._queue.close()

    def hand_over(self) -> float:
        """Stop for good, another hub takes over: from when on."""
        at = self.recorded_until
        self._queue.hand_over(at)
        self._hub.fall_silent()
        self._queue.close()
        return at

    # Recording -----------------------------------------------------------------------------------

    def _condition(self, at: float) -> Condition:
        # Somebody leaves the door of the cupboard open now and then.
        return Condition(uptime_s=round(at - self._begins), battery_percent=100, signal_dbm=-58 - int(at / 3600) % 9)

    def _all_items(self, source: Source, makes_check_ins: bool) -> Iterator[Item]:
        """Readings and check-ins from where we stopped, a check-in after everything before it."""
        start = self._queue.recorded_until
        after = self._begins - 1e-3 if start is None else start
        check_in = math.floor(after / self._interval + 1) * self._interval if makes_check_ins else math.inf
        if start is None and makes_check_ins and check_in > self._begins:
            yield Item(self._begins, "hub", HubState.CHECKIN)  # it says that it is there when it is switched on
        for at, sensor, value in source(after):
            while check_in < at:
                yield Item(check_in, "hub", HubState.CHECKIN)
                check_in += self._interval
            if at > after:
                yield Item(at, sensor, value)
        while makes_check_ins:  # the source has ended: the hub goes on
            yield Item(check_in, "hub", HubState.CHECKIN)
            check_in += self._interval

    def _record(self, now: float) -> bool:
        if self._next is None or self._next.at > now:
            self._behind_s = 0.0
            return False
        if self._hub.unsent >= _RECORD_AHEAD:
            self._behind_s = now - self._next.at
            return False
        items: list[Item] = []
        last = self._next.at
        while self._next is not None and self._next.at <= now:
            if len(items) >= _RECORD_AT_ONCE and self._next.at > last:
                break
            last = self._next.at
            if not any(outage.is_dark and outage.start <= last < outage.until for outage in self._outages):
                items.append(self._next)
            self._next = next(self._items, None)
        self._hub.record(items, recorded_until=last)
        self._behind_s = now - self._next.at if self._next is not None and self._next.at <= now else 0.0
        return self._behind_s > 0

"""One fault striking while readings flow: how many were under way each time, and how long it took to recover.

*Under way* is what has happened in the homes and is not committed: on the hubs' disks, in the broker, in the hands of
ingest. *Recovered* is when everything that had happened by the end of a strike is committed, of every home. Both are
asked of the database.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from deploy.bench.fault_bridge import Bridge
from deploy.bench.fault_parts import Parts
from deploy.bench.fault_stored import LOOK_SECONDS, Stored, until
from simulators.story import Story
from simulators.telling_hubs import Telling

_SPARE = 1.1  # of the time that the strikes to come are expected to take
_FOR_A_READING = 5.0  # seconds to wait until something is under way, before striking all the same


class NotBroken(Exception):
    """A fault did not come about, so that the row would show nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of it: the whole, or so short that it fits into a test."""

    kills: int  # of ingest
    others: int  # kills of whatever else is killed
    away: float  # seconds that a dead part stays dead, or the network cut
    half_open: float  # seconds that what is sent disappears
    tells: bool  # whether the two ends of a half-open connection hear of it at the end, or must find out by themselves
    queue_bytes: int  # that wait in a queue that is to get full
    bridged: int  # messages of a bridge that fill it
    least: float  # seconds that a story takes
    pauses: float  # of the usual length, between strikes
    all_flowing: bool  # whether every strike must find readings under way, or one will do
    patience_s: tuple[float, float]  # of the hubs, see `Hub`


@dataclass(slots=True)
class Strike:
    """One time."""

    under_way: int
    over_at: float  # monotonic
    wanted: Mapping[str, int]  # what had happened by then, of each home
    recover_s: float | None = None


@dataclass(slots=True, kw_only=True)
class Run:
    """What the script of a fault may use, and what it leaves."""

    parts: Parts
    telling: Telling
    stories: Mapping[str, Story]
    stored: Stored
    begins: float  # epoch seconds of the parts' clock
    seconds: float  # how long the story takes
    planned: int  # strikes
    size: Size
    patience: float
    random: random.Random
    bridge: Bridge | None = None
    began: float = field(default_factory=time.monotonic)
    strikes: list[Strike] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def strike(
        self, begin: Callable[[], None], end: Callable[[], None], *, away: float = 0.0, waits: bool = True
    ) -> None:
        """Break it and make it whole; return when it has recovered, or without `waits` at once."""
        self._keep_pace()
        under_way = self._under_way()
        begin()
        time.sleep(away)
        end()
        now = self.parts.clock.now().timestamp()
        self.strikes.append(Strike(under_way=under_way, over_at=time.monotonic(), wanted=until(self.stories, now)))
        if waits:
            self.recover()

    def recover(self) -> None:
        """Return when every strike until now has recovered, or when that takes too long."""
        began = time.monotonic()
        while time.monotonic() - began < self.patience:
            waiting = [strike for strike in self.strikes if strike.recover_s is None]
            if not waiting:
                return
            committed = self.stored.committed() or {}
            for strike in waiting:
                if all(committed.get(code, 0) >= number for code, number in strike.wanted.items()):
                    strike.recover_s = round(time.monotonic() - strike.over_at, 2)
            time.sleep(LOOK_SECONDS)

    def pause(self, seconds: float) -> None:
        """Anything up to so long, so that a strike may come at any moment."""
        time.sleep(self.random.uniform(0.0, seconds * self.size.pauses))

    def until(self, share: float) -> None:
        """Wait until so much of the story's time is over."""
        self.parts.sleep_until(self.begins + share * self.seconds)

    def hurry(self) -> None:
        """Nothing more will break: let the rest of the story happen now, all clocks jump to its end."""
        self.parts.jump_to(self.begins + self.seconds)

    def _keep_pace(self) -> None:
        """On a machine that is too busy the story would end before the last strike: then all clocks go slower."""
        done = len(self.strikes)
        left = self.begins + self.seconds - self.parts.clock.now().timestamp()
        needed = (self.planned - done) * (time.monotonic() - self.began) / done * _SPARE if done else 0.0
        if left > 0 and needed > 0:
            self.parts.run_at(min(1.0, left / needed))

    def _under_way(self) -> int:
        """How many readings are under way, waiting for one if there is none just now."""
        deadline = time.monotonic() + _FOR_A_READING
        while True:
            under_way = self.stored.under_way(self.stories)
            if under_way or time.monotonic() > deadline or not self._is_telling():
                return under_way or 0
            time.sleep(LOOK_SECONDS / 5)

    def _is_telling(self) -> bool:
        return self.parts.clock.now().timestamp() < self.begins + self.seconds

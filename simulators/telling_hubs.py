"""A process of native hubs that tell a known story, through whatever happens to them. For `telecare bench faults`.

    python -m simulators.telling_hubs FILE     (a `Telling` as JSON)

The hubs are `telecare hub`'s own (`ingest.hub`), with a story as their sensors. Killed and started again they go on
from their disks, as real ones do. Says in `progress.json` when everything is told and acknowledged, and how many
readings were published, each as often as it was.
"""

import json
import logging
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ingest.dialects.native import EVENTS
from ingest.hub.hub import PATIENCE_S, Hub
from ingest.hub.link import BrokerAddress, Connection, Credential
from ingest.hub.payloads import Condition
from ingest.hub.queue import HubQueue, Item
from simulators.story import Story, WrongClock
from store.clock import Clock, make_clock
from store.hub import HubState

CHECK_IN_S = 10.0  # of the right clock; and whenever the hub's own clock was set
_AT_ONCE = 1500  # readings in one transaction of the hub's disk
_AHEAD = 3000  # readings recorded and not published: no more than is taken
_STEP_S = 0.03  # real seconds
_TELL_EVERY_S = 0.3
_NUMBER = b'"seq"'  # each published reading has one
_LOG_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Who tells what to which broker, as one JSON file."""

    homes: dict[str, list[dict[str, Any]]]  # code -> its story
    folder: str  # the hubs' disks
    host: str
    port: int
    username: str = ""
    password: str = ""
    patience_s: Sequence[float] = PATIENCE_S
    no_network: Sequence[Sequence[float]] = field(default_factory=list)  # from, until: epoch seconds

    def write(self, file: Path) -> None:
        """For the process."""
        file.write_text(json.dumps(asdict(self)))


@dataclass(slots=True)
class Tally:
    """What all hubs of this process have published."""

    readings: int = 0


class CountingConnection(Connection):
    """A hub's connection that counts."""

    def __init__(self, *, tally: Tally, **how: Any) -> None:
        self._tally = tally
        super().__init__(**how)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """As any connection does."""
        if topic.endswith(f"/{EVENTS}"):
            self._tally.readings += payload.count(_NUMBER)
        super().publish(topic, payload, retain=retain)


class TellingHub:
    """One home's hub, and the part of its story that is still to come."""

    def __init__(
        self, code: str, story: Story, telling: Telling, *, clock: Clock, wake: threading.Event, tally: Tally
    ) -> None:
        self._clock, self._story = clock, story
        self._queue = HubQueue(queue_file(Path(telling.folder), code))
        self._hub_clock = WrongClock(clock, story)
        first, last = telling.patience_s
        self._hub = Hub(
            home_code=code,
            queue=self._queue,
            credential=Credential(username=telling.username, password=telling.password, client_id=f"hub-{code}"),
            address=BrokerAddress(host=telling.host, port=telling.port),
            clock=self._hub_clock,
            on_news=wake.set,
            condition=lambda _: Condition(battery_percent=100),
            patience_s=(first, last),
            connect=partial(CountingConnection, tally=tally),
        )
        told_until = self._queue.recorded_until  # by the right clock
        self._bursts = ((at, said) for at, said in story.bursts() if told_until is None or at > told_until)
        self._next = next(self._bursts, None)
        self._checked_in_at = float("-inf")
        self._wrong_by: float | None = None
        self._no_network = telling.no_network

    @property
    def is_done(self) -> bool:
        """Everything that happened is told and acknowledged."""
        return self._next is None and self._queue.oldest() is None

    def step(self) -> bool:
        """Record what has happened, tell what may be told. True if there is more to do at once."""
        now = self._clock.now().timestamp()
        behind_s = self._record(now)
        is_cut = any(begins <= now < ends for begins, ends in self._no_network)
        self._hub.step(behind_s=behind_s, is_cut=is_cut)
        return behind_s > 0 and self._hub.unsent < _AHEAD

    def close(self) -> None:
        """Go off the network in order."""
        self._hub.close()
        self._queue.close()

    def _record(self, now: float) -> float:
        """How many seconds of what has happened are not recorded yet."""
        items: list[Item] = []
        until = now
        while self._next is not None and self._next[0] <= now and len(items) < _AT_ONCE and self._hub.unsent < _AHEAD:
            until, readings = self._next
            items += [Item(reading.at, reading.sensor, float(reading.value)) for reading in readings]
            self._next = next(self._bursts, None)
        behind = max(0.0, now - self._next[0]) if self._next is not None else 0.0
        wrong_by = self._story.wrong_by(now)
        if behind == 0 and (now - self._checked_in_at >= CHECK_IN_S or wrong_by != self._wrong_by):
            self._checked_in_at, self._wrong_by = now, wrong_by
            items.append(Item(self._hub_clock.now().timestamp(), "hub", HubState.CHECKIN))
        if items:
            self._hub.record(items, recorded_until=until)
        return behind


def queue_file(folder: Path, code: str) -> Path:
    """Where the hub of this home holds what is not committed."""
    return folder / f"{code}.sqlite"


def held(folder: Path, code: str) -> list[tuple[str, float, float]]:
    """What the hub of a home still holds, as (sensor, hub time, value). Only while its process does not run."""
    queue = HubQueue(queue_file(folder, code))
    try:
        found = queue.after(0, limit=10_000_000)
    finally:
        queue.close()
    return [(one.sensor, one.at, float(one.value)) for one in found if one.seq is not None]


def told_until(folder: Path, code: str) -> float:
    """Up to which instant of the right clock the hub has recorded its story. Only while its process does not run."""
    queue = HubQueue(queue_file(folder, code))
    try:
        return queue.recorded_until or float("-inf")
    finally:
        queue.close()


def tell(telling: Telling, stop: threading.Event) -> None:
    """Tell the story until told to stop, even when it is over."""
    clock, wake = make_clock(), threading.Event()
    stories = {code: Story.from_json(stretches) for code, stretches in telling.homes.items()}
    folder = Path(telling.folder)
    before = _progress(folder)  # of a process that was killed
    tally = Tally(0 if before is None else before.published)
    hubs = [TellingHub(code, story, telling, clock=clock, wake=wake, tally=tally) for code, story in stories.items()]
    told_at = 0.0
    try:
        while not stop.is_set():
            wake.clear()
            is_busy = False
            for hub in hubs:
                is_busy |= hub.step()
            if time.monotonic() - told_at >= _TELL_EVERY_S:
                told_at = time.monotonic()
                _say(folder, Progress(is_done=all(hub.is_done for hub in hubs), published=tally.readings))
            if not is_busy:
                wake.wait(_STEP_S)
    finally:
        for hub in hubs:
            hub.close()


def is_done(folder: Path) -> bool:
    """Whether the process has said that everything is told and acknowledged."""
    progress = _progress(folder)
    return progress is not None and progress.is_done


def published(folder: Path) -> int:
    """How many readings were published as far as the process has said, those that were published again included."""
    progress = _progress(folder)
    return 0 if progress is None else progress.published


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the process says of itself, every third of a second."""

    is_done: bool
    published: int


def _progress(folder: Path) -> Progress | None:
    try:
        return Progress(**json.loads((folder / "progress.json").read_text()))
    except FileNotFoundError:
        return None


def _say(folder: Path, progress: Progress) -> None:
    beside = folder / "progress.json.new"
    beside.write_text(json.dumps(asdict(progress)))
    beside.replace(folder / "progress.json")


def main() -> None:
    """Tell what stands in the file, until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT, stream=sys.stderr)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    tell(Telling(**json.loads(Path(sys.argv[1]).read_text())), stop)


if __name__ == "__main__":
    main()

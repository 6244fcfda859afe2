"""The hub against a network that loses, repeats and delays, and a plug that is pulled at any point."""

import random
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.dialects import native
from ingest.hub.hub import Hub
from ingest.hub.link import BrokerAddress, Credential, News
from ingest.hub.payloads import Condition
from ingest.hub.queue import HubQueue, Item
from ingest.sequences import Seen
from store.clock import Clock
from store.hub import HubState

START = datetime(2026, 3, 10, 8, tzinfo=UTC)


class Service:
    """What ingest does, without a database: each number of a boot once; answered when it has it."""

    def __init__(self) -> None:
        self.stored: list[float] = []  # the readings' own names, in the order they came
        self.lost: list[tuple[str, int, int]] = []
        self._seen: dict[str, Seen] = {}

    def take(self, topic: str, payload: bytes) -> list[bytes]:
        told = native.read(topic.split("/", 4)[4], payload, is_retained=False, received_at=START)
        assert not told.rejected
        for reading in told.readings:
            assert reading.boot is not None
            assert reading.seq is not None
            if self._seen.setdefault(reading.boot, Seen()).add(reading.seq):
                self.stored.append(reading.value)
        for lost in told.lost:
            for first, last in lost.spans:
                self._seen.setdefault(lost.boot, Seen()).add_all(first, last)
                self.lost.append((lost.boot, first, last))
        boots = {boot for boot in told.boots if boot in self._seen}
        return [native.encode_ack(native.Ack(boot=boot, seq=self._seen[boot].contiguous)) for boot in sorted(boots)]


class Network:
    """Delivers late, twice, out of order or not at all; what is lost ends the connection, as TCP has it."""

    def __init__(self, service: Service, chances: random.Random) -> None:
        self.service, self.chances = service, chances
        self.is_bad = True
        self.link: FakeLink | None = None
        self.flying: list[tuple[str, bytes]] = []

    def connect(self, **_: Any) -> "FakeLink":
        self.link = FakeLink(self)
        return self.link

    def deliver(self) -> None:
        """Some of what is flying arrives; the answers go back if the connection still stands."""
        if self.is_bad:
            self.chances.shuffle(self.flying)  # the resent may overtake the first
        count = self.chances.randint(0, len(self.flying)) if self.is_bad else len(self.flying)
        for message in self.flying[:count]:
            for _ in range(self.chances.choice([1, 1, 2]) if self.is_bad else 1):
                for ack in self.service.take(*message):
                    if self.link is not None and not (self.is_bad and self.chances.random() < 0.3):
                        self.link.waiting.append(News(payload=ack))
        del self.flying[:count]
        if self.link is not None:
            self.link.in_flight = 0

    def fail(self) -> None:
        """The connection ends, and some of what was flying with it."""
        self.flying = [message for message in self.flying if self.chances.random() < 0.5]
        if self.link is not None:
            self.link.waiting = [News(is_up=False)]


class FakeLink:
    """A connection of `Network`."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.waiting = [News(is_up=True)]
        self.in_flight = 0

    def news(self) -> list[News]:
        found, self.waiting = self.waiting, []
        return found

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        assert not retain
        self.in_flight += 1
        self._network.flying.append((topic, payload))

    def break_off(self) -> None:
        self._network.link = None

    def close(self) -> None:
        self._network.link = None


class Bench:
    """One hub in its home, which may be killed and begins again from its disk."""

    def __init__(self, folder: Path, seed: int, *, present: timedelta | None) -> None:
        self.service = Service()
        self.network = Network(self.service, random.Random(seed))
        self.present = present
        self._file = folder / "queue.sqlite"
        self._clock = Clock(real_start=START, start=START, speed=0)
        self.recorded: list[float] = []
        self.start()

    def start(self) -> None:
        self.queue = HubQueue(self._file)
        self.hub = Hub(
            home_code="H1",
            queue=self.queue,
            credential=Credential(),
            address=BrokerAddress(host="nowhere", port=1),
            clock=self._clock,
            on_news=lambda: None,
            condition=lambda _: Condition(),
            present=self.present,
            patience_s=(0.0, 0.0),
            retry_s=0.0,
            connect=self.network.connect,
        )

    def record(self, urgent: Sequence[bool]) -> None:
        first = len(self.recorded)
        ats = [START.timestamp() - 5_000 + first + i for i in range(len(urgent))]
        items = [
            Item(at, f"S{i % 3}", float(first + i), is_so)
            for i, (at, is_so) in enumerate(zip(ats, urgent, strict=True))
        ]
        items.append(Item(START.timestamp() - 5_000 + first + len(urgent), "hub", HubState.CHECKIN))
        self.hub.record(items, recorded_until=items[-1].at)
        self.recorded += [float(item.value) for item in items[:-1] if not isinstance(item.value, HubState)]

    def kill(self) -> None:
        self.queue.close()  # SQLite rolls back what was not committed, as after a kill
        self.network.fail()
        self.network.link = None
        self.start()

    def settle(self) -> None:
        self.network.is_bad = False
        for _ in range(200):
            self.hub.step()
            self.network.deliver()
            if self.queue.oldest() is None and not self.network.flying:
                return
        raise AssertionError(f"not settled: {self.queue.readings_after(0)} readings are still held")


STEPS: dict[str, Callable[[Bench], None]] = {
    "step": lambda bench: bench.hub.step(),
    "hold": lambda bench: bench.hub.step(is_holding=True),
    "deliver": lambda bench: bench.network.deliver(),
    "fail": lambda bench: bench.network.fail(),
    "kill": lambda bench: bench.kill(),
}


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    is_present_told=st.booleans(),
    story=st.lists(st.sampled_from([*STEPS, "step", "deliver"]) | st.lists(st.booleans(), max_size=30), max_size=60),
)
def test_every_reading_is_stored_exactly_once_whatever_the_network_does_and_whenever_the_plug_is_pulled(
    seed: int, is_present_told: bool, story: list[str | list[bool]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), seed, present=timedelta(hours=9) if is_present_told else None)
        for chapter in story:
            if isinstance(chapter, str):
                STEPS[chapter](bench)
            else:
                bench.record(chapter)
        bench.settle()
        assert sorted(bench.service.stored) == bench.recorded
        assert bench.service.lost == []
        bench.queue.close()


def test_after_days_offline_alarms_come_first_then_the_present_then_the_oldest(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1, present=timedelta(hours=9))
    for chunk in range(10):
        bench.record([chunk == 7 and i in (3, 4) for i in range(100)])
    bench.settle()
    stored = bench.service.stored
    assert stored[:2] == [703.0, 704.0]
    assert sorted(stored[2:5]) == [997.0, 998.0, 999.0]  # the newest of each of the three sensors
    assert stored[5:] == [float(i) for i in range(1000) if i not in (703, 704, 997, 998, 999)]
    bench.queue.close()


def test_an_alarm_does_not_wait_for_the_clock_nor_for_acknowledgements(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1, present=None)
    bench.network.is_bad = False
    bench.record([False] * 3000)
    for _ in range(20):
        bench.hub.step()  # nothing is delivered: no more than so many may be on their way
    before = len(bench.network.flying)
    bench.record([True])
    bench.hub.step(is_holding=True)
    assert [native.read("events", payload, is_retained=False, received_at=START).readings[0].value
            for _, payload in bench.network.flying[before:]] == [3000.0]  # fmt: skip
    bench.settle()
    assert sorted(bench.service.stored) == bench.recorded
    bench.queue.close()


def test_a_full_disk_costs_measurements_first_and_alarms_never_and_the_service_is_told(tmp_path: Path) -> None:
    queue = HubQueue(tmp_path / "queue.sqlite")
    for hour in range(80):
        items = []
        for minute in range(50):
            items += [Item(3600.0 * hour + minute, "T1", 20.5), Item(3600.0 * hour + minute, "M1", minute % 2 == 0)]
        if hour % 20 == 0:
            items.append(Item(3600.0 * hour, "SOS", True, True))
        queue.append(items, recorded_until=3600.0 * hour)
    was = queue.size()

    gone = queue.keep_within(int(was * 0.9))
    assert queue.size() <= was * 0.9
    kinds = {held.sensor for held in queue.after(0, limit=100_000)}
    assert kinds == {"T1", "M1", "SOS"}
    assert sum(1 for held in queue.after(0, limit=100_000) if held.sensor == "M1") == 4_000
    assert 0 < sum(lost.readings for lost in gone) < 4_000

    queue.keep_within(1)
    assert {held.sensor for held in queue.after(0, limit=100_000)} == {"SOS"}
    numbers = {seq for lost in queue.lost() for first, last in lost.spans for seq in range(first, last + 1)}
    held_numbers = {held.seq for held in queue.after(0, limit=100_000)}
    assert numbers | held_numbers == set(range(1, 8_005))
    assert not numbers & held_numbers
    queue.close()


def test_what_was_thrown_away_does_not_stop_what_is_held(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1, present=None)
    bench.record([i % 10 == 0 for i in range(1_000)])
    bench.hub.say_lost(bench.queue.keep_within(1))
    bench.settle()
    assert sorted(bench.service.stored) == [float(i) for i in range(0, 1_000, 10)]
    assert sum(last - first + 1 for _, first, last in bench.service.lost) == 900
    assert bench.queue.lost() == []
    bench.queue.close()

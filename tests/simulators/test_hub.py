"""The native hub over a real broker: it forgets nothing before the service has it, and keeps the order."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.local_stack.broker import Broker
from deploy.local_stack.lifeline import Lifeline
from ingest.hub.hub import PATIENCE_S, UNACKNOWLEDGED_READINGS
from ingest.hub.queue import HubQueue, Item
from simulators.hub import NativeHub, Outage
from simulators.sensing import Reading
from simulators.source import Source
from store.clock import Clock
from store.home import SensorKind
from store.hub import HubState
from tests.conftest import TestBroker
from tests.simulators.listening import Listener, address_of, clock_at, hub_credential, run_until

START = datetime(2026, 3, 10, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def ticking(*, every_s: float = 60.0) -> Source:
    """A sensor that says on and off in turn, for ever, on a grid."""

    def readings(start: float) -> Iterator[Reading]:
        for tick in count(int(start // every_s)):
            if tick * every_s >= start:
                yield Reading(tick * every_s, "M001", tick % 2 == 0)

    return readings


class Bench:
    """One home on the broker of the tests, with a listener, and hubs that may be killed."""

    def __init__(self, broker: TestBroker, folder: Path, stack: ExitStack) -> None:
        self.code = f"H{uuid4().hex[:8]}"
        self.broker, self.folder, self.stack = broker, folder, stack
        self.credential = hub_credential(broker.credentials(self.code))
        self.queue_file = folder / "hub.sqlite"

    def listener(self, clock: Clock, *, is_acking: bool = True, after: Listener | None = None) -> Listener:
        sensors = {"M001": SensorKind.MOTION}
        listener = Listener(self.broker, self.code, sensors, clock=clock, is_acking=is_acking, after=after)
        self.stack.callback(listener.close)
        return listener

    def hub(self, clock: Clock, *, history: timedelta = timedelta(0), source: Source | None = None,
            outages: tuple[Outage, ...] = (), patience_s: tuple[float, float] = PATIENCE_S) -> NativeHub:  # fmt: skip
        hub = NativeHub(
            home_code=self.code,
            check_in_interval=5 * MINUTE,
            source=source or ticking(),
            begins=(START - history).timestamp(),
            live=max(START, clock.now()).timestamp() if clock.speed == 0 else START.timestamp(),
            queue_file=self.queue_file,
            credential=self.credential,
            address=address_of(self.broker),
            clock=clock,
            on_news=lambda: None,
            outages=outages,
            patience_s=patience_s,
        )
        self.stack.callback(hub.close)
        return hub


@pytest.fixture
def bench(broker: TestBroker, tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(broker, tmp_path, stack)


def times(listener: Listener) -> list[datetime]:
    return [reading.at for reading in listener.readings]


def in_order(found: list[datetime]) -> bool:
    return all(before <= after for before, after in pairwise(found))


def test_weeks_of_history_arrive_once_in_order_with_their_check_ins_behind_them(bench: Bench) -> None:
    clock = clock_at(START)
    listener = bench.listener(clock)
    hub = bench.hub(clock, history=timedelta(days=4))

    assert run_until(hub, lambda: hub.is_caught_up and hub.progress() == 1.0)
    assert len(listener.stored) == len(listener.readings) == 4 * 24 * 60 + 1
    assert in_order(times(listener))
    assert hub.queue.oldest() is None

    newest = START - timedelta(days=5)
    check_ins = 0
    for _, told in listener.told:
        for reading in told.readings:
            newest = max(newest, reading.at)
        for check_in in told.check_ins:
            if check_in.state is HubState.CHECKIN:
                assert check_in.at <= newest + MINUTE  # all that happened before it had come
                check_ins += 1
    assert check_ins == 4 * 24 * 12 + 1
    backlogs = [c.backlog for c in listener.check_ins if c.state is HubState.CHECKIN]
    assert all(backlog for backlog in backlogs[:-100])
    assert backlogs[-1] == 0


def test_nothing_is_forgotten_before_the_acknowledgement_and_no_more_is_published_than_can_be_taken(
    bench: Bench,
) -> None:
    clock = clock_at(START)
    listener = bench.listener(clock, is_acking=False)
    hub = bench.hub(clock, history=timedelta(days=3))

    assert run_until(hub, lambda: len(listener.readings) >= UNACKNOWLEDGED_READINGS)
    assert not run_until(hub, lambda: len(listener.readings) > UNACKNOWLEDGED_READINGS + 200, seconds=0.7)
    assert hub.queue.oldest() == (START - timedelta(days=3)).timestamp()
    assert hub.progress() == 0.0


def test_a_killed_hub_sends_again_what_was_not_acknowledged_and_goes_on_without_a_gap(bench: Bench) -> None:
    clock = clock_at(START)
    deaf = bench.listener(clock, is_acking=False)
    first = bench.hub(clock, history=timedelta(days=1))
    assert run_until(first, lambda: len(deaf.readings) > 500)
    first.close()  # nothing was acknowledged, so it is as good as a kill
    deaf.close()

    later = clock_at(START + timedelta(minutes=90))
    listener = bench.listener(later)
    second = bench.hub(later, history=timedelta(days=1))
    assert run_until(second, lambda: second.is_caught_up)
    assert in_order(times(listener))
    minutes = {int((reading.at - START) / MINUTE) for reading in listener.stored}
    assert minutes == set(range(-24 * 60, 91))
    assert len(listener.stored) == len(minutes)
    assert {reading.boot for reading in deaf.readings} < {reading.boot for reading in listener.readings}


def test_live_readings_come_one_by_one_with_a_backlog_of_none_and_online_is_said_when_up_to_date(bench: Bench) -> None:
    clock = clock_at(START, speed=300)
    listener = bench.listener(clock)
    hub = bench.hub(clock)
    assert run_until(hub, lambda: len(listener.stored) > 12)
    said = [check_in for check_in in listener.check_ins if check_in.state is HubState.CHECKIN]
    assert len(said) >= 2
    assert {check_in.backlog for check_in in said} == {0}
    assert [c.state for c in listener.check_ins].count(HubState.ONLINE) == 1
    assert [len(told.readings) for rest, told in listener.told if rest == "events"][-5:] == [1] * 5


def test_when_the_acknowledgements_stop_everything_is_sent_again_after_a_while(bench: Bench) -> None:
    clock = clock_at(START)
    listener = bench.listener(clock, is_acking=False)
    hub = bench.hub(clock, history=timedelta(hours=2), patience_s=(0.2, 0.5))
    assert run_until(hub, lambda: len(listener.readings) >= 3 * 121)
    listener.is_acking = True
    assert run_until(hub, lambda: hub.is_caught_up)
    assert len(listener.stored) == 121


def test_a_hub_that_loses_its_connection_keeps_recording_and_tells_it_late(bench: Bench) -> None:
    clock = clock_at(START, speed=600)
    outage = Outage(start=(START + 10 * MINUTE).timestamp(), until=(START + 40 * MINUTE).timestamp(), is_dark=False)
    listener = bench.listener(clock)
    hub = bench.hub(clock, outages=(outage,))

    assert run_until(hub, lambda: any(c.state is HubState.OFFLINE for c in listener.check_ins)), "its last will"
    assert run_until(hub, lambda: listener.stored and listener.stored[-1].at > START + 45 * MINUTE)
    minutes = [int((reading.at - START) / MINUTE) for reading in listener.stored]
    assert minutes == list(range(len(minutes)))
    late = [c for c in listener.check_ins if START + 15 * MINUTE <= c.at <= START + 35 * MINUTE]
    assert {c.state for c in late} >= {HubState.CHECKIN}


def test_a_hub_without_power_records_nothing(bench: Bench) -> None:
    clock = clock_at(START)
    dark = Outage(start=(START - 40 * MINUTE).timestamp(), until=(START - 10 * MINUTE).timestamp(), is_dark=True)
    listener = bench.listener(clock)
    hub = bench.hub(clock, history=timedelta(hours=1), outages=(dark,))
    assert run_until(hub, lambda: hub.is_caught_up)
    minutes = {int((reading.at - START) / MINUTE) for reading in listener.stored}
    assert minutes == set(range(-60, -40)) | set(range(-10, 1))
    assert not [c for c in listener.check_ins if START - 39 * MINUTE < c.at < START - 11 * MINUTE]


def test_a_broker_that_dies_and_comes_back_costs_nothing(tmp_path: Path, lifeline: Lifeline) -> None:
    clock = clock_at(START, speed=60)
    with ExitStack() as stack, Broker(tmp_path, lifeline=lifeline) as server:
        bench = Bench(TestBroker(server=server), tmp_path, stack)
        before = bench.listener(clock)
        hub = bench.hub(clock)
        assert run_until(hub, lambda: len(before.stored) > 2)
        before.close()
        server.stop()
        assert not run_until(hub, lambda: False, seconds=1.5)
        server.start()
        after = bench.listener(clock, after=before)
        assert run_until(hub, lambda: hub.is_caught_up and len(after.stored) > 3)
    minutes = {int((reading.at - START) / MINUTE) for reading in (*before.stored, *after.stored)}
    assert minutes == set(range(len(minutes)))
    assert in_order(times(after))


def test_the_disk_forgets_only_the_acknowledged_boot_and_what_the_hub_said_meanwhile(tmp_path: Path) -> None:
    old = HubQueue(tmp_path / "q.sqlite")
    old.append([Item(1.0, "M001", True), Item(2.0, "M001", False)], recorded_until=2.0)
    old.close()
    new = HubQueue(tmp_path / "q.sqlite")
    assert new.recorded_until == 2.0
    new.append(
        [Item(3.0, "hub", HubState.CHECKIN), Item(4.0, "T001", 20.5), Item(5.0, "hub", HubState.CHECKIN)],
        recorded_until=5.0,
    )
    assert new.forget(new.boot, 1) == 2
    assert [(held.seq, held.at, held.value) for held in new.after(0, limit=10)] == [
        (1, 1.0, True),
        (2, 2.0, False),
        (None, 5.0, HubState.CHECKIN),
    ]
    assert new.forget("somebody else's", 99) == 0
    assert new.forget(old.boot, 1) == 1
    assert new.oldest() == 2.0
    new.close()


def test_the_history_is_done_also_while_the_clock_stands_still_at_an_odd_moment(bench: Bench) -> None:
    clock = clock_at(START + timedelta(minutes=3, seconds=20), speed=0)
    bench.listener(clock)
    hub = bench.hub(clock, history=timedelta(hours=2))
    assert run_until(hub, lambda: hub.progress() == 1.0)

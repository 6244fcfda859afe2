"""The hub's own time: what was recorded before the network set the clock is moved with it, once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.hub.own_clock import OwnClock
from ingest.hub.queue import HubQueue, Item

TRUE = 1_773_143_941.0  # what time it really is when the machine is switched on


class Machine:
    """A machine whose wall clock is off by so many seconds, and one steady clock for all its programs."""

    def __init__(self, off: float, name: str = "boot-1") -> None:
        self.off, self.up, self.name = off, 5.0, name

    def wall(self) -> float:
        return TRUE + self.up + self.off

    def steady(self) -> float:
        return self.up

    def clock(self, queue: HubQueue, sync_file: Path | None = None) -> OwnClock:
        return OwnClock(queue, wall=self.wall, steady=self.steady, machine=self.name, sync_file=sync_file)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[HubQueue]:
    queue = HubQueue(tmp_path / "queue.sqlite")
    yield queue
    queue.close()


def record(queue: HubQueue, machine: Machine) -> None:
    machine.up += 60
    queue.append([Item(machine.wall(), "M1", True)], recorded_until=machine.wall())


def errors(queue: HubQueue) -> list[float]:
    """How wrong the time of each reading held is, if they were recorded a minute apart from the beginning on."""
    return [round(held.at - (TRUE + 5 + 60 * i), 3) for i, held in enumerate(queue.after(0, limit=100), 1)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=6))
def test_however_often_it_is_set_what_is_held_has_the_time_of_the_last_setting(
    tmp_path_factory: pytest.TempPathFactory, offs: list[float]
) -> None:
    queue = HubQueue(tmp_path_factory.mktemp("hub") / "queue.sqlite")
    machine = Machine(off=-TRUE)
    clock = machine.clock(queue)
    for off in offs:
        record(queue, machine)
        machine.off = off
        clock.look()
    assert all(abs(error - offs[-1]) <= 2.0 * len(offs) for error in errors(queue))
    queue.close()


def test_a_program_that_is_started_again_moves_what_the_one_before_recorded(tmp_path: Path) -> None:
    machine = Machine(off=-TRUE)
    first = HubQueue(tmp_path / "queue.sqlite")
    machine.clock(first)
    record(first, machine)
    first.close()  # killed before the network had set the clock
    second = HubQueue(tmp_path / "queue.sqlite")
    clock = machine.clock(second)
    record(second, machine)
    machine.off = 0.0
    clock.look()
    assert errors(second) == [0.0, 0.0]
    second.close()
    third = HubQueue(tmp_path / "queue.sqlite")
    machine.clock(third)
    assert errors(third) == [0.0, 0.0]
    third.close()


def test_the_clock_was_set_while_no_program_ran(tmp_path: Path) -> None:
    machine = Machine(off=-TRUE)
    first = HubQueue(tmp_path / "queue.sqlite")
    machine.clock(first)
    record(first, machine)
    first.close()
    machine.off = 0.0
    for _ in range(2):  # and not a second time
        again = HubQueue(tmp_path / "queue.sqlite")
        machine.clock(again)
        assert errors(again) == [0.0]
        again.close()


def test_what_was_recorded_before_the_machine_went_down_stays_as_it_is(tmp_path: Path) -> None:
    machine = Machine(off=0.0)
    first = HubQueue(tmp_path / "queue.sqlite")
    machine.clock(first)
    record(first, machine)
    first.close()
    after_the_cut = Machine(off=-TRUE, name="boot-2")
    second = HubQueue(tmp_path / "queue.sqlite")
    clock = after_the_cut.clock(second)
    after_the_cut.off = 3600.0
    clock.look()
    assert errors(second) == [0.0]
    second.close()


def test_slewing_moves_nothing(queue: HubQueue) -> None:
    machine = Machine(off=0.0)
    clock = machine.clock(queue)
    record(queue, machine)
    for _ in range(1000):
        machine.off += 0.01
        assert clock.look() == 0.0
    assert errors(queue) == [0.0]


def test_whether_the_clock_is_set_is_seen_by_its_year_and_by_the_file_of_the_time_daemon(
    queue: HubQueue, tmp_path: Path
) -> None:
    assert not Machine(off=-TRUE).clock(queue).is_set
    assert Machine(off=0.0).clock(queue).is_set
    elsewhere = tmp_path / "no-such-daemon" / "synchronized"
    assert Machine(off=0.0).clock(queue, elsewhere).is_set
    there = tmp_path / "synchronized"
    clock = Machine(off=0.0).clock(queue, there)
    assert not clock.is_set
    there.touch()
    assert clock.is_set

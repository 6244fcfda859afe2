"""Partitions: how they are written, and that one worker at a time serves each."""

import contextlib
from collections.abc import Callable, Iterator

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.database import Conn, DatabaseSettings
from store.partition import ALL, Duty, PartitionLocks, parse_partitions, partitions_label, worker_name
from tests.ingest.wires import wait_until

HALF = frozenset(range(32))

some_partitions = st.frozensets(st.integers(min_value=0, max_value=63), min_size=1)
NewLocks = Callable[[], PartitionLocks]


@given(some_partitions)
def test_a_label_says_exactly_these_partitions(partitions: frozenset[int]) -> None:
    assert parse_partitions(partitions_label(partitions)) == partitions


@pytest.mark.parametrize("text", ["", "64", "31-00", "a", "0-", "-1", "0,,1", "00-31;32", "0-64"])
def test_what_is_no_partition_is_refused_with_its_words(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        parse_partitions(text)


def test_a_worker_of_all_partitions_has_no_surname() -> None:
    assert worker_name("ingest", ALL) == "ingest"
    assert worker_name("ingest", HALF) == "ingest 00-31"
    assert worker_name("anomaly", {7, 9, 10}) == "anomaly 07,09-10"


@pytest.fixture
def new_locks(settings: DatabaseSettings) -> Iterator[NewLocks]:
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(contextlib.closing(PartitionLocks(settings, Duty.INGEST)))


def test_who_comes_second_gets_only_what_is_free(new_locks: NewLocks) -> None:
    first, second = new_locks(), new_locks()
    assert first.take(HALF) == HALF
    assert second.take(ALL) == ALL - HALF
    first.give_back({0, 1})
    assert second.take({0, 1, 2}) == {0, 1}
    assert first.held == HALF - {0, 1}


def test_ingest_and_anomaly_do_not_stand_in_each_others_way(new_locks: NewLocks, settings: DatabaseSettings) -> None:
    with contextlib.closing(PartitionLocks(settings, Duty.ANOMALY)) as watching:
        assert new_locks().take(ALL) == watching.take(ALL) == ALL


def test_partitions_are_free_when_the_connection_of_their_worker_is_gone(new_locks: NewLocks, conn: Conn) -> None:
    dead, heir = new_locks(), new_locks()
    dead.take(HALF)
    assert heir.take(HALF) == frozenset()
    killed = conn.execute(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM"
        " (SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'advisory') AS holders"
    ).fetchone()
    assert killed == (1,)
    assert heir.take(HALF) == HALF
    assert not dead.is_alive()
    assert dead.held == frozenset()
    assert dead.take(HALF) == frozenset()  # it comes back, and finds them taken


def test_a_lost_database_is_told_and_nothing_is_held_any_more(new_locks: NewLocks, conn: Conn) -> None:
    locks = new_locks()
    locks.take({1})
    conn.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'")
    with pytest.raises(psycopg.OperationalError):
        locks.take({2})
    assert locks.held == frozenset()


def test_an_owner_is_known_to_those_who_stand_in_for_it(new_locks: NewLocks) -> None:
    owner, standby = new_locks(), new_locks()
    standby.take(HALF)
    assert standby.wanted_by_others(HALF) == frozenset()
    owner.want({1, 2, 40})
    assert standby.wanted_by_others(HALF) == {1, 2}
    assert owner.wanted_by_others(HALF) == frozenset()
    owner.close()
    assert wait_until(lambda: not standby.wanted_by_others(HALF))

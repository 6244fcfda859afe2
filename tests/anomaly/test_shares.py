"""Several workers share the homes: each home is watched by one, and by another when that one is gone."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from anomaly.main import watch
from anomaly.shares import Shares
from anomaly.worker import Worker
from store.clock import Clock
from store.database import Conn, DatabaseSettings, Pool
from store.deviation import open_deviations
from store.home import add_absence
from store.oversight import services_seen
from store.partition import ALL, worker_name
from store.routine import latest_snapshot, routine_of
from store.wakeup import Channel, Listener
from tests.anomaly.test_worker import AFTER, FALL, LIFE, Log, caught_up, said, stopped_at
from tests.ingest.wires import wait_until

pytestmark = pytest.mark.database

NewShares = Callable[..., Shares]
END = FALL + timedelta(hours=5)


@pytest.fixture
def new_shares(settings: DatabaseSettings) -> Iterator[NewShares]:
    with contextlib.ExitStack() as stack:

        def make(own: frozenset[int], standby: frozenset[int] = frozenset()) -> Shares:
            return stack.enter_context(contextlib.closing(Shares(settings, own=own, standby=standby)))

        yield make


def test_a_standby_takes_over_what_its_owner_has_left_and_gives_it_back(new_shares: NewShares) -> None:
    low, high = frozenset(range(32)), frozenset(range(32, 64))
    owner = new_shares(low)
    standby = new_shares(high, low)
    assert owner.look() == low
    assert standby.look() == high
    owner.close()
    assert wait_until(lambda: standby.look() == ALL)
    back = new_shares(low)
    assert back.look() == frozenset()  # still watched by the other
    assert wait_until(lambda: standby.look() == high)
    assert wait_until(lambda: back.look() == low)


def test_a_worker_that_takes_over_finds_what_the_dead_one_would_have_found(conn: Conn, pool: Pool) -> None:
    """The first dies after it has found and written something that is in no snapshot yet."""
    log, before = Log(conn), FALL + timedelta(hours=2)
    log.store(LIFE)
    caught_up(pool, FALL)
    log.store([row for row in AFTER if row.at < before])
    caught_up(pool, before)
    conn.execute("DELETE FROM routine_snapshot WHERE taken_at > %s", (FALL,))
    conn.commit()
    snapshot = latest_snapshot(conn, log.home.id)
    assert snapshot is not None
    assert snapshot.number < log.number
    conn.rollback()
    log.store([row for row in AFTER if row.at >= before])
    caught_up(pool, END)
    found = said(log.deviations())

    conn.execute("TRUNCATE deviation CASCADE")
    conn.execute("DELETE FROM routine_snapshot")
    conn.commit()
    caught_up(pool, END)  # one that never died
    assert sorted(found) == sorted(said(log.deviations()))
    assert any(each[5] is None for each in found)


def test_a_worker_watches_only_the_homes_of_its_partitions(conn: Conn, pool: Pool) -> None:
    mine, other = Log(conn, "K7"), Log(conn, "L2")
    assert mine.home.partition != other.home.partition
    for log in (mine, other):
        log.store(LIFE[:3000])
    worker = Worker(pool, clock=stopped_at(LIFE[3000].at), own={mine.home.partition})
    while worker.step():
        pass
    assert routine_of(conn, mine.home.id) is not None
    assert routine_of(conn, other.home.id) is None
    conn.rollback()
    worker.watch_only({other.home.partition})
    while worker.step():
        pass
    assert routine_of(conn, other.home.id) is not None
    assert worker.watched == 1


class StandingClock(Clock):
    """A clock that a test moves by hand."""

    def __init__(self, at: datetime) -> None:
        super().__init__(real_start=at, start=at)
        self.at = at

    def now(self) -> datetime:
        return self.at


def test_what_staff_note_is_heard_at_once_and_else_looked_at_in_turn(conn: Conn, pool: Pool) -> None:
    log, clock = Log(conn), StandingClock(END)
    log.store(LIFE)
    log.store(AFTER)
    worker = Worker(pool, clock=clock)
    while worker.step():
        pass
    assert open_deviations(conn, log.home.id)
    until = FALL + timedelta(days=2)
    add_absence(conn, log.home.id, from_at=FALL, until_at=until, reason="hospital", noted_by="staff:1")
    conn.commit()
    clock.at += timedelta(minutes=2)
    worker.step()
    assert open_deviations(conn, log.home.id)  # nobody has said anything, and its look is not due yet
    conn.rollback()
    worker.hear(str(log.home.id))
    clock.at += timedelta(minutes=2)
    worker.step()
    assert open_deviations(conn, log.home.id) == []


def test_the_database_tells_when_a_home_is_described_anew(conn: Conn, settings: DatabaseSettings) -> None:
    log = Log(conn)
    conn.commit()
    with contextlib.closing(Listener(settings, Channel.DESCRIPTION)) as listener:

        def heard() -> set[str]:
            conn.commit()
            return {payload for _, payload in listener.wait(timedelta(seconds=2), sleep=time.sleep)}

        assert heard() == {""}  # a new connection has heard nothing of what came before
        add_absence(conn, log.home.id, from_at=FALL, until_at=END, reason="holiday", noted_by="staff:1")
        assert heard() == {str(log.home.id)}
        conn.execute("UPDATE sensor SET room = 'kitchen' WHERE home_id = %s AND code = 'D1'", (log.home.id,))
        assert heard() == {str(log.home.id)}
        conn.execute("UPDATE home SET time_zone = 'Europe/Paris' WHERE id = %s", (log.home.id,))
        assert heard() == {str(log.home.id)}
        conn.execute("UPDATE sensor SET value = 1, last_heard_at = %s", (END,))  # what ingest does all the time
        assert heard() == set()


def test_a_second_service_takes_over_when_the_first_is_gone(settings: DatabaseSettings, conn: Conn) -> None:
    log = Log(conn)
    log.store(LIFE[:500])
    clock = stopped_at(LIFE[500].at)
    part = frozenset({log.home.partition})
    with contextlib.ExitStack() as stack:
        stop = [stack.enter_context(stopping()) for _ in range(2)]
        owner = threading.Thread(
            target=watch, args=(settings,), kwargs={"own": part, "standby": NONE, "clock": clock, "stop": stop[0]}
        )
        owner.start()
        assert wait_until(lambda: served_by(conn, worker_name("anomaly", part)) == part)
        standby = threading.Thread(
            target=watch, args=(settings,), kwargs={"own": ALL - part, "standby": part, "clock": clock, "stop": stop[1]}
        )
        standby.start()
        name = worker_name("anomaly", ALL - part)
        assert wait_until(lambda: served_by(conn, name) == ALL - part)
        stop[0].set()
        owner.join(30)
        assert wait_until(lambda: served_by(conn, name) == ALL, seconds=60)
        stop[1].set()
        standby.join(30)
        assert not owner.is_alive()
        assert not standby.is_alive()


NONE: frozenset[int] = frozenset()


@contextlib.contextmanager
def stopping() -> Iterator[threading.Event]:
    stop = threading.Event()
    try:
        yield stop
    finally:
        stop.set()


def served_by(conn: Conn, name: str) -> frozenset[int] | None:
    found = {seen.service: seen.partitions for seen in services_seen(conn)}
    conn.rollback()
    return found.get(name)

"""Partitions change hands, on a real broker and with traffic under way: nothing is lost, nothing is doubled."""

import queue
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.bench.brokers import BROKERS, mosquitto_program
from deploy.local_stack.lifeline import Lifeline
from ingest.broker_client import new_client
from store.clock import Clock, make_clock
from store.database import Conn, DatabaseSettings
from store.home import Home
from store.partition import parse_partitions
from tests.ingest.division import Site, Traffic, count, home_in, more_stored, stored
from tests.ingest.homes import rows
from tests.ingest.wires import wait_until

LONG = 240  # seconds: the machine may be busy
EVERYTHING, FIRST, SECOND = "00-63", "00-31", "32-63"

pytestmark = pytest.mark.database


@pytest.fixture
def clock() -> Clock:
    return make_clock()


@pytest.fixture
def site(settings: DatabaseSettings, tmp_path: Path, lifeline: Lifeline) -> Iterator[Site]:
    if mosquitto_program() is None:
        pytest.skip("mosquitto is not installed")
    broker = BROKERS["mosquitto"](tmp_path / "broker", lifeline)
    site = Site(broker=broker, database_url=settings.database_url, folder=tmp_path)
    try:
        yield site
    finally:
        site.close()
        broker.stop()


@pytest.fixture
def homes(conn: Conn, clock: Clock) -> list[Home]:
    halves = enumerate((FIRST, SECOND))
    return [home_in(conn, parse_partitions(part), clock=clock, number=number) for number, part in halves]


def test_one_worker_becomes_two_and_one_of_them_dies(site: Site, homes: list[Home], conn: Conn, clock: Clock) -> None:
    everything, first, second = EVERYTHING, FIRST, SECOND
    alone = site.worker("--partitions", everything)
    assert wait_until(lambda: "session new" in site.log_of(alone), seconds=LONG)
    with Traffic(site, homes, clock=clock) as traffic:
        with more_stored(conn, seconds=LONG):
            pass
        alone.send_signal(signal.SIGTERM)
        assert alone.wait(60) == 0

        change = site.worker("--drain", everything, "--into", first, "--into", second)
        assert change.wait(LONG) == 0, site.log_of(change)
        assert "1 old sessions removed, 2 new ones made" in site.log_of(change)

        with more_stored(conn, at_least=60, seconds=LONG):
            low, high = site.worker("--partitions", first), site.worker("--partitions", second)
            standby = site.worker("--partitions", first)  # the same ones, by mistake or on purpose
            assert wait_until(lambda: is_serving(site, low) or is_serving(site, standby), seconds=LONG)
        assert sum(is_serving(site, each) for each in (low, standby)) == 1

        # A bridge's message without number or time may be told twice by whoever dies between commit and answer: best
        # effort, by decision. What is promised of a death is promised to numbered readings.
        traffic.bridged_too = False
        bridged = Counter({said: times for said, times in traffic.said.items() if said[1] == "T1"})
        assert wait_until(lambda: not bridged - stored(conn), seconds=LONG)

        serving, waiting = (low, standby) if is_serving(site, low) else (standby, low)
        assert wait_until(lambda: "served by another worker" in site.log_of(waiting), seconds=LONG)
        serving.send_signal(signal.SIGKILL)
        serving.wait()
        assert wait_until(lambda: is_serving(site, waiting), seconds=LONG)
        with more_stored(conn, at_least=60, seconds=LONG):
            pass
        assert high.poll() is None
    expected = traffic.said
    wait_until(lambda: count(conn) >= expected.total(), seconds=LONG)
    assert sorted((stored(conn) - expected).items()) == []
    assert sorted((expected - stored(conn)).items()) == []
    assert not has_session(site, everything)
    names = {name for (name,) in rows(conn, "SELECT service FROM service_seen")}
    assert names == {f"ingest {first}", f"ingest {second}"}


def test_an_old_session_is_emptied_while_another_worker_has_taken_over_already(
    site: Site, homes: list[Home], conn: Conn, clock: Clock
) -> None:
    """Two sessions bring the same readings of the same homes to two writers at once."""
    everything, first, second = EVERYTHING, FIRST, SECOND
    alone = site.worker("--partitions", everything)
    assert wait_until(lambda: "session new" in site.log_of(alone), seconds=LONG)
    with Traffic(site, homes, clock=clock, bridged_too=False) as traffic:
        with more_stored(conn, seconds=LONG):
            pass
        alone.send_signal(signal.SIGKILL)  # its session fills from now on, and nobody reads it
        alone.wait()
        conn.execute("UPDATE service_seen SET seen_at = seen_at - interval '1 hour'")
        conn.commit()
        with more_stored(conn, seconds=LONG):
            low, high = site.worker("--partitions", first), site.worker("--partitions", second)
            assert wait_until(lambda: is_serving(site, low) and is_serving(site, high), seconds=LONG)
        drain = site.worker("--drain", everything)
        assert drain.wait(LONG) == 0, site.log_of(drain)
    expected = traffic.said
    wait_until(lambda: count(conn) >= expected.total(), seconds=LONG)
    assert sorted((stored(conn) - expected).items()) == []
    assert sorted((expected - stored(conn)).items()) == []
    for home in homes:
        numbers = [
            number
            for (number,) in conn.execute(
                """
                SELECT number FROM sensor_event WHERE home_id = %(home)s
                 UNION ALL SELECT number FROM hub_check_in WHERE home_id = %(home)s ORDER BY number
                """,
                {"home": home.id},
            ).fetchall()
        ]
        assert numbers == list(range(1, len(numbers) + 1))
    conn.rollback()


def test_nobody_drains_what_is_being_served(site: Site, homes: list[Home]) -> None:
    everything, first, second = EVERYTHING, FIRST, SECOND
    alone = site.worker("--partitions", everything)
    assert wait_until(lambda: is_serving(site, alone), seconds=LONG)
    change = site.worker("--drain", everything, "--into", first, "--into", second)
    assert change.wait(60) == 1
    assert f"partitions {everything} are being served: stop their worker first" in site.log_of(change)
    wrong = site.worker("--drain", everything, "--into", first)
    assert wrong.wait(60) == 2
    assert f"nobody would take partitions {second}" in site.log_of(wrong)
    nonsense = site.worker("--partitions", "00-64")
    assert nonsense.wait(60) == 2
    assert "'00-64' is not within 0 to 63" in site.log_of(nonsense)


def is_serving(site: Site, worker: "subprocess.Popen[bytes]") -> bool:
    return "are ours" in site.log_of(worker)


def has_session(site: Site, partitions: str) -> bool:
    """Whether the broker still has the session of the worker with these partitions."""
    answer: queue.SimpleQueue[bool] = queue.SimpleQueue()
    client = new_client(site.settings().with_partitions(parse_partitions(partitions)))
    client.on_connect = lambda _, __, flags, *___: answer.put(bool(flags.session_present))
    client.connect(site.broker.host, site.broker.port)
    client.loop_start()
    try:
        return answer.get(timeout=20)
    finally:
        client.disconnect()
        client.loop_stop()

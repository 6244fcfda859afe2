"""Partitions change hands, on a real broker and with traffic under way: nothing is lost, nothing is doubled."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.bench.brokers import BROKERS, mosquitto_program
from deploy.local_stack.lifeline import Lifeline
from store.clock import Clock, make_clock
from store.database import Conn, DatabaseSettings
from store.home import Home
from tests.ingest.division import (
    EVERYTHING,
    FIRST,
    LONG,
    SECOND,
    Site,
    Traffic,
    count,
    is_serving,
    more_stored,
    one_becomes_two_and_one_of_them_dies,
    one_home_in_each_half,
    stored,
)
from tests.ingest.wires import wait_until

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
    return one_home_in_each_half(conn, clock)


def test_one_worker_becomes_two_and_one_of_them_dies(site: Site, homes: list[Home], conn: Conn, clock: Clock) -> None:
    one_becomes_two_and_one_of_them_dies(site, homes, conn, clock)


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

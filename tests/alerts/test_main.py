"""The whole service in its threads: fast, stopped at once, and not to be put off by a database that goes away."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from alerts.letterhead import Letterhead
from alerts.main import run_with
from store.alert import Alert, AlertState, open_alerts_of
from store.clock import Clock, make_clock
from store.database import Conn, DatabaseSettings, Pool
from store.deviation import Deviation, DeviationKind, Grade, finding_id, save_deviation
from store.inbound import keep_inbound
from store.oversight import services_seen
from store.wakeup import Channel, wake
from tests.alerts.conftest import Desk
from tests.alerts.fake_gateway import FakeGateway


@contextmanager
def running(pool: Pool, settings: DatabaseSettings, gateway: FakeGateway, clock: Clock) -> Iterator[threading.Event]:
    stop = threading.Event()
    letterhead = Letterhead(service="Telecare", public_url="https://t.example.org")
    thread = threading.Thread(
        target=run_with, args=(pool, settings, gateway, letterhead), kwargs={"clock": clock, "stop": stop}
    )
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(6)
        assert not thread.is_alive()


def until(condition: object, *, within: float = 10.0) -> float:
    assert callable(condition)
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < within, "it did not happen in time"
        time.sleep(0.01)
    return time.monotonic() - begun


def find(pool: Pool, desk: Desk, now: datetime) -> None:
    started_at = now - timedelta(hours=3)
    with pool.connection() as conn:
        save_deviation(
            conn,
            Deviation(
                id=finding_id("K7", "inactivity", started_at),
                home_id=desk.home.id,
                kind=DeviationKind.INACTIVITY,
                grade=Grade.URGENT,
                raised_at=now,
                started_at=started_at,
                ended_at=None,
                once_in_days=400.0,
                explanation="No movement since 09:00.",
            ),
        )
        wake(conn, Channel.FINDING)


def open_alerts(pool: Pool, desk: Desk) -> list[Alert]:
    with pool.connection() as conn:
        return open_alerts_of(conn, desk.organisation_id)


def test_from_the_commit_of_a_finding_to_the_provider_takes_seconds_at_most_and_a_reply_is_acted_on(
    pool: Pool, settings: DatabaseSettings, desk: Desk
) -> None:
    gateway, clock = FakeGateway(), make_clock()
    with running(pool, settings, gateway, clock):
        until(lambda: _seen(pool))
        find(pool, desk, clock.now())
        assert until(lambda: gateway.taken) < 5
        with pool.connection() as conn:
            keep_inbound(conn, provider_id="SM1", phone=desk.ann.phone, body="1", now=clock.now())
        until(lambda: [alert.state for alert in open_alerts(pool, desk)] == [AlertState.ACKNOWLEDGED])
        until(lambda: len(gateway.taken) == 2)


def test_it_goes_on_when_the_database_cuts_every_connection(
    pool: Pool, conn: Conn, settings: DatabaseSettings, desk: Desk
) -> None:
    gateway, clock = FakeGateway(), make_clock()
    with running(pool, settings, gateway, clock):
        until(lambda: _seen(pool))
        conn.execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()
            """
        )
        conn.commit()
        find(pool, desk, clock.now())
        until(lambda: gateway.taken, within=20)


def test_it_stops_within_five_seconds_also_at_sixty_times_the_speed(
    pool: Pool, settings: DatabaseSettings, desk: Desk
) -> None:
    real = make_clock()
    clock = Clock(real_start=real.now(), start=real.now(), speed=60.0)
    gateway = FakeGateway()
    with running(pool, settings, gateway, clock) as stop:
        find(pool, desk, clock.now())
        until(lambda: len(gateway.taken) >= 2)  # three minutes of the service's time are three seconds
        begun = time.monotonic()
        stop.set()
    assert time.monotonic() - begun < 5


def _seen(pool: Pool) -> bool:
    with pool.connection() as conn:
        return "alerts" in {seen.service for seen in services_seen(conn)}

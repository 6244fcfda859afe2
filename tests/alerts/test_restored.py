"""The database was put back from a backup: what was sent after the backup must not go out a second time."""

from datetime import datetime, timedelta

import pytest

from store.alert import AlertState
from store.database import Conn, Pool
from store.notification import NotificationState, notifications_of
from store.restored import note_restored
from tests.alerts.conftest import Desk, HandClock, Service
from tests.alerts.fake_gateway import FakeGateway

pytestmark = pytest.mark.database


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def quiet(service_pool: Pool, clock: HandClock, gateway: FakeGateway, desk: Desk) -> Service:
    return Service(pool=service_pool, clock=clock, gateway=gateway, desk=desk)


def put_back(conn: Conn, *, to: str, taken_at: datetime, now: datetime) -> None:
    """As the tables were when the backup was taken: the text was queued, or not even that."""
    conn.execute("DELETE FROM alert_history WHERE event IN ('accepted', 'told')")
    conn.execute("UPDATE alert SET state = 'open', notified_at = NULL")
    if to == "queued":
        conn.execute(
            "UPDATE notification SET state = 'due', provider_id = NULL, attempts = 0, accepted_at = NULL,"
            " due_at = created_at, lease_until = NULL"
        )
    else:
        conn.execute("DELETE FROM notification")
        conn.execute("UPDATE alert SET round = 0, step = 0, next_at = opened_at")
    note_restored(conn, taken_at=taken_at, now=now)
    conn.commit()


@pytest.mark.parametrize("to", ["queued", "not yet queued"])
def test_a_text_that_went_out_after_the_backup_is_found_at_the_provider_and_not_sent_again(
    quiet: Service, gateway: FakeGateway, conn: Conn, to: str
) -> None:
    quiet.finds()
    taken_at = quiet.clock.now()
    quiet.run()
    assert len(gateway.taken) == 1

    quiet.clock.advance(timedelta(minutes=2))
    put_back(conn, to=to, taken_at=taken_at, now=quiet.clock.now())
    quiet.run()

    assert len(gateway.taken) == 1
    (notification,) = notifications_of(conn, quiet.alert.id)
    assert notification.state == NotificationState.ACCEPTED
    assert quiet.alert.state == AlertState.NOTIFIED


def test_what_was_not_sent_before_the_restore_is_sent_after_it(
    quiet: Service, gateway: FakeGateway, conn: Conn
) -> None:
    quiet.finds()
    quiet.worker.step()  # queued, and then the machine died
    conn.rollback()
    note_restored(conn, taken_at=quiet.clock.now(), now=quiet.clock.now() + timedelta(minutes=1))
    conn.commit()
    quiet.clock.advance(timedelta(minutes=2))
    quiet.run()
    assert len(gateway.taken) == 1
    assert gateway.lookups >= 1


def test_an_alert_opened_after_the_restore_is_sent_without_asking_first(
    quiet: Service, gateway: FakeGateway, conn: Conn
) -> None:
    note_restored(conn, taken_at=quiet.clock.now() - timedelta(hours=1), now=quiet.clock.now())
    conn.commit()
    quiet.clock.advance(timedelta(minutes=1))
    quiet.finds()
    quiet.run()
    assert len(gateway.taken) == 1
    assert gateway.lookups == 0


def test_without_the_note_of_the_restore_the_text_would_have_gone_out_twice(
    quiet: Service, gateway: FakeGateway, conn: Conn
) -> None:
    quiet.finds()
    quiet.run()
    conn.execute("UPDATE notification SET state = 'due', provider_id = NULL, attempts = 0, due_at = created_at")
    conn.execute("UPDATE alert SET state = 'open'")
    conn.commit()
    quiet.run()
    assert len(gateway.taken) == 2

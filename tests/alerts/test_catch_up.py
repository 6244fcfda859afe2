"""After a restore: what people answered since the backup is fetched from the provider, and acted on once."""

import logging
from datetime import datetime, timedelta

import pytest

from alerts.catch_up import AGAIN_AFTER, CatchUp
from alerts.gateway import ReceivedMessage, SendFailed
from store.alert import AlertState, Event, How, Outcome, close, history_of
from store.database import Conn, Pool
from store.inbound import keep_inbound
from store.response import Responder
from store.restored import answers_unread_since, note_restored
from tests.alerts.conftest import Desk, HandClock, Service
from tests.alerts.fake_gateway import FakeGateway
from tests.alerts.test_restored import put_back
from tests.ingest.homes import rows

pytestmark = pytest.mark.database
MINUTE = timedelta(minutes=1)


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def quiet(service_pool: Pool, clock: HandClock, gateway: FakeGateway, desk: Desk) -> Service:
    return Service(pool=service_pool, clock=clock, gateway=gateway, desk=desk)


@pytest.fixture
def catch_up(service_pool: Pool, clock: HandClock, gateway: FakeGateway) -> CatchUp:
    return CatchUp(service_pool, gateway, clock)


def came(gateway: FakeGateway, person: Responder, body: str, at: datetime) -> ReceivedMessage:
    message = ReceivedMessage(
        provider_id=f"SM{len(gateway.received):032d}", phone=person.phone, body=body, received_at=at
    )
    gateway.received.append(message)
    return message


def texts_to(gateway: FakeGateway, person: Responder) -> list[str]:
    return [taken.message.body for taken in gateway.taken if taken.phone == person.phone]


@pytest.mark.parametrize("to", ["queued", "not yet queued", "sent"])
def test_who_answered_after_the_backup_has_it_and_nobody_is_asked_again(
    quiet: Service, gateway: FakeGateway, catch_up: CatchUp, conn: Conn, desk: Desk, clock: HandClock, to: str
) -> None:
    quiet.finds()
    taken_at = clock.now()
    quiet.run()
    assert len(texts_to(gateway, desk.ann)) == 1
    clock.advance(MINUTE)
    came(gateway, desk.ann, "1", clock.now())
    clock.advance(10 * MINUTE)
    if to == "sent":  # the backup was taken a little later: it knows of the text, and its ladder is long due
        note_restored(conn, taken_at=taken_at, now=clock.now())
        conn.commit()
    else:
        put_back(conn, to=to, taken_at=taken_at, now=clock.now())
    assert catch_up.step()
    clock.advance(MINUTE)
    quiet.run_for(5 * MINUTE)
    assert quiet.alert.state is AlertState.ACKNOWLEDGED
    assert texts_to(gateway, desk.ben) == []
    assert sum("Reply 1" in text for text in texts_to(gateway, desk.ann)) == 1  # asked once
    results = rows(conn, "SELECT result FROM inbound_message")
    assert results == [("acknowledged (came before the restore)",)]
    (line,) = quiet.reasons(Event.RESTORED)
    assert line.startswith(f"restored from a backup of {taken_at:%Y-%m-%d %H:%M} UTC")


def test_each_reply_is_acted_on_once_however_often_the_list_is_read(
    quiet: Service, gateway: FakeGateway, catch_up: CatchUp, conn: Conn, desk: Desk, clock: HandClock
) -> None:
    quiet.finds()
    quiet.run()
    known = came(gateway, desk.ann, "2", clock.now())
    keep_inbound(conn, provider_id=known.provider_id, phone=known.phone, body=known.body, now=known.received_at)
    conn.commit()
    quiet.run()
    assert len(quiet.reasons(Event.HANDED_OVER)) == 1
    note_restored(conn, taken_at=clock.now(), now=clock.now() + MINUTE)
    conn.commit()
    came(gateway, desk.ann, "1", clock.now())
    clock.advance(2 * MINUTE)
    for _ in range(3):
        catch_up.step()
        quiet.run()
        clock.advance(AGAIN_AFTER)
    assert len(quiet.reasons(Event.HANDED_OVER)) == 1
    assert len(quiet.reasons(Event.ACKNOWLEDGED)) == 1


def test_a_late_answer_about_nothing_we_know_is_kept_and_not_answered(
    quiet: Service, gateway: FakeGateway, catch_up: CatchUp, conn: Conn, desk: Desk, clock: HandClock
) -> None:
    """Its alert was opened after the backup. Hours later nobody would know what our answer is about."""
    came(gateway, desk.ann, "1", clock.now())
    note_restored(conn, taken_at=clock.now() - MINUTE, now=clock.now() + MINUTE)
    conn.commit()
    clock.advance(2 * MINUTE)
    assert catch_up.step()
    quiet.run_for(5 * MINUTE)
    assert gateway.taken == []
    assert rows(conn, "SELECT handled_at IS NOT NULL FROM inbound_message") == [(True,)]
    quiet.hears(desk.ann, "1")  # now, and answered as ever
    assert len(gateway.taken) == 1


def test_who_said_stop_after_the_backup_is_not_written_to(
    quiet: Service, gateway: FakeGateway, catch_up: CatchUp, conn: Conn, desk: Desk, clock: HandClock
) -> None:
    came(gateway, desk.ann, "STOP", clock.now())
    note_restored(conn, taken_at=clock.now() - MINUTE, now=clock.now() + MINUTE)
    conn.commit()
    clock.advance(2 * MINUTE)
    catch_up.step()
    quiet.run()
    quiet.finds()
    quiet.run_for(5 * MINUTE)
    assert texts_to(gateway, desk.ann) == []
    assert texts_to(gateway, desk.ben)


def test_while_the_provider_is_away_it_is_tried_again_and_alerts_go_on(
    quiet: Service,
    gateway: FakeGateway,
    catch_up: CatchUp,
    conn: Conn,
    desk: Desk,
    clock: HandClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    quiet.finds()
    quiet.run()
    came(gateway, desk.ann, "1", clock.now())
    note_restored(conn, taken_at=clock.now() - MINUTE, now=clock.now() + MINUTE)
    conn.commit()
    clock.advance(2 * MINUTE)
    gateway.when_reading.append(SendFailed("HTTP 503"))
    with caplog.at_level(logging.WARNING):
        assert not catch_up.step()
    assert "cannot be read yet: HTTP 503" in caplog.text
    assert not catch_up.step()  # not at once
    clock.advance(MINUTE)
    assert catch_up.step()
    quiet.run()
    assert quiet.alert.state is AlertState.ACKNOWLEDGED


def test_the_list_is_read_again_for_what_came_before_the_pages_were_up_and_then_no_more(
    quiet: Service, gateway: FakeGateway, catch_up: CatchUp, conn: Conn, desk: Desk, clock: HandClock
) -> None:
    note_restored(conn, taken_at=clock.now() - MINUTE, now=clock.now())
    conn.commit()
    catch_up.step()
    came(gateway, desk.ann, "START", clock.now() + MINUTE)
    clock.advance(AGAIN_AFTER)
    assert catch_up.step()
    assert answers_unread_since(conn) is None
    conn.commit()
    gateway.when_reading.append(AssertionError("nobody asks any more"))
    clock.advance(AGAIN_AFTER)
    assert not catch_up.step()


def test_a_service_that_was_never_restored_asks_nothing(gateway: FakeGateway, catch_up: CatchUp) -> None:
    gateway.when_reading.append(AssertionError("nothing to ask"))
    assert not catch_up.step()


def test_only_open_alerts_get_the_line_and_get_it_once(quiet: Service, conn: Conn, clock: HandClock) -> None:
    quiet.finds()
    quiet.run()
    closed = quiet.alert
    assert close(conn, closed.id, Outcome.FALSE_ALARM, by="staff:1", how=How.PAGE, reason="", now=clock.now())
    conn.commit()
    quiet.finds_fault()
    quiet.run()
    for _ in range(2):
        note_restored(conn, taken_at=clock.now() - MINUTE, now=clock.now())
    conn.commit()
    assert len(quiet.reasons(Event.RESTORED)) == 1
    assert [entry for entry in history_of(conn, closed.id) if entry.event is Event.RESTORED] == []
    conn.commit()

"""Claim, send, settle: what happens when a worker dies, the provider is silent, or two workers are at it."""

import threading
from datetime import timedelta

import pytest

from alerts.gateway import SendFailed
from alerts.sender import LEASE, WAIT_FOR_RECEIPT, Sender
from simulators.phone.mischief import Misbehaviour
from simulators.phone.running import RunningPhones
from store.alert import AlertState, Event, How, acknowledge, by_staff
from store.database import Pool
from store.deviation import DeviationKind
from store.inbound import keep_callback
from store.notification import Notification, NotificationState, notifications_of
from tests.alerts.conftest import Desk, HandClock, Service, Texts
from tests.alerts.fake_gateway import FakeGateway, Killed


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def quiet(pool: Pool, clock: HandClock, gateway: FakeGateway, desk: Desk) -> Service:
    """The service on a gateway that fails on command."""
    return Service(pool=pool, clock=clock, gateway=gateway, desk=desk)


def notifications(service: Service) -> list[Notification]:
    with service.pool.connection() as conn:
        return notifications_of(conn, service.alert.id)


@pytest.mark.parametrize("was_sent", [True, False])
def test_a_worker_killed_while_sending_is_replaced_after_the_lease_and_nothing_is_doubled_or_lost(
    quiet: Service, gateway: FakeGateway, was_sent: bool
) -> None:
    (gateway.after if was_sent else gateway.before).append(Killed())
    quiet.finds()
    with pytest.raises(Killed):
        quiet.run()

    quiet.run()
    assert len(gateway.taken) == was_sent  # the lease still runs
    quiet.clock.advance(LEASE)
    quiet.run()

    assert len(gateway.taken) == 1
    assert gateway.lookups == 1
    assert notifications(quiet)[0].state == NotificationState.ACCEPTED
    assert quiet.alert.state == AlertState.NOTIFIED


@pytest.mark.parametrize("was_sent", [True, False])
def test_after_an_unknown_outcome_it_waits_looks_and_only_then_sends_again(
    quiet: Service, gateway: FakeGateway, was_sent: bool
) -> None:
    (gateway.after if was_sent else gateway.before).append(SendFailed("time-out", outcome_unknown=True))
    quiet.finds()
    quiet.run()
    assert notifications(quiet)[0].state == NotificationState.UNKNOWN
    assert quiet.alert.notified_at is None  # nobody pretends that it was sent
    assert gateway.lookups == 0

    quiet.clock.advance(WAIT_FOR_RECEIPT)
    quiet.run()

    assert gateway.lookups == 1
    assert len(gateway.taken) == 1
    assert quiet.alert.state == AlertState.NOTIFIED
    assert quiet.reasons(Event.DELAYED) == ["time-out"]


def test_a_receipt_settles_an_unknown_outcome_without_looking(quiet: Service, gateway: FakeGateway) -> None:
    gateway.after.append(SendFailed("time-out", outcome_unknown=True))
    quiet.finds()
    quiet.run()
    (taken,) = gateway.taken
    with quiet.pool.connection() as conn:
        keep_callback(
            conn,
            provider_id=taken.message.provider_id,
            notification_id=taken.notification_id,
            status="sent",
            error_code=None,
            now=quiet.clock.now(),
        )
    quiet.run()
    assert notifications(quiet)[0].state == NotificationState.SENT
    assert quiet.alert.state == AlertState.NOTIFIED

    quiet.clock.advance(WAIT_FOR_RECEIPT)
    quiet.run()
    assert (len(gateway.taken), gateway.lookups) == (1, 0)


def test_a_look_up_that_fails_sends_nothing_until_one_succeeds(quiet: Service, gateway: FakeGateway) -> None:
    gateway.after.append(SendFailed("time-out", outcome_unknown=True))
    gateway.when_reading += [SendFailed("HTTP 429", retry_after=timedelta(seconds=5)), SendFailed("refused")]
    quiet.finds()
    quiet.run_for(timedelta(minutes=1), by=timedelta(seconds=5))
    assert len(gateway.taken) == 1
    assert gateway.lookups == 3
    assert notifications(quiet)[0].state == NotificationState.ACCEPTED


def test_retry_after_is_honoured(quiet: Service, gateway: FakeGateway) -> None:
    gateway.before.append(SendFailed("HTTP 429", retry_after=timedelta(seconds=20)))
    quiet.finds()
    quiet.run_for(timedelta(seconds=19), by=timedelta(seconds=1))
    assert gateway.taken == []
    quiet.clock.advance(timedelta(seconds=1))
    quiet.run()
    assert len(gateway.taken) == 1


def test_a_wrong_number_asks_the_next_person_at_once(quiet: Service, gateway: FakeGateway) -> None:
    gateway.before.append(SendFailed("HTTP 400, error 21211", permanent=True, error_code=21211))
    quiet.finds()
    quiet.run()
    assert [taken.phone for taken in gateway.taken] == [quiet.desk.ben.phone]
    assert quiet.reasons(Event.NOT_DELIVERED) == ["HTTP 400, error 21211"]
    assert quiet.reasons(Event.SKIPPED) == ["nobody of this step got the text: the next at once"]


def test_wrong_credentials_lose_nothing(quiet: Service, gateway: FakeGateway) -> None:
    gateway.before += [SendFailed("HTTP 401, error 20003", configuration=True, error_code=20003)] * 3
    quiet.finds()
    quiet.run_for(timedelta(seconds=100), by=timedelta(seconds=10))
    assert len(gateway.taken) == 1
    assert quiet.reasons(Event.DELAYED) == ["HTTP 401, error 20003"]


def test_what_was_taken_on_meanwhile_is_not_sent(quiet: Service, gateway: FakeGateway) -> None:
    gateway.before.append(SendFailed("cannot be reached"))
    quiet.finds()
    quiet.run()
    with quiet.pool.connection() as conn:
        acknowledge(conn, quiet.alert.id, by=by_staff(4), how=How.PAGE, now=quiet.clock.now())
    quiet.run_for(timedelta(minutes=1))
    assert gateway.taken == []
    assert quiet.reasons(Event.WITHDRAWN) == ["no longer needed"]


def test_after_an_outage_each_person_gets_one_text_and_not_one_for_every_step(
    quiet: Service, gateway: FakeGateway
) -> None:
    gateway.before += [SendFailed("cannot be reached")] * 10_000
    quiet.finds()
    quiet.run_for(timedelta(minutes=12))
    gateway.before.clear()
    quiet.run_for(timedelta(seconds=30))
    phones = [taken.phone for taken in gateway.taken]
    assert sorted(phones) == sorted({quiet.desk.ann.phone, quiet.desk.ben.phone})


def test_a_provider_that_hangs_on_one_text_does_not_hold_up_the_others(quiet: Service, gateway: FakeGateway) -> None:
    quiet.finds()
    quiet.finds(home=quiet.desk.other_home)
    second = Sender(quiet.pool, gateway, quiet.clock)
    hangs, goes_on = threading.Event(), threading.Event()

    def hang_once() -> None:
        gateway.while_sending = lambda: None
        hangs.set()
        assert goes_on.wait(10)

    gateway.while_sending = hang_once
    while quiet.worker.step():
        pass
    thread = threading.Thread(target=quiet.sender.send_one)
    thread.start()
    assert hangs.wait(10)
    assert second.send_one()
    assert len(gateway.taken) == 1
    goes_on.set()
    thread.join()
    assert len(gateway.taken) == 2


def test_two_workers_and_four_senders_at_once_tell_each_person_once(quiet: Service, gateway: FakeGateway) -> None:
    for home in (quiet.desk.home, quiet.desk.other_home):
        for kind in list(DeviationKind)[:6]:
            quiet.finds(kind, home=home)
    errors: list[BaseException] = []

    def work(step: object) -> None:
        assert callable(step)
        try:
            idle = 0
            while idle < 5:
                idle = 0 if step() else idle + 1
        except BaseException as exc:
            errors.append(exc)

    steps = [quiet.worker.step, quiet.another_worker().step]
    steps += [Sender(quiet.pool, gateway, quiet.clock).send_one for _ in range(4)]
    for _ in range(2):  # the second time for what came while a thread had given up
        threads = [threading.Thread(target=work, args=(step,)) for step in steps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert errors == []
    assert len(quiet.open) == 12
    bodies = [taken.message.body for taken in gateway.taken]
    assert len(bodies) == len(set(bodies)) == 12
    assert {taken.phone for taken in gateway.taken} == {quiet.desk.ann.phone}


@pytest.mark.parametrize(
    "misbehaviour", ["500_after_accepting", "drop_after_accepting", "invalid_json", "500_before_accepting"]
)
def test_over_the_wire_a_lost_answer_never_means_two_texts_or_none(
    misbehaviour: str, service: Service, texts: Texts, phones: RunningPhones
) -> None:
    phones.misbehave(
        Misbehaviour(name=misbehaviour, times=1, to=service.desk.ann.phone), Misbehaviour(name="callbacks_lost")
    )
    service.finds()
    service.run_for(timedelta(minutes=2), by=timedelta(seconds=5))
    assert len(texts.new_to(service.desk.ann)) == 1


@pytest.mark.parametrize("misbehaviour", ["callbacks_doubled", "callbacks_reordered", "callbacks_forged"])
def test_receipts_in_any_order_never_take_a_state_back(
    misbehaviour: str, service: Service, texts: Texts, phones: RunningPhones
) -> None:
    phones.misbehave(Misbehaviour(name=misbehaviour, seconds=0.1))
    service.finds()
    service.run()
    assert len(texts.new_to(service.desk.ann)) == 1
    phones.settle()
    service.run()
    expected = NotificationState.ACCEPTED if misbehaviour == "callbacks_forged" else NotificationState.DELIVERED
    assert notifications(service)[0].state == expected


def test_when_receipts_are_lost_the_provider_is_asked_and_the_next_person_need_not_wait(
    service: Service, texts: Texts, phones: RunningPhones
) -> None:
    phones.misbehave(Misbehaviour(name="undelivered", to=service.desk.ann.phone), Misbehaviour(name="callbacks_lost"))
    service.finds()
    service.run()
    phones.settle()
    service.clock.advance(timedelta(seconds=20))
    assert service.sender.ask_one()
    service.run()
    assert len(texts.new_to(service.desk.ben)) == 1

"""What a responder's reply does, and what it may not do."""

from datetime import timedelta

import pytest

from simulators.phone.running import RunningPhones
from store.alert import AlertState, Event, How, Outcome, by_responder, by_staff, close, hand_over
from store.deviation import DeviationKind, Grade
from tests.alerts.conftest import Service, Texts


def result_of_last(service: Service) -> str:
    with service.pool.connection() as conn:
        row = conn.execute("SELECT result FROM inbound_message ORDER BY received_at DESC, handled_at DESC").fetchone()
    assert row is not None
    return str(row[0])


@pytest.fixture
def both_told(service: Service, texts: Texts) -> Service:
    """An urgent alert that Ann and then Ben were texted about."""
    service.finds()
    service.run()
    service.clock.advance(timedelta(minutes=3))
    service.run()
    assert len(texts.new_to(service.desk.ann)) == 1
    assert len(texts.new_to(service.desk.ben)) == 1
    return service


def test_one_takes_it_on_and_the_other_is_stood_down(both_told: Service, texts: Texts, phones: RunningPhones) -> None:
    service = both_told
    phones.reply(service.desk.ben.phone, "1")  # over the network and the signed webhook
    phones.settle()
    service.run()

    alert = service.alert
    assert (alert.state, alert.acknowledged_by) == (AlertState.ACKNOWLEDGED, by_responder(service.desk.ben.id))
    (confirmed,) = texts.new_to(service.desk.ben)
    assert confirmed.startswith(f"Telecare K7 ({alert.code}): it is yours, thank you.")
    assert texts.new_to(service.desk.ann) == [f"Telecare K7 ({alert.code}): taken on by a colleague. You need not act."]
    service.run_for(timedelta(minutes=30), by=timedelta(minutes=1))  # the ladder rests


def test_of_two_at_once_the_first_wins_and_the_second_is_told(both_told: Service, texts: Texts) -> None:
    service = both_told
    service.hears(service.desk.ann, "1")
    service.hears(service.desk.ben, "1")

    assert service.alert.acknowledged_by == by_responder(service.desk.ann.id)
    assert "it is yours" in texts.new_to(service.desk.ann)[0]
    assert texts.new_to(service.desk.ben) == [
        f"Telecare K7 ({service.alert.code}): taken on by a colleague. You need not act.",
        f"Telecare K7 ({service.alert.code}): a colleague has it already. You need not act.",
    ]


def test_the_same_message_twice_does_nothing_more(service: Service, texts: Texts) -> None:
    service.finds()
    service.run()
    service.hears(service.desk.ann, "2", sid="SM1")
    service.hears(service.desk.ann, "2", sid="SM1")

    assert len(service.reasons(Event.HANDED_OVER)) == 1
    assert len(texts.new_to(service.desk.ann)) == 2
    assert len(texts.new_to(service.desk.ben)) == 1


def test_two_passes_it_on_at_once(service: Service, texts: Texts) -> None:
    service.finds()
    service.run()
    service.hears(service.desk.ann, f"2 {service.alert.code}")

    assert len(texts.new_to(service.desk.ben)) == 1
    assert texts.new_to(service.desk.ann)[1].endswith("passed on to the next person.")
    assert service.reasons(Event.HANDED_OVER) == ["answered 2: the next person at once"]


def test_passing_on_late_does_not_hurry_the_ladder_past_the_one_it_waits_for(both_told: Service, texts: Texts) -> None:
    both_told.hears(both_told.desk.ann, "2")
    assert texts.new_to(both_told.desk.ann) == [f"Telecare K7 ({both_told.alert.code}): passed on to the next person."]
    assert both_told.reasons(Event.ANSWERED) == ["answered 2; the ladder is further already"]


def test_whoever_has_it_may_give_it_back(service: Service, texts: Texts) -> None:
    service.finds()
    service.run()
    service.hears(service.desk.ann, "1")
    service.hears(service.desk.ann, "2")
    assert len(texts.new_to(service.desk.ben)) == 1
    assert len(texts.new_to(service.desk.ann)) == 3
    assert service.alert.state == AlertState.NOTIFIED


def test_three_closes_what_is_not_urgent(service: Service, texts: Texts) -> None:
    service.finds(grade=Grade.ATTENTION)
    service.run()
    alert = service.alert
    service.hears(service.desk.ann, f"{alert.code} 3")
    assert service.open == []
    assert service.reasons(Event.CLOSED, alert) == ["false_alarm: answered 3"]
    assert texts.new_to(service.desk.ann)[1].endswith("closed as a false alarm, thank you.")


def test_three_never_closes_an_urgent_alert_and_the_next_person_is_asked(service: Service, texts: Texts) -> None:
    service.finds()
    service.run()
    service.hears(service.desk.ann, "3")
    assert service.alert.state == AlertState.NOTIFIED
    assert "closed after login. The next person is asked." in texts.new_to(service.desk.ann)[1]
    assert len(texts.new_to(service.desk.ben)) == 1
    assert len(service.reasons(Event.SAID_FALSE)) == 1


def test_without_a_code_and_with_two_open_alerts_nothing_is_guessed(service: Service, texts: Texts) -> None:
    service.finds()
    service.finds(DeviationKind.NOT_UP)
    service.run()
    codes = {alert.code for alert in service.open}
    service.hears(service.desk.ann, "1")

    assert all(alert.state == AlertState.NOTIFIED for alert in service.open)
    asked_back = texts.new_to(service.desk.ann)[2]
    assert asked_back.startswith("Telecare: which alert?")
    assert codes <= set(asked_back.split())


def test_a_code_that_was_not_sent_to_that_number_does_nothing(service: Service, texts: Texts) -> None:
    service.finds()
    service.run()
    service.hears(service.desk.ben, f"1 {service.alert.code}")
    assert service.alert.state == AlertState.NOTIFIED
    assert "was sent to this number" in texts.new_to(service.desk.ben)[0]
    assert len(texts.new_to(service.desk.ann)) == 1


def test_a_reply_after_twelve_hours_does_nothing(service: Service, texts: Texts) -> None:
    service.finds_fault()
    service.run()
    service.clock.advance(timedelta(hours=12, seconds=1))
    service.hears(service.desk.tec, "1")
    assert service.alert.state == AlertState.NOTIFIED
    assert result_of_last(service) == "no such alert was sent to this number within 12 hours"
    texts.new_to(service.desk.tec)


def test_unknown_words_get_one_help_an_hour(service: Service, texts: Texts) -> None:
    for _ in range(5):
        service.hears(service.desk.ann, "what is this?")
    assert len(texts.new_to(service.desk.ann)) == 1
    service.clock.advance(timedelta(hours=1, seconds=1))
    service.hears(service.desk.ann, "hello?")
    assert len(texts.new_to(service.desk.ann)) == 1


def test_an_unknown_number_gets_no_answer_and_is_recorded(
    service: Service, texts: Texts, phones: RunningPhones
) -> None:
    service.finds()
    service.run()
    service.hears("+447700900999", f"1 {service.alert.code}")
    assert service.alert.state == AlertState.NOTIFIED
    assert result_of_last(service) == "unknown number: no answer"
    assert phones.messages_with("+447700900999") == []
    assert len(texts.new_to(service.desk.ann)) == 1


def test_stop_is_honoured_the_next_person_is_asked_and_start_undoes_it(
    service: Service, texts: Texts, phones: RunningPhones
) -> None:
    service.finds()
    service.run()
    assert len(texts.new_to(service.desk.ann)) == 1
    service.hears(service.desk.ann, "STOP")
    assert len(texts.new_to(service.desk.ben)) == 1
    assert service.reasons(Event.SKIPPED) == ["answered STOP: the next person at once"]

    service.clock.advance(timedelta(minutes=3))
    service.run()
    assert service.reasons(Event.SKIPPED)[1] == "step 1: everybody in it has stopped SMS"
    assert len(texts.new_to(service.desk.ben)) == 1

    service.hears(service.desk.ann, "start")
    assert result_of_last(service) == "start: SMS again"


def test_whoever_took_it_on_hears_when_a_colleague_closes_it_on_the_page(both_told: Service, texts: Texts) -> None:
    service = both_told
    service.hears(service.desk.ann, "1")
    texts.new_to(service.desk.ann)
    texts.new_to(service.desk.ben)

    alert = service.alert
    with service.pool.connection() as conn:
        assert close(conn, alert.id, Outcome.GENUINE, by=by_staff(4), how=How.PAGE, now=service.clock.now())
        assert not close(conn, alert.id, Outcome.TEST, by=by_staff(5), how=How.PAGE, now=service.clock.now())
    service.run()

    assert texts.new_to(service.desk.ann) == [f"Telecare K7 ({alert.code}): closed. Stand down, nothing more to do."]
    service.hears(service.desk.ben, "1")
    assert texts.new_to(service.desk.ben) == [f"Telecare K7 ({alert.code}): already closed. Nothing to do."]


def test_handing_over_on_the_page_asks_the_next_person_at_once(service: Service, texts: Texts) -> None:
    service.finds()
    service.run()
    texts.new_to(service.desk.ann)
    with service.pool.connection() as conn:
        assert hand_over(conn, service.alert.id, by=by_staff(4), how=How.PAGE, now=service.clock.now())
    service.run()
    assert len(texts.new_to(service.desk.ben)) == 1

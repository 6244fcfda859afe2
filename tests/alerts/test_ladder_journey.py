"""From a finding to a telephone, over the real database and the phone network."""

from datetime import timedelta

from simulators.phone.mischief import Misbehaviour
from simulators.phone.running import RunningPhones
from store.alert import AlertState, Audience, Event, Outcome, Severity
from store.deviation import DeviationKind, Grade
from store.fault import FaultKind
from store.home import add_absence
from tests.alerts.conftest import Service, Texts


def test_an_urgent_deviation_texts_the_first_person_at_once_and_once(service: Service, texts: Texts) -> None:
    service.finds()

    service.run()
    service.run()

    alert = service.alert
    assert texts.new_to(service.desk.ann) == [
        f"Telecare URGENT K7: no usual activity. Call, then visit per plan. https://t.example.org/a/{alert.code} "
        f"Reply 1 {alert.code} coming, 2 {alert.code} pass, 3 {alert.code} false"
    ]
    assert (alert.state, alert.severity, alert.audience) == (AlertState.NOTIFIED, Severity.URGENT, Audience.PERSON)
    assert [entry.event for entry in service.history()][:3] == [Event.OPENED, Event.TOLD, Event.ACCEPTED]
    assert service.reasons(Event.OPENED) == ["first: follows the home's plan People"]


def test_without_an_answer_the_second_person_is_asked_and_then_the_first_again(service: Service, texts: Texts) -> None:
    service.finds()
    service.run()
    assert len(texts.new_to(service.desk.ann)) == 1

    service.clock.advance(timedelta(minutes=3))
    service.run()
    assert len(texts.new_to(service.desk.ben)) == 1

    service.clock.advance(timedelta(minutes=3))
    service.run()
    assert len(texts.new_to(service.desk.ann)) == 1
    assert service.reasons(Event.ROUND_AGAIN) == ["round 1 unanswered"]


def test_an_unanswered_ladder_is_recorded_as_exhausted_and_begins_again_more_slowly(
    service: Service, texts: Texts
) -> None:
    service.finds()
    service.run_for(timedelta(minutes=13))
    assert service.reasons(Event.EXHAUSTED) == ["round 2 unanswered; the next in 15 minutes"]
    assert (len(texts.new_to(service.desk.ann)), len(texts.new_to(service.desk.ben))) == (2, 2)

    service.run_for(timedelta(minutes=16))
    assert len(texts.new_to(service.desk.ann)) == 1


def test_a_deviation_that_goes_on_updates_its_alert_and_texts_nobody_again(service: Service, texts: Texts) -> None:
    first = service.finds(grade=Grade.ATTENTION)
    service.run()
    assert len(texts.new_to(service.desk.ann)) == 1

    service.finds(grade=Grade.ATTENTION, started_at=first.started_at + timedelta(minutes=5))
    service.run()

    assert service.reasons(Event.UPDATED) == ["already_open"]


def test_a_rise_in_grade_raises_the_alert_and_begins_the_ladder_again(service: Service, texts: Texts) -> None:
    first = service.finds(grade=Grade.ATTENTION)
    service.run()
    assert texts.new_to(service.desk.ann)[0].startswith("Telecare ATTENTION K7:")
    service.hears(service.desk.ann, "1")
    texts.new_to(service.desk.ann)

    service.finds(grade=Grade.URGENT, started_at=first.started_at)
    service.run()

    assert texts.new_to(service.desk.ann)[0].startswith("Telecare URGENT K7:")
    assert service.reasons(Event.RAISED) == ["urgent: worse"]
    assert service.alert.state == AlertState.NOTIFIED


def test_a_silent_hub_is_a_matter_for_the_technical_responder_only(service: Service, texts: Texts) -> None:
    fault = service.finds_fault()
    service.run_for(timedelta(minutes=30))
    (text,) = texts.new_to(service.desk.tec)
    assert text.startswith("Telecare TECHNICAL K7: hub silent. Please check equipment.")

    service.finds_fault(started_at=fault.started_at, ended_at=service.clock.now())
    service.run()

    (text,) = texts.new_to(service.desk.tec)
    assert "works again" in text
    assert service.open == []


def test_a_technical_alert_stays_open_while_another_sensor_of_the_home_is_silent(
    service: Service, texts: Texts
) -> None:
    one = service.finds_fault(FaultKind.SENSOR_SILENT, which="M001")
    other = service.finds_fault(FaultKind.SENSOR_SILENT, which="M002")
    service.run()
    assert len(texts.new_to(service.desk.tec)) == 1

    for fault in (other, one):
        assert service.alert.kind == "sensor_silent"
        which = fault.explanation.split()[1]
        service.finds_fault(fault.kind, which=which, started_at=fault.started_at, ended_at=service.clock.now())
        service.run()

    assert service.open == []
    assert len(texts.new_to(service.desk.tec)) == 1


def test_inactivity_of_a_home_whose_hub_is_silent_waits_until_it_can_be_seen_again(
    service: Service, texts: Texts
) -> None:
    fault = service.finds_fault()
    service.run()
    texts.new_to(service.desk.tec)
    service.finds(DeviationKind.INACTIVITY)
    service.finds(DeviationKind.INACTIVITY, home=service.desk.other_home)
    service.finds(DeviationKind.TEMPERATURE)
    service.run()
    assert sorted((alert.home_code, alert.kind) for alert in service.open) == [
        ("K7", "hub_silent"),
        ("K7", "temperature"),
        ("K8", "inactivity"),
    ]

    service.finds_fault(started_at=fault.started_at, ended_at=service.clock.now())
    service.run()

    assert ("K7", "inactivity") in {(alert.home_code, alert.kind) for alert in service.open}
    assert len(texts.new_to(service.desk.ann)) == 3
    texts.new_to(service.desk.tec)


def test_attention_is_held_over_night_and_says_so(service: Service, texts: Texts) -> None:
    service.clock.advance(timedelta(hours=11))  # 23:00 in London
    service.finds(grade=Grade.ATTENTION)
    service.run_for(timedelta(hours=7, minutes=50), by=timedelta(minutes=10))
    assert service.reasons(Event.HELD) == ["quiet hours until 07:00"]
    assert texts.new_to(service.desk.ann) == []

    service.run_for(timedelta(minutes=12))
    assert len(texts.new_to(service.desk.ann)) == 1
    texts.new_to(service.desk.ben)


def test_urgent_knows_no_quiet_hours(service: Service, texts: Texts) -> None:
    service.clock.advance(timedelta(hours=14))
    service.finds(grade=Grade.URGENT)
    service.run()
    assert len(texts.new_to(service.desk.ann)) == 1


def test_notices_late_findings_and_absences_text_nobody(service: Service, texts: Texts) -> None:
    service.finds(grade=Grade.NOTICE)
    service.finds(DeviationKind.NOT_UP, evidence={"late": True})
    with service.pool.connection() as conn:
        hour = timedelta(hours=1)
        now = service.clock.now()
        add_absence(
            conn,
            service.desk.other_home.id,
            from_at=now - hour,
            until_at=now + hour,
            reason="hospital",
            noted_by="staff:1",
        )
    service.finds(home=service.desk.other_home)
    service.run()
    assert service.open == []


def test_what_comes_late_about_an_open_alert_is_noted_and_pages_nobody(service: Service, texts: Texts) -> None:
    service.finds(grade=Grade.ATTENTION)
    service.run()
    assert len(texts.new_to(service.desk.ann)) == 1
    service.finds(started_at=service.clock.now() - timedelta(hours=9), evidence={"late": True})
    service.run()
    assert service.reasons(Event.UPDATED) == ["nothing to do: late"]
    assert service.alert.severity == Severity.ATTENTION


def test_when_activity_resumes_whoever_was_told_hears_of_it_and_the_alert_stays(service: Service, texts: Texts) -> None:
    deviation = service.finds()
    service.run()
    texts.new_to(service.desk.ann)

    service.finds(started_at=deviation.started_at, ended_at=service.clock.now())
    service.run()

    code = service.alert.code
    assert texts.new_to(service.desk.ann) == [
        f"Telecare K7 ({code}): activity seen 12:00. Continue unless told otherwise. https://t.example.org/a/{code}"
    ]
    assert service.reasons(Event.ENDED) == ["ended: activity seen 12:00"]


def test_an_acknowledgement_that_nothing_follows_lapses(service: Service, texts: Texts) -> None:
    service.finds()
    service.run()
    service.hears(service.desk.ann, "1")
    assert service.alert.state == AlertState.ACKNOWLEDGED
    assert len(texts.new_to(service.desk.ann)) == 2

    service.clock.advance(timedelta(minutes=60))
    service.run()

    assert len(texts.new_to(service.desk.ann)) == 1
    assert service.alert.acknowledged_by is None
    (reason,) = service.reasons(Event.LAPSED)
    assert reason.endswith("then nothing: the ladder resumes")


def test_a_text_that_cannot_be_delivered_asks_the_next_person_at_once(
    service: Service, texts: Texts, phones: RunningPhones
) -> None:
    phones.misbehave(Misbehaviour(name="undelivered", to=service.desk.ann.phone))
    service.finds()
    service.run()
    phones.settle()
    service.run()

    assert len(texts.new_to(service.desk.ben)) == 1
    assert service.reasons(Event.NOT_DELIVERED) == ["undelivered, error 30003"]


def test_a_home_without_a_plan_still_reaches_somebody(service: Service, texts: Texts) -> None:
    with service.pool.connection() as conn:
        conn.execute("DELETE FROM response_step")
        conn.execute("UPDATE home SET person_plan_id = NULL, technical_plan_id = NULL")
        conn.execute("DELETE FROM response_plan")
    service.finds()
    service.run()
    for person in (service.desk.ann, service.desk.ben, service.desk.tec):
        assert len(texts.new_to(person)) == 1
    assert service.reasons(Event.FALLBACK) == ["no plan: everybody of the organisation is told"]


def test_a_closed_alert_of_the_same_kind_may_be_followed_by_another(service: Service, texts: Texts) -> None:
    service.finds(grade=Grade.ATTENTION)
    service.run()
    first = service.alert
    service.hears(service.desk.ann, f"3 {first.code}")
    assert service.open == []

    service.clock.advance(timedelta(hours=1))
    service.finds(grade=Grade.ATTENTION)
    service.run()

    assert service.alert.code != first.code
    assert len(texts.new_to(service.desk.ann)) == 3
    assert service.history(first)[-1].event != Event.OPENED
    assert Outcome.FALSE_ALARM in service.reasons(Event.CLOSED, first)[0]

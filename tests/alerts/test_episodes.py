"""Several findings about one situation: one alert, as long as it is open; its history tells the rest."""

from datetime import timedelta
from typing import Any

from store.alert import Event, Outcome, Severity, close
from store.alert import How as By
from store.deviation import EPISODE, GRADE_ALONE, Deviation, DeviationKind, Grade
from tests.alerts.conftest import Service, Texts

NOT_UP, INACTIVITY = DeviationKind.NOT_UP, DeviationKind.INACTIVITY


def joined(first: Deviation, alone: Grade = Grade.ATTENTION) -> dict[str, Any]:
    """The evidence of a finding that joined the first."""
    return {EPISODE: str(first.id), GRADE_ALONE: str(alone)}


def told_of_both(service: Service, texts: Texts) -> tuple[Deviation, Deviation]:
    first = service.finds(NOT_UP, Grade.ATTENTION)
    service.run()
    assert len(texts.new_to(service.desk.ann)) == 1
    service.clock.advance(timedelta(minutes=1))
    second = service.finds(INACTIVITY, Grade.NOTICE, evidence=joined(first))
    service.run()
    return first, second


def test_a_finding_that_joined_an_episode_is_a_line_in_the_open_alert_and_no_second_one(
    service: Service, texts: Texts
) -> None:
    _, second = told_of_both(service, texts)
    assert (service.alert.kind, service.alert.explanation) == (NOT_UP, second.explanation)
    assert service.reasons(Event.UPDATED) == [f"same_episode: {second.explanation}"]


def test_when_one_of_the_findings_ends_the_alert_goes_on_with_the_other(service: Service, texts: Texts) -> None:
    first, second = told_of_both(service, texts)
    service.finds(INACTIVITY, Grade.NOTICE, started_at=second.started_at, ended_at=service.clock.now())
    service.run()
    assert service.alert.deviation_id == first.id
    assert service.reasons(Event.ENDED) == []
    service.finds(NOT_UP, Grade.ATTENTION, started_at=first.started_at, ended_at=service.clock.now())
    service.run()
    assert service.reasons(Event.ENDED) == ["ended: activity seen 12:01"]
    assert ["activity seen" in text for text in texts.new_to(service.desk.ann)] == [True]


def test_when_both_end_together_people_hear_of_it_once(service: Service, texts: Texts) -> None:
    first, second = told_of_both(service, texts)
    for each, grade in ((first, Grade.ATTENTION), (second, Grade.NOTICE)):
        service.finds(each.kind, grade, started_at=each.started_at, ended_at=service.clock.now())
    service.run()
    assert ["activity seen" in text for text in texts.new_to(service.desk.ann)] == [True]
    assert service.reasons(Event.ENDED) == ["ended: activity seen 12:01"]


def test_a_graver_finding_raises_the_alert_of_its_episode(service: Service, texts: Texts) -> None:
    first, second = told_of_both(service, texts)
    service.finds(INACTIVITY, Grade.URGENT, started_at=second.started_at, evidence={EPISODE: str(first.id)})
    service.run()
    assert (service.alert.kind, service.alert.severity) == (NOT_UP, Severity.URGENT)
    assert ["URGENT" in text for text in texts.new_to(service.desk.ann)] == [True]


def test_if_people_have_closed_the_alert_what_still_goes_on_opens_a_new_one(service: Service, texts: Texts) -> None:
    first = service.finds(NOT_UP, Grade.ATTENTION)
    service.run()
    texts.new_to(service.desk.ann)
    with service.pool.connection() as conn:
        close(
            conn, service.alert.id, Outcome.FALSE_ALARM, by="staff:1", how=By.PAGE, reason="", now=service.clock.now()
        )
    service.run()
    texts.new_to(service.desk.ann)
    service.finds(INACTIVITY, Grade.NOTICE, evidence=joined(first))
    service.run()
    assert (service.alert.kind, service.alert.severity) == (INACTIVITY, Severity.ATTENTION)
    assert service.reasons(Event.OPENED)[0].startswith("episode_closed: ")
    assert len(texts.new_to(service.desk.ann)) == 1


def test_a_notice_that_joins_later_is_written_down_and_joins_the_alert(service: Service, texts: Texts) -> None:
    notice = service.finds(INACTIVITY, Grade.NOTICE)
    first = service.finds(NOT_UP, Grade.ATTENTION)
    service.run()
    texts.new_to(service.desk.ann)
    service.clock.advance(timedelta(minutes=1))
    service.finds(INACTIVITY, Grade.NOTICE, started_at=notice.started_at, evidence=joined(first))
    service.finds(
        INACTIVITY, Grade.NOTICE, started_at=notice.started_at, evidence=joined(first)
    )  # told again after a crash
    service.run()
    assert len(service.reasons(Event.UPDATED)) == 1
    service.finds(INACTIVITY, Grade.NOTICE, started_at=notice.started_at, evidence=joined(first, Grade.URGENT))
    service.run()
    assert (
        service.alert.severity == Severity.URGENT
    )  # nobody was told of anything as grave, whatever the model believed
    assert len(texts.new_to(service.desk.ann)) == 1


def test_the_end_of_what_was_no_lack_of_activity_is_not_told_as_activity(service: Service, texts: Texts) -> None:
    cold = service.finds(DeviationKind.TEMPERATURE, Grade.ATTENTION)
    service.run()
    texts.new_to(service.desk.ann)
    service.finds(cold.kind, cold.grade, started_at=cold.started_at, ended_at=service.clock.now())
    service.run()
    (text,) = texts.new_to(service.desk.ann)
    assert "no longer so since 12:00. Continue unless told otherwise." in text
    assert service.reasons(Event.ENDED) == ["ended: no longer so 12:00"]

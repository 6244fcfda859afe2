from datetime import UTC, datetime, timedelta

import pytest

from api.pages.alert_words import (
    EVENT,
    HOW,
    NOTIFICATION,
    OUTCOME,
    PURPOSE,
    SEVERITY,
    STATE,
    evidence_words,
    reason_words,
)
from api.pages.history_words import history_lines
from api.pages.home_state import kind_words
from api.pages.words import ago, duration, full_time, local_time
from store.alert import AlertState, Event, HistoryEntry, How, Outcome, Severity
from store.deviation import DeviationKind
from store.fault import FaultKind
from store.notification import NotificationState, Purpose

NOW = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)  # the day London's clocks go forward
LONDON = "Europe/London"


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=59), "under 1 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=2, minutes=5), "2 h 5 min"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=1, hours=3), "1 day 3 h"),
        (timedelta(days=9, hours=3), "9 days"),
    ],
)
def test_a_duration_is_as_exact_as_it_is_useful(length: timedelta, words: str) -> None:
    assert duration(length) == words


def test_a_time_ahead_of_us_is_just_now_and_no_time_is_never() -> None:
    assert ago(NOW + timedelta(minutes=5), NOW) == "just now"
    assert ago(None, NOW) == "never"
    assert local_time(None, LONDON, NOW) == "never"


def test_times_are_the_homes_own_on_both_sides_of_a_clock_change() -> None:
    before, after = NOW.replace(hour=0, minute=30), NOW.replace(hour=1, minute=30)
    assert local_time(before, LONDON, NOW) == "00:30"
    assert local_time(after, LONDON, NOW) == "02:30"
    assert full_time(after, LONDON) == "Sun 29 Mar 2026 02:30 BST"
    assert local_time(before, "Pacific/Auckland", NOW) == "Sun 29 Mar 13:30"  # it is Monday there already


def test_another_day_and_another_year_are_said() -> None:
    assert local_time(NOW - timedelta(days=3), LONDON, NOW) == "Thu 26 Mar 12:00"
    assert local_time(NOW - timedelta(days=365), LONDON, NOW) == "Sat 29 Mar 2025 12:00"


def test_every_word_of_the_store_has_words_for_the_pages() -> None:
    assert set(SEVERITY) == set(Severity)
    assert set(STATE) == set(AlertState)
    assert set(OUTCOME) == set(Outcome)
    assert set(EVENT) == set(Event)
    assert set(HOW) == set(How)
    assert set(NOTIFICATION) == set(NotificationState)
    assert set(PURPOSE) == set(Purpose)
    assert all("_" not in kind_words(kind) for kind in [*DeviationKind, *FaultKind])


def test_evidence_becomes_rows_with_units() -> None:
    evidence = {"quiet_for_minutes": 110.0, "surprise_nats": 4.25, "is_late": True, "rooms": ["hall"], "deep": {"a": 1}}
    assert evidence_words(evidence) == [
        ("Quiet for", "110 min"),
        ("Surprise", "4.2 nats"),
        ("Is late", "Yes"),
        ("Rooms", "hall"),
    ]


def test_reasons_name_people_and_leave_what_people_wrote() -> None:
    names = {"staff:7": "Anna Bell"}
    assert reason_words("first: home plan", names) == "nobody had been told of this yet: home plan"
    assert reason_words("urgent: worse", names) == "now urgent: worse than when people were told"
    assert reason_words("acknowledged by staff:7, then nothing", names) == "acknowledged by Anna Bell, then nothing"
    assert reason_words("she was asleep", names) == "she was asleep"


@pytest.mark.parametrize(
    ("event", "actor", "how", "reason", "told"),
    [
        (Event.TOLD, "service", How.WORKER, "round 1, step 1 of 2: responder:4",
         ("Asha to be told", "The service", "Step 1 of 2 of the plan")),
        (Event.TOLD, "service", How.WORKER, "round 2, step 2 of 2: responder:4, responder:5",
         ("Asha and Ben to be told", "The service", "Step 2 of 2 of the plan, round 2")),
        (Event.DELIVERED, "responder:4", How.CALLBACK, "stand_down",
         ("Message delivered to Asha", "The phone network", "Stand down")),
        (Event.NOT_DELIVERED, "responder:4", How.CALLBACK, "undelivered, error 30003",
         ("Message for Asha not delivered", "The phone network", "Undelivered, error 30003")),
        (Event.STOOD_DOWN, "service", How.WORKER, "taken_on: responder:4",
         ("Asha told: somebody has taken it on", "The service", "")),
        (Event.ACKNOWLEDGED, "responder:5", How.SMS, "answered 1", ("Taken on", "Ben", "Answered 1 (coming)")),
        (Event.LAPSED, "service", How.WORKER, "acknowledged by responder:5, then nothing: the ladder resumes",
         (EVENT[Event.LAPSED], "The service", "Acknowledged by Ben, then nothing: the plan goes on")),
        (Event.ENDED, "service", How.WORKER, "ended: activity seen 14:30",
         (EVENT[Event.ENDED], "The service", "Activity seen 14:30")),
        (Event.OPENED, "service", How.WORKER, "first: follows the home's plan Help",
         ("Alert opened", "The service", "Nobody had been told of this yet: follows the home's plan “Help”")),
        (Event.TOLD, "service", How.WORKER, "anything else", (EVENT[Event.TOLD], "The service", "Anything else")),
    ],
)  # fmt: skip
def test_the_history_reads_as_sentences_with_names(
    event: Event, actor: str, how: How, reason: str, told: tuple[str, str, str]
) -> None:
    entry = HistoryEntry(at=NOW, actor=actor, how=how, event=event, reason=reason)
    (line,) = history_lines([entry], {"responder:4": "Asha", "responder:5": "Ben"})
    assert (line.what, line.who, line.why) == told

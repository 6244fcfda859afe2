import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.wire import (
    Dialect,
    Reason,
    Rejected,
    Topic,
    ack_topic,
    home_prefix,
    home_topic,
    parse_partitions,
    parse_topic,
    topic_filters,
)


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("homes/07/K7/native/events", Topic(partition=7, home_code="K7", dialect=Dialect.NATIVE, rest="events")),
        (
            "homes/63/a_b-c/zigbee2mqtt/Küche Tür/availability",
            Topic(partition=63, home_code="a_b-c", dialect=Dialect.ZIGBEE2MQTT, rest="Küche Tür/availability"),
        ),
    ],
)
def test_a_topic_says_where_a_message_comes_from(topic: str, expected: Topic) -> None:
    assert parse_topic(topic) == expected


@pytest.mark.parametrize(
    ("topic", "reason", "word"),
    [
        ("", Reason.TOPIC, "not homes/"),
        ("homes", Reason.TOPIC, "not homes/"),
        ("homes/07/K7/native", Reason.TOPIC, "not homes/"),
        ("Homes/07/K7/native/events", Reason.TOPIC, "not homes/"),
        ("/homes/07/K7/native/events", Reason.TOPIC, "not homes/"),
        ("homes/7/K7/native/events", Reason.TOPIC, "partition"),
        ("homes/64/K7/native/events", Reason.TOPIC, "partition"),
        ("homes/٠٧/K7/native/events", Reason.TOPIC, "partition"),
        ("homes/07/-K7/native/events", Reason.TOPIC, "home code"),
        ("homes/07/K 7/native/events", Reason.TOPIC, "home code"),
        ("homes/07/" + "K" * 33 + "/native/events", Reason.TOPIC, "home code"),
        ("homes/07/K7\n/native/events", Reason.TOPIC, "home code"),
        ("homes/07/K7/native/", Reason.TOPIC, "nothing after"),
        ("homes/07/K7/pigeon/events", Reason.UNKNOWN_DIALECT, "pigeon"),
    ],
)
def test_what_is_not_of_the_grammar_is_rejected_with_its_place(topic: str, reason: Reason, word: str) -> None:
    rejected = parse_topic(topic)
    assert isinstance(rejected, Rejected)
    assert rejected.reason is reason
    assert word in rejected.detail


@given(
    st.one_of(st.text(), st.lists(st.sampled_from(["homes", "07", "K7", "native", "", "é", "+", "#"])).map("/".join))
)
def test_no_topic_raises(topic: str) -> None:
    parse_topic(topic)


@given(
    st.integers(0, 63),
    st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,31}\Z"),
    st.sampled_from(Dialect),
    st.text(min_size=1),
)
def test_a_built_topic_is_parsed_back(partition: int, code: str, dialect: Dialect, rest: str) -> None:
    topic = home_topic(partition, code, dialect, rest)
    assert topic.startswith(home_prefix(partition, code))
    assert parse_topic(topic) == Topic(partition=partition, home_code=code, dialect=dialect, rest=rest)


def test_no_topic_can_be_built_that_reaches_into_another_home() -> None:
    for code in ("K7/native", "+", "#", "", "K7 "):
        with pytest.raises(ValueError, match="no such home"):
            home_prefix(7, code)
    assert ack_topic("K7") == "acks/K7"


def test_a_worker_subscribes_to_its_partitions_or_to_all_at_once() -> None:
    assert topic_filters(parse_partitions("00-63")) == ["homes/#"]
    assert topic_filters(parse_partitions("3,0-1")) == ["homes/00/#", "homes/01/#", "homes/03/#"]


@pytest.mark.parametrize("text", ["", "64", "0-64", "5-3", "a", "1-", "-1", "0-9999999999999"])
def test_partitions_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"partition|within"):
        parse_partitions(text)

"""Rubbish, the short run: no exception leaves a parser, and every refused one carries a reason."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import dialects
from ingest.payload import MAX_BYTES, MAX_DEPTH
from ingest.told import TimeLimits
from ingest.wire import Dialect, Reason, Rejected, Topic, parse_topic
from store.home import partition_of
from tests.ingest.fuzz.choices import FromBytes, Seeded
from tests.ingest.fuzz.intake import Intake
from tests.ingest.fuzz.messages import HOME, Messages
from tests.ingest.fuzz.run import Run
from tests.ingest.fuzz.seeds import SENSORS, seeds
from tests.ingest.homes import arrival
from tests.ingest.telling import NOW

COUNT = 15_000
MESSAGES = Messages()

KEYS = st.sampled_from(
    [
        *("occupancy", "contact", "x_contact", "power", "state", "action", "last_seen", "battery", "mqtt", "exposes"),
        *("method", "params", "ts", "events", "component", "event", "switch:0", "input:1", "apower", "output", "value"),
        *(
            "Time",
            "ENERGY",
            "Power",
            "Switch1",
            "ZbReceived",
            "Device",
            "Name",
            "Contact",
            "Wifi",
            "Signal",
            "TempUnit",
        ),
        *("boot", "seq", "sensor", "at", "sent", "backlog", "first", "last", "from", "until", "devicepower:0"),
    ]
)
VALUES = st.sampled_from(["ON", "NotifyStatus", "NotifyEvent", "single_push", "0x5FA7", "F", "online", "M001", "b1"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=5),
    max_leaves=20,
)
PAYLOADS = st.binary() | JSON.map(lambda value: json.dumps(value).encode())
RESTS = st.sampled_from([seed.rest for seed in seeds()]) | st.text(min_size=1)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(Dialect), RESTS, PAYLOADS, st.booleans())
def test_no_message_makes_a_parser_raise(dialect: Dialect, rest: str, payload: bytes, is_retained: bool) -> None:
    told = dialects.read(
        Topic(partition=partition_of(HOME), home_code=HOME, dialect=dialect, rest=rest),
        payload,
        is_retained=is_retained,
        sensors=SENSORS,
        received_at=NOW,
        limits=TimeLimits(),
    )
    for rejected in told.rejected:
        assert Reason(rejected.reason)
        assert rejected.detail.strip()
    if is_retained and dialect is not Dialect.NATIVE:
        assert not told.readings
        assert all(check_in.is_retained for check_in in told.check_ins)


@given(st.text())
def test_no_topic_makes_the_grammar_raise(topic: str) -> None:
    found = parse_topic(topic)
    assert isinstance(found, Topic) or found.detail


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_whatever_is_made_of_real_messages_can_be_taken(tried: bytes) -> None:
    intake = Intake()
    intake.take(MESSAGES.message(FromBytes(tried), 0))
    assert intake.counts.total() >= 1


def test_a_long_run_takes_everything_and_misses_no_reason() -> None:
    run, choices = Run(count=COUNT), Seeded(2)
    while not run.is_over:
        assert run.take(choices)
    counts = run.intake.counts
    assert {dialect for dialect, outcome in counts if outcome == "= event"} == set(Dialect)
    assert {dialect for dialect, outcome in counts if outcome == "= offer"} == set(Dialect)
    # Of the database; a defect; tested below; after a thousand gaps of one hub only.
    elsewhere = {Reason.STORE_REFUSED, Reason.FAILED, Reason.TOO_LARGE, Reason.TOO_MANY_GAPS}
    assert {outcome for _, outcome in counts} >= {str(reason) for reason in set(Reason) - elsewhere}
    assert f"{COUNT} messages, no exception" in run.report()


def test_the_same_seed_makes_the_same_messages() -> None:
    first, again = Seeded(7), Seeded(7)
    assert [MESSAGES.message(first, it) for it in range(50)] == [MESSAGES.message(again, it) for it in range(50)]


def test_a_run_notices_what_is_raised(capsys: pytest.CaptureFixture[str]) -> None:
    class Broken(Intake):
        def take(self, arrival: object) -> None:
            raise KeyError("defect")

    run = Run(count=10, intake=Broken())
    assert not run.take(Seeded(1))
    assert "defect" in capsys.readouterr().err


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"1" * (MAX_BYTES + 1), "too_large"),
        (b"[" * 100_000, "not_json"),
        (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), "not_json"),
        (b'{"a": NaN}', "not_json"),
        (b'{"a": 1e999}', "not_json"),
        (b"9" * 5_000, "not_json"),
        (b"\xff\xfe\x00\x01", "not_json"),
    ],
)
def test_what_is_too_large_deep_or_binary_is_refused_in_every_dialect(
    dialect: Dialect, payload: bytes, reason: str
) -> None:
    rest = {
        Dialect.NATIVE: "events",
        Dialect.ZIGBEE2MQTT: "Haustür",
        Dialect.SHELLY: "hall/events/rpc",
        Dialect.TASMOTA: "tele/hall/SENSOR",
        Dialect.HOMEASSISTANT: "binary_sensor/bed/state",
    }[dialect]
    intake = Intake()
    intake.take(arrival(f"homes/{partition_of(HOME):02d}/{HOME}/{dialect}/{rest}", payload, NOW))
    refused = {outcome for _, outcome in intake.counts if not outcome.startswith("=")}
    if dialect is Dialect.HOMEASSISTANT and reason == "not_json":
        assert refused <= {"shape", "value"}  # a state is text, not JSON
        assert refused
    else:
        assert refused == {reason}


@pytest.mark.parametrize("at", ["1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z"])
def test_a_clock_in_1970_or_2100_moves_nothing_out_of_its_time(at: str) -> None:
    intake = Intake()
    reading: dict[str, Any] = {"boot": "b1", "seq": 1, "sensor": "M001", "value": True, "at": at}
    for rest, payload in (
        ("native/events", reading),
        ("native/checkin", {"boot": "b1", "at": at, "sent": at}),
        ("zigbee2mqtt/Haustür", {"contact": False, "last_seen": at}),
        ("tasmota/tele/hall/SENSOR", {"Time": at, "Switch1": "ON"}),
        (
            "shelly/hall/events/rpc",
            {"method": "NotifyStatus", "params": {"ts": 4102444800, "input:0": {"state": True}}},
        ),
    ):
        topic = f"homes/{partition_of(HOME):02d}/{HOME}/{rest}"
        intake.take(arrival(topic, json.dumps(payload).encode(), NOW + timedelta(seconds=1)))
    assert intake.counts["zigbee2mqtt", "too_old"] + intake.counts["zigbee2mqtt", "in_future"] == 1


def test_an_old_sequence_that_is_replayed_is_taken_once() -> None:
    intake = Intake()
    events = [{"boot": "b1", "seq": seq, "sensor": "M001", "value": True, "at": NOW.isoformat()} for seq in (1, 2, 3)]
    topic = f"homes/{partition_of(HOME):02d}/{HOME}/native/events"
    for _ in range(5):
        intake.take(arrival(topic, json.dumps(events).encode(), NOW))
    assert intake.counts["native", "= event"] == 1
    assert intake.counts["native", "= nothing new"] == 4


def test_a_rejected_topic_is_never_taken_as_a_home() -> None:
    for topic in ("homes", "homes/00", "homes/99/K7/native/events", "homes/00/\ud800/native/events", "\x00", ""):
        assert isinstance(parse_topic(topic), Rejected)

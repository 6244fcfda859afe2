"""What a hub says of its sensors themselves: read part by part, and nothing of it is a reading or a check-in."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.dialects.native_sensors import NativeSensors, OfferWord, SensorWord, encode_sensors, read
from ingest.told import Offer, SensorNews, Told
from ingest.wire import Reason
from store.home import SensorKind

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SENSORS = {"M1": SensorKind.MOTION, "Tür": SensorKind.DOOR}


def told(payload: bytes, *, is_retained: bool = False, late: timedelta = timedelta(0)) -> Told:
    return read(payload, is_retained=is_retained, sensors=SENSORS, received_at=NOW + late)


def words(**changes: Any) -> bytes:
    word = {"sensor": "M1", "battery": 12, "link": 30, "available": True, "heard": "2026-03-10T11:58:00Z"} | changes
    return json.dumps({"sent": "2026-03-10T12:00:00Z", "sensors": [word]}).encode()


def test_battery_link_and_availability_are_news_of_the_sensor_and_nothing_else() -> None:
    found = told(words())
    news = SensorNews(sensor="M1", is_heard=True, is_available=True, battery_percent=12, signal_quality=30)
    assert found == Told(sensors=[news])


def test_what_is_encoded_is_read_back() -> None:
    sent = NativeSensors(
        sent=NOW,
        sensors=[SensorWord(sensor="Tür", battery=5, heard=NOW), SensorWord(sensor="M1", available=False)],
        offers=[OfferWord(sensor="0x01", kind=SensorKind.DOOR, model="MCCGQ11LM")],
    )
    assert told(encode_sensors(sent)) == Told(
        sensors=[
            SensorNews(sensor="Tür", is_heard=True, battery_percent=5),
            SensorNews(sensor="M1", is_heard=False, is_available=False),
        ],
        offers=[Offer(code="0x01", kind=SensorKind.DOOR, model="MCCGQ11LM")],
    )


@pytest.mark.parametrize(
    ("payload", "late"),
    [
        (words(heard=None), timedelta(0)),
        (words(heard="2026-03-10T10:00:00Z"), timedelta(0)),  # two hours before it was sent
        (words(), timedelta(hours=2)),  # waited in the broker
        (words(), timedelta(hours=-2)),  # of a clock that is far ahead
    ],
)
def test_who_was_not_heard_just_now_is_not_taken_for_heard(payload: bytes, late: timedelta) -> None:
    (news,) = told(payload, late=late).sensors
    assert not news.is_heard
    assert news.battery_percent == 12


def test_a_retained_statement_was_not_heard_now() -> None:
    (news,) = told(words(), is_retained=True).sensors
    assert not news.is_heard


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"battery": 101}, "payload.sensors[0].battery: wrong"),
        ({"battery": "12"}, "payload.sensors[0].battery: wrong"),
        ({"link": -1}, "payload.sensors[0].link: wrong"),
        ({"available": "yes"}, "payload.sensors[0].available: wrong"),
        ({"heard": 7}, "payload.sensors[0].heard: wrong"),
        ({"sensor": ""}, "payload.sensors[0].sensor: wrong"),
    ],
)
def test_one_bad_part_is_refused_with_its_place_and_spoils_no_other(change: dict[str, Any], detail: str) -> None:
    payload = json.loads(words(**change))
    payload["sensors"].append({"sensor": "Tür", "battery": 80})
    found = told(json.dumps(payload).encode())
    assert [(one.reason, one.detail) for one in found.rejected] == [(Reason.SHAPE, detail)]
    assert [news.battery_percent for news in found.sensors] == [80]


@pytest.mark.parametrize(
    ("payload", "detail"),
    [
        (b"[]", "payload: not an object"),
        (b"{}", "payload.sent: not a time with its offset from UTC"),
        (b'{"sent": 7}', "payload.sent: not a time with its offset from UTC"),
        (b'{"sent": "2026-03-10T12:00:00Z", "sensors": 7}', "payload.sensors: not a list"),
        (b'{"sent": "2026-03-10T12:00:00Z", "sensors": [7]}', "payload.sensors[0]: not an object"),
        (b'{"sent": "2026-03-10T12:00:00Z", "offers": [{"sensor": "x"}]}', "payload.offers[0].kind: missing"),
    ],
)
def test_a_message_that_is_none_is_refused_with_the_reason(payload: bytes, detail: str) -> None:
    (rejected,) = told(payload).rejected
    assert rejected.detail == detail


def test_sensors_the_service_does_not_have_are_passed_over_and_known_ones_are_not_offered() -> None:
    payload = {
        "sent": "2026-03-10T12:00:00Z",
        "sensors": [{"sensor": "gone", "battery": 1}],
        "offers": [{"sensor": "M1", "kind": "motion"}, {"sensor": "a\x00b", "kind": "door"}],
    }
    assert told(json.dumps(payload).encode()) == Told()


def test_a_list_longer_than_any_home_is_refused() -> None:
    payload = {"sent": "2026-03-10T12:00:00Z", "sensors": [{"sensor": "M1"}] * 1001}
    (rejected,) = told(json.dumps(payload).encode()).rejected
    assert rejected.reason is Reason.TOO_LARGE


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("0001-01-01T00:00:00+14:00"),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["sent", "sensors", "offers", "sensor", "battery", "link", "heard", "kind", "model"]), inner
        )
    ),
    max_leaves=20,
)


@given(JSON.map(lambda value: json.dumps(value).encode()) | st.binary())
def test_no_payload_raises(payload: bytes) -> None:
    found = told(payload)
    assert not found.readings
    assert not found.check_ins


@given(JSON, JSON)
def test_no_part_raises(sensors: object, offers: object) -> None:
    payload = {"sent": "2026-03-10T12:00:00Z", "sensors": [sensors], "offers": [offers]}
    found = told(json.dumps(payload).encode())
    assert all(news.sensor in SENSORS for news in found.sensors)

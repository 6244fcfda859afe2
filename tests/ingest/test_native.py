import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.dialects.native import (
    Ack,
    NativeCheckIn,
    NativeStatus,
    decode_ack,
    encode_ack,
    encode_check_in,
    encode_readings,
    encode_status,
    read,
)
from ingest.told import Told
from ingest.wire import Reason
from store.hub import HubState
from tests.ingest.homes import reading

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
GOOD = {"boot": "b7", "seq": 17, "sensor": "M001", "value": True, "at": "2026-03-10T11:59:01.250Z"}


def told(rest: str, payload: bytes, *, is_retained: bool = False) -> Told:
    return read(rest, payload, is_retained=is_retained, received_at=NOW)


def test_one_reading_or_a_list_of_them_is_read() -> None:
    one = told("events", json.dumps(GOOD).encode()).readings
    assert [(it.sensor, it.value, it.boot, it.seq) for it in one] == [("M001", 1.0, "b7", 17)]
    assert one[0].at == datetime(2026, 3, 10, 11, 59, 1, 250_000, tzinfo=UTC)
    assert len(told("events", json.dumps([GOOD, GOOD | {"seq": 18, "value": 21.5}]).encode()).readings) == 2
    assert told("events", b"[]") == Told()


def test_what_is_encoded_is_read_back() -> None:
    sent = [reading(1, NOW, value=False), reading(2, NOW - timedelta(microseconds=1), value=-3.25)]
    for batch in (sent[:1], sent):
        back = told("events", encode_readings(batch)).readings
        assert [(it.seq, it.value, it.at) for it in back] == [(it.seq, float(it.value), it.at) for it in batch]
    check_in = NativeCheckIn(boot="b1", at=NOW, uptime_s=5, backlog=7, battery=50, signal=-70)
    (back_in,) = told("checkin", encode_check_in(check_in)).check_ins
    assert (back_in.at, back_in.backlog, back_in.battery_percent, back_in.signal_dbm) == (NOW, 7, 50, -70)
    (offline,) = told("status", encode_status(NativeStatus(state="offline"))).check_ins
    assert (offline.state, offline.at) == (HubState.OFFLINE, NOW)
    assert decode_ack(encode_ack(Ack(boot="b1", seq=3))) == Ack(boot="b1", seq=3)
    assert decode_ack(b"?") is None


@pytest.mark.parametrize(
    ("change", "reason", "detail"),
    [
        ({"at": "yesterday"}, Reason.SHAPE, "payload[1].at: not a time with its offset from UTC"),
        ({"at": "2026-03-10T11:59:00"}, Reason.SHAPE, "payload[1].at: not a time with its offset from UTC"),
        ({"at": "2026-03-10"}, Reason.SHAPE, "payload[1].at: not a time with its offset from UTC"),
        ({"at": 1773143941}, Reason.SHAPE, "payload[1].at: not a time with its offset from UTC"),
        ({"at": "0001-01-01T00:00:00+14:00"}, Reason.SHAPE, "payload[1].at: not a time with its offset from UTC"),
        ({"at": "9999-12-31T23:59:59-14:00"}, Reason.SHAPE, "payload[1].at: not a time with its offset from UTC"),
        ({"seq": 0}, Reason.SHAPE, "payload[1].seq: not a whole number from 1"),
        ({"seq": True}, Reason.SHAPE, "payload[1].seq: not a whole number from 1"),
        ({"seq": 1.5}, Reason.SHAPE, "payload[1].seq: not a whole number from 1"),
        ({"seq": "17"}, Reason.SHAPE, "payload[1].seq: not a whole number from 1"),
        ({"seq": 2**63 - 1}, Reason.SHAPE, "payload[1].seq: not a whole number from 1"),
        ({"value": "ON"}, Reason.SHAPE, "payload[1].value: not true, false or a number"),
        ({"value": None}, Reason.SHAPE, "payload[1].value: not true, false or a number"),
        ({"value": 10**400}, Reason.SHAPE, "payload[1].value: not true, false or a number"),
        ({"value": 1e300}, Reason.SHAPE, "payload[1].value: not true, false or a number"),
        ({"boot": ""}, Reason.SHAPE, "payload[1].boot: not 1 to 64 printable characters"),
        ({"boot": "b\u0000"}, Reason.SHAPE, "payload[1].boot: not 1 to 64 printable characters"),
        ({"sensor": "\ud800"}, Reason.SHAPE, "payload[1].sensor: not 1 to 128 printable characters"),
        ({"sensor": 5}, Reason.SHAPE, "payload[1].sensor: not 1 to 128 printable characters"),
    ],
)
def test_one_bad_reading_is_rejected_by_itself_with_its_place(
    change: dict[str, Any], reason: Reason, detail: str
) -> None:
    found = told("events", json.dumps([GOOD, GOOD | {"seq": 18} | change, GOOD | {"seq": 19}]).encode())
    assert [it.seq for it in found.readings] == [17, 19]
    (rejected,) = found.rejected
    assert rejected.reason is reason
    assert rejected.detail.startswith(detail)
    assert rejected.part is not None
    can_be_numbered = "seq" not in change and "boot" not in change
    assert (rejected.boot, rejected.seq) == (("b7", 18) if can_be_numbered else (None, None))


@pytest.mark.parametrize(
    ("payload", "reason", "detail"),
    [
        (b"", Reason.NOT_JSON, "payload: Expecting value at character 0"),
        (b"\xff\xfe", Reason.NOT_JSON, "payload: not UTF-8 at byte 0"),
        (b'{"boot":', Reason.NOT_JSON, "payload: Expecting value at character 8"),
        (b"[NaN]", Reason.NOT_JSON, "payload: NaN is not JSON"),
        (b"[1e999]", Reason.NOT_JSON, "payload: 1e999 is too large"),
        (b"[" + b"9" * 5_000 + b"]", Reason.NOT_JSON, "payload: Exceeds the limit"),
        (b"[" * 100_000, Reason.NOT_JSON, "payload: nested too deeply"),
        (b"[" * 40 + b"]" * 40, Reason.NOT_JSON, "payload: nested more than 32 deep"),
        (b" " * 1_000_001, Reason.TOO_LARGE, "payload: 1000001 bytes"),
        (b"[" + b"1," * 10_000 + b"1]", Reason.TOO_LARGE, "payload: a list of 10001"),
        (b"7", Reason.SHAPE, "payload: not an object"),
        (b"{}", Reason.SHAPE, "payload.boot: missing"),
    ],
)
def test_a_payload_that_cannot_be_read_is_rejected_whole(payload: bytes, reason: Reason, detail: str) -> None:
    (rejected,) = told("events", payload).rejected
    assert rejected.reason is reason
    assert rejected.detail.startswith(detail)


def test_an_old_statement_is_marked_as_such() -> None:
    (check_in,) = told("status", b'{"state":"online"}', is_retained=True).check_ins
    assert check_in.is_retained


@pytest.mark.parametrize("at", ["1970-01-01T00:00:03Z", "2100-01-01T00:00:00Z", "0001-01-01T00:00:00Z"])
def test_no_time_is_so_wrong_that_its_reading_is_refused(at: str) -> None:
    (found,) = told("events", json.dumps(GOOD | {"at": at}).encode()).readings
    assert found.at == datetime.fromisoformat(at)


def test_a_check_in_says_when_it_was_taken_and_when_it_was_sent() -> None:
    later = NativeCheckIn(boot="b1", at=NOW - timedelta(days=2), sent=NOW)
    (found,) = told("checkin", encode_check_in(later)).check_ins
    assert (found.at, found.sent_at, found.boot) == (NOW - timedelta(days=2), NOW, "b1")
    (silent,) = told("checkin", encode_check_in(NativeCheckIn(at=NOW))).check_ins
    assert (silent.sent_at, silent.boot) == (None, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(list(GOOD.values())),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*GOOD, "state", "backlog"]) | st.text(), inner),
)
RESTS = st.sampled_from(["events", "checkin", "status"]) | st.text()


@given(RESTS, st.binary() | JSON.map(lambda value: json.dumps(value).encode()), st.booleans())
def test_no_payload_raises_and_none_is_passed_over(rest: str, payload: bytes, is_retained: bool) -> None:
    found = told(rest, payload, is_retained=is_retained)
    if payload != b"[]":
        assert found.readings or found.check_ins or found.rejected

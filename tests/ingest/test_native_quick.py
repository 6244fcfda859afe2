"""The short way of reading a native reading says what the long way says, or nothing."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.dialects.native import EVENTS, Ack, NativeReading, ack_payload, encode_ack, encode_readings, read
from ingest.dialects.native_quick import read_reading
from ingest.told import How

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CODES = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=140), st.text(max_size=5), st.just("M001")
)
TIMES = st.one_of(
    st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat().replace("+00:00", "Z")),
    st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat(timespec="milliseconds")),
    st.sampled_from(
        ["2026-02-30T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T06:50:60Z", "0000-01-01T00:00:00Z",
         "2026-11-23T06:50:01", "2026-11-23T06:50:01+01:00", "2026-11-23", "2026-11-23T06:50:01.1234567Z"]
    ),
)  # fmt: skip
NUMBERS = st.one_of(
    st.sampled_from(["true", "false", "null", "0", "-0", "-0.0", "0.1", "-0.5", "1e3", "1E400", "NaN", "01", "+1"]),
    st.integers(-(10**13), 10**13).map(str),
    st.floats(-1e6, 1e6).map(repr),
)  # fmt: skip
SEQS = st.one_of(st.sampled_from(["0", "-1", "1.0", "01", '"1"', str(2**63)]), st.integers(1, 2**63).map(str))


def long_way(payload: bytes) -> tuple[NativeReading | None, Any]:
    """The reading as pydantic sees it, and what is told of this payload: a space behind keeps it from the short way."""
    assert read_reading(payload + b" ") is None
    told = read(EVENTS, payload + b" ", is_retained=False, received_at=NOW)
    return (NativeReading.model_validate_json(payload) if told.readings else None), told


@given(boot=CODES, seq=SEQS, sensor=CODES, value=NUMBERS, at=TIMES)
@example(boot="b", seq="1", sensor="S", value="-0", at="2026-11-23T06:50:01Z")
@example(boot="b", seq="1", sensor="S", value="999999999999.999999999999", at="2026-11-23T06:50:01Z")
@example(boot='b"', seq="1", sensor="S\\", value="1", at="2026-11-23T06:50:01Z")
def test_it_says_what_the_long_way_says_or_leaves_it_to_that(
    boot: str, seq: str, sensor: str, value: str, at: str
) -> None:
    words = [json.dumps(word, ensure_ascii=False) for word in (boot, sensor, at)]
    text = f'{{"boot":{words[0]},"seq":{seq},"sensor":{words[1]},"value":{value},"at":{words[2]}}}'
    payload = text.encode("utf-8", "surrogatepass")
    quick = read_reading(payload)
    native, told = long_way(payload)
    if quick is not None:
        assert native is not None, text
        assert told.readings == [quick]
        assert repr(told.readings) == repr([quick])  # 0.0 is not -0.0, and the time is in UTC
        assert told.boots == {quick.boot}
        assert told.rejected == []
    assert read(EVENTS, payload, is_retained=False, received_at=NOW) == told


@given(
    seq=st.integers(1, 10**18 - 1),
    value=st.one_of(st.booleans(), st.integers(-(10**9), 10**9).map(float)),
    at=st.integers(0, 4_000_000_000_000_000).map(
        lambda us: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
    ),
)
def test_what_our_own_hub_writes_is_read_quickly(seq: int, value: bool | float, at: datetime) -> None:
    native = NativeReading(boot="2Hf8-x_1", seq=seq, sensor="Hall motion", value=value, at=at)
    quick = read_reading(encode_readings([native]))
    assert quick is not None
    assert (quick.boot, quick.seq, quick.sensor, quick.value, quick.at, quick.how) == (
        native.boot, seq, native.sensor, float(value), at, How.EVENT,
    )  # fmt: skip
    assert quick.at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"boot":"b","seq":1}', b"\xff\xfe", b'{"boot":"b"' * 1_000])
def test_anything_else_is_left_to_the_long_way(payload: bytes) -> None:
    assert read_reading(payload) is None


@given(boot=st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=64).filter(str.isprintable))
def test_an_acknowledgement_put_together_by_hand_is_that_of_the_schema(boot: str) -> None:
    assert ack_payload(boot, 17) == encode_ack(Ack(boot=boot, seq=17))

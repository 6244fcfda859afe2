"""A database that was restored to an earlier time, and hubs that have forgotten since what it no longer has."""

import contextlib
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ingest.dialects.native import NativeCheckIn, encode_check_in, encode_readings
from ingest.hub.payloads import Condition, hub_word_payloads
from ingest.hub.queue import HubQueue, Item
from ingest.sequences import MAX_HOLES
from ingest.told import TimeLimits
from ingest.writer import Writer
from store.clock import Clock
from store.database import Conn, Pool
from store.home import Home, SensorKind
from store.hub import HubState
from store.hub_gap import hub_gaps
from tests.ingest.homes import arrival, make_home, native, reading, readings, rows

MINUTE = timedelta(minutes=1)


@pytest.fixture
def home(conn: Conn, now: datetime) -> Home:
    return make_home(conn, {"M1": SensorKind.MOTION}, now=now)


@pytest.fixture
def writer(pool: Pool, now: datetime) -> Writer:
    return Writer(pool, clock=Clock(real_start=now, start=now), limits=TimeLimits())


def check_in(home: Home, now: datetime, *, oldest: int | None, boot: str = "b1") -> bytes:
    return encode_check_in(NativeCheckIn(boot=boot, at=now, oldest=oldest))


def test_what_the_hub_no_longer_holds_is_a_gap_and_holds_up_nothing(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    writer.write([arrival(native(home), readings(range(1, 11), now - 60 * MINUTE), now)])
    # Here 11 to 20 were stored, acknowledged and forgotten by the hub; then the database was restored to before that.
    acks = writer.write([arrival(native(home), readings(range(21, 31), now - 30 * MINUTE), now)])
    assert [ack.seq for ack in acks] == [10]
    acks = writer.write([arrival(native(home, "checkin"), check_in(home, now, oldest=21), now)])
    assert [ack.seq for ack in acks] == [30]
    gaps = hub_gaps(conn, home.id, now - timedelta(days=1), now + MINUTE)
    assert [(gap.first, gap.last, gap.is_lost) for gap in gaps if gap.is_lost] == [(11, 20, True)]
    assert [gap for gap in gaps if not gap.is_lost] == []
    acks = writer.write([arrival(native(home), readings([31], now), now)])
    assert [ack.seq for ack in acks] == [31]


def test_a_hub_that_holds_nothing_lower_than_we_have_changes_nothing(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    writer.write([arrival(native(home), readings([1, 2, 3, 7], now - MINUTE), now)])
    for oldest in (None, 1, 4):
        acks = writer.write([arrival(native(home, "checkin"), check_in(home, now, oldest=oldest), now)])
        assert [ack.seq for ack in acks] == [3]
    assert [gap.is_lost for gap in hub_gaps(conn, home.id, now - timedelta(days=1), now + MINUTE)] == [False]


def test_a_boot_that_was_forgotten_begins_where_its_hub_still_has_something(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    writer.write([arrival(native(home, "checkin"), check_in(home, now - MINUTE, oldest=501, boot="b7"), now)])
    payload = encode_readings([reading(seq, now, boot="b7") for seq in (501, 502)])
    assert [ack.seq for ack in writer.write([arrival(native(home), payload, now)])] == [502]
    assert rows(conn, "SELECT contiguous, seen::text FROM hub_sequence") == [(502, "{}")]


def test_a_hub_with_too_many_gaps_is_not_acknowledged_and_not_forgotten(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    odd = range(3, 3 + 2 * MAX_HOLES, 2)
    writer.write([arrival(native(home), readings(odd, now - 60 * MINUTE), now)])
    last = odd[-1] + 10
    acks = writer.write([arrival(native(home), readings([last], now), now)])
    assert [ack.seq for ack in acks] == [0]
    assert rows(conn, "SELECT reason FROM rejected_message") == [("too_many_gaps",)]
    even = range(2, odd[-1], 2)
    writer.write([arrival(native(home), readings([1, *even], now - 60 * MINUTE), now)])
    acks = writer.write([arrival(native(home), readings([last], now), now)])  # sent again
    assert rows(conn, "SELECT count(*) FROM sensor_event") == [(MAX_HOLES + len(even) + 2,)]
    assert rows(conn, "SELECT contiguous, seen::text FROM hub_sequence") == [(odd[-1], f"{{[{last},{last + 1})}}")]


def test_a_hub_says_the_lowest_number_it_still_holds(tmp_path: Path, now: datetime) -> None:
    with contextlib.closing(HubQueue(tmp_path / "q.sqlite")) as queue:
        boot = queue.boot
        assert queue.lowest(boot) == 1
        items = [Item(1.0, "M1", True), Item(2.0, "M1", False), Item(3.0, "hub", HubState.CHECKIN)]
        queue.append(items, recorded_until=3.0)
        queue.forget(boot, 1)
        assert queue.lowest(boot) == 2
        ((_, payload),) = hub_word_payloads(
            [held for held in queue.after(0, limit=9) if held.seq is None],
            backlog=1,
            sent=now,
            condition=lambda _: Condition(uptime_s=3.0, battery_percent=None, signal_dbm=None),
            lowest=queue.lowest,
        )
        assert json.loads(payload)["oldest"] == 2
        queue.forget(boot, 2)
        assert queue.lowest(boot) == 3
        assert queue.lowest("an old boot") is None

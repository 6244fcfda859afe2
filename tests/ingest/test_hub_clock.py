"""A hub whose clock is wrong: measured from its check-ins, corrected, and nothing lost or doubled over it."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.clocks import measured
from ingest.dialects.native import NativeCheckIn, encode_check_in, encode_check_ins, encode_readings
from ingest.told import TimeLimits
from ingest.writer import Writer
from store.clock import Clock
from store.database import Conn, Pool
from store.home import Home, SensorKind
from store.hub import HubClock, hub_clocks
from tests.ingest.homes import arrival, make_home, native, reading, rows

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
IGNORED = timedelta(seconds=30)
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def writer(pool: Pool, now: datetime) -> Writer:
    return Writer(pool, clock=Clock(real_start=now, start=now, speed=0), limits=TimeLimits())


@pytest.fixture
def home(conn: Conn, now: datetime) -> Home:
    return make_home(conn, {"M1": SensorKind.MOTION}, now=now)


def clock_after(told: list[tuple[datetime, datetime]]) -> HubClock:
    """Told: (sent by the hub's clock, received by ours)."""
    clock = HubClock(home_id=1, boot="b1", updated_at=NOW)
    for sent_at, received_at in told:
        clock = measured(clock, sent_at, received_at, ignored=IGNORED)
    return clock


def check_in(at: datetime, *, backlog: int = 0, sent: datetime | None = None) -> bytes:
    return encode_check_in(NativeCheckIn(boot="b1", at=at, sent=sent or at, backlog=backlog))


@settings(deadline=None)
@given(skew_s=st.integers(-400_000, 400_000), delays=st.lists(st.floats(0, 8), min_size=3, max_size=30))
def test_a_constant_skew_is_measured_to_within_latency(skew_s: int, delays: list[float]) -> None:
    skew = timedelta(seconds=skew_s)
    made = [NOW + 5 * MINUTE * i for i in range(len(delays))]
    told = [(at - skew, at + timedelta(seconds=delay)) for at, delay in zip(made, delays, strict=True)]
    clock = clock_after(told)
    if abs(skew_s) > 60:
        assert abs((clock.skew - skew).total_seconds()) <= 18
    elif abs(skew_s) < 20:
        assert clock.skew == timedelta(0)


@settings(deadline=None)
@given(drain=st.floats(0, 0.9), waited_min=st.integers(10, 3000), jitter=st.floats(0, 5))
def test_a_queue_that_is_drained_is_never_taken_for_a_slow_clock(drain: float, waited_min: int, jitter: float) -> None:
    """`drain`: how much slower than at once; 1 would be as slowly as it was made."""
    chances = random.Random(waited_min)
    made = [NOW - waited_min * MINUTE + 5 * MINUTE * i for i in range(waited_min // 5)]
    told = [
        (at, NOW + drain * 5 * MINUTE * i + timedelta(seconds=chances.uniform(0, jitter))) for i, at in enumerate(made)
    ]
    assert clock_after([pair for pair in told if pair[1] >= pair[0]]).skew == timedelta(0)


def test_a_clock_that_is_ahead_is_certain_at_once() -> None:
    assert clock_after([(NOW + HOUR, NOW)]).skew == -HOUR


def test_a_poor_network_delays_each_by_another_time_and_the_skew_is_found_all_the_same() -> None:
    chances = random.Random(4)
    made = [NOW + 5 * MINUTE * i for i in range(40)]
    clock = clock_after([(at - 3 * HOUR, at + timedelta(seconds=chances.uniform(0, 120))) for at in made])
    assert abs((clock.skew - 3 * HOUR).total_seconds()) < 120


def test_a_clock_that_is_set_right_is_believed_again_at_once_or_after_three_check_ins() -> None:
    slow = [(NOW - 3 * HOUR + 5 * MINUTE * i, NOW + 5 * MINUTE * i) for i in range(4)]
    assert clock_after(slow).skew == 3 * HOUR
    right = NOW + HOUR
    assert clock_after([*slow, (right, right)]).skew == timedelta(0)
    fast = [(NOW + 3 * HOUR, NOW)]
    assert clock_after(fast).skew == -3 * HOUR
    rights = [(right + 5 * MINUTE * i, right + 5 * MINUTE * i) for i in range(3)]
    assert clock_after([*fast, *rights[:2]]).skew == -3 * HOUR
    assert clock_after([*fast, *rights]).skew == timedelta(0)


def test_readings_of_a_slow_hub_are_corrected_and_what_it_said_is_kept(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    slow = 3 * HOUR
    for i in range(3):
        at = now + 5 * MINUTE * i
        writer.write([arrival(native(home, "checkin"), check_in(at - slow), at)])
    later = now + 11 * MINUTE
    payload = encode_readings([reading(1, later - slow)])
    writer.write([arrival(native(home), payload, later)])
    writer.write([arrival(native(home), payload, later)])
    assert rows(conn, "SELECT occurred_at, hub_at FROM sensor_event") == [(later, later - slow)]
    (clock,) = hub_clocks(conn, home.id)
    assert (clock.boot, clock.skew, clock.measured_at) == ("b1", slow, now + 10 * MINUTE)
    at = now + 15 * MINUTE
    writer.write([arrival(native(home, "checkin"), check_in(at - slow), at)])
    assert rows(conn, "SELECT occurred_at, sent_at, hub_at FROM hub_check_in ORDER BY number DESC LIMIT 1") == [
        (at, at, at - slow)
    ]


def test_a_hub_whose_clock_is_right_has_no_row(writer: Writer, conn: Conn, home: Home, now: datetime) -> None:
    for i in range(10):
        at = now + 5 * MINUTE * i
        writer.write([arrival(native(home, "checkin"), check_in(at), at + timedelta(seconds=i))])
        writer.write([arrival(native(home), encode_readings([reading(i + 1, at)]), at)])
    assert hub_clocks(conn, home.id) == []
    assert rows(conn, "SELECT count(*) FROM sensor_event WHERE hub_at IS NOT NULL") == [(0,)]


def test_ingest_that_was_away_for_hours_changes_no_time(writer: Writer, conn: Conn, home: Home, now: datetime) -> None:
    made = [now - 5 * HOUR + 5 * MINUTE * i for i in range(60)]
    for i, at in enumerate(made):
        received_at = now + timedelta(seconds=i / 10)
        writer.write([arrival(native(home), encode_readings([reading(i + 1, at)]), received_at)])
        writer.write([arrival(native(home, "checkin"), check_in(at), received_at)])
    assert rows(conn, "SELECT occurred_at FROM sensor_event ORDER BY number") == [(at,) for at in made]
    assert [clock.skew for clock in hub_clocks(conn, home.id)] == [timedelta(0)]


def test_a_hub_that_catches_up_says_old_check_ins_and_its_clock_is_right(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    for i in range(6):
        received_at = now + MINUTE * i
        told = [
            NativeCheckIn(boot="b1", at=now - timedelta(days=9 - i) + 5 * MINUTE * j, sent=received_at, backlog=9)
            for j in range(50)
        ]
        writer.write([arrival(native(home, "checkin"), encode_check_ins(told), received_at)])
    assert hub_clocks(conn, home.id) == []
    assert rows(conn, "SELECT count(*) FROM hub_check_in WHERE hub_at IS NULL AND sent_at IS NOT NULL") == [(300,)]


@pytest.mark.parametrize("said", [datetime(1970, 1, 1, 0, 4, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)])
def test_a_reading_with_an_impossible_time_is_kept_with_the_time_it_came(
    writer: Writer, conn: Conn, home: Home, now: datetime, said: datetime
) -> None:
    payload = encode_readings([reading(1, said), reading(2, now)])
    acks = writer.write([arrival(native(home), payload, now)])
    assert [ack.seq for ack in acks] == [2]
    writer.write([arrival(native(home), payload, now + MINUTE)])  # sent again
    assert rows(conn, "SELECT occurred_at, hub_at FROM sensor_event ORDER BY number") == [(now, said), (now, None)]
    (clock,) = hub_clocks(conn, home.id)
    assert (clock.implausible, clock.implausible_at, clock.implausible_hub_at) == (1, now, said)
    assert rows(conn, "SELECT count(*) FROM rejected_message") == [(0,)]


def test_a_hub_that_woke_up_in_1970_is_corrected_once_its_check_in_has_told_by_how_much(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for i in range(3):
        at = now + 5 * MINUTE * i
        writer.write([arrival(native(home, "checkin"), check_in(epoch + 5 * MINUTE * i), at)])
    later = now + 12 * MINUTE
    writer.write([arrival(native(home), encode_readings([reading(1, epoch + 7 * MINUTE)]), later)])
    assert rows(conn, "SELECT occurred_at, hub_at FROM sensor_event") == [(now + 7 * MINUTE, epoch + 7 * MINUTE)]


@pytest.mark.parametrize("jump", [-40 * HOUR, -HOUR, HOUR, 40 * HOUR])
def test_a_clock_that_jumps_in_the_middle_of_a_boot_loses_and_doubles_nothing(
    writer: Writer, conn: Conn, home: Home, now: datetime, jump: timedelta
) -> None:
    for i in range(24):
        at = now + 5 * MINUTE * i
        hub_at = at + (jump if i >= 12 else timedelta(0))
        payload = encode_readings([reading(2 * i + 1, hub_at), reading(2 * i + 2, hub_at, value=False)])
        for _ in range(2):
            writer.write([arrival(native(home), payload, at)])
            writer.write([arrival(native(home, "checkin"), check_in(hub_at), at)])
    assert rows(conn, "SELECT count(*), count(DISTINCT number) FROM sensor_event") == [(48, 48)]
    values = rows(conn, "SELECT value FROM sensor_event ORDER BY number")
    assert values == [(1.0,), (0.0,)] * 24
    (clock,) = hub_clocks(conn, home.id)
    assert clock.skew == -jump
    last = rows(conn, "SELECT occurred_at FROM sensor_event ORDER BY number DESC LIMIT 8")
    assert last == [(now + 5 * MINUTE * i,) for i in (23, 23, 22, 22, 21, 21, 20, 20)]


@settings(deadline=None)
@given(late_s=st.integers(31, 400_000), apart_s=st.integers(0, 3600))
def test_two_late_check_ins_move_no_clock_they_may_have_waited_in_the_broker(late_s: int, apart_s: int) -> None:
    """They are what a slow clock says too, to the byte. Believed, an outage's old movements would be of now."""
    late, apart = timedelta(seconds=late_s), timedelta(seconds=apart_s)
    assert clock_after([(NOW - late, NOW), (NOW + apart - late, NOW + apart)]).skew == timedelta(0)

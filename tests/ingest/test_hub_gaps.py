"""What a hub's numbers say of readings that have not come."""

from datetime import datetime, timedelta

import pytest

from ingest.dialects.native import NativeCheckIn, NativeLost, encode_check_in, encode_lost, encode_readings
from ingest.told import TimeLimits
from ingest.writer import Writer
from store.clock import Clock
from store.database import Conn, Pool
from store.home import Home, SensorKind
from store.hub_gap import hub_gaps
from tests.ingest.homes import arrival, make_home, native, reading

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def writer(pool: Pool, now: datetime) -> Writer:
    return Writer(pool, clock=Clock(real_start=now, start=now, speed=0), limits=TimeLimits())


@pytest.fixture
def home(conn: Conn, now: datetime) -> Home:
    return make_home(conn, {"M1": SensorKind.MOTION, "SOS": SensorKind.SOS}, now=now)


def gaps(conn: Conn, home: Home, now: datetime) -> list[tuple[int, int, datetime | None, datetime, bool]]:
    found = hub_gaps(conn, home.id, now - DAY, now + DAY)
    conn.commit()
    return [(gap.first, gap.last, gap.from_at, gap.until_at, gap.is_lost) for gap in found]


def test_a_gap_is_known_with_its_times_until_its_readings_come(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    def write(*seqs: int) -> int:
        sent = [reading(seq, now + seq * MINUTE) for seq in seqs]
        (ack,) = writer.write([arrival(native(home), encode_readings(sent), now + 60 * MINUTE)])
        return ack.seq

    assert write(1, 2) == 2
    assert gaps(conn, home, now) == []
    assert write(9) == 2  # an alarm that overtook what waits
    assert gaps(conn, home, now) == [(3, 8, now + 2 * MINUTE, now + 9 * MINUTE, False)]
    assert write(3, 4, 6) == 4
    assert gaps(conn, home, now) == [
        (5, 5, now + 4 * MINUTE, now + 6 * MINUTE, False),
        (7, 8, now + 6 * MINUTE, now + 9 * MINUTE, False),
    ]
    assert write(5) == 6
    assert write(7, 8) == 9
    assert gaps(conn, home, now) == []


def test_what_a_hub_has_thrown_away_holds_nothing_up_and_stays_known(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    writer.write([arrival(native(home), encode_readings([reading(1, now), reading(9, now + 9 * MINUTE)]), now)])
    lost = {"boot": "b1", "spans": [(2, 4), (6, 8)], "from": now + 2 * MINUTE, "until": now + 8 * MINUTE}
    said = encode_lost(NativeLost.model_validate(lost))
    for _ in range(2):
        (ack,) = writer.write([arrival(native(home, "lost"), said, now)])
        assert ack.seq == 4
    assert gaps(conn, home, now) == [
        (2, 8, now + 2 * MINUTE, now + 8 * MINUTE, True),
        (5, 5, now, now + 9 * MINUTE, False),
    ]
    (ack,) = writer.write([arrival(native(home), encode_readings([reading(5, now + 5 * MINUTE)]), now)])
    assert ack.seq == 9
    assert gaps(conn, home, now) == [(2, 8, now + 2 * MINUTE, now + 8 * MINUTE, True)]


def test_a_check_in_that_overtook_its_readings_is_not_complete_until_it_is_said_again(
    writer: Writer, conn: Conn, home: Home, now: datetime
) -> None:
    def check_in(seq: int) -> None:
        said = encode_check_in(NativeCheckIn(boot="b1", seq=seq, at=now, sent=now))
        writer.write([arrival(native(home, "checkin"), said, now)])

    check_in(2)
    writer.write([arrival(native(home), encode_readings([reading(1, now), reading(2, now)]), now)])
    check_in(2)
    check_in(2)
    found = conn.execute("SELECT number, is_complete FROM hub_check_in ORDER BY number").fetchall()
    conn.commit()
    assert found == [(1, False), (4, True)]


@pytest.mark.parametrize(
    "payload",
    [
        b"{}",
        b'{"boot": "b1", "spans": [], "from": "2026-03-10T12:00Z", "until": "2026-03-10T12:00Z"}',
        b'{"boot": "b1", "spans": [[5, 4]], "from": "2026-03-10T12:00Z", "until": "2026-03-10T12:00Z"}',
        b'{"boot": "b1", "spans": [[1, 999999999999]], "from": "2026-03-10T12:00Z", "until": "2026-03-10T12:00Z"}',
    ],
)
def test_a_word_of_loss_that_cannot_be_is_rejected(
    writer: Writer, conn: Conn, home: Home, now: datetime, payload: bytes
) -> None:
    writer.write([arrival(native(home, "lost"), payload, now)])
    assert conn.execute("SELECT reason FROM rejected_message").fetchall() == [("shape",)]
    assert gaps(conn, home, now) == []

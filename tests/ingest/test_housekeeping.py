from datetime import datetime, timedelta

from ingest.dialects.native import encode_readings
from ingest.housekeeping import EVERY_SECONDS, MOST_BOOTS, Housekeeping
from ingest.told import TimeLimits
from ingest.writer import Writer
from store.clock import Clock
from store.database import Conn, Pool
from store.home import SensorKind
from store.retention import KeepSettings
from tests.ingest.homes import arrival, make_home, native, reading, rows

DAY = timedelta(days=1)


class Seconds:
    """A monotonic clock that stands still until told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def keeper(pool: Pool, at: datetime, seconds: Seconds) -> Housekeeping:
    return Housekeeping(
        pool,
        clock=Clock(real_start=at, start=at, speed=0),
        keep=KeepSettings(keep_rejected_days=30),
        keep_boots=60 * DAY,
        monotonic=seconds,
    )


def test_rejected_messages_go_after_their_time_and_once_an_hour_is_often_enough(
    pool: Pool, conn: Conn, now: datetime
) -> None:
    home = make_home(conn, {"M1": SensorKind.MOTION}, now=now)
    writer = Writer(pool, clock=Clock(real_start=now, start=now), limits=TimeLimits())
    writer.write([arrival(native(home), b"not json", now - 31 * DAY), arrival(native(home), b"not json", now)])
    seconds = Seconds()
    housekeeping = keeper(pool, now, seconds)
    assert housekeeping.step()
    assert rows(conn, "SELECT received_at FROM rejected_message") == [(now,)]
    assert rows(conn, "SELECT count(*) FROM rejected_hour") == [(1,)]
    assert not housekeeping.step()
    seconds.now += EVERY_SECONDS
    assert housekeeping.step()


def test_boots_are_forgotten_when_unheard_for_long_or_too_many(pool: Pool, conn: Conn, now: datetime) -> None:
    home = make_home(conn, {"M1": SensorKind.MOTION}, now=now)
    other = make_home(conn, {"M1": SensorKind.MOTION}, now=now)

    def hear(of: str, boot: str, at: datetime) -> None:
        writer = Writer(pool, clock=Clock(real_start=at, start=at, speed=0), limits=TimeLimits())
        writer.write([arrival(of, encode_readings([reading(1, at, boot=boot)]), at)])

    hear(native(other), "long ago", now - 61 * DAY)
    hear(native(other), "lately", now - 59 * DAY)
    for number in range(MOST_BOOTS + 3):
        hear(native(home), f"b{number:04d}", now - DAY + timedelta(seconds=number))
    assert keeper(pool, now, Seconds()).step()
    assert rows(conn, "SELECT count(*), min(boot) FROM hub_sequence WHERE boot LIKE 'b%'") == [(MOST_BOOTS, "b0003")]
    assert rows(conn, "SELECT boot FROM hub_sequence WHERE boot NOT LIKE 'b%'") == [("lately",)]

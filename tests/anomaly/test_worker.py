"""The worker with a real database: from stored events to deviations, faults, routine and snapshots."""

import contextlib
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from anomaly.home_model import HomeModel
from anomaly.open_finding import Finding
from anomaly.plan import plan_of_file
from anomaly.replay import in_order, replayed
from anomaly.watched_home import WatchedHome
from anomaly.worker import Worker
from store.clock import Clock
from store.cursor import last_numbers
from store.database import Conn, DatabaseSettings, Pool, open_pool
from store.deviation import Deviation, DeviationKind, Grade, deviations_between
from store.fault import FaultKind, faults_between
from store.home import Home, add_absence, add_home, add_organisation, add_sensor, home_by_code, sensors_of
from store.hub import HubCheckIn, HubState, insert_check_ins
from store.intake import save_numbers
from store.recording import HUB, Row
from store.routine import latest_snapshot, routine_of
from store.sensor_event import SensorEvent, insert_events
from tests.anomaly.conftest import FIRST_DAY, a_home, a_life, check_ins_only
from tests.conftest import Database

pytestmark = pytest.mark.database

DAYS = 18
FALL = FIRST_DAY + timedelta(days=DAYS - 1, hours=10)
LIFE = [row for row in a_life(DAYS) if row.at < FALL]
AFTER = list(check_ins_only(FALL, FALL + timedelta(hours=5)))
ALWAYS = (FIRST_DAY - timedelta(days=1), FIRST_DAY + timedelta(days=99))


class Log:
    """What ingest would have stored of one home."""

    def __init__(self, conn: Conn, code: str = "K7") -> None:
        self.conn = conn
        file = a_home(id=code)
        organisation = add_organisation(conn, "Telecare Test", now=FIRST_DAY)
        self.home = add_home(
            conn, organisation_id=organisation, code=code, time_zone=file.time_zone,
            check_in_interval=file.check_in_interval, residents=1, dialect="native", now=FIRST_DAY,
        )  # fmt: skip
        for sensor in file.sensors:
            add_sensor(conn, self.home.id, code=sensor.id, kind=sensor.kind, room=sensor.room, is_exit=sensor.exit)
        self.ids = {sensor.code: sensor.id for sensor in sensors_of(conn, self.home.id)}
        self.number = 0

    def store(self, rows: Iterable[Row], *, received_at: datetime | None = None, backlog: int = 0) -> None:
        """As if received as it happened, or all at one time."""
        events, check_ins = [], []
        for row in rows:
            self.number += 1
            received = received_at or row.at + timedelta(seconds=1)
            if row.sensor == HUB:
                check_ins.append(
                    HubCheckIn(
                        home_id=self.home.id, occurred_at=row.at, received_at=received, number=self.number,
                        state=HubState(str(row.value)), backlog=backlog,
                    )
                )  # fmt: skip
            else:
                events.append(
                    SensorEvent(
                        home_id=self.home.id, sensor_id=self.ids[row.sensor], occurred_at=row.at,
                        received_at=received, number=self.number, value=float(row.value),
                    )
                )  # fmt: skip
        insert_events(self.conn, events)
        insert_check_ins(self.conn, check_ins)
        save_numbers(self.conn, {self.home.id: self.number})
        self.conn.commit()

    def deviations(self) -> list[Deviation]:
        return deviations_between(self.conn, self.home.id, *ALWAYS)


def stopped_at(at: datetime) -> Clock:
    """A clock that hardly moves."""
    return Clock(real_start=datetime.now(UTC), start=at, speed=1e-6)


def caught_up(pool: Pool, at: datetime) -> Worker:
    worker = Worker(pool, clock=stopped_at(at))
    while worker.step():
        pass
    return worker


@pytest.fixture
def stored(conn: Conn) -> Log:
    """A home with a collapse at 10:00 of its last day, as its log stands at 15:00."""
    log = Log(conn)
    log.store(LIFE)
    log.store(AFTER)
    return log


def said(found: Iterable[Finding]) -> list[tuple[object, ...]]:
    return [(f.id, str(f.kind), str(f.grade), f.raised_at, f.started_at, f.ended_at, f.explanation) for f in found]


def test_a_collapse_becomes_a_deviation_and_the_routine_says_when_it_would_rise(stored: Log, pool: Pool) -> None:
    caught_up(pool, FALL + timedelta(hours=5))
    (found,) = [d for d in stored.deviations() if d.ended_at is None]
    assert found.kind is DeviationKind.INACTIVITY
    assert found.grade.rank >= Grade.ATTENTION.rank
    routine = routine_of(stored.conn, stored.home.id)
    assert routine is not None
    assert routine.warm_up_days == 0
    assert max(routine.usual.active_share) > 0.5
    assert routine.next_check_at is None or routine.next_check_at > FALL


def test_the_service_finds_what_replay_finds(stored: Log, pool: Pool) -> None:
    end = FALL + timedelta(hours=5)
    caught_up(pool, end + timedelta(seconds=30))
    model = HomeModel(plan_of_file(a_home(), always_observed=False))
    expected = {f.id: f for f in in_order(replayed(model, [*LIFE, *AFTER], end=end)) if isinstance(f, Deviation)}
    latest = sorted(said(expected.values()))
    assert sorted(said(stored.deviations())) == latest


def test_what_is_stored_while_a_home_is_read_is_read_the_next_time(stored: Log, pool: Pool) -> None:
    now = FALL + timedelta(hours=5)
    with pool.connection() as conn:
        watched = WatchedHome(conn, stored.home, clock=stopped_at(now))
        for last_number in (stored.number // 3, stored.number):
            while watched.step(conn, last_number=last_number, now=now)[0]:
                pass
            assert watched.cursor == watched.rows_read == last_number


def test_nothing_is_passed_by_while_ingest_stores_beside_the_model(
    database: Database, settings: DatabaseSettings
) -> None:
    """Events and check-ins are two statements, and so two moments: the model must not take the later for both."""
    rows = LIFE[: len(LIFE) // 2]
    with contextlib.closing(psycopg.connect(settings.database_url)) as conn:
        log = Log(conn)

        def store_all() -> None:
            for first in range(0, len(rows), 9):
                log.store(rows[first : first + 9])

        storing = threading.Thread(target=store_all)
        storing.start()
        with contextlib.closing(open_pool(database.as_service(settings), size=1)) as pool, pool.connection() as reading:
            now = rows[-1].at
            watched = WatchedHome(reading, log.home, clock=stopped_at(now))
            is_over = False
            while not is_over:
                is_over = not storing.is_alive()  # then once more, for the last of it
                (number,) = last_numbers(reading, [log.home.id]).values()
                while watched.step(reading, last_number=number, now=now)[0]:
                    pass
                reading.commit()
        assert watched.rows_read == log.number == len(rows)


def test_a_second_reading_of_the_same_log_says_nothing_new(stored: Log, pool: Pool) -> None:
    at = FALL + timedelta(hours=5)
    caught_up(pool, at)
    before = stored.deviations()
    stored.conn.execute("DELETE FROM routine_snapshot")
    stored.conn.commit()
    caught_up(pool, at)
    assert stored.deviations() == before


def test_a_worker_that_dies_goes_on_from_its_snapshot(stored: Log, pool: Pool) -> None:
    whole = caught_up(pool, FALL + timedelta(hours=5))
    del whole
    snapshot = latest_snapshot(stored.conn, stored.home.id)
    assert snapshot is not None
    before = stored.deviations()
    stored.conn.rollback()
    more = list(check_ins_only(FALL + timedelta(hours=5), FALL + timedelta(hours=9)))
    stored.store(more)
    caught_up(pool, FALL + timedelta(hours=9))
    after = stored.deviations()
    assert {d.id for d in before} == {d.id for d in after}
    assert [d.grade for d in after if d.ended_at is None] == [Grade.URGENT]


def test_weeks_of_backlog_are_learned_as_if_they_had_come_live_and_page_nobody(conn: Conn, pool: Pool) -> None:
    log, now = Log(conn), FALL + timedelta(days=3)
    gap = (FALL - timedelta(days=2), FALL - timedelta(days=2) + timedelta(hours=6))
    past = [row for row in LIFE if row.sensor == HUB or not gap[0] <= row.at < gap[1]]
    log.store(past[: len(past) // 2], received_at=now - timedelta(seconds=40), backlog=9_000)
    caught_up(pool, now - timedelta(seconds=30))
    log.store(past[len(past) // 2 :], received_at=now - timedelta(seconds=20), backlog=1)
    caught_up(pool, now - timedelta(seconds=10))
    routine = routine_of(conn, log.home.id)
    assert routine is not None
    assert routine.learned_days > 13
    found = [d for d in log.deviations() if d.kind is DeviationKind.INACTIVITY]
    assert any(gap[0] <= d.raised_at <= gap[1] for d in found)
    assert all(d.evidence["late"] is True for d in log.deviations())  # which is what keeps alerts from paging anybody


def test_a_finding_that_is_still_true_after_the_service_was_down_is_told_in_full(stored: Log, pool: Pool) -> None:
    stored.store(check_ins_only(FALL + timedelta(hours=5), FALL + timedelta(hours=11)))
    caught_up(pool, FALL + timedelta(hours=11))
    (found,) = [d for d in stored.deviations() if d.ended_at is None and d.kind is DeviationKind.INACTIVITY]
    assert found.grade is Grade.URGENT
    assert "late" not in found.evidence


def test_nothing_is_decided_before_the_hub_is_heard(conn: Conn, pool: Pool) -> None:
    log = Log(conn)
    log.store([row for row in LIFE if row.sensor != HUB][:50])
    caught_up(pool, FALL)
    assert routine_of(conn, log.home.id) is None


def test_a_low_battery_is_a_fault_until_it_is_changed(stored: Log, pool: Pool) -> None:
    at = FALL + timedelta(hours=5)
    for percent in (9, 9, 100):
        stored.conn.execute("UPDATE sensor SET battery_percent = %s WHERE code = 'D1'", (percent,))
        stored.conn.commit()
        caught_up(pool, at)
    (fault,) = [f for f in faults_between(stored.conn, stored.home.id, *ALWAYS) if f.kind is FaultKind.BATTERY_LOW]
    assert fault.sensor_id == stored.ids["D1"]
    assert fault.ended_at is not None


def test_an_absence_noted_by_staff_ends_what_is_open(stored: Log, pool: Pool) -> None:
    worker = caught_up(pool, FALL + timedelta(hours=5))
    until = FALL + timedelta(days=2)
    add_absence(stored.conn, stored.home.id, from_at=FALL, until_at=until, reason="hospital", noted_by="staff:1")
    stored.conn.commit()
    del worker
    stored.store(check_ins_only(FALL + timedelta(hours=5), FALL + timedelta(hours=6)))
    caught_up(pool, FALL + timedelta(hours=6))
    assert [d for d in stored.deviations() if d.ended_at is None] == []


def test_one_failing_home_does_not_stop_the_others(stored: Log, pool: Pool) -> None:
    broken = Log(stored.conn, "B0")
    broken.store(LIFE[:20])
    stored.conn.execute("UPDATE home SET time_zone = 'No/Where' WHERE code = 'B0'")
    stored.conn.commit()
    caught_up(pool, FALL + timedelta(hours=5))
    assert routine_of(stored.conn, broken.home.id) is None
    assert routine_of(stored.conn, stored.home.id) is not None


def test_a_home_that_is_added_later_is_picked_up(stored: Log, pool: Pool) -> None:
    worker = caught_up(pool, FALL + timedelta(hours=5))
    late = Log(stored.conn, "L2")
    late.store(LIFE[:2000])
    while worker.step():
        pass
    assert routine_of(stored.conn, late.home.id) is not None


def test_a_state_of_another_version_is_learned_anew_from_the_log(stored: Log, pool: Pool) -> None:
    caught_up(pool, FALL + timedelta(hours=5))
    stored.conn.execute("UPDATE routine_snapshot SET state = '\\x00112233445566778899aabbccddeeff00112233445566778899'")
    stored.conn.commit()
    home = home_by_code(stored.conn, "K7")
    assert isinstance(home, Home)
    watched = WatchedHome(stored.conn, home, clock=stopped_at(FALL))
    assert watched.cursor == 0
    assert watched.model.at is None

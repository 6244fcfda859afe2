"""Coverage of days that are over is kept only when the hub has told all of them."""

from datetime import UTC, datetime, timedelta

import pytest

from anomaly.equipment_watch import EquipmentWatch
from store.coverage_day import WHOLE_HOME, quarter_shares
from store.database import Conn
from store.home import Home, SensorKind, add_home, add_organisation, add_sensor
from store.hub import HubCheckIn, HubState, insert_check_ins

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
TODAY = NOW.date()

pytestmark = pytest.mark.database


@pytest.fixture
def home(conn: Conn) -> Home:
    organisation = add_organisation(conn, "Telecare Test", now=NOW)
    made = add_home(conn, organisation_id=organisation, code="K7", time_zone="Europe/London",
                    check_in_interval=timedelta(minutes=5), residents=1, dialect="native", now=NOW)  # fmt: skip
    add_sensor(conn, made.id, code="M1", kind=SensorKind.MOTION, room="kitchen")
    return made


def test_coverage_of_past_days_waits_until_the_hub_has_told_its_backlog(conn: Conn, home: Home) -> None:
    """What is still on the hub's disk belongs to those days: derived now, they would be kept as not observed."""
    midnight = NOW.replace(hour=0)

    def check_in(start: datetime, *, first: int) -> None:
        every = [start + n * timedelta(minutes=5) for n in range(144)]
        insert_check_ins(
            conn,
            [
                HubCheckIn(home_id=home.id, occurred_at=at, received_at=NOW, number=first + n, state=HubState.CHECKIN,
                           backlog=0)
                for n, at in enumerate(every)
            ],
        )  # fmt: skip

    check_in(midnight - timedelta(hours=24), first=1)  # the morning; of the afternoon it has told nothing yet
    conn.execute("UPDATE hub SET backlog = 40")
    watch = EquipmentWatch(home)
    watch.look(conn, now=NOW)
    assert quarter_shares(conn, home.id, TODAY - timedelta(days=2), TODAY) == {}

    check_in(midnight - timedelta(hours=12), first=1_000)
    conn.execute("UPDATE hub SET backlog = 0")
    watch.look(conn, now=NOW + timedelta(minutes=15))
    kept = quarter_shares(conn, home.id, TODAY - timedelta(days=2), TODAY)
    assert kept[TODAY - timedelta(days=1), WHOLE_HOME] == [1.0] * 96


def test_a_bridge_that_says_nothing_of_a_backlog_is_not_waited_for(conn: Conn, home: Home) -> None:
    insert_check_ins(
        conn,
        [HubCheckIn(home_id=home.id, occurred_at=NOW - timedelta(days=1), received_at=NOW, number=1,
                    state=HubState.CHECKIN, backlog=0)],
    )  # fmt: skip
    EquipmentWatch(home).look(conn, now=NOW)
    assert quarter_shares(conn, home.id, TODAY - timedelta(days=2), TODAY) != {}

"""Coverage: of a home, of a place, by quarter hour; pure, and as it is read and kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.coverage import (
    QUARTER,
    QUARTERS,
    Interval,
    covered_intervals,
    in_both,
    joined,
    place_coverage,
    quarter_seconds,
    share_covered,
    without,
)
from store.coverage_day import WHOLE_HOME, derive_coverage, home_coverage, quarter_shares
from store.database import Conn
from store.deviation import Grade, finding_id
from store.fault import Fault, FaultKind, save_fault
from store.home import Home, Sensor, SensorKind, add_home, add_organisation, add_sensor, sensors_of
from store.hub import HubCheckIn, HubState, insert_check_ins
from store.hub_gap import note_hub_gap

DAY = datetime(2026, 3, 2, tzinfo=UTC)
EVERY = timedelta(minutes=5)


def at(hours: float) -> datetime:
    return DAY + timedelta(hours=hours)


@dataclass(frozen=True)
class Eye:
    """A sensor, as far as coverage is concerned."""

    id: int
    kind: SensorKind
    room: str


stretch = st.tuples(st.integers(0, 1439), st.integers(1, 300)).map(
    lambda found: (DAY + timedelta(minutes=found[0]), DAY + timedelta(minutes=found[0] + found[1]))
)
stretches = st.lists(stretch, max_size=8)


def inside(covered: Sequence[Interval], minute: int) -> bool:
    moment = DAY + timedelta(minutes=minute, seconds=30)
    return any(start <= moment < end for start, end in covered)


@given(stretches, stretches, st.lists(st.integers(0, 1439), min_size=1, max_size=20))
def test_holes_joins_and_overlaps_are_what_they_say_at_every_minute(
    ones: list[Interval], others: list[Interval], minutes: list[int]
) -> None:
    left, both = joined(ones), in_both(joined(ones), joined(others))
    for found in (left, both, without(left, others)):
        assert all(a < b for a, b in found)
        assert all(b <= c for (_, b), (c, _) in pairwise(found))
    for minute in minutes:
        assert inside(left, minute) == inside(ones, minute)
        assert inside(both, minute) == (inside(ones, minute) and inside(others, minute))
        assert inside(without(left, others), minute) == (inside(ones, minute) and not inside(others, minute))


@given(stretches)
def test_quarter_hours_add_up_to_what_was_covered(found: list[Interval]) -> None:
    covered = without(joined(found), [(DAY + timedelta(days=1), DAY + timedelta(days=9))])
    seconds = quarter_seconds(covered, DAY)
    assert len(seconds) == QUARTERS
    assert all(0 <= each <= QUARTER.total_seconds() for each in seconds)
    assert sum(seconds) == sum((end - start).total_seconds() for start, end in covered)
    assert share_covered(covered, DAY, DAY + timedelta(days=1)) == pytest.approx(sum(seconds) / 86400)


@given(stretches, stretches, stretches)
def test_a_place_is_never_brighter_than_the_home_and_dark_only_if_all_its_sensors_are(
    home: list[Interval], one: list[Interval], other: list[Interval]
) -> None:
    covered = joined(home)
    sensors = [Eye(1, SensorKind.MOTION, "lounge"), Eye(2, SensorKind.CHAIR, "lounge"), Eye(3, SensorKind.DOOR, "hall")]
    places = place_coverage(covered, sensors, {1: one, 2: other})
    assert places["hall"] == covered
    for minute in range(0, 1440, 17):
        is_dark = inside(one, minute) and inside(other, minute)
        assert inside(places["lounge"], minute) == (inside(covered, minute) and not is_dark)


def test_a_room_whose_only_sensor_is_silent_is_not_covered_while_others_are() -> None:
    sensors = [Eye(1, SensorKind.MOTION, "kitchen"), Eye(2, SensorKind.MOTION, "lounge"),
               Eye(3, SensorKind.TEMPERATURE, "kitchen"), Eye(4, SensorKind.SMOKE, "kitchen")]  # fmt: skip
    places = place_coverage([(at(0), at(24))], sensors, {1: [(at(6), at(30))]})
    assert places == {"kitchen": [(at(0), at(6))], "lounge": [(at(0), at(24))]}


def test_what_is_always_observed_stays_so() -> None:
    assert covered_intervals([], EVERY, at(0), at(24), always=True) == [(at(0), at(24))]


# With a database -----------------------------------------------------------------------------------


def a_stored_home(conn: Conn, *, days: float, quiet: Interval | None = None) -> tuple[Home, list[Sensor]]:
    """A home with a sensor in kitchen and lounge that checked in all the time but for `quiet`."""
    organisation = add_organisation(conn, "Telecare Test", now=DAY)
    home = add_home(conn, organisation_id=organisation, code="K7", time_zone="Europe/London", check_in_interval=EVERY,
                    residents=1, dialect="native", now=DAY)  # fmt: skip
    for room in ("kitchen", "lounge"):
        add_sensor(conn, home.id, code=f"M-{room}", kind=SensorKind.MOTION, room=room)
    ticks = [DAY + n * EVERY for n in range(int(days * 288))]
    check_in(conn, home, [tick for tick in ticks if quiet is None or not quiet[0] <= tick < quiet[1]], first=1)
    return home, sensors_of(conn, home.id)


def check_in(conn: Conn, home: Home, ticks: list[datetime], *, first: int, received: datetime | None = None) -> None:
    insert_check_ins(
        conn,
        [
            HubCheckIn(home_id=home.id, occurred_at=tick, received_at=received or tick, number=number,
                       state=HubState.CHECKIN, backlog=0)
            for number, tick in enumerate(ticks, start=first)
        ],
    )  # fmt: skip
    note_intake_day(conn, home, ticks, received or ticks[-1], first)


def note_intake_day(conn: Conn, home: Home, ticks: list[datetime], received: datetime, first: int) -> None:
    """As the writer notes of which days a batch is."""
    conn.execute(
        "INSERT INTO intake_day VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (home.id, first, received.date(), min(ticks).replace(hour=0, minute=0), max(ticks) + timedelta(days=1)),
    )


def silent(home: Home, sensor: Sensor, start: datetime, end: datetime | None) -> Fault:
    return Fault(
        id=finding_id(home.code, f"sensor_silent/{sensor.code}", start), home_id=home.id, sensor_id=sensor.id,
        kind=FaultKind.SENSOR_SILENT, grade=Grade.NOTICE, raised_at=start + timedelta(days=1), started_at=start,
        ended_at=end, explanation="silent",
    )  # fmt: skip


@pytest.mark.database
def test_outages_missing_numbers_and_silent_sensors_are_holes(conn: Conn) -> None:
    home, sensors = a_stored_home(conn, days=1, quiet=(at(3), at(5)))
    note_hub_gap(conn, (home.id, "b1"), 7, 9, until_at=at(12), now=at(12), is_lost=True)
    conn.execute("UPDATE hub_gap SET from_at = %s", (at(11),))
    save_fault(conn, silent(home, sensors[0], at(10), at(20)))
    found = home_coverage(conn, home, sensors, at(0), at(24))
    vouched = at(3) - EVERY + 3 * EVERY
    assert found.home == [(at(0), vouched), (at(5), at(11)), (at(12), at(24))]
    assert found.places["lounge"] == found.home
    assert found.places["kitchen"] == [(at(0), vouched), (at(5), at(10)), (at(20), at(24))]
    assert found.installed_at == at(0)


@pytest.mark.database
def test_a_sensor_its_bridge_has_lost_leaves_its_room_dark(conn: Conn) -> None:
    home, _ = a_stored_home(conn, days=1)
    conn.execute("UPDATE sensor SET is_available = false, last_heard_at = %s WHERE code = 'M-lounge'", (at(8),))
    found = home_coverage(conn, home, sensors_of(conn, home.id), at(0), at(24))
    assert found.places["lounge"] == [(at(0), at(8))]
    assert found.places["kitchen"] == found.home


@pytest.mark.database
def test_days_that_are_over_are_kept_by_quarter_hour_once(conn: Conn) -> None:
    home, sensors = a_stored_home(conn, days=3, quiet=(at(26), at(30)))
    now = at(72 + 2)
    assert derive_coverage(conn, home, sensors, now=now) == 3
    assert derive_coverage(conn, home, sensors, now=now + timedelta(minutes=15)) == 0
    kept = quarter_shares(conn, home.id, DAY.date(), now.date())
    assert {room for _, room in kept} == {WHOLE_HOME}  # no room differs from the home
    outage = kept[at(24).date(), WHOLE_HOME]
    assert outage[8:24].count(0.0) == 15  # from 02:10 to 06:00; one quarter hour in part
    assert sum(outage) == pytest.approx(96 - (4 - 1 / 6) * 4)
    assert kept[DAY.date(), WHOLE_HOME] == [1.0] * QUARTERS
    told = conn.execute("SELECT share FROM coverage_quarter WHERE quarter_at = %s AND room = ''", (at(27),)).fetchall()
    assert told == [(0.0,)]


@pytest.mark.database
def test_what_comes_late_or_is_found_later_changes_the_days_it_is_about(conn: Conn) -> None:
    home, sensors = a_stored_home(conn, days=3, quiet=(at(26), at(30)))
    derive_coverage(conn, home, sensors, now=at(72 + 2))
    late = [at(26) + n * EVERY for n in range(48)]
    check_in(conn, home, late, first=5_000, received=at(72 + 5))
    save_fault(conn, silent(home, sensors[0], at(50), None))
    assert derive_coverage(conn, home, sensors, now=at(96 + 2)) == 3  # the day of the outage and all since
    kept = quarter_shares(conn, home.id, DAY.date(), at(96).date())
    assert kept[at(24).date(), WHOLE_HOME] == [1.0] * QUARTERS
    assert kept[at(48).date(), "kitchen"][8:] == [0.0] * 88
    assert (at(24).date(), "kitchen") not in kept


@pytest.mark.database
def test_a_home_that_never_spoke_has_no_coverage_to_keep(conn: Conn) -> None:
    home, sensors = a_stored_home(conn, days=0.01)
    conn.execute("DELETE FROM hub_check_in")
    conn.execute("DELETE FROM intake_day")
    assert derive_coverage(conn, home, sensors, now=at(72)) == 0
    assert home_coverage(conn, home, sensors, at(0), at(24)).installed_at is None

"""Incidents delete what the resident caused, and nothing else."""

from datetime import date, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest

from simulators.dwelling import kit, sensors_by_role
from simulators.persona import personas
from simulators.resident import Resident, waking_day
from simulators.scenarios import Incident, IncidentKind, cuts
from simulators.sensing import Reading
from simulators.source import resident_source

LONDON = ZoneInfo("Europe/London")
PERSON = [kind for kind in IncidentKind if not kind.is_of_equipment and not kind.is_strange]
STRANGE = {  # begins, ends
    IncidentKind.LONG_BATHROOM: (11.0, 13.0),
    IncidentKind.NO_BREAKFAST: (5.0, 14.0),
    IncidentKind.STAYS_IN_BED: (5.0, 13.0),
    IncidentKind.NOT_TO_BED: (21.0, 27.5),
    IncidentKind.UP_AT_NIGHT: (2.0, 4.5),
    IncidentKind.OUT_AT_NIGHT: (3.0, 3.75),
}


def at(hour: float, day: int = 10) -> datetime:
    return datetime(2026, 3, day, tzinfo=LONDON) + timedelta(hours=hour)


def resident(persona: str = "outgoing") -> Resident:
    return Resident(persona=personas()[persona], seed=4, zone=LONDON, kit=kit("flat"))


def code(role: str) -> str:
    return sensors_by_role(kit("flat"))[role].id


def readings(who: Resident, *incidents: Incident, start: datetime, hours: float) -> list[Reading]:
    begin = start.timestamp()
    return list(takewhile(lambda r: r.at < begin + hours * 3600, resident_source(who, incidents)(begin)))


def caused(found: list[Reading]) -> list[Reading]:
    """Without the thermometers."""
    return [reading for reading in found if isinstance(reading.value, bool)]


def incident(kind: IncidentKind, until: datetime | None = None) -> Incident:
    night = kind in (IncidentKind.NIGHT_BATHROOM, IncidentKind.NOT_UP, IncidentKind.BESIDE_BED)
    return Incident(kind=kind, start=at(3 if night else 11), until=until)


@pytest.mark.parametrize("kind", PERSON)
def test_before_the_incident_and_of_the_thermometers_nothing_changes_and_afterwards_nobody_stirs(
    kind: IncidentKind,
) -> None:
    who = resident()
    bad = incident(kind)
    start = cuts(who, [bad])[0].start
    well = readings(who, start=at(-12), hours=60)
    ill = readings(who, bad, start=at(-12), hours=60)

    assert [r for r in well if r.at < start] == [r for r in ill if r.at < start]
    assert [r for r in well if not isinstance(r.value, bool)] == [r for r in ill if not isinstance(r.value, bool)]
    assert not [r for r in caused(ill) if r.at > start + 600]  # falls, after-runs, a kettle: minutes at most
    assert [r for r in caused(well) if r.at > start + 6 * 3600]


@pytest.mark.parametrize("kind", PERSON)
def test_when_somebody_comes_the_home_is_alive_again(kind: IncidentKind) -> None:
    who = resident()
    until = at(22)
    after = [
        r for r in caused(readings(who, incident(kind, until), start=at(0), hours=40)) if r.at >= until.timestamp()
    ]
    assert (after[0].sensor, after[0].value, after[0].at) == (code("door/front"), True, until.timestamp())
    moved = {r.sensor for r in after if r.value and r.at < until.timestamp() + 2400}
    assert {code(f"motion/{room}") for room in ("hall", "lounge", "kitchen", "bathroom", "bedroom")} <= moved
    assert [r for r in after if r.at > until.timestamp() + 10 * 3600]  # and life goes on


def test_a_collapse_happens_where_the_resident_is() -> None:
    who = resident("homebody")
    bad = Incident(kind=IncidentKind.COLLAPSE, start=at(9.25))
    fallen_at = cuts(who, [bad])[0].start
    place = next(s.place for s in waking_day(who, date(2026, 3, 10)).stays if s.start <= fallen_at < s.end)
    last_on = [r for r in caused(readings(who, bad, start=at(0), hours=30)) if r.value][-1]
    assert last_on.sensor == code(f"motion/{place}")
    assert fallen_at - at(9.25).timestamp() < 3600


def test_a_collapse_wanted_while_the_resident_is_out_waits_for_the_return() -> None:
    who = resident("outgoing")
    days = (waking_day(who, date(2026, 3, 10) + timedelta(days=i)) for i in range(7))
    out = next(stay for day in days for stay in day.stays if stay.place == "out")
    wanted = datetime.fromtimestamp((out.start + out.end) / 2, LONDON)
    assert cuts(who, [Incident(kind=IncidentKind.COLLAPSE, start=wanted)])[0].start > out.end


def test_at_night_the_last_movement_is_in_the_bathroom_with_the_bed_empty() -> None:
    found = caused(readings(resident(), incident(IncidentKind.NIGHT_BATHROOM), start=at(0), hours=30))
    assert [r.sensor for r in found if r.value][-1] == code("motion/bathroom")
    assert [r.value for r in found if r.sensor == code("bed/bedroom")][-1] is False


def test_who_stays_in_bed_keeps_the_mat_pressed_and_who_slips_out_does_not() -> None:
    for kind, pressed in ((IncidentKind.NOT_UP, True), (IncidentKind.BESIDE_BED, False)):
        found = caused(readings(resident(), incident(kind), start=at(-12), hours=40))
        assert [r.value for r in found if r.sensor == code("bed/bedroom")][-1] is pressed


def test_who_does_not_return_has_closed_the_front_door_behind_them() -> None:
    found = caused(readings(resident(), incident(IncidentKind.NOT_RETURNED), start=at(0), hours=40))
    doors = [r for r in found if r.sensor == code("door/front")]
    assert doors[-1].value is False
    assert found[-1].at - doors[-1].at < 120


def test_a_dead_sensor_is_silent_and_all_others_say_what_they_always_say() -> None:
    who = resident()
    dead = Incident(kind=IncidentKind.SENSOR_DEAD, start=at(9), until=at(20), sensor=code("motion/lounge"))
    well, ill = readings(who, start=at(0), hours=24), readings(who, dead, start=at(0), hours=24)
    missing = [r for r in well if r not in ill]
    assert missing
    assert all(r.sensor == dead.sensor and at(9).timestamp() <= r.at < at(20).timestamp() for r in missing)
    assert not [r for r in ill if r not in well]


def test_a_world_started_again_in_the_middle_of_an_incident_says_the_same() -> None:
    bad = incident(IncidentKind.NOT_UP, until=at(12, day=15))
    whole = [r for r in readings(resident(), bad, start=at(0), hours=150) if r.at >= at(11, day=15).timestamp()]
    assert whole == readings(resident(), bad, start=at(11, day=15), hours=19)


def test_if_an_incident_can_only_begin_late_somebody_comes_as_much_later() -> None:
    who = resident("homebody")
    wanted, until = at(2), at(2) + timedelta(minutes=1)
    cut = cuts(who, [Incident(kind=IncidentKind.COLLAPSE, start=wanted, until=until)])[0]
    assert cut.start > until.timestamp()  # asleep at two
    assert cut.until - cut.start == 60


# Strange days, slow changes, the heating -----------------------------------------------------------


def strange(kind: IncidentKind) -> Incident:
    begins, ends = STRANGE[kind]
    return Incident(kind=kind, start=at(begins), until=at(ends))


def test_every_strange_day_is_here() -> None:
    assert {kind for kind in IncidentKind if kind.is_strange} == STRANGE.keys()


@pytest.mark.parametrize("kind", STRANGE)
def test_a_strange_day_differs_only_while_it_lasts(kind: IncidentKind) -> None:
    who = resident("homebody")
    begins, ends = STRANGE[kind]
    cut = cuts(who, [strange(kind)])[0]
    well = readings(who, start=at(-12), hours=72)
    odd = readings(who, strange(kind), start=at(-12), hours=72)
    assert at(begins).timestamp() - 60 <= cut.start < at(ends).timestamp() + 3 * 3600
    assert [r for r in well if r.at < cut.start] == [r for r in odd if r.at < cut.start]
    assert [r for r in well if not isinstance(r.value, bool)] == [r for r in odd if not isinstance(r.value, bool)]
    later = cut.until + 1800
    assert {r.sensor for r in well if r.at > later} == {r.sensor for r in odd if r.at > later}
    assert well != odd


def moved(found: list[Reading], begins: float, ends: float) -> set[str]:
    """Where somebody was seen to move between these hours."""
    rooms = {sensor.id: sensor.room for sensor in kit("flat") if sensor.kind == "motion"}
    span = (at(begins).timestamp(), at(ends).timestamp())
    return {rooms[r.sensor] for r in found if r.value is True and r.sensor in rooms and span[0] <= r.at < span[1]}


def test_on_strange_days_people_are_seen_where_they_are() -> None:
    who = resident("homebody")
    seen = {kind: readings(who, strange(kind), start=at(0), hours=40) for kind in STRANGE}
    fallen = cuts(who, [strange(IncidentKind.LONG_BATHROOM)])[0]
    hours = [(edge - at(0).timestamp()) / 3600 for edge in (fallen.start, fallen.until - 60)]
    assert moved(seen[IncidentKind.LONG_BATHROOM], *hours) == {"bathroom"}
    assert "kitchen" not in moved(seen[IncidentKind.NO_BREAKFAST], 5, 14)
    assert "lounge" in moved(seen[IncidentKind.NO_BREAKFAST], 8.5, 14)
    assert moved(seen[IncidentKind.STAYS_IN_BED], 8, 12.9) == {"bedroom"}
    assert moved(seen[IncidentKind.NOT_TO_BED], 24, 27) == {"lounge"}
    assert {"lounge", "hall"} <= moved(seen[IncidentKind.UP_AT_NIGHT], 2.1, 4.4)
    opened = [r.at for r in seen[IncidentKind.OUT_AT_NIGHT] if r.sensor == code("door/front") and r.value]
    left, back = opened[:2]
    assert at(3).timestamp() < left < at(3.5).timestamp()
    assert back == at(3.75).timestamp()


def test_a_strange_day_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match="needs an end"):
        cuts(resident(), [Incident(kind=IncidentKind.UP_AT_NIGHT, start=at(2))])


def test_a_stuck_sensor_says_on_and_nothing_more_until_it_is_repaired() -> None:
    who, lounge = resident(), code("motion/lounge")
    stuck = Incident(kind=IncidentKind.SENSOR_STUCK, start=at(9), until=at(20), sensor=lounge)
    said = [r for r in readings(who, stuck, start=at(0), hours=26) if r.sensor == lounge]
    since = [(r.at, r.value) for r in said if r.at >= at(9).timestamp()]
    assert since[:2] == [(at(9).timestamp(), True), (at(20).timestamp(), False)]
    again = readings(who, stuck, start=at(12), hours=14)  # a world that is started again meanwhile
    assert [(r.at, r.value) for r in again if r.sensor == lounge] == since[1:]


def test_without_heating_the_home_grows_cold_and_warm_again() -> None:
    who = resident()
    off = Incident(kind=IncidentKind.HEATING_OFF, start=at(20, day=9), until=at(12))
    well, cold = readings(who, start=at(-12), hours=72), readings(who, off, start=at(-12), hours=72)
    assert [(r.at, r.sensor) for r in well] == [(r.at, r.sensor) for r in cold]
    pairs = zip(cold, well, strict=True)
    colder = {c.at: w.value - c.value for c, w in pairs if isinstance(c.value, float) and isinstance(w.value, float)}
    assert max(below for t, below in colder.items() if t < at(20, day=9).timestamp()) == 0.0
    assert min(below for t, below in colder.items() if at(8).timestamp() < t < at(12).timestamp()) > 4.0
    assert max(below for t, below in colder.items() if t > at(36).timestamp()) < 0.2

"""The demo's world: enough homes, every sort of incident, and a file that keeps all of it."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ingest.hub.link import Credential
from ingest.wire import Dialect, is_home_code
from simulators.dwelling import kit
from simulators.fleet import World, default_fleet, home_file, read_world, recorded_home, write_world
from simulators.persona import personas
from simulators.resident import Resident
from simulators.scenarios import IncidentKind, cuts
from simulators.world import persona_source
from store.home_file import HomeFile, InputError

EIGHT = datetime(2026, 11, 23, 8, tzinfo=ZoneInfo("Europe/London"))  # a Monday


def incident_starts(world: World) -> dict[IncidentKind, datetime]:
    """When each incident of the first day really begins, given what its resident does."""
    found: dict[IncidentKind, datetime] = {}
    for home in world.homes:
        persona = personas()[home.persona]
        resident = Resident(persona=persona, seed=home.seed, zone=home.file.zone, kit=home.kit)
        for incident in home.incidents:
            if incident.start < world.start - timedelta(hours=12):
                continue
            exact = cuts(resident, [incident])
            at = datetime.fromtimestamp(exact[0].start, UTC) if exact else incident.start
            assert incident.kind not in found, "one home for each"
            found[incident.kind] = at
    return found


@pytest.mark.parametrize("weekday", range(5))
def test_every_sort_of_incident_comes_on_the_first_day_and_the_clear_ones_within_five_hours(weekday: int) -> None:
    start = EIGHT + timedelta(days=weekday)
    begins = incident_starts(default_fleet(start))
    assert begins.keys() == {
        IncidentKind.COLLAPSE,
        IncidentKind.NOT_UP,
        IncidentKind.HUB_OFFLINE,
        IncidentKind.SENSOR_DEAD,
        IncidentKind.NOT_RETURNED,
        IncidentKind.NIGHT_BATHROOM,
    }
    assert timedelta(hours=-4) < begins[IncidentKind.NOT_UP] - start < timedelta(0)
    assert timedelta(hours=1) < begins[IncidentKind.COLLAPSE] - start < timedelta(hours=2)
    assert timedelta(0) < begins[IncidentKind.HUB_OFFLINE] - start < timedelta(hours=2)
    assert timedelta(0) < begins[IncidentKind.SENSOR_DEAD] - start < timedelta(hours=1)
    assert timedelta(hours=5) < begins[IncidentKind.NOT_RETURNED] - start < timedelta(hours=12)
    assert timedelta(hours=16) < begins[IncidentKind.NIGHT_BATHROOM] - start < timedelta(hours=21)


def test_there_are_enough_homes_of_both_dialects_and_many_sorts_of_people() -> None:
    world = default_fleet(EIGHT)
    assert len(world.homes) >= 9
    assert [home.dialect for home in world.homes].count(Dialect.ZIGBEE2MQTT) >= 2
    assert len({home.persona for home in world.homes}) >= 5
    assert len({home.code for home in world.homes}) == len(world.homes)
    assert all(is_home_code(home.code) and home.resident.split()[0] not in home.code for home in world.homes)
    assert all(timedelta(days=28) <= home.history <= timedelta(days=42) for home in world.homes)
    assert any(home.file.absences for home in world.homes)
    assert all(any(sensor.exit for sensor in home.file.sensors) for home in world.homes)


@pytest.mark.parametrize("hours", [0, 3.5, 7, 14, 21.2])
def test_the_fleet_can_begin_at_any_hour(hours: float) -> None:
    start = EIGHT + timedelta(hours=hours)
    for home in default_fleet(start).homes:
        next(persona_source(home)(start.timestamp()))


def test_a_sensor_that_is_to_die_or_to_stick_exists() -> None:
    for home in default_fleet(EIGHT).homes:
        for incident in home.incidents:
            is_of_sensor = incident.kind in (IncidentKind.SENSOR_DEAD, IncidentKind.SENSOR_STUCK)
            assert not is_of_sensor or incident.sensor in {s.id for s in home.kit}


def test_the_world_is_the_same_after_writing_and_reading_and_its_file_is_private(tmp_path: Path) -> None:
    world = default_fleet(EIGHT).with_home(
        recorded_home(home_file("R1", kit("flat"), check_in_minutes=5), tmp_path / "r.csv.gz", is_moved=False)
    )
    credentials = {h.code: Credential(username=h.code, password=f"p-{h.code}", client_id="c") for h in world.homes}
    world = world.with_credentials(credentials)
    write_world(world, tmp_path / "world.json")
    assert read_world(tmp_path / "world.json") == world
    assert stat.S_IMODE((tmp_path / "world.json").stat().st_mode) == 0o600


def test_a_world_file_that_cannot_be_read_is_refused_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    with pytest.raises(InputError, match="cannot be read"):
        read_world(file)
    file.write_text('{"start": "soon", "homes": []}')
    with pytest.raises(InputError, match="start: "):
        read_world(file)


def test_a_kit_is_a_home_file_and_back() -> None:
    for dwelling in ("flat", "maisonette", "small_flat"):
        sensors = kit(dwelling)
        file = HomeFile.model_validate_json(home_file("K1", sensors, check_in_minutes=5).model_dump_json(by_alias=True))
        assert [(s.id, str(s.kind), s.room, s.exit, s.essential, s.name) for s in file.sensors] == [
            (s.id, s.kind, s.room, s.exit, s.essential, s.name) for s in sensors
        ]

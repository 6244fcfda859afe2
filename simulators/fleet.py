"""The pretend world as configuration: which homes there are, who lives in them, and what will go wrong.

A world is JSON on disk (`read_world`, `write_world`), written by whoever starts the demo and read by `world.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from ingest.hub.link import Credential
from ingest.wire import Dialect
from simulators.dwelling import Kit, KitSensor, kit
from simulators.scenarios import Incident, IncidentKind
from simulators.wear import Wear
from store.home import SensorKind
from store.home_file import HomeFile, InputError, PeriodFile, SensorFile

HISTORY = timedelta(days=28)
ZONE = ZoneInfo("Europe/London")
_CHECK_IN_MINUTES = {Dialect.NATIVE: 5.0, Dialect.ZIGBEE2MQTT: 10.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class PretendHome:
    """One home of the pretend world: a persona's, or one whose life is played from a recording."""

    file: HomeFile
    resident: str  # an invented name
    dialect: Dialect
    persona: str = ""
    seed: int = 0
    incidents: tuple[Incident, ...] = ()
    wear: tuple[Wear, ...] = ()  # of a bridged home
    unplaced: Kit = ()  # sensors of a bridged home that nobody has placed
    history: timedelta = HISTORY
    recording: Path | None = None
    is_moved: bool = True  # the recording: to the present; else its times stay
    credential: Credential = field(default_factory=Credential)

    @property
    def code(self) -> str:
        """The home's code."""
        return self.file.id

    @property
    def kit(self) -> Kit:
        """Its sensors."""
        return tuple(
            KitSensor(
                id=sensor.id,
                kind=str(sensor.kind),
                room=sensor.room,
                name=sensor.name,
                exit=sensor.exit,
                essential=sensor.essential,
            )
            for sensor in self.file.sensors
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All of it. What lies before `start` is history, uploaded first."""

    start: datetime
    homes: tuple[PretendHome, ...]

    def with_credentials(self, credentials: Mapping[str, Credential]) -> "World":
        """The same world, each home with what it connects with."""
        return replace(self, homes=tuple(replace(home, credential=credentials[home.code]) for home in self.homes))

    def with_home(self, home: PretendHome) -> "World":
        """The same world with one more home."""
        return replace(self, homes=(*self.homes, home))


def write_world(world: World, path: Path) -> None:
    """As JSON, readable by its owner alone: it holds the hubs' credentials."""
    path.touch(mode=0o600)
    path.write_bytes(TypeAdapter(World).dump_json(world, by_alias=True, indent=1))


def read_world(path: Path) -> World:
    """Raises `InputError` with the file and the reason."""
    try:
        return TypeAdapter(World).validate_json(path.read_bytes())
    except OSError as exc:
        raise InputError(path, f"cannot be read: {exc}") from exc
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        raise InputError(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from exc


def home_file(code: str, sensors: Kit, *, check_in_minutes: float, absences: tuple[PeriodFile, ...] = ()) -> HomeFile:
    """The home file of a pretend home in London."""
    return HomeFile(
        id=code,
        time_zone=ZONE.key,
        residents=1,
        checkin_minutes=check_in_minutes,
        sensors=[
            SensorFile(
                id=sensor.id,
                kind=SensorKind(sensor.kind),
                room=sensor.room,
                exit=sensor.exit,
                essential=sensor.essential,
                name=sensor.name,
            )
            for sensor in sensors
        ],
        absences=list(absences),
    )


def recorded_home(file: HomeFile, recording: Path, *, is_moved: bool = True) -> PretendHome:
    """A home whose life is played from a recording."""
    return PretendHome(
        file=file,
        resident="Recorded resident",
        dialect=Dialect.NATIVE,
        recording=recording.resolve(),
        is_moved=is_moved,
    )


def default_fleet(now: datetime) -> World:
    """The demo's world, beginning at `now`: meant for 08:00 of a London weekday.

    Every sort of incident comes within its first day, the clear ones within five hours; the other homes go on quietly.
    """

    def at(hours: float) -> datetime:
        return now + timedelta(hours=hours)

    night = _next_early_morning(now)  # 05:00, while everybody sleeps
    noon = night + timedelta(hours=7.5)  # 12:30, when the neighbour has come
    tomorrow = night if night > now else night + timedelta(days=1)
    holiday = (at(-19 * 24 + 3), at(-15 * 24 + 9))

    def ago(days: int, hour: float) -> datetime:
        """That civil hour, so many days before today."""
        day = now.astimezone(ZONE).date() - timedelta(days=days)
        return datetime(day.year, day.month, day.day, tzinfo=ZONE) + timedelta(hours=hour)

    home = _home_of_persona
    weekday = next(days for days in range(2, 7) if ago(days, 12).weekday() < 4)  # and the day after is one, too
    at_home = next(days for days in range(4, 11) if ago(days, 12).weekday() in (0, 2, 3))  # an early riser, before noon
    return World(
        start=now,
        homes=(
            home("K7", "Margaret Ellis", "early_riser", "flat", 11, _one(IncidentKind.COLLAPSE, at(1.25), at(6.5))),
            home(
                "B4", "Arthur Pym", "homebody", "maisonette", 23,
                (
                    *_one(IncidentKind.POWER_CUT, at(-286), at(-279)),
                    *_one(IncidentKind.HEATING_OFF, ago(4, 20), ago(3, 13)),
                ),
            ),
            home("P1", "Rose Adeyemi", "homebody", "small_flat", 37, _one(IncidentKind.NOT_UP, night, noon)),
            home(
                "F8", "Len Marsh", "early_riser", "maisonette", 41,
                (
                    Incident(kind=IncidentKind.SENSOR_STUCK, start=ago(9, 10), until=ago(7, 12), sensor="M005"),
                    *_one(IncidentKind.HUB_OFFLINE, at(0.75), at(5)),
                ),
            ),
            home(
                "H5", "Edith Novak", "homebody", "flat", 53, dialect=Dialect.ZIGBEE2MQTT,
                incidents=(Incident(kind=IncidentKind.SENSOR_DEAD, start=at(0.25), sensor="lounge_movement"),),
            ),
            home(
                "M2", "George Whitlock", "outgoing", "flat", 67,
                (
                    *_one(IncidentKind.NOT_RETURNED, ago(6, 13), ago(5, 9)),
                    *_one(IncidentKind.NOT_RETURNED, at(5.25), at(26)),
                ),
            ),
            home(
                "T6", "Violet Osei", "night_waker", "maisonette", 71,
                (
                    *_one(IncidentKind.UP_AT_NIGHT, ago(6, 1), ago(6, 4.6)),
                    *_one(IncidentKind.STAYS_IN_BED, ago(weekday, 5), ago(weekday, 13.5)),
                    *_one(IncidentKind.NIGHT_BATHROOM, tomorrow - timedelta(hours=2.5), tomorrow + timedelta(hours=3)),
                ),
            ),
            home("C9", "Walter Finch", "cared_for", "flat", 83),
            home(
                "N3", "Irene Caldwell", "homebody", "flat", 113,
                _one(IncidentKind.NO_BREAKFAST, ago(weekday, 5), ago(weekday, 14.5)),
                history=timedelta(days=35),
            ),
            home(
                "S5", "Peter Lindqvist", "early_riser", "maisonette", 127,
                (
                    Incident(kind=IncidentKind.SENSOR_DEAD, start=ago(11, 10), until=ago(8, 12), sensor="M005"),
                    *_one(IncidentKind.LONG_BATHROOM, ago(at_home, 11.5), ago(at_home, 14)),
                    *_one(IncidentKind.NOT_TO_BED, ago(weekday, 21), ago(weekday, 27.75)),
                ),
                history=timedelta(days=35),
            ),
            home(
                "W1", "Doris Achterberg", "early_riser", "flat", 131,
                (
                    Incident(kind=IncidentKind.MORE_NIGHT_VISITS, start=ago(11, 12), size=3.0),
                    *_one(IncidentKind.OUT_AT_NIGHT, ago(2, 3), ago(2, 3.75)),
                ),
                history=timedelta(days=35),
            ),
            home(
                "R3", "Sylvia Brandt", "irregular_sleeper", "flat", 97, dialect=Dialect.ZIGBEE2MQTT,
                wear=(
                    Wear(sensor="kitchen_movement", empty_at=at(9 * 24)),
                    Wear(sensor="hall_movement", weak_hours=(7, 18, 19, 20, 21)),
                ),
                unplaced=(KitSensor(id="0x00158d0004a1b2c3", kind="motion", room="other"),),
            ),
            home(
                "L2", "Hamid Rashid", "outgoing", "flat", 101, dialect=Dialect.ZIGBEE2MQTT,
                incidents=_one(IncidentKind.AWAY, *holiday),
                absences=(PeriodFile.model_validate({"from": holiday[0], "until": holiday[1], "reason": "holiday"}),),
            ),
        ),
    )  # fmt: skip


def _one(kind: IncidentKind, start: datetime, until: datetime | None = None) -> tuple[Incident, ...]:
    return (Incident(kind=kind, start=start, until=until),)


def _home_of_persona(
    code: str,
    resident: str,
    persona: str,
    dwelling: str,
    seed: int,
    incidents: tuple[Incident, ...] = (),
    *,
    dialect: Dialect = Dialect.NATIVE,
    absences: tuple[PeriodFile, ...] = (),
    wear: tuple[Wear, ...] = (),
    unplaced: Kit = (),
    history: timedelta = HISTORY,
) -> PretendHome:
    sensors = kit(dwelling, dialect=dialect)
    return PretendHome(
        file=home_file(code, sensors, check_in_minutes=_CHECK_IN_MINUTES[dialect], absences=absences),
        resident=resident,
        dialect=dialect,
        persona=persona,
        seed=seed,
        incidents=incidents,
        wear=wear,
        unplaced=unplaced,
        history=history,
    )


def _next_early_morning(now: datetime) -> datetime:
    """05:00 of today if the world begins in the morning, so that somebody is missed soon; else tomorrow's."""
    civil = now.astimezone(ZONE)
    day = civil.date() if civil.hour < 10 else civil.date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, 5, tzinfo=ZONE)

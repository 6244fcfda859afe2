"""What the model must be told about a home: its sensors, its clock, when nobody is to be expected. Pure data."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from enum import IntEnum
from typing import Self
from zoneinfo import ZoneInfo

from store.coverage import covered_for
from store.feedback import Feedback
from store.home import Absence, Home, Sensor, SensorKind
from store.home_file import HomeFile
from store.watching import DEFAULT_BUDGET, Stage, Watching


class Place(IntEnum):
    """Where the last sign of life was. A pressed mat is a place of its own."""

    BEDROOM = 0
    BATHROOM = 1
    KITCHEN = 2
    HALL = 3
    LOUNGE = 4
    IN_BED = 5
    IN_CHAIR = 6
    OTHER = 7


_PLACE_OF_ROOM = {
    "bedroom": Place.BEDROOM,
    "bathroom": Place.BATHROOM,
    "toilet": Place.BATHROOM,
    "kitchen": Place.KITCHEN,
    "dining": Place.LOUNGE,
    "lounge": Place.LOUNGE,
    "hall": Place.HALL,
    "stairs": Place.HALL,
}
# Both changes of these are made by a person. An appliance switches itself off, and nobody is seen by a smoke detector.
_PEOPLE_MOVE = {
    SensorKind.MOTION, SensorKind.DOOR, SensorKind.BED, SensorKind.CHAIR, SensorKind.FLUSH, SensorKind.VIBRATION,
    SensorKind.SOS, SensorKind.OTHER,
}  # fmt: skip
_LIVING = {Place.KITCHEN, Place.LOUNGE, Place.IN_CHAIR}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSensor:
    """A sensor as the model sees it."""

    code: str
    kind: SensorKind
    room: str
    place: Place
    is_exit: bool
    is_essential: bool
    id: int | None = None  # in the database
    is_available: bool = True  # by its own word; False: its bridge has lost it

    def shows_life(self, value: float) -> bool:
        """Does this change tell that somebody moved?"""
        return self.kind in _PEOPLE_MOVE or (self.kind is SensorKind.APPLIANCE and value > 0)

    @property
    def is_living_place(self) -> bool:
        """Somebody who is here has got up."""
        return self.place in _LIVING or self.is_exit


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What learning cannot move, and how many false alerts a home may cost."""

    false_inactivity_a_month: float = 0.35
    false_dwell_a_month: float = 0.10
    false_not_up_a_month: float = 0.12  # the times of the day share 0.20
    false_late_kitchen_a_month: float = 0.04
    false_not_to_bed_a_month: float = 0.04
    false_not_returned_a_month: float = 0.10
    false_up_at_night_a_month: float = 0.05
    false_door_at_night_a_month: float = 0.05
    false_gradual_a_month: float = 0.15  # over all its features
    quiet_waking_hours: float = 12.0  # no movement at home for so many waking hours is urgent
    waking_hours: tuple[float, float] = (7.0, 23.0)  # civil time
    out_hours: float = 24.0  # nobody seen for so long though the front door was used: somebody should ask
    not_up_hour: float = 14.0  # civil time; nobody up by then is urgent
    out_by_hour: float = 28.0  # civil time, counted on from the day they left; still out then, somebody should ask
    cold_degrees: float = 16.0  # °C; a living room below it for two waking hours needs attention …
    very_cold_degrees: float = 12.0  # … and below this, at any hour, somebody now
    hot_degrees: float = 28.0  # °C
    very_hot_degrees: float = 32.0

    def for_budget(self, false_alerts_a_month: float) -> Self:
        """These limits for a home whose findings together may cost so many false alerts; what is fixed stays."""
        if false_alerts_a_month == DEFAULT_BUDGET:
            return self
        share = false_alerts_a_month / DEFAULT_BUDGET
        names = [each.name for each in fields(self) if each.name.startswith("false_")]
        budgets = {name: getattr(self, name) * share for name in names}
        return replace(self, **budgets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From when until when, epoch seconds."""

    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePlan:
    """One home for the model."""

    home_id: int
    code: str
    zone: ZoneInfo
    covered_seconds: float  # how long one check-in vouches for
    residents: int
    sensors: tuple[PlanSensor, ...]
    absences: tuple[Period, ...] = ()
    visits: tuple[Period, ...] = ()
    always_observed: bool = False  # a recording without any hub row
    limits: Limits = field(default_factory=Limits)
    masked: tuple[Period, ...] = ()  # must not teach: emergencies ± 24 h, alerts still open, what was expected
    confirmed: frozenset[str] = frozenset()  # ids of findings that people confirmed as genuine: never desensitise
    usual: frozenset[date] = frozenset()  # civil days of which staff said "usual for this resident": they may teach
    offset: float = 0.0  # the fleet's governor g, nats: added to every threshold
    is_shadow: bool = False  # findings are written down and shown, but nobody is alerted by them
    new_normal_from: datetime | None = None  # staff say that the routine has changed from then on


def plan_of_file(home: HomeFile, *, always_observed: bool) -> HomePlan:
    """The plan of a home file, for replay."""
    return HomePlan(
        home_id=0,
        code=home.id,
        zone=home.zone,
        covered_seconds=covered_for(home.check_in_interval).total_seconds(),
        residents=home.residents,
        sensors=tuple(
            PlanSensor(
                code=sensor.id,
                kind=sensor.kind,
                room=sensor.room,
                place=_place(sensor.kind, sensor.room),
                is_exit=sensor.exit,
                is_essential=sensor.essential,
            )
            for sensor in sorted(home.sensors, key=lambda each: each.id)
        ),
        absences=_periods((each.from_at, each.until_at) for each in home.absences),
        visits=_periods((each.from_at, each.until_at) for each in home.visits),
        always_observed=always_observed,
    )


def plan_of_home(
    home: Home,
    sensors: list[Sensor],
    absences: list[Absence],
    *,
    limits: Limits,
    watching: Watching | None = None,
    feedback: Feedback | None = None,
    offset: float = 0.0,
    now: datetime | None = None,
) -> HomePlan:
    """The plan of a home in the database: `watching` scales the limits, `feedback` is what people said of alerts."""
    watching, feedback = watching or Watching(home_id=home.id), feedback or Feedback()
    stage = watching.stage if now is None else watching.stage_at_time(now)
    return HomePlan(
        home_id=home.id,
        code=home.code,
        zone=ZoneInfo(home.time_zone),
        covered_seconds=covered_for(home.check_in_interval).total_seconds(),
        residents=home.residents,
        sensors=tuple(
            PlanSensor(
                code=sensor.code,
                kind=sensor.kind,
                room=sensor.room,
                place=_place(sensor.kind, sensor.room),
                is_exit=sensor.is_exit,
                is_essential=sensor.is_essential,
                id=sensor.id,
                is_available=sensor.is_available is not False,
            )
            for sensor in sorted(sensors, key=lambda each: each.code)
        ),
        absences=_periods((each.from_at, each.until_at) for each in absences),
        limits=limits.for_budget(watching.false_alerts_a_month),
        masked=_periods(feedback.masked),
        confirmed=frozenset(str(finding) for finding in feedback.confirmed),
        usual=feedback.usual_days(ZoneInfo(home.time_zone)),
        offset=offset,
        is_shadow=stage is not Stage.LIVE,
        new_normal_from=watching.new_normal_from,
    )


def _place(kind: SensorKind, room: str) -> Place:
    if kind is SensorKind.BED:
        return Place.IN_BED
    if kind is SensorKind.CHAIR:
        return Place.IN_CHAIR
    return _PLACE_OF_ROOM.get(room, Place.OTHER)


def _periods(found: Iterable[tuple[datetime, datetime]]) -> tuple[Period, ...]:
    return tuple(sorted((Period(start=a.timestamp(), end=b.timestamp()) for a, b in found), key=lambda p: p.start))

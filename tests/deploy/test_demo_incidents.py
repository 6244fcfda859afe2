"""For each detector there is an incident in the demo that the model really finds, and a carer can read why.

The demo's homes live through their weeks here without broker and database, and the same model watches them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest

from anomaly.equipment import Condition, equipment_faults, forecasts_of
from anomaly.home_model import HomeModel
from anomaly.open_finding import Finding
from anomaly.plan import plan_of_file
from anomaly.replay import in_order
from simulators.fleet import PretendHome, World, default_fleet
from simulators.scenarios import Incident, IncidentKind
from simulators.wear import noted_days
from simulators.world import persona_source
from store.deviation import Deviation, DeviationKind, Grade
from store.fault import FaultKind
from store.home import Home, Sensor, SensorKind
from store.hub import HubState
from store.recording import HUB, Row

LONDON = ZoneInfo("Europe/London")
EIGHT = datetime(2026, 11, 23, 8, tzinfo=LONDON)  # a Monday
LIVE = timedelta(hours=6)  # of the world's first day
WORLD: World = default_fleet(EIGHT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Where and when a kind is found, and what its explanation must say."""

    kind: DeviationKind | FaultKind
    home: str
    because_of: IncidentKind
    within: timedelta  # of the incident's wanted beginning
    words: tuple[str, ...]  # regular expressions
    grade: Grade = Grade.ATTENTION


EXPECTED = [
    Expected(
        kind=DeviationKind.INACTIVITY, home="K7", because_of=IncidentKind.COLLAPSE, within=timedelta(hours=4),
        words=("No movement for .* since ", "the next movement usually comes within", "once in", "All sensors live"),
    ),
    Expected(
        kind=DeviationKind.DWELL, home="S5", because_of=IncidentKind.LONG_BATHROOM, within=timedelta(hours=5),
        words=("In the (toilet|bathroom) since", "seen nowhere else", "usually take", "once in"),
    ),
    Expected(
        kind=DeviationKind.NOT_UP, home="T6", because_of=IncidentKind.STAYS_IN_BED, within=timedelta(hours=8.5),
        words=("Not up yet at", "last movement in bed at", "On a weekday usually up by", "once in"),
    ),
    Expected(
        kind=DeviationKind.LATE_KITCHEN, home="N3", because_of=IncidentKind.NO_BREAKFAST, within=timedelta(hours=9.5),
        words=("Up since .* but not yet in the kitchen at", "usually in the kitchen by", "once in"),
    ),
    Expected(
        kind=DeviationKind.NOT_TO_BED, home="S5", because_of=IncidentKind.NOT_TO_BED, within=timedelta(hours=7),
        words=("Not in bed yet at", "usually in bed by", "once in"),
    ),
    Expected(
        kind=DeviationKind.NOT_RETURNED, home="M2", because_of=IncidentKind.NOT_RETURNED, within=timedelta(hours=16),
        words=("Left by the front door at", "not seen since", "usually take", "once in"),
    ),
    Expected(
        kind=DeviationKind.UP_AT_NIGHT, home="T6", because_of=IncidentKind.UP_AT_NIGHT, within=timedelta(hours=4),
        words=("Out of bed for .* so far this night", "Usually it is .* a night", "once in"),
    ),
    Expected(
        kind=DeviationKind.DOOR_AT_NIGHT, home="W1", because_of=IncidentKind.OUT_AT_NIGHT, within=timedelta(hours=1),
        words=("Front door opened at 03:0", "Nobody has moved inside since", "once in"),
    ),
    Expected(
        kind=DeviationKind.TEMPERATURE, home="B4", because_of=IncidentKind.HEATING_OFF, within=timedelta(hours=17),
        words=("The home is cold: 1[0-5]", "The limit set for every home is 16", "usually has"),
    ),
    Expected(
        kind=DeviationKind.GRADUAL, home="W1", because_of=IncidentKind.MORE_NIGHT_VISITS, within=timedelta(days=9),
        words=("A change worth asking about", "Visits to the bathroom a night", "before that usually"),
        grade=Grade.NOTICE,
    ),
    Expected(
        kind=DeviationKind.CANNOT_OBSERVE, home="B4", because_of=IncidentKind.POWER_CUT, within=timedelta(hours=1),
        words=("The home cannot be observed since", "the hub is silent", "Last movement (in|on)"), grade=Grade.NOTICE,
    ),
    Expected(
        kind=FaultKind.HUB_SILENT, home="B4", because_of=IncidentKind.POWER_CUT, within=timedelta(hours=1),
        words=("The hub has not been heard from for",),
    ),
    Expected(
        kind=FaultKind.SENSOR_SILENT, home="S5", because_of=IncidentKind.SENSOR_DEAD, within=timedelta(hours=36),
        words=(r"The lounge movement sensor \(M005\) has been silent for", "while others show life"),
    ),
    Expected(
        kind=FaultKind.SENSOR_STUCK, home="F8", because_of=IncidentKind.SENSOR_STUCK, within=timedelta(hours=36),
        words=(r"The lounge movement sensor \(M005\) has stayed on for",),
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def found() -> dict[str, list[Finding]]:
    """What the model says of every home that has something to show: their history, and the first hours of one more."""
    homes = {home.code: home for home in WORLD.homes}
    return {code: findings_of(homes[code]) for code in sorted({expected.home for expected in EXPECTED})}


def findings_of(home: PretendHome) -> list[Finding]:
    until = WORLD.start + (LIVE if home.code == "K7" else timedelta(0))
    model = HomeModel(plan_of_file(home.file, always_observed=False))
    model.feed(sorted(heard_of(home, until), key=lambda row: row.at))
    return in_order(model.advance(until))


def heard_of(home: PretendHome, until: datetime) -> Iterator[Row]:
    """Readings and check-ins of the home's hub; nothing while it has no power."""
    begins, ends = (WORLD.start - home.history).timestamp(), until.timestamp()
    dark = [i for i in home.incidents if i.kind is IncidentKind.POWER_CUT]

    def is_dark(at: float) -> bool:
        return any(i.start.timestamp() <= at < (i.until or until).timestamp() for i in dark)

    for reading in takewhile(lambda reading: reading.at < ends, persona_source(home)(begins)):
        if not is_dark(reading.at):
            yield Row(at=datetime.fromtimestamp(reading.at, UTC), sensor=reading.sensor, value=float(reading.value))
    step = home.file.check_in_interval.total_seconds()
    for number in range(int((ends - begins) / step)):
        if not is_dark(at := begins + number * step):
            yield Row(at=datetime.fromtimestamp(at, UTC), sensor=HUB, value=HubState.CHECKIN)


def incident_of(expected: Expected) -> Incident:
    home = next(home for home in WORLD.homes if home.code == expected.home)
    return next(i for i in home.incidents if i.kind is expected.because_of)


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda expected: str(expected.kind))
def test_the_incident_is_found_in_time_in_words_that_say_why(
    expected: Expected, found: dict[str, list[Finding]]
) -> None:
    begun = incident_of(expected).start
    mine = [
        finding
        for finding in found[expected.home]
        if finding.kind == expected.kind
        and begun <= finding.raised_at <= begun + expected.within
        and _alone(finding).rank >= expected.grade.rank
    ]
    assert any(all(re.search(words, each.explanation) for words in expected.words) for each in mine), [
        (str(each.kind), str(each.grade), each.raised_at, each.explanation) for each in found[expected.home]
    ]
    assert all(len(each.explanation) < 400 for each in mine)
    if expected.home != "K7" and expected.kind is not DeviationKind.GRADUAL:
        assert all(each.ended_at is not None for each in mine), "seen as over"


def test_every_kind_of_finding_has_its_incident() -> None:
    kinds = {str(expected.kind) for expected in EXPECTED} | {FaultKind.BATTERY_LOW}
    assert kinds >= {*DeviationKind, "hub_silent", "sensor_silent", "sensor_stuck", "battery_low"}


def test_the_homes_are_quiet_otherwise(found: dict[str, list[Finding]]) -> None:
    """What people would have been told of in all these weeks, but for the incidents: a few at most."""
    others = [
        finding
        for code, findings in found.items()
        for finding in findings
        if isinstance(finding, Deviation) and finding.grade is not Grade.NOTICE and not _is_of_incident(code, finding)
    ]
    assert len({finding.id for finding in others}) <= 4, [(str(f.kind), f.raised_at, f.explanation) for f in others]


def test_an_emptying_battery_is_told_with_the_day_it_will_be_empty() -> None:
    home = next(home for home in WORLD.homes if home.wear)
    worn = next(wear for wear in home.wear if wear.empty_at is not None)
    noted = noted_days(worn, installed=WORLD.start - home.history, now=WORLD.start, zone=LONDON)
    days = [replace(day, sensor_id=5) for day in noted]
    sensor = Sensor(
        id=5, home_id=1, code=worn.sensor, name="", kind=SensorKind.MOTION, room="kitchen", is_exit=False,
        is_essential=True, value=None, value_at=None, battery_percent=days[-1].battery_percent, signal_quality=None,
        is_available=None, last_heard_at=None,
    )  # fmt: skip
    stored = Home(
        id=1, organisation_id=1, code=home.code, partition=0, time_zone="Europe/London",
        check_in_interval=home.file.check_in_interval, residents=1, person_plan_id=None, technical_plan_id=None,
        created_at=WORLD.start - home.history,
    )  # fmt: skip
    condition = Condition(sensors=[sensor], days=days, forecasts=forecasts_of(days, today=WORLD.start.date()))
    (fault,) = [f for f in equipment_faults(stored, condition, [], now=WORLD.start) if f.kind is FaultKind.BATTERY_LOW]
    assert fault.grade is Grade.ATTENTION
    assert re.search(r"kitchen_movement.*% of its battery left, empty in about \d+ days", fault.explanation)


def _alone(finding: Finding) -> Grade:
    return finding.grade_alone if isinstance(finding, Deviation) else finding.grade


def _is_of_incident(code: str, finding: Deviation) -> bool:
    home = next(home for home in WORLD.homes if home.code == code)
    return any(i.start <= finding.raised_at <= (i.until or WORLD.start) + timedelta(hours=12) for i in home.incidents)

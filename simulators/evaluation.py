"""Evaluation homes: what a method is judged on. A home file, months of rows as its hub would record them, the truth.

`evaluation_home(number, days=…, seed=…)` is pure: the same call gives the same rows. Homes differ by their number in
persona and person, kit, season, pets, company, absences, troubles and changes. The prior is estimated on another
generator (`prior_homes`), so no evaluated home is in its own prior.

Beside three recordings of real homes, by statistics only (decision 0023): quiets of five minutes and more come as often
(median 31 a day; recordings 11, 30, 30), their median (13 min) and 90th percentile (70 min) are alike (25, 12, 13 and
385, 65, 73), the daily maxima spread as they do (σ 0.9 to 2.2; 0.7, 1.6, 3.0). Quiets of more than eight hours are too
rare.

Not here: injected incidents. Whoever injects one takes out what people caused (`causes`) and leaves the rest.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from simulators import evaluated_kit
from simulators.absences import Absence, edges, some_absences, without_absences
from simulators.changes import Change, ChangeKind, winter
from simulators.diary import Impulse
from simulators.dwelling import Kit
from simulators.evaluated_day import Person, lived_day
from simulators.evaluated_kit import evaluated_kit as kit_of
from simulators.evaluated_personas import Life, individual, lives
from simulators.evaluation_truth import Truth, truth_day
from simulators.hearing import Heard, ears, hear, of_kind, warmth
from simulators.pets import pet_impulses
from simulators.resident import epoch
from simulators.troubles import Trouble, TroubleKind, some_troubles, suffer_troubles
from store.home import SensorKind
from store.home_file import HomeFile, PeriodFile, SensorFile
from store.hub import HubState
from store.recording import HUB, Row

ZONE = ZoneInfo("Europe/London")
CHECK_IN_MINUTES = 5.0
PETS_SHARE = 0.25
CHANGE_AFTER_DAYS = 60  # so that there is something to compare with
_CHANGES_NEED_DAYS = 85  # shorter periods have none
_LAST_WILL_S = 90.0  # after which the broker says that a hub has gone


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationHome:
    """One home of the evaluation."""

    home: HomeFile
    rows: list[Row]  # in order of time, the hub's check-ins included
    causes: list[str]  # for each row: resident, partner, visitor, pet, equipment or hub
    truth: Truth


def evaluation_home(number: int, *, days: int, seed: int) -> EvaluationHome:
    """Home `number` (from 0) over `days` civil days. Raises `ValueError` for less than one day.

    Who lives there and what hangs on the walls does not depend on `days`; the season, and what happens, does.
    """
    if days < 1:
        raise ValueError(f"a period of {days} days")

    def chance(purpose: str) -> random.Random:
        return random.Random(f"evaluation/{seed}/{number}/{purpose}")

    household = chance("household")
    rooms, size = _rooms(household), evaluated_kit.any_size(household)
    has_pet, has_partner = household.random() < PETS_SHARE, number % 8 == 5
    kit = kit_of(size, rooms)
    first = _first_day(chance("season"), days)
    changes = _some_changes(chance("changes"), first, days)
    absences = some_absences(chance("absences"), first=first, days=days, zone=ZONE)
    start, end = epoch(first, 0.0, ZONE), epoch(first + timedelta(days=days), 0.0, ZONE)
    movement, contacts = of_kind(kit, ("motion",)), of_kind(kit, ("door", "bed", "chair"))
    troubles = some_troubles(chance("troubles"), start=start, end=end, movement=movement, contacts=contacts)

    life = individual(_life(number, seed), household)
    resident = Person(
        seed=f"{seed}/{number}/resident",
        life=life,
        zone=ZONE,
        rooms=frozenset(rooms),
        doors=frozenset(s.name.lower() for s in kit if s.kind == "door" and s.room == s.name.lower()),
        changes=changes,
    )
    lived = [lived_day(resident, first + timedelta(days=i)) for i in range(-1, days)]
    caused: list[Impulse] = [impulse for day in lived for impulse in day.impulses]
    if has_partner:
        other = individual(_life(number + 3, seed), household)
        caused += _as_partner(replace(resident, seed=f"{seed}/{number}/partner", life=other, changes=()), first, days)
    if has_pet:  # it is fed elsewhere while they are away
        caused += pet_impulses(rooms, start, end, chance("pet"))
    caused = without_absences(caused, absences)
    for absence in absences:
        caused += edges(absence, chance("edges"))
    caused.sort()
    heard = hear(kit, ears(kit, household), caused, chance("hearing"))
    heard += warmth(kit, start, end, cold=winter(first), rng=chance("warmth"))
    heard = suffer_troubles([each for each in heard if start <= each.at < end], troubles, chance("equipment"))
    rows, causes = _rows(heard, _check_ins(start, end, troubles, chance("hub")))
    residents = 2 if has_partner else 1
    return EvaluationHome(
        home=_home_file(f"E{number:03d}", kit, absences, residents=residents),
        rows=rows,
        causes=causes,
        truth=Truth(
            persona=life.persona.name,
            kit=str(size),
            residents=residents,
            has_pet=has_pet,
            first_day=first,
            days=tuple(truth_day(first + timedelta(days=i), lived, absences, ZONE) for i in range(days)),
            absences=absences,
            troubles=troubles,
            changes=changes,
        ),
    )


def _life(number: int, seed: int) -> Life:
    """Every way of life comes once in so many homes as there are, in an order of the seed's."""
    names = sorted(lives())
    random.Random(f"lives/{seed}/{number // len(names)}").shuffle(names)
    return lives()[names[number % len(names)]]


def _first_day(rng: random.Random, days: int) -> date:
    """A third each: over the clock change in spring, over the one in autumn, and any day of the year."""
    clocks_change = rng.choice((date(2026, 3, 29), date(2026, 10, 25), None))
    before = rng.randrange(min(25, days // 2), max(min(25, days // 2) + 1, days - 10))
    if clocks_change is None:
        return date(2026, 1, 1) + timedelta(days=rng.randrange(365))
    return clocks_change - timedelta(days=before)


def _rooms(rng: random.Random) -> tuple[str, ...]:
    return rng.choices(
        (
            ("bedroom", "bathroom", "kitchen", "lounge", "hall"),
            ("bedroom", "bathroom", "toilet", "kitchen", "lounge", "hall", "stairs"),
            ("bedroom", "bathroom", "kitchen", "lounge"),
        ),
        (0.5, 0.3, 0.2),
    )[0]


_CHANGE_SIZES: dict[ChangeKind, tuple[float, float]] = {
    ChangeKind.NIGHT_BATHROOM: (1.5, 3.0),
    ChangeKind.RESTLESS_NIGHTS: (1.0, 2.5),
    ChangeKind.FEWER_MEALS: (0.3, 0.6),
    ChangeKind.FEWER_OUTINGS: (0.5, 0.9),
    ChangeKind.LATER_RISE: (0.75, 2.0),
    ChangeKind.LESS_ACTIVE: (1.4, 2.0),
    ChangeKind.SHIFTED_DAY: (1.0, 1.5),
}


def _some_changes(rng: random.Random, first: date, days: int) -> tuple[Change, ...]:
    """Two homes in five have one, if the period is long enough to see it before and after."""
    kind, day = rng.choice(list(ChangeKind)), rng.random()
    ramp, size, has_one = rng.choice((0, 7, 14, 21)), rng.random(), rng.random() < 0.4
    if not has_one or days < _CHANGES_NEED_DAYS:
        return ()
    begins = first + timedelta(days=CHANGE_AFTER_DAYS + int(day * min(15, days - _CHANGES_NEED_DAYS + 1)))
    smallest, largest = _CHANGE_SIZES[kind]
    return (
        Change(
            kind=kind,
            begins=begins,
            full_from=begins + timedelta(days=ramp),
            size=round(smallest + size * (largest - smallest), 2),
        ),
    )


def _as_partner(person: Person, first: date, days: int) -> list[Impulse]:
    """What the other one causes. They sleep and sit where no mat lies."""
    return [
        impulse._replace(by="partner" if impulse.by == "resident" else impulse.by)
        for i in range(-1, days)
        for impulse in lived_day(person, first + timedelta(days=i)).impulses
        if not impulse.role.startswith(("bed/", "chair/")) and impulse.by == "resident"
    ]


def _check_ins(
    start: float, end: float, troubles: Sequence[Trouble], rng: random.Random
) -> list[tuple[float, HubState]]:
    """What the hub says of itself, as the service would hear it."""
    outages = [t for t in troubles if t.kind in (TroubleKind.POWER_CUT, TroubleKind.LATE_BURST)]
    every = CHECK_IN_MINUTES * 60.0
    said: list[tuple[float, HubState]] = []
    at = start + every * rng.random()
    while at < end:
        if not any(outage.covers(at) for outage in outages):
            said.append((round(at, 3), HubState.CHECKIN))
        at += every + rng.uniform(-1.0, 1.0)
    for outage in outages:
        said.append((round(outage.start + _LAST_WILL_S, 3), HubState.OFFLINE))
        if not any(other.covers(outage.end) for other in outages):
            said.append((round(outage.end, 3), HubState.ONLINE))
    return [each for each in said if start <= each[0] < end]


def _rows(heard: list[Heard], check_ins: list[tuple[float, HubState]]) -> tuple[list[Row], list[str]]:
    """In order of time; the second list holds the cause of each."""
    told: list[tuple[float, str, float | HubState, str]] = [(at, code, value, by) for at, code, value, by in heard]
    told += [(at, HUB, state, HUB) for at, state in check_ins]
    both = sorted(told, key=lambda each: each[0])
    rows = [Row(at=datetime.fromtimestamp(at, UTC), sensor=sensor, value=value) for at, sensor, value, _ in both]
    return rows, [by for _, _, _, by in both]


def _home_file(code: str, kit: Kit, absences: Sequence[Absence], *, residents: int) -> HomeFile:
    return HomeFile(
        id=code,
        time_zone=ZONE.key,
        residents=residents,
        checkin_minutes=CHECK_IN_MINUTES,
        sensors=[
            SensorFile(id=s.id, kind=SensorKind(s.kind), room=s.room, exit=s.exit, essential=s.essential, name=s.name)
            for s in kit
        ],
        absences=[
            PeriodFile.model_validate(
                {
                    "from": datetime.fromtimestamp(absence.noted_from, UTC),
                    "until": datetime.fromtimestamp(absence.noted_until, UTC),
                    "reason": str(absence.kind),
                }
            )
            for absence in absences
            if absence.noted_from is not None and absence.noted_until is not None
        ],
    )

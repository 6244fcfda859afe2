"""A believable resident, day by day: what they do from getting up to the next getting up.

A waking day depends only on (persona, seed, date), never on the days before, so that weeks of history, the live
world and a world that was started again continue each other without a seam. Hours are civil time of the home's zone;
on the days of a clock change people live by the clock, as they do.

Not here: sensors (`sensing.py`) and what goes wrong (`scenarios.py`).
"""

import random
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from simulators.diary import Diary, Impulse, Stay, Visit
from simulators.dwelling import Kit, has_room
from simulators.persona import WEEKEND, Habit, Persona

_BEFORE_BED_S = 25 * 60.0  # tidying, washing, undressing
_SHORTEST_NIGHT_S = 4 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """Somebody who lives in a pretend home."""

    persona: Persona
    seed: int
    zone: ZoneInfo
    kit: Kit
    more_night_visits: tuple[date, float] | None = None  # to the bathroom: from that day on, so many more a night

    def persona_on(self, day: date) -> Persona:
        """Who they are on that day, slow changes included."""
        if self.more_night_visits is None or day < self.more_night_visits[0]:
            return self.persona
        visits = self.persona.night_toilet_visits + self.more_night_visits[1]
        return replace(self.persona, night_toilet_visits=visits)


@dataclass(frozen=True, slots=True, kw_only=True)
class WakingDay:
    """What is true of one day, from getting up to the next getting up."""

    day: date
    start: float  # epoch seconds
    end: float
    stays: tuple[Stay, ...]  # without a gap from start to end
    visits: tuple[Visit, ...]
    impulses: tuple[Impulse, ...]  # oldest first, all in [start, end]


def epoch(day: date, hour: float, zone: ZoneInfo) -> float:
    """The instant of a civil hour of that day; hours above 24 belong to the next day."""
    civil = datetime(day.year, day.month, day.day) + timedelta(hours=hour)  # noqa: DTZ001 - gets its zone below
    return civil.replace(tzinfo=zone).timestamp()


def wakes_at(resident: Resident, day: date) -> float:
    """When they get up."""
    persona = resident.persona
    rng = _rng(resident, day, "wake")
    hour = persona.wake_hour + _normal(rng) * persona.wake_spread_minutes / 60
    if day.weekday() in WEEKEND:
        hour += persona.weekend_later_minutes / 60
    if rng.random() < persona.lie_in_chance:
        hour += (40 + 50 * rng.random()) / 60
    return epoch(day, hour, resident.zone)


def goes_to_bed_at(resident: Resident, day: date) -> float:
    """When they lie down in the evening of that day, at times after midnight."""
    persona = resident.persona
    hour = persona.bed_hour + _normal(_rng(resident, day, "bed")) * persona.bed_spread_minutes / 60
    latest = wakes_at(resident, day + timedelta(days=1)) - _SHORTEST_NIGHT_S
    return min(epoch(day, hour, resident.zone), latest)


def waking_day(resident: Resident, day: date) -> WakingDay:
    """The whole day of that date."""
    persona = resident.persona_on(day)
    start, end = wakes_at(resident, day), wakes_at(resident, day + timedelta(days=1))
    bed = goes_to_bed_at(resident, day)
    rng = _rng(resident, day, "day")
    upstairs = frozenset(("bedroom", "bathroom")) if has_room(resident.kit, "stairs") else frozenset[str]()
    diary = Diary(rng, start=start, place="bedroom", tempo=persona.tempo, upstairs=upstairs)
    toilet = "toilet" if has_room(resident.kit, "toilet") else "bathroom"

    _morning(diary, toilet)
    _day(diary, rng, resident, day, toilet, until=bed - _BEFORE_BED_S)
    _evening(diary, bed)
    _night(diary, rng, persona, end)

    inside = [impulse for impulse in diary.impulses if start <= impulse.at <= end]
    inside.sort()
    return WakingDay(
        day=day,
        start=start,
        end=end,
        stays=tuple(diary.stays),
        visits=tuple(diary.visits),
        impulses=tuple(inside),
    )


def _rng(resident: Resident, day: date, purpose: str) -> random.Random:
    return random.Random(f"{resident.persona.name}/{resident.seed}/{day.isoformat()}/{purpose}")


def _normal(rng: random.Random) -> float:
    """Standard normal, without the tails that would turn a day upside down."""
    return max(-2.2, min(2.2, rng.gauss(0.0, 1.0)))


def _morning(diary: Diary, toilet: str) -> None:
    diary.stay("bedroom", "dress", diary.seconds(2))
    diary.use_toilet(toilet)
    diary.stay("bathroom", "wash", diary.seconds(11))
    diary.stay("bedroom", "dress", diary.seconds(6))
    diary.cook(11)
    diary.stay("kitchen", "eat", diary.seconds(14))


def _day(diary: Diary, rng: random.Random, resident: Resident, day: date, toilet: str, *, until: float) -> None:
    """Appointments at their hour, and between them whatever one does at home."""
    persona = resident.persona
    appointments = sorted(_appointments(rng, resident, day), key=lambda appointment: appointment[0])
    toilet_due, tea_due = diary.now + diary.seconds(130), diary.now + diary.seconds(150)
    while diary.now < until - 60:
        while appointments and appointments[0][0] < diary.now - 2 * 3600:
            appointments.pop(0)  # too late for it now
        if appointments and appointments[0][0] <= diary.now + 120:
            _, what, minutes = appointments.pop(0)
            if diary.now + minutes * 60 < until:
                _keep(diary, persona, what, minutes)
            continue
        free = min(until, appointments[0][0] if appointments else until) - diary.now
        if diary.now >= toilet_due:
            diary.use_toilet(toilet)
            toilet_due = diary.now + diary.seconds(140)
        elif diary.now >= tea_due and free > 420:
            diary.make_tea()
            tea_due = diary.now + diary.seconds(190)
        else:
            _fill(diary, rng, persona, free)


def _appointments(rng: random.Random, resident: Resident, day: date) -> list[tuple[float, str, float]]:
    """(when, what, minutes) of that day; every habit draws, whether it happens or not, so that days stay alike."""
    persona = resident.persona
    found: list[tuple[float, str, float]] = []

    def draw(what: str, habit: Habit) -> None:
        hour = habit.hour + _normal(rng) * habit.spread_minutes / 60
        minutes = habit.minutes * (0.75 + 0.5 * rng.random())
        if rng.random() < habit.chance and day.weekday() in habit.weekdays:
            found.append((epoch(day, hour, resident.zone), what, minutes))

    every_day = (0, 1, 2, 3, 4, 5, 6)
    draw("lunch", Habit(weekdays=every_day, hour=persona.lunch_hour, spread_minutes=14, minutes=45, chance=0.96))
    draw("dinner", Habit(weekdays=every_day, hour=persona.dinner_hour, spread_minutes=16, minutes=55, chance=0.98))
    for habit in persona.naps:
        draw("nap", habit)
    for habit in persona.outings:
        draw("outing", habit)
    for habit in persona.social_visits:
        draw("social_visit", habit)
    for habit in persona.care_visits:
        draw("care_visit", habit)
    return found


def _keep(diary: Diary, persona: Persona, what: str, minutes: float) -> None:
    if what in ("lunch", "dinner"):
        diary.cook(minutes * 0.5)
        diary.stay(persona.eats_in, "eat", diary.seconds(minutes * 0.35))
        if diary.chance(0.6):
            diary.stay("kitchen", "chores", diary.seconds(7))
    elif what == "nap" and persona.naps_in == "bed":
        diary.lie("nap", diary.now + minutes * 60)
    elif what == "nap":
        diary.sit("nap", minutes * 60)
    elif what == "outing":
        diary.go_out(minutes * 60)
    else:
        diary.receive(minutes * 60, is_care=what == "care_visit")


def _fill(diary: Diary, rng: random.Random, persona: Persona, free: float) -> None:
    """Something for the next while, not longer than `free` seconds."""
    if rng.random() < persona.busy_share:
        room = rng.choices(("kitchen", "bedroom", "bathroom", "lounge", "hall"), (4, 3, 1.2, 3, 0.8))[0]
        diary.stay(room, "chores", min(free, diary.seconds(9, spread=0.6)))
    else:
        diary.sit("sit" if rng.random() < 0.6 else "read", min(free, diary.seconds(32, spread=0.5)))


def _evening(diary: Diary, bed: float) -> None:
    if diary.chance(0.5):
        diary.stay("kitchen", "chores", diary.seconds(4))
    if diary.chance(0.15):
        diary.front_door(by="resident", entering=False)  # is it locked?
    diary.stay("bathroom", "wash", diary.seconds(9))
    diary.stay("bedroom", "dress", max(90.0, bed - diary.now))


def _night(diary: Diary, rng: random.Random, persona: Persona, end: float) -> None:
    """In bed until the next getting up, but for the toilet, and tea when sleep will not come."""
    for at, what in _rises(rng, persona, diary.now, end):
        if at < diary.now + 1200 or at > end - 1500:
            continue
        diary.lie("sleep", at)
        diary.stay("bedroom", "dress", 20 + 30 * rng.random())
        diary.use_toilet("bathroom")
        if what == "tea":
            diary.make_tea()
            diary.sit("read", diary.seconds(25, spread=0.4))
        diary.stay("bedroom", "dress", 20 + 20 * rng.random())
    diary.lie("sleep", end)


def _rises(rng: random.Random, persona: Persona, start: float, end: float) -> list[tuple[float, str]]:
    found = [
        (start + (end - start) * rng.random(), "toilet") for _ in range(_poisson(rng, persona.night_toilet_visits))
    ]
    if rng.random() < persona.night_kitchen_chance:
        found.append((start + (end - start) * (0.3 + 0.5 * rng.random()), "tea"))
    return sorted(found)


def _poisson(rng: random.Random, mean: float) -> int:
    count, left = 0, rng.expovariate(1.0)
    while left < mean:
        count += 1
        left += rng.expovariate(1.0)
    return count

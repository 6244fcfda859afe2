"""A waking day in an evaluation home: the same diary as in the demo, but with the unevenness of real lives.

Good and bad days, dozes in the armchair, meals left out, the garden, walks at night, getting up far too early or too
late once in a while. As in `resident`, a day depends only on (who, date), so days can be made in any order; hours are
civil time.
"""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from simulators.changes import Change, as_lived_on, sunset_hour
from simulators.diary import Diary
from simulators.evaluated_personas import Life, Traits
from simulators.persona import WEEKEND, Habit, Persona
from simulators.resident import WakingDay, epoch

_SHORTEST_NIGHT_S = 3.5 * 3600.0
_BEFORE_BED_S = 22 * 60.0
_ODD_DAY_SHARE = 0.04  # of mornings and evenings that come at quite another hour
_SITTING_SPREAD = 0.7  # sigma of the logarithm of how still one sits this time
_NIGHT_SPREAD = 0.8  # of how deep a night is


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who lives in an evaluation home."""

    seed: str
    life: Life
    zone: ZoneInfo
    rooms: frozenset[str]
    doors: frozenset[str]  # rooms whose door has a contact
    changes: tuple[Change, ...] = ()

    def on(self, day: date) -> Life:
        """How they live on that day."""
        return as_lived_on(self.life, day, self.changes)

    def rng(self, day: date, purpose: str) -> random.Random:
        """Chance, the same for the same day."""
        return random.Random(f"{self.seed}/{day.isoformat()}/{purpose}")


def wakes_at(person: Person, day: date) -> float:
    """When they get up."""
    persona = person.on(day).persona
    rng = person.rng(day, "wake")
    hour = persona.wake_hour + _uneven(rng) * persona.wake_spread_minutes / 60
    if day.weekday() in WEEKEND:
        hour += persona.weekend_later_minutes / 60
    if rng.random() < persona.lie_in_chance:
        hour += (40 + 70 * rng.random()) / 60
    return epoch(day, min(13.0, max(4.0, hour)), person.zone)


def goes_to_bed_at(person: Person, day: date) -> float:
    """When they lie down in the evening of that day, at times after midnight."""
    persona = person.on(day).persona
    hour = persona.bed_hour + _uneven(person.rng(day, "bed")) * persona.bed_spread_minutes / 60
    latest = wakes_at(person, day + timedelta(days=1)) - _SHORTEST_NIGHT_S
    return max(wakes_at(person, day) + 8 * 3600.0, min(epoch(day, max(19.0, hour), person.zone), latest))


def lived_day(person: Person, day: date) -> WakingDay:
    """The whole day of that date, from getting up to the next getting up."""
    life = person.on(day)
    start, end, bed = wakes_at(person, day), wakes_at(person, day + timedelta(days=1)), goes_to_bed_at(person, day)
    rng = person.rng(day, "day")
    persona, traits, is_bad = _as_they_feel(life, rng)
    diary = Diary(
        rng,
        start=start,
        place="bedroom",
        tempo=persona.tempo,
        upstairs=frozenset(("bedroom", "bathroom")) if "stairs" in person.rooms else frozenset(),
        doors=person.doors,
        gap_sigma=1.05,
    )
    _Day(diary, rng, person, persona, traits, day, is_bad=is_bad).live(bed, end)
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


def _uneven(rng: random.Random) -> float:
    """Standard normal, with a day now and then that is quite different."""
    return rng.gauss(0.0, 2.6 if rng.random() < _ODD_DAY_SHARE else 1.0)


def _as_they_feel(life: Life, rng: random.Random) -> tuple[Persona, Traits, bool]:
    """The day's own liveliness; on a bad day little is done."""
    persona, traits = life.persona, life.traits
    slow = math.exp(rng.gauss(0.0, traits.uneven))
    is_bad = rng.random() < traits.bad_day_share
    if is_bad:
        slow *= 1.5
        traits = replace(traits, doze_share=min(0.7, 2.0 * traits.doze_share + 0.1))
    persona = replace(persona, tempo=persona.tempo * slow, busy_share=min(0.8, persona.busy_share / slow))
    return persona, replace(traits, stillness=traits.stillness * slow), is_bad


class _Day:
    """The day being lived."""

    def __init__(
        self,
        diary: Diary,
        rng: random.Random,
        person: Person,
        persona: Persona,
        traits: Traits,
        day: date,
        *,
        is_bad: bool,
    ) -> None:
        self.diary, self.rng, self.person, self.persona, self.traits = diary, rng, person, persona, traits
        self.day, self.is_bad = day, is_bad
        self.toilet = "toilet" if "toilet" in person.rooms else "bathroom"
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=person.zone)
        self.sunset = epoch(day, sunset_hour(day, is_summer_time=bool(noon.dst())), person.zone)

    def live(self, bed: float, end: float) -> None:
        """From getting up to the next getting up."""
        self._morning()
        self._by_day(until=bed - _BEFORE_BED_S)
        self._evening(bed)
        self._night(end)

    def _morning(self) -> None:
        diary, rng = self.diary, self.rng
        diary.stay("bedroom", "dress", diary.seconds(2))
        diary.use_toilet(self.toilet)
        if rng.random() < 0.85:
            diary.stay("bathroom", "wash", diary.seconds(11, spread=0.5))
        diary.stay("bedroom", "dress", diary.seconds(6, spread=0.5))
        if rng.random() >= self.traits.skipped_meals:
            diary.cook(11)
            diary.stay(self.persona.eats_in if rng.random() < 0.5 else "kitchen", "eat", diary.seconds(14, spread=0.4))
        else:
            diary.make_tea()

    def _by_day(self, *, until: float) -> None:
        """Appointments at their hour, and between them whatever one does at home."""
        diary = self.diary
        appointments = sorted(self._appointments())
        toilet_due, tea_due = diary.now + diary.seconds(130, spread=0.45), diary.now + diary.seconds(150, spread=0.45)
        while diary.now < until - 60:
            while appointments and appointments[0][0] < diary.now - 2 * 3600:
                appointments.pop(0)  # too late for it now
            if appointments and appointments[0][0] <= diary.now + 120:
                _, what, minutes = appointments.pop(0)
                if diary.now + minutes * 60 < until:
                    self._keep(what, minutes)
                continue
            free = min(until, appointments[0][0] if appointments else until) - diary.now
            if diary.now >= toilet_due:
                diary.use_toilet(self.toilet)
                toilet_due = diary.now + diary.seconds(150, spread=0.45)
            elif diary.now >= tea_due and free > 420:
                diary.make_tea()
                tea_due = diary.now + diary.seconds(200, spread=0.5)
            else:
                self._fill(free)

    def _appointments(self) -> list[tuple[float, str, float]]:
        """(when, what, minutes); every habit draws, whether it happens or not, so that days stay alike."""
        rng, persona = self.rng, self.persona
        found: list[tuple[float, str, float]] = []

        def draw(what: str, habits: Iterable[Habit], more: float = 1.0) -> None:
            for habit in habits:
                hour = habit.hour + _uneven(rng) * habit.spread_minutes / 60
                minutes = habit.minutes * math.exp(rng.gauss(0.0, 0.3))
                if rng.random() < habit.chance * more and self.day.weekday() in habit.weekdays:
                    found.append((epoch(self.day, hour, self.person.zone), what, minutes))

        meal = 1.0 - self.traits.skipped_meals
        every_day = (0, 1, 2, 3, 4, 5, 6)
        lunch = Habit(weekdays=every_day, hour=persona.lunch_hour, spread_minutes=18, minutes=45, chance=meal)
        dinner = Habit(weekdays=every_day, hour=persona.dinner_hour, spread_minutes=20, minutes=55, chance=meal)
        draw("meal", (lunch, dinner))
        draw("nap", persona.naps)
        draw("outing", persona.outings, 0.2 if self.is_bad else 1.0)
        errand = Habit(weekdays=every_day, hour=rng.uniform(9.5, 17.0), spread_minutes=0, minutes=50, chance=0.06)
        draw("outing", (errand,), 1.0 if persona.outings else 0.2)
        trip = Habit(weekdays=every_day, hour=rng.uniform(8.5, 12.0), spread_minutes=0, minutes=400, chance=0.03)
        draw("outing", (trip,), 1.0 if persona.outings else 0.2)
        draw("visit", persona.social_visits)
        caller = Habit(weekdays=every_day, hour=rng.uniform(9.0, 18.0), spread_minutes=0, minutes=12, chance=0.12)
        draw("visit", (caller,))
        draw("help", persona.care_visits)
        dark = [each for each in found if each[1] == "outing" and each[0] > self.sunset]
        left_out = [each for each in dark if rng.random() < self.traits.shy_of_dark]
        return [each for each in found if each not in left_out]

    def _keep(self, what: str, minutes: float) -> None:
        diary, persona = self.diary, self.persona
        if what == "meal":
            diary.cook(minutes * 0.45)
            diary.stay(persona.eats_in, "eat", diary.seconds(minutes * 0.35, spread=0.4))
            if diary.chance(0.6):
                diary.stay("kitchen", "chores", diary.seconds(7, spread=0.5))
        elif what == "nap" and persona.naps_in == "bed":
            diary.lie("nap", diary.now + minutes * 60)
        elif what == "nap":
            diary.sit("nap", minutes * 60)
        elif what == "outing":
            diary.go_out(minutes * 60)
        else:
            diary.receive(max(minutes, 8.0) * 60, is_care=what == "help")

    def _fill(self, free: float) -> None:
        """Something for the next while, not longer than `free` seconds."""
        diary, rng, traits = self.diary, self.rng, self.traits
        chosen = rng.random()
        if chosen < self.persona.busy_share:
            rooms = [room for room in ("kitchen", "bedroom", "bathroom", "lounge", "hall") if room in self.person.rooms]
            weights = [{"kitchen": 4.0, "bedroom": 3.0, "bathroom": 1.2, "lounge": 3.0}.get(r, 0.8) for r in rooms]
            diary.stay(rng.choices(rooms, weights)[0], "chores", min(free, diary.seconds(9, spread=0.7)))
        elif chosen < self.persona.busy_share + traits.garden_share and diary.now < self.sunset and free > 900:
            diary.go_out(min(free - 300, diary.seconds(35, spread=0.6)))
        elif rng.random() < traits.doze_share:
            diary.stillness = traits.stillness
            diary.sit("nap", min(free, diary.seconds(45, spread=0.7)))
        else:
            diary.stillness = traits.stillness * math.exp(rng.gauss(0.0, _SITTING_SPREAD))
            diary.sit("sit" if rng.random() < 0.6 else "read", min(free, diary.seconds(38, spread=0.7)))
        diary.stillness = 1.0

    def _evening(self, bed: float) -> None:
        diary = self.diary
        if diary.chance(0.5):
            diary.stay("kitchen", "chores", diary.seconds(4))
        if diary.chance(0.12):
            diary.front_door(by="resident", entering=False)  # is it locked?
        diary.stay("bathroom", "wash", diary.seconds(9))
        diary.stay("bedroom", "dress", max(90.0, bed - diary.now))

    def _night(self, end: float) -> None:
        """In bed until the next getting up, but for the toilet, tea, and walking about."""
        diary, rng, traits = self.diary, self.rng, self.traits
        deep = traits.sleep_stillness * math.exp(rng.gauss(0.0, _NIGHT_SPREAD))
        for at, what in self._rises(diary.now, end):
            if at < diary.now + 1200 or at > end - 1500:
                continue
            diary.stillness = deep
            diary.lie("sleep", at)
            diary.stillness = 1.0
            diary.stay("bedroom", "dress", 20 + 30 * rng.random())
            if what == "walk":
                for _ in range(2 + int(4 * rng.random())):
                    room = rng.choice(sorted(self.person.rooms - {"stairs", "toilet", "bedroom"}))
                    diary.stay(room, "chores", min(diary.seconds(4, spread=0.8), max(30.0, end - 600 - diary.now)))
            else:
                diary.use_toilet("bathroom")
            if what == "tea":
                diary.make_tea()
                diary.sit("read", min(diary.seconds(25, spread=0.5), max(60.0, end - 900 - diary.now)))
            diary.stay("bedroom", "dress", 20 + 20 * rng.random())
        diary.stillness = deep
        diary.lie("sleep", max(end, diary.now + 60))
        diary.stillness = 1.0

    def _rises(self, start: float, end: float) -> list[tuple[float, str]]:
        rng, persona = self.rng, self.persona
        found = [
            (start + (end - start) * rng.random(), "toilet") for _ in range(_poisson(rng, persona.night_toilet_visits))
        ]
        found += [(start + (end - start) * rng.random(), "walk") for _ in range(_poisson(rng, self.traits.night_walks))]
        if rng.random() < persona.night_kitchen_chance:
            found.append((start + (end - start) * (0.3 + 0.5 * rng.random()), "tea"))
        return sorted(found)


def _poisson(rng: random.Random, mean: float) -> int:
    count, left = 0, rng.expovariate(1.0)
    while left < mean:
        count += 1
        left += rng.expovariate(1.0)
    return count

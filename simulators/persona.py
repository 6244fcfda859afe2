"""Who may live in a pretend home: people with weekday habits, as numbers a generator can draw from.

Only numbers stand here; how a day is made of them stands in `resident.py`. The people are invented.
"""

from dataclasses import dataclass

EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
WORKING_DAYS = (0, 1, 2, 3, 4)
WEEKEND = (5, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """Something that usually happens at about the same hour on certain weekdays (0 = Monday)."""

    weekdays: tuple[int, ...]
    hour: float  # civil time of day
    spread_minutes: float  # standard deviation of its beginning
    minutes: float  # how long it takes, on average
    chance: float = 1.0  # that it happens on such a day


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """One kind of life."""

    name: str
    wake_hour: float
    wake_spread_minutes: float
    weekend_later_minutes: float  # gets up this much later on Saturday and Sunday
    lie_in_chance: float  # of staying in bed for another 40 to 90 minutes
    bed_hour: float  # may pass 24
    bed_spread_minutes: float
    night_toilet_visits: float  # mean number a night
    night_kitchen_chance: float  # of getting up for tea, a night
    lunch_hour: float
    dinner_hour: float
    eats_in: str  # kitchen or lounge
    tempo: float  # 1 = lively; 1.5 = half as long again between two movements
    busy_share: float  # of free time spent on chores rather than sitting
    naps: tuple[Habit, ...] = ()
    naps_in: str = "chair"  # or bed
    outings: tuple[Habit, ...] = ()
    social_visits: tuple[Habit, ...] = ()  # family and friends: they sit together
    care_visits: tuple[Habit, ...] = ()  # carers come with a key and work in kitchen and bathroom


def _early_riser() -> Persona:
    return Persona(
        name="early_riser",
        wake_hour=6.5,
        wake_spread_minutes=14,
        weekend_later_minutes=15,
        lie_in_chance=0.01,
        bed_hour=22.0,
        bed_spread_minutes=18,
        night_toilet_visits=1.0,
        night_kitchen_chance=0.0,
        lunch_hour=12.25,
        dinner_hour=17.75,
        eats_in="kitchen",
        tempo=0.8,
        busy_share=0.42,
        naps=(Habit(weekdays=EVERY_DAY, hour=13.75, spread_minutes=20, minutes=35, chance=0.6),),
        outings=(
            Habit(weekdays=(1, 4), hour=10.5, spread_minutes=20, minutes=70, chance=0.9),
            Habit(weekdays=(6,), hour=9.75, spread_minutes=8, minutes=100, chance=0.9),
            Habit(weekdays=(0, 2, 3), hour=15.25, spread_minutes=30, minutes=45, chance=0.6),
        ),
        social_visits=(Habit(weekdays=(5,), hour=15.0, spread_minutes=25, minutes=110, chance=0.7),),
    )


def _homebody() -> Persona:
    return Persona(
        name="homebody",
        wake_hour=7.6,
        wake_spread_minutes=15,
        weekend_later_minutes=20,
        lie_in_chance=0.02,
        bed_hour=22.9,
        bed_spread_minutes=22,
        night_toilet_visits=1.4,
        night_kitchen_chance=0.05,
        lunch_hour=12.75,
        dinner_hour=18.25,
        eats_in="lounge",
        tempo=1.0,
        busy_share=0.30,
        naps=(Habit(weekdays=EVERY_DAY, hour=14.5, spread_minutes=25, minutes=50, chance=0.75),),
        outings=(
            Habit(weekdays=(2,), hour=14.0, spread_minutes=20, minutes=80, chance=0.8),
            Habit(weekdays=(4,), hour=11.0, spread_minutes=25, minutes=50, chance=0.7),
        ),
        social_visits=(Habit(weekdays=(6,), hour=14.75, spread_minutes=30, minutes=150, chance=0.85),),
    )


def _outgoing() -> Persona:
    return Persona(
        name="outgoing",
        wake_hour=7.0,
        wake_spread_minutes=18,
        weekend_later_minutes=40,
        lie_in_chance=0.03,
        bed_hour=23.2,
        bed_spread_minutes=28,
        night_toilet_visits=0.7,
        night_kitchen_chance=0.03,
        lunch_hour=13.0,
        dinner_hour=18.75,
        eats_in="kitchen",
        tempo=0.85,
        busy_share=0.45,
        outings=(
            Habit(weekdays=EVERY_DAY, hour=13.9, spread_minutes=25, minutes=110, chance=0.95),
            Habit(weekdays=(0, 3), hour=10.0, spread_minutes=15, minutes=95, chance=0.9),
            Habit(weekdays=(4, 5), hour=19.4, spread_minutes=20, minutes=150, chance=0.6),
        ),
        social_visits=(Habit(weekdays=(2,), hour=10.5, spread_minutes=20, minutes=90, chance=0.8),),
    )


def _cared_for() -> Persona:
    return Persona(
        name="cared_for",
        wake_hour=8.0,
        wake_spread_minutes=16,
        weekend_later_minutes=0,
        lie_in_chance=0.02,
        bed_hour=21.5,
        bed_spread_minutes=20,
        night_toilet_visits=3.2,
        night_kitchen_chance=0.02,
        lunch_hour=12.5,
        dinner_hour=17.5,
        eats_in="lounge",
        tempo=1.35,
        busy_share=0.16,
        naps=(
            Habit(weekdays=EVERY_DAY, hour=10.75, spread_minutes=25, minutes=40, chance=0.6),
            Habit(weekdays=EVERY_DAY, hour=14.25, spread_minutes=25, minutes=80, chance=0.9),
        ),
        naps_in="bed",
        outings=(Habit(weekdays=(3,), hour=10.5, spread_minutes=10, minutes=210, chance=0.8),),  # day centre
        social_visits=(Habit(weekdays=(6,), hour=15.0, spread_minutes=30, minutes=120, chance=0.8),),
        care_visits=(
            Habit(weekdays=EVERY_DAY, hour=8.75, spread_minutes=14, minutes=40),
            Habit(weekdays=EVERY_DAY, hour=17.4, spread_minutes=16, minutes=30),
        ),
    )


def _irregular_sleeper() -> Persona:
    return Persona(
        name="irregular_sleeper",
        wake_hour=7.9,
        wake_spread_minutes=65,
        weekend_later_minutes=10,
        lie_in_chance=0.08,
        bed_hour=24.2,
        bed_spread_minutes=70,
        night_toilet_visits=1.6,
        night_kitchen_chance=0.45,
        lunch_hour=13.5,
        dinner_hour=19.5,
        eats_in="lounge",
        tempo=1.05,
        busy_share=0.30,
        naps=(Habit(weekdays=EVERY_DAY, hour=15.5, spread_minutes=60, minutes=75, chance=0.6),),
        outings=(Habit(weekdays=(0, 2, 5), hour=16.5, spread_minutes=60, minutes=70, chance=0.65),),
    )


def _night_waker() -> Persona:
    return Persona(
        name="night_waker",
        wake_hour=7.25,
        wake_spread_minutes=17,
        weekend_later_minutes=25,
        lie_in_chance=0.02,
        bed_hour=22.4,
        bed_spread_minutes=20,
        night_toilet_visits=2.3,
        night_kitchen_chance=0.12,
        lunch_hour=12.5,
        dinner_hour=18.0,
        eats_in="kitchen",
        tempo=1.0,
        busy_share=0.32,
        naps=(Habit(weekdays=EVERY_DAY, hour=14.0, spread_minutes=20, minutes=45, chance=0.7),),
        outings=(
            Habit(weekdays=(0, 2, 4), hour=10.25, spread_minutes=15, minutes=60, chance=0.85),
            Habit(weekdays=(5,), hour=13.75, spread_minutes=25, minutes=120, chance=0.7),
        ),
        social_visits=(
            Habit(weekdays=(1,), hour=16.0, spread_minutes=20, minutes=75, chance=0.8),
            Habit(weekdays=(6,), hour=12.0, spread_minutes=30, minutes=160, chance=0.6),
        ),
    )


def personas() -> dict[str, Persona]:
    """Every persona by its name."""
    made = (_early_riser(), _homebody(), _outgoing(), _cared_for(), _irregular_sleeper(), _night_waker())
    return {persona.name: persona for persona in made}

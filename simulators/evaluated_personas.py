"""The people of the evaluation homes: fourteen ways of life by health and habit, and what makes each home its own.

A persona is a type; `individual` draws somebody of that type by the home's number, so that no two homes share their
numbers. The people are invented. Not here: what changes in the course of a period (`changes`).
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from simulators.persona import EVERY_DAY, WORKING_DAYS, Habit, Persona, personas


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a persona says nothing of: how still, how uneven and how housebound somebody is."""

    stillness: float = 1.0  # factor on the time between two movements while sitting
    doze_share: float = 0.10  # of sitting stretches, in which they fall asleep
    bad_day_share: float = 0.03  # of days on which little is done
    skipped_meals: float = 0.05  # share
    shy_of_dark: float = 0.5  # share of outings after sunset that are left out
    garden_share: float = 0.0  # of free stretches by daylight that are spent outside the door
    night_walks: float = 0.0  # mean number a night of wandering about the home
    uneven: float = 0.20  # sigma of the logarithm of a day's liveliness
    sleep_stillness: float = 4.0  # factor on the time between two turns in bed that a sensor sees


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A persona with its traits."""

    persona: Persona
    traits: Traits


def lives() -> dict[str, Life]:
    """Every way of life by its name."""
    old = personas()
    home, early, cared = old["homebody"], old["early_riser"], old["cared_for"]
    made = [
        Life(persona=early, traits=Traits(stillness=0.9, garden_share=0.06)),
        Life(persona=home, traits=Traits(stillness=1.2)),
        Life(persona=old["outgoing"], traits=Traits(shy_of_dark=0.1, uneven=0.25)),
        Life(persona=cared, traits=Traits(stillness=1.7, doze_share=0.2, bad_day_share=0.06, shy_of_dark=0.9)),
        Life(persona=old["irregular_sleeper"], traits=Traits(uneven=0.35, skipped_meals=0.15)),
        Life(persona=old["night_waker"], traits=Traits(sleep_stillness=2.0)),
        Life(
            persona=replace(
                home, name="armchair", tempo=1.3, busy_share=0.12, wake_hour=8.4, bed_hour=23.6, outings=(_shopping(4),)
            ),
            traits=Traits(stillness=2.6, doze_share=0.28, uneven=0.3),
        ),
        Life(
            persona=replace(
                early, name="gardener", wake_hour=7.1, busy_share=0.5, outings=(_shopping(1), _shopping(5, hour=9.6))
            ),
            traits=Traits(garden_share=0.22, stillness=0.9),
        ),
        Life(
            persona=replace(
                cared,
                name="frail",
                tempo=1.7,
                busy_share=0.1,
                night_toilet_visits=2.4,
                outings=(),
                care_visits=(
                    *cared.care_visits,
                    Habit(weekdays=EVERY_DAY, hour=12.6, spread_minutes=15, minutes=30),
                    Habit(weekdays=EVERY_DAY, hour=20.6, spread_minutes=20, minutes=25),
                ),
            ),
            traits=Traits(stillness=2.2, doze_share=0.3, bad_day_share=0.08, sleep_stillness=5.0),
        ),
        Life(
            persona=replace(
                home, name="breathless", tempo=1.45, busy_share=0.18, night_toilet_visits=2.8, night_kitchen_chance=0.2
            ),
            traits=Traits(stillness=1.8, doze_share=0.22, bad_day_share=0.10, shy_of_dark=0.9),
        ),
        Life(
            persona=replace(home, name="forgetful", wake_spread_minutes=40, bed_spread_minutes=45, tempo=0.95),
            traits=Traits(night_walks=0.7, skipped_meals=0.25, uneven=0.4, shy_of_dark=0.2),
        ),
        Life(
            persona=replace(
                home,
                name="night_owl",
                wake_hour=10.2,
                bed_hour=25.8,
                wake_spread_minutes=30,
                bed_spread_minutes=40,
                lunch_hour=14.2,
                dinner_hour=20.4,
                naps=(),
            ),
            traits=Traits(stillness=1.3, skipped_meals=0.12, shy_of_dark=0.1),
        ),
        Life(
            persona=replace(
                early,
                name="volunteer",
                wake_hour=6.9,
                naps=(),
                outings=(
                    Habit(weekdays=WORKING_DAYS, hour=9.2, spread_minutes=15, minutes=240, chance=0.75),
                    Habit(weekdays=(1, 3, 5), hour=19.2, spread_minutes=20, minutes=130, chance=0.6),
                ),
            ),
            traits=Traits(shy_of_dark=0.1),
        ),
        Life(
            persona=replace(
                home,
                name="evening_regular",
                wake_hour=8.8,
                bed_hour=24.1,
                outings=(
                    Habit(weekdays=(0, 2, 3, 4, 5), hour=19.6, spread_minutes=25, minutes=170, chance=0.7),
                    Habit(weekdays=EVERY_DAY, hour=11.2, spread_minutes=40, minutes=40, chance=0.6),
                ),
            ),
            traits=Traits(stillness=1.4, doze_share=0.15, skipped_meals=0.2, shy_of_dark=0.0, uneven=0.3),
        ),
    ]
    return {life.persona.name: life for life in made}


def _shopping(weekday: int, hour: float = 10.7) -> Habit:
    return Habit(weekdays=(weekday,), hour=hour, spread_minutes=30, minutes=60, chance=0.8)


def individual(life: Life, rng: random.Random) -> Life:
    """Somebody of this type, with hours, spreads and strengths of their own."""
    persona, traits = life.persona, life.traits

    def about(value: float, sigma: float, most: float = math.inf) -> float:
        return min(most, value * math.exp(rng.gauss(0.0, sigma)))

    earlier = rng.gauss(0.0, 0.5)

    def habits(given: tuple[Habit, ...], change: Callable[[Habit], Habit]) -> tuple[Habit, ...]:
        return tuple(change(habit) for habit in given)

    def own(habit: Habit) -> Habit:
        return replace(
            habit,
            hour=habit.hour + 0.5 * earlier + rng.gauss(0.0, 0.35),
            spread_minutes=about(habit.spread_minutes, 0.3),
            minutes=about(habit.minutes, 0.25),
            chance=min(1.0, about(habit.chance, 0.2)),
        )

    return Life(
        persona=replace(
            persona,
            wake_hour=persona.wake_hour + earlier + rng.gauss(0.0, 0.3),
            wake_spread_minutes=about(persona.wake_spread_minutes, 0.35),
            weekend_later_minutes=persona.weekend_later_minutes * rng.uniform(0.0, 2.0),
            lie_in_chance=about(persona.lie_in_chance, 0.5, 0.2),
            bed_hour=persona.bed_hour + 0.7 * earlier + rng.gauss(0.0, 0.3),
            bed_spread_minutes=about(persona.bed_spread_minutes, 0.35),
            night_toilet_visits=about(persona.night_toilet_visits, 0.4),
            night_kitchen_chance=about(persona.night_kitchen_chance, 0.5, 0.7),
            lunch_hour=persona.lunch_hour + 0.4 * earlier + rng.gauss(0.0, 0.25),
            dinner_hour=persona.dinner_hour + 0.4 * earlier + rng.gauss(0.0, 0.3),
            tempo=about(persona.tempo, 0.2),
            busy_share=about(persona.busy_share, 0.25, 0.7),
            naps=habits(persona.naps, own),
            outings=habits(persona.outings, own),
            social_visits=habits(persona.social_visits, own),
            care_visits=persona.care_visits,  # a rota is a rota
        ),
        traits=replace(
            traits,
            stillness=about(traits.stillness, 0.3),
            doze_share=about(traits.doze_share, 0.4, 0.6),
            bad_day_share=about(traits.bad_day_share, 0.5, 0.2),
            skipped_meals=about(traits.skipped_meals, 0.5, 0.5),
            garden_share=about(traits.garden_share, 0.4, 0.4),
            night_walks=about(traits.night_walks, 0.5, 2.0),
            uneven=about(traits.uneven, 0.25),
            sleep_stillness=about(traits.sleep_stillness, 0.6),
        ),
    )

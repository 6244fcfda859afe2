"""What changes slowly in somebody's life: from when, how much, and what it does to a day. Pure.

The truth of a gradual change, dated and sized, for whoever measures how soon it is found. Also the seasons, which
change everybody a little and are nothing to be found.
"""

import math
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from simulators.evaluated_personas import Life


class ChangeKind(StrEnum):
    """What becomes different, and in which unit its size is told."""

    NIGHT_BATHROOM = "night_bathroom"  # more visits a night
    RESTLESS_NIGHTS = "restless_nights"  # more walks about the home a night
    FEWER_MEALS = "fewer_meals"  # share of the main meals that is left out, more
    FEWER_OUTINGS = "fewer_outings"  # share of the outings that is left out
    LATER_RISE = "later_rise"  # hours later out of bed
    LESS_ACTIVE = "less_active"  # factor on the time between two movements, and on sitting
    SHIFTED_DAY = "shifted_day"  # hours by which the whole day is later, for good


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of one resident."""

    kind: ChangeKind
    begins: date  # the first day that is different
    full_from: date  # from then on it has its whole size
    size: float

    def on(self, day: date) -> float:
        """Its size on that day: 0 before it begins, then rising evenly."""
        if day < self.begins:
            return 0.0
        ramp = (self.full_from - self.begins) / timedelta(days=1)
        return self.size * min(1.0, ((day - self.begins) / timedelta(days=1) + 1.0) / (ramp + 1.0))


def winter(day: date) -> float:
    """1 at the winter solstice, −1 at the summer solstice."""
    return math.cos(2.0 * math.pi * ((day.timetuple().tm_yday + 10) % 365.25) / 365.25)


def sunset_hour(day: date, *, is_summer_time: bool) -> float:
    """When it gets dark in the middle of England, civil time; within half an hour."""
    return 18.1 - 2.3 * winter(day) + (1.0 if is_summer_time else 0.0)


def as_lived_on(life: Life, day: date, changes: tuple[Change, ...]) -> Life:
    """This life on that day: the season's, and with its changes."""
    persona, traits = life.persona, life.traits
    cold = winter(day)
    persona = replace(
        persona,
        wake_hour=persona.wake_hour + 0.2 * cold,
        bed_hour=persona.bed_hour - 0.15 * cold,
        outings=tuple(replace(h, chance=min(1.0, h.chance * (1.0 - 0.12 * cold))) for h in persona.outings),
    )
    traits = replace(traits, garden_share=max(0.0, traits.garden_share * (0.6 - 0.8 * cold)))
    for change in changes:
        size = change.on(day)
        if not size:
            continue
        match change.kind:
            case ChangeKind.NIGHT_BATHROOM:
                persona = replace(persona, night_toilet_visits=persona.night_toilet_visits + size)
            case ChangeKind.RESTLESS_NIGHTS:
                traits = replace(traits, night_walks=traits.night_walks + size)
            case ChangeKind.FEWER_MEALS:
                traits = replace(traits, skipped_meals=min(0.95, traits.skipped_meals + size))
            case ChangeKind.FEWER_OUTINGS:
                fewer = tuple(replace(h, chance=h.chance * (1.0 - size)) for h in persona.outings)
                persona = replace(persona, outings=fewer)
                traits = replace(traits, garden_share=traits.garden_share * (1.0 - size))
            case ChangeKind.LATER_RISE:
                persona = replace(persona, wake_hour=persona.wake_hour + size)
            case ChangeKind.LESS_ACTIVE:
                persona = replace(persona, tempo=persona.tempo * size, busy_share=persona.busy_share / size)
                traits = replace(traits, stillness=traits.stillness * size)
            case ChangeKind.SHIFTED_DAY:
                persona = replace(
                    persona,
                    wake_hour=persona.wake_hour + size,
                    bed_hour=persona.bed_hour + size,
                    lunch_hour=persona.lunch_hour + size,
                    dinner_hour=persona.dinner_hour + size,
                )
    return Life(persona=persona, traits=traits)

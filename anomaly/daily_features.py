"""The daily figures in which slow changes show: counted while events come in, one row a civil day. Pure.

The row of a day has the night that ended on it (noon to noon, `nights`), known at noon, and its waking hours (06 to 23
civil time), known at midnight. A figure is None, never 0, when less than 0.7 of its hours could be observed, when a
sensor it is counted by is lost, or when the home has none for it. Instants are epoch seconds; a sign of life costs a
few comparisons.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from anomaly.nights import Night, Nights, has_mat, tells_bed_time
from anomaly.plan import HomePlan, Place, PlanSensor
from anomaly.situation import Quiet, Situation
from store.home import SensorKind

OBSERVED_SHARE = 0.7
_DAY_BEGINS, _DAY_ENDS = 6.0, 23.0  # civil hours
_REST_FROM, _REST_UNTIL = 10.0, 20.0  # civil hours in which lying or sitting is rest by day
_SAME_VISIT = 300.0  # seconds without a sign from there: the same visit to the bathroom, if nothing moved elsewhere …
_LONG_VISIT = 900.0  # … and the longest pause of one
_SAME_SESSION = 1200.0  # seconds; cooking goes on
_AN_OUTING = 900.0  # seconds; shorter is fetching the post
_LONG_QUIET = 1800.0  # seconds; rest by day where no mat tells
_PROBABLY = 0.5
_BATHROOM, _KITCHEN = Place.BATHROOM, Place.KITCHEN  # asked for at every row: looking a member up takes long
_MATS = {SensorKind.BED, SensorKind.CHAIR}


class Feature(StrEnum):
    """A daily figure. Night figures belong to the day on which the night ended."""

    NIGHT_BATHROOM_VISITS = "night_bathroom_visits"  # from going to bed to getting up; 23 to 06 where that is not known
    DAY_BATHROOM_VISITS = "day_bathroom_visits"
    NIGHT_OUT_OF_BED = "night_out_of_bed"  # minutes; without a mat: active minutes outside the bedroom
    SLEEP_WINDOW = "sleep_window"  # hours from going to bed to getting up
    RISE_TIME = "rise_time"  # minutes after midnight
    BED_TIME = "bed_time"  # minutes after the midnight that begins its evening's day
    BED_EXITS = "bed_exits"
    KITCHEN_SESSIONS = "kitchen_sessions"
    ACTIVE_QUARTERS = "active_quarters"  # quarter hours with a sign of life
    ROOM_TRANSITIONS = "room_transitions"
    OUTINGS = "outings"
    TIME_OUT = "time_out"  # minutes
    REST_BY_DAY = "rest_by_day"  # minutes on a mat, or in long quiets


Figures = dict[Feature, float | None]


@dataclass(slots=True)
class DayCounts:
    """The running civil day. Plain values, saved as JSON."""

    midnight: float
    begins: float
    ends: float
    rest_from: float
    rest_until: float
    next_midnight: float
    night_visits: int = 0  # since 23 o'clock of the day before
    late_visits: int = 0  # from 23 o'clock on: for tomorrow
    day_visits: int = 0
    sessions: int = 0
    quarters: int = 0
    transitions: int = 0
    outings: int = 0
    out: float = 0.0  # seconds
    rest: float = 0.0
    seen_night: float = 0.0  # observed seconds since 23 o'clock of the day before
    seen_late: float = 0.0
    seen_day: float = 0.0
    night_length: float = 25_200.0


class DayTally:
    """Counts the running day of one home."""

    def __init__(self) -> None:
        self.day: DayCounts | None = None
        self.room = ""  # of the newest sign of life
        self.bathroom = self.kitchen = self.back = -1e12  # newest sign from there; newest end of an outing
        self.elsewhere = False  # a sign from another room since that from the bathroom
        self.quarter = -1
        self.pressed: float | None = None  # on a bed or chair mat since
        self.seen_from: float | None = None
        self.newest = 0.0
        self._plan: HomePlan | None = None
        self._told_by: dict[Feature, frozenset[str]] = {}

    def told_by(self, plan: HomePlan) -> dict[Feature, frozenset[str]]:
        """The sensors each figure is counted by in this home; looked up once for a plan."""
        if plan is not self._plan:
            self._plan, self._told_by = plan, {feature: sources(feature, plan) for feature in Feature}
        return self._told_by

    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, situation: Situation) -> None:
        """Somebody moved; `situation` knows it already. What comes late counts for nothing."""
        if t < self.newest:
            return
        self.newest = t
        if self.day is None:
            self.day = self._begun(t, situation)
            self.seen_from = t if situation.watching else None
        day = self.day
        awake = day.begins <= t < day.ends
        if sensor.place is _BATHROOM:
            self._bathroom(day, t, awake=awake)
        else:
            self.elsewhere = True
            if sensor.place is _KITCHEN:
                day.sessions += int(awake and t - self.kitchen >= _SAME_SESSION)
                self.kitchen = t
        if awake:
            quarter = int(t // 900)
            day.quarters += int(quarter != self.quarter)
            self.quarter = quarter
            day.transitions += int(sensor.room != self.room)
        self.room = sensor.room
        if sensor.kind in _MATS:
            self._mats(day, t, is_pressed=bool(situation.pressed))
        if before is not None and t - before.began >= _AN_OUTING:
            self._quiet_over(day, before, t, situation)

    def changed(self, t: float, situation: Situation) -> None:
        """The view may have come or gone."""
        if self.day is None:
            return
        self._note_seen(t)
        self.seen_from = t if situation.watching else None

    def night_over(self, situation: Situation, nights: Nights) -> Figures:
        """The figures of the night that ended this noon."""
        if self.day is None or nights.last is None or not self.day.midnight < nights.last.noon < self.day.next_midnight:
            return {}
        return self._known(_night_figures(self.day, nights.last, situation, nights), situation)

    def day_over(self, midnight: float, situation: Situation) -> Figures:
        """The waking figures of the civil day that ends at this midnight; a new one begins."""
        day = self.day
        self._note_seen(midnight)
        if day is not None and self.pressed is not None:
            self._rested(day, midnight)
            self.pressed = midnight
        self.day = self._begun(midnight, situation)
        self.seen_from = midnight if situation.watching else None
        if day is None:
            return {}
        self.day.night_visits, self.day.seen_night = day.late_visits, day.seen_late
        self.day.night_length += day.next_midnight - day.ends
        return self._known(_waking_figures(day), situation)

    def _known(self, figures: Figures, situation: Situation) -> Figures:
        """None where the home has no sensor for it, or one of them is lost."""
        lost, told_by = situation.lost_sensors, self.told_by(situation.plan)
        return {name: None if not told_by[name] or told_by[name] & lost else x for name, x in figures.items()}

    def _begun(self, t: float, situation: Situation) -> DayCounts:
        clock = situation.clock
        number = clock.at(t)[2]
        midnight, begins = clock.instant(number, 0.0), clock.instant(number, _DAY_BEGINS)
        return DayCounts(
            midnight=midnight,
            begins=begins,
            ends=clock.instant(number, _DAY_ENDS),
            rest_from=clock.instant(number, _REST_FROM),
            rest_until=clock.instant(number, _REST_UNTIL),
            next_midnight=clock.instant(number, 24.0),
            night_length=begins - midnight,
        )

    def _bathroom(self, day: DayCounts, t: float, *, awake: bool) -> None:
        pause = t - self.bathroom
        if pause >= _LONG_VISIT or (pause >= _SAME_VISIT and self.elsewhere):
            if awake:
                day.day_visits += 1
            elif t < day.begins:
                day.night_visits += 1
            else:
                day.late_visits += 1
        self.bathroom, self.elsewhere = t, False

    def _mats(self, day: DayCounts, t: float, *, is_pressed: bool) -> None:
        if self.pressed is not None:
            self._rested(day, t)
        self.pressed = t if is_pressed else None

    def _rested(self, day: DayCounts, t: float) -> None:
        assert self.pressed is not None
        day.rest += max(0.0, min(t, day.rest_until) - max(self.pressed, day.rest_from))

    def _quiet_over(self, day: DayCounts, quiet: Quiet, t: float, situation: Situation) -> None:
        length = t - max(quiet.began, day.midnight)
        if quiet.out >= _PROBABLY:
            day.outings += int(quiet.began - self.back > _AN_OUTING)
            day.out += length
            self.back = t
        elif length >= _LONG_QUIET and not _has_rest_mat(situation.plan):
            day.rest += max(0.0, min(t, day.rest_until) - max(quiet.began, day.rest_from))

    def _note_seen(self, t: float) -> None:
        day = self.day
        if day is None or self.seen_from is None:
            return
        start, self.seen_from = self.seen_from, t
        day.seen_night += max(0.0, min(t, day.begins) - start)
        day.seen_day += max(0.0, min(t, day.ends) - max(start, day.begins))
        day.seen_late += max(0.0, t - max(start, day.ends))

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {"day": None if self.day is None else asdict(self.day), **{n: getattr(self, n) for n in _PLAIN}}

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.day = None if saved["day"] is None else DayCounts(**saved["day"])
        for name in _PLAIN:
            setattr(self, name, saved[name])


_PLAIN = ("room", "bathroom", "kitchen", "back", "elsewhere", "quarter", "pressed", "seen_from", "newest")


def sources(feature: Feature, plan: HomePlan) -> frozenset[str]:
    """The sensors this figure is counted by; if one of them is lost, or a new one is added, it is another figure."""
    return frozenset(s.code for s in plan.sensors if not s.kind.is_measurement and _tells(feature, s, plan))


def _tells(feature: Feature, sensor: PlanSensor, plan: HomePlan) -> bool:
    has_bed = any(s.kind is SensorKind.BED for s in plan.sensors)
    if feature in (Feature.NIGHT_BATHROOM_VISITS, Feature.DAY_BATHROOM_VISITS):
        return sensor.place is Place.BATHROOM
    if feature is Feature.KITCHEN_SESSIONS:
        return sensor.place is Place.KITCHEN
    if feature in (Feature.OUTINGS, Feature.TIME_OUT):
        return sensor.is_exit
    if feature is Feature.BED_EXITS:
        return sensor.kind is SensorKind.BED
    if feature in (Feature.SLEEP_WINDOW, Feature.BED_TIME):
        return sensor.kind is SensorKind.BED or (not has_bed and sensor.kind is SensorKind.MOTION)
    if feature in (Feature.RISE_TIME, Feature.NIGHT_OUT_OF_BED) and has_bed:
        return sensor.kind is SensorKind.BED
    if feature is Feature.REST_BY_DAY and _has_rest_mat(plan):
        return sensor.kind in (SensorKind.BED, SensorKind.CHAIR)
    return sensor.kind in (SensorKind.MOTION, SensorKind.BED, SensorKind.DOOR, SensorKind.FLUSH, SensorKind.OTHER)


def _has_rest_mat(plan: HomePlan) -> bool:
    return any(s.kind is SensorKind.BED or s.kind is SensorKind.CHAIR for s in plan.sensors)


def _waking_figures(day: DayCounts) -> Figures:
    seen = day.seen_day >= OBSERVED_SHARE * (day.ends - day.begins)
    found = {
        Feature.DAY_BATHROOM_VISITS: day.day_visits,
        Feature.KITCHEN_SESSIONS: day.sessions,
        Feature.ACTIVE_QUARTERS: day.quarters,
        Feature.ROOM_TRANSITIONS: day.transitions,
        Feature.OUTINGS: day.outings,
        Feature.TIME_OUT: day.out / 60.0,
        Feature.REST_BY_DAY: day.rest / 60.0,
    }
    # Nobody was at home for long enough to say what they do there.
    is_home = day.out < (1.0 - OBSERVED_SHARE) * (day.ends - day.begins)
    away = {Feature.OUTINGS, Feature.TIME_OUT}
    return {name: float(x) if seen and (is_home or name in away) else None for name, x in found.items()}


def _night_figures(day: DayCounts, night: Night, situation: Situation, nights: Nights) -> Figures:
    found: Figures = dict.fromkeys(NIGHT_FEATURES)
    tells = tells_bed_time(situation)
    if not tells and day.seen_night >= OBSERVED_SHARE * day.night_length:
        found[Feature.NIGHT_BATHROOM_VISITS] = float(day.night_visits)
    if not nights.is_usable(night, nights.last_unseen, share=OBSERVED_SHARE) or night.was_out:
        return found
    mat = has_mat(situation)
    if tells:
        visits = nights.visits_between(night)
        found[Feature.NIGHT_BATHROOM_VISITS] = None if visits is None else float(visits)
        found.update(_bed_figures(night, situation, mat=mat))
    elif night.up is not None:
        found[Feature.RISE_TIME] = situation.clock.hour(night.up) * 60.0
    if not mat:
        found[Feature.NIGHT_OUT_OF_BED] = float(night.minutes)
    return found


def _bed_figures(night: Night, situation: Situation, *, mat: bool) -> Figures:
    clock = situation.clock
    found: Figures = {}
    if night.to_bed is not None:
        late = clock.at(night.to_bed)[2] - night.day
        found[Feature.BED_TIME] = clock.hour(night.to_bed) * 60.0 + 1440.0 * late
        if mat:
            found[Feature.BED_EXITS] = float(night.exits)
            found[Feature.NIGHT_OUT_OF_BED] = night.out / 60.0
    if night.up is not None:
        found[Feature.RISE_TIME] = clock.hour(night.up) * 60.0
        if night.to_bed is not None:
            found[Feature.SLEEP_WINDOW] = (night.up - night.to_bed) / 3600.0
    return found


NIGHT_FEATURES = (
    Feature.NIGHT_BATHROOM_VISITS, Feature.NIGHT_OUT_OF_BED, Feature.SLEEP_WINDOW, Feature.RISE_TIME,
    Feature.BED_TIME, Feature.BED_EXITS,
)  # fmt: skip

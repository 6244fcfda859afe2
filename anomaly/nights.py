"""What one home's nights look like: to bed, out of bed and back, up. From a bed mat, or else from the rooms.

A night is counted from noon to noon. With a mat, "to bed" is the beginning of the first rest of half an hour in the
evening and "up" the end of the last one; a lift of less than two minutes is turning over. Without one, the bedroom's
last evening movement tells: nothing elsewhere for three quarters of an hour. A home with neither has no bed time. A mat
that chatters, is stuck or lost tells nothing. Pure; signs of life in the order of time, a few comparisons each.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from anomaly.plan import Place, PlanSensor
from anomaly.situation import Quiet, Situation
from anomaly.unseen import Unseen
from store.home import SensorKind

EVENING, SMALL_HOURS, NIGHT_ENDS, NOON = 19.0, 4.5, 5.0, 12.0  # civil hours
FROM_ONE = 1.0  # whoever has not settled by then is up at night all the same
_TURNING_OVER = 120.0  # seconds off the mat
_REST, _REST_IN_ROOM = 1800.0, 2700.0  # seconds: gone to bed
_UP_FOR = 3600.0  # seconds out of bed after which a morning has begun
_AGAIN_AFTER, _AGAIN_WITHIN = 600.0, 3600.0  # seconds between two signs of being up
_SAME_VISIT = 300.0  # seconds without a sign from the bathroom: one visit, if nothing moved elsewhere meanwhile …
_LONG_VISIT = 900.0  # … and the longest pause of one
_MOST_VISITS = 60  # that are remembered of one night
_CHATTER = 120  # presses in a night that no person makes
_AN_OUTING = 900.0  # seconds
_PROBABLY = 0.5
_BEDROOM = (Place.BEDROOM, Place.IN_BED)
_BED, _BATHROOM = SensorKind.BED, Place.BATHROOM  # asked for at every row: looking a member up takes long


@dataclass(slots=True)
class Night:
    """The running night. Plain values, saved as JSON; instants are epoch seconds."""

    day: int  # civil day number of its evening
    begins: float  # noon
    evening: float
    one: float
    small_hours: float
    ends: float  # of what counts as night
    noon: float
    to_bed: float | None = None
    up: float | None = None
    exits: int = 0
    out: float = 0.0  # seconds out of bed between going to bed and NIGHT_ENDS, in spells that are over
    minutes: int = 0  # active minutes outside the bedroom, from going to bed or FROM_ONE to NIGHT_ENDS
    visits: list[float] = field(default_factory=list)  # to the bathroom: their beginnings, from the evening on
    presses: int = 0
    was_out: bool = False  # of the home, in the evening or the night
    is_stuck: bool = False  # on the mat, or in the bedroom, since before noon: that tells nothing of going to bed


class Nights:
    """Follows the nights of one home. `last` is the one that ended at the newest noon."""

    def __init__(self) -> None:
        self.night: Night | None = None
        self.unseen = Unseen(0.0)
        self.last: Night | None = None
        self.last_unseen = 0.0
        self.since: float | None = None  # on a mat since
        self.spell: float | None = None  # … in this rest, turning over left out
        self.left: float | None = None  # off every mat since
        self.settling: float | None = None  # in the bedroom, and nowhere else, since
        self.sign: float | None = None  # the first of two signs of being up
        self.bathroom, self.bathroom_left = -1e12, False  # the newest sign from there; one from elsewhere since
        self.minute = -1  # the newest active minute outside the bedroom
        self.newest = 0.0

    def turn(self, t: float, situation: Situation) -> None:
        """The clock has come to `t`: perhaps a new night's account begins. Every caller may call it."""
        if self.night is not None and t < self.night.noon:
            return
        clock = situation.clock
        if self.night is not None:
            self._close(self.night)
            self.last, self.last_unseen = self.night, self.unseen.total(self.night.noon)
        day = clock.at(t)[2]
        if t < clock.instant(day, NOON):
            day -= 1
        self.night = Night(
            day=day,
            begins=clock.instant(day, NOON),
            evening=clock.instant(day, EVENING),
            one=clock.instant(day, 24.0 + FROM_ONE),
            small_hours=clock.instant(day, 24.0 + SMALL_HOURS),
            ends=clock.instant(day, 24.0 + NIGHT_ENDS),
            noon=clock.instant(day, 24.0 + NOON),
        )
        # A home that is first heard of in the evening was not seen before; a night that was missed altogether neither.
        blind = self.last is None or self.last.noon != self.night.begins
        self.unseen = Unseen(self.night.evening, since=self.night.begins if blind else self.unseen.since)
        self.unseen.changed(t, watching=situation.watching)
        self.sign = None

    def changed(self, t: float, situation: Situation) -> None:
        """The view came or went."""
        self.turn(t, situation)
        self.unseen.changed(t, watching=situation.watching)

    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, situation: Situation) -> None:
        """Somebody moved; `situation` knows it already. What comes late counts for nothing."""
        if t < self.newest:
            return
        self.newest = t
        if self.night is None or t >= self.night.noon:
            self.turn(t, situation)
        night = self.night
        assert night is not None
        if sensor.kind is _BED:
            self._mat(night, t, is_pressed=is_pressed(situation))
        if sensor.place is _BATHROOM:
            self._bathroom(night, t)
        else:
            self.bathroom_left = True
        if sensor.place in _BEDROOM:
            if self.settling is None:
                self.settling = t
        elif t >= night.evening or self.settling is not None:
            self._elsewhere(night, sensor, t)
        if before is not None and before.out >= _PROBABLY and t - before.began >= _AN_OUTING:
            self.note_out(t)

    def note_out(self, t: float) -> None:
        """The resident is, or was until now, probably out."""
        if self.night is not None and self.night.evening <= t < self.night.small_hours:
            self.night.was_out = True

    def settle(self, t: float, situation: Situation) -> None:
        """Has somebody gone to bed by `t`? The same however often it is asked."""
        night = self.night
        if night is None or night.to_bed is not None:
            return
        if has_mat(situation):
            if self.since is not None and self.spell is not None:
                self._rested(night, self.spell, t, _REST)
        elif self.settling is not None:
            self._rested(night, self.settling, t, _REST_IN_ROOM)

    def rests(self, t: float) -> float | None:
        """Since when somebody has been in bed or, for all we see, in the bedroom alone; None if they are about."""
        return self.since if self.since is not None else self.settling

    def out_seconds(self, t: float) -> float:
        """Seconds out of bed in this night so far, by the mat; the running spell included."""
        night = self.night
        if night is None or night.to_bed is None:
            return 0.0
        running = 0.0 if self.left is None else max(0.0, min(t, night.ends) - self.left)
        return night.out + running

    def is_usable(self, night: Night, unseen: float, *, share: float = 0.7) -> bool:
        """Was enough of it seen, and did the mat speak like a mat?"""
        is_seen = unseen <= (1.0 - share) * (night.noon - night.evening)
        return is_seen and night.presses <= _CHATTER and not night.is_stuck

    @staticmethod
    def visits_between(night: Night) -> int | None:
        """Visits to the bathroom from going to bed to getting up; None if either is not known."""
        if night.to_bed is None or night.up is None:
            return None
        return sum(night.to_bed < visit < night.up for visit in night.visits)

    def _bathroom(self, night: Night, t: float) -> None:
        pause = t - self.bathroom
        is_new = pause >= _LONG_VISIT or (pause >= _SAME_VISIT and self.bathroom_left)
        if is_new and t >= night.evening and len(night.visits) < _MOST_VISITS:
            night.visits.append(t)
        self.bathroom, self.bathroom_left = t, False

    def _mat(self, night: Night, t: float, *, is_pressed: bool) -> None:
        if is_pressed and self.since is None:
            night.presses += 1
            gap = None if self.left is None else t - self.left
            if gap is None or self.left is None or gap >= _TURNING_OVER or self.spell is None:
                if gap is not None and self.left is not None:
                    self._back(night, self.left, gap, t)
                self.spell = t
            self.since, self.left = t, None
        elif not is_pressed and self.since is not None:
            if self.spell is not None and night.to_bed is None:
                self._rested(night, self.spell, t, _REST)
            self.since, self.left = None, t

    def _back(self, night: Night, left: float, gap: float, t: float) -> None:
        """In bed again: that was an exit, or the end of the night."""
        if night.to_bed is None or night.up is not None or left < night.to_bed:
            return
        night.out += max(0.0, min(t, night.ends) - left)
        if left >= night.small_hours and gap >= _UP_FOR:
            night.up = left
        else:
            night.exits += 1

    def _rested(self, night: Night, start: float, t: float, needed: float) -> None:
        if start < night.begins:
            night.is_stuck = True
            return
        begun = max(start, night.evening)
        if t - begun >= needed and begun < night.small_hours:
            night.to_bed = start

    def _elsewhere(self, night: Night, sensor: PlanSensor, t: float) -> None:
        if self.settling is not None:
            if night.to_bed is None and self.since is None and self.left is None:  # no mat has ever spoken
                self._rested(night, self.settling, t, _REST_IN_ROOM)
            self.settling = None
        if t < night.ends and (night.to_bed is not None or t >= night.one) and int(t // 60) != self.minute:
            self.minute = int(t // 60)
            night.minutes += 1
        if t >= night.small_hours and night.up is None and self.left is None and sensor.is_living_place:
            if self.sign is None or t - self.sign > _AGAIN_WITHIN:
                self.sign = t
            elif t - self.sign >= _AGAIN_AFTER:
                night.up = self.sign

    def _close(self, night: Night) -> None:
        """Noon: who is out of bed has got up."""
        if night.up is None and self.left is not None and night.to_bed is not None and self.left > night.to_bed:
            night.up = self.left
            night.out += max(0.0, night.ends - self.left)

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "night": None if self.night is None else asdict(self.night),
            "last": None if self.last is None else asdict(self.last),
            "unseen": asdict(self.unseen),
            **{name: getattr(self, name) for name in _PLAIN},
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.night = None if saved["night"] is None else Night(**saved["night"])
        self.last = None if saved["last"] is None else Night(**saved["last"])
        self.unseen = Unseen(**saved["unseen"])
        for name in _PLAIN:
            setattr(self, name, saved[name])


_PLAIN = (
    "last_unseen", "since", "spell", "left", "settling", "sign", "bathroom", "bathroom_left", "minute", "newest",
)  # fmt: skip


def is_pressed(situation: Situation) -> bool:
    """Is somebody on a bed mat?"""
    sensors = situation.sensors
    return any(code in sensors and sensors[code].kind is SensorKind.BED for code in situation.pressed)


def has_mat(situation: Situation) -> bool:
    """A bed mat that works, as far as is known."""
    return any(s.kind is SensorKind.BED and s.code not in situation.lost_sensors for s in situation.plan.sensors)


def tells_bed_time(situation: Situation) -> bool:
    """Has this home a mat, or a bedroom that tells movements from those elsewhere?"""
    lost = situation.lost_sensors
    live = [s for s in situation.plan.sensors if s.code not in lost and not s.kind.is_measurement]
    mats = [s for s in situation.plan.sensors if s.kind is SensorKind.BED]
    if mats:
        return any(s.code not in lost for s in mats)
    moves = {SensorKind.MOTION, SensorKind.VIBRATION}
    return any(s.place in _BEDROOM and s.kind in moves for s in live) and any(
        s.place not in _BEDROOM and s.kind in moves for s in live
    )

"""Unusually long in the bathroom, hall or kitchen, or out of bed at night and not back: they may have fallen there.

A stay goes on while only the sensors of that place speak: somebody who lies on the bathroom floor may still be seen
moving, which ends a quiet but not a stay. Out of bed goes on from leaving the mat at night until somebody is on it
again, or up and about. How long both usually last is the home's own (`duration`): where people go on to rooms without
a sensor their stays seem long, and the same length is no surprise there.

Nothing is said while another room's sensor is lost, while they may be out, or before ten such stays are known. Where a
dead sensor explains the quiet (`doubt`) the same people are told at the same minute, but that it cannot be verified.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from anomaly import explain
from anomaly.clock_bins import PART_OF_BIN, PARTS
from anomaly.detectors import stay as stays
from anomaly.detectors.detector import Known, Suspicion
from anomaly.detectors.rarity import Rarity, grade_of, perhaps_out, surely_home
from anomaly.detectors.stay import OUT_OF_BED, STAYS, Stay, can_be_judged, words
from anomaly.doubt import doubt_about
from anomaly.duration import Durations
from anomaly.open_finding import Finding, OpenFinding, next_minute
from anomaly.plan import PlanSensor
from anomaly.situation import CENSORED_AFTER, Quiet
from store.deviation import DeviationKind, Grade
from store.home import SensorKind

_SHORTEST = 120.0  # seconds; what is shorter is passing through, or turning over in bed
_KNOWN_FROM = 10.0  # stays before which too little is known of a place
_PROBABLY = 0.5
_SHARE = 0.5  # of the budget each: stays in rooms, and being out of bed
_ROOM = "room"
_ASK_AGAIN = 300.0  # seconds until a doubt is looked at anew
_MIDDLE, _LATE = math.log(2.0), math.log(10.0)

# Minutes and spread of the logarithm before anything is known, and how many such stays a day: assumed.
_PRIOR = {stays.BATHROOM: (6.0, 0.7), stays.KITCHEN: (12.0, 0.9), stays.HALL: (4.0, 1.0), OUT_OF_BED: (8.0, 0.7)}
_STAYS_A_DAY, _TRIPS_A_NIGHT = 12.0, 2.0


class Dwell:
    """Watches how long somebody stays where people do not usually stay long."""

    def __init__(self) -> None:
        self.due = math.inf
        self.durations = {
            of: Durations(minutes=minutes, spread=spread, shortest=_SHORTEST)
            for of, (minutes, spread) in _PRIOR.items()
        }
        self.rarity = {
            _ROOM: Rarity(a_day=_STAYS_A_DAY, of=DeviationKind.DWELL),
            OUT_OF_BED: Rarity(a_day=_TRIPS_A_NIGHT, of=DeviationKind.DWELL),
        }
        self.stay: Stay | None = None
        self.trip: Stay | None = None
        self.on_bed: set[str] = set()  # mats somebody is on
        self.open: OpenFinding | None = None
        self.raised_by = ""  # the stay or the trip that raised it last
        self.doubt: OpenFinding | None = None  # said in its place
        self._ages: dict[tuple[str, str, float, float], float] = {}  # until the next day is learned
        self._grades: dict[tuple[bool, Grade], dict[Grade, float]] = {}
        self.today: list[list[Any]] = []  # what the running day teaches, as `stay.noted`
        self.lesson: list[list[Any]] | None = None  # the same of the day that is over

    def reading(self, sensor: PlanSensor, t: float, value: float, known: Known) -> Iterator[Finding]:
        """The bed mat: out of bed, or back."""
        if sensor.kind is not SensorKind.BED:
            return
        if value > 0:
            self.on_bed.add(sensor.code)
            yield from self._trip_over(t, known)
        elif sensor.code in self.on_bed:
            self.on_bed.discard(sensor.code)
            yield from self._trip_over(t, known)
            part = stays.night_part(known.situation.clock.hour(t))
            if not self.on_bed and part is not None and self._can_begin(known):
                self.trip = Stay(of=OUT_OF_BED, part=part, room=sensor.room, began=t)
                self._wake(t + _SHORTEST)

    def life(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterable[Finding]:
        """Somebody moved: in the same place, or elsewhere?"""
        current = None if self.stay is None else self.stay.of
        stays_put = self.trip is None and not sensor.is_exit and STAYS.get(sensor.place) == current
        return () if stays_put and before is not None else self._moved(sensor, t, before, known)

    def _moved(self, sensor: PlanSensor, t: float, before: Quiet | None, known: Known) -> Iterator[Finding]:
        if before is None and t < known.situation.at:  # late: where they have been since is not known
            yield from self._trip_over(t, known, is_spoilt=True)
            yield from self._stay_over(t, known, is_spoilt=True)
            return
        if self.trip is not None and sensor.kind is not SensorKind.BED:
            if sensor.is_living_place:
                yield from self._trip_over(t, known)
            elif sensor.room not in self.trip.rooms:
                self.trip.rooms.append(sensor.room)
                self._wake(t)
        of = STAYS.get(sensor.place)
        if self.stay is not None and (sensor.is_exit or of != self.stay.of):
            yield from self._stay_over(t, known, is_spoilt=sensor.is_exit)
        if self.stay is None and of is not None and not sensor.is_exit and self._can_begin(known):
            part = PARTS[int(PART_OF_BIN[known.situation.clock.at(t)[0]])]
            self.stay = Stay(of=of, part=part, room=sensor.room, began=t, out=known.situation.gone)
            self._wake(t + _SHORTEST)

    def changed(self, t: float, known: Known) -> Iterator[Finding]:
        """Nothing is said while nobody can see; who is away or has a visit is not judged."""
        situation = known.situation
        self._grades.clear()  # the limits may have been changed
        if situation.is_away(t) or situation.has_visit(t):
            yield from self._trip_over(t, known, is_spoilt=True)
            yield from self._stay_over(t, known, is_spoilt=True)
        for each in self._going_on():
            if not situation.watching:
                each.blind_from = t if each.blind_from is None else each.blind_from
            elif each.blind_from is not None:
                each.blind += max(0.0, t - max(each.blind_from, each.began))
                each.blind_from, each.is_spoilt = None, True
        self.due = math.inf
        if situation.watching and self._going_on():
            self._wake(t)

    def look(self, t: float, known: Known) -> Iterator[Finding]:
        """Raise what has been reached, and find out when the next grade would be."""
        self.due = math.inf
        if known.situation.watching:
            for each in self._going_on():
                if each.blind <= CENSORED_AFTER and self._is_known(each) and can_be_judged(each, known):
                    yield from self._judged(each, t, known)

    def _judged(self, stay: Stay, t: float, known: Known) -> Iterator[Finding]:
        needed = self._needed(stay, known)
        if self.open is None and needed:  # most looks are at stays that have just begun
            first = self._age_of(min(needed.values()), stay)
            if stay.age(t) < first - 60.0:
                self._wake(stay.began + stay.blind + first)
                return
        surprise = self._surprise(stay, stay.age(t))
        grade = grade_of(surprise, needed)
        have = -1 if self.open is None else Grade(self.open.grade).rank
        if grade is not None and grade.rank > have:
            suspect = None if grade is Grade.NOTICE else _suspect(t, known)
            if suspect is None:
                yield from self._raised(stay, grade, t, known)
                have = grade.rank
            else:
                yield from self._doubted(stay, suspect, t, known)
                self._wake(t + _ASK_AGAIN)
        for higher, wanted in needed.items():
            if higher.rank > have and wanted > surprise:
                self._wake(max(t + 60.0, stay.began + stay.blind + self._age_of(wanted, stay)))

    def _raised(self, stay: Stay, grade: Grade, t: float, known: Known) -> Iterator[Finding]:
        if self.doubt is not None:
            yield self.doubt.finding(known.plan, ended=t)
            self.doubt = None
        started = stay.began if self.open is None else self.open.started
        self.open = self._finding(stay, grade, t, known, started=started)
        self.raised_by = stay.of
        stay.is_told |= grade is not Grade.NOTICE
        yield self.open.finding(known.plan)

    def _doubted(self, stay: Stay, suspect: Suspicion, t: float, known: Known) -> Iterator[Finding]:
        if self.doubt is None and (self.open is None or self.open.grade == Grade.NOTICE):
            self.doubt = self._finding(stay, Grade.ATTENTION, t, known, started=stay.began, suspect=suspect)
            self.raised_by = stay.of
            stay.is_told = True
            yield self.doubt.finding(known.plan)

    def day_over(self, midnight: float, known: Known, *, learnable: bool) -> None:
        """What the day showed is learned by `learn_day`, if it may teach."""
        self.lesson, self.today = self.today, []
        self._ages.clear()
        self._grades.clear()
        if self._going_on() and known.situation.watching:
            self._wake(midnight)

    def learn_day(self, lesson: list[list[Any]]) -> None:
        """How long things took on another day, and how surprising that was by the days before it."""
        top = dict.fromkeys(self.rarity, 0.0)
        found = [stays.of_note(note) for note in lesson]
        for of, part, seconds, out, told in found:
            surprise = perhaps_out(self.durations[of].surprise(seconds, ("any", part)), out) if told is None else told
            group = OUT_OF_BED if of == OUT_OF_BED else _ROOM
            top[group] = max(top[group], surprise)
        for of, part, seconds, _, told in found:
            if told is None:
                self.durations[of].learn_one(seconds, ("any", part))
        for durations in self.durations.values():
            durations.day_over()
        for name, rarity in self.rarity.items():
            rarity.learn_day(top[name])
        self._ages.clear()
        self._grades.clear()

    def learned(self) -> Any:
        """The counts as JSON."""
        return {
            "durations": {of: durations.saved() for of, durations in self.durations.items()},
            "rarity": {of: rarity.saved() for of, rarity in self.rarity.items()},
        }

    def relearn(self, learned: Any) -> None:
        """From there."""
        for of, durations in self.durations.items():
            durations.restore(learned["durations"][of])
        for of, rarity in self.rarity.items():
            rarity.restore(learned["rarity"][of])
        self._ages.clear()
        self._grades.clear()

    def discount(self, share: float) -> None:
        """The past counts so much from now on."""
        for durations in self.durations.values():
            durations.discount(share)
        for rarity in self.rarity.values():
            rarity.discount(share)
        self._ages.clear()
        self._grades.clear()

    def _trip_over(self, t: float, known: Known, *, is_spoilt: bool = False) -> Iterator[Finding]:
        trip, self.trip = self.trip, None
        if trip is not None:
            yield from self._over(trip, t, known, is_spoilt=is_spoilt)

    def _stay_over(self, t: float, known: Known, *, is_spoilt: bool = False) -> Iterator[Finding]:
        stay, self.stay = self.stay, None
        if stay is not None:
            yield from self._over(stay, t, known, is_spoilt=is_spoilt)

    def _over(self, stay: Stay, t: float, known: Known, *, is_spoilt: bool) -> Iterator[Finding]:
        """They have gone on, or nobody can tell any more."""
        if self.raised_by == stay.of:
            for found in self.held():
                yield found.finding(known.plan, ended=max(t, found.started))
            self.open = self.doubt = None
        seconds = t - stay.began
        if is_spoilt or stay.is_spoilt or stay.blind_from is not None or seconds <= _SHORTEST:
            return
        if not can_be_judged(stay, known):
            return
        told = None
        if stay.is_told:  # the day counts as one that reached it, so that repeated alarms grow rarer, slowly
            surprise = self._surprise(stay, seconds)
            told = min(surprise, self._needed(stay, known).get(Grade.ATTENTION, surprise))
        self.today.append(stays.noted(stay, seconds, told))

    def _can_begin(self, known: Known) -> bool:
        return known.situation.watching and known.situation.gone < _PROBABLY

    def _going_on(self) -> list[Stay]:
        return [each for each in (self.stay, self.trip) if each is not None]

    def _wake(self, t: float) -> None:
        if t < self.due:
            self.due = next_minute(t)

    def _age_of(self, surprise: float, stay: Stay) -> float:
        """The seconds after which a stay like this has come to that surprise; inf if never."""
        key = (stay.of, stay.part, surprise, stay.out)
        if key not in self._ages:
            self._ages[key] = self.durations[stay.of].reached_at(surely_home(surprise, stay.out), stay.group)
        return self._ages[key]

    def _is_known(self, stay: Stay) -> bool:
        return self.durations[stay.of].known(stay.group) >= _KNOWN_FROM

    def _rarity(self, stay: Stay) -> Rarity:
        return self.rarity[OUT_OF_BED if stay.of == OUT_OF_BED else _ROOM]

    def _surprise(self, stay: Stay, seconds: float) -> float:
        return perhaps_out(self.durations[stay.of].surprise(seconds, stay.group), stay.out)

    def _needed(self, stay: Stay, known: Known) -> dict[Grade, float]:
        # A mat that says "left" while nothing moves is more often a mat than a person.
        most = Grade.NOTICE if stay.of == OUT_OF_BED and not stay.rooms else Grade.URGENT
        key = (stay.of == OUT_OF_BED, most)
        if key not in self._grades:
            rarity, budget = self._rarity(stay), known.plan.limits.false_dwell_a_month
            self._grades[key] = rarity.needed(known, budget, share=_SHARE, most=most)
        return self._grades[key]

    def _finding(
        self, stay: Stay, grade: Grade, t: float, known: Known, *, started: float, suspect: Suspicion | None = None
    ) -> OpenFinding:
        durations, rarity = self.durations[stay.of], self._rarity(stay)
        surprise = self._surprise(stay, stay.age(t))
        shown = rarity.shown(surprise, known)
        middle, late = (durations.reached_at(nats, stay.group) for nats in (_MIDDLE, _LATE))
        return OpenFinding(
            kind=DeviationKind.DWELL if suspect is None else DeviationKind.CANNOT_OBSERVE,
            grade=grade,
            raised=t,
            started=started,
            once_in_days=round(shown, 1),
            explanation=words(
                stay, known, t=t, middle=middle, late=late, suspect=suspect,
                rare=explain.rarity(shown, rarity.once_in_days(surprise)),
            ),
            evidence={
                "minutes": round((t - stay.began) / 60),
                "usual_minutes": round(middle / 60),
                "nine_in_ten_minutes": round(late / 60),
                "surprise_nats": round(surprise, 3),
                "rests_on_days": round(known.learned_days, 1),
                "what": stay.of,
                "room": stay.room,
                "part_of_day": stay.part,
                "residents": known.plan.residents,
                **({} if suspect is None else {"unable_to_verify": True, "suspect": suspect.code}),
            },
        )  # fmt: skip

    def held(self) -> list[OpenFinding]:
        """What is unusual just now."""
        return [found for found in (self.open, self.doubt) if found is not None]

    def saved(self) -> dict[str, Any]:
        """As JSON."""
        found = {name: getattr(self, name) for name in ("open", "doubt", "stay", "trip")}
        return {
            "due": self.due,
            **self.learned(),
            **{name: None if each is None else asdict(each) for name, each in found.items()},
            "raised_by": self.raised_by,
            "on_bed": sorted(self.on_bed),
            "today": self.today,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """From JSON."""
        self.due, self.raised_by, self.on_bed = saved["due"], saved["raised_by"], set(saved["on_bed"])
        self.relearn(saved)
        self.open, self.doubt = (
            None if saved[name] is None else OpenFinding(**saved[name]) for name in ("open", "doubt")
        )
        self.stay, self.trip = (None if saved[name] is None else Stay(**saved[name]) for name in ("stay", "trip"))
        self.today = [stays.noted_by_older(*each) if isinstance(each[0], str) else each for each in saved["today"]]


def _suspect(t: float, known: Known) -> Suspicion | None:
    """The sensor whose death would explain the running quiet."""
    quiet = known.situation.quiet
    if quiet is None:
        return None
    path = known.hazard.path(quiet.observed(t), quiet.place, known.situation.clock)
    doubt = doubt_about(quiet, path, known, until=t)
    return doubt.suspect if len(path.ends) and doubt.explains[-1] else None

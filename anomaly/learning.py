"""What a day teaches is learned when it is over, and can be taken out again or put back, to the last bit.

    in force = base, and upon it the days of the journal, in their order, those that must not teach left out

The base is what was known before the oldest day of the journal, packed; a day of the journal is what was seen on it,
and not what followed from that by the counts of its time. So any of the last fourteen days can be taken out:
everything is learned again from the base on, and comes to the same bits as if that day had never taught. Every few days
those that nobody takes back any more enter the base. A plain guard lag would need no second copy, but a new home
would know nothing for a fortnight, and every home would notice a fortnight late that life has changed.

What was decided on a day stays decided: an alert that was raised, and whether the resident was taken for out.
"""

import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomaly import state as saved_form
from anomaly.clock_bins import QUARTER, Floats
from anomaly.clock_change import shifted_spells, shifts_at
from anomaly.day_notes import QuietNote, QuietNotes
from anomaly.detectors.detector import Diary, Known, Pupil
from anomaly.detectors.inactivity import score_of
from anomaly.hazard import CLOCK_STARTS, Spell, by_block
from anomaly.masks import is_masked, normal_from
from anomaly.open_finding import OpenFinding
from anomaly.plan import PlanSensor
from anomaly.situation import CENSORED_AFTER, MISSED_DOOR, Quiet
from anomaly.waiting import highest_score
from store.deviation import DeviationKind, Grade

TAKEN_BACK_DAYS = 14  # for so long a day can be taken out
_TIDY_DAYS = 4  # older days enter the base so many at a time
OLD_COUNTS = 0.25  # what the past is worth when staff say that the routine has changed
_SEEN_BACK = TAKEN_BACK_DAYS + _TIDY_DAYS  # civil days of which anybody may still know
OBSERVED_SHARE = 0.7  # of a day, below which the day is missing, not quiet
_PROBABLY = 0.5
_PASSAGE_LESSON = 900.0  # seconds of quiet after the front door, before they tell whether somebody had left
_AT_HOME_FOR_SURE = 7200.0  # a longer quiet that ends at the front door may have been an unnoticed outing


@dataclass(slots=True, kw_only=True)
class JournalDay:
    """One day of the journal."""

    day: int  # civil
    share: float  # of it that was observed
    quiets: bytes
    taught: bytes  # JSON, compressed: scores, and what each pupil saw
    top: float = 0.0  # the day's highest score, by what was known before it


class Learning:
    """The learned state of one home, and how it came to be."""

    def __init__(self, known: Known, pupils: Mapping[str, Pupil], diaries: Iterable[Diary]) -> None:
        self.known, self.pupils, self.diaries = known, dict(pupils), list(diaries)
        self.today, self.quiets = QuietNotes(), 0  # of the running day
        self.chances: list[float] = []  # exp(−Λ) at the end of each quiet at home, for whoever watches the model
        self.journal: list[JournalDay] = []
        self.base = b""  # empty before the first day that may teach
        self.masked: set[int] = set()  # days of the journal that are left out
        self.normal_from: int | None = None  # the civil day from which staff have said that the routine has changed
        self.diaries_from: int | None = None  # … as far as the diaries have been told
        self._has_told = False  # the diaries of masked days

    def quiet_over(self, quiet: Quiet, sensor: PlanSensor, t: float, found: OpenFinding | None) -> float:
        """Somebody moved: score the quiet for the last time, and note what it teaches when its day is over.

        `found`: what was said of it. The chance that the resident was out at its end.
        """
        if t - quiet.began < CLOCK_STARTS:
            return quiet.gone
        known, situation = self.known, self.known.situation
        observed, score = quiet.observed(t), None
        spells = known.hazard.spells(observed, quiet.place, situation.clock)
        if situation.lost_sensors:
            path = known.hazard.path(observed, quiet.place, situation.clock)
            surprise = known.hazard.surprise(known.witnesses.without(path, situation.lost_sensors))
            final = float(surprise[-1]) if len(surprise) else 0.0
            score = float(score_of(quiet, path, known)[-1]) if len(surprise) else 0.0
        else:
            final = known.hazard.surprise_of(spells)
        gone = max(quiet.gone, MISSED_DOOR)
        chance_out = gone / (gone + (1.0 - gone) * math.exp(-final))

        age = quiet.age(t)
        if quiet.tainted or t - quiet.began - age > CENSORED_AFTER:
            return chance_out
        self.quiets += 1
        if quiet.out < _PROBABLY:
            self.chances.append(math.exp(-final))
        note = QuietNote(stretches=observed, place=quiet.place, out=quiet.out, teaches=False, score=score)
        alarmed = found is not None and found.grade != Grade.NOTICE
        if alarmed:  # the day counts as one that reached the threshold, so that repeated alarms grow rarer, slowly
            needed = known.required_days(known.plan.limits.false_inactivity_a_month).get(Grade.ATTENTION, 30.0)
            reached = known.maxima.surprise_of(needed) + known.offset(DeviationKind.INACTIVITY)
            note = replace(note, score=round(min(self._score(note, spells), reached), 4))
        if not situation.is_settling(t):
            if quiet.out > 0.0 and age >= _PASSAGE_LESSON:
                situation.learn_passage(by_door=sensor.is_exit)
            perhaps_out = sensor.is_exit and (quiet.out > 0.0 or age > _AT_HOME_FOR_SURE)
            if not alarmed and not perhaps_out:
                note = replace(note, teaches=True)
                if spells:
                    known.witnesses.quiet_over(sensor.code, t, quiet.place, spells[-1][2])
        self.today.note(note)
        return chance_out

    def may_teach(self, midnight: float, seen: Floats) -> tuple[float, bool]:
        """The share of the civil day before `midnight` that was observed, and whether that makes it one to learn from.

        `seen`: observed seconds of each quarter hour.
        """
        situation = self.known.situation
        begun = situation.clock.instant(situation.clock.at(midnight - QUARTER)[2], 0.0)
        share = float(seen.sum()) / (midnight - begun)
        quiets, self.quiets = self.quiets, 0
        return share, share >= OBSERVED_SHARE and quiets > 0 and not situation.is_settling(midnight - QUARTER)

    def day_over(self, midnight: float, share: float, *, learnable: bool) -> None:
        """A civil day has ended. If it may teach, it does, unless it is masked; it can be learned later then."""
        clock = self.known.situation.clock
        day = clock.at(midnight - QUARTER)[2]
        begins = clock.instant(day, 0.0)
        notes, self.today = self.today, QuietNotes()
        passed = self.known.situation.passages.taught()
        if learnable:
            lessons = {name: pupil.lesson for name, pupil in self.pupils.items() if pupil.lesson is not None}
            taught = {"scores": notes.scores, "passages": passed, "pupils": lessons}
            each = JournalDay(
                day=day,
                share=round(share, 4),
                quiets=notes.packed(begins),
                taught=_compressed(json.dumps(taught, separators=(",", ":")).encode()),
            )
            self.base = self.base or self.in_force()
            self.journal.append(each)
            if self.must_not_teach(day):
                self.masked.add(day)
            else:
                self._learn(each)
        self._renew(day + 1)
        self._tidy(day)

    def plan_changed(self, day: int) -> bool:
        """What must not teach, or what is usual, was noted or taken back. True if what is known has changed by that."""
        self.tell_diaries(day)
        if not self.is_outdated(day):
            return False
        self.masked = {each.day for each in self.journal if self.must_not_teach(each.day)}
        if self.base:
            self._restore(self.base)
            for each in self.journal:
                if each.day not in self.masked:
                    self._learn(each)
        self._renew(day)
        return True

    def is_outdated(self, day: int) -> bool:
        """Is what is in force not what the plan says should be, as of this civil day?"""
        normal = normal_from(self.known.plan, self.known.situation.clock)
        if normal is not None and (self.normal_from is None or normal > self.normal_from) and normal <= day:
            return True
        return any(self.must_not_teach(each.day) is not (each.day in self.masked) for each in self.journal)

    def must_not_teach(self, day: int) -> bool:
        """Is this civil day masked?"""
        return is_masked(day, self.known.plan, self.known.situation.clock)

    def tell_diaries(self, day: int) -> None:
        """Of what must not teach, as of this civil day: before anything enters them, or leaves."""
        plan, clock = self.known.plan, self.known.situation.clock
        if plan.masked or self._has_told:
            days = {each for each in range(day - _SEEN_BACK, day + 2) if is_masked(each, plan, clock)}
            self._has_told = bool(days)
            for diary in self.diaries:
                diary.mask(days)
        normal = normal_from(plan, clock)
        if normal is not None and normal <= day and (self.diaries_from is None or normal > self.diaries_from):
            self.diaries_from = normal
            for diary in self.diaries:
                diary.discount(OLD_COUNTS)

    def _learn(self, each: JournalDay, *, anew: bool = True) -> None:
        """`anew`: its highest score is not known, or what was known before it has changed."""
        known = self.known
        self._renew(each.day)
        taught = json.loads(zlib.decompress(each.taught))
        begins = known.situation.clock.instant(each.day, 0.0)
        notes = QuietNotes.unpacked(each.quiets, begins, taught["scores"])
        hazard, top = known.hazard, 0.0
        lessons: list[list[Spell]] = []
        for quiet in notes.quiets():
            spells = hazard.spells(quiet.stretches, quiet.place, known.situation.clock)
            if anew:
                top = max(top, self._score(quiet, spells))
            if quiet.teaches:
                lessons.append(spells)
        if anew:
            each.top = round(top, 4)
        known.maxima.learn_one(each.top)
        for spells in lessons:
            hazard.learn_one(spells)
        hazard.day_over(learned=True)
        known.situation.passages.learn_day(taught["passages"])
        known.learned_days += each.share
        for name, lesson in taught["pupils"].items():
            if name in self.pupils:
                self.pupils[name].learn_day(lesson)

    def _score(self, quiet: QuietNote, spells: list[Spell]) -> float:
        if quiet.score is not None:
            return quiet.score
        hazard, out = self.known.hazard, max(quiet.out, MISSED_DOOR)
        score = highest_score(hazard, spells, out=out)
        for shift in shifts_at(self.known.situation.clock, quiet.stretches[-1][1]):
            score = min(score, highest_score(hazard, shifted_spells(spells, shift), out=out))
        return score

    def _renew(self, day: int) -> None:
        """Once, on the first day of what staff call the new routine: the past counts a quarter."""
        normal = normal_from(self.known.plan, self.known.situation.clock)
        if normal is None or normal > day or (self.normal_from is not None and normal <= self.normal_from):
            return
        self.normal_from = normal
        hazard = self.known.hazard
        for counts in (hazard.endings, hazard.minutes, hazard.cell_endings, hazard.cell_expected):
            counts *= np.float32(OLD_COUNTS)
        self.known.maxima.discount(OLD_COUNTS)
        self.known.situation.passages.counts *= OLD_COUNTS
        for pupil in self.pupils.values():
            pupil.discount(OLD_COUNTS)
        hazard.day_over(learned=False)  # its rates anew

    def _tidy(self, day: int) -> None:
        """Now and then, what nobody takes back any more enters the base."""
        if not self.journal or self.journal[0].day > day - TAKEN_BACK_DAYS - _TIDY_DAYS:
            return
        old = [each for each in self.journal if each.day <= day - TAKEN_BACK_DAYS]
        now = self.in_force()
        self._restore(self.base)
        for each in old:
            if each.day not in self.masked:
                self._learn(each, anew=False)
        self.base = self.in_force()
        self._restore(now)
        self.journal = self.journal[len(old) :]
        self.masked = {each.day for each in self.journal} & self.masked

    # Saved and gone on from ------------------------------------------------------------------

    def in_force(self) -> bytes:
        """What is known now, packed: equal bytes, equal bits."""
        hazard = self.known.hazard
        values = {
            "learned_days": self.known.learned_days,
            "normal_from": self.normal_from,
            "passages": self.known.situation.passages.counts.tolist(),
            "pupils": {name: pupil.learned() for name, pupil in self.pupils.items()},
        }
        arrays: dict[str, NDArray[Any]] = {
            "endings": hazard.endings,
            "minutes": hazard.minutes,
            "cell_endings": hazard.cell_endings,
            "cell_expected": hazard.cell_expected,
            "maxima": self.known.maxima.sums,
        }
        return saved_form.pack(values, arrays)

    def _restore(self, packed: bytes) -> None:
        values, arrays = saved_form.unpack(packed)
        hazard, maxima = self.known.hazard, self.known.maxima
        for name in ("endings", "minutes", "cell_endings", "cell_expected"):
            getattr(hazard, name)[...] = by_block(arrays[name]) if name.startswith("cell_") else arrays[name]
        maxima.relearn(arrays["maxima"])
        self.known.situation.passages.restore(values["passages"])
        self.known.learned_days = values["learned_days"]
        self.normal_from = values["normal_from"]
        for name, pupil in self.pupils.items():
            if name in values["pupils"]:
                pupil.relearn(values["pupils"][name])
        hazard.day_over(learned=False)

    def saved(self) -> dict[str, Any]:
        """As JSON; what is packed stands in `packed`."""
        return {
            "today": self.today.records,
            "scores": self.today.scores,
            "quiets": self.quiets,
            "masked": sorted(self.masked),
            "normal_from": self.normal_from,
            "diaries_from": self.diaries_from,
            "journal": [[each.day, each.share, each.top] for each in self.journal],
        }

    def packed(self) -> NDArray[np.uint8]:
        """The base and the journal's days, each with its length; not compressed, as the whole state is."""
        parts = [saved_form.loose(self.base) if self.base else b""]
        for each in self.journal:
            parts += (each.quiets, zlib.decompress(each.taught))
        return np.frombuffer(b"".join(len(part).to_bytes(4, "little") + part for part in parts), np.uint8)

    def restore(self, saved: Mapping[str, Any], packed: NDArray[np.uint8]) -> None:
        """From both."""
        records = [(begun, length, flags, out) for begun, length, flags, out in saved["today"]]
        self.today, self.quiets = QuietNotes(records=records, scores=list(saved["scores"])), saved["quiets"]
        self.masked, self.normal_from = set(saved["masked"]), saved["normal_from"]
        self.diaries_from = saved["diaries_from"]
        parts = _parts(packed.tobytes())
        base = next(parts)
        self.base = saved_form.tight(base) if base else b""
        self.journal = [
            JournalDay(day=day, share=share, top=top, quiets=next(parts), taught=_compressed(next(parts)))
            for day, share, top in saved["journal"]
        ]


def _parts(content: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 4], "little")
        yield content[at + 4 : at + 4 + length]
        at += 4 + length


def _compressed(taught: bytes) -> bytes:
    return zlib.compress(taught, level=1)

"""Findings about one situation tell people once, and nothing that would have told them is ever held back."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly.detectors.detector import Known
from anomaly.episode import LASTS, Episodes
from anomaly.hazard import Hazard
from anomaly.home_model import HomeModel
from anomaly.open_finding import Finding
from anomaly.plan import HomePlan, plan_of_file
from anomaly.return_period import DailyMaximum
from anomaly.situation import Situation
from store.deviation import EPISODE, GRADE_ALONE, Deviation, DeviationKind, Grade, finding_id
from tests.anomaly.conftest import FIRST_DAY, a_home, a_life, check_ins_only

TEN = datetime(2026, 3, 10, 10, tzinfo=UTC)
PLAN: HomePlan = plan_of_file(a_home(), always_observed=False)
KNOWN = Known(situation=Situation(PLAN), hazard=Hazard(), maxima=DailyMaximum())
BEDROOM, HALL = (next(s for s in PLAN.sensors if s.room == room) for room in ("bedroom", "hall"))
JOINING = [kind for kind in DeviationKind if kind not in (
    DeviationKind.TEMPERATURE, DeviationKind.GRADUAL, DeviationKind.DOOR_AT_NIGHT,
)]  # fmt: skip
ATTENTION, URGENT = Grade.ATTENTION, Grade.URGENT


def found(
    kind: DeviationKind, grade: Grade = ATTENTION, *, minute: float = 0, begun: float = -60, ended: float | None = None
) -> Deviation:
    """A finding `minute` minutes after ten, about something that began at minute `begun`."""
    started = TEN + timedelta(minutes=begun)
    return Deviation(
        id=finding_id("K7", kind, started), home_id=7, kind=kind, grade=grade,
        raised_at=TEN + timedelta(minutes=minute), started_at=started,
        ended_at=None if ended is None else TEN + timedelta(minutes=ended), once_in_days=40.0, explanation="",
    )  # fmt: skip


def walks(episodes: Episodes, minute: float) -> None:
    """From the bedroom to the hall."""
    at = TEN.timestamp() + 60.0 * minute
    list(episodes.life(BEDROOM, at, None, KNOWN))
    list(episodes.life(HALL, at + 5.0, None, KNOWN))


def stirs(episodes: Episodes, minute: float) -> None:
    """Moves, but stays where they are."""
    list(episodes.life(HALL, TEN.timestamp() + 60.0 * minute, None, KNOWN))


def grade_of(told: Sequence[Finding]) -> tuple[Grade, Grade]:
    (finding,) = told
    assert isinstance(finding, Deviation)
    return finding.grade, finding.grade_alone


def test_a_second_finding_of_the_same_grade_joins_the_first_and_says_so() -> None:
    episodes = Episodes()
    first, second = found(DeviationKind.NOT_UP), found(DeviationKind.INACTIVITY, minute=60)
    assert episodes.joined([first]) == [first]
    (told,) = episodes.joined([second])
    assert isinstance(told, Deviation)
    assert told == replace(second, grade=Grade.NOTICE, evidence={EPISODE: str(first.id), GRADE_ALONE: "attention"})
    assert episodes.as_told(second) == told


def test_a_graver_finding_speaks_for_itself_and_names_its_episode() -> None:
    episodes = Episodes()
    first = found(DeviationKind.NOT_UP)
    episodes.joined([first])
    (told,) = episodes.joined([found(DeviationKind.INACTIVITY, URGENT, minute=60)])
    assert (told.grade, told.evidence) == (URGENT, {EPISODE: str(first.id)})


def test_a_joined_finding_rises_by_itself_when_it_becomes_graver_than_what_was_told() -> None:
    episodes = Episodes()
    episodes.joined([found(DeviationKind.NOT_UP)])
    assert grade_of(episodes.joined([found(DeviationKind.INACTIVITY, minute=60)])) == (Grade.NOTICE, ATTENTION)
    assert grade_of(episodes.joined([found(DeviationKind.INACTIVITY, URGENT, minute=90)])) == (URGENT, URGENT)
    assert grade_of(episodes.joined([found(DeviationKind.NOT_UP, URGENT, minute=95)])) == (ATTENTION, URGENT)


def test_a_first_finding_keeps_the_grade_it_was_told_at_while_another_is_graver() -> None:
    episodes = Episodes()
    first = found(DeviationKind.NOT_UP)
    episodes.joined([first, found(DeviationKind.INACTIVITY, URGENT, minute=60)])
    (told,) = episodes.joined([replace(found(DeviationKind.NOT_UP, URGENT, minute=90), ended_at=None)])
    assert (told.grade, told.evidence) == (ATTENTION, {GRADE_ALONE: "urgent"})  # its own episode: no id beside its own


@pytest.mark.parametrize("kind", [DeviationKind.TEMPERATURE, DeviationKind.GRADUAL, DeviationKind.DOOR_AT_NIGHT])
def test_what_is_no_lack_of_activity_is_never_joined(kind: DeviationKind) -> None:
    episodes = Episodes()
    episodes.joined([found(DeviationKind.INACTIVITY)])
    other = found(kind, minute=10)
    assert episodes.joined([other]) == [other]


def test_a_cold_home_takes_nothing_in() -> None:
    episodes = Episodes()
    second = found(DeviationKind.INACTIVITY, minute=10)
    assert episodes.joined([found(DeviationKind.TEMPERATURE), second])[1] == second


def test_who_opened_the_front_door_at_night_and_is_not_seen_again_is_told_once() -> None:
    episodes = Episodes()
    episodes.joined([found(DeviationKind.DOOR_AT_NIGHT)])
    assert grade_of(episodes.joined([found(DeviationKind.NOT_RETURNED, minute=60)])) == (Grade.NOTICE, ATTENTION)


def test_after_the_resident_was_up_and_about_a_new_quiet_is_a_new_episode() -> None:
    episodes = Episodes()
    episodes.joined([found(DeviationKind.NOT_UP), found(DeviationKind.NOT_UP, ended=20)])
    walks(episodes, 20)
    new = found(DeviationKind.INACTIVITY, minute=100, begun=30)
    assert episodes.joined([new]) == [new]


def test_one_movement_where_they_lie_is_not_being_up_and_about() -> None:
    episodes = Episodes()
    episodes.joined([found(DeviationKind.INACTIVITY), found(DeviationKind.INACTIVITY, ended=20)])
    stirs(episodes, 20)
    stirs(episodes, 23)
    again = found(DeviationKind.INACTIVITY, minute=100, begun=23)
    assert grade_of(episodes.joined([again])) == (Grade.NOTICE, ATTENTION)


def test_six_hours_after_its_end_an_episode_is_over() -> None:
    for later, is_joined in ((LASTS, True), (LASTS + 60, False)):
        episodes = Episodes()
        episodes.joined([found(DeviationKind.INACTIVITY), found(DeviationKind.INACTIVITY, ended=20)])
        new = found(DeviationKind.DWELL, minute=20 + later / 60)
        assert (episodes.joined([new]) != [new]) is is_joined


def test_while_a_finding_goes_on_its_episode_does_however_long() -> None:
    episodes = Episodes()
    episodes.joined([found(DeviationKind.NOT_UP)])
    assert grade_of(episodes.joined([found(DeviationKind.INACTIVITY, minute=600)])) == (Grade.NOTICE, ATTENTION)


def test_up_at_night_and_not_to_bed_are_one_matter_though_they_walk_about() -> None:
    episodes = Episodes()
    episodes.joined([found(DeviationKind.NOT_TO_BED)])
    walks(episodes, 20)
    assert grade_of(episodes.joined([found(DeviationKind.UP_AT_NIGHT, minute=40)])) == (Grade.NOTICE, ATTENTION)
    new = found(DeviationKind.INACTIVITY, minute=50, begun=30)
    assert episodes.joined([new]) == [new]


def test_a_finding_that_joined_ends_as_what_it_was_told_as() -> None:
    episodes = Episodes()
    first = found(DeviationKind.NOT_UP)
    episodes.joined([first, found(DeviationKind.INACTIVITY, minute=60)])
    over = episodes.joined([found(DeviationKind.INACTIVITY, minute=60, ended=70), replace(first, ended_at=TEN)])
    assert [(each.grade, each.ended_at is None) for each in over] == [(Grade.NOTICE, False), (ATTENTION, False)]


# Whatever happens -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """What happens a few minutes later."""

    after: int  # minutes
    what: str  # "find", "end", "walk", "stir"
    kind: DeviationKind
    grade: Grade


steps = st.lists(
    st.builds(
        Step,
        after=st.one_of(st.integers(1, 90), st.integers(300, 800)),
        what=st.sampled_from(["find", "find", "find", "end", "walk", "stir"]),
        kind=st.sampled_from(DeviationKind),
        grade=st.sampled_from(Grade),
    ),
    max_size=40,
)


class World:
    """What detectors do: a finding only rises while it goes on, and a new one has a new beginning."""

    def __init__(self) -> None:
        self.episodes = Episodes()
        self.now = 0
        self.open: dict[DeviationKind, Deviation] = {}
        self.alone: list[Deviation] = []
        self.told: list[Deviation] = []
        self.waiting: list[Finding] = []

    def take(self, step: Step) -> None:
        self.now += step.after
        before = self.open.get(step.kind)
        if step.what == "walk":
            walks(self.episodes, self.now)
        elif step.what == "stir":
            stirs(self.episodes, self.now)
        elif step.what == "end" and before is not None:
            self._say(replace(self.open.pop(step.kind), ended_at=TEN + timedelta(minutes=self.now)))
        elif step.what == "find" and (before is None or step.grade.rank > before.grade.rank):
            begun = self.now - 1 if before is None else 0.0
            new = found(step.kind, step.grade, minute=self.now, begun=begun)
            if before is not None:
                new = replace(new, id=before.id, started_at=before.started_at)
            self.open[step.kind] = new
            self._say(new)

    def _say(self, finding: Deviation) -> None:
        self.alone.append(finding)
        self.waiting.append(finding)

    def hear(self) -> None:
        """The end of an advance."""
        self.told += [each for each in self.episodes.joined(self.waiting) if isinstance(each, Deviation)]
        self.waiting.clear()

    def save_and_go_on(self) -> None:
        again = Episodes()
        again.restore(json.loads(json.dumps(self.episodes.saved())))
        self.episodes = again


@given(steps)
def test_every_grade_that_would_have_told_people_is_told_by_its_episode_at_that_time_or_before(
    story: list[Step],
) -> None:
    world = World()
    for step in story:
        world.take(step)
        world.hear()
    assert [each.id for each in world.told] == [each.id for each in world.alone]
    for alone, told in zip(world.alone, world.told, strict=True):
        if alone.ended_at is not None or alone.grade is Grade.NOTICE:
            continue
        assert told.grade_alone is alone.grade
        heard = [
            each for each in world.told
            if each.episode == told.episode and each.raised_at <= alone.raised_at and each.ended_at is None
        ]  # fmt: skip
        assert max(each.grade.rank for each in heard) >= alone.grade.rank
        if told.grade is not alone.grade:  # it joined: whoever was told of the rest was told no less, and only of this
            assert alone.kind in JOINING or told.episode == str(told.id)


@given(steps)
def test_what_people_were_told_of_a_finding_is_never_taken_back(story: list[Step]) -> None:
    world = World()
    for step in story:
        world.take(step)
        world.hear()
        assert [world.episodes.as_told(each) for each in world.open.values()] == [
            [told for told in world.told if told.id == each.id][-1] for each in world.open.values()
        ]
    for one in {each.id for each in world.told}:
        ranks = [each.grade.rank for each in world.told if each.id == one]
        assert ranks == sorted(ranks)


@given(steps, st.sets(st.integers(0, 39)), st.sets(st.integers(0, 39)))
def test_it_makes_no_difference_in_how_many_steps_it_is_told_or_where_the_state_is_saved(
    story: list[Step], heard: set[int], saved: set[int]
) -> None:
    one, other = World(), World()
    for i, step in enumerate(story):
        one.take(step)
        one.hear()
        other.take(step)
        if i in heard:
            other.hear()
            if i in saved:
                other.save_and_go_on()
    other.hear()
    assert other.told == one.told


# In the whole model -----------------------------------------------------------------------------


def test_nobody_up_is_told_at_each_grade_once_whatever_finds_it() -> None:
    days = 24
    four = FIRST_DAY + timedelta(days=days - 1, hours=4)
    model = HomeModel(plan_of_file(a_home(), always_observed=False))
    model.feed(row for row in a_life(days) if row.at < four)
    model.advance(four)
    model.feed(check_ins_only(four, four + timedelta(hours=14)))
    told = [f for f in model.advance(four + timedelta(hours=14)) if isinstance(f, Deviation) and f.ended_at is None]
    assert {f.kind for f in told if f.grade_alone is URGENT} >= {DeviationKind.NOT_UP, DeviationKind.INACTIVITY}
    grades = [str(f.grade) for f in told]
    assert grades.count("attention") <= 1
    assert grades.count("urgent") == 1
    assert len({f.episode for f in told if f.grade_alone is not Grade.NOTICE}) == 1

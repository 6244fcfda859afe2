"""What people say of alerts, as the model hears it; and what staff decide about how a home is watched."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg
import pytest

from anomaly.resuming import plans_of
from store.alert import How, Outcome, alert_by_code, close
from store.alert_rate import alert_rates
from store.database import Conn, DatabaseSettings
from store.deviation import DeviationKind, Grade, deviations_between, save_deviation
from store.feedback import (
    AROUND_EMERGENCY,
    OPEN_MASKS_FOR,
    Said,
    days_of,
    feedback_of_homes,
    masked_by,
    note_away,
    say_usual,
)
from store.governor import GovernorDay, keep_day
from store.home import Home, absences_of
from store.wakeup import Channel, Listener
from store.watching import (
    Stage,
    hold_in_shadow,
    set_budget,
    set_new_normal,
    set_stage,
    start_in_shadow,
    watching_of,
    watching_of_homes,
)
from tests.api.seed import Organisation, seed_alert, seed_home, seed_organisation

pytestmark = pytest.mark.database

AT = datetime(2026, 3, 10, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ONE = uuid4()


@pytest.fixture
def ours(conn: Conn, now: datetime) -> Organisation:
    return seed_organisation(conn, "Ours", {}, now=now, phones=0)


@pytest.fixture
def home(conn: Conn, ours: Organisation, now: datetime) -> Home:
    return seed_home(conn, ours, "K7", resident="R", now=now)


def said(outcome: Outcome | None, *, ended_at: datetime | None = AT + HOUR) -> Said:
    closed_at = None if outcome is None else AT + 2 * HOUR
    return Said(
        home_id=7, opened_at=AT + HOUR / 2, closed_at=closed_at, outcome=outcome, findings=(ONE,), started_at=AT,
        ended_at=ended_at,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (None, (AT, AT + HOUR / 2 + OPEN_MASKS_FOR)),
        (Outcome.GENUINE, (AT - AROUND_EMERGENCY, AT + 2 * HOUR + AROUND_EMERGENCY)),
        (Outcome.EXPECTED, (AT, AT + 2 * HOUR)),
        (Outcome.EQUIPMENT, (AT, AT + 2 * HOUR)),
        (Outcome.TEST, (AT, AT + 2 * HOUR)),
        (Outcome.UNABLE_TO_REACH, (AT, AT + 2 * HOUR)),
        (Outcome.FALSE_ALARM, None),
    ],
)
def test_everything_but_a_false_alarm_keeps_its_time_from_teaching(
    outcome: Outcome | None, expected: tuple[datetime, datetime] | None
) -> None:
    assert masked_by(said(outcome)) == expected


def test_what_went_on_after_the_alert_was_closed_is_masked_to_its_end() -> None:
    assert masked_by(said(Outcome.EXPECTED, ended_at=AT + 30 * HOUR)) == (AT, AT + 30 * HOUR)


def test_the_days_of_a_finding_are_those_of_the_home_and_not_without_end() -> None:
    zone = ZoneInfo("Pacific/Auckland")
    assert [str(day) for day in days_of(AT, AT + 4 * HOUR, zone)] == ["2026-03-10", "2026-03-11"]
    assert len(days_of(AT - 300 * DAY, AT, zone)) == 31


def outcome_of(conn: Conn, code: str, outcome: Outcome, *, now: datetime) -> None:
    alert = alert_by_code(conn, code)
    assert alert is not None
    assert close(conn, alert.id, outcome, by="staff:1", how=How.PAGE, now=now)


def finding_of(conn: Conn, home: Home, at: datetime) -> UUID:
    (found,) = deviations_between(conn, home.id, at - 3 * HOUR, at + HOUR)
    return found.id


def test_a_genuine_alert_confirms_its_findings_and_only_those(
    conn: Conn, ours: Organisation, home: Home, now: datetime
) -> None:
    other = seed_home(conn, ours, "K8", resident="S", now=now)
    seed_alert(conn, ours, home, "AAAA", now=now - 3 * DAY)
    seed_alert(conn, ours, other, "BBBB", now=now - 3 * DAY)
    mine = finding_of(conn, home, now - 3 * DAY)
    outcome_of(conn, "AAAA", Outcome.GENUINE, now=now - 3 * DAY + HOUR)
    outcome_of(conn, "BBBB", Outcome.FALSE_ALARM, now=now - 3 * DAY + HOUR)
    plans = plans_of(conn, [home, other], now=now)
    assert plans[home.id].confirmed == {str(mine)}
    (period,) = plans[home.id].masked
    began = now - 3 * DAY - timedelta(minutes=110)
    assert period.start == (began - AROUND_EMERGENCY).timestamp()
    assert period.end == (now - 3 * DAY + HOUR + AROUND_EMERGENCY).timestamp()
    assert (plans[other.id].masked, plans[other.id].confirmed) == ((), frozenset())


def test_while_an_alert_is_open_its_time_is_masked_and_one_about_equipment_masks_nothing(
    conn: Conn, ours: Organisation, home: Home, now: datetime
) -> None:
    seed_alert(conn, ours, home, "AAAA", now=now)
    (period,) = plans_of(conn, [home], now=now)[home.id].masked
    assert period.start < now.timestamp() < period.end
    outcome_of(conn, "AAAA", Outcome.FALSE_ALARM, now=now)
    assert plans_of(conn, [home], now=now)[home.id].masked == ()
    assert plans_of(conn, [home], now=now) == plans_of(conn, [home], now=now + DAY), "a plan does not change by itself"


def test_usual_for_this_resident_names_the_days_once(conn: Conn, ours: Organisation, home: Home, now: datetime) -> None:
    seed_alert(conn, ours, home, "AAAA", now=now)
    alert = alert_by_code(conn, "AAAA")
    assert alert is not None
    assert say_usual(conn, alert, staff_id=1, now=now) == 1
    assert say_usual(conn, alert, staff_id=2, now=now) == 1
    assert plans_of(conn, [home], now=now)[home.id].usual == {now.date()}


def test_a_day_around_an_emergency_does_not_teach_though_somebody_called_it_usual_before(
    conn: Conn, ours: Organisation, home: Home, now: datetime
) -> None:
    for days, code, outcome in ((2, "AAAA", Outcome.FALSE_ALARM), (1, "BBBB", Outcome.FALSE_ALARM)):
        seed_alert(conn, ours, home, code, now=now - days * DAY)
        outcome_of(conn, code, outcome, now=now - days * DAY)
        alert = alert_by_code(conn, code)
        assert alert is not None
        say_usual(conn, alert, staff_id=1, now=now - days * DAY)
    before = {(now - 2 * DAY).date(), (now - DAY).date()}
    assert plans_of(conn, [home], now=now)[home.id].usual == before
    seed_alert(conn, ours, home, "CCCC", now=now)
    outcome_of(conn, "CCCC", Outcome.GENUINE, now=now)
    assert plans_of(conn, [home], now=now)[home.id].usual == {(now - 2 * DAY).date()}


def test_expected_may_note_that_the_resident_is_away(conn: Conn, ours: Organisation, home: Home, now: datetime) -> None:
    seed_alert(conn, ours, home, "AAAA", now=now)
    alert = alert_by_code(conn, "AAAA")
    assert alert is not None
    note_away(conn, alert, until=now + 3 * DAY, staff_id=4, how=How.PAGE, now=now)
    (absence,) = absences_of(conn, home.id, now, now + DAY)
    assert (absence.until_at, absence.noted_by) == (now + 3 * DAY, "staff:4")


def test_an_alert_that_carried_several_findings_speaks_for_all_of_them(
    conn: Conn, ours: Organisation, home: Home, now: datetime
) -> None:
    seed_alert(conn, ours, home, "AAAA", now=now)
    (first,) = deviations_between(conn, home.id, now - 3 * HOUR, now + HOUR)
    second = replace(first, id=uuid4(), started_at=now + HOUR)
    save_deviation(conn, second)
    conn.execute("UPDATE alert SET deviation_id = %(id)s WHERE code = 'AAAA'", {"id": second.id})
    outcome_of(conn, "AAAA", Outcome.GENUINE, now=now + HOUR)
    assert feedback_of_homes(conn, [home.id], now=now + DAY)[home.id].confirmed == {
        first.id,
        second.id,
    }


def test_the_budget_scales_every_budget_of_the_model_and_no_limit(conn: Conn, home: Home, now: datetime) -> None:
    usual = plans_of(conn, [home], now=now)[home.id].limits
    set_budget(conn, home.id, 0.5, by="staff:1", now=now)
    chosen = plans_of(conn, [home], now=now)[home.id].limits
    assert chosen.false_inactivity_a_month == usual.false_inactivity_a_month / 2
    assert chosen.false_gradual_a_month == usual.false_gradual_a_month / 2
    assert chosen.quiet_waking_hours == usual.quiet_waking_hours
    assert chosen.waking_hours == usual.waking_hours
    for refused in (0.0, -1.0, 50.0, float("nan")):
        with pytest.raises(psycopg.errors.CheckViolation), conn.transaction():
            set_budget(conn, home.id, refused, by="staff:1", now=now)


def test_a_shadow_ends_by_itself_and_live_counts_from_when_people_were_told(
    conn: Conn, home: Home, now: datetime
) -> None:
    start_in_shadow(conn, home.id, days=14, now=now)
    assert plans_of(conn, [home], now=now + 13 * DAY)[home.id].is_shadow
    assert not plans_of(conn, [home], now=now + 14 * DAY)[home.id].is_shadow
    set_stage(conn, home.id, Stage.LIVE, by="staff:1", now=now + 20 * DAY)
    assert watching_of(conn, home.id).told_from == now + 14 * DAY
    set_stage(conn, home.id, Stage.NOT_LIVE, by="staff:1", now=now + 30 * DAY)
    assert plans_of(conn, [home], now=now + 90 * DAY)[home.id].is_shadow
    set_stage(conn, home.id, Stage.LIVE, by="staff:1", now=now + 40 * DAY)
    assert watching_of(conn, home.id).told_from == now + 40 * DAY


def test_a_home_nobody_has_decided_about_is_live_and_one_decision_leaves_the_others_alone(
    conn: Conn, home: Home, now: datetime
) -> None:
    assert watching_of_homes(conn, [home.id])[home.id][0].stage is Stage.LIVE
    start_in_shadow(conn, home.id, days=0, now=now)
    set_new_normal(conn, home.id, since=now - DAY, by="staff:1", now=now)
    set_budget(conn, home.id, 2.0, by="staff:2", now=now)
    found = watching_of(conn, home.id)
    assert (found.stage, found.told_from) == (Stage.LIVE, None)
    assert (found.new_normal_from, found.new_normal_by, found.budget_by) == (now - DAY, "staff:1", "staff:2")
    assert plans_of(conn, [home], now=now)[home.id].new_normal_from == now - DAY


def test_the_fleets_governor_goes_into_every_plan_of_its_organisation_only(
    conn: Conn, ours: Organisation, home: Home, now: datetime
) -> None:
    theirs = seed_organisation(conn, "Theirs", {}, now=now, phones=50)
    other = seed_home(conn, theirs, "X1", resident="S", now=now)
    for days, nats in ((2, 0.1), (1, 0.4)):
        decided = GovernorDay(
            organisation_id=ours.id, day=(now - days * DAY).date(), homes=1, home_days=1.0, alerts=1, promised=0.03,
            nats=nats, reason="more_than_promised", decided_at=now,
        )  # fmt: skip
        assert keep_day(conn, decided)
        assert not keep_day(conn, decided)
    plans = plans_of(conn, [home, other], now=now)
    assert (plans[home.id].offset, plans[other.id].offset) == (0.4, 0.0)


@pytest.fixture
def listener(settings: DatabaseSettings) -> Iterator[Listener]:
    with contextlib.closing(Listener(settings, Channel.DESCRIPTION)) as listener:
        listener.wait(timedelta(), sleep=lambda _: None)
        yield listener


def test_the_model_hears_at_once_of_every_decision_and_outcome(
    conn: Conn, ours: Organisation, home: Home, now: datetime, listener: Listener
) -> None:
    def heard() -> set[str]:
        conn.commit()
        first = listener.wait(timedelta(seconds=30), sleep=lambda _: None)
        while more := listener.wait(timedelta(seconds=0.2), sleep=lambda _: None):
            first += more
        return {payload for _, payload in first}

    assert heard() == {str(home.id)}  # the sensors of a new home
    seed_alert(conn, ours, home, "AAAA", now=now)
    assert heard() == {str(home.id)}
    outcome_of(conn, "AAAA", Outcome.GENUINE, now=now)
    assert heard() == {str(home.id)}
    set_budget(conn, home.id, 2.0, by="staff:1", now=now)
    assert heard() == {str(home.id)}
    set_new_normal(conn, home.id, since=now, by="staff:1", now=now)
    assert heard() == {str(home.id)}


def observed(conn: Conn, home: Home, now: datetime, *, days: int, dark: int = 0) -> None:
    """Complete days before today; `dark` of them could not be observed at all."""
    for back in range(1, days + 1):
        conn.execute(
            "INSERT INTO coverage_day (home_id, day, room, seconds) VALUES (%(home)s, %(day)s, '', %(seconds)s)",
            {"home": home.id, "day": (now - back * DAY).date(), "seconds": [0] * 96 if back <= dark else None},
        )


def test_the_realised_rate_is_by_outcome_and_per_month_that_could_be_observed(
    conn: Conn, ours: Organisation, home: Home, now: datetime
) -> None:
    observed(conn, home, now, days=80, dark=20)
    outcomes = [Outcome.GENUINE, Outcome.FALSE_ALARM, Outcome.EXPECTED, Outcome.TEST, None]
    for number, outcome in enumerate(outcomes):
        seed_alert(conn, ours, home, f"AAA{number}", now=now - (20 - number) * DAY)
        if outcome is not None:
            outcome_of(conn, f"AAA{number}", outcome, now=now - (20 - number) * DAY + HOUR)
    seed_alert(conn, ours, home, "WARM", now=now - DAY, kind=DeviationKind.TEMPERATURE)  # measured: not counted
    (rate,) = alert_rates(conn, ours.id, now=now)
    assert (rate.genuine, rate.false_alarm, rate.expected, rate.still_open) == (1, 1, 1, 1)
    assert (rate.unconfirmed, rate.total) == (2, 4)
    assert rate.observed_days == 60
    assert rate.realised == pytest.approx(1.0)


def test_days_in_shadow_and_away_do_not_count_and_too_few_days_say_nothing(
    conn: Conn, ours: Organisation, home: Home, now: datetime
) -> None:
    observed(conn, home, now, days=40)
    set_stage(conn, home.id, Stage.SHADOW, shadow_until=now - 10 * DAY, by="staff:1", now=now - 24 * DAY)
    seed_alert(conn, ours, home, "AAAA", now=now - DAY, grade=Grade.ATTENTION)
    (found,) = deviations_between(conn, home.id, now - 2 * DAY, now)
    hold_in_shadow(conn, found.id, home.id, now=now - DAY)
    (rate,) = alert_rates(conn, ours.id, now=now, code="K7")
    assert 9 <= rate.observed_days <= 10
    assert rate.realised is None
    assert (rate.stage, rate.held_in_shadow) == (Stage.LIVE, 1)

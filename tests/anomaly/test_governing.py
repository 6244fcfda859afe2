"""The governor at work: once a day for every organisation, by one of any number of workers."""

from datetime import UTC, datetime, timedelta

import pytest

from anomaly.fleet_governor import LAG_DAYS, gain_of
from anomaly.governing import Governing, govern
from store.alert import How, Outcome, alert_by_code, close
from store.clock import Clock
from store.database import Conn, Pool
from store.governor import fleet_day, governor_days, may_govern
from store.home import Home, add_absence
from store.watching import Stage, set_budget, set_stage
from tests.api.seed import Organisation, seed_alert, seed_home, seed_organisation, seed_routine

pytestmark = pytest.mark.database

DAY = timedelta(days=1)


@pytest.fixture
def ours(conn: Conn, now: datetime) -> Organisation:
    return seed_organisation(conn, "Ours", {}, now=now, phones=0)


def watched_home(conn: Conn, organisation: Organisation, code: str, *, now: datetime, warm_up: float = 0) -> Home:
    """Observed all day on each of the last ten days."""
    home = seed_home(conn, organisation, code, resident="R", now=now)
    seed_routine(conn, home, warm_up_days=warm_up, now=now)
    for back in range(-20, 11):
        conn.execute(
            "INSERT INTO coverage_day (home_id, day, room) VALUES (%(home)s, %(day)s, '')",
            {"home": home.id, "day": (now - back * DAY).date()},
        )
    return home


def judged(now: datetime) -> datetime:
    """Noon of the day that is due."""
    return (now - LAG_DAYS * DAY).replace(hour=12)


def closed(conn: Conn, code: str, outcome: Outcome, *, now: datetime) -> None:
    alert = alert_by_code(conn, code)
    assert alert is not None
    close(conn, alert.id, outcome, by="staff:1", how=How.PAGE, now=now)


def test_a_day_is_decided_once_however_many_ask_and_the_next_goes_on_from_it(
    conn: Conn, ours: Organisation, now: datetime
) -> None:
    watched_home(conn, ours, "K7", now=now)
    assert [govern(conn, now=now), govern(conn, now=now)] == [1, 0]
    assert govern(conn, now=now + 3 * DAY) == 3  # nobody was there for two days
    days = governor_days(conn, ours.id)
    assert [day.day for day in days] == [(judged(now) + n * DAY).date() for n in (3, 2, 1, 0)]
    assert [round(day.nats / (gain_of(1) / 30)) for day in days] == [-4, -3, -2, -1]
    assert (days[0].homes, days[0].home_days, days[0].alerts) == (1, 1.0, 0)


def test_after_months_without_a_worker_only_the_last_month_is_made_up_for(
    conn: Conn, ours: Organisation, now: datetime
) -> None:
    govern(conn, now=now)
    assert govern(conn, now=now + 200 * DAY) == 30


def test_what_counts_is_what_reached_people_and_nobody_confirmed(conn: Conn, ours: Organisation, now: datetime) -> None:
    at = judged(now)
    for number, outcome in enumerate((Outcome.FALSE_ALARM, Outcome.GENUINE, Outcome.EXPECTED, Outcome.TEST, None)):
        home = watched_home(conn, ours, f"K{number}", now=now)
        seed_alert(conn, ours, home, f"AAA{number}", now=at)
        if outcome is not None:
            closed(conn, f"AAA{number}", outcome, now=at + timedelta(hours=1))
    seen = fleet_day(conn, ours.id, at.date())
    assert (seen.homes, seen.alerts) == (5, 3)
    assert seen.promised == pytest.approx(5 / 30)


def test_limits_that_learning_cannot_move_do_not_move_the_thresholds(
    conn: Conn, ours: Organisation, now: datetime
) -> None:
    home = watched_home(conn, ours, "K7", now=now)
    seed_alert(conn, ours, home, "AAAA", now=judged(now))
    conn.execute("""UPDATE deviation SET evidence = evidence || '{"reason": "ceiling"}'""")
    assert fleet_day(conn, ours.id, judged(now).date()).alerts == 0


def test_homes_that_learn_are_away_in_shadow_or_dark_are_not_judged(
    conn: Conn, ours: Organisation, now: datetime
) -> None:
    at, day = judged(now), judged(now).date()
    watched_home(conn, ours, "LEARNS", now=now, warm_up=3)
    away = watched_home(conn, ours, "AWAY", now=now)
    add_absence(conn, away.id, from_at=at, until_at=at + DAY, reason="holiday", noted_by="test")
    shadow = watched_home(conn, ours, "SHADOW", now=now)
    set_stage(conn, shadow.id, Stage.SHADOW, shadow_until=now + DAY, by="staff:1", now=now)
    not_live = watched_home(conn, ours, "NEW", now=now)
    set_stage(conn, not_live.id, Stage.NOT_LIVE, by="staff:1", now=now)
    dark = watched_home(conn, ours, "DARK", now=now)
    seconds = [900] * 48 + [0] * 48
    conn.execute(
        "UPDATE coverage_day SET seconds = %(seconds)s WHERE home_id = %(id)s AND day = %(day)s",
        {"seconds": seconds, "id": dark.id, "day": day},
    )
    assert fleet_day(conn, ours.id, day).homes == 0
    generous = watched_home(conn, ours, "K7", now=now)
    set_budget(conn, generous.id, 2.0, by="staff:1", now=now)
    assert fleet_day(conn, ours.id, day).promised == pytest.approx(2 / 30)
    govern(conn, now=now)
    (decided,) = governor_days(conn, ours.id)
    assert (decided.homes, decided.reason) == (1, "fewer_than_promised")


def test_organisations_are_governed_apart(conn: Conn, ours: Organisation, now: datetime) -> None:
    theirs = seed_organisation(conn, "Theirs", {}, now=now, phones=50)
    watched_home(conn, ours, "K7", now=now)
    other = watched_home(conn, theirs, "X1", now=now)
    seed_alert(conn, theirs, other, "AAAA", now=judged(now))
    assert govern(conn, now=now) == 2
    assert governor_days(conn, ours.id)[0].nats < 0 < governor_days(conn, theirs.id)[0].nats


def test_while_one_worker_is_at_it_the_others_leave_it_and_what_it_did_not_commit_is_done_again(
    conn: Conn, pool: Pool, ours: Organisation, now: datetime
) -> None:
    conn.commit()
    clock = Clock(real_start=datetime.now(UTC), start=now, speed=1e-6)
    with pool.connection() as other:
        assert may_govern(other)
        assert govern(other, now=now) == 1
        assert not Governing(pool, clock=clock).step()
        other.rollback()  # it was killed before its commit
    assert governor_days(conn, ours.id) == []
    conn.commit()
    governing = Governing(pool, clock=clock)
    assert governing.step()
    assert not governing.step()  # it looks once a minute
    assert len(governor_days(conn, ours.id)) == 1

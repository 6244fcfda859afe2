"""What people say of an alert reaches the model of a home that is watched, at once and after a restart."""

from datetime import UTC, datetime, timedelta

import pytest

from anomaly.watched_home import WatchedHome
from store.alert import How, Outcome, alert_by_code, close
from store.clock import Clock
from store.database import Conn
from store.feedback import say_usual
from store.watching import set_budget
from tests.api.seed import seed_alert, seed_home, seed_organisation

pytestmark = pytest.mark.database


def test_a_watched_home_hears_of_its_alerts_and_of_their_outcomes_when_it_is_described_anew(
    conn: Conn, now: datetime
) -> None:
    ours = seed_organisation(conn, "Ours", {}, now=now, phones=0)
    home = seed_home(conn, ours, "K7", resident="R", now=now)
    clock = Clock(real_start=datetime.now(UTC), start=now, speed=1e-6)
    watched = WatchedHome(conn, home, clock=clock)
    assert not watched.model.plan.masked

    def hear() -> None:
        watched.step(conn, last_number=0, now=now, is_described_anew=True)

    seed_alert(conn, ours, home, "AAAA", now=now - timedelta(hours=1))
    hear()
    (period,) = watched.model.plan.masked
    assert period.start < now.timestamp() < period.end

    alert = alert_by_code(conn, "AAAA")
    assert alert is not None
    close(conn, alert.id, Outcome.FALSE_ALARM, by="staff:1", how=How.PAGE, now=now)
    say_usual(conn, alert, staff_id=1, now=now)
    set_budget(conn, home.id, 2.0, by="staff:1", now=now)
    hear()
    plan = watched.model.plan
    assert not plan.masked
    assert plan.usual == {now.date()}
    assert plan.limits.false_inactivity_a_month == pytest.approx(0.7)
    assert WatchedHome(conn, home, clock=clock).model.plan == plan

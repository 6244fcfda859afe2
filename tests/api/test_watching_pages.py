"""How a home is watched, on its page: budget, shadow, "the routine has changed"; what closing an alert says."""

from datetime import timedelta

import pytest

from store.alert import How, Outcome, alert_by_code, close, history_of
from store.audit import Action, audit_entries
from store.database import Conn
from store.deviation import deviations_between
from store.fault import FaultKind, open_faults
from store.feedback import feedback_of_homes
from store.governor import GovernorDay, keep_day
from store.home import absences_of
from store.staff import Role
from store.watching import Stage, hold_in_shadow, set_stage, watching_of
from tests.api.conftest import Browser, World

DAY = timedelta(days=1)


def subjects(conn: Conn, world: World) -> list[str]:
    """What the audit says was changed, the oldest first."""
    entries = audit_entries(conn, action=Action.CHANGED_WATCHING, since=world.now - DAY)
    assert {entry.home_id for entry in entries} <= {world.home.id}
    return [entry.subject for entry in reversed(entries)]


def test_a_supervisor_chooses_the_budget_and_the_page_says_who_did(sam: Browser, conn: Conn, world: World) -> None:
    assert "Promised: at most about 1 false alert a month" in sam.get("/homes/K7").text
    answer = sam.submit("/homes/K7/budget", budget="0.5")
    assert answer.status_code == 303
    page = sam.get(answer.headers["location"]).text
    assert "The alert budget of this home has been changed." in page
    assert "Promised: at most about 0.5 false alerts a month" in page
    assert "Set by Sam Super" in page
    assert watching_of(conn, world.home.id).false_alerts_a_month == 0.5
    assert subjects(conn, world) == ["budget 0.5 a month"]


@pytest.mark.parametrize("budget", ["", "0", "-1", "3", "1e9", "nan", "0.5; DROP TABLE home"])
def test_a_budget_that_is_not_offered_is_refused(sam: Browser, conn: Conn, world: World, budget: str) -> None:
    assert sam.submit("/homes/K7/budget", budget=budget).status_code == 422
    assert watching_of(conn, world.home.id).budget_at is None


def test_a_shadow_has_an_end_which_the_list_of_homes_shows(sam: Browser, conn: Conn, world: World) -> None:
    until = (world.now + 10 * DAY).date().isoformat()
    assert sam.submit("/homes/K7/stage", stage="shadow", shadow_until=until).status_code == 303
    assert watching_of(conn, world.home.id).stage is Stage.SHADOW
    assert "findings are not told until" in sam.get("/homes").text
    assert "Shadow until" in sam.get("/homes/K7").text
    for wrong in ("", "soon", "2026-02-30", world.now.date().isoformat(), "2030-01-01", "9999-12-31", "0001-01-01"):
        assert sam.submit("/homes/K7/stage", stage="shadow", shadow_until=wrong).status_code == 422, wrong
    assert sam.submit("/homes/K7/stage", stage="asleep").status_code == 422
    assert sam.submit("/homes/K7/stage", stage="not_live").status_code == 303
    assert "nobody is told anything about the resident" in sam.get("/homes").text
    assert subjects(conn, world) == [f"shadow until {until}", "not_live"]


def test_only_a_supervisor_changes_them_and_whoever_knows_the_resident_may_say_the_routine_has_changed(
    olive: Browser, clara: Browser, ian: Browser, conn: Conn, world: World
) -> None:
    for browser in (olive, clara, ian):
        assert browser.submit("/homes/K7/budget", budget="2.0").status_code == 403
        assert browser.submit("/homes/K7/stage", stage="not_live").status_code == 403
    assert "Change the alert budget" not in olive.get("/homes/K7").text
    today = world.now.date().isoformat()
    assert ian.submit("/homes/K7/routine-changed", since=today).status_code == 403
    assert clara.submit("/homes/K7/routine-changed", since=today).status_code == 303
    found = watching_of(conn, world.home.id)
    assert found.new_normal_from == world.now.replace(hour=0, minute=0, second=0, microsecond=0)
    assert found.new_normal_by == f"staff:{world.ours.staff[Role.CLINICIAN]}"
    assert "Changed from 10 March 2026 on. Set by Clara Clinician" in olive.get("/homes/K7").text
    for wrong in ("", "x", (world.now + DAY).date().isoformat(), (world.now - 90 * DAY).date().isoformat()):
        assert olive.submit("/homes/K7/routine-changed", since=wrong).status_code == 422, wrong


def test_closing_as_usual_is_a_false_alarm_whose_day_may_teach(sam: Browser, conn: Conn, world: World) -> None:
    assert sam.submit("/alerts/4F2Q/close", outcome="usual").status_code == 303
    alert = alert_by_code(conn, "4F2Q")
    assert alert is not None
    assert alert.outcome is Outcome.FALSE_ALARM
    found = feedback_of_homes(conn, [world.home.id], now=world.now)[world.home.id]
    assert (found.masked, found.usual) == ([], {world.now.date()})


def test_closing_as_expected_may_note_until_when_the_resident_is_away(sam: Browser, conn: Conn, world: World) -> None:
    for wrong in ("soon", "2026-03-09", "2031-01-01", "9999-12-31"):
        page = sam.submit("/alerts/4F2Q/close", outcome="expected", away_until=wrong)
        assert page.status_code == 422, wrong
        assert 'href="#away_until"' in page.text
    assert sam.submit("/alerts/4F2Q/close", outcome="expected", away_until="2026-03-12").status_code == 303
    (absence,) = absences_of(conn, world.home.id, world.now, world.now + DAY)
    assert absence.until_at.isoformat() == "2026-03-13T00:00:00+00:00"
    assert absence.reason == "said when alert 4F2Q was closed"


def test_closing_as_equipment_reports_a_fault_and_only_once(sam: Browser, conn: Conn, world: World) -> None:
    assert sam.submit("/alerts/4F2Q/close", outcome="equipment").status_code == 303
    assert {fault.kind for fault in open_faults(conn, world.home.id)} == {FaultKind.BATTERY_LOW, FaultKind.REPORTED}
    assert sam.submit("/alerts/4F2Q/close", outcome="equipment").status_code == 409
    assert len(open_faults(conn, world.home.id)) == 2
    assert "Equipment reported by staff" in sam.get("/homes/K7/equipment").text


def test_an_alert_about_equipment_cannot_be_usual_or_away(sam: Browser, conn: Conn) -> None:
    assert "usual for this resident" not in sam.get("/alerts/T7PW").text
    assert sam.submit("/alerts/T7PW/close", outcome="usual").status_code == 422
    csrf = {"X-CSRF-Token": sam.csrf()}
    for body in (
        {"outcome": "expected", "away_until": "2026-03-12T00:00:00Z"},
        {"outcome": "false_alarm", "is_usual": True},
    ):
        assert sam.wire.post("/api/v1/alerts/T7PW/close", json=body, headers=csrf).status_code == 422
    alert = alert_by_code(conn, "T7PW")
    assert alert is not None
    assert alert.outcome is None


def test_a_program_says_the_same_with_more_words(sam: Browser, conn: Conn, world: World) -> None:
    csrf, path = {"X-CSRF-Token": sam.csrf()}, "/api/v1/alerts/4F2Q/close"
    for wrong in ({"outcome": "genuine", "is_usual": True}, {"outcome": "expected", "away_until": "2026-03-12T00:00"}):
        assert sam.wire.post(path, json=wrong, headers=csrf).status_code == 422
    body = {"outcome": "expected", "away_until": "2026-03-12T18:00:00Z", "note": "daughter"}
    assert sam.wire.post(path, json=body, headers=csrf).status_code == 200
    assert len(absences_of(conn, world.home.id, world.now, world.now + DAY)) == 1
    alert = alert_by_code(conn, "4F2Q")
    assert alert is not None
    assert history_of(conn, alert.id)[-1].reason == "away until 12 March 2026 18:00"


def test_the_home_page_and_the_list_tell_what_was_promised_and_what_came(
    clara: Browser, sam: Browser, conn: Conn, world: World
) -> None:
    for back in range(1, 31):
        conn.execute(
            "INSERT INTO coverage_day (home_id, day, room) VALUES (%(id)s, %(day)s, '')",
            {"id": world.home.id, "day": (world.now - back * DAY).date()},
        )
    alert = alert_by_code(conn, "4F2Q")
    assert alert is not None
    close(conn, alert.id, Outcome.FALSE_ALARM, by="staff:1", how=How.PAGE, now=world.now)
    decided = GovernorDay(
        organisation_id=world.ours.id, day=(world.now - 3 * DAY).date(), homes=1, home_days=1.0, alerts=1,
        promised=0.033, nats=0.12, reason="more_than_promised", decided_at=world.now,
    )  # fmt: skip
    keep_day(conn, decided)
    conn.commit()
    page = clara.get("/homes/K7").text
    assert "there was 1 alert about the resident: 1 a false alarm; 30 of the days could be observed" in page
    assert "That is 1 a month that nobody confirmed: within what was promised. One alert more would make it 2." in page
    rates = clara.get("/alert-rates").text
    assert "30 home-days could be observed" in rates
    assert "about 0.89 times as many alerts come" in rates
    assert "X1" not in rates
    answer = clara.get("/api/v1/homes/K7/alert-rate").json()
    assert (answer["promised_a_month"], answer["realised_a_month"], answer["stage"]) == (1.0, 1.0, "live")
    assert len(audit_entries(conn, action=Action.VIEWED_ALERT_RATES, since=world.now - DAY)) == 1


def test_a_finding_that_nobody_was_told_of_is_marked(clara: Browser, conn: Conn, world: World) -> None:
    assert "Found, not told" not in clara.get("/homes/K7").text
    (found,) = deviations_between(conn, world.home.id, world.now - DAY, world.now + DAY)
    set_stage(conn, world.home.id, Stage.SHADOW, shadow_until=world.now + DAY, by="service", now=world.now)
    hold_in_shadow(conn, found.id, world.home.id, now=world.now)
    conn.commit()
    page = clara.get("/homes/K7").text
    assert "Found, not told" in page
    assert "1 finding of the last 90 days was found and not told" in page

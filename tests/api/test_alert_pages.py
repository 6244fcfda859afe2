from datetime import timedelta

import pytest

from store.alert import AlertState, Event, How, acknowledge, alert_by_code, by_responder, history_of
from store.audit import Action, audit_entries
from store.database import Conn
from store.oversight import note_seen
from store.response import stop_responder
from store.staff import Role
from tests.api.conftest import Browser, Open, World
from tests.api.seed import seed_alert, seed_home

PHONE, ACCESS = "+447700900999", "Key safe at the back door"


def codes_in_order(page: str, *codes: str) -> bool:
    """True if the codes stand in the page in this order."""
    places = [page.index(f'href="/alerts/{code}"') for code in codes]
    return places == sorted(places)


def test_the_board_puts_what_is_urgent_and_has_nobody_first(olive: Browser, conn: Conn, world: World) -> None:
    for number, code in enumerate(("HELD", "AGED")):
        home = seed_home(conn, world.ours, f"K{number + 20}", resident="R", now=world.now)
        seed_alert(conn, world.ours, home, code, now=world.now - timedelta(hours=2 - number))
    held = alert_by_code(conn, "HELD")
    assert held is not None
    acknowledge(conn, held.id, by=by_responder(world.ours.responders[0].id), how=How.SMS, now=world.now)
    conn.commit()
    page = olive.get("/").text
    assert codes_in_order(page, "AGED", "4F2Q", "HELD", "T7PW")
    assert "Who has it: Dora Daughter" in page
    assert "Open (4)" in page
    assert page.count("1 h ago") == 1


def test_the_fragment_for_the_script_is_the_list_of_the_page(olive: Browser) -> None:
    fragment = olive.get("/board", headers={"X-Telecare-Refresh": "1"}).text
    assert "<html" not in fragment
    assert 'data-code="4F2Q" data-severity="urgent" data-state="open"' in fragment


def test_the_board_says_when_a_service_does_not_answer(
    olive: Browser, open_browser: Open, conn: Conn, world: World
) -> None:
    assert "The service “anomaly” does not answer (last seen never)" in olive.get("/").text
    for service in ("ingest", "anomaly", "alerts"):
        note_seen(conn, service, now=world.now)
    conn.commit()
    assert "does not answer" not in olive.get("/").text
    later = open_browser(keep=olive, later=timedelta(minutes=3))
    assert "The service “alerts” does not answer (last seen 3 min ago): nobody is being told" in later.get("/").text


def test_the_board_says_who_gets_no_texts(olive: Browser, conn: Conn, world: World) -> None:
    stop_responder(conn, world.ours.responders[1].id, now=world.now)
    conn.commit()
    assert "Nick Neighbour answered STOP and gets no texts" in olive.get("/").text


def test_an_alert_says_why_and_what_was_done(olive: Browser) -> None:
    page = olive.get("/alerts/4F2Q").text
    for words in (
        "No movement for 1 h 50 since the kitchen at 09:40.",
        "about once in 70 days",
        "Quiet for",
        "110 min",
        "Dora Daughter",
        "Waiting to be sent",
        "Alert opened",
        "Nobody had been told of this yet",
        'href="/homes/K7"',
    ):
        assert words in page, words


def test_the_short_link_of_the_text_leads_to_the_alert_in_any_letters(olive: Browser) -> None:
    assert olive.get("/a/4f2q").headers["location"] == "/alerts/4F2Q"


def test_how_to_reach_the_resident_is_shown_only_to_who_took_the_alert_on_and_that_is_written_down(
    olive: Browser, sam: Browser, conn: Conn, world: World
) -> None:
    since = world.now - timedelta(minutes=1)
    for browser in (olive, sam):
        page = browser.get("/alerts/4F2Q").text
        assert PHONE not in page
        assert ACCESS not in page
        assert "Mary" not in page
    assert audit_entries(conn, action=Action.VIEWED_RESIDENT, since=since) == []
    conn.rollback()

    answer = olive.submit("/alerts/4F2Q/acknowledge")
    assert answer.headers["location"] == "/alerts/4F2Q?done=acknowledge"
    page = olive.get(answer.headers["location"]).text
    assert PHONE in page
    assert ACCESS in page
    assert "Mary &lt;i&gt;Brown&lt;/i&gt;" in page  # and nothing that was noted becomes markup
    assert "You have taken this alert on." in page
    assert PHONE not in sam.get("/alerts/4F2Q").text
    (entry,) = audit_entries(conn, action=Action.VIEWED_RESIDENT, since=since)
    assert (entry.staff_id, entry.home_id, entry.subject) == (
        world.ours.staff[Role.OPERATOR],
        world.home.id,
        "4F2Q",
    )


def test_who_is_second_is_told_so_and_changes_nothing(olive: Browser, sam: Browser, conn: Conn) -> None:
    olive.submit("/alerts/4F2Q/acknowledge")
    answer = sam.submit("/alerts/4F2Q/acknowledge")
    assert answer.status_code == 409
    assert "Somebody else was faster" in answer.text
    assert "Olive Operator" in answer.text
    alert = alert_by_code(conn, "4F2Q")
    assert alert is not None
    assert [entry.event for entry in history_of(conn, alert.id)].count(Event.ACKNOWLEDGED) == 1


def test_an_alert_can_be_taken_over_from_who_took_it_on_by_text(olive: Browser, conn: Conn, world: World) -> None:
    alert = alert_by_code(conn, "4F2Q")
    assert alert is not None
    acknowledge(conn, alert.id, by=by_responder(world.ours.responders[0].id), how=How.SMS, now=world.now)
    conn.commit()
    assert "Dora Daughter has this alert." in olive.get("/alerts/4F2Q").text
    assert olive.submit("/alerts/4F2Q/take-over").status_code == 303
    assert PHONE in olive.get("/alerts/4F2Q").text
    assert olive.submit("/alerts/4F2Q/take-over").status_code == 409  # it is hers already


def test_passing_on_takes_the_residents_number_away_again(olive: Browser, conn: Conn) -> None:
    olive.submit("/alerts/4F2Q/acknowledge")
    assert olive.submit("/alerts/4F2Q/hand-over").status_code == 303
    assert PHONE not in olive.get("/alerts/4F2Q").text
    alert = alert_by_code(conn, "4F2Q")
    assert alert is not None
    assert alert.state is AlertState.NOTIFIED
    assert alert.acknowledged_by is None


def test_somebody_is_there_and_then_it_is_closed_with_what_it_was(olive: Browser, conn: Conn) -> None:
    olive.submit("/alerts/4F2Q/acknowledge")
    assert olive.submit("/alerts/4F2Q/attend").status_code == 303
    answer = olive.submit("/alerts/4F2Q/close", outcome="genuine", note="fell <b>in</b> the kitchen")
    assert answer.status_code == 303
    page = olive.get("/alerts/4F2Q").text
    assert (
        "Genuine: the resident needed help. fell &lt;b&gt;in&lt;/b&gt; the kitchen" in page
        or "fell &lt;b&gt;in" in page
    )
    assert "<b>in</b>" not in page
    assert PHONE not in page  # over: the way in is nobody's business any more
    assert "Close the alert" not in page
    alert = alert_by_code(conn, "4F2Q")
    assert alert is not None
    assert (alert.state, alert.outcome) == ("closed", "genuine")
    assert olive.submit("/alerts/4F2Q/close", outcome="test").status_code == 409
    assert "Recently closed" in olive.get("/").text


@pytest.mark.parametrize("outcome", ["", "resolved", "genuine'"])
def test_closing_needs_one_of_the_outcomes(olive: Browser, outcome: str) -> None:
    answer = olive.submit("/alerts/4F2Q/close", outcome=outcome, note="kept <what> I wrote")
    assert answer.status_code == 422
    assert '<a href="#outcome">Select what it was</a>' in answer.text
    assert "kept &lt;what&gt; I wrote" in answer.text


def test_a_note_that_is_too_long_is_refused_in_plain_words(olive: Browser) -> None:
    answer = olive.submit("/alerts/4F2Q/close", outcome="test", note="x" * 501)
    assert answer.status_code == 422
    assert "A note has at most 500 characters" in answer.text


def test_unknown_deeds_are_not_found(olive: Browser) -> None:
    assert olive.submit("/alerts/4F2Q/explode").status_code == 404


def test_the_installer_takes_on_an_alert_about_equipment(ian: Browser, conn: Conn) -> None:
    assert ian.submit("/alerts/T7PW/acknowledge").status_code == 303
    page = ian.get("/alerts/T7PW").text
    assert "the equipment of this home" in page
    assert ian.submit("/alerts/T7PW/close", outcome="equipment").status_code == 303

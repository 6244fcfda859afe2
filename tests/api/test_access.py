import re
from datetime import timedelta

import pytest
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from api.app import create_app
from api.permissions import ALLOWED, Permission
from api.settings import ApiSettings
from store.audit import Action, audit_entries
from store.clock import make_clock
from store.database import Conn, Pool
from store.staff import Role
from tests.api.conftest import Browser, Open, World

OPEN_TO_ALL = {"/sign-in", "/healthz", "/api/v1/session", "/api/v1/openapi.json"}


def routes(pool: Pool) -> list[tuple[str, str]]:
    """Every (method, path) of the application, as it is mounted."""
    app = create_app(pool, make_clock(), ApiSettings())
    mounted: list[BaseRoute] = list(app.routes)
    found = get_openapi(title="all", version="1", routes=mounted)["paths"]
    return [(method.upper(), path) for path, methods in found.items() for method in methods]


def filled(path: str, *, home: str, alert: str) -> str:
    """A path with its blanks filled in."""
    code = alert if path.startswith(("/a/", "/alerts/", "/api/v1/alerts/")) else home
    return re.sub(r"\{[a-z_]+\}", "acknowledge", path.replace("{code}", code))


def test_every_page_and_call_needs_somebody_signed_in(visitor: Browser, pool: Pool) -> None:
    seen = 0
    for method, path in routes(pool):
        if path in OPEN_TO_ALL or path.startswith("/webhooks/"):
            continue
        answer = visitor.wire.request(method, filled(path, home="K7", alert="4F2Q"), follow_redirects=False)
        if path.startswith("/api/"):
            assert answer.status_code == 401, path
            assert answer.headers["content-type"] == "application/problem+json"
        else:
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/sign-in"), path
        seen += 1
    assert seen > 20


def test_charlie_of_another_organisation_gets_404_wherever_a_code_of_ours_stands(charlie: Browser, pool: Pool) -> None:
    csrf = charlie.csrf()
    seen = 0
    for method, path in routes(pool):
        if "{code}" not in path:
            continue
        target = filled(path, home="K7", alert="4F2Q")
        if path.startswith("/api/") and method == "POST":
            body = {"outcome": "test"} if path.endswith("close") else {}
            answer = charlie.wire.post(target, json=body, headers={"X-CSRF-Token": csrf})
        else:
            fields = {"csrf_token": csrf} if method == "POST" else None
            answer = charlie.wire.request(method, target, data=fields, follow_redirects=False)
        assert answer.status_code == 404, f"{method} {path}"
        assert "Brown" not in answer.text
        seen += 1
    assert seen > 10


def test_charlie_sees_nothing_of_ours_in_any_list(charlie: Browser) -> None:
    for path in (
        "/",
        "/board",
        "/homes",
        "/alert-rates",
        "/api/v1/alerts",
        "/api/v1/homes",
        "/api/v1/alerts?which=closed",
    ):
        answer = charlie.get(path)
        assert answer.status_code == 200
        assert "X1" in answer.text or "closed" in path
        for ours in ("K7", "4F2Q", "T7PW", "Brown", "Olive", "Dora"):
            assert ours not in re.sub(r'value="[^"]*"', "", answer.text), path


def test_what_does_not_exist_looks_the_same_as_what_is_not_ours(charlie: Browser) -> None:
    assert charlie.get("/homes/K7").text == charlie.get("/homes/NONE").text.replace("NONE", "K7")


def test_no_form_is_taken_without_the_sessions_token(olive: Browser, pool: Pool) -> None:
    seen = 0
    for method, path in routes(pool):
        if method in {"GET", "HEAD"} or path in OPEN_TO_ALL - {"/api/v1/session"} or path.startswith("/webhooks/"):
            continue
        if (method, path) == ("POST", "/api/v1/session"):
            continue  # nobody is signed in yet
        body = {"outcome": "test"} if path.endswith("close") else {}
        target = filled(path, home="K7", alert="4F2Q")
        if path.startswith("/api/"):
            answer = olive.wire.request(method, target, json=None if method == "DELETE" else body)
        else:
            answer = olive.post(target, {"csrf_token": "forged", **body})
        assert answer.status_code == 403, f"{method} {path}"
        seen += 1
    assert seen >= 6
    assert "Nobody told yet" in olive.get("/alerts/4F2Q").text


def test_what_another_site_makes_a_browser_send_is_refused(olive: Browser) -> None:
    fields = {"csrf_token": olive.csrf()}
    answer = olive.post("/alerts/4F2Q/acknowledge", fields, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert olive.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200  # a link in an e-mail


def test_every_role_is_in_the_table_and_the_supervisor_may_do_everything() -> None:
    assert set(ALLOWED) == set(Role)
    assert ALLOWED[Role.SUPERVISOR] == set(Permission)
    assert Permission.SEE_NAMES not in ALLOWED[Role.INSTALLER]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", {"olive", "clara", "sam", "ian"}),
        ("/alerts/4F2Q", {"olive", "clara", "sam"}),
        ("/alerts/T7PW", {"olive", "clara", "sam", "ian"}),
        ("/homes", {"olive", "clara", "sam", "ian"}),
        ("/homes/K7/equipment", {"olive", "sam", "ian"}),
        ("/status", {"sam", "ian"}),
        ("/alert-rates", {"olive", "clara", "sam"}),
        ("/api/v1/homes/K7/alert-rate", {"olive", "clara", "sam"}),
        ("/api/v1/homes/K7/findings", {"olive", "clara", "sam"}),
        ("/api/v1/homes/K7/routine", {"olive", "clara", "sam"}),
    ],
)
def test_each_role_reaches_its_pages_and_no_others(
    olive: Browser, clara: Browser, sam: Browser, ian: Browser, path: str, allowed: set[str]
) -> None:
    people = {"olive": olive, "clara": clara, "sam": sam, "ian": ian}
    assert {name for name, browser in people.items() if browser.get(path).status_code == 200} == allowed


def test_the_installer_sees_only_alerts_about_equipment_and_nothing_of_the_residents_day(ian: Browser) -> None:
    board = ian.get("/").text
    assert "T7PW" in board
    assert "4F2Q" not in board
    homes = ian.get("/homes").text
    assert "No usual activity" not in homes
    assert "Not as usual" not in homes
    assert "Resident:" not in homes
    assert "urgent" not in homes
    assert ian.get("/api/v1/homes/K7").json()["open_alerts"] == 1
    assert ian.get("/api/v1/homes/K7").json()["last_activity_at"] is None


def test_the_clinician_may_look_at_alerts_but_not_act_on_them(clara: Browser) -> None:
    assert "Take it on" not in clara.get("/alerts/4F2Q").text
    assert clara.submit("/alerts/4F2Q/acknowledge").status_code == 403


def test_names_stand_in_the_list_only_for_roles_that_may_see_them(clara: Browser, olive: Browser) -> None:
    assert "Mary" in clara.get("/homes").text
    assert "Mary" not in olive.get("/homes").text


def test_looking_at_a_home_or_an_alert_is_written_down(clara: Browser, conn: Conn, world: World) -> None:
    clara.get("/api/v1/homes/K7")
    clara.get("/alerts/4F2Q")
    since = world.now - timedelta(minutes=1)
    clinician = world.ours.staff[Role.CLINICIAN]
    for action in (Action.VIEWED_HOME, Action.VIEWED_ALERT):
        (entry,) = audit_entries(conn, action=action, since=since)
        assert (entry.staff_id, entry.home_id, entry.address) == (clinician, world.home.id, "192.0.2.1")


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nothing-here", "/healthz", "/static/telecare.css", "/alerts/NONE"])
def test_every_answer_carries_the_security_headers(olive: Browser, path: str) -> None:
    headers = olive.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert "referrer-policy" in headers
    assert headers["cache-control"] == ("public, max-age=3600" if path.startswith("/static/") else "no-store")


def test_pages_have_no_inline_script_or_style_and_ask_no_other_host(sam: Browser) -> None:
    for path in (
        "/",
        "/alerts/4F2Q",
        "/homes",
        "/homes/K7",
        "/homes/K7/equipment",
        "/status",
        "/alert-rates",
        "/sign-in",
        "/nothing",
    ):
        page = sam.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", page), path
        assert not re.search(r"\son[a-z]+=|<style|\sstyle=", page), path
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', page), path


def test_a_body_that_no_form_of_ours_has_is_refused_unread(visitor: Browser, open_browser: Open) -> None:
    assert visitor.post("/sign-in", {"email": "x" * 300_000}).status_code == 413

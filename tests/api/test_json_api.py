from datetime import timedelta

import pytest

from store.alert import alert_by_code
from store.database import Conn
from store.hub import HubCheckIn, HubState, insert_check_ins
from tests.api.conftest import Browser, World
from tests.api.seed import PASSWORD, email_of, seed_home


def token_of(visitor: Browser, name: str) -> dict[str, str]:
    """The header of a program that has signed in."""
    answer = visitor.wire.post("/api/v1/session", json={"email": email_of(name), "password": PASSWORD})
    assert answer.status_code == 201
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def test_a_program_signs_in_lists_alerts_takes_one_on_and_closes_it(visitor: Browser, conn: Conn) -> None:
    bearer = token_of(visitor, "olive")
    listed = visitor.get("/api/v1/alerts", headers=bearer).json()
    assert [alert["code"] for alert in listed] == ["4F2Q", "T7PW"]
    assert listed[0]["home"] == "K7"

    taken = visitor.wire.post("/api/v1/alerts/4F2Q/acknowledge", json={"note": "calling"}, headers=bearer)
    assert (taken.status_code, taken.json()["state"]) == (200, "acknowledged")
    again = visitor.wire.post("/api/v1/alerts/4F2Q/acknowledge", json={}, headers=bearer)
    assert again.status_code == 409
    assert again.headers["content-type"] == "application/problem+json"
    there = visitor.wire.post("/api/v1/alerts/4F2Q/attend", json={}, headers=bearer)
    assert there.json()["state"] == "attending"
    closed = visitor.wire.post("/api/v1/alerts/4F2Q/close", json={"outcome": "genuine"}, headers=bearer)
    assert (closed.json()["state"], closed.json()["outcome"]) == ("closed", "genuine")

    one = visitor.get("/api/v1/alerts/4f2q", headers=bearer).json()
    assert [(line["event"], line["how"], line["reason"]) for line in one["history"]][1] == (
        "acknowledged",
        "api",
        "calling",
    )
    assert one["notifications"][0]["state"] == "due"
    assert "phone" not in one["notifications"][0]
    assert visitor.get("/api/v1/alerts?which=closed", headers=bearer).json()[0]["code"] == "4F2Q"


def test_passing_on_by_program(visitor: Browser, conn: Conn) -> None:
    bearer = token_of(visitor, "olive")
    answer = visitor.wire.post("/api/v1/alerts/4F2Q/hand-over", json={}, headers=bearer)
    assert answer.status_code == 200
    alert = alert_by_code(conn, "4F2Q")
    assert alert is not None
    assert alert.acknowledged_by is None


def test_a_token_ends_with_its_session(visitor: Browser) -> None:
    bearer = token_of(visitor, "olive")
    assert visitor.get("/api/v1/session", headers=bearer).json()["role"] == "operator"
    assert visitor.wire.delete("/api/v1/session", headers=bearer).status_code == 204
    assert visitor.get("/api/v1/session", headers=bearer).status_code == 401


def test_a_bearer_token_opens_no_page(visitor: Browser) -> None:
    assert visitor.get("/", headers=token_of(visitor, "olive")).status_code == 303


def test_the_session_cookie_needs_the_csrf_header_to_change_anything(olive: Browser) -> None:
    csrf = olive.get("/api/v1/session").json()["csrf_token"]
    path = "/api/v1/alerts/4F2Q/acknowledge"
    assert olive.wire.post(path, json={}).status_code == 403
    assert olive.wire.post(path, json={}, headers={"X-CSRF-Token": csrf}).status_code == 200


def test_wrong_passwords_are_limited_here_too(visitor: Browser) -> None:
    body = {"email": "olive@example.org", "password": "wrong"}
    statuses = [visitor.wire.post("/api/v1/session", json=body).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/session", {"email": "olive@example.org"}),
        ("/api/v1/session", {"email": "a\x00b", "password": "x"}),
        ("/api/v1/alerts/4F2Q/close", {"outcome": "resolved"}),
        ("/api/v1/alerts/4F2Q/close", {}),
        ("/api/v1/alerts/4F2Q/acknowledge", {"notes": "misspelt"}),
        ("/api/v1/alerts/4F2Q/acknowledge", {"note": "x" * 501}),
        ("/api/v1/alerts/4F2Q/acknowledge", {"note": "nul \x00"}),
    ],
)
def test_what_is_malformed_gets_422_with_where_and_what(visitor: Browser, path: str, body: dict[str, str]) -> None:
    answer = visitor.wire.post(path, json=body, headers=token_of(visitor, "olive"))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 422
    assert answer.json()["detail"]


def test_a_home_says_its_state_and_last_sign_of_life_but_no_name(visitor: Browser, world: World) -> None:
    bearer = token_of(visitor, "clara")
    (home,) = visitor.get("/api/v1/homes", headers=bearer).json()
    assert home == visitor.get("/api/v1/homes/K7", headers=bearer).json()
    assert home["states"][0]["state"] == "deviation"
    assert home["hub_last_heard_at"] == "2026-03-10T11:58:00Z"
    assert "Mary" not in str(home)


def test_findings_are_the_objects_that_replay_prints_in_order(visitor: Browser) -> None:
    found = visitor.get("/api/v1/homes/K7/findings", headers=token_of(visitor, "clara")).json()
    assert [(one["type"], one["kind"]) for one in found] == [("deviation", "inactivity"), ("fault", "battery_low")]
    assert found[0]["raised_at"] == "2026-03-10T12:00:00+00:00"
    assert set(found[0]) == {
        "id", "type", "kind", "grade", "raised_at", "started_at", "ended_at", "once_in_days", "explanation", "evidence",
    }  # fmt: skip


@pytest.mark.parametrize(
    "span", ["from=2026-03-10T12:00:00", "from=2026-03-11T12:00:00Z", "from=2020-01-01T00:00:00Z", "until=noon"]
)
def test_a_span_without_offset_or_end_before_start_is_unreadable(visitor: Browser, span: str) -> None:
    answer = visitor.get(f"/api/v1/homes/K7/findings?{span}", headers=token_of(visitor, "clara"))
    assert answer.status_code == 422


def test_coverage_says_when_a_movement_would_have_been_recorded(visitor: Browser, conn: Conn, world: World) -> None:
    at = world.now - timedelta(hours=2)
    row = HubCheckIn(home_id=world.home.id, occurred_at=at, received_at=at, number=1, state=HubState.CHECKIN, backlog=0)
    insert_check_ins(conn, [row])
    conn.commit()
    span = "from=2026-03-10T09:30:00Z&until=2026-03-10T10:30:00Z"
    found = visitor.get(f"/api/v1/homes/K7/coverage?{span}", headers=token_of(visitor, "clara")).json()
    assert found["share"] == pytest.approx(0.25)
    assert found["covered"] == [{"from": "2026-03-10T10:00:00Z", "until": "2026-03-10T10:15:00Z"}]


def test_the_routine_is_what_the_detectors_use_and_404_before_there_is_one(
    visitor: Browser, conn: Conn, world: World
) -> None:
    seed_home(conn, world.ours, "K8", resident="R", now=world.now)
    conn.commit()
    bearer = token_of(visitor, "clara")
    routine = visitor.get("/api/v1/homes/K7/routine", headers=bearer).json()
    assert routine["learned_days"] == 28
    assert len(routine["usual"]["active_share"]) == 96
    assert visitor.get("/api/v1/homes/K8/routine", headers=bearer).status_code == 404


def test_the_description_holds_the_json_api_and_nothing_else(visitor: Browser) -> None:
    described = visitor.get("/api/v1/openapi.json").json()
    assert all(path.startswith("/api/v1/") for path in described["paths"])
    assert {"/api/v1/alerts/{code}/close", "/api/v1/homes/{code}/findings"} <= set(described["paths"])
    assert visitor.get("/docs").status_code == 404

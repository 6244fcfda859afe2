import contextlib
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from api.app import create_app
from api.main import CannotListen, run, serve
from api.settings import ApiSettings
from store.clock import make_clock
from store.database import Conn, DatabaseSettings, Pool, open_pool
from store.oversight import services_seen
from tests.api.conftest import Browser, TestClient
from tests.conftest import Database


def break_database(database: Database, name: str, *, works: bool) -> None:
    """Let nobody connect to this test's database, and throw out who is; or let them again."""
    with contextlib.closing(psycopg.connect(database.server, autocommit=True)) as conn:
        allow = sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}")
        conn.execute(allow.format(sql.Identifier(name), sql.Literal(works)))
        if not works:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %(name)s", {"name": name}
            )


def impatient_pool(settings: DatabaseSettings) -> Pool:
    """Like the service's own, but it gives up waiting sooner."""
    pool = open_pool(settings, size=2)
    pool.timeout = 1.0
    return pool


def test_a_database_that_is_away_makes_a_plain_page_and_comes_back_by_itself(
    settings: DatabaseSettings, database: Database
) -> None:
    pool = impatient_pool(settings)
    name = str(conninfo_to_dict(settings.database_url)["dbname"])
    try:
        app = create_app(pool, make_clock(), ApiSettings(public_url="http://testserver"))
        with TestClient(app) as wire:
            assert wire.get("/healthz").status_code == 200
            break_database(database, name, works=False)
            wire.cookies.set("telecare_session", "any")
            page = wire.get("/")
            assert page.status_code == 503
            assert "Telecare cannot reach its records right now" in page.text
            assert "Traceback" not in page.text
            assert page.headers["retry-after"] == "10"
            assert wire.get("/api/v1/alerts").headers["content-type"] == "application/problem+json"
            assert wire.get("/healthz").status_code == 503
            assert wire.get("/sign-in").status_code == 200  # needs no database
            break_database(database, name, works=True)
            until = time.monotonic() + 30
            while wire.get("/healthz").status_code != 200 and time.monotonic() < until:
                time.sleep(0.1)
            assert wire.get("/healthz").status_code == 200
    finally:
        pool.close()


@pytest.mark.parametrize(
    "path", ["/homes/%00", "/homes/K%007/equipment", "/alerts/%00", "/a/%00", "/api/v1/homes/%00", "/api/v1/alerts/%00"]
)
def test_an_address_that_the_database_cannot_hold_is_refused_and_no_mistake_of_ours(olive: Browser, path: str) -> None:
    assert olive.get(path).status_code == 422


def test_a_burst_of_requests_is_answered_with_few_connections(settings: DatabaseSettings) -> None:
    pool = open_pool(settings, size=2)
    try:
        app = create_app(pool, make_clock(), ApiSettings(public_url="http://testserver", api_connections=2))
        with TestClient(app) as wire, ThreadPoolExecutor(60) as many:
            statuses = set(many.map(lambda _: wire.get("/healthz").status_code, range(120)))
        assert statuses == {200}
    finally:
        pool.close()


def broken(app: FastAPI) -> FastAPI:
    """An application with two routes that have a bug."""

    @app.get("/bug")
    @app.get("/api/v1/bug")
    def bug() -> None:
        raise KeyError("secret of the code")

    return app


def test_a_bug_shows_a_plain_page_without_its_trace_and_with_all_headers(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    app = broken(create_app(pool, make_clock(), ApiSettings()))
    with TestClient(app) as wire:
        page = wire.get("/bug")
        assert page.status_code == 500
        assert "This is our mistake" in page.text
        assert "secret of the code" not in page.text
        assert "frame-ancestors" in page.headers["content-security-policy"]
        answer = wire.get("/api/v1/bug")
        assert (answer.status_code, answer.json()["status"]) == (500, 500)
    assert "KeyError" in caplog.text


def test_error_pages_speak_plainly(visitor: Browser) -> None:
    page = visitor.get("/nothing-here")
    assert page.status_code == 404
    assert "Page not found" in page.text
    assert visitor.post("/homes").status_code == 405
    assert visitor.get("/api/v1/nothing").json()["title"] == "Page not found"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_process_serves_says_that_it_works_and_stops_when_told(
    settings: DatabaseSettings, conn: Conn, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("TELECARE_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("TELECARE_API_PORT", str(port))
    stop = threading.Event()
    thread = threading.Thread(target=run, kwargs={"clock": make_clock(), "stop": stop})
    thread.start()
    try:
        answer = wait_for(f"http://127.0.0.1:{port}/healthz")
        assert answer.text == "ok"
        page = httpx.get(f"http://127.0.0.1:{port}/", headers={"X-Forwarded-For": "203.0.113.9"})
        assert page.headers["location"] == "/sign-in"
        assert "server" not in page.headers
        until = time.monotonic() + 15
        while not services_seen(conn) and time.monotonic() < until:
            conn.rollback()
            time.sleep(0.1)
        assert [entry.service for entry in services_seen(conn)] == ["api"]
    finally:
        begun = time.monotonic()
        stop.set()
        thread.join(timeout=10)
    assert not thread.is_alive()
    assert time.monotonic() - begun < 5


def wait_for(url: str) -> httpx.Response:
    """The first answer of a server that is starting."""
    until = time.monotonic() + 20
    while True:
        try:
            return httpx.get(url, timeout=5)
        except httpx.TransportError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def test_a_port_that_is_taken_ends_the_process_with_a_reason(pool: Pool) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = ApiSettings(api_port=taken.getsockname()[1])
        with pytest.raises(CannotListen, match=r"cannot listen on 127\.0\.0\.1 port \d+: Address already in use"):
            serve(pool, make_clock(), settings, threading.Event())


def test_settings_refuse_an_address_that_is_none() -> None:
    with pytest.raises(ValueError, match="must start with http"):
        ApiSettings(public_url="telecare.example.org")
    assert ApiSettings(public_url="https://t.example.org/").public_url == "https://t.example.org"
    assert ApiSettings().session_idle == timedelta(hours=8)

"""The real application over the real database, asked as a browser or a program would."""

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from twilio.request_validator import RequestValidator

from api.app import create_app
from api.security import Passwords
from api.settings import ApiSettings
from store.clock import ClockSettings, make_clock
from store.database import Conn, Pool
from store.home import Home
from store.staff import Role
from tests.api.seed import (
    HASHER,
    PASSWORD,
    Organisation,
    email_of,
    seed_alert,
    seed_fault_alert,
    seed_home,
    seed_organisation,
    seed_routine,
)

with warnings.catch_warnings():  # starlette would rather have httpx2; httpx is what the service itself depends on
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient as TestClient

TOKEN = "twilio-token-of-the-tests"
PUBLIC_URL = "https://telecare.example.org"
CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
FORM_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


class Browser:
    """Somebody in front of a browser: keeps cookies, follows no redirect by itself, fills in forms."""

    def __init__(self, wire: TestClient) -> None:
        self.wire = wire

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Ask for a page."""
        answer: httpx.Response = self.wire.get(path, follow_redirects=False, **more)
        return answer

    def post(self, path: str, fields: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        """Post fields just as they are."""
        answer: httpx.Response = self.wire.post(path, data=fields or {}, follow_redirects=False, **more)
        return answer

    def sign_in(self, name: str, *, password: str = PASSWORD, next: str = "/") -> httpx.Response:
        """Open the sign-in page and fill it in."""
        token = FORM_TOKEN.search(self.get("/sign-in").text)
        assert token is not None
        fields = {"email": email_of(name), "password": password, "next": next, "form_token": token[1]}
        return self.post("/sign-in", fields)

    def csrf(self) -> str:
        """The token that stands in every form of this session."""
        found = CSRF.search(self.get("/homes").text)
        assert found is not None
        return found[1]

    def submit(self, path: str, **fields: str) -> httpx.Response:
        """Post a form of ours."""
        return self.post(path, {**fields, "csrf_token": self.csrf()})


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Two organisations; Charlie works for the other one and must get nowhere."""

    ours: Organisation
    theirs: Organisation
    home: Home  # K7, with the open urgent alert 4F2Q and the equipment alert T7PW
    other_home: Home  # X1 of the other organisation, with the open alert ZZ99
    now: datetime


@pytest.fixture
def world(conn: Conn, now: datetime) -> World:
    """Seeded and committed."""
    ours = seed_organisation(
        conn,
        "Telecare Demo",
        {
            Role.OPERATOR: "Olive Operator",
            Role.CLINICIAN: "Clara Clinician",
            Role.SUPERVISOR: "Sam Super",
            Role.INSTALLER: "Ian Installer",
        },
        now=now,
        phones=0,
    )
    theirs = seed_organisation(conn, "Elsewhere", {Role.SUPERVISOR: "Charlie Outsider"}, now=now, phones=100)
    home = seed_home(conn, ours, "K7", resident="Mary <i>Brown</i>", now=now)
    seed_routine(conn, home, warm_up_days=0, now=now)
    seed_alert(conn, ours, home, "4F2Q", now=now)
    seed_fault_alert(conn, ours, home, "T7PW", now=now)
    other_home = seed_home(conn, theirs, "X1", resident="Peter Else", now=now)
    seed_alert(conn, theirs, other_home, "ZZ99", now=now)
    conn.commit()
    return World(ours=ours, theirs=theirs, home=home, other_home=other_home, now=now)


Open = Callable[..., Browser]


@pytest.fixture
def open_browser(world: World, pages_pool: Pool) -> Iterator[Open]:
    """A new browser; `later` moves the service's clock, `keep` takes over the cookies of another browser."""
    apps: dict[str, FastAPI] = {}  # making one takes longer than most tests
    passwords = Passwords(HASHER)
    with ExitStack() as stack:

        def browser(
            *, later: timedelta = timedelta(), keep: Browser | None = None, address: str = "192.0.2.1", **more: Any
        ) -> Browser:
            settings = ApiSettings(**{"public_url": "http://testserver", "twilio_auth_token": TOKEN, **more})
            key = f"{later} {more}"
            if key not in apps:
                clock = make_clock(ClockSettings(start=world.now + later))
                apps[key] = create_app(pages_pool, clock, settings, passwords=passwords)
            scheme = "https" if settings.is_https else "http"
            wire = TestClient(apps[key], base_url=f"{scheme}://testserver", client=(address, 50000))
            if keep is not None:
                wire.cookies = keep.wire.cookies
            stack.callback(wire.close)
            return Browser(wire)

        yield browser


@pytest.fixture
def visitor(open_browser: Open) -> Browser:
    """Nobody is signed in."""
    return open_browser()


def signed_in(open_browser: Open, name: str) -> Browser:
    """A browser of this member of staff."""
    browser = open_browser()
    assert browser.sign_in(name).status_code == 303
    return browser


@pytest.fixture
def olive(open_browser: Open) -> Browser:
    """The operator."""
    return signed_in(open_browser, "olive")


@pytest.fixture
def clara(open_browser: Open) -> Browser:
    """The clinician."""
    return signed_in(open_browser, "clara")


@pytest.fixture
def sam(open_browser: Open) -> Browser:
    """The supervisor."""
    return signed_in(open_browser, "sam")


@pytest.fixture
def ian(open_browser: Open) -> Browser:
    """The installer."""
    return signed_in(open_browser, "ian")


@pytest.fixture
def charlie(open_browser: Open) -> Browser:
    """A supervisor, but of another organisation."""
    return signed_in(open_browser, "charlie")


def signature(path: str, fields: dict[str, str], *, public_url: str = PUBLIC_URL, token: str = TOKEN) -> str:
    """What Twilio would send with this request."""
    return str(RequestValidator(token).compute_signature(public_url + path, fields))

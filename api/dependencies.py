"""What a route may ask for: the time, a connection, who is signed in, a home of theirs.

One request is one transaction on one connection: it commits before the answer is sent, or rolls back on any error.
`read_conn` and `write_conn` are that same connection; the name says what the route means to do with it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Form, Header, Request

from api.errors import NotAllowed, NotFound, NotSignedIn
from api.pages.render import Pages
from api.permissions import Permission, allows
from api.security import Passwords, same_token, token_hash
from api.settings import ApiSettings
from store.access import act_for
from store.audit import Action, note_audit
from store.clock import Clock
from store.database import Conn, Pool
from store.home import Home, home_by_code
from store.staff import Role, live_session, note_session_seen

SEEN_STEP = timedelta(minutes=1)  # real; a session's last use is written down no more often than this
CONNECTION_WAIT = 5.0  # real seconds; then the page says that the records cannot be reached
HAS_SESSION_GONE = "Your session has ended. Sign in again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What `create_app` was given, for the dependencies."""

    pool: Pool
    clock: Clock
    settings: ApiSettings
    pages: Pages
    passwords: Passwords


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Who asks. Every query of a route is limited to `organisation_id`."""

    staff_id: int
    organisation_id: int
    name: str
    role: Role
    csrf_token: str
    is_bearer: bool = False  # a program with a token in its header: no browser sends that by itself

    @property
    def actor(self) -> str:
        """As the history of an alert names them."""
        return f"staff:{self.staff_id}"

    def may(self, permission: str) -> bool:
        """For templates: whether to show a link at all."""
        return allows(self.role, Permission(permission))


def parts_of(request: Request) -> Parts:
    """What the application was made with."""
    parts = request.app.state.parts
    assert isinstance(parts, Parts)
    return parts


def now_of(request: Request) -> datetime:
    """The service's time, the same throughout one request."""
    return parts_of(request).clock.now()


def address_of(request: Request) -> str:
    """Where the request comes from."""
    return request.client.host if request.client else ""


def cookie_name(settings: ApiSettings) -> str:
    """The `__Host-` prefix makes browsers refuse the cookie from anybody but us; it needs https."""
    return "__Host-telecare_session" if settings.is_https else "telecare_session"


def session_token(request: Request) -> tuple[str, bool]:
    """The session token the request carries and whether it is a bearer token (JSON API only); empty if none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if request.url.path.startswith("/api/") and scheme.lower() == "bearer":
        return token.strip(), True
    return request.cookies.get(cookie_name(parts_of(request).settings), ""), False


def _connection(request: Request) -> Iterator[Conn]:
    pool = parts_of(request).pool
    with pool.connection(timeout=min(CONNECTION_WAIT, pool.timeout)) as conn:
        yield conn


# scope="function": the transaction has ended, well or badly, before the answer is sent.
_Connection = Annotated[Conn, Depends(_connection, scope="function")]


def read_conn(conn: _Connection) -> Conn:
    """The request's connection, for a route that only looks."""
    return conn


def write_conn(conn: _Connection) -> Conn:
    """The request's connection, for a route that changes or audits something."""
    return conn


ReadConn = Annotated[Conn, Depends(read_conn, scope="function")]
WriteConn = Annotated[Conn, Depends(write_conn, scope="function")]
Now = Annotated[datetime, Depends(now_of)]
Address = Annotated[str, Depends(address_of)]
PartsOf = Annotated[Parts, Depends(parts_of)]


def signed_in(request: Request, conn: WriteConn, now: Now) -> SignedIn:
    """Who is signed in; from then on the transaction sees their organisation only.

    Raises NotSignedIn: the pages then lead to the sign-in page, the JSON API answers 401.
    """
    token, is_bearer = session_token(request)
    if not token:
        raise NotSignedIn
    parts = parts_of(request)
    found = live_session(conn, token_hash(token), now=now, idle_limit=parts.clock.stretch(parts.settings.session_idle))
    if found is None:
        raise NotSignedIn(HAS_SESSION_GONE)
    session, staff = found
    act_for(conn, staff.organisation_id)  # the only place: from here on the database itself keeps to this organisation
    is_by_itself = request.headers.get("X-Telecare-Refresh") == "1"  # the board's timer is not a person at the desk
    if not is_by_itself and now - session.last_seen_at >= parts.clock.stretch(SEEN_STEP):
        note_session_seen(conn, session.token_hash, now=now)
    return SignedIn(
        staff_id=staff.id,
        organisation_id=staff.organisation_id,
        name=staff.name,
        role=staff.role,
        csrf_token=session.csrf_token,
        is_bearer=is_bearer,
    )


Staffed = Annotated[SignedIn, Depends(signed_in, scope="function")]


def may(permission: Permission) -> Callable[[SignedIn], SignedIn]:
    """A dependency: who is signed in, if their role allows this; otherwise NotAllowed."""

    def allowed(staff: Staffed) -> SignedIn:
        if not allows(staff.role, permission):
            raise NotAllowed("Your role does not allow this. Ask your supervisor if you need it.")
        return staff

    return allowed


def form_is_ours(staff: Staffed, csrf_token: Annotated[str, Form()] = "") -> None:
    """Every form that is posted carries the session's token; otherwise NotAllowed."""
    if not same_token(csrf_token, staff.csrf_token):
        raise NotAllowed("This form is no longer valid. Go back, reload the page and try again.")


def call_is_ours(staff: Staffed, x_csrf_token: Annotated[str, Header()] = "") -> None:
    """A JSON call with the session cookie carries its token in X-CSRF-Token; one with a bearer token need not."""
    if not staff.is_bearer and not same_token(x_csrf_token, staff.csrf_token):
        raise NotAllowed("Send the session's CSRF token in the header X-CSRF-Token.")


def home_of(code: str, staff: Staffed, conn: WriteConn, now: Now, address: Address) -> Home:
    """The home of this code if it belongs to the organisation of who asks; the view is audited. Else NotFound."""
    home = home_by_code(conn, code)
    if home is None or home.organisation_id != staff.organisation_id:
        raise NotFound("There is no home with this code.")
    note_audit(
        conn,
        Action.VIEWED_HOME,
        now=now,
        organisation_id=staff.organisation_id,
        staff_id=staff.staff_id,
        home_id=home.id,
        address=address,
    )
    return home


HomeOf = Annotated[Home, Depends(home_of, scope="function")]

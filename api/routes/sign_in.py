"""Signing in and out. Wrong passwords are limited by account and by address; the work is the same for any name."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from api.dependencies import (
    Address,
    Now,
    Parts,
    PartsOf,
    WriteConn,
    cookie_name,
    form_is_ours,
    session_token,
)
from api.pages.words import duration
from api.security import new_token, safe_return, same_token, token_hash
from store.access import act_for
from store.audit import Action, note_audit
from store.database import Conn
from store.staff import (
    LoginFailures,
    Session,
    Staff,
    begin_login,
    close_session,
    forget_login_failures,
    live_session,
    note_login_failure,
    open_session,
    rehash_password,
    staff_by_email,
)

router = APIRouter()

WRONG = "The e-mail address or the password is not right."
EMAIL_MAX = 254  # characters, RFC 5321


def form_cookie_name(parts: Parts) -> str:
    """Holds the token of the sign-in form, which has no session yet."""
    return "__Host-telecare_form" if parts.settings.is_https else "telecare_form"


@router.get("/sign-in", name="sign_in_page")
def sign_in_page(request: Request, parts: PartsOf, next: str = "/") -> Response:
    """The form."""
    return _form(request, parts, next=next)


@router.post("/sign-in")
def sign_in(
    request: Request,
    parts: PartsOf,
    conn: WriteConn,
    now: Now,
    address: Address,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
    form_token: Annotated[str, Form()] = "",
) -> Response:
    """Check, open a new session, and go where the person wanted to go."""
    email = email.strip()
    if not same_token(form_token, request.cookies.get(form_cookie_name(parts), "")):
        reason = "The form was open for too long, or cookies are switched off. Try once more."
        return _form(request, parts, next=next, email=email, status=HTTPStatus.FORBIDDEN, reason=reason)
    errors = {}
    if not email or len(email) > EMAIL_MAX or "\x00" in email:
        errors["email"] = "Enter your e-mail address"
    if not password:
        errors["password"] = "Enter your password"
    if errors:
        return _form(request, parts, next=next, email=email, status=HTTPStatus.UNPROCESSABLE_ENTITY, errors=errors)
    attempt = try_to_sign_in(conn, parts, email=email, password=password, address=address, now=now)
    if isinstance(attempt, timedelta):
        reason = f"Too many wrong passwords. Try again in {in_words(attempt)}, or ask your supervisor."
        page = _form(request, parts, next=next, email=email, status=HTTPStatus.TOO_MANY_REQUESTS, reason=reason)
        page.headers["Retry-After"] = str(int(attempt.total_seconds()) + 1)
        return page
    if attempt is None:
        errors = {"password": WRONG}
        return _form(request, parts, next=next, email=email, status=HTTPStatus.UNPROCESSABLE_ENTITY, errors=errors)
    old, _ = session_token(request)
    if old:
        close_session(conn, token_hash(old))  # what was known before signing in is worth nothing after it
    token = begin_session(conn, parts, attempt, address=address, now=now)
    answer = RedirectResponse(safe_return(next), status_code=HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        cookie_name(parts.settings),
        token,
        max_age=int(parts.settings.session_limit.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=parts.settings.is_https,
    )
    answer.delete_cookie(form_cookie_name(parts), secure=parts.settings.is_https, httponly=True)
    return answer


@router.post("/sign-out", dependencies=[Depends(form_is_ours)])
def sign_out(request: Request, parts: PartsOf, conn: WriteConn, now: Now, address: Address) -> Response:
    """End this session."""
    token, _ = session_token(request)
    end_session(conn, parts, token, address=address, now=now)
    answer = RedirectResponse("/sign-in", status_code=HTTPStatus.SEE_OTHER)
    answer.delete_cookie(cookie_name(parts.settings), secure=parts.settings.is_https, httponly=True)
    return answer


def try_to_sign_in(
    conn: Conn, parts: Parts, *, email: str, password: str, address: str, now: datetime
) -> Staff | timedelta | None:
    """Who it is; None if the password is wrong; how long to wait (real time) if there were too many attempts."""
    window = parts.clock.stretch(parts.settings.login_window)
    failures = begin_login(conn, email=email, address=address, now=now, window=window)
    wait = timedelta(seconds=5) if failures is None else _time_to_wait(parts, failures, now=now)
    if wait is not None:
        note_audit(conn, Action.SIGN_IN_REFUSED, now=now, subject="too many attempts", address=address)
        return wait
    staff = staff_by_email(conn, email)
    if staff is not None:
        act_for(conn, staff.organisation_id)  # what is noted of this attempt is noted under that account
    known = staff is not None and staff.is_active
    is_right = parts.passwords.is_right(password, staff.password_hash if staff and known else None)
    if staff is None or not is_right:
        note_login_failure(conn, email=email, address=address, now=now)
        note_audit(
            conn,
            Action.SIGN_IN_REFUSED,
            now=now,
            organisation_id=staff.organisation_id if staff else None,
            staff_id=staff.id if staff else None,
            subject="wrong password" if known else "no such account",
            address=address,
        )
        return None
    forget_login_failures(conn, email=email)
    renewed = parts.passwords.renewed(password, staff.password_hash)
    if renewed:
        rehash_password(conn, staff.id, renewed)
    return staff


def begin_session(conn: Conn, parts: Parts, staff: Staff, *, address: str, now: datetime) -> str:
    """A new session for this member of staff; its token, which only they ever see."""
    token = new_token()
    session = Session(
        token_hash=token_hash(token),
        staff_id=staff.id,
        csrf_token=new_token(),
        created_at=now,
        last_seen_at=now,
        expires_at=now + parts.clock.stretch(parts.settings.session_limit),
    )
    open_session(conn, session)
    note_audit(
        conn,
        Action.SIGNED_IN,
        now=now,
        organisation_id=staff.organisation_id,
        staff_id=staff.id,
        address=address,
    )
    return token


def end_session(conn: Conn, parts: Parts, token: str, *, address: str, now: datetime) -> None:
    """Close the session of this token and write down who left."""
    found = live_session(conn, token_hash(token), now=now, idle_limit=parts.clock.stretch(parts.settings.session_limit))
    if found is not None:
        staff = found[1]
        note_audit(
            conn,
            Action.SIGNED_OUT,
            now=now,
            organisation_id=staff.organisation_id,
            staff_id=staff.id,
            address=address,
        )
    close_session(conn, token_hash(token))


def in_words(wait: timedelta) -> str:
    """How long to wait, rounded up to whole minutes."""
    return duration(max(wait + timedelta(seconds=59), timedelta(minutes=1)))


def _time_to_wait(parts: Parts, failures: LoginFailures, *, now: datetime) -> timedelta | None:
    """None if this attempt may be made, else the real time until the oldest failure no longer counts."""
    settings = parts.settings
    window = parts.clock.stretch(settings.login_window)
    oldest = []
    if failures.by_email >= settings.login_limit_account and failures.oldest_by_email:
        oldest.append(failures.oldest_by_email)
    if failures.by_address >= settings.login_limit_address and failures.oldest_by_address:
        oldest.append(failures.oldest_by_address)
    if not oldest:
        return None
    return max(timedelta(seconds=1), (max(oldest) + window - now) / max(1.0, parts.clock.speed))


def _form(
    request: Request,
    parts: Parts,
    *,
    next: str,
    email: str = "",
    errors: dict[str, str] | None = None,
    reason: str = "",
    status: int = HTTPStatus.OK,
) -> Response:
    token = new_token()
    page = parts.pages.render(
        request,
        "sign_in.html",
        status=status,
        next=safe_return(next),
        email=email[:EMAIL_MAX],
        errors=errors or {},
        reason=reason,
        form_token=token,
    )
    page.set_cookie(
        form_cookie_name(parts), token, max_age=3600, httponly=True, samesite="lax", secure=parts.settings.is_https
    )
    return page

"""Sessions for programs: a bearer token for an e-mail address and a password."""

from datetime import timedelta

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.dependencies import Address, Now, PartsOf, Staffed, WriteConn, call_is_ours, session_token
from api.problems import problem
from api.routes.sign_in import WRONG, begin_session, end_session, in_words, try_to_sign_in
from api.v1.schemas import SessionAnswer, SignInBody, TokenAnswer

router = APIRouter(prefix="/session", tags=["session"])


@router.post("", status_code=201, response_model=TokenAnswer)
def sign_in(body: SignInBody, parts: PartsOf, conn: WriteConn, now: Now, address: Address) -> TokenAnswer | Response:
    """Get a token. Wrong passwords are limited by account and by address."""
    attempt = try_to_sign_in(conn, parts, email=body.email.strip(), password=body.password, address=address, now=now)
    if isinstance(attempt, timedelta):  # returned and not raised: what was noted must be committed
        refused = problem(429, f"Too many wrong passwords. Try again in {in_words(attempt)}.")
        refused.headers["Retry-After"] = str(int(attempt.total_seconds()) + 1)
        return refused
    if attempt is None:
        return problem(401, WRONG)
    token = begin_session(conn, parts, attempt, address=address, now=now)
    return TokenAnswer(token=token, expires_at=now + parts.clock.stretch(parts.settings.session_limit))


@router.get("")
def who_am_i(staff: Staffed) -> SessionAnswer:
    """Who this token or cookie belongs to."""
    return SessionAnswer(name=staff.name, role=staff.role, csrf_token=staff.csrf_token)


@router.delete("", status_code=204, dependencies=[Depends(call_is_ours)])
def sign_out(request: Request, parts: PartsOf, conn: WriteConn, now: Now, address: Address) -> None:
    """End this session."""
    token, _ = session_token(request)
    end_session(conn, parts, token, address=address, now=now)

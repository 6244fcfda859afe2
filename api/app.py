"""Puts the pages and the JSON API together. What each refusal means in HTTP stands in one table here."""

import logging
from http import HTTPStatus
from importlib.resources import files
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.dependencies import Parts, parts_of
from api.errors import Conflict, NotAllowed, NotFound, NotSignedIn, Refusal, TooManyAttempts, Unreadable
from api.middleware import AtOnce, BodyLimit, Bugs, SameOrigin, SecurityHeaders
from api.pages.render import Pages
from api.problems import problem
from api.routes import routers
from api.security import Passwords
from api.settings import ApiSettings
from api.v1 import routes as v1
from store.clock import Clock
from store.database import Pool

log = logging.getLogger(__name__)

STATUS: dict[type[Exception], HTTPStatus] = {
    NotSignedIn: HTTPStatus.UNAUTHORIZED,  # a page leads to the sign-in page instead
    NotAllowed: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Unreadable: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooManyAttempts: HTTPStatus.TOO_MANY_REQUESTS,
    RequestValidationError: HTTPStatus.UNPROCESSABLE_ENTITY,
    psycopg.DataError: HTTPStatus.UNPROCESSABLE_ENTITY,  # a NUL, a number no column holds: what no route looked for
    psycopg.OperationalError: HTTPStatus.SERVICE_UNAVAILABLE,  # also psycopg_pool.PoolTimeout
}

WORDS: dict[int, tuple[str, str]] = {
    401: ("You are not signed in", "Sign in and try again."),
    403: ("You cannot do this", "Your role does not allow this."),
    404: ("Page not found", "There is nothing at this address. Check it, or start from the list of alerts."),
    405: ("You cannot do this here", "Go back and use the buttons of the page."),
    409: ("Somebody else was faster", "Look at the page again before you decide what to do."),
    413: ("That is too long", "Shorten what you entered."),
    422: ("Something is missing or not as expected", "Go back and check what you entered."),
    429: ("Too many attempts", "Wait a little, then try again."),
    500: (
        "Something went wrong",
        "This is our mistake and has been noted. Try again; if it goes on, tell your IT desk.",
    ),
    503: (
        "Telecare cannot reach its records right now",
        "We try again by ourselves. Alerts that were sent out as texts still count: answer those by text. "
        "Reload this page in a minute; if it goes on, tell your IT desk.",
    ),
}


def create_app(pool: Pool, clock: Clock, settings: ApiSettings, *, passwords: Passwords | None = None) -> FastAPI:
    """The web application; it owns nothing that has to be closed."""
    app = FastAPI(
        title="Telecare",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # requests are nobody else's business
    )
    app.state.parts = Parts(
        pool=pool, clock=clock, settings=settings, pages=Pages(), passwords=passwords or Passwords()
    )
    app.add_middleware(AtOnce, limit=settings.api_connections)
    app.add_middleware(BodyLimit)  # the last added is the outermost
    app.add_middleware(SameOrigin)
    app.add_middleware(Bugs, answer=_answer_bug)
    app.add_middleware(SecurityHeaders, is_https=settings.is_https)
    app.mount("/static", StaticFiles(directory=str(files("api").joinpath("static"))), name="static")
    for router in routers():
        app.include_router(router)
    app.include_router(v1.router)
    for kind in (*STATUS, Refusal):
        app.add_exception_handler(kind, _answer_refusal)
    app.add_exception_handler(HTTPException, _answer_http)
    _describe_api(app)
    return app


def _describe_api(app: FastAPI) -> None:
    """The description of the JSON API alone; pages and webhooks are nobody's interface."""

    @app.get("/api/v1/openapi.json", include_in_schema=False)
    def openapi() -> dict[str, Any]:
        return get_openapi(title="Telecare", version="1", description=v1.DESCRIPTION, routes=v1.router.routes)


def wants_json(request: Request) -> bool:
    """Programs get problem+json; people get a page."""
    return request.url.path.startswith(("/api/", "/webhooks/", "/healthz"))


def _error_answer(request: Request, status: int, detail: str = "", **more: Any) -> Response:
    title, advice = WORDS.get(status, WORDS[500])
    if wants_json(request):
        return problem(status, detail or advice, title=title, **more)
    return parts_of(request).pages.render(request, "error.html", status=status, title=title, detail=detail or advice)


def _answer_refusal(request: Request, exc: Exception) -> Response:
    status = next((STATUS[kind] for kind in type(exc).__mro__ if kind in STATUS), HTTPStatus.BAD_REQUEST)
    if isinstance(exc, psycopg.OperationalError):
        log.warning("%s %s: the database cannot be reached: %s", request.method, request.url.path, type(exc).__name__)
        answer = _error_answer(request, status)
        answer.headers["Retry-After"] = "10"
        return answer
    if isinstance(exc, psycopg.DataError):
        log.warning("%s %r: not what the database can hold: %s", request.method, request.url.path, exc)
        return _error_answer(request, status)
    if isinstance(exc, NotSignedIn):
        return _lead_to_sign_in(request, exc)
    if isinstance(exc, RequestValidationError):
        found = [{"where": ".".join(map(str, e["loc"])), "what": e["msg"]} for e in exc.errors()]
        detail = "; ".join(f"{error['where']}: {error['what']}" for error in found) if wants_json(request) else ""
        return _error_answer(request, status, detail)
    answer = _error_answer(request, status, str(exc))
    if isinstance(exc, TooManyAttempts):
        answer.headers["Retry-After"] = str(int(exc.retry_after.total_seconds()) + 1)
    return answer


def _lead_to_sign_in(request: Request, exc: NotSignedIn) -> Response:
    if wants_json(request) or request.headers.get("X-Telecare-Refresh") == "1":
        answer: Response = problem(HTTPStatus.UNAUTHORIZED, str(exc))
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    url = request.url_for("sign_in_page").include_query_params(
        **({"next": target} if request.method == "GET" and target != "/" else {}),
    )
    return RedirectResponse(f"{url.path}?{url.query}" if url.query else url.path, status_code=HTTPStatus.SEE_OTHER)


def _answer_http(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    answer = _error_answer(request, exc.status_code)
    answer.headers.update(exc.headers or {})
    return answer


def _answer_bug(request: Request, exc: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=exc)
    return _error_answer(request, HTTPStatus.INTERNAL_SERVER_ERROR)

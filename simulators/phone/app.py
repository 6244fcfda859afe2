"""Puts the API, the page and the control endpoint on one web application."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from simulators.phone.connections import Connections
from simulators.phone.control import make_control
from simulators.phone.message import API_VERSION
from simulators.phone.network import PhoneNetwork
from simulators.phone.page import STATIC, make_page
from simulators.phone.refusals import Refused
from simulators.phone.rest import REMEMBERED, Asked, make_rest

THREADS = 250


def create_app(
    network: PhoneNetwork, *, connections: Connections | None = None, asked: deque[Asked] | None = None
) -> FastAPI:
    """The application. `connections` must be the server's, if connections are to be dropped."""
    app = FastAPI(
        title="Pretend phone network", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_with_many_threads
    )
    requests = deque(maxlen=REMEMBERED) if asked is None else asked
    app.include_router(make_rest(network, connections or Connections(), requests))
    app.include_router(make_control(network))
    app.include_router(make_page(network))
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _not_there)
    return app


@asynccontextmanager
async def _with_many_threads(app: FastAPI) -> AsyncIterator[None]:
    """Requests that hang each hold a thread; the others must still be answered."""
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


def _refused(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, Refused)
    headers = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if exc.status == 401 else {}
    return JSONResponse(exc.body(), exc.status, headers)


def _not_there(request: Request, exc: Exception) -> Response:
    """Below the API Twilio's own bodies, elsewhere plain ones."""
    assert isinstance(exc, HTTPException)
    if not request.url.path.startswith(f"/{API_VERSION}/"):
        return JSONResponse({"detail": exc.detail}, exc.status_code)
    code = 20004 if exc.status_code == 405 else 20404
    return _refused(request, Refused(code, request.url.path))

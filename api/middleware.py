"""What every request passes on its way in and out: size, origin, and the headers browsers need."""

from collections.abc import Callable, Iterable

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_LIMIT = 256 * 1024  # bytes; the largest form of ours is a few kB
BROKER_AT_ONCE = 4  # questions of the broker: every home of a provider connects anew at once, and people go first
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


class SecurityHeaders:
    """Adds to every answer what browsers need to be told; pages are never kept in a cache."""

    def __init__(self, app: ASGIApp, *, is_https: bool) -> None:
        self._app = app
        self._headers: Iterable[tuple[str, str]] = (
            ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "same-origin"),
            ("X-Frame-Options", "DENY"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Permissions-Policy", "camera=(), microphone=(), geolocation=()"),
            *([("Strict-Transport-Security", "max-age=31536000")] if is_https else []),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers to its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_static = scope["path"].startswith("/static/")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers:
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "public, max-age=3600" if is_static else "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


class Bugs:
    """Turns what no handler knows into an answer here, so that it too carries the security headers."""

    def __init__(self, app: ASGIApp, *, answer: Callable[[Request, Exception], Response]) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; `answer` words and logs what went wrong."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal has_begun
            has_begun = has_begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as exc:
            if has_begun:
                raise  # half an answer is out; the server cuts the connection
            await self._answer(Request(scope), exc)(scope, receive, send)


class SameOrigin:
    """Refuses what another site's page makes a browser send, before any route; programs send no such header."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may change nothing or comes from a page of ours."""
        if scope["type"] == "http" and scope["method"] not in {"GET", "HEAD", "OPTIONS"}:
            site = Headers(scope=scope).get("Sec-Fetch-Site", "none")
            if site not in {"same-origin", "none"}:
                await PlainTextResponse("This came from another site and was refused.", 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class BodyLimit:
    """Refuses bodies that no form, call or webhook of ours has."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on while its body stays small enough."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("Content-Length", "0")
        if not length.isdigit() or int(length) > BODY_LIMIT:
            await PlainTextResponse("That is too long.", 413)(scope, receive, send)
            return
        taken = 0

        async def receive_little() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > BODY_LIMIT:  # it did not say how long it is, or it lied
                return {"type": "http.disconnect"}
            return message

        await self._app(scope, receive_little, send)


class AtOnce:
    """Lets only so many requests in as there are database connections; the others wait outside, holding nothing.

    Otherwise a burst fills every thread with requests that wait for a connection, and those that have one find no
    thread to finish in.
    """

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app = app
        self._turns = anyio.Semaphore(limit)
        self._broker_turns = anyio.Semaphore(BROKER_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait for a turn, unless only a file is asked for."""
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            await self._app(scope, receive, send)
            return
        async with self._broker_turns if scope["path"].startswith("/broker/") else self._turns:
            await self._app(scope, receive, send)

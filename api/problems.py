"""Errors for programs, as RFC 9457 writes them."""

from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse


def problem(status: int, detail: str, *, title: str = "", **more: Any) -> JSONResponse:
    """The answer that says what went wrong."""
    content = {"type": "about:blank", "title": title or HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse({**content, **more}, status_code=status, media_type="application/problem+json")

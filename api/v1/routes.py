"""The JSON API, version 1, in one router."""

from typing import Any

from fastapi import APIRouter

from api.v1 import alerts, equipment, homes, session

DESCRIPTION = (
    "Alerts, homes and findings for programs. Sign in with `POST /api/v1/session` and send the token as "
    "`Authorization: Bearer …`; or use the session cookie, and then X-CSRF-Token on everything that changes something. "
    "Errors are `application/problem+json`: 401 not signed in, 403 not allowed, 404 not there or not yours, "
    "409 somebody else was faster, 422 malformed, 429 too many wrong passwords, 503 no database."
)
PROBLEM: dict[str, Any] = {
    "description": "A problem in the form of RFC 9457.",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                },
            }
        }
    },
}

router = APIRouter(prefix="/api/v1", responses=dict.fromkeys((401, 403, 404, 409, 422, 429, 503), PROBLEM))
for part in (session.router, alerts.router, homes.router, equipment.router):
    router.include_router(part)

"""Whether this process works, for whatever watches it. No login, no figures."""

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from api.dependencies import ReadConn

router = APIRouter()


@router.get("/healthz")
def health(conn: ReadConn) -> Response:
    """200 if a page could be served now; without the database it is 503."""
    conn.execute("SELECT 1")
    return PlainTextResponse("ok")

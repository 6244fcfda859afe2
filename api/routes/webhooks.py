"""What the SMS provider posts: replies and receipts. Checked, kept, answered at once; `alerts` acts on them."""

import logging
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from alerts.signature import is_signed
from api.dependencies import Address, Now, PartsOf, WriteConn
from api.errors import Unreadable
from api.problems import problem
from store.audit import Action, count_audit, note_audit
from store.database import Conn
from store.inbound import keep_callback, keep_inbound

router = APIRouter(prefix="/webhooks/twilio")
log = logging.getLogger(__name__)

REFUSALS_KEPT = 200  # rows an hour; whoever knocks more often than that only fills the log
NO_REPLY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


async def posted_fields(request: Request) -> dict[str, str]:
    """The fields of the form, each once; files are nothing the provider sends."""
    async with request.form(max_files=0, max_fields=200) as form:
        return {name: value for name, value in form.multi_items() if isinstance(value, str)}


def genuine_fields(
    request: Request,
    fields: Annotated[dict[str, str], Depends(posted_fields)],
    parts: PartsOf,
) -> dict[str, str] | None:
    """The fields if the provider signed them over the address we gave it; None if unsigned or forged."""
    signed = is_signed(
        auth_token=parts.settings.twilio_auth_token.get_secret_value(),
        public_url=parts.settings.public_url,
        path=request.url.path,
        query=request.scope["query_string"].decode("latin-1"),
        form=fields,
        signature=request.headers.get("X-Twilio-Signature"),
    )
    return fields if signed else None


Genuine = Annotated[dict[str, str] | None, Depends(genuine_fields)]


@router.post("/sms")
def sms(request: Request, fields: Genuine, conn: WriteConn, now: Now, address: Address) -> Response:
    """A reply, or any text to our number."""
    if fields is None:
        return _refuse(request, conn, now=now, address=address)
    provider_id, phone = fields.get("MessageSid", ""), fields.get("From", "")
    if not provider_id or not phone:
        raise Unreadable("MessageSid and From are needed.")
    keep_inbound(conn, provider_id=provider_id[:64], phone=phone[:64], body=fields.get("Body", ""), now=now)
    return Response(NO_REPLY, media_type="text/xml")


@router.post("/status")
def status(request: Request, fields: Genuine, conn: WriteConn, now: Now, address: Address) -> Response:
    """What became of a message of ours."""
    if fields is None:
        return _refuse(request, conn, now=now, address=address)
    provider_id, word = fields.get("MessageSid", ""), fields.get("MessageStatus", "")
    if not provider_id or not word:
        raise Unreadable("MessageSid and MessageStatus are needed.")
    code = fields.get("ErrorCode", "")
    keep_callback(
        conn,
        provider_id=provider_id[:64],
        notification_id=_notification_id(request.query_params.get("notification", "")),
        status=word[:32],
        error_code=int(code) if code.isascii() and code.isdigit() and len(code) < 9 else None,
        now=now,
    )
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _notification_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _refuse(request: Request, conn: Conn, *, now: datetime, address: str) -> Response:
    """Nothing is kept but the fact; returned and not raised, so that the fact is committed."""
    log.warning("refused an unsigned or forged webhook at %s from %s", request.url.path, address)
    if count_audit(conn, action=Action.WEBHOOK_REFUSED, since=now - timedelta(hours=1)) < REFUSALS_KEPT:
        note_audit(conn, Action.WEBHOOK_REFUSED, now=now, subject=request.url.path, address=address)
    return problem(HTTPStatus.FORBIDDEN, "The signature does not fit.")

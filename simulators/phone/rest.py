"""Twilio's REST API for Messages: create, fetch and list, with its envelope, its refusals and its paging.

What Twilio would do wrong on a bad day is asked of `mischief` before and after each request.
"""

import base64
import binascii
import hmac
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from simulators.phone.connections import Connections
from simulators.phone.journal import Wanted
from simulators.phone.message import API_VERSION, Message, message_json
from simulators.phone.mischief import Stage
from simulators.phone.network import PhoneNetwork
from simulators.phone.order import plain_number, read_order, unknown_parameters
from simulators.phone.refusals import Refused

DEFAULT_PAGE, LARGEST_PAGE = 50, 1000
LISTED = frozenset(["To", "From", "DateSent", "DateSent<", "DateSent>", "PageSize", "Page", "PageToken"])
REMEMBERED = 10_000

Fields = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came, for tests that check what the service sends."""

    method: str
    path: str
    fields: Fields
    complaint: str = ""  # what Twilio would silently ignore


async def posted_fields(request: Request) -> Fields:
    """The form of the request. (Reading a body is the one thing a plain function cannot do here.)"""
    return parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)


def make_rest(network: PhoneNetwork, connections: Connections, asked: deque[Asked]) -> APIRouter:
    """The routes below /2010-04-01."""
    router = APIRouter(prefix=f"/{API_VERSION}")

    def misbehave(request: Request, stage: Stage, *, to: str | None, reads: bool) -> Response | None:
        taken = network.mischief.answer(stage, to=to, reads=reads)
        if taken is None:
            return None
        answer, seconds = taken
        if answer.hangs:
            network.mischief.hang(seconds)
        if answer.drops:
            connections.drop(request.client)
        headers = {name: text.format(seconds=seconds) for name, text in answer.headers.items()}
        if answer.code is not None:
            return JSONResponse(Refused(answer.code).body(), answer.status, headers)
        return Response(answer.body, answer.status, headers)

    def signed_in(request: Request, account_sid: str) -> str:
        _check_credentials(request.headers.get("Authorization", ""), network)
        if account_sid != network.account.sid:
            raise Refused(20404, request.url.path)
        return account_sid

    Account = Annotated[str, Depends(signed_in)]

    @router.post("/Accounts/{account_sid}/Messages.json")
    def create(request: Request, account: Account, fields: Annotated[Fields, Depends(posted_fields)]) -> Response:
        complaint = ", ".join(unknown_parameters(fields))
        asked.append(Asked(method="POST", path=request.url.path, fields=fields, complaint=complaint))
        to = plain_number(fields.get("To", [""])[-1])
        if wrong := misbehave(request, Stage.BEFORE_ACCEPTING, to=to, reads=False):
            return wrong
        order = read_order(
            fields, sender=network.account.sender, messaging_service_sid=network.account.messaging_service_sid
        )
        message = network.accept(order)
        if wrong := misbehave(request, Stage.AFTER_ACCEPTING, to=to, reads=False):
            return wrong
        return JSONResponse(message_json(message, account_sid=account), 201)

    @router.get("/Accounts/{account_sid}/Messages.json")
    def list_messages(request: Request, account: Account) -> Response:
        fields = parse_qs(request.url.query, keep_blank_values=True)
        complaint = ", ".join(sorted(set(fields) - LISTED))
        asked.append(Asked(method="GET", path=request.url.path, fields=fields, complaint=complaint))
        given = {name: values[-1] for name, values in fields.items()}
        if wrong := misbehave(request, Stage.BEFORE_ACCEPTING, to=given.get("To"), reads=True):
            return wrong
        return JSONResponse(_page(network, given, path=request.url.path))

    @router.get("/Accounts/{account_sid}/Messages/{sid}.json")
    def fetch(request: Request, account: Account, sid: str) -> Response:
        asked.append(Asked(method="GET", path=request.url.path, fields={}))
        message = network.journal.find(sid)
        if message is None:
            raise Refused(20404, request.url.path)
        if wrong := misbehave(request, Stage.BEFORE_ACCEPTING, to=message.phone, reads=True):
            return wrong
        return JSONResponse(message_json(message, account_sid=account))

    return router


def _check_credentials(header: str, network: PhoneNetwork) -> None:
    scheme, _, encoded = header.partition(" ")
    try:
        given = base64.b64decode(encoded, validate=True) if scheme.lower() == "basic" else b""
    except binascii.Error:
        given = b""
    wanted = f"{network.account.sid}:{network.account.auth_token}".encode()
    if not hmac.compare_digest(given, wanted):
        raise Refused(20003)


def _page(network: PhoneNetwork, given: Mapping[str, str], *, path: str) -> dict[str, Any]:
    """One page of the list, newest first, in the envelope of Twilio's 2010 API."""
    size = min(_whole(given, "PageSize", DEFAULT_PAGE, least=1), LARGEST_PAGE)
    page = _whole(given, "Page", 0, least=0)
    before = _position(network, given.get("PageToken", ""), page)
    found = network.journal.page(_wanted(given), limit=size + 1, before=before)
    shown, more = found[:size], len(found) > size

    def uri(page: int, token: str | None = None) -> str:
        query = {name: text for name, text in given.items() if name not in ("PageSize", "Page", "PageToken")}
        query |= {"PageSize": str(size), "Page": str(page)} | ({"PageToken": token} if token else {})
        return f"{path}?{urlencode(query)}"

    return {
        "messages": [message_json(message, account_sid=network.account.sid) for message in shown],
        "page": page,
        "page_size": size,
        "start": page * size,
        "end": page * size + max(len(shown) - 1, 0),
        "uri": uri(page, given.get("PageToken")),
        "first_page_uri": uri(0),
        "next_page_uri": uri(page + 1, f"PA{shown[-1].sid}") if more else None,
        "previous_page_uri": uri(0) if page == 1 else None,  # further back Twilio needs tokens that nobody uses
    }


def _position(network: PhoneNetwork, token: str, page: int) -> int | None:
    """The number of the text that the page follows; Twilio refuses a page without its token."""
    if not token:
        if page > 0:
            raise Refused(20001, "PageToken is required for paging.")
        return None
    last: Message | None = network.journal.find(token.removeprefix("PA"))
    if last is None:
        raise Refused(20001, "PageToken is invalid")
    return last.number


def _wanted(given: Mapping[str, str]) -> Wanted:
    sent_from, sent_until = None, None
    if "DateSent" in given:
        sent_from, sent_until = _span(given["DateSent"], "DateSent")
    if "DateSent>" in given:
        sent_from = _span(given["DateSent>"], "DateSent>")[0]
    if "DateSent<" in given:
        sent_until = _span(given["DateSent<"], "DateSent<")[1]
    return Wanted(
        recipient=plain_number(given["To"]) if given.get("To") else None,
        sender=plain_number(given["From"]) if given.get("From") else None,
        sent_from=sent_from,
        sent_until=sent_until,
    )


def _span(text: str, name: str) -> tuple[datetime, datetime]:
    """The day or the second that is meant: [start, end)."""
    try:
        start = datetime.fromisoformat(text)
    except ValueError as exc:
        raise Refused(20001, f"{name} is not a date") from exc
    start = start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)
    return start, start + (timedelta(days=1) if len(text) == 10 else timedelta(seconds=1))


def _whole(given: Mapping[str, str], name: str, otherwise: int, *, least: int) -> int:
    text = given.get(name, "")
    if not text:
        return otherwise
    if not (text.isascii() and text.isdigit()) or int(text) < least:
        raise Refused(20001, f"{name} must be a whole number from {least}")
    return int(text)

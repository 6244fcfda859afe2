"""The page on which each phone's texts can be read and answered. It works without its script, which only refreshes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from simulators.phone.answering import Behaviour, Choice, Phone, choices, code_asked_for
from simulators.phone.control import known_number
from simulators.phone.message import ERROR_MESSAGES, Direction, Message, Status
from simulators.phone.network import PhoneNetwork
from simulators.phone.rest import posted_fields

LONDON = ZoneInfo("Europe/London")
SHOWN = 50  # texts a phone; older ones stay in the journal
LONGEST_TEXT = 1600
STATIC = Path(__file__).parent / "static"

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

STATES = {
    Status.QUEUED: "Waiting to be sent",
    Status.SENT: "Sent, not on the phone yet",
    Status.DELIVERED: "Delivered",
    Status.UNDELIVERED: "Not delivered: never reached the phone",
    Status.FAILED: "Not sent: never reached the phone",
    Status.RECEIVING: "On its way to the service",
    Status.RECEIVED: "The service has it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubble:
    """One text as it is drawn."""

    sid: str
    said_by: str
    side: str  # "in": from the service; "out": typed on this phone
    body: str
    at: datetime
    state: str
    went_wrong: bool
    intention: str  # what the phone will answer by itself, and when


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One phone as it is drawn."""

    anchor: str
    number: str
    shown_number: str
    name: str
    role: str
    habit: str
    has_stopped: bool
    older: int
    bubbles: list[Bubble]
    choices: list[Choice]


def make_page(network: PhoneNetwork) -> APIRouter:
    """`/` and the form below each phone."""
    router = APIRouter()
    loader = PackageLoader("simulators.phone")
    templates = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = templates.get_template("phones.html")

    @router.get("/")
    def phones(seen: str = "") -> Response:
        version = network.journal.version()
        now = london(network.clock.now())
        headers = HEADERS | {"X-Service-Time": now}
        if seen == version:
            return Response(status_code=204, headers=headers)
        page = template.render(screens=screens(network), version=version, now=now, longest=LONGEST_TEXT)
        return HTMLResponse(page, headers=headers)

    @router.post("/phones/{number}/texts")
    def type_text(
        request: Request, number: str, fields: Annotated[Mapping[str, Sequence[str]], Depends(posted_fields)]
    ) -> Response:
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise HTTPException(403, "only this page may type on a phone")
        phone = known_number(number)
        body = fields.get("body", [""])[-1].strip()
        if not body or len(body) > LONGEST_TEXT:
            raise HTTPException(422, f"a text has 1 to {LONGEST_TEXT} characters")
        network.reply(phone, body)
        return RedirectResponse(f"/#{anchor(phone)}", 303)

    return router


def screens(network: PhoneNetwork) -> list[Screen]:
    """The configured phones in their order, then every other that has a text."""
    others = [Phone(number=number) for number in network.journal.phones() if number not in network.phones]
    stopped = network.journal.opted_out()
    return [
        _screen(network, phone, has_stopped=phone.number in stopped) for phone in [*network.phones.values(), *others]
    ]


def anchor(number: str) -> str:
    """The phone's place on the page."""
    return f"phone-{number.lstrip('+')}"


def london(at: datetime) -> str:
    """The service's time as people in Britain read it."""
    return f"{at.astimezone(LONDON):%a %-d %b, %H:%M}"


def _screen(network: PhoneNetwork, phone: Phone, *, has_stopped: bool) -> Screen:
    texts = network.journal.with_phone(phone.number)
    shown = texts[-SHOWN:]
    return Screen(
        anchor=anchor(phone.number),
        number=phone.number,
        shown_number=_spaced(phone.number),
        name=phone.name,
        role=phone.role,
        habit=_habit(phone),
        has_stopped=has_stopped,
        older=len(texts) - len(shown),
        bubbles=[_bubble(message) for message in shown],
        choices=_choices(shown),
    )


def _habit(phone: Phone) -> str:
    minutes = f"{phone.after.total_seconds() / 60:g}"
    after = f"after {minutes} minute{'' if minutes == '1' else 's'}"
    return {
        Behaviour.IGNORE: "Answers only when you do",
        Behaviour.ANSWER: f"Takes alerts on by itself {after}",
        Behaviour.PASS_ON: f"Passes alerts on by itself {after}",
    }[phone.behaviour]


def _choices(messages: Sequence[Message]) -> list[Choice]:
    """Of the newest text on the phone that asks for an answer."""
    for message in reversed(messages):
        if message.is_on_phone and code_asked_for(message.body):
            return choices(message.body)
    return []


def _bubble(message: Message) -> Bubble:
    inbound = message.direction is Direction.INBOUND
    state = STATES[message.status]
    if message.error_code:
        state += f" (error {message.error_code}, {ERROR_MESSAGES.get(message.error_code, 'unknown')})"
    if message.note:
        state = f"The service did not take it ({message.note})"
    intention = ""
    if message.answer and message.answer_due_at:
        intention = f"Will answer “{message.answer}” by itself, {london(message.answer_due_at)}"
    return Bubble(
        sid=message.sid,
        said_by="This phone" if inbound else "The carrier" if message.by_carrier else "Telecare",
        side="out" if inbound else "in",
        body=message.body,
        at=message.created_at.astimezone(LONDON),
        state=state,
        went_wrong=bool(message.error_code or message.note),
        intention=intention,
    )


def _spaced(number: str) -> str:
    """+44 7700 900101, as it is read aloud."""
    if number.startswith("+44") and len(number) == 13:
        return f"{number[:3]} {number[3:7]} {number[7:]}"
    return number

"""What tests and the demo tell the network: how to misbehave, and what a person types on a phone."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from simulators.phone.mischief import ANSWERS, FATES, POSTINGS, Answer, Fate, Misbehaviour, Posting
from simulators.phone.network import PhoneNetwork
from simulators.phone.order import is_phone_number, plain_number


class MisbehaviourBody(BaseModel, extra="forbid"):
    """One misbehaviour to be switched on."""

    name: str
    times: Annotated[int, Field(ge=1)] | None = None
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    to: str | None = None
    seconds: Annotated[float, Field(ge=0, le=3600)] | None = None
    error_code: Annotated[int, Field(ge=10_000, le=99_999)] | None = None
    reads: bool = False


class ControlBody(BaseModel, extra="forbid"):
    """All that shall be on; an empty list is good behaviour."""

    misbehaviours: list[MisbehaviourBody]


class ReplyBody(BaseModel, extra="forbid"):
    """A text typed on a phone."""

    body: Annotated[str, Field(min_length=1, max_length=1600)]


def make_control(network: PhoneNetwork) -> APIRouter:
    """`/control` and the replies by API."""
    router = APIRouter()

    @router.get("/control")
    def show() -> dict[str, Any]:
        tables: dict[str, Answer | Fate | Posting] = {**ANSWERS, **FATES, **POSTINGS}
        return {
            "on": [MisbehaviourBody(**_columns(one)).model_dump() for one in network.mischief.active()],
            "offered": {name: {"stage": row.stage, "says": row.says} for name, row in tables.items()},
        }

    @router.post("/control")
    def change(body: ControlBody) -> dict[str, Any]:
        try:
            wanted = [Misbehaviour(**one.model_dump()) for one in body.misbehaviours]
        except ValueError as exc:
            raise HTTPException(422, str(exc)) from exc
        network.mischief.switch_to(wanted)
        return show()

    @router.post("/phones/{number}/reply", status_code=202)
    def reply(number: str, body: ReplyBody) -> dict[str, str]:
        return {"sid": network.reply(known_number(number), body.body).sid}

    return router


def known_number(text: str) -> str:
    """The number in an address, or 404."""
    number = plain_number(text)
    if not is_phone_number(number):
        raise HTTPException(404, "no such phone")
    return number


def _columns(one: Misbehaviour) -> dict[str, Any]:
    return {name: getattr(one, name) for name in MisbehaviourBody.model_fields}

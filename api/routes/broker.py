"""What RabbitMQ asks before it lets a home connect, publish or subscribe (`rabbitmq_auth_backend_http`).

Only the broker may ask: the address holds a secret that the two share. Ingest's own credential is RabbitMQ's affair, so
that ingest goes on while this process is away. No page, no staff, no session.

A home may connect with its secret and its own client id only; write below its topic; read its acknowledgements; and
have the queue that RabbitMQ makes for its own client id. Everything else is denied.
"""

import logging
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import PlainTextResponse, Response

from api.dependencies import CONNECTION_WAIT, PartsOf
from api.errors import NotFound
from api.security import same_token
from store.database import Pool
from store.hub_credential import HubCredential, credential_of, is_secret

router = APIRouter(prefix="/broker/{secret}", include_in_schema=False)
log = logging.getLogger(__name__)

VHOST = "/"
EXCHANGE = "amq.topic"  # where RabbitMQ's MQTT plugin publishes
FIELDS = 40  # of a question; RabbitMQ sends a dozen


def asked_by_the_broker(secret: str, parts: PartsOf) -> None:
    """Whoever does not know the secret finds nothing here; no secret set: nobody does."""
    if not same_token(secret, parts.settings.broker_secret.get_secret_value()):
        raise NotFound("There is nothing at this address.")


async def asked(request: Request) -> dict[str, str]:
    """The fields of the question."""
    async with request.form(max_files=0, max_fields=FIELDS) as form:
        return {name: value for name, value in form.multi_items() if isinstance(value, str)}


Asked = Annotated[dict[str, str], Depends(asked)]
guarded = [Depends(asked_by_the_broker)]


@router.post("/user", dependencies=guarded)
def may_connect(fields: Asked, parts: PartsOf) -> Response:
    """Is this the home's secret, and the client id that goes with it?"""
    held = standing(parts.pool, fields)
    if held is None or not is_secret(fields.get("password", ""), held.secret_hash):
        log.warning("the broker was told to refuse %r: no such credential", fields.get("username", "")[:32])
        return deny()
    if not same_token(fields.get("client_id", ""), held.client_id):
        log.warning("the broker was told to refuse %s: not its client id", held.home_code)
        return deny()
    return allow()


@router.post("/vhost", dependencies=guarded)
def may_enter(fields: Asked, parts: PartsOf) -> Response:
    """May it be in this virtual host?"""
    return answer(fields.get("vhost") == VHOST and standing(parts.pool, fields) is not None)


@router.post("/resource", dependencies=guarded)
def may_touch(fields: Asked, parts: PartsOf) -> Response:
    """May it use this exchange or queue?"""
    held = standing(parts.pool, fields)
    return answer(held is not None and fields.get("vhost") == VHOST and is_own_resource(held, fields))


@router.post("/topic", dependencies=guarded)
def may_speak(fields: Asked, parts: PartsOf) -> Response:
    """May it write or read this topic?"""
    held = standing(parts.pool, fields)
    is_ours = fields.get("vhost") == VHOST and fields.get("name") == EXCHANGE
    return answer(held is not None and is_ours and is_own_topic(held, fields))


def standing(pool: Pool, fields: dict[str, str]) -> HubCredential | None:
    """The credential of the home that calls itself so, unless it was revoked."""
    code = fields.get("username", "")
    if not code or not code.isascii() or not code.isprintable():
        return None
    with pool.connection(timeout=CONNECTION_WAIT) as conn:
        held = credential_of(conn, code)
    return held if held is not None and held.revoked_at is None else None


def is_own_resource(held: HubCredential, fields: dict[str, str]) -> bool:
    """The topic exchange (never to be changed), and the queue of its own client id."""
    kind, name, permission = fields.get("resource"), fields.get("name"), fields.get("permission")
    if kind == "exchange":
        return name == EXCHANGE and permission in {"read", "write"}
    # 3.10 names it mqtt-subscription-<client id>qos0, or qos1
    own = {f"mqtt-subscription-{held.client_id}qos{qos}" for qos in (0, 1)}
    return kind == "queue" and name in own and permission in {"configure", "read", "write"}


def is_own_topic(held: HubCredential, fields: dict[str, str]) -> bool:
    """By RabbitMQ's routing key, in which a dot stands for the slash."""
    key = fields.get("routing_key", "")
    if fields.get("permission") == "write":
        return key.startswith(f"homes.{held.partition:02d}.{held.home_code}.")
    return fields.get("permission") == "read" and key == f"acks.{held.home_code}"


def answer(is_allowed: bool) -> Response:
    """In RabbitMQ's words."""
    return allow() if is_allowed else deny()


def allow() -> Response:
    """Yes, and without any tag: a home has no business with the broker's management."""
    return PlainTextResponse("allow")


def deny() -> Response:
    """No."""
    return PlainTextResponse("deny")

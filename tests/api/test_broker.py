"""What RabbitMQ asks about homes, and that nobody else may ask. The questions are those that 3.10 was seen to send."""

from datetime import datetime

import pytest

from store.database import Conn
from store.hub_credential import hash_secret, put_credential, revoke_credential
from tests.api.conftest import Browser, Open, World

SECRET = "shared-with-the-broker-and-nobody-else"
ASK = f"/broker/{SECRET}"
CLIENT_ID = "hub-00112233445566778899aabb"
WHO = {"username": "K7", "vhost": "/", "client_id": CLIENT_ID, "tags": ""}


@pytest.fixture
def rabbit(open_browser: Open, world: World, conn: Conn, now: datetime) -> Browser:
    """The broker; home K7 has a credential, X1 has one that was revoked."""
    put_credential(conn, world.home.id, secret_hash=hash_secret("right"), client_id=CLIENT_ID, now=now)
    put_credential(conn, world.other_home.id, secret_hash=hash_secret("right"), client_id="hub-x", now=now)
    revoke_credential(conn, world.other_home.id, now=now)
    conn.commit()
    return open_browser(broker_secret=SECRET)


def asked(rabbit: Browser, what: str, **fields: str) -> str:
    answer = rabbit.post(f"{ASK}/{what}", {**WHO, **fields})
    assert answer.status_code == 200
    return answer.text


def test_a_home_comes_in_with_its_own_secret_and_client_id_only(rabbit: Browser) -> None:
    assert asked(rabbit, "user", password="right") == "allow"
    assert asked(rabbit, "user", password="wrong") == "deny"
    assert asked(rabbit, "user", password="") == "deny"
    assert asked(rabbit, "user") == "deny"
    assert asked(rabbit, "user", password="right", client_id="hub-of-somebody-else") == "deny"
    assert asked(rabbit, "user", password="right", client_id="") == "deny"


@pytest.mark.parametrize("name", ["X1", "NOBODY", "", "k7", "K7\x00", "K7'--", "ß", "x" * 5000])
def test_a_revoked_or_unknown_name_is_denied_everything(rabbit: Browser, name: str) -> None:
    assert asked(rabbit, "user", username=name, password="right", client_id="hub-x") == "deny"
    assert asked(rabbit, "vhost", username=name) == "deny"
    queue = {"resource": "queue", "name": f"mqtt-subscription-{CLIENT_ID}qos0", "permission": "read"}
    assert asked(rabbit, "resource", username=name, **queue) == "deny"
    topic = {
        "resource": "topic",
        "name": "amq.topic",
        "permission": "write",
        "routing_key": "homes.00.X1.native.events",
    }
    assert asked(rabbit, "topic", username=name, **topic) == "deny"


def test_a_home_uses_the_queue_of_its_own_client_id_and_the_topic_exchange_and_nothing_else(rabbit: Browser) -> None:
    for permission in ("configure", "read", "write"):
        own = {"resource": "queue", "name": f"mqtt-subscription-{CLIENT_ID}qos0", "permission": permission}
        assert asked(rabbit, "resource", **own) == "allow"
        foreign = own | {"name": "mqtt-subscription-telecare-ingestqos1"}
        assert asked(rabbit, "resource", **foreign) == "deny"
        exchange = {"resource": "exchange", "name": "amq.topic", "permission": permission}
        assert asked(rabbit, "resource", **exchange) == ("deny" if permission == "configure" else "allow")
        assert asked(rabbit, "resource", **(exchange | {"name": ""})) == "deny"
    assert asked(rabbit, "resource") == "deny"
    assert asked(rabbit, "vhost") == "allow"
    assert asked(rabbit, "vhost", vhost="other") == "deny"


def test_a_home_writes_below_its_topic_and_reads_its_acknowledgements_and_nothing_else(
    rabbit: Browser, world: World
) -> None:
    own = f"homes.{world.home.partition:02d}.K7."

    def may(permission: str, key: str, name: str = "amq.topic") -> bool:
        fields = {"resource": "topic", "name": name, "permission": permission, "routing_key": key}
        return asked(rabbit, "topic", **fields) == "allow"

    assert may("write", f"{own}native.events")
    assert may("write", f"{own}zigbee2mqtt.Küche Tür 1.5")
    assert may("read", "acks.K7")
    assert not may("write", f"{own}native.events", name="amq.fanout")
    assert not may("read", f"{own}native.events")
    assert not may("write", "acks.K7")
    assert not may("configure", f"{own}native.events")
    elsewhere = (world.home.partition + 1) % 64
    for key in (f"homes.{elsewhere:02d}.K7.x", "homes.00.X1.x", own.rstrip("."), own.replace("K7", "K77"), "", "#"):
        assert not may("write", key)
    for key in ("acks.X1", "acks.#", "acks.*", "#", "acks.K7.x", "acks"):
        assert not may("read", key)


@pytest.mark.parametrize("path", ["/broker/guess/user", "/broker//user", f"/broker/{SECRET}x/user", "/broker/user"])
def test_whoever_does_not_know_the_brokers_secret_finds_nothing_there(rabbit: Browser, path: str) -> None:
    assert rabbit.post(path, {**WHO, "password": "right"}).status_code == 404


def test_nobody_may_ask_while_no_secret_is_set(rabbit: Browser, open_browser: Open) -> None:
    unset = open_browser()
    for path in (f"{ASK}/user", "/broker//user", "/broker/%20/user"):
        assert unset.post(path, {**WHO, "password": "right"}).status_code == 404


def test_a_question_in_the_address_is_not_answered_because_addresses_are_logged(rabbit: Browser) -> None:
    assert rabbit.get(f"{ASK}/user?username=K7&password=right&client_id={CLIENT_ID}").status_code == 405

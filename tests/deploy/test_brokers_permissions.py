"""What a home's credential may do on each of the three real brokers; home CHARLIE is the outsider and sees nothing."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from store.home import partition_of
from tests.deploy.mqtt import Connect, Connection, eventually, own_topic
from tests.deploy.servers.common import RealServer

ELSEWHERE = [
    own_topic("ALICE", "native/events"),
    own_topic("ALICE", "native/events").replace("/", "."),
    "acks/ALICE",
    "acks/CHARLIE",
    "homes",
    "elsewhere",
    "$SYS/broker/uptime",
]
MORE = [
    "#", "+/#", "homes/#", "homes/+/+/#", "acks/#", "acks/+", "acks/ALICE", "+/+", own_topic("ALICE", "#"),
    own_topic("CHARLIE", "#"), "$SYS/#", "$share/all/homes/#", "$share/all/#",
]  # fmt: skip


def home_of(server: RealServer, connect: Connect, code: str) -> Connection:
    connection = connect(server.homes_port, server.credentials(code), ca=server.ca)
    assert connection.refused is None
    return connection


def answered(connection: Connection, is_answered: Callable[[], bool]) -> bool:
    """The broker took it, refused it, or ended the connection for it."""
    return is_answered() or connection.disconnects > 0


def has(connection: Connection, payload: str) -> bool:
    return payload in connection.payloads


def ingest_of(server: RealServer, connect: Connect, topic_filter: str = "homes/#") -> Connection:
    ingest = connect(server.port, server.credentials())
    assert ingest.subscribe(topic_filter)
    return ingest


def test_a_home_writes_below_its_own_topic_and_reads_its_own_acknowledgements_only(
    server: RealServer, connect: Connect
) -> None:
    ingest = ingest_of(server, connect)
    alice, charlie = home_of(server, connect, "ALICE"), home_of(server, connect, "CHARLIE")
    assert alice.subscribe("acks/ALICE", qos=0)
    assert charlie.subscribe("acks/CHARLIE", qos=0)
    assert alice.publish(own_topic("ALICE", "native/events"), "reading")
    assert eventually(lambda: "reading" in ingest.payloads)
    ingest.publish("acks/ALICE", "for Alice", qos=0)
    ingest.publish("acks/CHARLIE", "for Charlie", qos=0)
    assert eventually(lambda: alice.payloads == ["for Alice"])
    assert eventually(lambda: charlie.payloads == ["for Charlie"])


def test_what_a_home_publishes_elsewhere_reaches_nobody(server: RealServer, connect: Connect) -> None:
    ingest = ingest_of(server, connect)
    alice = home_of(server, connect, "ALICE")
    assert alice.subscribe("acks/ALICE")
    for topic in ELSEWHERE:
        charlie = home_of(server, connect, "CHARLIE")
        forged = charlie.publish_soon(topic, "forged")
        assert eventually(partial(answered, charlie, forged.is_published))
        charlie.close()
    charlie = home_of(server, connect, "CHARLIE")
    assert charlie.publish(own_topic("CHARLIE", "native/events"), "afterwards")
    assert eventually(lambda: "afterwards" in ingest.payloads)
    assert "forged" not in ingest.payloads
    assert "forged" not in alice.payloads


def test_a_home_keeps_to_its_partition_or_ingest_can_tell(server: RealServer, connect: Connect) -> None:
    """A pattern of Mosquitto's cannot know the partition. Ingest refuses it: tests/journey/test_bridge.py."""
    ingest = ingest_of(server, connect)
    charlie = home_of(server, connect, "CHARLIE")
    foreign = f"homes/{(partition_of('CHARLIE') + 1) % 64:02d}/CHARLIE/native/events"
    forged = charlie.publish_soon(foreign, "astray")
    assert eventually(lambda: forged.is_published() or charlie.disconnects > 0)
    charlie.close()
    assert home_of(server, connect, "CHARLIE").publish(own_topic("CHARLIE", "native/events"), "at home")
    assert eventually(lambda: "at home" in ingest.payloads)
    arrived = [message.topic for message in ingest.received if message.payload == b"astray"]
    assert arrived == ([] if server.quirks.checks_partition else [foreign])


def test_a_home_that_asks_for_more_is_given_nothing(server: RealServer, connect: Connect) -> None:
    """NATS refuses the subscription, RabbitMQ ends the connection, Mosquitto grants it and delivers nothing."""
    alice = home_of(server, connect, "ALICE")
    ingest = ingest_of(server, connect)
    for topic_filter in MORE:
        charlie = connect(server.homes_port, server.credentials("CHARLIE"), ca=server.ca)
        asked = charlie.subscribe_soon(topic_filter)
        assert eventually(partial(answered, charlie, partial(charlie.was_answered, asked)))
        assert alice.publish(own_topic("ALICE", "zigbee2mqtt/bridge/state"), f"private {topic_filter}", retain=True)
        ingest.publish("acks/ALICE", "private", qos=0)
        assert eventually(partial(has, ingest, f"private {topic_filter}"))
        assert charlie.received == [], topic_filter
        charlie.close()


def test_a_last_will_on_a_foreign_topic_is_never_published(server: RealServer, connect: Connect) -> None:
    ingest = ingest_of(server, connect)
    charlie = connect(
        server.homes_port,
        server.credentials("CHARLIE"),
        will=(own_topic("ALICE", "native/status"), "evil"),
        ca=server.ca,
    )
    charlie.drop()
    assert not eventually(lambda: "evil" in ingest.payloads, seconds=1.5)


def test_ingest_cannot_speak_for_a_home(server: RealServer, connect: Connect) -> None:
    ingest = ingest_of(server, connect)
    other = connect(server.port, server.credentials())
    forged = other.publish_soon(own_topic("ALICE", "native/events"), "invented")
    assert eventually(lambda: forged.is_published() or other.disconnects > 0)
    other.close()
    assert home_of(server, connect, "ALICE").publish(own_topic("ALICE", "native/events"), "real")
    assert eventually(lambda: "real" in ingest.payloads)
    assert "invented" not in ingest.payloads


def test_without_a_credential_or_with_a_wrong_secret_nobody_gets_in(server: RealServer, connect: Connect) -> None:
    assert connect(server.homes_port, None, ca=server.ca).refused
    for wrong in ("guess", ""):
        credential = replace(server.credentials("ALICE"), password=wrong)
        assert connect(server.homes_port, credential, ca=server.ca).refused
    nobody = replace(server.credentials("ALICE"), username="NOBODY")
    assert connect(server.homes_port, nobody, ca=server.ca).refused
    assert connect(server.port, replace(server.credentials(), password="guess")).refused


def test_a_home_cannot_end_another_homes_connection_with_its_client_id(server: RealServer, connect: Connect) -> None:
    if server.name == "nats":
        pytest.skip("NATS cannot bind a client id to a credential: there it is secret instead, see test_broker")
    alice = home_of(server, connect, "ALICE")
    thief = replace(server.credentials("CHARLIE"), client_id=server.credentials("ALICE").client_id)
    connect(server.homes_port, thief, ca=server.ca)
    assert alice.publish(own_topic("ALICE", "native/events"), "still here")
    assert alice.disconnects == 0


def test_a_revoked_home_is_disconnected_at_once_and_stays_out_and_the_others_stay(
    server: RealServer, connect: Connect
) -> None:
    alice = home_of(server, connect, "ALICE")
    ingest = ingest_of(server, connect)
    credential = server.credentials("LEAVER")
    leaver = home_of(server, connect, "LEAVER")
    server.revoke("LEAVER")
    assert eventually(lambda: leaver.disconnects > 0)
    assert eventually(lambda: leaver.refused is not None, seconds=20.0)
    leaver.close()
    assert connect(server.homes_port, credential, ca=server.ca).refused
    assert alice.publish(own_topic("ALICE", "native/events"), "still here")
    assert eventually(lambda: "still here" in ingest.payloads)
    assert alice.disconnects == ingest.disconnects == 0
    back = home_of(server, connect, "LEAVER")  # given a new one
    assert back.publish(own_topic("LEAVER", "native/events"), "back")
    assert eventually(lambda: "back" in ingest.payloads)


def test_a_renewed_secret_cuts_off_whoever_uses_the_old_one(server: RealServer, connect: Connect) -> None:
    old = server.credentials("RENEWED")
    before = home_of(server, connect, "RENEWED")
    new = server.renew("RENEWED")
    assert (new.username, new.client_id) == (old.username, old.client_id)
    assert eventually(lambda: before.disconnects > 0)
    before.close()
    assert connect(server.homes_port, old, ca=server.ca).refused
    assert connect(server.homes_port, new, ca=server.ca).refused is None

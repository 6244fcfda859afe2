"""What a home's credential may do on the embedded broker, and what an outsider may: home CHARLIE must see nothing."""

from dataclasses import replace

import pytest

from deploy.local_stack.handshake import accepts
from tests.conftest import TestBroker
from tests.deploy.mqtt import Connect, eventually, own_topic


def test_a_home_publishes_below_its_own_topic_and_ingest_reads_it(broker: TestBroker, connect: Connect) -> None:
    ingest = connect(broker.port, broker.credentials())
    assert ingest.subscribe("homes/#")
    hub = connect(broker.port, broker.credentials("PERM-A"))
    assert hub.publish(own_topic("PERM-A", "native/events"), "reading")
    assert eventually(lambda: "reading" in ingest.payloads)


def test_a_home_reads_its_own_acknowledgements_and_no_others(broker: TestBroker, connect: Connect) -> None:
    ingest = connect(broker.port, broker.credentials())
    alice = connect(broker.port, broker.credentials("PERM-A"))
    charlie = connect(broker.port, broker.credentials("CHARLIE"))
    assert alice.subscribe("acks/PERM-A", qos=0)
    assert charlie.subscribe("acks/CHARLIE", qos=0)
    ingest.publish("acks/PERM-A", "for A", qos=0)
    ingest.publish("acks/CHARLIE", "for Charlie", qos=0)
    assert eventually(lambda: alice.payloads == ["for A"])
    assert eventually(lambda: charlie.payloads == ["for Charlie"])


@pytest.mark.parametrize("retain", [False, True])
@pytest.mark.parametrize("topic", [own_topic("PERM-B", "native/events"), "acks/PERM-B", "homes", "elsewhere"])
def test_what_a_home_publishes_elsewhere_is_acknowledged_and_dropped(
    broker: TestBroker, connect: Connect, topic: str, retain: bool
) -> None:
    ingest = connect(broker.port, broker.credentials())
    ingest.subscribe("homes/#")
    bob = connect(broker.port, broker.credentials("PERM-B"))
    bob.subscribe("acks/PERM-B")
    charlie = connect(broker.port, broker.credentials("CHARLIE"))
    assert charlie.publish(topic, "forged", retain=retain)
    assert charlie.publish(own_topic("CHARLIE", "native/events"), "afterwards")
    assert eventually(lambda: "afterwards" in ingest.payloads)
    assert "forged" not in ingest.payloads
    assert "forged" not in bob.payloads
    assert charlie.disconnects == 0
    later = connect(broker.port, broker.credentials())
    later.subscribe("homes/#")
    assert not eventually(lambda: "forged" in later.payloads, seconds=0.3)


@pytest.mark.parametrize(
    "topic_filter",
    [
        "#", "+/#", "homes/#", "homes/+/+/#", "homes", "acks/#", "acks/+", "acks/PERM-A", "+/+",
        own_topic("PERM-A", "#"), own_topic("CHARLIE", "#"), "$MQTT/#", "$JS/#", "$SYS/#",
    ],
)  # fmt: skip
def test_a_home_cannot_subscribe_to_more_than_its_acknowledgements(
    broker: TestBroker, connect: Connect, topic_filter: str
) -> None:
    alice = connect(broker.port, broker.credentials("PERM-A"))
    charlie = connect(broker.port, broker.credentials("CHARLIE"))
    assert not charlie.subscribe(topic_filter)
    assert not charlie.subscribe(topic_filter, qos=0)
    alice.publish(own_topic("PERM-A", "zigbee2mqtt/bridge/state"), "private", retain=True)
    assert not eventually(lambda: charlie.received, seconds=0.2)


def test_a_last_will_on_a_foreign_topic_is_never_published(broker: TestBroker, connect: Connect) -> None:
    ingest = connect(broker.port, broker.credentials())
    ingest.subscribe("homes/#")
    charlie = connect(broker.port, broker.credentials("CHARLIE"), will=(own_topic("PERM-B", "native/status"), "evil"))
    charlie.drop()
    assert not eventually(lambda: "evil" in ingest.payloads, seconds=1.0)


def test_taking_over_a_session_gives_nothing_of_what_it_had_subscribed_to(broker: TestBroker, connect: Connect) -> None:
    credential = broker.credentials()
    ingest = connect(broker.port, credential, clean=False, manual=True)
    ingest.subscribe("homes/#")
    ingest.drop()
    thief = connect(
        broker.port, replace(broker.credentials("CHARLIE"), client_id=credential.client_id), clean=False, manual=True
    )
    hub = connect(broker.port, broker.credentials("PERM-A"))
    hub.publish(own_topic("PERM-A", "native/events"), "kept for ingest")
    assert not eventually(lambda: thief.received, seconds=0.5)
    thief.close()
    ingest = connect(broker.port, credential, clean=False, manual=True)
    assert eventually(lambda: "kept for ingest" in ingest.payloads)


def test_client_ids_cannot_be_guessed_because_whoever_knows_one_ends_its_connection(broker: TestBroker) -> None:
    ids = {broker.credentials(code).client_id for code in ("PERM-A", "PERM-B", "CHARLIE")}
    ids.add(broker.server.credentials.ingest().client_id)
    assert len(ids) == 4
    assert all(len(client_id.split("-")[1]) == 24 for client_id in ids)


def test_ingest_cannot_speak_for_a_home(broker: TestBroker, connect: Connect) -> None:
    ingest = connect(broker.port, broker.credentials())
    ingest.subscribe("homes/#")
    ingest.publish(own_topic("PERM-A", "native/events"), "invented")
    assert not eventually(lambda: "invented" in ingest.payloads, seconds=0.5)


def test_without_a_credential_or_with_a_wrong_password_nobody_gets_in(broker: TestBroker, connect: Connect) -> None:
    assert connect(broker.port, None).refused == "Not authorized"
    wrong = replace(broker.credentials("PERM-A"), password="guess")
    assert connect(broker.port, wrong).refused == "Not authorized"


def test_a_revoked_home_is_disconnected_and_the_others_are_not(broker: TestBroker, connect: Connect) -> None:
    alice = connect(broker.port, broker.credentials("PERM-A"))
    leaver = connect(broker.port, broker.credentials("LEAVER"))
    assert broker.server.revoke_home("LEAVER")
    assert eventually(lambda: leaver.disconnects > 0)
    assert eventually(lambda: leaver.refused == "Not authorized")
    assert not broker.server.revoke_home("LEAVER")
    assert alice.publish(own_topic("PERM-A", "native/events"), "still here")
    assert alice.disconnects == 0


def test_a_new_home_is_let_in_while_the_others_stay_connected(broker: TestBroker, connect: Connect) -> None:
    ingest = connect(broker.port, broker.credentials(), clean=False)
    ingest.subscribe("homes/#")
    added = broker.server.add_homes(["NEW-1", "NEW-2"])
    assert all(accepts(broker.host, broker.port, credential) for credential in added.values())
    assert broker.server.add_homes(["NEW-1"])["NEW-1"] == added["NEW-1"]
    assert ingest.disconnects == 0


@pytest.mark.parametrize("code", ["", "a.b", "a/b", "*", ">", "+", "#", "ingest", 'K7"', "K 7", "ß"])
def test_a_home_code_that_means_something_in_a_topic_is_refused(broker: TestBroker, code: str) -> None:
    with pytest.raises(ValueError, match="cannot be used in a topic"):
        broker.server.add_homes([code])


def test_credentials_can_be_read_by_their_owner_alone(broker: TestBroker) -> None:
    folder = broker.server.log_file.parent
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "credentials.json").stat().st_mode & 0o777 == 0o600
    assert (folder / "nats.conf").stat().st_mode & 0o777 == 0o600

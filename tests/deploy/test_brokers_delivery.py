"""What ingest relies on, on each of the three real brokers. Where they differ: `Quirks`, and docs/brokers.md."""

import time

import pytest

from tests.deploy.mqtt import Connect, Connection, eventually, own_topic
from tests.deploy.servers.common import RealServer


def hub_of(server: RealServer, connect: Connect, code: str, *, will: tuple[str, str] | None = None) -> Connection:
    hub = connect(server.homes_port, server.credentials(code), will=will, ca=server.ca)
    assert hub.refused is None
    return hub


def test_what_arrives_while_ingest_is_away_is_kept_for_it_in_order(server: RealServer, connect: Connect) -> None:
    credential = server.credentials()
    ingest = connect(server.port, credential, clean=False)
    assert ingest.subscribe(own_topic("AWAY", "#"))
    ingest.close()
    hub = hub_of(server, connect, "AWAY")
    for number in range(50):
        assert hub.publish(own_topic("AWAY", "native/events"), str(number))
    ingest = connect(server.port, credential, clean=False)
    assert ingest.had_session
    assert eventually(lambda: len(ingest.payloads) >= 50)
    assert ingest.payloads == [str(number) for number in range(50)]


def test_what_ingest_has_not_acknowledged_comes_again_after_it_died(server: RealServer, connect: Connect) -> None:
    credential = server.credentials()
    ingest = connect(server.port, credential, clean=False, manual=True)
    assert ingest.subscribe(own_topic("AGAIN", "#"))
    hub = hub_of(server, connect, "AGAIN")
    for number in range(4):
        hub.publish(own_topic("AGAIN", "native/events"), str(number))
    assert eventually(lambda: len(ingest.received) == 4)
    ingest.puback(ingest.received[0])
    hub.publish(own_topic("AGAIN", "native/events"), "last")
    assert eventually(lambda: len(ingest.received) == 5)
    ingest.drop()
    ingest = connect(server.port, credential, clean=False, manual=True)
    assert eventually(lambda: len(set(ingest.payloads)) >= 4)
    assert sorted(set(ingest.payloads)) == ["1", "2", "3", "last"]


def test_thousands_wait_for_ingest_and_none_is_dropped(server: RealServer, connect: Connect) -> None:
    """Mosquitto's own default keeps 1,000 and drops the rest without a word."""
    credential = server.credentials()
    ingest = connect(server.port, credential, clean=False)
    assert ingest.subscribe(own_topic("MANY", "#"))
    ingest.close()
    hub = hub_of(server, connect, "MANY")
    sent = [hub.publish_soon(own_topic("MANY", "native/events"), str(number)) for number in range(5000)]
    assert eventually(lambda: all(message.is_published() for message in sent), seconds=60.0)
    ingest = connect(server.port, credential, clean=False)
    assert eventually(lambda: len(set(ingest.payloads)) == 5000, seconds=60.0)


def test_many_are_on_their_way_to_ingest_before_it_answers_the_first(server: RealServer, connect: Connect) -> None:
    """Ingest answers after a commit of many: with the usual 10 or 20 it would wait for each handful."""
    ingest = connect(server.port, server.credentials(), clean=False, manual=True)
    assert ingest.subscribe(own_topic("WIDE", "#"))
    hub = hub_of(server, connect, "WIDE")
    for number in range(1000):
        hub.publish_soon(own_topic("WIDE", "native/events"), str(number))
    assert eventually(lambda: len(set(ingest.payloads)) == 1000, seconds=30.0)


def test_what_was_acknowledged_survives_kill_9(server: RealServer, connect: Connect) -> None:
    """At Mosquitto only from the next save on, some seconds later: the bound of that is tested beside its settings."""
    credential = server.credentials()
    ingest = connect(server.port, credential, clean=False)
    assert ingest.subscribe(own_topic("KILL", "#"))
    ingest.close()
    hub = hub_of(server, connect, "KILL")
    sent = [hub.publish_soon(own_topic("KILL", "native/events"), str(number)) for number in range(2000)]
    assert eventually(lambda: sum(message.is_published() for message in sent) > 300, seconds=30.0)
    acknowledged = {str(number) for number, message in enumerate(sent) if message.is_published()}
    time.sleep(server.quirks.saves_after)
    server.kill()
    hub.close()
    server.start()
    ingest = connect(server.port, credential, clean=False)
    assert ingest.had_session
    assert eventually(lambda: acknowledged <= set(ingest.payloads), seconds=30.0)


def test_a_last_will_reaches_ingest_when_a_hub_is_gone_without_a_word(server: RealServer, connect: Connect) -> None:
    ingest = connect(server.port, server.credentials())
    assert ingest.subscribe(own_topic("WILL", "#"))
    hub = hub_of(server, connect, "WILL", will=(own_topic("WILL", "native/status"), "offline"))
    hub.drop()
    assert eventually(lambda: "offline" in ingest.payloads, seconds=30.0)


@pytest.mark.parametrize("name", ["Flur vorn", "Küche/Tür", "Sensor 1.5"])
def test_a_name_with_spaces_umlauts_or_dots_arrives_as_it_is(server: RealServer, connect: Connect, name: str) -> None:
    topic = own_topic("NAMES", f"zigbee2mqtt/{name}")
    ingest = connect(server.port, server.credentials())
    assert ingest.subscribe(own_topic("NAMES", "#"))
    hub = hub_of(server, connect, "NAMES")
    sent = hub.publish_soon(topic, "{}")
    if " " in name and not server.quirks.takes_spaces:
        assert eventually(lambda: hub.disconnects > 0)
        assert ingest.received == []
        return
    assert eventually(sent.is_published)
    assert eventually(lambda: len(ingest.received) == 1)
    assert ingest.received[0].topic == (topic if server.quirks.dots_stay else topic.replace(".", "/"))


def test_a_large_message_passes_and_a_huge_one_does_not(server: RealServer, connect: Connect) -> None:
    ingest = connect(server.port, server.credentials())
    assert ingest.subscribe(own_topic("LARGE", "#"))
    hub = hub_of(server, connect, "LARGE")
    assert hub.publish(own_topic("LARGE", "zigbee2mqtt/bridge/devices"), "x" * 1_500_000)
    assert eventually(lambda: [len(payload) for payload in ingest.payloads] == [1_500_000])
    huge = "x" * (server.quirks.takes_at_most + 1)
    sent = hub.publish_soon(own_topic("LARGE", "zigbee2mqtt/bridge/devices"), huge)
    if server.quirks.ends_what_is_too_large:
        assert eventually(lambda: hub.disconnects > 0)
    else:
        assert not hub.publish_soon(own_topic("LARGE", "native/events"), "stuck").is_published()
        assert not eventually(sent.is_published, seconds=2.0)
    hub.break_off()
    again = hub_of(server, connect, "LARGE")
    assert again.publish(own_topic("LARGE", "native/events"), "small")
    assert eventually(lambda: ingest.payloads[1:] == ["small"])


def test_a_hub_hears_its_acknowledgements_on_a_clean_session(server: RealServer, connect: Connect) -> None:
    hub = hub_of(server, connect, "HEARS")
    assert hub.subscribe("acks/HEARS", qos=0)
    ingest = connect(server.port, server.credentials())
    ingest.publish("acks/HEARS", '{"boot":"b","seq":1}', qos=0)
    assert eventually(lambda: hub.payloads == ['{"boot":"b","seq":1}'])

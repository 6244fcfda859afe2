"""The embedded broker keeps what it has acknowledged, whatever happens to it or to ingest."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local_stack.broker import Broker
from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.ports import is_free
from deploy.local_stack.process import command_of
from tests.conftest import TestBroker
from tests.deploy.mqtt import Connect, eventually, own_topic


@pytest.fixture
def own_broker(empty_dir: Path, lifeline: Lifeline) -> Iterator[Broker]:
    with Broker(empty_dir, lifeline=lifeline) as broker:
        yield broker


def kill(broker: Broker) -> None:
    assert broker.process is not None
    os.kill(broker.process.pid, signal.SIGKILL)
    assert broker.process.wait(5.0)


def test_what_arrives_while_ingest_is_away_is_kept_for_it_in_order(broker: TestBroker, connect: Connect) -> None:
    credential = broker.credentials()
    ingest = connect(broker.port, credential, clean=False)
    ingest.subscribe("homes/#")
    ingest.close()
    hub = connect(broker.port, broker.credentials("AWAY"))
    for number in range(50):
        hub.publish(own_topic("AWAY", "native/events"), str(number))
    ingest = connect(broker.port, credential, clean=False)
    assert ingest.had_session
    assert eventually(lambda: len(ingest.payloads) >= 50)
    assert ingest.payloads == [str(number) for number in range(50)]


def test_what_is_sent_before_ingest_has_come_up_for_the_first_time_is_kept_too(
    own_broker: Broker, connect: Connect
) -> None:
    hub = connect(own_broker.port, own_broker.add_homes(["EARLY"])["EARLY"])
    hub.publish(own_topic("EARLY", "zigbee2mqtt/Hall"), "early")
    ingest = connect(own_broker.port, own_broker.credentials.ingest(), clean=False)
    assert ingest.subscribe("homes/#")
    assert eventually(lambda: ingest.payloads == ["early"])


def test_what_ingest_has_not_acknowledged_comes_again_after_it_died(broker: TestBroker, connect: Connect) -> None:
    credential = broker.credentials()
    ingest = connect(broker.port, credential, clean=False, manual=True)
    ingest.subscribe("homes/#")
    hub = connect(broker.port, broker.credentials("AGAIN"))
    for number in range(4):
        hub.publish(own_topic("AGAIN", "native/events"), str(number))
    assert eventually(lambda: len(ingest.received) == 4)
    ingest.puback(ingest.received[0])
    hub.publish(own_topic("AGAIN", "native/events"), "last")
    assert eventually(lambda: len(ingest.received) == 5)
    ingest.drop()
    ingest = connect(broker.port, credential, clean=False, manual=True)
    assert eventually(lambda: len(ingest.received) >= 4)
    assert sorted(set(ingest.payloads)) == ["1", "2", "3", "last"]


def test_a_message_of_a_megabyte_passes(broker: TestBroker, connect: Connect) -> None:
    ingest = connect(broker.port, broker.credentials())
    ingest.subscribe("homes/#")
    hub = connect(broker.port, broker.credentials("LARGE"))
    assert hub.publish(own_topic("LARGE", "zigbee2mqtt/bridge/devices"), "x" * 1_500_000)
    assert eventually(lambda: 1_500_000 in [len(payload) for payload in ingest.payloads])


def test_a_last_will_and_a_retained_state_reach_whoever_comes_later(broker: TestBroker, connect: Connect) -> None:
    status = own_topic("WILL", "native/status")
    hub = connect(broker.port, broker.credentials("WILL"), will=(status, "offline"))
    hub.publish(status, "online", retain=True)
    hub.publish(own_topic("WILL", "zigbee2mqtt/bridge/state"), '{"state":"online"}', retain=True)
    hub.drop()
    ingest = connect(broker.port, broker.credentials())
    ingest.subscribe(own_topic("WILL", "#"))
    assert eventually(lambda: {"offline", '{"state":"online"}'} <= set(ingest.payloads))
    assert all(message.retain for message in ingest.received if message.payload == b'{"state":"online"}')


def test_every_acknowledged_message_survives_kill_9(own_broker: Broker, connect: Connect) -> None:
    credential = own_broker.credentials.ingest()
    ingest = connect(own_broker.port, credential, clean=False)
    ingest.subscribe("homes/#")
    ingest.close()
    hub = connect(own_broker.port, own_broker.add_homes(["K7"])["K7"])
    sent = [hub.publish_soon(own_topic("K7", "native/events"), str(number)) for number in range(2000)]
    assert eventually(lambda: sum(message.is_published() for message in sent) > 300)
    port = own_broker.port
    kill(own_broker)
    acknowledged = {str(number) for number, message in enumerate(sent) if message.is_published()}
    hub.close()
    own_broker.start()
    assert own_broker.port == port
    ingest = connect(own_broker.port, credential, clean=False)
    assert ingest.had_session
    assert eventually(lambda: acknowledged <= set(ingest.payloads))


def test_a_slow_ingest_is_not_cut_off_and_loses_nothing(own_broker: Broker, connect: Connect) -> None:
    """A commit that hangs: the network thread stands still while much more arrives than fits in the sockets."""
    ingest = connect(own_broker.port, own_broker.credentials.ingest(), clean=False)
    ingest.subscribe("homes/#")
    ingest.delay = 3.0
    hub = connect(own_broker.port, own_broker.add_homes(["K7"])["K7"])
    sent = [hub.publish_soon(own_topic("K7", "native/events"), f"{number:04d}" + 8000 * "x") for number in range(1500)]
    assert eventually(lambda: all(message.is_published() for message in sent), seconds=30.0)
    assert eventually(lambda: len({payload[:4] for payload in ingest.payloads}) == 1500, seconds=30.0)
    assert ingest.disconnects == 0


def test_a_second_start_finds_credentials_messages_and_port(
    empty_dir: Path, lifeline: Lifeline, connect: Connect
) -> None:
    with Broker(empty_dir, lifeline=lifeline) as broker:
        first = (broker.port, broker.credentials.ingest(), broker.add_homes(["K7"]))
        ingest = connect(broker.port, first[1], clean=False)
        ingest.subscribe("homes/#")
        ingest.close()
        connect(broker.port, first[2]["K7"]).publish(own_topic("K7", "native/events"), "kept")
    with Broker(empty_dir, lifeline=lifeline) as broker:
        assert (broker.port, broker.credentials.ingest(), broker.credentials.homes()) == first
        ingest = connect(broker.port, first[1], clean=False)
        assert eventually(lambda: ingest.payloads == ["kept"])


def test_another_process_may_add_a_home_to_a_running_broker(
    own_broker: Broker, connect: Connect, empty_dir: Path
) -> None:
    credential = Broker(empty_dir).add_homes(["K8"])["K8"]
    assert connect(own_broker.port, credential).publish(own_topic("K8", "native/events"), "hello")


def test_a_home_may_be_added_before_the_broker_has_ever_run(
    empty_dir: Path, lifeline: Lifeline, connect: Connect
) -> None:
    credential = Broker(empty_dir).add_homes(["K9"])["K9"]
    with Broker(empty_dir, lifeline=lifeline) as broker:
        assert connect(broker.port, credential).refused is None


def test_a_broker_left_over_from_a_killed_stack_is_stopped_by_the_next(own_broker: Broker, empty_dir: Path) -> None:
    assert own_broker.process is not None
    left_over = own_broker.process
    with Broker(empty_dir) as broker:
        assert eventually(lambda: left_over.exit_code() is not None)
        assert broker.process is not None
        assert command_of(broker.process.pid)


def test_a_stopped_broker_leaves_no_open_port(empty_dir: Path) -> None:
    with Broker(empty_dir) as broker:
        port = broker.port
        assert not is_free(port)
    assert is_free(port)

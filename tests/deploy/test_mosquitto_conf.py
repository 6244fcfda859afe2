"""What deploy/mosquitto.conf promises of Mosquitto alone: what a kill -9 takes, and that ingest checks whom it asks."""

import contextlib
import gc
import logging
import time
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from deploy.local_stack.handshake import accepts
from deploy.local_stack.ports import LOOPBACK
from ingest.settings import BrokerSettings
from ingest.subscriber import Subscriber
from store.clock import make_clock
from tests.deploy.mqtt import Connect, eventually, own_topic
from tests.deploy.servers.mosquitto import MosquittoServer
from tests.ingest.wires import SHORT, wait_until


def test_kill_9_takes_only_what_was_acknowledged_after_the_last_save(
    mosquitto: MosquittoServer, connect: Connect
) -> None:
    """A steady stream, as from homes. What was acknowledged some seconds before the end is there afterwards, all of it;
    of the last seconds some is lost, and this prints how much."""
    credential = mosquitto.credentials()
    ingest = connect(mosquitto.port, credential, clean=False)
    assert ingest.subscribe(own_topic("STREAM", "#"))
    ingest.close()
    hub = connect(mosquitto.homes_port, mosquitto.credentials("STREAM"), ca=mosquitto.ca)
    acknowledged: list[tuple[str, float]] = []
    until = time.monotonic() + 2 * mosquitto.quirks.saves_after
    while time.monotonic() < until:
        number = str(len(acknowledged))
        assert hub.publish(own_topic("STREAM", "native/events"), number)
        acknowledged.append((number, time.monotonic()))
        time.sleep(0.005)
    mosquitto.kill()
    killed_at = time.monotonic()
    hub.close()
    mosquitto.start()
    ingest = connect(mosquitto.port, credential, clean=False)
    assert ingest.had_session
    safe = {number for number, at in acknowledged if killed_at - at > mosquitto.quirks.saves_after}
    assert len(safe) > 50
    assert eventually(lambda: safe <= set(ingest.payloads), seconds=30.0)
    assert not eventually(lambda: False, seconds=0.5)  # whatever else was kept
    lost = [killed_at - at for number, at in acknowledged if number not in ingest.payloads]
    print(f"lost {len(lost)} of {len(acknowledged)}, none older than {max(lost, default=0.0):.2f} s")


def over_tls(server: MosquittoServer, ca: Path | None) -> BrokerSettings:
    """Ingest at the homes' listener: it has TLS, and there the name is the session."""
    login = server.credentials()
    return BrokerSettings(
        broker_host=LOOPBACK,
        broker_port=server.homes_port,
        broker_username=login.username,
        broker_password=login.password,
        broker_client_id=login.client_id,
        broker_tls_ca=ca,
        broker_redelivery_seconds=0.0,
    )


def test_ingest_connects_with_tls_and_hears_the_homes(mosquitto: MosquittoServer, connect: Connect) -> None:
    settings = over_tls(mosquitto, mosquitto.ca)
    with contextlib.closing(Subscriber(settings, [own_topic("TLS", "#")], clock=make_clock())) as subscriber:
        assert subscriber.take(wait=SHORT) == []
        assert wait_until(lambda: subscriber.is_connected)
        assert subscriber.take(wait=SHORT) == []
        hub = connect(mosquitto.homes_port, mosquitto.credentials("TLS"), ca=mosquitto.ca)
        assert hub.publish(own_topic("TLS", "native/events"), "reading")
        (arrival,) = subscriber.take(wait=10 * SHORT)
        assert arrival.payload == b"reading"
        subscriber.puback([arrival])


# paho leaves the socket of a TLS handshake that failed to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_ingest_refuses_a_broker_that_its_authorities_do_not_vouch_for_says_so_and_keeps_trying(
    mosquitto: MosquittoServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(str(stranger))
    with (
        caplog.at_level(logging.WARNING),
        contextlib.closing(Subscriber(over_tls(mosquitto, stranger), ["homes/#"], clock=make_clock())) as subscriber,
    ):

        def attempts() -> int:
            subscriber.take(wait=SHORT)
            return sum("certificate" in record.getMessage() for record in caplog.records)

        assert wait_until(lambda: attempts() >= 2, seconds=60.0)
        assert not subscriber.is_connected
    gc.collect()


def test_without_tls_nobody_gets_in_where_homes_connect(mosquitto: MosquittoServer) -> None:
    credential = mosquitto.credentials("TLS")
    assert accepts(LOOPBACK, mosquitto.homes_port, credential, ca=mosquitto.ca)
    assert not accepts(LOOPBACK, mosquitto.homes_port, credential)
    assert not accepts(LOOPBACK, mosquitto.homes_port, replace(credential, password="guess"), ca=mosquitto.ca)

"""What a hub listens to: lines of little programs, and a real Zigbee2MQTT's messages on a real local broker."""

import contextlib
import gc
import json
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from ingest.hub.conditions import SensorConditions
from ingest.hub.inputs import read_line
from ingest.hub.link import BrokerAddress, Connection, Credential, News, Will
from ingest.hub.queue import HubQueue, Item
from ingest.hub.vitals import battery_percent, signal_dbm
from ingest.hub.zigbee import Zigbee
from store.home import SensorKind
from tests.ingest.hub.conftest import SENSORS, LocalBroker
from tests.ingest.wires import wait_until

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
AT = NOW.timestamp()


@pytest.mark.parametrize(
    ("line", "item"),
    [
        ('{"sensor": "M1", "value": true}', Item(AT, "M1", True)),
        ('{"sensor": "M1", "value": 0}', Item(AT, "M1", False)),
        ('{"sensor": "T1", "value": 21}', Item(AT, "T1", 21.0)),
        ('{"sensor": "T1", "value": 1, "more": []}', Item(AT, "T1", 1.0)),
        ('{"sensor": "SOS", "value": true}', Item(AT, "SOS", True, True)),
        ('{"sensor": "SOS", "value": false}', Item(AT, "SOS", False)),
    ],
)
def test_a_line_is_a_reading(line: str, item: Item) -> None:
    assert read_line(line, SENSORS, at=NOW) == item


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("what", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "not an object"),
        ('{"sensor": "M9", "value": true}', "sensor: no 'M9' in the home file"),
        ('{"sensor": ["M1"], "value": true}', "sensor: no"),
        ('{"sensor": "M1"}', "value: not true, false or a number"),
        ('{"sensor": "M1", "value": 7}', "value: a motion sensor says on or off, not 7"),
        ('{"sensor": "T1", "value": NaN}', "value: not true, false or a number"),
        ('{"sensor": "T1", "value": 1e400}', "value: not true, false or a number"),
    ],
)
def test_a_line_that_is_none_is_refused_with_the_reason(line: str, reason: str) -> None:
    found = read_line(line, SENSORS, at=NOW)
    assert isinstance(found, str)
    assert found.startswith(reason)


@settings(deadline=None)
@given(
    st.text()
    | st.dictionaries(st.sampled_from(["sensor", "value"]), st.text() | st.floats() | st.integers()).map(json.dumps)
)
def test_no_line_raises(line: str) -> None:
    assert isinstance(read_line(line, SENSORS, at=NOW), (str, Item))


def test_the_machine_is_asked_for_its_battery_and_its_signal(tmp_path: Path) -> None:
    assert battery_percent(tmp_path) is None
    (tmp_path / "BAT0").mkdir()
    (tmp_path / "BAT0" / "capacity").write_text("83\n")
    assert battery_percent(tmp_path) == 83
    wireless = tmp_path / "wireless"
    assert signal_dbm(wireless) is None
    wireless.write_text("Inter-| sta-|\n face | tus |\n wlan0: 0000   54.  -56.  -256        0\n")
    assert signal_dbm(wireless) == -56
    wireless.write_text("Inter-| sta-|\n face | tus |\n")
    assert signal_dbm(wireless) is None


class Bridge:
    """Publishes as Zigbee2MQTT does."""

    def __init__(self, port: int) -> None:
        self._paho = mqtt.Client(CallbackAPIVersion.VERSION2)
        ready = threading.Event()
        self._paho.on_connect = lambda *_: ready.set()
        self.wait_for(port)
        self._paho.connect("127.0.0.1", port)
        self._paho.loop_start()
        assert ready.wait(10)

    def publish(self, rest: str, payload: object) -> None:
        self._paho.publish(f"zigbee2mqtt/{rest}", json.dumps(payload), qos=1).wait_for_publish(10)

    def close(self) -> None:
        self._paho.disconnect()
        self._paho.loop_stop()

    @staticmethod
    def wait_for(port: int) -> None:
        """Until somebody listens there."""

        def listens() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
                return True
            return False

        assert wait_until(listens)


def zigbee_input(queue: HubQueue, port: int) -> Zigbee:
    return Zigbee(
        {"Flur Bewegung": SensorKind.MOTION, "Tür": SensorKind.DOOR, "Rauch": SensorKind.SMOKE},
        said=queue.said(),
        host="127.0.0.1",
        port=port,
        username="",
        password="",
        base="zigbee2mqtt",
        client_id="telecare-hub-test",
        conditions=SensorConditions(),
        now=lambda: datetime.now(UTC),
        wake=lambda: None,
    )


def test_a_local_zigbee2mqtt_gets_numbers_and_what_came_while_the_hub_was_dead_is_not_lost(
    tmp_path: Path, make_broker: Callable[..., LocalBroker]
) -> None:
    port = make_broker().port
    bridge = Bridge(port)
    kept: list[tuple[str, object]] = []

    def run(until: int) -> None:
        """A hub from its start until it is killed: nothing is answered after the last item."""
        queue = HubQueue(tmp_path / "queue.sqlite")
        source = zigbee_input(queue, port)
        deadline = time.monotonic() + 20
        ready = False
        while len(kept) < until and time.monotonic() < deadline:
            items, said = source.take(datetime.now(UTC))
            queue.append(items, recorded_until=0.0, said=said)
            source.kept()
            kept.extend((item.sensor, item.value) for item in items)
            if not ready and not kept:
                bridge.publish("Flur Bewegung", {"occupancy": False})
                ready = queue.said() != {}
                bridge.publish("Flur Bewegung", {"occupancy": True, "battery": "97"})
            time.sleep(0.05)
        source.close()
        queue.close()

    run(1)
    assert kept == [("Flur Bewegung", True)]
    bridge.publish("Flur Bewegung", {"occupancy": True})  # a repetition
    bridge.publish("Tür", {"contact": False})
    bridge.publish("Rauch", {"smoke": True})
    bridge.publish("Flur Bewegung", {"occupancy": False})
    run(4)
    assert kept[1:] == [("Tür", True), ("Rauch", True), ("Flur Bewegung", False)]
    queue = HubQueue(tmp_path / "queue.sqlite")
    assert [held.sensor for held in queue.at_places(queue.urgent_after(0))] == ["Rauch"]
    queue.close()
    bridge.close()


# paho leaves the socket of a refused certificate to the garbage collector, which the test has to wake.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("is_known", [True, False])
def test_a_hub_speaks_only_to_a_broker_whose_certificate_it_can_check(
    tmp_path: Path, make_broker: Callable[..., LocalBroker], is_known: bool
) -> None:
    authority = trustme.CA()
    port = make_broker(tls=authority).port
    ca = tmp_path / "trusted.pem"
    (authority if is_known else trustme.CA()).cert_pem.write_to_path(ca)

    def outcome() -> bool:
        connection = Connection(
            credential=Credential(),
            address=BrokerAddress(host="localhost", port=port, tls_ca=ca),
            will=Will(topic="t", payload=b""),
            subscribe_to=None,
            on_news=lambda: None,
        )
        news: list[News] = []

        def has_news() -> bool:
            news.extend(connection.news())
            return bool(news)

        wait_until(has_news)
        connection.close()
        return bool(news) and news[0].is_up is True

    Bridge.wait_for(port)
    assert outcome() is is_known
    gc.collect()

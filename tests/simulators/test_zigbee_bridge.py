"""The pretend Zigbee2MQTT: ingest's dialect reads what it publishes, and its history comes through a native hub."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile
from pathlib import Path
from uuid import uuid4

import pytest

from ingest.changes import LastSaid, change
from ingest.dialects import zigbee2mqtt
from ingest.told import How, TimeLimits
from ingest.wire import Dialect
from simulators.dwelling import kit
from simulators.fleet import PretendHome, World, home_file
from simulators.hub import HubLike
from simulators.scenarios import Incident, IncidentKind
from simulators.sensing import Reading
from simulators.world import make_hub, persona_source
from simulators.zigbee_payloads import payload_of
from store.clock import Clock
from store.hub import HubState
from tests.conftest import TestBroker
from tests.simulators.listening import Listener, address_of, clock_at, hub_credential, run_until

START = datetime(2026, 3, 10, 8, tzinfo=UTC)  # a Tuesday
SENSORS = kit("flat", dialect="zigbee2mqtt")


def home(code: str, broker: TestBroker, *incidents: Incident) -> PretendHome:
    return PretendHome(
        file=home_file(code, SENSORS, check_in_minutes=10),
        resident="Nobody",
        dialect=Dialect.ZIGBEE2MQTT,
        persona="early_riser",
        seed=5,
        incidents=incidents,
        history=timedelta(hours=6),
        credential=hub_credential(broker.credentials(code)),
    )


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def start(
    stack: ExitStack, broker: TestBroker, folder: Path, clock: Clock, *incidents: Incident, code: str = ""
) -> tuple[HubLike, Listener, PretendHome]:
    pretend = home(code or f"Z{uuid4().hex[:8]}", broker, *incidents)
    listener = Listener(broker, pretend.code, {s.id: s.kind for s in pretend.file.sensors}, clock=clock)
    stack.callback(listener.close)
    world = World(start=START, homes=(pretend,))
    hub = make_hub(pretend, world, data=folder, address=address_of(broker), clock=clock, on_news=lambda: None)
    stack.callback(hub.close)
    return hub, listener, pretend


def truth(pretend: PretendHome, begin: datetime, end: datetime) -> list[Reading]:
    found = takewhile(lambda r: r.at < end.timestamp(), persona_source(pretend)(begin.timestamp()))
    return list(found)


def test_every_payload_means_to_ingest_what_the_sensor_said(broker: TestBroker) -> None:
    pretend = home("Z1", broker)
    kinds = {sensor.id: sensor.kind for sensor in pretend.file.sensors}
    by_id = {sensor.id: sensor for sensor in SENSORS}
    last: dict[str, LastSaid] = {}
    seen: set[str] = set()
    for reading in truth(pretend, START, START + timedelta(days=1)):
        told = zigbee2mqtt.read(
            reading.sensor,
            payload_of(by_id[reading.sensor], reading, installed=START.timestamp()),
            is_retained=False,
            sensors=kinds,
            received_at=START + timedelta(days=1),
            limits=TimeLimits(),
        )
        assert not told.rejected
        (said,) = told.readings
        assert said.sensor == reading.sensor
        assert said.at.timestamp() == pytest.approx(reading.at, abs=1e-3)
        if said.how is How.WATTS:
            assert (said.value > 5) == reading.value
        else:
            assert said.value == reading.value
            event, _ = change(said, last.get(said.sensor, LastSaid()))
            assert event is not None or said.value == 0 or said.value == last[said.sensor].value
        last[said.sensor] = LastSaid(value=said.value, value_at=said.at)
        seen.add(by_id[reading.sensor].kind)
    assert seen >= {"motion", "door", "vibration", "appliance", "temperature"}


def test_the_history_comes_through_a_native_hub_and_the_bridge_takes_over_without_a_gap(
    broker: TestBroker, tmp_path: Path, stack: ExitStack
) -> None:
    clock = clock_at(START, speed=1800)
    hub, listener, pretend = start(stack, broker, tmp_path, clock)
    assert run_until(hub, lambda: any(r.boot is None for r in listener.readings))
    assert hub.progress() == 1.0
    assert run_until(hub, lambda: listener.readings[-1].at > START + timedelta(hours=1, minutes=15), seconds=30)

    until = listener.readings[-1].at - timedelta(seconds=1)
    heard = {(r.sensor, round(r.at.timestamp(), 3)) for r in listener.readings if r.at < until}
    expected = {(r.sensor, r.at) for r in truth(pretend, START - timedelta(hours=6), until)}
    assert expected <= heard
    assert all(before.at <= after.at for before, after in pairwise(listener.readings))
    rests = [rest for rest, _ in listener.told]
    assert rests.index("bridge/state") > max(i for i, rest in enumerate(rests) if rest == "events")
    assert {"bridge/devices", "bridge/health", "kettle/availability"} <= set(rests)
    assert not any(told.rejected for _, told in listener.told)
    health = [told.check_ins[0] for rest, told in listener.told if rest == "bridge/health"]
    assert {after.at - before.at for before, after in pairwise(health)} == {timedelta(minutes=10)}


def test_a_bridge_started_again_does_not_tell_its_history_again(
    broker: TestBroker, tmp_path: Path, stack: ExitStack
) -> None:
    clock = clock_at(START, speed=60)
    hub, listener, pretend = start(stack, broker, tmp_path, clock)
    assert run_until(hub, lambda: "bridge/state" in [rest for rest, _ in listener.told])
    hub.close()
    again, later, _ = start(stack, broker, tmp_path, clock, code=pretend.code)
    assert run_until(again, lambda: any(told.check_ins for rest, told in later.told if rest == "bridge/state"))
    assert not [reading for reading in later.readings if reading.boot is not None]


def test_a_bridge_that_loses_its_connection_is_offline_by_its_will_and_tells_late_what_it_remembers(
    broker: TestBroker, tmp_path: Path, stack: ExitStack
) -> None:
    clock = clock_at(START, speed=600)
    begin, end = START + timedelta(minutes=30), START + timedelta(minutes=60)
    out = Incident(kind=IncidentKind.HUB_OFFLINE, start=begin, until=end)
    hub, listener, pretend = start(stack, broker, tmp_path, clock, out)
    assert run_until(hub, lambda: [c for c in listener.check_ins if c.state is HubState.OFFLINE])
    assert run_until(hub, lambda: listener.readings[-1].at > end + timedelta(minutes=10))
    heard = {(r.sensor, round(r.at.timestamp(), 3)) for r in listener.readings}
    assert {(r.sensor, r.at) for r in truth(pretend, begin, end)} <= heard


def test_names_have_no_spaces_because_one_broker_closes_the_connection_on_them() -> None:
    assert not [sensor.id for sensor in SENSORS if " " in sensor.id or sensor.id != sensor.id.lower()]
    assert json.loads(payload_of(SENSORS[0], Reading(1.0, SENSORS[0].id, True), installed=0.0))["occupancy"] is True

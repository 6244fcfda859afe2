"""The process of the pretend world: all homes at once, progress on disk, no trouble that ends it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from ingest.hub.link import BrokerAddress
from ingest.wire import Dialect
from simulators.dwelling import kit
from simulators.fleet import PretendHome, World, home_file, recorded_home, write_world
from simulators.world import live, run
from store.clock import Clock
from tests.conftest import TestBroker
from tests.simulators.listening import Listener, address_of, clock_at, hub_credential

START = datetime(2026, 3, 10, 8, tzinfo=UTC)


def home(broker: TestBroker, *, persona: str = "homebody", dialect: Dialect = Dialect.NATIVE) -> PretendHome:
    code = f"W{uuid4().hex[:8]}"
    return PretendHome(
        file=home_file(code, kit("flat", dialect=dialect), check_in_minutes=5),
        resident="Nobody",
        dialect=dialect,
        persona=persona,
        seed=3,
        history=timedelta(days=2),
        credential=hub_credential(broker.credentials(code)),
    )


@contextmanager
def living(world: World, folder: Path, address: BrokerAddress, clock: Clock) -> Iterator[None]:
    """The world in a thread; it must end within five seconds of being told to."""
    stop = threading.Event()
    thread = threading.Thread(
        target=live, args=(world,), kwargs={"data": folder, "address": address, "clock": clock, "stop": stop}
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(5)
    assert not thread.is_alive()


def eventually(claim: Callable[[], object], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def is_history_done(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / "progress.json").read_text())["is_history_done"])
    except FileNotFoundError:
        return False


def listen(broker: TestBroker, pretend: PretendHome, clock: Clock) -> Listener:
    return Listener(broker, pretend.code, {s.id: s.kind for s in pretend.file.sensors}, clock=clock)


def test_all_homes_upload_their_history_and_live_on_and_a_home_that_cannot_is_left_out(
    broker: TestBroker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = clock_at(START, speed=60)
    native, bridged = home(broker), home(broker, persona="early_riser", dialect=Dialect.ZIGBEE2MQTT)
    lost = recorded_home(home_file("Lost1", kit("flat"), check_in_minutes=5), tmp_path / "nothing.csv")
    world = World(start=START, homes=(native, lost, bridged))
    listeners = [listen(broker, pretend, clock) for pretend in (native, bridged)]
    with living(world, tmp_path / "data", address_of(broker), clock):
        assert eventually(lambda: is_history_done(tmp_path / "data"))
        assert eventually(lambda: all(one.readings[-1].at > START + timedelta(minutes=2) for one in listeners))
    for listener in listeners:
        listener.close()
        assert len(listener.stored) > 1200
    told = json.loads((tmp_path / "data" / "progress.json").read_text())
    assert told["homes"] == {native.code: 1.0, bridged.code: 1.0}
    assert "no such file" in caplog.text


def test_a_world_without_a_broker_waits_for_it_and_one_started_again_continues_identically(
    broker: TestBroker, tmp_path: Path
) -> None:
    clock = clock_at(START, speed=60)
    pretend = home(broker)
    world = World(start=START, homes=(pretend,))
    nobody = BrokerAddress(host="127.0.0.1", port=9)
    with living(world, tmp_path / "data", nobody, clock):
        assert eventually((tmp_path / "data" / "progress.json").exists)
        time.sleep(1.5)
    assert not is_history_done(tmp_path / "data")

    listener = listen(broker, pretend, clock)
    with living(world, tmp_path / "data", address_of(broker), clock):
        assert eventually(lambda: is_history_done(tmp_path / "data"))
    # What the first start had recorded kept its numbers: nothing was recorded twice.
    assert len(listener.stored) == len({(reading.at, reading.sensor) for reading in listener.stored})
    expected = listen(broker, other := home(broker), clock)
    with living(World(start=START, homes=(other,)), tmp_path / "other", address_of(broker), clock):
        assert eventually(lambda: is_history_done(tmp_path / "other"))
    listener.close()
    expected.close()
    until = START.replace(second=0)
    first, second = ([(r.at, r.sensor, r.value) for r in one.stored if r.at < until] for one in (listener, expected))
    assert first == second


def test_the_process_reads_its_world_from_the_environment(
    broker: TestBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = clock_at(START)
    pretend = home(broker)
    write_world(World(start=START, homes=(pretend,)), tmp_path / "world.json")
    monkeypatch.setenv("TELECARE_WORLD_CONFIG", str(tmp_path / "world.json"))
    monkeypatch.setenv("TELECARE_WORLD_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TELECARE_BROKER_HOST", broker.host)
    monkeypatch.setenv("TELECARE_BROKER_PORT", str(broker.port))
    listener = listen(broker, pretend, clock)
    stop = threading.Event()
    thread = threading.Thread(target=run, kwargs={"clock": clock, "stop": stop})
    thread.start()
    try:
        assert eventually(lambda: is_history_done(tmp_path / "data"))
    finally:
        stop.set()
        thread.join(5)
        listener.close()
    assert not thread.is_alive()

"""`telecare hub` on a real broker with the real ingest: outages, kills, a clock that is set in mid-flight."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy import cli
from ingest.hub.hub import Hub
from ingest.hub.inputs import Lines
from ingest.hub.main import HubProgram
from ingest.hub.own_clock import OwnClock
from ingest.hub.payloads import Condition
from ingest.hub.queue import HubQueue, Item
from ingest.hub.settings import HubSettings
from store.clock import Clock
from store.home_file import HomeFile, SensorFile
from store.hub import HubState
from tests.ingest.homes import rows
from tests.ingest.hub.conftest import SENSORS, Service
from tests.ingest.wires import wait_until

DAY = timedelta(days=1)


def home_file(service: Service) -> HomeFile:
    return HomeFile(
        id=service.home.code,
        time_zone="Europe/London",
        residents=1,
        checkin_minutes=5,
        sensors=[SensorFile(id=code, kind=kind) for code, kind in SENSORS.items()],
    )


class Telling:
    """Somebody who writes lines to the hub's socket and waits for each answer."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def tell(self, sensor: str, value: bool | float) -> str:
        """The answer; '' if the hub died over it."""
        try:
            with socket.socket(socket.AF_UNIX) as wire:
                wire.settimeout(20)
                wire.connect(str(self._path))
                wire.sendall(json.dumps({"sensor": sensor, "value": value}).encode() + b"\n")
                return wire.makefile("r").readline().strip()
        except OSError:
            return ""


@contextlib.contextmanager
def hub_program(service: Service, socket_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The real command."""
    file = service.folder / "home.json"
    file.write_text(home_file(service).model_dump_json())
    settings = {
        "TELECARE_HUB_HOME_FILE": str(file),
        "TELECARE_HUB_DATA": str(service.folder / "data"),
        "TELECARE_HUB_BROKER_HOST": service.broker.host,
        "TELECARE_HUB_BROKER_PORT": str(service.broker.port),
        "TELECARE_HUB_USERNAME": service.credential.username,
        "TELECARE_HUB_PASSWORD": service.credential.password,
        "TELECARE_HUB_CLIENT_ID": service.credential.client_id,
        "TELECARE_HUB_SOCKET": str(socket_path),
        "TELECARE_HUB_CLOCK_WAIT_SECONDS": "0",
    }
    log = (service.folder / "hub.log").open("ab")
    program = subprocess.Popen(
        [sys.executable, "-m", "deploy.cli", "hub"], env={**os.environ, **settings}, stdout=log, stderr=log
    )
    try:
        yield program
    finally:
        program.kill()
        program.wait()
        log.close()


def test_what_the_hub_has_answered_is_stored_once_however_often_it_is_killed(service: Service) -> None:
    socket_path = service.folder / "hub.sock"
    telling = Telling(socket_path)
    answered: list[float] = []
    attempted = 0
    with service.start():
        for kill in range(4):
            with hub_program(service, socket_path) as program:
                assert wait_until(lambda: telling.tell("M1", True) == "ok"), (service.folder / "hub.log").read_text()
                plug = threading.Timer(0.3 * (kill + 1), program.kill)
                if kill < 3:
                    plug.start()
                for _ in range(40):
                    attempted += 1
                    if telling.tell("T1", float(attempted)) == "ok":
                        answered.append(float(attempted))
                if kill < 3:
                    plug.join()
                else:
                    assert wait_until(lambda: set(answered) <= set(service.values("T1")))
    stored = service.values("T1")
    assert len(stored) == len(set(stored))
    assert set(answered) <= set(stored) <= set(map(float, range(1, attempted + 1)))
    assert len(answered) >= 40


def test_settings_that_are_wrong_are_named_and_end_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "hub.toml"
    file.write_text('broker_host = "broker.example.org"\nhome_file = "home.json"\nkeep_days = 3\n')
    for text, word in (
        (file.read_text(), "keep_days"),
        ('broker_host = "broker.example.org"\nhome_file = "home.json"\n', "broker_tls_ca is missing"),
        ("brokerhost = 1\n", "no such setting: brokerhost"),
        ("what is this", "cannot be read"),
        ('broker_host = "localhost"\nhome_file = "nowhere.json"\n', "nowhere.json: no such file"),
    ):
        file.write_text(text)
        assert cli.main(["hub", "--settings", str(file)]) == 2
        assert word in capsys.readouterr().err


def stepped(hub: Hub | HubProgram, is_so: bool) -> bool:
    """One step of the hub, as its loop would do; and whether it was so before."""
    hub.step()
    return is_so


def hub_on(service: Service, queue: HubQueue, clock: Clock) -> Hub:
    return Hub(
        home_code=service.home.code,
        queue=queue,
        credential=service.credential,
        address=service.address,
        clock=clock,
        on_news=lambda: None,
        condition=lambda _: Condition(battery_percent=80),
        present=timedelta(hours=1),
        patience_s=(1.0, 4.0),
    )


def test_days_offline_are_told_afterwards_alarms_first_then_the_present(service: Service) -> None:
    now = datetime.now(UTC)
    clock = Clock(real_start=now, start=now)
    queue = HubQueue(service.folder / "queue.sqlite")
    hub = hub_on(service, queue, clock)
    begins = (now - 5 * DAY).timestamp()
    items: list[Item] = []
    for minute in range(5 * 24 * 60):
        at = begins + 60 * minute
        items.append(Item(at, "T1", float(minute)))
        if minute == 3000:
            items.append(Item(at + 1, "SOS", True, True))
        if minute % 5 == 0:
            items.append(Item(at + 2, "hub", HubState.CHECKIN))
    hub.record(items, recorded_until=now.timestamp())
    try:
        with service.start():
            assert wait_until(lambda: stepped(hub, queue.oldest() is None), seconds=90)
    finally:
        hub.close()
        queue.close()
    temperatures = service.values("T1")
    assert temperatures == [7199.0, *map(float, range(7199))]
    first = rows(service.conn, "SELECT min(number) FROM sensor_event JOIN sensor ON sensor.id = sensor_id"
                               " WHERE code = 'SOS'")  # fmt: skip
    assert first == [(1,)]
    assert rows(service.conn, "SELECT count(*) FROM hub_gap") == [(0,)]
    told = rows(service.conn, "SELECT count(*), min(sent_at - occurred_at) >= interval '0' FROM hub_check_in"
                              " WHERE state = 'checkin'")  # fmt: skip
    assert told == [(1440, True)]


def test_ingest_that_comes_and_goes_costs_nothing(service: Service) -> None:
    now = datetime.now(UTC)
    queue = HubQueue(service.folder / "queue.sqlite")
    hub = hub_on(service, queue, Clock(real_start=now, start=now))
    told = 0
    try:
        for _ in range(3):
            with service.start():
                for _ in range(30):
                    told += 1
                    at = datetime.now(UTC).timestamp()
                    hub.record([Item(at, "T1", float(told))], recorded_until=at)
                    hub.step()
            for _ in range(30):
                told += 1
                at = datetime.now(UTC).timestamp()
                hub.record([Item(at, "T1", float(told))], recorded_until=at)
                hub.step()
        with service.start():
            assert wait_until(lambda: stepped(hub, queue.oldest() is None), seconds=60)
    finally:
        hub.close()
        queue.close()
    assert sorted(service.values("T1")) == [float(i) for i in range(1, told + 1)]


class SetClock(Clock):
    """A clock somebody sets."""

    def __init__(self, start: datetime) -> None:
        super().__init__(real_start=datetime.now(UTC), start=start)
        self.by = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.by


@pytest.fixture
def program_in_1970(service: Service) -> Iterator[tuple[HubProgram, Lines, SetClock, HubQueue]]:
    """A Raspberry Pi after a power cut: it believes that the world has just begun."""
    clock = SetClock(datetime(1970, 1, 1, 0, 1, tzinfo=UTC))
    queue = HubQueue(service.folder / "data" / "queue.sqlite")
    own_clock = OwnClock(queue, wall=lambda: clock.now().timestamp())
    settings = HubSettings(
        home_file=Path("home.json"),
        broker_host=service.broker.host,
        broker_port=service.broker.port,
        username=service.credential.username,
        password=service.credential.password,
        client_id=service.credential.client_id,
    )
    program = HubProgram(settings, home_file(service), queue, clock=clock, wake=threading.Event(), own_clock=own_clock)
    lines = Lines(SENSORS, now=clock.now, wake=lambda: None)
    program.add_input(lines)
    yield program, lines, clock, queue
    lines.close()
    program.hub.close()
    queue.close()


def test_what_was_recorded_before_the_clock_was_set_is_told_with_its_right_time(
    service: Service, program_in_1970: tuple[HubProgram, Lines, SetClock, HubQueue]
) -> None:
    program, lines, clock, queue = program_in_1970
    read, write = os.pipe()
    with service.start(), os.fdopen(read) as stream, os.fdopen(write, "w") as pipe:
        lines.read(stream)
        began = datetime.now(UTC)
        for i in range(5):
            pipe.write(json.dumps({"sensor": "T1", "value": i}) + "\n")
        pipe.write('{"sensor": "SOS", "value": true}\n')
        pipe.flush()
        assert wait_until(lambda: stepped(program, queue.readings_after(0) >= 5))
        assert wait_until(lambda: stepped(program, service.values("SOS") == [1.0]))  # an alarm does not wait
        assert service.values("T1") == []

        ended = datetime.now(UTC)
        clock.by = datetime.now(UTC) - clock.now()  # the network sets the clock
        assert wait_until(lambda: stepped(program, queue.oldest() is None))
    assert service.values("T1") == [0.0, 1.0, 2.0, 3.0, 4.0]
    times = rows(
        service.conn,
        "SELECT min(occurred_at), max(occurred_at), bool_and(hub_at IS NULL) FROM sensor_event JOIN sensor"
        " ON sensor.id = sensor_id WHERE code = 'T1'",
    )
    slack = timedelta(seconds=1)
    assert began - slack <= times[0][0] <= times[0][1] <= ended + slack
    assert times[0][2]
    (alarm,) = rows(
        service.conn,
        "SELECT occurred_at, extract(year FROM hub_at AT TIME ZONE 'UTC') FROM sensor_event JOIN sensor"
        " ON sensor.id = sensor_id WHERE code = 'SOS'",
    )
    assert alarm[0] >= began - slack
    assert alarm[1] == 1970

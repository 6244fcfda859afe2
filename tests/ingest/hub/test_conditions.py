"""Batteries and links of Zigbee sensors behind our hub reach the service's faults; and how often they are told."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from anomaly.equipment_watch import EquipmentWatch
from deploy.local_stack.ports import free_port
from ingest.dialects.native_sensors import SensorWord
from ingest.hub.conditions import TELL_EVERY, SensorConditions
from ingest.hub.main import HubProgram
from ingest.hub.own_clock import OwnClock
from ingest.hub.queue import HubQueue
from ingest.hub.settings import HubSettings
from ingest.hub.zigbee import Zigbee
from ingest.told import Offer, SensorNews
from store.clock import Clock
from store.equipment import equipment_days
from store.fault import FaultKind, open_faults
from store.home import SensorKind, sensors_of
from store.home_file import HomeFile, SensorFile
from tests.ingest.homes import rows
from tests.ingest.hub.conftest import SENSORS, LocalBroker, Service
from tests.ingest.hub.test_inputs import Bridge, zigbee_input
from tests.ingest.wires import wait_until

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def heard(sensor: str = "M1", *, battery: int | None = 80, link: int | None = 100) -> SensorNews:
    return SensorNews(sensor=sensor, battery_percent=battery, signal_quality=link)


def due(conditions: SensorConditions, now: datetime) -> list[SensorWord]:
    words = conditions.due(now)
    return [] if words is None else list(words.sensors)


def test_a_change_is_told_at_once_and_the_same_again_only_after_half_an_hour() -> None:
    conditions = SensorConditions()
    conditions.note([heard()], [], at=NOW)
    assert due(conditions, NOW) == [SensorWord(sensor="M1", battery=80, link=100, heard=NOW)]
    conditions.note([heard(link=110)], [], at=NOW + timedelta(minutes=1))
    assert due(conditions, NOW + timedelta(minutes=1)) == []
    conditions.note([heard(battery=79)], [], at=NOW + timedelta(minutes=2))
    assert [word.battery for word in due(conditions, NOW + timedelta(minutes=2))] == [79]
    conditions.note([heard(battery=79, link=60)], [], at=NOW + timedelta(minutes=3))
    assert [word.link for word in due(conditions, NOW + timedelta(minutes=3))] == [60]
    conditions.note([heard(battery=79, link=60)], [], at=NOW + timedelta(minutes=4))
    assert due(conditions, NOW + timedelta(minutes=20)) == []
    later = NOW + timedelta(minutes=3) + TELL_EVERY
    assert [word.heard for word in due(conditions, later)] == [NOW + timedelta(minutes=4)]
    assert due(conditions, later + timedelta(hours=5)) == []  # not heard since: nothing to tell


def test_what_a_message_does_not_say_stays_as_it_was() -> None:
    conditions = SensorConditions()
    conditions.note([heard()], [], at=NOW)
    away = SensorNews(sensor="M1", is_heard=False, is_available=False)
    conditions.note([away], [], at=NOW + timedelta(hours=1))
    assert due(conditions, NOW) == [SensorWord(sensor="M1", battery=80, link=100, available=False, heard=NOW)]


def test_what_a_lost_connection_may_have_lost_is_told_again() -> None:
    conditions = SensorConditions()
    conditions.note([heard()], [Offer(code="0x01", kind=SensorKind.DOOR, model="")], at=NOW)
    assert len(due(conditions, NOW)) == 1
    conditions.forget_told()
    again = conditions.due(NOW)
    assert again is not None
    assert (len(again.sensors), len(again.offers)) == (1, 1)


def test_a_clock_that_was_set_back_does_not_silence_the_hub() -> None:
    conditions = SensorConditions()
    conditions.note([heard()], [], at=NOW)
    assert due(conditions, NOW)
    conditions.note([heard()], [], at=NOW - timedelta(days=3))
    assert due(conditions, NOW - timedelta(days=3))


@pytest.mark.database
def test_a_zigbee_sensors_low_battery_and_weak_link_become_known_through_our_hub(
    service: Service, make_broker: Callable[..., LocalBroker], tmp_path: Path
) -> None:
    local = make_broker()
    bridge = Bridge(local.port)
    now = datetime.now(UTC)
    clock = Clock(real_start=now, start=now)
    queue = HubQueue(tmp_path / "queue.sqlite")
    conditions = SensorConditions()
    home = HomeFile(
        id=service.home.code,
        time_zone="Europe/London",
        residents=1,
        checkin_minutes=5,
        sensors=[SensorFile(id=code, kind=kind) for code, kind in SENSORS.items()],
    )
    settings = HubSettings(
        home_file=Path("home.json"),
        broker_host=service.broker.host,
        broker_port=service.broker.port,
        username=service.credential.username,
        password=service.credential.password,
        client_id=service.credential.client_id,
        clock_wait_seconds=0,
    )
    own_clock = OwnClock(queue, wall=lambda: clock.now().timestamp())
    program = HubProgram(
        settings, home, queue, clock=clock, wake=threading.Event(), own_clock=own_clock, conditions=conditions
    )
    zigbee = Zigbee(
        SENSORS,
        said=queue.said(),
        host="127.0.0.1",
        port=local.port,
        username="",
        password="",
        base="zigbee2mqtt",
        client_id="telecare-hub-test",
        conditions=conditions,
        now=clock.now,
        wake=lambda: None,
    )
    program.add_input(zigbee)

    def is_known() -> bool:
        bridge.publish("M1", {"occupancy": False, "battery": "4", "linkquality": 11})
        bridge.publish("Garage door", {"contact": True, "battery": 90})  # nobody has placed it
        program.step()
        m1 = next(sensor for sensor in sensors_of(service.conn, service.home.id) if sensor.code == "M1")
        offers = rows(service.conn, "SELECT code, kind FROM sensor_offer")
        return m1.battery_percent == 4 and offers == [("Garage door", "door")]

    try:
        with service.start():
            assert wait_until(is_known)
    finally:
        zigbee.close()
        bridge.close()
        program.hub.close()
        queue.close()
    m1 = next(sensor for sensor in sensors_of(service.conn, service.home.id) if sensor.code == "M1")
    assert m1.signal_quality == 11
    assert m1.last_heard_at is not None
    assert rows(service.conn, "SELECT reason, detail FROM rejected_message") == []
    assert rows(service.conn, "SELECT count(*) FROM sensor_event") == [(0,)]  # nothing of this is an event
    EquipmentWatch(service.home).look(service.conn, now=clock.now())
    (fault,) = [one for one in open_faults(service.conn, service.home.id) if one.kind is FaultKind.BATTERY_LOW]
    assert fault.sensor_id == m1.id
    (day,) = [one for one in equipment_days(service.conn, service.home.id, date.min) if one.sensor_id == m1.id]
    assert [hour for hour in day.weak_signal or [] if hour is not None] == [11]
    service.conn.rollback()


def test_while_the_sensors_cannot_be_heard_the_hub_does_not_check_in(
    tmp_path: Path, make_broker: Callable[..., LocalBroker]
) -> None:
    """Else a Zigbee2MQTT that has crashed would look like somebody who does not move."""
    local = make_broker()
    bridge = Bridge(local.port)
    now = datetime.now(UTC)
    steady = [0.0]
    clock = Clock(real_start=now, start=now)
    queue = HubQueue(tmp_path / "queue.sqlite")
    settings = HubSettings(home_file=Path("home.json"), broker_host="127.0.0.1", broker_port=free_port())
    home = HomeFile(id="K7", time_zone="Europe/London", residents=1, checkin_minutes=5, sensors=[])
    program = HubProgram(
        settings,
        home,
        queue,
        clock=clock,
        wake=threading.Event(),
        own_clock=OwnClock(queue, wall=lambda: clock.now().timestamp()),
        steady=lambda: steady[0],
    )
    zigbee = zigbee_input(queue, local.port)
    program.add_input(zigbee)

    def check_ins() -> int:
        program.step()
        return len(queue.after(0, limit=100))

    try:
        assert wait_until(lambda: check_ins() == 1)  # connected
        bridge.publish("bridge/state", {"state": "offline"})
        assert wait_until(lambda: check_ins() == 1 and not zigbee.is_hearing)
        steady[0] += 3_600
        assert check_ins() == 1
        bridge.publish("bridge/state", {"state": "online"})
        assert wait_until(lambda: check_ins() == 2)  # at once, when it can vouch again
        local.stop()
        assert wait_until(lambda: not zigbee.is_hearing)
        steady[0] += 3_600
        assert check_ins() == 2
    finally:
        zigbee.close()
        bridge.close()
        program.hub.close()
        queue.close()

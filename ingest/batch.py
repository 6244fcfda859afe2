"""One batch, one transaction: lock the homes, sort what came, write the rows, wake the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ingest.arrival import Item
from ingest.desk import Desk, NewCheckIn, NewEvent
from ingest.sequences import Seen
from ingest.told import TimeLimits
from ingest.wire import Dialect, Topic
from store.database import Conn
from store.home import SensorKind
from store.hub import HubCheckIn, HubState, HubUpdate, insert_check_ins, known_check_ins, update_hubs
from store.intake import (
    IntakeHome,
    SensorUpdate,
    hub_sequences,
    intake_sensors,
    lock_homes,
    save_hub_sequences,
    save_numbers,
    save_plug_falls,
    save_sensors,
)
from store.rejected_message import keep_rejected
from store.sensor_event import SensorEvent, insert_events, known_events
from store.sensor_offer import offer_sensors
from store.wakeup import Channel, wake


@dataclass(frozen=True, slots=True, kw_only=True)
class AckDue:
    """To be published after the commit: everything of this boot from 1 to `seq` is committed."""

    home_code: str
    boot: str
    seq: int


def store_batch(conn: Conn, items: Sequence[Item], *, limits: TimeLimits, now: datetime) -> list[AckDue]:
    """Write what these messages say; whom to answer once it is committed. The caller commits."""
    desk = _open_desk(conn, items, limits)
    for item in items:
        desk.take(item)
    events, check_ins, last_numbers = _numbered(conn, desk)
    if events:
        insert_events(conn, events)
    if check_ins:
        insert_check_ins(conn, check_ins)
    if last_numbers:
        save_numbers(conn, last_numbers)
        wake(conn, Channel.INTAKE)
    touched = {hub: seen for hub, seen in desk.sequences.items() if hub in desk.due}
    if touched:
        save_hub_sequences(conn, {hub: seen.ranges for hub, seen in touched.items()}, now=now)
    _save_sensors(conn, desk)
    _save_hubs(conn, desk)
    for home_id, offers in desk.offers.items():
        offer_sensors(conn, home_id, {code: (it.kind, it.model) for code, it in offers.items()}, now=now)
    if desk.rejected:
        keep_rejected(conn, desk.rejected)
    return [
        AckDue(home_code=desk.due[home_id, boot], boot=boot, seq=seen.contiguous)
        for (home_id, boot), seen in touched.items()
    ]


def _open_desk(conn: Conn, items: Sequence[Item], limits: TimeLimits) -> Desk:
    codes = {item.home_code for item in items if item.home_code is not None}
    homes = lock_homes(conn, codes) if codes else {}
    whole: set[int] = set()
    named: set[tuple[int, str]] = set()
    hubs: set[tuple[int, str]] = set()
    for item in items:
        home = homes.get(item.home_code or "")
        if home is None or not isinstance(item.topic, Topic):
            continue
        if item.topic.dialect is Dialect.ZIGBEE2MQTT:
            whole.add(home.id)
        elif item.told is not None:
            named.update((home.id, reading.sensor) for reading in item.told.readings)
            hubs.update((home.id, boot) for boot in item.told.boots)
    return Desk(
        homes=homes,
        sensors=intake_sensors(conn, whole_homes=whole, named=named) if whole or named else {},
        sequences={hub: Seen(ranges) for hub, ranges in hub_sequences(conn, hubs).items()} if hubs else {},
        limits=limits,
    )


def _numbered(conn: Conn, desk: Desk) -> tuple[list[SensorEvent], list[HubCheckIn], dict[int, int]]:
    """What is new, numbered in order, and the last number of each home that got one."""
    unnumbered = {new.key for new in desk.new if isinstance(new, NewEvent) and not new.is_numbered}
    told = {new.key for new in desk.new if isinstance(new, NewCheckIn)}
    stored_events = known_events(conn, unnumbered) if unnumbered else set()
    stored_check_ins = known_check_ins(conn, told) if told else set()
    homes: dict[int, IntakeHome] = {home.id: home for home in desk.homes.values()}
    last_numbers: dict[int, int] = {}
    events: list[SensorEvent] = []
    check_ins: list[HubCheckIn] = []
    for new in desk.new:
        if isinstance(new, NewEvent):
            if not new.is_numbered:
                if new.key in stored_events:
                    continue
                stored_events.add(new.key)
        elif new.key in stored_check_ins:
            continue
        else:
            stored_check_ins.add(new.key)
        number = last_numbers.get(new.home_id, homes[new.home_id].last_number) + 1
        last_numbers[new.home_id] = number
        if isinstance(new, NewEvent):
            events.append(
                SensorEvent(
                    home_id=new.home_id,
                    sensor_id=new.sensor_id,
                    occurred_at=new.at,
                    received_at=new.received_at,
                    number=number,
                    value=new.value,
                )
            )
        else:
            check_ins.append(
                HubCheckIn(
                    home_id=new.home_id,
                    occurred_at=new.at,
                    received_at=new.received_at,
                    number=number,
                    state=new.state,
                    backlog=new.backlog,
                )
            )
    return events, check_ins, last_numbers


def _save_sensors(conn: Conn, desk: Desk) -> None:
    if not desk.said:
        return
    save_sensors(
        conn,
        [
            SensorUpdate(
                sensor_id=sensor_id,
                value=said.last.value,
                value_at=said.last.value_at,
                last_heard_at=said.last_heard_at,
                is_available=said.is_available,
                battery_percent=said.battery_percent,
                signal_quality=said.signal_quality,
            )
            for sensor_id, said in sorted(desk.said.items())
        ],
    )
    falls = {
        sensor_id: said.last.falling_at
        for sensor_id, said in sorted(desk.said.items())
        if said.sensor.kind is SensorKind.APPLIANCE and said.last.falling_at != said.sensor.falling_at
    }
    if falls:
        save_plug_falls(conn, falls)


def _save_hubs(conn: Conn, desk: Desk) -> None:
    if not desk.hubs:
        return
    update_hubs(
        conn,
        [
            HubUpdate(
                home_id=home_id,
                is_online=None if hub.state is None else hub.state is HubState.ONLINE,
                last_heard_at=hub.last_heard_at,
                last_hub_time=hub.last_hub_time,
                backlog=hub.backlog,
                battery_percent=hub.battery_percent,
                signal_dbm=hub.signal_dbm,
            )
            for home_id, hub in sorted(desk.hubs.items())
        ],
    )

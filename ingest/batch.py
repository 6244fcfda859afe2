"""One batch, one transaction: lock the homes, sort what came, write the rows, wake the model."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import NamedTuple

from ingest.arrival import Item
from ingest.desk import Desk
from ingest.gaps import note_gaps
from ingest.opening import open_batch
from ingest.repeats import Deliveries, may_be_repeated
from ingest.said import HubSaid, NewCheckIn, NewEvent
from ingest.stopwatch import Stopwatch
from ingest.told import TimeLimits
from store.database import Conn
from store.delivery import save_deliveries, stored_deliveries
from store.home import SensorKind
from store.hub import (
    HubCheckIn,
    HubState,
    HubUpdate,
    insert_check_ins,
    known_check_ins,
    save_hub_clocks,
    update_hubs,
)
from store.intake import SensorUpdate, save_hub_sequences, save_numbers, save_plug_falls, save_sensors
from store.intake_open import IntakeHome
from store.rejected_message import keep_rejected
from store.sensor_event import EventRow, insert_events, known_events
from store.sensor_offer import offer_sensors
from store.unread import homes_to_note
from store.wakeup import Channel, wake

HEARD_EVERY = timedelta(minutes=1)  # how exactly `hub.last_heard_at` is kept; check-ins come every few minutes


class AckDue(NamedTuple):
    """To be published after the commit: everything of this boot from 1 to `seq` is committed."""

    home_code: str
    boot: str
    seq: int


def store_batch(
    conn: Conn, items: Sequence[Item], *, limits: TimeLimits, now: datetime, watch: Stopwatch
) -> list[AckDue]:
    """Write what these messages say; whom to answer once it is committed. The caller commits."""
    batch = open_batch(conn, items, limits, now=now)
    desk = batch.desk
    watch.lap("asking the database")
    gapped = {hub for hub, seen in desk.sequences.items() if seen.has_gaps}
    deliveries = _open_deliveries(conn, desk, items)
    for item in items:
        home = desk.homes.get(item.home_code or "")
        if home is None or not deliveries.is_repetition(item, home.id):
            desk.take(item)
    events, check_ins, last_numbers = _numbered(conn, desk)
    watch.lap("sorting")
    befores = {home_id: batch.befores[home_id] for home_id in homes_to_note([*events, *check_ins], batch.notes)}
    if events:
        insert_events(conn, events, befores=befores)
    if check_ins:
        insert_check_ins(conn, check_ins, befores=befores)
    if last_numbers:
        wake(conn, Channel.INTAKE)
    others = {
        home_id: number
        for home_id, reserved in batch.reserved.items()
        if (number := last_numbers.get(home_id, batch.befores[home_id])) != reserved
    }
    if others:
        save_numbers(conn, others)
    touched = {hub: seen for hub, seen in desk.sequences.items() if hub in desk.due}
    if touched:
        note_gaps(conn, desk, items, gapped=gapped, now=now)
    changed = {
        hub: seen.stored
        for hub, seen in desk.sequences.items()
        if (seen.has_gaps or seen.contiguous != batch.followed[hub][1] if hub in batch.followed else hub in desk.due)
    }
    if changed:
        save_hub_sequences(conn, changed, now=now)
    if desk.clocks.changed:
        save_hub_clocks(conn, [desk.clocks.known[hub] for hub in sorted(desk.clocks.changed)])
    _save_sensors(conn, desk)
    _save_hubs(conn, desk)
    for home_id, offers in desk.offers.items():
        offer_sensors(conn, home_id, {code: (it.kind, it.model) for code, it in offers.items()}, now=now)
    if desk.rejected:
        keep_rejected(conn, desk.rejected)
    if deliveries.new:
        save_deliveries(conn, deliveries.new)
    watch.lap("writing")
    return [AckDue(desk.due[hub], hub[1], seen.contiguous) for hub, seen in touched.items()]


def _open_deliveries(conn: Conn, desk: Desk, items: Sequence[Item]) -> Deliveries:
    homes = [home.id for home in desk.homes.values()] if may_be_repeated(items) else []
    return Deliveries(stored=stored_deliveries(conn, homes) if homes else {})


def _numbered(conn: Conn, desk: Desk) -> tuple[list[EventRow], list[HubCheckIn], dict[int, int]]:
    """What is new, numbered in order, and the last number of each home that got one."""
    unnumbered = {new.key for new in desk.new if isinstance(new, NewEvent) and not new.is_numbered}
    told = {new.key for new in desk.new if isinstance(new, NewCheckIn)}
    stored_events = known_events(conn, unnumbered) if unnumbered else set()
    stored_check_ins = known_check_ins(conn, told) if told else set()
    homes: dict[int, IntakeHome] = {home.id: home for home in desk.homes.values()}
    last_numbers: dict[int, int] = {}
    events: list[EventRow] = []
    check_ins: list[HubCheckIn] = []
    for new in desk.new:
        home_id = new.home_id
        if isinstance(new, NewEvent):
            if not new.is_numbered:
                if new.key in stored_events:
                    continue
                stored_events.add(new.key)
        elif new.key in stored_check_ins:
            continue
        elif new.is_complete:
            stored_check_ins.add(new.key)
        last = last_numbers.get(home_id)
        number = last_numbers[home_id] = (homes[home_id].last_number if last is None else last) + 1
        if isinstance(new, NewEvent):
            events.append(EventRow(home_id, new.sensor_id, new.at, new.received_at, number, new.value, new.hub_at))
        else:
            check_ins.append(
                HubCheckIn(
                    home_id=home_id,
                    occurred_at=new.at,
                    received_at=new.received_at,
                    number=number,
                    state=new.state,
                    backlog=new.backlog,
                    sent_at=new.sent_at,
                    hub_at=new.hub_at,
                    is_complete=new.is_complete,
                )
            )
    events.sort(key=attrgetter("home_id"))  # as the keys lie; those of one home stay in order
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
    homes: dict[int, IntakeHome] = {home.id: home for home in desk.homes.values()}
    updates = [
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
        if _is_news(hub, homes[home_id])
    ]
    if updates:
        update_hubs(conn, updates)


def _is_news(hub: HubSaid, home: IntakeHome) -> bool:
    """Only that it was heard again is worth a row once in `HEARD_EVERY`."""
    if (hub.state, hub.last_hub_time, hub.backlog) != (home.hub_state, home.last_hub_time, home.backlog):
        return True
    if hub.battery_percent is not None or hub.signal_dbm is not None:
        return True
    if hub.last_heard_at is None:
        return False
    return home.last_heard_at is None or hub.last_heard_at - home.last_heard_at >= HEARD_EVERY

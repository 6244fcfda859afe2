"""One batch, one transaction: lock the homes, sort what came, write the rows, wake the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest.arrival import Item
from ingest.clocks import Clocks
from ingest.desk import Desk, HubSaid, NewCheckIn, NewEvent
from ingest.gaps import note_gaps
from ingest.repeats import Deliveries, may_be_repeated
from ingest.sequences import Seen
from ingest.stopwatch import Stopwatch
from ingest.told import TimeLimits
from ingest.wire import Topic
from store.database import Conn
from store.delivery import save_deliveries, stored_deliveries
from store.home import SensorKind
from store.hub import (
    HubCheckIn,
    HubState,
    HubUpdate,
    clocks_of_hubs,
    insert_check_ins,
    known_check_ins,
    save_hub_clocks,
    update_hubs,
)
from store.intake import (
    IntakeHome,
    SensorUpdate,
    StoredSequence,
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

HEARD_EVERY = timedelta(minutes=1)  # how exactly `hub.last_heard_at` is kept; check-ins come every few minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class AckDue:
    """To be published after the commit: everything of this boot from 1 to `seq` is committed."""

    home_code: str
    boot: str
    seq: int


def store_batch(
    conn: Conn, items: Sequence[Item], *, limits: TimeLimits, now: datetime, watch: Stopwatch
) -> list[AckDue]:
    """Write what these messages say; whom to answer once it is committed. The caller commits."""
    desk = _open_desk(conn, items, limits)
    watch.lap("asking the database")
    gapped = {hub for hub, seen in desk.sequences.items() if seen.missing}
    deliveries = _open_deliveries(conn, desk, items)
    for item in items:
        home = desk.homes.get(item.home_code or "")
        if home is None or not deliveries.is_repetition(item, home.id):
            desk.take(item)
    events, check_ins, last_numbers = _numbered(conn, desk)
    watch.lap("sorting")
    if events:
        insert_events(conn, events)
    if check_ins:
        insert_check_ins(conn, check_ins)
    if last_numbers:
        save_numbers(conn, last_numbers)
        wake(conn, Channel.INTAKE)
    touched = {hub: seen for hub, seen in desk.sequences.items() if hub in desk.due}
    if touched:
        note_gaps(conn, desk, items, gapped=gapped, now=now)
        save_hub_sequences(conn, {hub: _stored(seen) for hub, seen in touched.items()}, now=now)
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
    return [
        AckDue(home_code=desk.due[home_id, boot], boot=boot, seq=seen.contiguous)
        for (home_id, boot), seen in touched.items()
    ]


def _seen(stored: StoredSequence) -> Seen:
    return Seen(stored.contiguous, stored.beyond)


def _stored(seen: Seen) -> StoredSequence:
    return StoredSequence(contiguous=seen.contiguous, beyond=seen.beyond)


def _open_deliveries(conn: Conn, desk: Desk, items: Sequence[Item]) -> Deliveries:
    homes = [home.id for home in desk.homes.values()] if may_be_repeated(items) else []
    return Deliveries(stored=stored_deliveries(conn, homes) if homes else {})


def _open_desk(conn: Conn, items: Sequence[Item], limits: TimeLimits) -> Desk:
    codes = {item.home_code for item in items if item.home_code is not None}
    homes = lock_homes(conn, codes) if codes else {}
    whole: set[int] = set()
    named: set[tuple[int, str]] = set()
    hubs: set[tuple[int, str]] = set()
    clocks: set[tuple[int, str]] = set()
    for item in items:
        home = homes.get(item.home_code or "")
        if home is None or not isinstance(item.topic, Topic):
            continue
        if item.topic.dialect.needs_sensors:
            whole.add(home.id)
        elif item.told is not None:
            named.update((home.id, reading.sensor) for reading in item.told.readings)
            hubs.update((home.id, boot) for boot in item.told.boots)
            clocks.update((home.id, check_in.boot or "") for check_in in item.told.check_ins)
    return Desk(
        homes=homes,
        sensors=intake_sensors(conn, whole_homes=whole, named=named) if whole or named else {},
        sequences={hub: _seen(stored) for hub, stored in hub_sequences(conn, hubs).items()} if hubs else {},
        clocks=Clocks(limits=limits, known=clocks_of_hubs(conn, hubs | clocks) if hubs or clocks else {}),
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
        elif new.is_complete:
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
                    hub_at=new.hub_at,
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
                    sent_at=new.sent_at,
                    hub_at=new.hub_at,
                    is_complete=new.is_complete,
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
    homes = {home.id: home for home in desk.homes.values()}
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

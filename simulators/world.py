"""The process of the pretend world: every hub of the fleet, in one thread, on the service's clock.

It ends when it is told to, never because a broker, a home or a disk is in trouble: one home's failure is logged and the
others go on.
"""

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.hub.link import BrokerAddress
from ingest.wire import Dialect
from simulators.fleet import PretendHome, World, read_world
from simulators.hub import HubLike, NativeHub, Outage
from simulators.persona import personas
from simulators.recording_player import load_recording
from simulators.resident import Resident
from simulators.scenarios import Incident, IncidentKind
from simulators.source import Source, resident_source
from simulators.zigbee_bridge import BridgedHome, ZigbeeBridge
from store.clock import Clock
from store.home_file import InputError
from store.settings import Settings

log = logging.getLogger(__name__)

_STEP_S = 0.05  # real seconds between two looks at the clock
_PROGRESS_EVERY_S = 0.5  # real seconds
_AFTER_FAILURE_S = 5.0  # real seconds a home is left alone after its hub failed


class WorldSettings(Settings):
    """Where the world's description, its hubs' disks and the broker are."""

    world_config: Path = Path("world.json")  # `simulators.fleet.World`
    world_data: Path = Path("world")  # a directory: the hubs' queues and progress.json
    broker_host: str = "127.0.0.1"
    broker_port: int = 1883


@dataclass(slots=True, kw_only=True)
class _Place:
    """A home's hub, and until when it is left alone."""

    code: str
    hub: HubLike
    alone_until: float = 0.0


def run(*, clock: Clock, stop: threading.Event) -> None:
    """Live, until `stop` is set."""
    settings = WorldSettings()
    live(
        read_world(settings.world_config),
        data=settings.world_data,
        address=BrokerAddress(host=settings.broker_host, port=settings.broker_port),
        clock=clock,
        stop=stop,
    )


def live(world: World, *, data: Path, address: BrokerAddress, clock: Clock, stop: threading.Event) -> None:
    """Run every home of this world until `stop` is set."""
    data.mkdir(parents=True, exist_ok=True)
    wake = threading.Event()
    places: list[_Place] = []
    for home in world.homes:
        try:
            hub = make_hub(home, world, data=data, address=address, clock=clock, on_news=wake.set)
        except InputError as exc:  # a recording that was moved away since: no defect of ours
            log.error("a home of the pretend world cannot be run: %s", exc, extra={"home_code": home.code})
            continue
        except (ValueError, sqlite3.Error):
            log.exception("a home of the pretend world cannot be run", extra={"home_code": home.code})
            continue
        places.append(_Place(code=home.code, hub=hub))
    log.info("the pretend world begins with %d homes", len(places))
    try:
        _live(places, data=data, clock=clock, stop=stop, wake=wake)
    finally:
        for place in places:
            place.hub.close()


def make_hub(
    home: PretendHome,
    world: World,
    *,
    data: Path,
    address: BrokerAddress,
    clock: Clock,
    on_news: Callable[[], None],
) -> HubLike:
    """The hub of this home; for a bridged home the native one of its history, then the bridge."""
    begins_at, makes_check_ins = world.start - home.history, True
    if home.recording is not None:
        recording = load_recording(home.recording, home.file, live_at=world.start if home.is_moved else None)
        source, makes_check_ins = recording.source(), not recording.has_hub_rows
        begins = recording.start
    else:
        source, begins = persona_source(home), begins_at.timestamp()
    outages = _outages(home.incidents)
    native = NativeHub(
        home_code=home.code,
        check_in_interval=home.file.check_in_interval,
        source=source,
        begins=begins,
        live=world.start.timestamp(),
        queue_file=data / f"{home.code}.sqlite",
        credential=home.credential,
        address=address,
        clock=clock,
        on_news=on_news,
        outages=outages,
        makes_check_ins=makes_check_ins,
    )
    if home.dialect is Dialect.NATIVE:
        return native

    def bridge_from(begins: float) -> ZigbeeBridge:
        return ZigbeeBridge(
            home_code=home.code,
            kit=home.kit,
            source=source,
            begins=begins,
            installed=begins_at.timestamp(),
            credential=home.credential,
            address=address,
            clock=clock,
            on_news=on_news,
            outages=outages,
            zone=home.file.zone,
            wear=home.wear,
            unplaced=home.unplaced,
        )

    return BridgedHome(native, bridge_from, now=clock.now().timestamp())


def persona_source(home: PretendHome) -> Source:
    """What the sensors of a persona's home say. Raises ValueError if there is no such persona."""
    persona = personas().get(home.persona)
    if persona is None:
        raise ValueError(f"no such persona: {home.persona!r}")
    zone = home.file.zone
    slow = [each for each in home.incidents if each.kind is IncidentKind.MORE_NIGHT_VISITS]
    change = (slow[0].start.astimezone(zone).date(), slow[0].size) if slow else None
    resident = Resident(persona=persona, seed=home.seed, zone=zone, kit=home.kit, more_night_visits=change)
    return resident_source(resident, home.incidents, dialect=home.dialect)


def _outages(incidents: Sequence[Incident]) -> list[Outage]:
    return [
        Outage(
            start=incident.start.timestamp(),
            until=incident.until.timestamp() if incident.until else float("inf"),
            is_dark=incident.kind is IncidentKind.POWER_CUT,
        )
        for incident in incidents
        if incident.kind in (IncidentKind.HUB_OFFLINE, IncidentKind.POWER_CUT)
    ]


def _live(places: Sequence[_Place], *, data: Path, clock: Clock, stop: threading.Event, wake: threading.Event) -> None:
    told_at = 0.0
    while not stop.is_set():
        wake.clear()
        is_busy = False
        for place in places:
            if time.monotonic() < place.alone_until:
                continue
            try:
                is_busy |= place.hub.step()
            except Exception:  # a defect in one home must not silence the others
                log.exception("the hub of a home failed; it is tried again", extra={"home_code": place.code})
                place.alone_until = time.monotonic() + _AFTER_FAILURE_S
        if time.monotonic() - told_at >= _PROGRESS_EVERY_S:
            _tell_progress(places, data, clock)
            told_at = time.monotonic()
        if not is_busy:
            wake.wait(_STEP_S)


def _tell_progress(places: Sequence[_Place], data: Path, clock: Clock) -> None:
    """`progress.json`: how much of each home's history the service has committed, 0 to 1."""
    homes = {place.code: round(place.hub.progress(), 4) for place in places}
    told = {
        "at": clock.now().isoformat(),
        "homes": homes,
        "is_history_done": all(share >= 1 for share in homes.values()),
    }
    beside = data / "progress.json.new"
    try:
        beside.write_text(json.dumps(told))
        beside.replace(data / "progress.json")
    except OSError:
        log.exception("progress cannot be written")

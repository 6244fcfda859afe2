"""Opening a batch: its homes under lock, what is stored of them, and a desk to sort it on. `batch` does the rest."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ingest.arrival import Item
from ingest.clocks import Clocks, Hub
from ingest.desk import Desk
from ingest.sequences import Seen
from ingest.told import Reading, TimeLimits, Told
from ingest.wire import Rejected, Topic
from store.database import Conn
from store.hub import clocks_of_hubs
from store.intake_open import Asked, LockedHome, follow_on, lock_homes, open_homes, sensors_of_homes
from store.unread import Note

Run = tuple[int, int]  # first and last of numbers without a gap


@dataclass(slots=True, kw_only=True)
class Opened:
    """A batch with its homes under lock."""

    desk: Desk
    befores: dict[int, int]  # by home id: its last number before this batch …
    reserved: dict[int, int]  # … and as it stands now in the database
    followed: dict[Hub, Run]  # these numbers of hubs stand as stored in the database, and nothing after them
    notes: Mapping[int, Note]  # by home id: what its numbers are about, as far as that is noted


def open_batch(conn: Conn, items: Sequence[Item], limits: TimeLimits, *, now: datetime) -> Opened:
    """Lock the homes that the items are about, and find what has to be known of them."""
    readings: dict[str, int] = {}
    for item in items:
        if item.home_code is not None:
            count = len(item.told.readings) if item.told is not None else 0
            readings[item.home_code] = readings.get(item.home_code, 0) + count
    locked = lock_homes(conn, readings) if readings else {}
    runs = _runs(items, locked)
    hubs = follow_on(conn, runs, now=now) if runs else set()
    stored = open_homes(conn, locked.values(), _asked(items, locked), followed=hubs)
    whole = {  # of those that are to be read by who knows the home's sensors
        locked[item.home_code].id
        for item in items
        if item.told is None and item.home_code in locked and isinstance(item.topic, Topic)
    }
    followed = {hub: runs[hub] for hub in runs if hub in hubs}
    sequences = {hub: Seen(*sequence) for hub, sequence in stored.sequences.items() if hub[1]}
    sequences.update((hub, Seen(first - 1)) for hub, (first, _) in followed.items())
    wrong = stored.wrong_clocks
    desk = Desk(
        homes=stored.homes,
        sensors=stored.sensors | sensors_of_homes(conn, sorted(whole)) if whole else stored.sensors,
        sequences=sequences,
        clocks=Clocks(limits=limits, known=clocks_of_hubs(conn, wrong) if wrong else {}),
        limits=limits,
    )
    return Opened(
        desk=desk,
        befores={home.id: home.last_number for home in locked.values()},
        reserved={home.id: home.last_number + readings[home.code] for home in locked.values()},
        followed=followed,
        notes=stored.notes,
    )


def _runs(items: Iterable[Item], locked: Mapping[str, LockedHome]) -> dict[Hub, Run]:
    """The numbers of the batch's readings, of those hubs whose come one after the other."""
    runs: dict[Hub, Run] = {}
    broken: set[Hub] = set()
    for item in items:
        told, home = item.told, locked.get(item.home_code or "")
        if told is None or home is None or not isinstance(item.topic, Topic) or item.topic.partition != home.partition:
            continue
        for boot, seq in _numbers(told):
            hub = home.id, boot
            run = runs.get(hub)
            if run is None:
                runs[hub] = seq, seq
            elif seq == run[1] + 1:
                runs[hub] = run[0], seq
            else:
                broken.add(hub)
    return {hub: run for hub, run in runs.items() if hub not in broken} if broken else runs


def _numbers(told: Told) -> Iterable[tuple[str, int]]:
    numbered: list[Reading | Rejected] = [*told.rejected, *told.readings]
    for one in numbered:
        if one.boot is not None and one.seq is not None:
            yield one.boot, one.seq


def _asked(items: Iterable[Item], locked: Mapping[str, LockedHome]) -> list[Asked]:
    """What has to be known of the homes that are locked, each home at least once. In order of home, as keys lie."""
    asked: set[Asked] = set()
    homes: set[int] = set()  # asked about
    for item in items:
        home, told = locked.get(item.home_code or ""), item.told
        if home is None or told is None:
            continue
        homes.add(home.id)
        for reading in told.readings:
            asked.add(Asked(home.id, reading.boot or "", reading.sensor))
        if len(told.readings) != 1 or len(told.boots) != 1:
            asked.update(Asked(home.id, boot) for boot in told.boots)
            asked.update(Asked(home.id, check_in.boot or "") for check_in in told.check_ins)
            asked.add(Asked(home.id))
    asked.update(Asked(home.id) for home in locked.values() if home.id not in homes)
    return sorted(asked)

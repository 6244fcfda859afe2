"""Which numbered readings of a native hub have not come, noted beside the batch that shows it.

A gap is no loss yet: an alarm overtakes what waits, so every catching up begins with one. It goes when its readings
come. The hub says itself what it has lost (`native/lost`).
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from ingest.arrival import Item
from ingest.clocks import Hub
from ingest.desk import Desk
from store.database import Conn
from store.hub_gap import note_hub_gap, replace_hub_gaps


def note_gaps(conn: Conn, desk: Desk, items: Sequence[Item], *, gapped: Collection[Hub], now: datetime) -> None:
    """Bring the gaps of the batch's hubs up to date; `gapped` are those that had some before."""
    _note_lost(conn, desk, items, now)
    _note_gone(conn, desk, items, now)
    for hub in sorted(hub for hub, seen in desk.sequences.items() if seen.has_gaps or hub in gapped):
        missing = desk.sequences[hub].missing
        wanted = {last + 1 for _, last in missing}
        times = _times(desk, items, hub, wanted)
        replace_hub_gaps(conn, hub, {gap: times.get(gap[1] + 1) for gap in missing}, now=now)


def _note_lost(conn: Conn, desk: Desk, items: Sequence[Item], now: datetime) -> None:
    for item in items:
        if item.told is None or not item.told.lost:
            continue
        home = desk.homes.get(item.home_code or "")
        if home is None:
            continue
        for lost in item.told.lost:
            hub = (home.id, lost.boot)
            if hub not in desk.due:
                continue
            seen = desk.sequences[hub]
            fresh = [(first, last) for first, last in lost.spans if seen.add_all(first, last)]
            if fresh:
                note_hub_gap(
                    conn,
                    hub,
                    min(first for first, _ in lost.spans),
                    max(last for _, last in lost.spans),
                    from_at=desk.clocks.sent(hub, lost.from_at) or lost.from_at,
                    until_at=desk.clocks.sent(hub, lost.until_at) or lost.until_at,
                    now=now,
                    is_lost=True,
                )


def _note_gone(conn: Conn, desk: Desk, items: Sequence[Item], now: datetime) -> None:
    """What a hub no longer holds will not come, whoever forgot it.

    A hub forgets what we have acknowledged. So if the database was restored to an earlier time, some of that is stored
    nowhere, and waiting for it would hold up everything after it for ever. It is a gap, and shown as one.
    """
    for item in items:
        if item.told is None or not item.told.check_ins:
            continue
        home = desk.homes.get(item.home_code or "")
        if home is None:
            continue
        for check_in in item.told.check_ins:
            hub = (home.id, check_in.boot or "")
            if check_in.oldest is None or hub not in desk.due:
                continue
            seen = desk.sequences[hub]
            at = desk.clocks.sent(hub, check_in.at) or check_in.at
            for first, last in seen.missing_below(check_in.oldest):
                seen.add_all(first, last)
                note_hub_gap(conn, hub, first, last, until_at=at, now=now, is_lost=True)


def _times(desk: Desk, items: Sequence[Item], hub: Hub, seqs: Collection[int]) -> dict[int, datetime]:
    """When these readings of the batch happened."""
    home_id, boot = hub
    code = next((home.code for home in desk.homes.values() if home.id == home_id), None)
    return {
        reading.seq: desk.clocks.sent(hub, reading.at) or reading.at
        for item in items
        if item.told is not None and item.home_code == code
        for reading in item.told.readings
        if reading.boot == boot and reading.seq is not None and reading.seq in seqs
    }

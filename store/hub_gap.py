"""Which numbered readings of a hub have not come: shown as missing coverage, never as inactivity."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg.rows import class_row

from store.database import Conn

_LOOKED_BACK = timedelta(days=30)  # for the reading before a gap: a bound, because events lie in chunks of a day


@dataclass(frozen=True, slots=True, kw_only=True)
class HubGap:
    """Numbered readings of a native hub that have not come: missing coverage, never inactivity."""

    home_id: int
    boot: str
    first: int
    last: int  # of lost ones perhaps not all in between: measurements go first
    from_at: datetime | None  # the last event before it, None: there is none
    until_at: datetime  # the reading after it
    noticed_at: datetime
    is_lost: bool  # the hub says that they will never come


def hub_gaps(conn: Conn, home_id: int, start: datetime, end: datetime) -> list[HubGap]:
    """Which of the home's readings have not come, of gaps that touch [start, end), in order of time.

    While a hub catches up, alarms come before what waits: such a gap goes again. One that `is_lost` stays.
    """
    with conn.cursor(row_factory=class_row(HubGap)) as cur:
        return cur.execute(
            """
            SELECT home_id, boot, first, last, from_at, until_at, noticed_at, is_lost
              FROM hub_gap
             WHERE home_id = %(home_id)s AND until_at > %(start)s AND coalesce(from_at, until_at) < %(end)s
             ORDER BY until_at, first
            """,
            {"home_id": home_id, "start": start, "end": end},
        ).fetchall()


def replace_hub_gaps(
    conn: Conn, hub: tuple[int, str], missing: Mapping[tuple[int, int], datetime | None], *, now: datetime
) -> None:
    """Exactly these readings (first, last) of the hub (home id, boot) have not come; with the time of the one after.

    None keeps the time that was noted before. Call it after the events of the batch are stored.
    """
    home_id, boot = hub
    with conn.cursor(row_factory=class_row(HubGap)) as cur:
        before = cur.execute(
            """
            DELETE FROM hub_gap
             WHERE home_id = %(home_id)s AND boot = %(boot)s AND NOT is_lost
         RETURNING home_id, boot, first, last, from_at, until_at, noticed_at, is_lost
            """,
            {"home_id": home_id, "boot": boot},
        ).fetchall()
    for (first, last), until_at in missing.items():
        part_of = next((gap for gap in before if gap.first <= first and last <= gap.last), None)
        if part_of is not None:
            until_at = until_at or part_of.until_at
        noticed_at = part_of.noticed_at if part_of is not None else now
        note_hub_gap(conn, hub, first, last, until_at=until_at or now, now=noticed_at, is_lost=False)


def note_hub_gap(
    conn: Conn,
    hub: tuple[int, str],
    first: int,
    last: int,
    *,
    until_at: datetime,
    now: datetime,
    is_lost: bool,
    from_at: datetime | None = None,
) -> None:
    """These readings of the hub (home id, boot) have not come. Without `from_at` it is the last event before."""
    conn.execute(
        """
        INSERT INTO hub_gap (home_id, boot, first, last, from_at, until_at, noticed_at, is_lost)
        SELECT %(home_id)s, %(boot)s, %(first)s, %(last)s,
               coalesce(%(from_at)s::timestamptz, (
                   SELECT max(occurred_at) FROM sensor_event
                    WHERE home_id = %(home_id)s AND occurred_at < %(until_at)s AND occurred_at >= %(since)s)),
               %(until_at)s, %(now)s, %(is_lost)s
            ON CONFLICT (home_id, boot, first, is_lost) DO UPDATE
           SET last = greatest(hub_gap.last, excluded.last)
        """,
        {
            "home_id": hub[0],
            "boot": hub[1],
            "first": first,
            "last": last,
            "from_at": from_at,
            "until_at": until_at,
            "since": until_at - _LOOKED_BACK,
            "now": now,
            "is_lost": is_lost,
        },
    )

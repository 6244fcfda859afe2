"""Hubs: their check-ins, and which of their numbered readings are stored."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg.rows import kwargs_row

from store.database import Conn


class HubState(StrEnum):
    """What a hub said of itself; the reserved sensor `hub` of a recording says the same three words."""

    CHECKIN = "checkin"  # alive, in touch with its sensors
    ONLINE = "online"  # connected to us again
    OFFLINE = "offline"  # its connection ended, by its last will or its own word


@dataclass(frozen=True, slots=True, kw_only=True)
class HubCheckIn:
    """The hub says it is alive."""

    home_id: int
    occurred_at: datetime  # the hub's clock
    received_at: datetime  # ours
    number: int  # per home in commit order, shared with sensor events
    state: HubState
    backlog: int  # readings it still holds


@dataclass(frozen=True, slots=True, kw_only=True)
class HubUpdate:
    """What changes of a hub's row; None leaves a column as it is."""

    home_id: int
    is_online: bool | None = None
    last_heard_at: datetime | None = None
    last_hub_time: datetime | None = None
    backlog: int | None = None
    battery_percent: int | None = None
    signal_dbm: int | None = None


def _check_in(*, state: str, **columns: Any) -> HubCheckIn:
    return HubCheckIn(state=HubState(state), **columns)


def insert_check_ins(conn: Conn, check_ins: Iterable[HubCheckIn]) -> None:
    """Append check-ins whose numbers were handed out under `intake.lock_homes` in the same transaction."""
    with conn.cursor().copy(
        "COPY hub_check_in (home_id, occurred_at, received_at, number, state, backlog) FROM STDIN (FORMAT BINARY)"
    ) as copy:
        copy.set_types(["int8", "timestamptz", "timestamptz", "int8", "text", "int4"])
        for row in check_ins:
            copy.write_row((row.home_id, row.occurred_at, row.received_at, row.number, str(row.state), row.backlog))


def update_hubs(conn: Conn, updates: Collection[HubUpdate]) -> None:
    """Apply what the hubs said last. Never two updates of one home in a call."""
    conn.execute(
        """
        UPDATE hub
           SET state = CASE WHEN told.is_online IS NULL THEN hub.state
                            WHEN told.is_online THEN 'online' ELSE 'offline' END,
               last_heard_at = greatest(told.last_heard_at, hub.last_heard_at),
               last_hub_time = coalesce(told.last_hub_time, hub.last_hub_time),
               backlog = coalesce(told.backlog, hub.backlog),
               battery_percent = coalesce(told.battery_percent, hub.battery_percent),
               signal_dbm = coalesce(told.signal_dbm, hub.signal_dbm)
          FROM unnest(%(homes)s::bigint[], %(online)s::boolean[], %(heard_ats)s::timestamptz[],
                      %(hub_times)s::timestamptz[], %(backlogs)s::integer[], %(batteries)s::smallint[],
                      %(signals)s::smallint[])
               AS told (home_id, is_online, last_heard_at, last_hub_time, backlog, battery_percent, signal_dbm)
         WHERE hub.home_id = told.home_id
        """,
        {
            "homes": [update.home_id for update in updates],
            "online": [update.is_online for update in updates],
            "heard_ats": [update.last_heard_at for update in updates],
            "hub_times": [update.last_hub_time for update in updates],
            "backlogs": [update.backlog for update in updates],
            "batteries": [update.battery_percent for update in updates],
            "signals": [update.signal_dbm for update in updates],
        },
    )


def known_check_ins(
    conn: Conn, check_ins: Collection[tuple[int, datetime, HubState]]
) -> set[tuple[int, datetime, HubState]]:
    """Those of the given check-ins (home id, hub time, state) that are stored already."""
    rows = conn.execute(
        """
        SELECT stored.home_id, stored.occurred_at, stored.state
          FROM unnest(%(homes)s::bigint[], %(ats)s::timestamptz[], %(states)s::text[]) AS told (home_id, at, state)
          JOIN hub_check_in AS stored
            ON stored.home_id = told.home_id AND stored.occurred_at = told.at AND stored.state = told.state
        """,
        {
            "homes": [home_id for home_id, _, _ in check_ins],
            "ats": [at for _, at, _ in check_ins],
            "states": [str(state) for _, _, state in check_ins],
        },
    ).fetchall()
    return {(home_id, at, HubState(state)) for home_id, at, state in rows}


def check_ins_between(conn: Conn, home_id: int, start: datetime, end: datetime) -> list[HubCheckIn]:
    """The home's check-ins in [start, end) by the hub's clock, oldest first."""
    with conn.cursor(row_factory=kwargs_row(_check_in)) as cur:
        return cur.execute(
            """
            SELECT home_id, occurred_at, received_at, number, state, backlog
              FROM hub_check_in
             WHERE home_id = %(home_id)s AND occurred_at >= %(start)s AND occurred_at < %(end)s
             ORDER BY occurred_at, number
            """,
            {"home_id": home_id, "start": start, "end": end},
        ).fetchall()


def check_ins_after(conn: Conn, home_id: int, number: int, *, limit: int) -> list[HubCheckIn]:
    """The home's check-ins with a higher intake number, in that order."""
    with conn.cursor(row_factory=kwargs_row(_check_in)) as cur:
        return cur.execute(
            """
            SELECT home_id, occurred_at, received_at, number, state, backlog
              FROM hub_check_in
             WHERE home_id = %(home_id)s AND number > %(number)s
             ORDER BY number
             LIMIT %(limit)s
            """,
            {"home_id": home_id, "number": number, "limit": limit},
        ).fetchall()

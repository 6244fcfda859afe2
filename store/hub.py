"""Hubs: their check-ins, and which of their numbered readings are stored."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from psycopg.rows import kwargs_row

from store import arrays
from store.database import Conn
from store.unread import neighbours, note_days, windows


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
    sent_at: datetime | None = None  # the hub's clock when it was published; None: it does not say
    hub_at: datetime | None = None  # what the hub's clock said, where `occurred_at` was corrected
    is_complete: bool = True  # False: readings that happened before it had not come when it did


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


@dataclass(frozen=True, slots=True, kw_only=True)
class HubClock:
    """The clock of a native hub that is wrong, or may be: a hub whose clock is right has none. See `ingest.clocks`."""

    home_id: int
    boot: str  # '' of a hub that names none
    skew: timedelta = timedelta(0)  # believed: ours less the hub's, so that a slow clock is positive
    measured_at: datetime | None = None  # our clock: when it was believed anew
    sent: tuple[float, ...] = ()  # check-ins that do not agree with it: the hub's clock …
    received: tuple[float, ...] = ()  # … and ours, epoch seconds
    implausible: int = 0  # readings whose time could not be true: stored with the time of their receipt
    implausible_at: datetime | None = None  # our clock: the last of them …
    implausible_hub_at: datetime | None = None  # … and what it said
    updated_at: datetime


def _check_in(*, state: str, **columns: Any) -> HubCheckIn:
    return HubCheckIn(state=HubState(state), **columns)


def insert_check_ins(conn: Conn, check_ins: Iterable[HubCheckIn], *, befores: Mapping[int, int] | None = None) -> None:
    """Append check-ins whose numbers were handed out under `intake_open.lock_homes` in the same transaction.

    Before `intake.save_numbers`: only numbers that it has saved are seen by readers.
    """
    check_ins = list(check_ins)
    note_days(conn, check_ins, befores=befores)
    with conn.cursor().copy(
        "COPY hub_check_in (home_id, occurred_at, received_at, number, state, backlog, sent_at, hub_at, is_complete)"
        " FROM STDIN (FORMAT BINARY)"
    ) as copy:
        copy.set_types(
            ["int8", "timestamptz", "timestamptz", "int8", "text", "int4", "timestamptz", "timestamptz", "bool"]
        )
        for row in check_ins:
            copy.write_row(
                (
                    row.home_id,
                    row.occurred_at,
                    row.received_at,
                    row.number,
                    str(row.state),
                    row.backlog,
                    row.sent_at,
                    row.hub_at,
                    row.is_complete,
                )
            )


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
            "homes": arrays.numbers(update.home_id for update in updates),
            "online": arrays.booleans(update.is_online for update in updates),
            "heard_ats": arrays.times(update.last_heard_at for update in updates),
            "hub_times": arrays.times(update.last_hub_time for update in updates),
            "backlogs": arrays.numbers(update.backlog for update in updates),
            "batteries": arrays.numbers(update.battery_percent for update in updates),
            "signals": arrays.numbers(update.signal_dbm for update in updates),
        },
    )


def known_check_ins(
    conn: Conn, check_ins: Collection[tuple[int, datetime, HubState]]
) -> set[tuple[int, datetime, HubState]]:
    """Those of the given check-ins (home id, hub time, state) that are stored already, and were complete."""
    found: set[tuple[int, datetime, HubState]] = set()
    for near in neighbours(check_ins, lambda check_in: check_in[1]):
        rows = conn.execute(
            """
            SELECT stored.home_id, stored.occurred_at, stored.state
              FROM unnest(%(homes)s::bigint[], %(ats)s::timestamptz[], %(states)s::text[]) AS told (home_id, at, state)
              JOIN hub_check_in AS stored
                ON stored.home_id = told.home_id AND stored.occurred_at = told.at AND stored.state = told.state
           AND stored.is_complete
             WHERE stored.occurred_at BETWEEN %(earliest)s AND %(latest)s
            """,
            {
                "homes": arrays.numbers(home_id for home_id, _, _ in near),
                "ats": arrays.times(at for _, at, _ in near),
                "states": arrays.texts(str(state) for _, _, state in near),
                "earliest": near[0][1],  # says what the join says, so that chunks can be left out
                "latest": near[-1][1],
            },
        ).fetchall()
        found.update((home_id, at, HubState(state)) for home_id, at, state in rows)
    return found


def check_ins_between(conn: Conn, home_id: int, start: datetime, end: datetime) -> list[HubCheckIn]:
    """The home's check-ins in [start, end) by the hub's clock, oldest first."""
    with conn.cursor(row_factory=kwargs_row(_check_in)) as cur:
        return cur.execute(
            """
            SELECT home_id, occurred_at, received_at, number, state, backlog, sent_at, hub_at, is_complete
              FROM hub_check_in
             WHERE home_id = %(home_id)s AND occurred_at >= %(start)s AND occurred_at < %(end)s
             ORDER BY occurred_at, number
            """,
            {"home_id": home_id, "start": start, "end": end},
        ).fetchall()


def check_ins_after(conn: Conn, home_id: int, number: int, *, limit: int) -> list[HubCheckIn]:
    """The home's check-ins with a higher intake number, in that order; as `sensor_event.events_after`."""
    found: list[HubCheckIn] = []
    for window in windows(conn, home_id, number, rows=limit):
        with conn.cursor(row_factory=kwargs_row(_check_in)) as cur:
            found += cur.execute(
                """
                SELECT home_id, occurred_at, received_at, number, state, backlog, sent_at, hub_at, is_complete
                  FROM hub_check_in
                 WHERE home_id = %(home_id)s AND number > %(after)s AND number < %(until)s
                   AND occurred_at >= %(earliest)s AND occurred_at < %(latest)s
                 ORDER BY number
                 LIMIT %(limit)s
                """,
                {
                    "home_id": home_id,
                    "after": window.after,
                    "until": window.until,
                    "earliest": window.earliest_at,
                    "latest": window.latest_at,
                    "limit": limit - len(found),
                },
            ).fetchall()
        if len(found) >= limit:
            break
    return found


def hub_clocks(conn: Conn, home_id: int) -> list[HubClock]:
    """The clocks of this home's hub that are or were wrong, one a boot, the latest first; none if all is well.

    Only the first can be of the present, and only if nothing newer of that hub was right: look at `updated_at`.
    """
    with conn.cursor(row_factory=kwargs_row(_clock)) as cur:
        return cur.execute(
            """
            SELECT home_id, boot, skew, measured_at, sent, received, implausible, implausible_at, implausible_hub_at,
                   updated_at
              FROM hub_clock
             WHERE home_id = %(home_id)s
             ORDER BY updated_at DESC, boot
            """,
            {"home_id": home_id},
        ).fetchall()


def clocks_of_hubs(conn: Conn, hubs: Collection[tuple[int, str]]) -> dict[tuple[int, str], HubClock]:
    """The clocks of these hubs (home id, boot) that are not known to be right. Read under the lock of their homes."""
    with conn.cursor(row_factory=kwargs_row(_clock)) as cur:
        rows = cur.execute(
            """
            SELECT home_id, boot, skew, measured_at, sent, received, implausible, implausible_at, implausible_hub_at,
                   updated_at
              FROM hub_clock
             WHERE (home_id, boot) IN (SELECT * FROM unnest(%(homes)s::bigint[], %(boots)s::text[]))
            """,
            {
                "homes": arrays.numbers(home_id for home_id, _ in hubs),
                "boots": arrays.texts(boot for _, boot in hubs),
            },
        ).fetchall()
    return {(clock.home_id, clock.boot): clock for clock in rows}


def save_hub_clocks(conn: Conn, clocks: Collection[HubClock]) -> None:
    """Replace what is known of these clocks. Written under the lock of their homes."""
    conn.cursor().executemany(
        """
        INSERT INTO hub_clock (home_id, boot, skew, measured_at, sent, received, implausible, implausible_at,
                               implausible_hub_at, updated_at)
        VALUES (%(home_id)s, %(boot)s, %(skew)s, %(measured_at)s, %(sent)s, %(received)s, %(implausible)s,
                %(implausible_at)s, %(implausible_hub_at)s, %(updated_at)s)
            ON CONFLICT (home_id, boot) DO UPDATE
           SET skew = excluded.skew, measured_at = excluded.measured_at, sent = excluded.sent,
               received = excluded.received, implausible = excluded.implausible,
               implausible_at = excluded.implausible_at, implausible_hub_at = excluded.implausible_hub_at,
               updated_at = excluded.updated_at
        """,
        [asdict(clock) | {"sent": list(clock.sent), "received": list(clock.received)} for clock in clocks],
    )


def _clock(*, sent: list[float], received: list[float], **columns: Any) -> HubClock:
    return HubClock(sent=tuple(sent), received=tuple(received), **columns)

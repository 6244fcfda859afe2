"""Sensor events: one change of one sensor, as the home reported it.

On TimescaleDB this is a hypertable with a chunk a day, so every query has a bound in `occurred_at`; a test counts the
chunks that each of them touches.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from psycopg.rows import kwargs_row

from store import arrays
from store.database import Conn
from store.unread import neighbours, note_days, windows


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorEvent:
    """One change of one sensor."""

    home_id: int
    sensor_id: int
    occurred_at: datetime  # aware, UTC; the hub's clock
    received_at: datetime  # aware, UTC; ours
    number: int  # per home in commit order, shared with hub check-ins
    value: float  # 1/0 for on/off, else the measurement
    hub_at: datetime | None = None  # what the hub's clock said, where `occurred_at` was corrected


class EventRow(NamedTuple):
    """A sensor event as its row: what ingest makes thousands of a second."""

    home_id: int
    sensor_id: int
    occurred_at: datetime
    received_at: datetime
    number: int
    value: float
    hub_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Changes:
    """Events as columns, oldest first: as charts need them, tens of thousands at a time."""

    sensor_ids: npt.NDArray[np.int64]
    ats: npt.NDArray[np.float64]  # when each occurred, epoch seconds
    values: npt.NDArray[np.float64]


_CHANGE = np.dtype([("sensor_id", ">i8"), ("at", ">i8"), ("value", ">f8")])  # as PostgreSQL sends these types
_MICROSECONDS_BEFORE_2000 = 946_684_800_000_000  # PostgreSQL counts from there


def insert_events(
    conn: Conn, events: Iterable[SensorEvent | EventRow], *, befores: Mapping[int, int] | None = None
) -> None:
    """Append events whose numbers were handed out under `intake_open.lock_homes` in the same transaction.

    Before `intake.save_numbers`: only numbers that it has saved are seen by readers. `befores`: see `note_days`.
    """
    rows = [event if isinstance(event, EventRow) else _row(event) for event in events]
    note_days(conn, rows, befores=befores)
    with conn.cursor().copy(
        "COPY sensor_event (home_id, sensor_id, occurred_at, received_at, number, value, hub_at)"
        " FROM STDIN (FORMAT BINARY)"
    ) as copy:
        copy.set_types(["int8", "int8", "timestamptz", "timestamptz", "int8", "float8", "timestamptz"])
        for row in rows:
            copy.write_row(row)


def known_events(
    conn: Conn, events: Collection[tuple[int, int, datetime, float]]
) -> set[tuple[int, int, datetime, float]]:
    """Those of the given events (home id, sensor id, hub time, value) that are stored already."""
    found: set[tuple[int, int, datetime, float]] = set()
    for near in neighbours(events, lambda event: event[2]):
        rows = conn.execute(
            """
            SELECT stored.home_id, stored.sensor_id, stored.occurred_at, stored.value
              FROM unnest(%(homes)s::bigint[], %(sensors)s::bigint[], %(ats)s::timestamptz[], %(values)s::float8[])
                   AS told (home_id, sensor_id, at, value)
              JOIN sensor_event AS stored
                ON stored.home_id = told.home_id AND stored.occurred_at = told.at
               AND stored.sensor_id = told.sensor_id AND stored.value = told.value
             WHERE stored.occurred_at BETWEEN %(earliest)s AND %(latest)s
            """,
            {
                "homes": arrays.numbers(home_id for home_id, _, _, _ in near),
                "sensors": arrays.numbers(sensor_id for _, sensor_id, _, _ in near),
                "ats": arrays.times(at for _, _, at, _ in near),
                "values": arrays.numbers(value for _, _, _, value in near),
                "earliest": near[0][2],  # says what the join says, so that chunks can be left out
                "latest": near[-1][2],
            },
        ).fetchall()
        found.update((home_id, sensor_id, at, value) for home_id, sensor_id, at, value in rows)
    return found


def events_between(conn: Conn, home_id: int, start: datetime, end: datetime) -> list[SensorEvent]:
    """The home's events in [start, end), oldest first."""
    with conn.cursor(row_factory=kwargs_row(SensorEvent)) as cur:
        return cur.execute(
            """
            SELECT home_id, sensor_id, occurred_at, received_at, number, value, hub_at
              FROM sensor_event
             WHERE home_id = %(home_id)s AND occurred_at >= %(start)s AND occurred_at < %(end)s
             ORDER BY occurred_at, number
            """,
            {"home_id": home_id, "start": start, "end": end},
        ).fetchall()


def changes_between(conn: Conn, home_id: int, start: datetime, end: datetime) -> Changes:
    """As `events_between`, for a fraction of the work: four weeks of a busy home are 84,000 rows.

    All of them come as one value, because reading a row costs Python more than finding it costs the database.
    """
    row = conn.execute(
        """
        SELECT string_agg(int8send(sensor_id) || timestamptz_send(occurred_at) || float8send(value), ''::bytea
                          ORDER BY occurred_at, number)
          FROM sensor_event
         WHERE home_id = %(home_id)s AND occurred_at >= %(start)s AND occurred_at < %(end)s
        """,
        {"home_id": home_id, "start": start, "end": end},
        binary=True,
    ).fetchone()
    rows = np.frombuffer(b"" if row is None or row[0] is None else row[0], dtype=_CHANGE)
    return Changes(
        sensor_ids=rows["sensor_id"].astype(np.int64),
        ats=(rows["at"].astype(np.int64) + _MICROSECONDS_BEFORE_2000) / 1e6,
        values=rows["value"].astype(np.float64),
    )


def events_after(conn: Conn, home_id: int, number: int, *, limit: int) -> list[SensorEvent]:
    """The home's events with a higher intake number, in that order: what a reader with this cursor has not seen.

    Fewer than `limit` means that these are all. Asks only the days that `store.unread` knows these numbers to be about,
    and nothing at all when nothing is new.
    """
    found: list[SensorEvent] = []
    for window in windows(conn, home_id, number, rows=limit):
        with conn.cursor(row_factory=kwargs_row(SensorEvent)) as cur:
            found += cur.execute(
                """
                SELECT home_id, sensor_id, occurred_at, received_at, number, value, hub_at
                  FROM sensor_event
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


def _row(event: SensorEvent) -> EventRow:
    return EventRow(
        event.home_id,
        event.sensor_id,
        event.occurred_at,
        event.received_at,
        event.number,
        event.value,
        event.hub_at,
    )

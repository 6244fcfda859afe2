"""Sensor events: one change of one sensor, as the home reported it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import kwargs_row

from store.database import Conn


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorEvent:
    """One change of one sensor."""

    home_id: int
    sensor_id: int
    occurred_at: datetime  # aware, UTC; the hub's clock
    received_at: datetime  # aware, UTC; ours
    number: int  # per home in commit order, shared with hub check-ins
    value: float  # 1/0 for on/off, else the measurement


def insert_events(conn: Conn, events: Iterable[SensorEvent]) -> None:
    """Append events whose numbers were handed out under `intake.lock_homes` in the same transaction."""
    with conn.cursor().copy(
        "COPY sensor_event (home_id, sensor_id, occurred_at, received_at, number, value) FROM STDIN (FORMAT BINARY)"
    ) as copy:
        copy.set_types(["int8", "int8", "timestamptz", "timestamptz", "int8", "float8"])
        for event in events:
            copy.write_row(
                (
                    event.home_id,
                    event.sensor_id,
                    event.occurred_at,
                    event.received_at,
                    event.number,
                    event.value,
                )
            )


def known_events(
    conn: Conn, events: Collection[tuple[int, int, datetime, float]]
) -> set[tuple[int, int, datetime, float]]:
    """Those of the given events (home id, sensor id, hub time, value) that are stored already."""
    rows = conn.execute(
        """
        SELECT stored.home_id, stored.sensor_id, stored.occurred_at, stored.value
          FROM unnest(%(homes)s::bigint[], %(sensors)s::bigint[], %(ats)s::timestamptz[], %(values)s::float8[])
               AS told (home_id, sensor_id, at, value)
          JOIN sensor_event AS stored
            ON stored.home_id = told.home_id AND stored.occurred_at = told.at
           AND stored.sensor_id = told.sensor_id AND stored.value = told.value
        """,
        {
            "homes": [home_id for home_id, _, _, _ in events],
            "sensors": [sensor_id for _, sensor_id, _, _ in events],
            "ats": [at for _, _, at, _ in events],
            "values": [value for _, _, _, value in events],
        },
    ).fetchall()
    return {(home_id, sensor_id, at, value) for home_id, sensor_id, at, value in rows}


def events_between(conn: Conn, home_id: int, start: datetime, end: datetime) -> list[SensorEvent]:
    """The home's events in [start, end), oldest first."""
    with conn.cursor(row_factory=kwargs_row(SensorEvent)) as cur:
        return cur.execute(
            """
            SELECT home_id, sensor_id, occurred_at, received_at, number, value
              FROM sensor_event
             WHERE home_id = %(home_id)s AND occurred_at >= %(start)s AND occurred_at < %(end)s
             ORDER BY occurred_at, number
            """,
            {"home_id": home_id, "start": start, "end": end},
        ).fetchall()


def events_after(conn: Conn, home_id: int, number: int, *, limit: int) -> list[SensorEvent]:
    """The home's events with a higher intake number, in that order: what a reader with this cursor has not seen."""
    with conn.cursor(row_factory=kwargs_row(SensorEvent)) as cur:
        return cur.execute(
            """
            SELECT home_id, sensor_id, occurred_at, received_at, number, value
              FROM sensor_event
             WHERE home_id = %(home_id)s AND number > %(number)s
             ORDER BY number
             LIMIT %(limit)s
            """,
            {"home_id": home_id, "number": number, "limit": limit},
        ).fetchall()

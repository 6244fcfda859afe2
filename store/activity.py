"""Figures of a home's days and hours, ready-made: for pages and reports over weeks that need no single event.

TimescaleDB keeps them per quarter hour and sensor (`store.timescale`); elsewhere they are computed from the events. A
quarter hour, because every time zone's days and hours are made of whole ones. Not here: how well the home could be
observed meanwhile (`store.coverage`), without which no figure should be shown.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from psycopg.rows import kwargs_row

from store.database import Conn


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorHour:
    """What one sensor did in one hour of civil time."""

    home_id: int
    sensor_id: int
    hour_at: datetime  # aware; its beginning
    events: int
    on_events: int  # of them, with a value above 0
    first_on_at: datetime | None
    last_on_at: datetime | None
    lowest: float
    highest: float
    mean: float  # of the values told, not weighted by time


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeDay:
    """What was seen in a home on one civil day of its own. A day without any event has no row."""

    home_id: int
    day: date
    events: int
    activities: int  # times a sensor went on that shows a person
    active_sensors: int
    first_activity_at: datetime | None
    last_activity_at: datetime | None


def sensor_hours(conn: Conn, home_id: int, start: datetime, end: datetime, *, time_zone: str) -> list[SensorHour]:
    """The home's hours that begin in [start, end), oldest first; `start` and `end` are full quarter hours."""
    with conn.cursor(row_factory=kwargs_row(SensorHour)) as cur:
        return cur.execute(
            """
            SELECT home_id, sensor_id, date_trunc('hour', quarter_at, %(zone)s) AS hour_at,
                   sum(events)::bigint AS events, sum(on_events)::bigint AS on_events,
                   min(first_on_at) AS first_on_at, max(last_on_at) AS last_on_at,
                   min(lowest) AS lowest, max(highest) AS highest, sum(total) / sum(events) AS mean
              FROM sensor_quarter
             WHERE home_id = %(home_id)s AND quarter_at >= %(start)s AND quarter_at < %(end)s
             GROUP BY home_id, sensor_id, date_trunc('hour', quarter_at, %(zone)s)
             ORDER BY hour_at, sensor_id
            """,
            {"home_id": home_id, "start": start, "end": end, "zone": time_zone},
        ).fetchall()


def home_days(conn: Conn, home_id: int, first: date, last: date, *, time_zone: str) -> list[HomeDay]:
    """The home's civil days from `first` to `last`, both included, oldest first."""
    zone = ZoneInfo(time_zone)
    with conn.cursor(row_factory=kwargs_row(HomeDay)) as cur:
        return cur.execute(
            """
            SELECT home_id, (quarter_at AT TIME ZONE %(zone)s)::date AS day, sum(events)::bigint AS events,
                   coalesce(sum(on_events) FILTER (WHERE is_of_a_person), 0)::bigint AS activities,
                   count(DISTINCT sensor_id) FILTER (WHERE is_of_a_person AND on_events > 0) AS active_sensors,
                   min(first_on_at) FILTER (WHERE is_of_a_person) AS first_activity_at,
                   max(last_on_at) FILTER (WHERE is_of_a_person) AS last_activity_at
              FROM sensor_quarter
              JOIN (SELECT id, kind NOT IN ('temperature', 'humidity', 'illuminance', 'power') AS is_of_a_person
                      FROM sensor WHERE home_id = %(home_id)s) AS told ON told.id = sensor_id
             WHERE home_id = %(home_id)s AND quarter_at >= %(start)s AND quarter_at < %(end)s
             GROUP BY home_id, (quarter_at AT TIME ZONE %(zone)s)::date
             ORDER BY day
            """,
            {
                "home_id": home_id,
                "start": datetime.combine(first, time(), zone),
                "end": datetime.combine(last + timedelta(days=1), time(), zone),
                "zone": time_zone,
            },
        ).fetchall()

"""When a home and its places could be observed: read from what is stored, and kept by quarter hour for reports.

The arithmetic stands in `coverage`. Pages read `home_coverage`, which is true to the second and up to now; reports over
years read `coverage_quarter`, which is written here once a day for days that are over.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from psycopg.rows import dict_row

from store.coverage import (
    Interval,
    covered_for,
    covered_intervals,
    in_both,
    place_coverage,
    quarter_seconds,
    without,
)
from store.database import Conn
from store.fault import Fault, FaultKind, faults_between
from store.home import Home, Sensor
from store.hub import check_ins_between
from store.hub_gap import hub_gaps

WHOLE_HOME = ""  # in place of a room
_DAY = timedelta(days=1)
_SETTLED = timedelta(hours=1)  # after midnight, when a day's last readings have come
_ALL_OF_IT = 900  # seconds of a quarter hour
_AT_MOST = 35  # days derived anew at a time: what a new home uploads, and how late a hub may come back
_KEPT_DARK = (FaultKind.SENSOR_SILENT, FaultKind.SENSOR_STUCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """When a movement would have been recorded, in [start, end)."""

    start: datetime
    end: datetime
    installed_at: datetime | None  # the home's first message; before it there was nothing to cover
    home: list[Interval]
    places: dict[str, list[Interval]]  # by room, of rooms with a sensor that tells of people


def home_coverage(conn: Conn, home: Home, sensors: Sequence[Sensor], start: datetime, end: datetime) -> Coverage:
    """Of this home in [start, end), as far as it is known by now. `end` is not in the future."""
    vouches = covered_for(home.check_in_interval)
    check_ins = check_ins_between(conn, home.id, start - vouches, end)
    missing = [(gap.from_at or gap.until_at, gap.until_at) for gap in hub_gaps(conn, home.id, start, end)]
    covered = without(covered_intervals(check_ins, home.check_in_interval, start, end), missing)
    silent = silent_stretches(sensors, faults_between(conn, home.id, start, end), until=end)
    return Coverage(
        start=start,
        end=end,
        installed_at=first_heard(conn, home.id),
        home=covered,
        places=place_coverage(covered, sensors, silent),
    )


def silent_stretches(
    sensors: Iterable[Sensor], faults: Iterable[Fault], *, until: datetime
) -> Mapping[int, list[Interval]]:
    """By sensor id: when it would have told nothing, by what was found and by its own bridge's word."""
    silent: dict[int, list[Interval]] = {}
    for fault in faults:
        if fault.kind in _KEPT_DARK and fault.sensor_id is not None:
            silent.setdefault(fault.sensor_id, []).append((fault.started_at, fault.ended_at or until))
    for sensor in sensors:
        heard_at = sensor.last_heard_at or sensor.value_at
        if sensor.is_available is False and heard_at is not None:
            silent.setdefault(sensor.id, []).append((heard_at, until))
    return silent


def first_heard(conn: Conn, home_id: int) -> datetime | None:
    """When the home's first check-in or event happened; None if there is none."""
    # The day first: on TimescaleDB every day is a chunk, and all of them would be asked without a bound.
    begun = conn.execute(
        "SELECT min(earliest_at) FROM intake_day WHERE home_id = %(home_id)s", {"home_id": home_id}
    ).fetchone()
    day: datetime | None = None if begun is None else begun[0]
    if day is None:
        return None
    row = conn.execute(
        """
        SELECT least((SELECT min(occurred_at) FROM hub_check_in
                       WHERE home_id = %(home_id)s AND occurred_at >= %(from)s AND occurred_at < %(until)s),
                     (SELECT min(occurred_at) FROM sensor_event
                       WHERE home_id = %(home_id)s AND occurred_at >= %(from)s AND occurred_at < %(until)s))
        """,
        {"home_id": home_id, "from": day, "until": day + timedelta(days=1)},
    ).fetchone()
    found: datetime | None = None if row is None else row[0]
    return found or day  # the rows themselves may be too old to be kept


def derive_coverage(conn: Conn, home: Home, sensors: Sequence[Sensor], *, now: datetime) -> int:
    """Keep the quarter hours of days that are over and of which something new is known; how many days were written.

    New is: a day that ended since, readings that came late, a fault that was found or ended. Cheap when nothing is.
    """
    today = (now - _SETTLED).astimezone(UTC).date()
    done = _derived_until(conn, home.id)
    if done is not None and done >= today:
        return 0
    heard = first_heard(conn, home.id)
    if heard is None:
        return 0
    first = max(heard.astimezone(UTC).date(), today - _AT_MOST * _DAY)
    if done is not None:
        first = max(first, min(done, _touched_since(conn, home.id, done)))
    written = 0
    if first < today:
        start, end = _midnight(first), _midnight(today)
        found = home_coverage(conn, home, sensors, start, end)
        while first < today:
            _keep_day(conn, home.id, first, found)
            first += _DAY
            written += 1
    conn.execute(
        """
        INSERT INTO coverage_until (home_id, day) VALUES (%(home_id)s, %(day)s)
            ON CONFLICT (home_id) DO UPDATE SET day = excluded.day
        """,
        {"home_id": home.id, "day": today},
    )
    return written


def quarter_shares(conn: Conn, home_id: int, start: date, end: date) -> dict[tuple[date, str], list[float]]:
    """Of each kept UTC day in [start, end) and each room (`WHOLE_HOME` for all), the share of 96 quarter hours."""
    with conn.cursor(row_factory=dict_row) as cur:
        rows = cur.execute(
            """
            SELECT day, room, seconds FROM coverage_day
             WHERE home_id = %(home_id)s AND day >= %(start)s AND day < %(end)s
             ORDER BY day, room
            """,
            {"home_id": home_id, "start": start, "end": end},
        ).fetchall()
    return {
        (row["day"], row["room"]): [seconds / _ALL_OF_IT for seconds in row["seconds"] or [_ALL_OF_IT] * 96]
        for row in rows
    }


def _keep_day(conn: Conn, home_id: int, day: date, found: Coverage) -> None:
    midnight = _midnight(day)
    here = [(midnight, midnight + _DAY)]
    whole = quarter_seconds(in_both(found.home, here), midnight)
    rows = {WHOLE_HOME: whole}
    for room, covered in found.places.items():
        seconds = quarter_seconds(in_both(covered, here), midnight)
        if seconds != whole:
            rows[room] = seconds
    conn.execute(
        "DELETE FROM coverage_day WHERE home_id = %(home_id)s AND day = %(day)s AND NOT room = ANY(%(rooms)s)",
        {"home_id": home_id, "day": day, "rooms": list(rows)},
    )
    conn.cursor().executemany(
        """
        INSERT INTO coverage_day (home_id, day, room, seconds)
        VALUES (%(home_id)s, %(day)s, %(room)s, %(seconds)s)
            ON CONFLICT (home_id, day, room) DO UPDATE SET seconds = excluded.seconds
        """,
        [
            {
                "home_id": home_id,
                "day": day,
                "room": room,
                "seconds": None if min(seconds) == _ALL_OF_IT else seconds,
            }
            for room, seconds in rows.items()
        ],
    )


def _derived_until(conn: Conn, home_id: int) -> date | None:
    row = conn.execute("SELECT day FROM coverage_until WHERE home_id = %(home_id)s", {"home_id": home_id}).fetchone()
    return None if row is None else row[0]


def _touched_since(conn: Conn, home_id: int, day: date) -> date:
    """The earliest day of which something new came or was found on this day or later."""
    row = conn.execute(
        """
        SELECT least((SELECT min(earliest_at) FROM intake_day WHERE home_id = %(home_id)s AND day >= %(day)s),
                     (SELECT min(started_at) FROM fault
                       WHERE home_id = %(home_id)s AND kind = ANY(%(kinds)s)
                         AND (raised_at >= %(midnight)s OR ended_at >= %(midnight)s)),
                     (SELECT min(coalesce(from_at, until_at)) FROM hub_gap
                       WHERE home_id = %(home_id)s AND noticed_at >= %(midnight)s),
                     %(midnight)s)
        """,
        {"home_id": home_id, "day": day, "midnight": _midnight(day), "kinds": [str(kind) for kind in _KEPT_DARK]},
    ).fetchone()
    return day if row is None else row[0].astimezone(UTC).date()


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)

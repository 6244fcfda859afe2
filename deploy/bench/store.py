"""`telecare bench store`: how long the chart page's questions take when the database holds many millions of events.

Fills four weeks of homes with 3,000 events a day each, in the order in which they would have come in (so that a home's
rows lie scattered among all others'), then asks what a page asks, of another home each time. On the embedded, plain
PostgreSQL: TimescaleDB keeps a home's day together and is not slower. Its disk space is measured in `tests/store`.
"""

import argparse
import contextlib
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.postgres import Postgres
from store.activity import home_days
from store.database import Conn
from store.home import SensorKind, add_home, add_organisation, add_sensor
from store.hub import check_ins_between
from store.migrate import migrate
from store.retention import KeepSettings
from store.sensor_event import changes_between, events_after

DAYS = 28
A_DAY = 3_000  # events of one home, what a busy home of a dozen sensors sends
CHECK_INS_A_DAY = 288
SENSORS = 10
ASKED = 20  # homes
ZONE = "Europe/London"
BEGIN = datetime(2026, 2, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=DAYS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much."""
    parser.add_argument(
        "--events", type=int, default=10_000_000, help="events to fill (default: 10 million; 50 million needs 8 GB)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")


def run(arguments: argparse.Namespace) -> int:
    """Measure. Exit codes: 0 measured, 2 bad input."""
    homes = arguments.events // (A_DAY * DAYS)
    if homes < 1:
        print(f"--events must be at least {A_DAY * DAYS}: four weeks of one home", file=sys.stderr)
        return 2
    with _database() as conn:
        figures = measure(conn, homes)
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:24} {value}")
    return 0


def measure(conn: Conn, homes: int) -> dict[str, float | int]:
    """Fill and ask; milliseconds are the median and the slowest of several homes, each asked for the first time."""
    begun = time.monotonic()
    first_home = _fill(conn, homes)
    filled = time.monotonic() - begun
    stored = homes * A_DAY * DAYS
    asked = [first_home + number * homes // ASKED for number in range(min(ASKED, homes))]
    last_day = END - timedelta(days=1)
    questions: dict[str, Callable[[int], object]] = {
        "day_chart": lambda home: (
            changes_between(conn, home, last_day, END),
            check_ins_between(conn, home, last_day, END),
        ),
        "four_weeks_chart": lambda home: (
            changes_between(conn, home, BEGIN, END),
            check_ins_between(conn, home, BEGIN, END),
        ),
        "unread_events": lambda home: events_after(conn, home, A_DAY * DAYS - 5, limit=5_000),
        "four_weeks_of_figures": lambda home: home_days(
            conn, home, date(2026, 2, 1), date(2026, 2, 28), time_zone=ZONE
        ),
    }
    figures: dict[str, float | int] = {
        "homes": homes,
        "events": stored,
        "fill_s": round(filled, 1),
        "bytes_per_event": round(_bytes(conn) / stored, 1),
    }
    for name, ask in questions.items():
        took, worked = [], []
        for home in asked:
            before, own = time.monotonic(), time.process_time()
            ask(home)
            took.append(1000 * (time.monotonic() - before))
            worked.append(1000 * (time.process_time() - own))
        figures[f"{name}_ms"] = round(statistics.median(took), 1)
        figures[f"{name}_slowest_ms"] = round(max(took), 1)
        figures[f"{name}_own_cpu_ms"] = round(statistics.median(worked), 1)  # of it, ours to read the rows
    return figures


@contextlib.contextmanager
def _database() -> Iterator[Conn]:
    folder = Path(tempfile.mkdtemp(prefix="telecare-bench-"))
    folder.chmod(0o711)  # the database's account walks through it
    try:
        with contextlib.closing(Lifeline()) as lifeline, Postgres(folder, durable=False, lifeline=lifeline) as server:
            url = server.url("postgres")
            with contextlib.closing(psycopg.connect(url, autocommit=True)) as conn:
                conn.execute("CREATE DATABASE bench")
            with contextlib.closing(psycopg.connect(server.url("bench"), autocommit=True)) as conn:
                conn.execute("SET timezone TO 'UTC'")
                migrate(conn, KeepSettings())
                yield conn
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill(conn: Conn, homes: int) -> int:
    """The id of the first home; the others follow it."""
    with conn.transaction():
        organisation = add_organisation(conn, "Bench", now=BEGIN)
        ids = []
        for number in range(homes):
            home = add_home(
                conn, organisation_id=organisation, code=f"B{number:06d}", time_zone=ZONE,
                check_in_interval=timedelta(minutes=5), residents=1, dialect="native", now=BEGIN,
            )  # fmt: skip
            ids.append(home.id)
            for sensor in range(SENSORS):
                add_sensor(conn, home.id, code=f"M{sensor}", kind=SensorKind.MOTION, room="hall")
    # As a restore does it: rows first, then the indexes.
    conn.execute("ALTER TABLE sensor_event DROP CONSTRAINT sensor_event_pkey")
    conn.execute("DROP INDEX sensor_event_number")
    first = conn.execute("SELECT min(id) FROM sensor").fetchone()
    assert first is not None
    given: dict[str, Any] = {
        "first_home": ids[0], "last_home": ids[-1], "first_sensor": first[0], "sensors": SENSORS, "begin": BEGIN,
        "days": DAYS, "end": END,
    }  # fmt: skip
    for day in range(DAYS):
        conn.execute(
            """
            INSERT INTO sensor_event (home_id, sensor_id, occurred_at, received_at, number, value)
            SELECT home_id,
                   %(first_sensor)s::bigint + (home_id - %(first_home)s::bigint) * %(sensors)s::bigint
                       + tick %% %(sensors)s::int,
                   at + (home_id %% 29) * interval '1 second', at + interval '30 seconds',
                   %(day)s::bigint * %(a_day)s::bigint + tick, tick %% 2
              FROM (SELECT tick,
                           %(begin)s::timestamptz + %(day)s::int * interval '1 day' + tick * %(pace)s::interval AS at
                      FROM generate_series(1, %(a_day)s::int) AS tick) AS told
             CROSS JOIN generate_series(%(first_home)s::bigint, %(last_home)s::bigint) AS home_id
            """,
            {**given, "day": day, "a_day": A_DAY, "pace": timedelta(days=1) / (A_DAY + 2)},
        )
    conn.execute("ALTER TABLE sensor_event ADD PRIMARY KEY (home_id, occurred_at, number) INCLUDE (sensor_id, value)")
    conn.execute("CREATE INDEX sensor_event_number ON sensor_event (home_id, number)")
    conn.execute(
        """
        INSERT INTO hub_check_in (home_id, occurred_at, received_at, number, state)
        SELECT home_id, at, at, %(after)s::bigint + row_number() OVER (PARTITION BY home_id ORDER BY at), 'checkin'
          FROM generate_series(%(begin)s::timestamptz, %(end)s::timestamptz - %(pace)s::interval,
                               %(pace)s::interval) AS at
         CROSS JOIN generate_series(%(first_home)s::bigint, %(last_home)s::bigint) AS home_id
        """,
        {**given, "after": A_DAY * DAYS, "pace": timedelta(days=1) / CHECK_INS_A_DAY},
    )
    conn.execute(
        """
        INSERT INTO intake_day (home_id, first_number, day, earliest_at, latest_at)
        SELECT home_id, 1 + day::bigint * %(a_day)s::bigint, (%(begin)s::timestamptz + day * interval '1 day')::date,
               %(begin)s::timestamptz + day * interval '1 day', %(begin)s::timestamptz + (day + 1) * interval '1 day'
          FROM generate_series(0, %(days)s::int - 1) AS day
         CROSS JOIN generate_series(%(first_home)s::bigint, %(last_home)s::bigint) AS home_id
        """,
        {**given, "a_day": A_DAY},
    )
    conn.execute("UPDATE intake SET last_number = %(last)s", {"last": A_DAY * DAYS})
    conn.execute("VACUUM ANALYZE")
    return ids[0]


def _bytes(conn: Conn) -> int:
    row = conn.execute("SELECT pg_total_relation_size('sensor_event')").fetchone()
    assert row is not None
    return int(row[0])

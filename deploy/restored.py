"""`telecare restored TIME`: tell the service that its database was put back to TIME by PostgreSQL's own means.

What went out to people after TIME, and what they answered, is known to the SMS provider alone; with this note, alerts
asks there before a text about an older alert goes out, and fetches the answers. Every open alert gets a line in its
history. `telecare restore` writes it by itself.
"""

import argparse
import contextlib
import sys
from datetime import UTC, datetime

import psycopg

from store.clock import make_clock
from store.database import DatabaseSettings
from store.restored import note_restored


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("time", metavar="TIME", help="what it was put back to, with an offset: 2026-11-23T06:50:00Z")


def run(arguments: argparse.Namespace) -> int:
    """Write it down, before any service is started again."""
    now = make_clock().now()
    try:
        taken_at = datetime.fromisoformat(arguments.time)
    except ValueError as exc:
        print(f"TIME: {exc}", file=sys.stderr)
        return 2
    if taken_at.tzinfo is None or taken_at > now:
        print("TIME needs an offset, such as Z, and lies in the past", file=sys.stderr)
        return 2
    try:
        with contextlib.closing(psycopg.connect(DatabaseSettings().database_url, connect_timeout=10)) as conn:
            note_restored(conn, taken_at=taken_at, now=now)
            conn.commit()
    except psycopg.Error as exc:
        print(f"not noted: {exc}", file=sys.stderr)
        return 1
    print(f"noted: texts about alerts from before {now:%Y-%m-%d %H:%M} UTC are looked for at the provider first")
    print(f"answers since {taken_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC are fetched from there when alerts starts")
    return 0

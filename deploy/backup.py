"""`telecare backup`: the embedded stack's database and settings in one file, while it runs or not.

For `telecare demo --data` and single machines that run the embedded stack. A real site backs its database up with
PostgreSQL's own means: deploy/RUNBOOK.md.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from deploy.local_stack.archive import (
    DUMP,
    FILES,
    BadArchive,
    Manifest,
    copy_consistently,
    measure,
    stack_files,
    write_archive,
)
from deploy.local_stack.kept_clock import kept_time
from deploy.local_stack.postgres import Postgres
from deploy.local_stack.programs import PostgresFailed, run_program
from deploy.local_stack.stack import DataInUse, lock_data
from store.clock import ClockSettings, make_clock
from store.database import Conn
from store.migrate import migrations


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("file", metavar="FILE", help="the backup to write; an older one of that name is replaced")
    parser.add_argument("--data", metavar="DIR", required=True, help="the stack's data directory")


def run(arguments: argparse.Namespace) -> int:
    """Write it. 2 if there is nothing to back up or the file cannot be written there."""
    data_dir, file = Path(arguments.data).absolute(), Path(arguments.file).absolute()
    if not (data_dir / "postgres").exists():
        print(f"{data_dir}: no stack has kept its data there", file=sys.stderr)
        return 2
    if not file.parent.is_dir():
        print(f"{file}: there is no folder {file.parent}", file=sys.stderr)
        return 2
    try:
        manifest = back_up(data_dir, file)
    except (PostgresFailed, psycopg.OperationalError, subprocess.SubprocessError, BadArchive) as exc:
        print(f"not backed up: {exc}", file=sys.stderr)
        return 1
    except OSError as exc:
        print(f"{exc.filename or file}: {exc.strerror}", file=sys.stderr)
        return 2
    rows = sum(manifest.tables.values())
    print(f"{file}: {rows} rows of {len(manifest.tables)} tables and {len(manifest.members) - 1} files")
    print("It holds names, telephone numbers and the homes' broker credentials: only you can read it; keep it so.")
    return 0


def back_up(data_dir: Path, file: Path) -> Manifest:
    """The state of one moment. The files come first: a hub that is older than the database only repeats itself."""
    with tempfile.TemporaryDirectory(prefix=".telecare-backup-", dir=file.parent) as scratch:
        folder = Path(scratch)
        for inside in stack_files(data_dir):
            with contextlib.suppress(FileNotFoundError):  # gone meanwhile
                copy_consistently(data_dir / inside, folder / FILES / inside)
        with _running(data_dir) as postgres:
            taken_at = make_clock(ClockSettings(file=None, start=None, real_start=None, speed=1.0)).now()
            service_time, speed = kept_time(data_dir) or (taken_at, 1.0)
            done, tables = _dump(postgres, folder / DUMP)
        manifest = Manifest(
            taken_at=taken_at,
            service_time=service_time,
            speed=speed,
            migrations=done,
            tables=tables,
            members=measure(folder),
        )
        write_archive(folder, manifest, file)
    return manifest


@contextlib.contextmanager
def _running(data_dir: Path) -> Iterator[Postgres]:
    """The stack's database: the one that runs, or started for this."""
    postgres = Postgres(data_dir)
    try:
        lock = lock_data(data_dir)
    except DataInUse:
        postgres.attach()
        yield postgres
        return
    with lock, postgres:
        yield postgres


def _dump(postgres: Postgres, target: Path) -> tuple[list[str], dict[str, int]]:
    """The migrations that are in it and the rows of each table, of the very snapshot that is dumped."""
    with contextlib.closing(psycopg.connect(postgres.url(), connect_timeout=10)) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        row = conn.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        done = [name for (name,) in conn.execute("SELECT name FROM migration ORDER BY number").fetchall()]
        tables = count_rows(conn)
        arguments = ("--format", "custom", "--snapshot", str(row[0]), "--file", "/dev/stdout")
        with target.open("wb") as written:
            run_program("pg_dump", *arguments, url=postgres.url(), output=written)
    known = {name for _, name, _ in migrations()}
    if newer := [name for name in done if name not in known]:
        raise BadArchive(f"the database was migrated by a newer version ({newer[0]}): back it up with that one")
    return done, tables


def count_rows(conn: Conn) -> dict[str, int]:
    """The rows of every table of ours."""
    names = conn.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname"
    ).fetchall()
    found = {}
    for (name,) in names:
        row = conn.execute(sql.SQL("SELECT count(*) FROM public.{}").format(sql.Identifier(name))).fetchone()
        assert row is not None
        found[name] = int(row[0])
    return found

"""`telecare restore`: a backup of the embedded stack put back, all of it or nothing.

Everything is made beside the data directory and renamed into its place at the end; what was there before is kept. What
homes sent after the backup comes again from hubs that still hold it. What was sent to people after it, and what they
answered, is known to the SMS provider alone: `store.restored` makes alerts ask there, before a text goes out and for
the answers. Every open alert gets a line in its history.
"""

import argparse
import contextlib
import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import psycopg

from deploy.backup import count_rows
from deploy.local_stack.archive import DUMP, FILES, BadArchive, Manifest, read_manifest, unpack
from deploy.local_stack.credentials import write_private
from deploy.local_stack.kept_clock import keep_time
from deploy.local_stack.kept_roles import make_owner
from deploy.local_stack.postgres import Postgres
from deploy.local_stack.programs import PostgresFailed, run_program
from deploy.local_stack.stack import DataInUse, lock_data
from store.clock import ClockSettings, make_clock
from store.migrate import migrations
from store.restored import note_restored
from store.roles import make_roles


class Refused(Exception):
    """The backup does not fit, or the place is taken; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was put back, and where what was there before is now."""

    manifest: Manifest
    before: Path | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("file", metavar="FILE", help="a backup that `telecare backup` has written")
    parser.add_argument("--data", metavar="DIR", required=True, help="the data directory to make")
    parser.add_argument("--replace", action="store_true", help="DIR has data already: move it aside and take its place")


def run(arguments: argparse.Namespace) -> int:
    """Put it back. 2 if the file is no good backup, or there is something in its place already."""
    file, data_dir = Path(arguments.file), Path(arguments.data).absolute()
    try:
        done = restore(file, data_dir, replace=arguments.replace)
    except (BadArchive, Refused, DataInUse) as exc:
        print(f"{file}: {exc}", file=sys.stderr)
        return 2
    except OSError as exc:
        print(f"{exc.filename or file}: {exc.strerror}", file=sys.stderr)
        return 2
    except (PostgresFailed, psycopg.Error, subprocess.SubprocessError) as exc:
        print(f"not restored, nothing was changed: {exc}", file=sys.stderr)
        return 1
    taken_at = done.manifest.taken_at
    print(f"{data_dir}: {sum(done.manifest.tables.values())} rows as of {taken_at:%Y-%m-%d %H:%M:%S} UTC")
    if done.before is not None:
        print(f"What was there before is in {done.before}; delete it when you no longer need it.")
    print(
        "Answers that came by text since then are fetched from the SMS provider once alerts runs; what was done on the"
    )
    print("pages is not in it: go through the open alerts with those on call.")
    return 0


def restore(file: Path, data_dir: Path, *, replace: bool = False) -> Restored:
    """Put the backup in the place of `data_dir`. Raises BadArchive, Refused, DataInUse, PostgresFailed, OSError."""
    manifest = read_manifest(file)
    known = {name for _, name, _ in migrations()}
    if newer := [name for name in manifest.migrations if name not in known]:
        raise Refused(f"it was made by a newer version (it has {newer[0]}): restore it with that version")
    is_there = data_dir.exists() and any(data_dir.iterdir())
    if is_there and not replace:
        raise Refused(f"{data_dir} is not empty: give another --data, or --replace to move what is there aside")
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        if is_there:
            stack.enter_context(lock_data(data_dir))  # a stack that runs there is never replaced
        fresh = stack.enter_context(_beside(data_dir))
        unpacked = fresh / "backup"
        unpack(file, manifest, unpacked)
        for path in sorted((unpacked / FILES).iterdir()) if (unpacked / FILES).exists() else ():
            path.rename(fresh / path.name)
        _fill(fresh, unpacked / DUMP, manifest)
        shutil.rmtree(unpacked)
        before = _swap(fresh, data_dir, manifest.taken_at if is_there else None)
    return Restored(manifest=manifest, before=before)


def _fill(folder: Path, dump: Path, manifest: Manifest) -> None:
    """The database of the new data directory: loaded, compared with what was counted, brought to this version."""
    now = _time_now(manifest)
    with Postgres(folder) as postgres:
        with contextlib.closing(psycopg.connect(postgres.url(), autocommit=True, connect_timeout=10)) as conn:
            make_owner(conn, postgres.roles)
            make_roles(conn, postgres.roles.settings())
        with dump.open("rb") as read:
            run_program(
                "pg_restore", "--single-transaction", "--exit-on-error", "--dbname", postgres.url_without_password(),
                url=postgres.url(), given=read,
            )  # fmt: skip
        with contextlib.closing(psycopg.connect(postgres.url(), connect_timeout=10)) as conn:
            found = count_rows(conn)
        if found != manifest.tables:
            odd = next(name for name in {**found, **manifest.tables} if found.get(name) != manifest.tables.get(name))
            raise BadArchive(f"{odd} should have {manifest.tables.get(odd)} rows and has {found.get(odd)}")
        postgres.bring_up_to_date()
        with contextlib.closing(psycopg.connect(postgres.url(), connect_timeout=10)) as conn:
            note_restored(conn, taken_at=manifest.service_time, now=now)
            conn.commit()
    keep_time(folder, now)
    write_private(folder / "restored.json", json.dumps({"taken_at": manifest.taken_at.isoformat()}) + "\n")


def _time_now(manifest: Manifest) -> datetime:
    """What the service's clock would show now had it gone on: nothing a hub has recorded since lies in the future."""
    real = make_clock(ClockSettings(file=None, start=None, real_start=None, speed=1.0)).now()
    return manifest.service_time + max(real - manifest.taken_at, timedelta()) * max(1.0, manifest.speed)


@contextlib.contextmanager
def _beside(data_dir: Path) -> Iterator[Path]:
    """A folder next to it, on the same file system; gone afterwards unless it was moved away."""
    fresh = data_dir.parent / f".{data_dir.name}.restoring-{secrets.token_hex(4)}"
    fresh.mkdir(mode=0o711)
    try:
        yield fresh
    finally:
        if fresh.exists():
            files = (fresh / "postgres").resolve()  # elsewhere, where PostgreSQL's account cannot reach our folders
            shutil.rmtree(fresh)
            if files.exists():
                shutil.rmtree(files)


def _swap(fresh: Path, data_dir: Path, was_of: datetime | None) -> Path | None:
    before = None
    if was_of is not None:
        before = data_dir.with_name(f"{data_dir.name}.before-restore-{secrets.token_hex(4)}")
        data_dir.rename(before)
    elif data_dir.exists():
        data_dir.rmdir()  # empty
    try:
        fresh.rename(data_dir)
    except OSError:
        if before is not None:
            before.rename(data_dir)
        raise
    return before

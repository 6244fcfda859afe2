"""`telecare demo`: the whole service on this machine, with pretend homes and phones, until Ctrl-C."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import psycopg

from deploy import demo_check
from deploy.demo_findings import found_kinds
from deploy.demo_stack import LONDON, DemoStack, first_morning
from deploy.local_stack.broker import BrokerFailed
from deploy.local_stack.programs import PostgresFailed
from deploy.local_stack.stack import DataInUse
from simulators.fleet import World, default_fleet, recorded_home
from store.clock import make_clock
from store.database import Conn
from store.home_file import HomeFile, InputError, read_home_file
from store.recording import BadRow, read_recording_leniently

FASTEST = 3600.0  # an hour in a second; beyond it hubs and people have no time to do anything
BAD_LINES_SHOWN = 10
HISTORY_AT_MOST = timedelta(minutes=4)  # real time; then the world goes on while the rest is still learned


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--speed", type=float, default=60.0, help="how much faster than real time (default 60)")
    parser.add_argument("--data", metavar="DIR", help="keep everything in DIR and go on from there next time")
    parser.add_argument(
        "--recording", metavar="FILE", help="play this recording as one more home (CSV, may be gzipped)"
    )
    parser.add_argument("--home", metavar="HOME.json", help="the home file of the recording")
    parser.add_argument("--check", action="store_true", help="no browser: go through everything once, then stop")
    parser.add_argument("--json", action="store_true", help="with --check: print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Start everything, say where it is, and tell what happens. 2 if what was given cannot be used."""
    if (arguments.recording is None) != (arguments.home is None):
        print("--recording and --home belong together", file=sys.stderr)
        return 2
    if not 0 < arguments.speed <= FASTEST:
        print(f"--speed must be more than 0 and at most {FASTEST:g}", file=sys.stderr)
        return 2
    try:
        if arguments.check:
            return demo_check.run(as_json=arguments.json)
        world = _with_recording(default_fleet(first_morning(make_clock().now())), arguments)
        with _folder(arguments.data) as folder, DemoStack(folder, world) as demo:
            if missing := {home.code for home in world.homes} - {home.code for home in demo.world.homes}:
                _say(f"{folder} goes on with the homes it began with: {', '.join(sorted(missing))} is not among them")
            _run(demo, speed=arguments.speed)
    except KeyboardInterrupt:
        _say("stopped")
    except InputError as exc:
        print(exc, file=sys.stderr)
        return 2
    except (DataInUse, PostgresFailed, BrokerFailed) as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


def _with_recording(world: World, arguments: argparse.Namespace) -> World:
    if arguments.recording is None:
        return world
    recording = Path(arguments.recording)
    home = read_home_file(Path(arguments.home))
    if home.id in {other.code for other in world.homes}:
        raise InputError(Path(arguments.home), f"id: the demo has a home {home.id} already")
    _read_once(recording, home)
    return world.with_home(recorded_home(home, recording))


def _read_once(recording: Path, home: HomeFile) -> None:
    """What cannot be played at all is refused before anything starts, and what is left out is said here."""
    rows, bad = 0, 0
    for found in read_recording_leniently(recording, home):
        if not isinstance(found, BadRow):
            rows += 1
            continue
        bad += 1
        if bad <= BAD_LINES_SHOWN:
            print(f"{recording}:{found.line}: {found.reason}; the line is left out", file=sys.stderr)
    if bad > BAD_LINES_SHOWN:
        print(f"{recording}: {bad - BAD_LINES_SHOWN} more lines are left out", file=sys.stderr)
    if rows == 0:
        raise InputError(recording, "there is not one line that can be read")


@contextmanager
def _folder(given: str | None) -> Iterator[Path]:
    """The folder that was named, or one that is forgotten afterwards."""
    if given is not None:
        kept = Path(given)
        try:
            kept.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=kept):
                pass
        except OSError as exc:
            raise InputError(kept, f"nothing can be kept there: {exc.strerror}") from exc
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="telecare-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _run(demo: DemoStack, *, speed: float) -> None:
    _say(f"database, broker and services are starting; their logs are in {demo.stack.log_dir}")
    demo.wait_until_it_answers()
    _introduce(demo)
    began = time.monotonic()
    with _Line() as line:
        while not (progress := demo.progress()).is_done:
            line.show(
                f"weeks of history: {progress.uploaded:6.1%} uploaded, "
                f"{progress.learned} of {progress.homes} routines learned"
            )
            if time.monotonic() - began > HISTORY_AT_MOST.total_seconds():
                break
            demo.stack.wait(0.5)
    demo.stack.set_speed(speed)
    _say(
        f"{progress.homes} homes with their history are there; from now on the world runs at {speed:g} times the speed"
    )
    _show(demo)
    _introduce(demo)
    _tell(demo)


def _show(demo: DemoStack) -> None:
    """Where to look: one home for each kind of finding in these weeks."""
    with demo.connect() as conn:
        found = found_kinds(conn)
    lines = [
        f"  {each.kind.replace('_', ' '):16} {each.home}  {at:%a %d %b %H:%M}  {each.grade}"
        for each in found
        for at in [each.raised_at.astimezone(LONDON)]
    ]
    _say("\n".join(["", "found in these weeks, on the page of the home:", *lines]))


def _introduce(demo: DemoStack) -> None:
    lines = [f"  pages    {demo.pages_url}"]
    lines += [f"           {login.email}  password {login.password}" for login in demo.logins]
    lines += [f"  phones   {demo.phones_url}", "  Ctrl-C stops everything"]
    _say("\n".join(["", *lines, ""]))


def _tell(demo: DemoStack) -> None:
    """Until Ctrl-C: one line for each thing that happens to an alert, in the world's time."""
    seen = -1
    while True:
        try:
            with demo.connect() as conn:
                if seen < 0:
                    seen = _last_entry(conn)
                while True:
                    for entry_id, at, home, code, kind, event, reason in _entries_after(conn, seen):
                        local = at.astimezone(LONDON)
                        _say(f"{local:%a %H:%M}  {home}  {kind.replace('_', ' ')} {code}: {event}. {reason}".rstrip())
                        seen = entry_id
                    demo.stack.wait(1.0)
        except psycopg.OperationalError:
            demo.stack.wait(1.0)  # the database was killed, and is started again


def _last_entry(conn: Conn) -> int:
    row = conn.execute("SELECT coalesce(max(id), 0) FROM alert_history").fetchone()
    return int(row[0]) if row else 0


def _entries_after(conn: Conn, entry_id: int) -> list[tuple[int, datetime, str, str, str, str, str]]:
    return conn.execute(
        """
        SELECT alert_history.id, alert_history.at, home.code, alert.code, alert.kind, alert_history.event,
               alert_history.reason
          FROM alert_history JOIN alert ON alert.id = alert_id JOIN home ON home.id = alert.home_id
         WHERE alert_history.id > %(id)s
         ORDER BY alert_history.id
        """,
        {"id": entry_id},
    ).fetchall()


def _say(text: str) -> None:
    print(text, flush=True)


class _Line:
    """One line that is written over again on a terminal; elsewhere one line every ten seconds."""

    def __enter__(self) -> "_Line":
        self._told = 0.0
        return self

    def __exit__(self, *exc: object) -> None:
        if sys.stdout.isatty():
            print(flush=True)

    def show(self, text: str) -> None:
        """Say how far it is."""
        if sys.stdout.isatty():
            print(f"\r\033[K{text}", end="", flush=True)
        elif time.monotonic() - self._told > 10.0:
            print(text, flush=True)
            self._told = time.monotonic()

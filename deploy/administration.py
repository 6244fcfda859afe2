"""What an administrator does at the command line: schema, homes, staff."""

import argparse
import getpass
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from pydantic import ValidationError

from api.security import hash_password
from deploy import home_commands
from ingest.wire import Dialect
from store import home as homes
from store import staff
from store.clock import Clock, make_clock
from store.database import Conn, DatabaseSettings
from store.grants import missing_grants
from store.home_file import HomeFile, InputError, read_home_file
from store.migrate import UnfitSchema, migrate, require_fit, schema_version
from store.retention import KeepSettings
from store.roles import RoleSettings, prepare_roles
from store.timescale import UnfitTimescale, describe
from store.watching import SHADOW_AT_MOST_DAYS, SHADOW_DAYS, start_in_shadow

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_commands(commands: "Commands") -> None:
    """Declare `migrate`, `home` and `staff`."""
    duty = commands.add_parser(
        "migrate", help="bring the database to the newest schema, and what it does by itself to the settings"
    )
    duty.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 if this version may not run on the database"
    )

    home = commands.add_parser("home", help="homes and their sensors").add_subparsers(dest="verb", required=True)
    add = home.add_parser("add", help="add a home with its sensors from a home file")
    add.add_argument("file", metavar="HOME.json")
    add.add_argument("--organisation", required=True)
    add.add_argument("--dialect", choices=[str(dialect) for dialect in Dialect], default="native")
    add.add_argument(
        "--shadow-days",
        type=_shadow_days,
        default=SHADOW_DAYS,
        metavar="N",
        help="for so many days findings are shown and nobody is told, except of what is urgent and of fixed limits; "
        "0: people are told from the beginning (default: %(default)s)",
    )
    home.add_parser("list", help="every home with its topic")
    home_commands.add_verbs(home)

    person = commands.add_parser("staff", help="people who may log in").add_subparsers(dest="verb", required=True)
    new = person.add_parser("add", help="add somebody; the password is asked for, or read from standard input")
    new.add_argument("email")
    new.add_argument("--name", required=True)
    new.add_argument("--role", required=True, choices=["operator", "clinician", "supervisor", "installer"])
    new.add_argument("--organisation", required=True)


def run(arguments: argparse.Namespace) -> int:
    """Do it; 2 with the reason on standard error when the input is wrong."""
    clock = make_clock()
    try:
        with psycopg.connect(DatabaseSettings().database_url, autocommit=True) as conn:
            if arguments.command == "migrate":
                return _migrate(conn, check=arguments.check)
            if arguments.command == "home" and arguments.verb in home_commands.VERBS:
                return home_commands.run(conn, arguments, clock)
            with conn.transaction():
                if arguments.command == "staff":
                    return _add_staff(conn, arguments, clock)
                return _home(conn, arguments, clock)
    except (InputError, ValidationError) as exc:
        print(exc, file=sys.stderr)
        return 2
    except psycopg.errors.UniqueViolation as exc:
        print(f"already there: {exc.diag.message_detail}", file=sys.stderr)
        return 2
    except psycopg.OperationalError as exc:
        print(f"the database does not answer: {exc}", file=sys.stderr)
        return 1


def _migrate(conn: Conn, *, check: bool) -> int:
    print(describe(conn))
    try:
        if check:
            require_fit(conn)
            print(f"the schema is current (version {schema_version()})")
            return _check_grants(conn)
        applied = migrate(conn, KeepSettings())
    except (UnfitSchema, UnfitTimescale) as exc:
        print(exc, file=sys.stderr)
        return 1
    for trouble in prepare_roles(conn, RoleSettings()):
        print(f"roles: {trouble}", file=sys.stderr)
    print("\n".join(f"applied {name}" for name in applied) or f"the schema is current (version {schema_version()})")
    return 0


def _check_grants(conn: Conn) -> int:
    roles = RoleSettings()
    missing = missing_grants(conn, service=roles.database_service_role, pages=roles.database_pages_role)
    for found in missing:
        print(f"roles: {found}", file=sys.stderr)
    if missing:
        print("run telecare migrate as the tables' owner: it gives what is missing", file=sys.stderr)
    return 1 if missing else 0


def _home(conn: Conn, arguments: argparse.Namespace, clock: Clock) -> int:
    if arguments.verb == "list":
        for home in homes.homes(conn):
            print(f"{home.code}\thomes/{home.partition:02d}/{home.code}\t{home.time_zone}")
        return 0
    file = read_home_file(Path(arguments.file))
    organisation_id = homes.add_organisation(conn, arguments.organisation, now=clock.now())
    home = register_home(conn, file, organisation_id=organisation_id, dialect=arguments.dialect, now=clock.now())
    start_in_shadow(conn, home.id, days=arguments.shadow_days, now=clock.now())
    prefix = f"homes/{home.partition:02d}/{home.code}/"
    print(f"added {home.code} with {len(file.sensors)} sensors; its topics are below {prefix}")
    if arguments.shadow_days:
        print(f"for {arguments.shadow_days} days its findings are shown and not told (shadow); its page says so")
    return 0


def _shadow_days(text: str) -> int:
    if not text.isdecimal() or int(text) > SHADOW_AT_MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 0 to {SHADOW_AT_MOST_DAYS}")
    return int(text)


def register_home(conn: Conn, file: HomeFile, *, organisation_id: int, dialect: str, now: datetime) -> homes.Home:
    """A new home with the sensors, absences and check-in interval of its home file."""
    home = homes.add_home(
        conn,
        organisation_id=organisation_id,
        code=file.id,
        time_zone=file.time_zone,
        check_in_interval=file.check_in_interval,
        residents=file.residents,
        dialect=dialect,
        now=now,
    )
    for sensor in file.sensors:
        homes.add_sensor(
            conn,
            home.id,
            code=sensor.id,
            name=sensor.name,
            kind=sensor.kind,
            room=sensor.room,
            is_exit=sensor.exit,
            is_essential=sensor.essential,
        )
    for absence in file.absences:
        homes.add_absence(
            conn,
            home.id,
            from_at=absence.from_at,
            until_at=absence.until_at,
            reason=absence.reason,
            noted_by="home file",
        )
    return home


def _add_staff(conn: Conn, arguments: argparse.Namespace, clock: Clock) -> int:
    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    organisation_id = homes.add_organisation(conn, arguments.organisation, now=clock.now())
    staff.add_staff(
        conn,
        organisation_id=organisation_id,
        name=arguments.name,
        email=arguments.email,
        password_hash=hash_password(password),
        role=staff.Role(arguments.role),
        now=clock.now(),
    )
    print(f"added {arguments.email} as {arguments.role}")
    return 0

"""The people of the demo: one organisation, its staff, its responders and who is told in what order."""

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from api.security import hash_password
from deploy.administration import register_home
from deploy.local_stack.credentials import write_private
from simulators.wear import Wear, noted_days
from store.database import Conn
from store.equipment import note_equipment_day
from store.home import add_organisation, add_resident, home_by_code, sensors_of, set_plans
from store.home_file import HomeFile
from store.response import Audience, ResponseStep, add_plan, add_responder
from store.staff import Role, add_staff

ORGANISATION = "Telecare Demo"
SENDER = "+447700900000"  # Ofcom keeps +44 7700 900xxx for pretend numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class PretendPhone:
    """A responder's phone, and what its owner does with a text when nobody types."""

    number: str
    name: str
    role: str
    behaviour: str  # "ignore", or "answer" after so many minutes
    after_minutes: float = 0.0


PHONES = (
    PretendPhone(number="+447700900101", name="Asha", role="on call, first", behaviour="ignore"),
    PretendPhone(number="+447700900102", name="Ben", role="on call, second", behaviour="answer", after_minutes=4),
    PretendPhone(number="+447700900103", name="Carol", role="duty manager", behaviour="answer", after_minutes=8),
    PretendPhone(number="+447700900104", name="Dev", role="technician", behaviour="answer", after_minutes=15),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who may sign in to the demo's pages."""

    email: str
    name: str
    role: Role
    password: str


def logins(file: Path) -> list[Login]:
    """The demo's logins with passwords of their own, made once and kept beside the data."""
    if not file.exists():
        made = [
            Login(email=f"{role}@demo.example", name=name, role=role, password=secrets.token_urlsafe(9))
            for role, name in (
                (Role.OPERATOR, "Olive Operator"),
                (Role.CLINICIAN, "Clive Clinician"),
                (Role.SUPERVISOR, "Sue Supervisor"),
            )
        ]
        write_private(file, json.dumps([asdict(login) for login in made]))
    return [Login(**{**login, "role": Role(login["role"])}) for login in json.loads(file.read_text())]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoHome:
    """One home of the demo as the database is told of it."""

    file: HomeFile
    resident: str
    dialect: str
    installed_at: datetime | None = None  # since when its worn sensors have told how they are
    wear: Sequence[Wear] = ()


def seed(conn: Conn, homes: Iterable[DemoHome], staff: Iterable[Login], *, now: datetime) -> None:
    """Write it all down in one transaction. A second time only the homes that are new are added."""
    organisation_id = add_organisation(conn, ORGANISATION, now=now)
    responders = {
        phone.role: add_responder(conn, organisation_id, name=phone.name, phone=phone.number, now=now)
        for phone in PHONES
    }
    first, second, manager, technician = (responders[phone.role].id for phone in PHONES)
    person = add_plan(
        conn,
        organisation_id,
        name="Somebody may need help",
        audience=Audience.PERSON,
        steps=(
            ResponseStep(wait=timedelta(minutes=5), responder_ids=(first,)),
            ResponseStep(wait=timedelta(minutes=10), responder_ids=(first, second)),
            ResponseStep(wait=timedelta(minutes=10), responder_ids=(manager,)),
        ),
    )
    technical = add_plan(
        conn,
        organisation_id,
        name="The equipment needs help",
        audience=Audience.TECHNICAL,
        steps=(
            ResponseStep(wait=timedelta(hours=1), responder_ids=(technician,)),
            ResponseStep(wait=timedelta(hours=2), responder_ids=(manager,)),
        ),
    )
    if conn.execute("SELECT FROM staff LIMIT 1").fetchone() is None:
        for login in staff:
            add_staff(
                conn,
                organisation_id=organisation_id,
                name=login.name,
                email=login.email,
                password_hash=hash_password(login.password),
                role=login.role,
                now=now,
            )
    for demo_home in homes:
        if home_by_code(conn, demo_home.file.id) is None:
            home = register_home(
                conn, demo_home.file, organisation_id=organisation_id, dialect=demo_home.dialect, now=now
            )
            add_resident(
                conn, home.id, name=demo_home.resident, access="Key safe by the door; ask the desk for the code."
            )
            set_plans(conn, home.id, person_plan_id=person.id, technical_plan_id=technical.id)
            _note_wear(conn, demo_home, home.id, now=now)


def _note_wear(conn: Conn, demo_home: DemoHome, home_id: int, *, now: datetime) -> None:
    """The weeks in which the bridge told of batteries and links; its readings come through a hub, which does not."""
    ids = {sensor.code: sensor.id for sensor in sensors_of(conn, home_id)}
    for worn in demo_home.wear:
        if demo_home.installed_at is not None and worn.sensor in ids:
            days = noted_days(worn, installed=demo_home.installed_at, now=now, zone=demo_home.file.zone)
            note_equipment_day(conn, home_id, [replace(day, sensor_id=ids[worn.sensor]) for day in days])

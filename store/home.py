"""Homes, the people in them and their sensors: what does not change from minute to minute."""

import zlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from psycopg.rows import kwargs_row

from store.database import Conn

PARTITIONS = 64


class SensorKind(StrEnum):
    """What a sensor is; the comment says what *on* (1) means."""

    MOTION = "motion"  # somebody moves
    DOOR = "door"  # open (also a cupboard, drawer or fridge)
    BED = "bed"  # somebody lies there
    CHAIR = "chair"  # somebody sits there
    APPLIANCE = "appliance"  # in use
    FLUSH = "flush"  # water runs
    VIBRATION = "vibration"  # moved or knocked
    TEMPERATURE = "temperature"  # °C
    HUMIDITY = "humidity"  # %
    ILLUMINANCE = "illuminance"  # lx
    POWER = "power"  # W
    SOS = "sos"  # pressed
    SMOKE = "smoke"  # detected
    FLOOD = "flood"  # detected
    OTHER = "other"  # something happened

    @property
    def is_measurement(self) -> bool:
        """A number that says nothing about a person by itself."""
        return self in _MEASUREMENTS


_MEASUREMENTS = {SensorKind.TEMPERATURE, SensorKind.HUMIDITY, SensorKind.ILLUMINANCE, SensorKind.POWER}

ROOMS = (
    "bedroom", "bathroom", "toilet", "kitchen", "lounge", "dining", "hall", "stairs", "utility", "outside", "other",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A dwelling with its kit. `code` is the pseudonymous name in topics, SMS and addresses."""

    id: int
    organisation_id: int
    code: str
    partition: int
    time_zone: str  # IANA
    check_in_interval: timedelta
    residents: int
    person_plan_id: int | None
    technical_plan_id: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """One activity sensor and what it said last."""

    id: int
    home_id: int
    code: str
    name: str
    kind: SensorKind
    room: str  # one of ROOMS, or free text, treated as "other"
    is_exit: bool
    is_essential: bool
    value: float | None
    value_at: datetime | None
    last_heard_at: datetime | None
    is_available: bool | None
    battery_percent: int | None
    signal_quality: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """The person who lives there and is looked after."""

    id: int
    home_id: int
    name: str
    phone: str | None
    access: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """The resident is known to be away; monitoring is suspended."""

    id: int
    home_id: int
    from_at: datetime
    until_at: datetime
    reason: str
    noted_by: str


def partition_of(code: str) -> int:
    """The topic partition of a home, 0–63, fixed by its code for ever."""
    return zlib.crc32(code.encode()) % PARTITIONS


def _sensor(*, kind: str, **columns: Any) -> Sensor:
    return Sensor(kind=SensorKind(kind), **columns)


def add_organisation(conn: Conn, name: str, *, now: datetime) -> int:
    """The organisation's id; the one that has this name already, if there is one."""
    row = conn.execute(
        """
        INSERT INTO organisation (name, created_at) VALUES (%(name)s, %(now)s)
            ON CONFLICT (name) DO UPDATE SET name = excluded.name
        RETURNING id
        """,
        {"name": name, "now": now},
    ).fetchone()
    assert row is not None
    return int(row[0])


def add_home(
    conn: Conn,
    *,
    organisation_id: int,
    code: str,
    time_zone: str,
    check_in_interval: timedelta,
    residents: int,
    dialect: str,
    now: datetime,
) -> Home:
    """A new home with its hub, no sensors yet. Raises psycopg.errors.UniqueViolation if the code is taken."""
    with conn.cursor(row_factory=kwargs_row(Home)) as cur:
        home = cur.execute(
            """
            INSERT INTO home (organisation_id, code, partition, time_zone, check_in_interval, residents, created_at)
            VALUES (%(organisation_id)s, %(code)s, %(partition)s, %(time_zone)s, %(check_in_interval)s,
                    %(residents)s, %(now)s)
            RETURNING *
            """,
            {
                "organisation_id": organisation_id,
                "code": code,
                "partition": partition_of(code),
                "time_zone": time_zone,
                "check_in_interval": check_in_interval,
                "residents": residents,
                "now": now,
            },
        ).fetchone()
    assert home is not None
    conn.execute("INSERT INTO intake (home_id) VALUES (%(id)s)", {"id": home.id})
    conn.execute("INSERT INTO hub (home_id, dialect) VALUES (%(id)s, %(dialect)s)", {"id": home.id, "dialect": dialect})
    return home


def add_sensor(
    conn: Conn,
    home_id: int,
    *,
    code: str,
    name: str = "",
    kind: SensorKind,
    room: str,
    is_exit: bool = False,
    is_essential: bool = False,
) -> Sensor:
    """A new sensor; it leaves the list of offered ones."""
    conn.execute(
        "DELETE FROM sensor_offer WHERE home_id = %(home_id)s AND code = %(code)s",
        {"home_id": home_id, "code": code},
    )
    with conn.cursor(row_factory=kwargs_row(_sensor)) as cur:
        sensor = cur.execute(
            """
            INSERT INTO sensor (home_id, code, name, kind, room, is_exit, is_essential)
            VALUES (%(home_id)s, %(code)s, %(name)s, %(kind)s, %(room)s, %(is_exit)s, %(is_essential)s)
            RETURNING *
            """,
            {
                "home_id": home_id,
                "code": code,
                "name": name,
                "kind": kind,
                "room": room,
                "is_exit": is_exit,
                "is_essential": is_essential,
            },
        ).fetchone()
    assert sensor is not None
    return sensor


def homes(conn: Conn) -> list[Home]:
    """Every home of every organisation, for the services; pages ask `homes_of`."""
    with conn.cursor(row_factory=kwargs_row(Home)) as cur:
        return cur.execute("SELECT * FROM home ORDER BY id").fetchall()


def homes_of_partitions(conn: Conn, partitions: Collection[int], *, newer_than: int = 0) -> list[Home]:
    """The homes of these partitions whose id is above `newer_than`, by id."""
    with conn.cursor(row_factory=kwargs_row(Home)) as cur:
        return cur.execute(
            """
            SELECT * FROM home
             WHERE id > %(newer_than)s AND partition = ANY(%(partitions)s::smallint[])
             ORDER BY id
            """,
            {"newer_than": newer_than, "partitions": sorted(partitions)},
        ).fetchall()


def homes_of_ids(conn: Conn, ids: Collection[int]) -> list[Home]:
    """Those of these homes that there are."""
    with conn.cursor(row_factory=kwargs_row(Home)) as cur:
        return cur.execute("SELECT * FROM home WHERE id = ANY(%(ids)s)", {"ids": sorted(ids)}).fetchall()


def homes_of(conn: Conn, organisation_id: int) -> list[Home]:
    """The organisation's homes by code."""
    with conn.cursor(row_factory=kwargs_row(Home)) as cur:
        return cur.execute(
            "SELECT * FROM home WHERE organisation_id = %(organisation_id)s ORDER BY code",
            {"organisation_id": organisation_id},
        ).fetchall()


def home_by_id(conn: Conn, home_id: int) -> Home:
    """The home of this id, which must be one of ours."""
    with conn.cursor(row_factory=kwargs_row(Home)) as cur:
        home = cur.execute("SELECT * FROM home WHERE id = %(home_id)s", {"home_id": home_id}).fetchone()
    assert home is not None
    return home


def home_by_code(conn: Conn, code: str) -> Home | None:
    """The home of this code, whichever organisation it belongs to."""
    with conn.cursor(row_factory=kwargs_row(Home)) as cur:
        return cur.execute("SELECT * FROM home WHERE code = %(code)s", {"code": code}).fetchone()


def dialect_of(conn: Conn, home_id: int) -> str:
    """How the hub of this home words its messages; the home must be one of ours."""
    row = conn.execute("SELECT dialect FROM hub WHERE home_id = %(home_id)s", {"home_id": home_id}).fetchone()
    assert row is not None
    return str(row[0])


def sensors_of(conn: Conn, home_id: int) -> list[Sensor]:
    """The home's sensors by code."""
    with conn.cursor(row_factory=kwargs_row(_sensor)) as cur:
        return cur.execute(
            "SELECT * FROM sensor WHERE home_id = %(home_id)s ORDER BY code", {"home_id": home_id}
        ).fetchall()


def sensors_of_homes(conn: Conn, homes: Collection[int]) -> dict[int, list[Sensor]]:
    """The same of many homes in one query."""
    found: dict[int, list[Sensor]] = {home_id: [] for home_id in homes}
    with conn.cursor(row_factory=kwargs_row(_sensor)) as cur:
        for sensor in cur.execute(
            "SELECT * FROM sensor WHERE home_id = ANY(%(homes)s) ORDER BY home_id, code", {"homes": list(homes)}
        ):
            found[sensor.home_id].append(sensor)
    return found


def add_resident(conn: Conn, home_id: int, *, name: str, phone: str | None = None, access: str = "") -> None:
    """Note who lives there."""
    conn.execute(
        """
        INSERT INTO resident (home_id, name, phone, access)
        VALUES (%(home_id)s, %(name)s, %(phone)s, %(access)s)
        """,
        {"home_id": home_id, "name": name, "phone": phone, "access": access},
    )


def residents_of(conn: Conn, home_id: int) -> list[Resident]:
    """Who lives there."""
    with conn.cursor(row_factory=kwargs_row(Resident)) as cur:
        return cur.execute(
            "SELECT * FROM resident WHERE home_id = %(home_id)s ORDER BY id", {"home_id": home_id}
        ).fetchall()


def set_plans(conn: Conn, home_id: int, *, person_plan_id: int | None, technical_plan_id: int | None) -> None:
    """Which response plans this home's alerts follow."""
    conn.execute(
        """
        UPDATE home SET person_plan_id = %(person)s, technical_plan_id = %(technical)s WHERE id = %(home_id)s
        """,
        {"home_id": home_id, "person": person_plan_id, "technical": technical_plan_id},
    )


def add_absence(conn: Conn, home_id: int, *, from_at: datetime, until_at: datetime, reason: str, noted_by: str) -> None:
    """Note that the resident is away."""
    conn.execute(
        """
        INSERT INTO absence (home_id, from_at, until_at, reason, noted_by)
        VALUES (%(home_id)s, %(from_at)s, %(until_at)s, %(reason)s, %(noted_by)s)
        """,
        {
            "home_id": home_id,
            "from_at": from_at,
            "until_at": until_at,
            "reason": reason,
            "noted_by": noted_by,
        },
    )


def absences_of(conn: Conn, home_id: int, start: datetime, end: datetime) -> list[Absence]:
    """The home's absences that touch [start, end), oldest first."""
    with conn.cursor(row_factory=kwargs_row(Absence)) as cur:
        return cur.execute(
            """
            SELECT * FROM absence
             WHERE home_id = %(home_id)s AND from_at < %(end)s AND until_at > %(start)s
             ORDER BY from_at
            """,
            {"home_id": home_id, "start": start, "end": end},
        ).fetchall()


def absences_of_homes(conn: Conn, homes: Collection[int], start: datetime, end: datetime) -> dict[int, list[Absence]]:
    """The same of many homes in one query."""
    found: dict[int, list[Absence]] = {home_id: [] for home_id in homes}
    with conn.cursor(row_factory=kwargs_row(Absence)) as cur:
        for absence in cur.execute(
            """
            SELECT * FROM absence
             WHERE home_id = ANY(%(homes)s) AND from_at < %(end)s AND until_at > %(start)s
             ORDER BY home_id, from_at
            """,
            {"homes": list(homes), "start": start, "end": end},
        ):
            found[absence.home_id].append(absence)
    return found

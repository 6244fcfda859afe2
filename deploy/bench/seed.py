"""A hundred thousand homes in a few seconds: what `telecare home add` writes, by COPY. For benchmarks only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from store.database import Conn
from store.home import SensorKind, add_organisation, partition_of


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchSensor:
    """A sensor that each home of a benchmark has."""

    code: str
    kind: SensorKind
    room: str


SENSORS = (
    BenchSensor(code="M1", kind=SensorKind.MOTION, room="bedroom"),
    BenchSensor(code="M2", kind=SensorKind.MOTION, room="bathroom"),
    BenchSensor(code="M3", kind=SensorKind.MOTION, room="kitchen"),
    BenchSensor(code="M4", kind=SensorKind.MOTION, room="lounge"),
    BenchSensor(code="D1", kind=SensorKind.DOOR, room="hall"),
    BenchSensor(code="D2", kind=SensorKind.DOOR, room="kitchen"),
    BenchSensor(code="B1", kind=SensorKind.BED, room="bedroom"),
    BenchSensor(code="A1", kind=SensorKind.APPLIANCE, room="kitchen"),
)


def code_of(index: int) -> str:
    """The code of the home with this number, from 0."""
    return f"B{index:06d}"


def seed_homes(conn: Conn, homes: int, *, now: datetime) -> None:
    """So many homes with their hubs and sensors; commits."""
    organisation = add_organisation(conn, "Benchmark", now=now)
    conn.execute("SET LOCAL session_replication_role = replica")  # a million foreign keys that hold by construction
    with conn.cursor().copy(
        "COPY home (organisation_id, code, partition, time_zone, check_in_interval, residents, created_at) FROM STDIN"
    ) as copy:
        for index in range(homes):
            code = code_of(index)
            interval = timedelta(minutes=5)
            copy.write_row((organisation, code, partition_of(code), "Europe/London", interval, 1, now))
    conn.execute("INSERT INTO hub (home_id, dialect) SELECT id, 'native' FROM home ORDER BY id")
    conn.execute("INSERT INTO intake (home_id) SELECT id FROM home ORDER BY id")
    conn.execute(
        """
        INSERT INTO sensor (home_id, code, kind, room)
        SELECT home.id, told.code, told.kind, told.room
          FROM home
         CROSS JOIN unnest(%(codes)s::text[], %(kinds)s::text[], %(rooms)s::text[]) AS told (code, kind, room)
         ORDER BY home.id
        """,
        {
            "codes": [sensor.code for sensor in SENSORS],
            "kinds": [str(sensor.kind) for sensor in SENSORS],
            "rooms": [sensor.room for sensor in SENSORS],
        },
    )
    conn.commit()

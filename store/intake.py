"""What ingest reads and writes under the lock of a home: its numbers, its hub's sequences, what its sensors said last.

The lock on the home's `intake` row is held until the commit. So numbers are in commit order, and a reader that has seen
number 17 has seen everything below it, however many writers there are.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import kwargs_row
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from store.database import Conn
from store.home import SensorKind
from store.hub import HubState

Ranges = list[tuple[int, int]]  # [start, end), lowest first


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeHome:
    """A home as its writer needs it, locked."""

    id: int
    code: str
    partition: int
    check_in_interval: timedelta
    last_number: int
    hub_state: HubState | None  # None: never heard
    last_hub_time: datetime | None
    backlog: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeSensor:
    """A sensor as its writer needs it."""

    id: int
    home_id: int
    code: str
    kind: SensorKind
    value: float | None
    value_at: datetime | None
    falling_at: datetime | None  # since when a plug in use says idle, not yet believed


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorUpdate:
    """What changes of a sensor's row; None leaves a column as it is."""

    sensor_id: int
    value: float | None = None
    value_at: datetime | None = None
    last_heard_at: datetime | None = None
    is_available: bool | None = None
    battery_percent: int | None = None
    signal_quality: int | None = None


def _home(*, hub_state: str | None, **columns: Any) -> IntakeHome:
    state = HubState(hub_state) if hub_state not in (None, "never_heard") else None
    return IntakeHome(hub_state=state, **columns)


def _sensor(*, kind: str, **columns: Any) -> IntakeSensor:
    return IntakeSensor(kind=SensorKind(kind), **columns)


def lock_homes(conn: Conn, codes: Collection[str]) -> dict[str, IntakeHome]:
    """The homes of these codes, each locked until the end of the transaction; unknown codes are absent.

    Locked in order of id, so that two writers with homes in common cannot wait for each other in a circle. The hub is
    read in a second statement: it sees what the holder of the lock before us has committed.
    """
    conn.execute(
        """
        SELECT intake.home_id
          FROM intake
          JOIN home ON home.id = intake.home_id
         WHERE home.code = ANY(%(codes)s)
         ORDER BY intake.home_id
           FOR UPDATE OF intake
        """,
        {"codes": list(codes)},
    )
    with conn.cursor(row_factory=kwargs_row(_home)) as cur:
        rows = cur.execute(
            """
            SELECT home.id, home.code, home.partition, home.check_in_interval, intake.last_number,
                   hub.state AS hub_state, hub.last_hub_time, hub.backlog
              FROM home
              JOIN intake ON intake.home_id = home.id
              LEFT JOIN hub ON hub.home_id = home.id
             WHERE home.code = ANY(%(codes)s)
            """,
            {"codes": list(codes)},
        ).fetchall()
    return {home.code: home for home in rows}


def save_numbers(conn: Conn, last_numbers: Mapping[int, int]) -> None:
    """Note the last number handed out, by home."""
    conn.execute(
        """
        UPDATE intake
           SET last_number = given.last_number
          FROM unnest(%(homes)s::bigint[], %(numbers)s::bigint[]) AS given (home_id, last_number)
         WHERE intake.home_id = given.home_id
        """,
        {"homes": list(last_numbers), "numbers": list(last_numbers.values())},
    )


def intake_sensors(
    conn: Conn, *, whole_homes: Collection[int], named: Collection[tuple[int, str]]
) -> dict[tuple[int, str], IntakeSensor]:
    """All sensors of `whole_homes`, and the `named` ones (home id, code), by home id and code."""
    with conn.cursor(row_factory=kwargs_row(_sensor)) as cur:
        rows = cur.execute(
            """
            SELECT sensor.id, sensor.home_id, sensor.code, sensor.kind, sensor.value, sensor.value_at, fall.falling_at
              FROM sensor
              LEFT JOIN plug_fall AS fall ON fall.sensor_id = sensor.id
             WHERE sensor.home_id = ANY(%(whole)s)
            UNION ALL
            SELECT sensor.id, sensor.home_id, sensor.code, sensor.kind, sensor.value, sensor.value_at, NULL
              FROM unnest(%(homes)s::bigint[], %(codes)s::text[]) AS named (home_id, code)
              JOIN sensor ON sensor.home_id = named.home_id AND sensor.code = named.code
             WHERE NOT named.home_id = ANY(%(whole)s)
            """,
            {
                "whole": list(whole_homes),
                "homes": [home_id for home_id, _ in named],
                "codes": [code for _, code in named],
            },
        ).fetchall()
    return {(sensor.home_id, sensor.code): sensor for sensor in rows}


def save_sensors(conn: Conn, updates: Collection[SensorUpdate]) -> None:
    """Apply what the sensors said last. Never two updates of one sensor in a call."""
    conn.execute(
        """
        UPDATE sensor
           SET value = coalesce(told.value, sensor.value),
               value_at = coalesce(told.value_at, sensor.value_at),
               last_heard_at = greatest(told.last_heard_at, sensor.last_heard_at),
               is_available = coalesce(told.is_available, sensor.is_available),
               battery_percent = coalesce(told.battery_percent, sensor.battery_percent),
               signal_quality = coalesce(told.signal_quality, sensor.signal_quality)
          FROM unnest(%(ids)s::bigint[], %(values)s::float8[], %(value_ats)s::timestamptz[],
                      %(heard_ats)s::timestamptz[], %(available)s::boolean[], %(batteries)s::smallint[],
                      %(qualities)s::smallint[])
               AS told (sensor_id, value, value_at, last_heard_at, is_available, battery_percent, signal_quality)
         WHERE sensor.id = told.sensor_id
        """,
        {
            "ids": [update.sensor_id for update in updates],
            "values": [update.value for update in updates],
            "value_ats": [update.value_at for update in updates],
            "heard_ats": [update.last_heard_at for update in updates],
            "available": [update.is_available for update in updates],
            "batteries": [update.battery_percent for update in updates],
            "qualities": [update.signal_quality for update in updates],
        },
    )


def save_plug_falls(conn: Conn, falls: Mapping[int, datetime | None]) -> None:
    """Note since when a plug, by sensor id, says idle without being believed yet; None ends it."""
    conn.execute(
        "DELETE FROM plug_fall WHERE sensor_id = ANY(%(over)s)",
        {"over": [sensor_id for sensor_id, falling_at in falls.items() if falling_at is None]},
    )
    begun = [(sensor_id, falling_at) for sensor_id, falling_at in falls.items() if falling_at is not None]
    conn.execute(
        """
        INSERT INTO plug_fall (sensor_id, falling_at)
        SELECT * FROM unnest(%(ids)s::bigint[], %(ats)s::timestamptz[])
            ON CONFLICT (sensor_id) DO UPDATE SET falling_at = excluded.falling_at
        """,
        {"ids": [sensor_id for sensor_id, _ in begun], "ats": [falling_at for _, falling_at in begun]},
    )


def hub_sequences(conn: Conn, hubs: Collection[tuple[int, str]]) -> dict[tuple[int, str], Ranges]:
    """Which readings of these hubs (home id, boot) are stored; a boot never heard of has none."""
    rows = conn.execute(
        """
        SELECT home_id, boot, seen
          FROM hub_sequence
         WHERE (home_id, boot) IN (SELECT * FROM unnest(%(homes)s::bigint[], %(boots)s::text[]))
        """,
        {"homes": [home_id for home_id, _ in hubs], "boots": [boot for _, boot in hubs]},
    ).fetchall()
    return {hub: [] for hub in hubs} | {
        (home_id, boot): [(part.lower, part.upper) for part in seen] for home_id, boot, seen in rows
    }


def save_hub_sequences(conn: Conn, sequences: Mapping[tuple[int, str], Ranges], *, now: datetime) -> None:
    """Replace what is stored of these hubs' readings."""
    conn.cursor().executemany(
        """
        INSERT INTO hub_sequence (home_id, boot, seen, updated_at)
        VALUES (%(home_id)s, %(boot)s, %(seen)s, %(now)s)
            ON CONFLICT (home_id, boot) DO UPDATE SET seen = excluded.seen, updated_at = excluded.updated_at
        """,
        [
            {"home_id": home_id, "boot": boot, "seen": _multirange(ranges), "now": now}
            for (home_id, boot), ranges in sequences.items()
        ],
    )


def _multirange(ranges: Iterable[tuple[int, int]]) -> Multirange[int]:
    return Multirange([Range(start, end) for start, end in ranges])

"""What ingest reads and writes under the lock of a home: its numbers, its hub's sequences, what its sensors said last.

The lock on the home's `intake` row is held until the commit. So numbers are in commit order, and a reader that has seen
number 17 has seen everything below it, however many writers there are.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from store import arrays
from store.database import Conn
from store.home import SensorKind
from store.hub import HubState

Hub = tuple[int, str]  # home id, boot


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeHome:
    """A home as its writer needs it, locked."""

    id: int
    code: str
    partition: int
    check_in_interval: timedelta
    last_number: int
    hub_state: HubState | None  # None: never heard
    last_heard_at: datetime | None
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSequence:
    """Which of a boot's numbered readings are stored."""

    contiguous: int = 0  # everything from 1 to this
    beyond: tuple[tuple[int, int], ...] = ()  # [start, end) of what is stored behind the first gap, lowest first


def lock_homes(conn: Conn, codes: Collection[str]) -> dict[str, IntakeHome]:
    """The homes of these codes, each locked until the end of the transaction; unknown codes are absent.

    Locked in order of id, so that two writers with homes in common cannot wait for each other in a circle. The hub is
    read in a second statement: it sees what the holder of the lock before us has committed.
    """
    _go_by_key(conn)
    named = arrays.texts(codes)
    conn.execute(
        """
        SELECT intake.home_id
          FROM intake
          JOIN home ON home.id = intake.home_id
         WHERE home.code = ANY(%(codes)s::text[])
         ORDER BY intake.home_id
           FOR UPDATE OF intake
        """,
        {"codes": named},
    )
    rows = conn.execute(
        """
        SELECT home.id, home.code, home.partition, home.check_in_interval, intake.last_number,
               nullif(hub.state, 'never_heard'), hub.last_heard_at, hub.last_hub_time, hub.backlog
          FROM home
          JOIN intake ON intake.home_id = home.id
          LEFT JOIN hub ON hub.home_id = home.id
         WHERE home.code = ANY(%(codes)s::text[])
        """,
        {"codes": named},
    ).fetchall()
    return {
        code: IntakeHome(
            id=home_id,
            code=code,
            partition=partition,
            check_in_interval=check_in_interval,
            last_number=last_number,
            hub_state=HubState(state) if state is not None else None,
            last_heard_at=last_heard_at,
            last_hub_time=last_hub_time,
            backlog=backlog,
        )
        for (
            home_id,
            code,
            partition,
            check_in_interval,
            last_number,
            state,
            last_heard_at,
            last_hub_time,
            backlog,
        ) in rows
    }


def _go_by_key(conn: Conn) -> None:
    """For this transaction: find the batch's rows through their keys, however many homes there are.

    A batch is some hundred rows of each table. By its own estimate the planner reads whole tables for it: with 100,000
    homes and 1,000 messages, `save_numbers` took 97 ms instead of 17 (on a busy machine).
    """
    conn.execute(
        """
        SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
               set_config('enable_seqscan', 'off', true)
        """
    )


def save_numbers(conn: Conn, last_numbers: Mapping[int, int]) -> None:
    """Note the last number handed out, by home."""
    conn.execute(
        """
        UPDATE intake
           SET last_number = given.last_number
          FROM unnest(%(homes)s::bigint[], %(numbers)s::bigint[]) AS given (home_id, last_number)
         WHERE intake.home_id = given.home_id
        """,
        {"homes": arrays.numbers(last_numbers), "numbers": arrays.numbers(last_numbers.values())},
    )


def intake_sensors(
    conn: Conn, *, whole_homes: Collection[int], named: Collection[tuple[int, str]]
) -> dict[tuple[int, str], IntakeSensor]:
    """All sensors of `whole_homes`, and the `named` ones (home id, code), by home id and code."""
    rows = conn.execute(
        """
        SELECT sensor.id, sensor.home_id, sensor.code, sensor.kind, sensor.value, sensor.value_at, fall.falling_at
          FROM sensor
          LEFT JOIN plug_fall AS fall ON fall.sensor_id = sensor.id
         WHERE sensor.home_id = ANY(%(whole)s::bigint[])
        UNION ALL
        SELECT sensor.id, sensor.home_id, sensor.code, sensor.kind, sensor.value, sensor.value_at, NULL
          FROM unnest(%(homes)s::bigint[], %(codes)s::text[]) AS named (home_id, code)
          JOIN sensor ON sensor.home_id = named.home_id AND sensor.code = named.code
         WHERE NOT named.home_id = ANY(%(whole)s::bigint[])
        """,
        {
            "whole": arrays.numbers(whole_homes),
            "homes": arrays.numbers(home_id for home_id, _ in named),
            "codes": arrays.texts(code for _, code in named),
        },
    ).fetchall()
    return {
        (home_id, code): IntakeSensor(
            id=sensor_id,
            home_id=home_id,
            code=code,
            kind=SensorKind(kind),
            value=value,
            value_at=value_at,
            falling_at=falling_at,
        )
        for sensor_id, home_id, code, kind, value, value_at, falling_at in rows
    }


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
            "ids": arrays.numbers(update.sensor_id for update in updates),
            "values": arrays.numbers(update.value for update in updates),
            "value_ats": arrays.times(update.value_at for update in updates),
            "heard_ats": arrays.times(update.last_heard_at for update in updates),
            "available": arrays.booleans(update.is_available for update in updates),
            "batteries": arrays.numbers(update.battery_percent for update in updates),
            "qualities": arrays.numbers(update.signal_quality for update in updates),
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


def hub_sequences(conn: Conn, hubs: Collection[Hub]) -> dict[Hub, StoredSequence]:
    """Which readings of these hubs (home id, boot) are stored; a boot never heard of has none."""
    rows = conn.execute(
        """
        SELECT stored.home_id, stored.boot, stored.contiguous, nullif(stored.seen, '{}')
          FROM unnest(%(homes)s::bigint[], %(boots)s::text[]) AS told (home_id, boot)
          JOIN hub_sequence AS stored ON stored.home_id = told.home_id AND stored.boot = told.boot
        """,
        {
            "homes": arrays.numbers(home_id for home_id, _ in hubs),
            "boots": arrays.texts(boot for _, boot in hubs),
        },
    ).fetchall()
    nothing = StoredSequence()
    return dict.fromkeys(hubs, nothing) | {
        (home_id, boot): StoredSequence(
            contiguous=contiguous, beyond=tuple((part.lower, part.upper) for part in seen) if seen is not None else ()
        )
        for home_id, boot, contiguous, seen in rows
    }


def save_hub_sequences(conn: Conn, sequences: Mapping[Hub, StoredSequence], *, now: datetime) -> None:
    """Replace what is stored of these hubs' readings."""
    conn.execute(
        """
        INSERT INTO hub_sequence (home_id, boot, contiguous, seen, updated_at)
        SELECT told.home_id, told.boot, told.contiguous, told.seen, %(now)s
          FROM unnest(%(homes)s::bigint[], %(boots)s::text[], %(contiguous)s::bigint[], %(seen)s::int8multirange[])
               AS told (home_id, boot, contiguous, seen)
            ON CONFLICT (home_id, boot) DO UPDATE
           SET contiguous = excluded.contiguous, seen = excluded.seen, updated_at = excluded.updated_at
        """,
        {
            "homes": arrays.numbers(home_id for home_id, _ in sequences),
            "boots": arrays.texts(boot for _, boot in sequences),
            "contiguous": arrays.numbers(stored.contiguous for stored in sequences.values()),
            "seen": arrays.texts(_multirange(stored.beyond) for stored in sequences.values()),
            "now": now,
        },
    )


def forget_boots(conn: Conn, *, unheard_since: datetime, most: int) -> int:
    """Forget boots that no hub has spoken of for long, and all but the `most` newest of a home; how many.

    A boot that speaks again begins anew: its hub says with `oldest` what it still holds.
    """
    return conn.execute(
        """
        DELETE FROM hub_sequence
         WHERE updated_at < %(before)s
            OR (home_id, boot) IN
               (SELECT home_id, boot
                  FROM (SELECT home_id, boot, row_number() OVER (PARTITION BY home_id ORDER BY updated_at DESC) AS place
                          FROM hub_sequence
                         WHERE home_id IN (SELECT home_id FROM hub_sequence GROUP BY home_id HAVING count(*) > %(most)s)
                       ) AS ranked
                 WHERE place > %(most)s)
        """,
        {"before": unheard_since, "most": most},
    ).rowcount


def _multirange(ranges: Collection[tuple[int, int]]) -> str:
    return "{" + ",".join([f"[{start},{end})" for start, end in ranges]) + "}" if ranges else "{}"

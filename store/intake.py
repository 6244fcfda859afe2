"""What ingest writes under the lock of a home: its numbers, its hub's sequences, what its sensors said last.

What it reads under that lock, and the lock itself, is in `store.intake_open`.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from store import arrays
from store.database import Conn
from store.intake_open import Hub
from store.intake_open import StoredSequence as StoredSequence


class SensorUpdate(NamedTuple):
    """What changes of a sensor's row; None leaves a column as it is."""

    sensor_id: int
    value: float | None = None
    value_at: datetime | None = None
    last_heard_at: datetime | None = None
    is_available: bool | None = None
    battery_percent: int | None = None
    signal_quality: int | None = None


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

"""The routine: what is usual for this resident, readable by a clinician, beside the model's own state."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from store import arrays
from store.database import Conn

QUARTERS = 96  # quarter hours of a civil day


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """What the detectors used, in a form that can be drawn and read. Arrays have 96 entries from 00:00 civil time."""

    active_share: list[float]  # share of observed learned days with activity in this quarter hour, 0–1
    usual_quiet_minutes: list[float]  # a quiet beginning here ends within so many minutes on 19 of 20 occasions
    room_share: dict[str, list[float]]  # of the events of a quarter hour, the share in each room
    up_by: dict[str, list[str]]  # day type -> [early, usual, late] as HH:MM (10th, 50th, 90th percentile)


@dataclass(frozen=True, slots=True, kw_only=True)
class Routine:
    """What is usual, how much it rests on, and when continued silence would raise the next grade."""

    home_id: int
    as_of: datetime
    learned_days: float  # observable days behind it
    warm_up_days: float  # days still to go before person alerts are raised; 0 = watching
    usual: Usual
    next_check_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutineProgress:
    """What of a routine changes from minute to minute, when what is usual does not."""

    home_id: int
    as_of: datetime
    learned_days: float
    warm_up_days: float
    next_check_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutineSnapshot:
    """The model's own state with the cursor it belongs to."""

    home_id: int
    taken_at: datetime  # the model had run up to here (event time)
    number: int  # and had read up to this intake number
    version: int
    state: bytes


def save_routine(conn: Conn, routine: Routine) -> None:
    """Replace what the pages show of this home's routine."""
    conn.execute(
        """
        INSERT INTO routine (home_id, as_of, learned_days, warm_up_days, usual, next_check_at)
        VALUES (%(home_id)s, %(as_of)s, %(learned_days)s, %(warm_up_days)s, %(usual)s, %(next_check_at)s)
            ON CONFLICT (home_id) DO UPDATE
           SET as_of = excluded.as_of, learned_days = excluded.learned_days, warm_up_days = excluded.warm_up_days,
               usual = excluded.usual, next_check_at = excluded.next_check_at
        """,
        {
            "home_id": routine.home_id,
            "as_of": routine.as_of,
            "learned_days": routine.learned_days,
            "warm_up_days": routine.warm_up_days,
            "usual": Jsonb(asdict(routine.usual)),
            "next_check_at": routine.next_check_at,
        },
    )


def save_progress(conn: Conn, news: Collection[RoutineProgress]) -> None:
    """Bring the routines that are saved already up to date, of many homes at once."""
    conn.execute(
        """
        UPDATE routine
           SET as_of = news.as_of, learned_days = news.learned_days, warm_up_days = news.warm_up_days,
               next_check_at = news.next_check_at
          FROM unnest(%(homes)s::bigint[], %(as_of)s::timestamptz[], %(learned)s::float8[], %(warm_up)s::float8[],
                      %(next)s::timestamptz[]) AS news (home_id, as_of, learned_days, warm_up_days, next_check_at)
         WHERE routine.home_id = news.home_id
        """,
        {
            "homes": [one.home_id for one in news],
            "as_of": [one.as_of for one in news],
            "learned": [one.learned_days for one in news],
            "warm_up": [one.warm_up_days for one in news],
            "next": [one.next_check_at for one in news],
        },
    )


def routine_of(conn: Conn, home_id: int) -> Routine | None:
    """The home's routine, or None before the model has seen anything of it."""
    row = conn.execute(
        """
        SELECT as_of, learned_days, warm_up_days, usual, next_check_at FROM routine WHERE home_id = %(home_id)s
        """,
        {"home_id": home_id},
    ).fetchone()
    if row is None:
        return None
    as_of, learned_days, warm_up_days, usual, next_check_at = row
    return Routine(
        home_id=home_id,
        as_of=as_of,
        learned_days=learned_days,
        warm_up_days=warm_up_days,
        usual=_usual(usual),
        next_check_at=next_check_at,
    )


def _usual(columns: dict[str, Any]) -> Usual:
    return Usual(**columns)


def save_snapshots(conn: Conn, snapshots: Collection[RoutineSnapshot], *, keep: int = 3) -> None:
    """Keep these snapshots, at most one a home, and the `keep - 1` of each home before it."""
    if not snapshots:
        return
    conn.execute(
        """
        INSERT INTO routine_snapshot (home_id, taken_at, number, version, state)
        SELECT * FROM unnest(%(homes)s::bigint[], %(taken_at)s::timestamptz[], %(numbers)s::bigint[],
                             %(versions)s::integer[], %(states)b::bytea[])
            ON CONFLICT (home_id, taken_at) DO UPDATE
           SET number = excluded.number, version = excluded.version, state = excluded.state
        """,
        {
            "homes": arrays.numbers(one.home_id for one in snapshots),
            "taken_at": arrays.times(one.taken_at for one in snapshots),
            "numbers": arrays.numbers(one.number for one in snapshots),
            "versions": arrays.numbers(one.version for one in snapshots),
            "states": [one.state for one in snapshots],
        },
    )
    conn.execute(
        """
        DELETE FROM routine_snapshot
         USING (SELECT home_id, taken_at, row_number() OVER (PARTITION BY home_id ORDER BY taken_at DESC) AS place
                  FROM routine_snapshot
                 WHERE home_id = ANY(%(homes)s::bigint[])) AS kept
         WHERE routine_snapshot.home_id = kept.home_id AND routine_snapshot.taken_at = kept.taken_at
           AND kept.place > %(keep)s
        """,
        {"homes": arrays.numbers(one.home_id for one in snapshots), "keep": keep},
    )


def save_snapshot(conn: Conn, snapshot: RoutineSnapshot, *, keep: int = 3) -> None:
    """The same of one home."""
    save_snapshots(conn, [snapshot], keep=keep)


def latest_snapshots(conn: Conn, homes: Collection[int]) -> dict[int, RoutineSnapshot]:
    """The newest snapshot of each of these homes that has one."""
    rows = conn.execute(
        """
        SELECT DISTINCT ON (home_id) home_id, taken_at, number, version, state
          FROM routine_snapshot
         WHERE home_id = ANY(%(homes)s::bigint[])
         ORDER BY home_id, taken_at DESC
        """,
        {"homes": arrays.numbers(homes)},
        binary=True,
    ).fetchall()
    return {
        home_id: RoutineSnapshot(home_id=home_id, taken_at=taken_at, number=number, version=version, state=bytes(state))
        for home_id, taken_at, number, version, state in rows
    }


def latest_snapshot(conn: Conn, home_id: int) -> RoutineSnapshot | None:
    """The newest snapshot of this home's model, or None."""
    return latest_snapshots(conn, [home_id]).get(home_id)

"""Faults: the equipment needs help. They go to technical responders, never to those who look after people."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg.rows import kwargs_row
from psycopg.types.json import Jsonb

from store.database import Conn
from store.deviation import Grade


class FaultKind(StrEnum):
    """What is wrong with the equipment."""

    HUB_SILENT = "hub_silent"
    SENSOR_SILENT = "sensor_silent"
    SENSOR_STUCK = "sensor_stuck"
    BATTERY_LOW = "battery_low"
    WEAK_SIGNAL = "weak_signal"
    CLOCK_WRONG = "clock_wrong"  # the hub's
    UNKNOWN_SENSOR = "unknown_sensor"  # it reports, and nobody has placed it
    REPORTED = "reported"  # staff say that an alert about the resident came of the equipment


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A finding about the equipment of a home."""

    id: UUID
    home_id: int
    sensor_id: int | None
    kind: FaultKind
    grade: Grade
    raised_at: datetime
    started_at: datetime
    ended_at: datetime | None
    explanation: str
    evidence: dict[str, Any] = field(default_factory=dict)
    revision: int = 1


def _fault(*, kind: str, grade: str, **columns: Any) -> Fault:
    return Fault(kind=FaultKind(kind), grade=Grade(grade), **columns)


def save_fault(conn: Conn, fault: Fault) -> bool:
    """Insert it, or raise its grade, or end it. True if anything new was said; then the revision has grown.

    It only ever rises, stops being news of the past (`late`) once, and ends once: so a story that is told again
    after a crash changes nothing.
    """
    cur = conn.execute(
        """
        INSERT INTO fault (id, home_id, sensor_id, kind, grade, raised_at, started_at, ended_at, explanation, evidence)
        VALUES (%(id)s, %(home_id)s, %(sensor_id)s, %(kind)s, %(grade)s, %(raised_at)s, %(started_at)s,
                %(ended_at)s, %(explanation)s, %(evidence)s)
            ON CONFLICT (id) DO UPDATE
           SET grade = excluded.grade, raised_at = excluded.raised_at, ended_at = excluded.ended_at,
               explanation = excluded.explanation, evidence = excluded.evidence, revision = fault.revision + 1
         WHERE fault.ended_at IS NULL
           AND (array_position(ARRAY['notice', 'attention', 'urgent'], excluded.grade)
                  > array_position(ARRAY['notice', 'attention', 'urgent'], fault.grade)
                OR (fault.evidence ? 'late' AND NOT excluded.evidence ? 'late'))
        """,
        {
            "id": fault.id,
            "home_id": fault.home_id,
            "sensor_id": fault.sensor_id,
            "kind": fault.kind,
            "grade": fault.grade,
            "raised_at": fault.raised_at,
            "started_at": fault.started_at,
            "ended_at": fault.ended_at,
            "explanation": fault.explanation,
            "evidence": Jsonb(fault.evidence),
        },
    )
    is_new = cur.rowcount == 1
    if fault.ended_at is None:
        return is_new
    ended = conn.execute(
        """
        UPDATE fault SET ended_at = %(ended_at)s, revision = revision + 1
         WHERE id = %(id)s AND ended_at IS NULL
        """,
        {"id": fault.id, "ended_at": fault.ended_at},
    )
    return is_new or ended.rowcount == 1


def retell_fault(conn: Conn, fault: Fault) -> bool:
    """Say the same fault in newer words and numbers; no news, so its revision stays. True if they differ.

    A forecast of three weeks must not stand there for three weeks.
    """
    cur = conn.execute(
        """
        UPDATE fault SET explanation = %(explanation)s, evidence = %(evidence)s
         WHERE id = %(id)s AND ended_at IS NULL
           AND (explanation, evidence) IS DISTINCT FROM (%(explanation)s, %(evidence)s::jsonb)
        """,
        {"id": fault.id, "explanation": fault.explanation, "evidence": Jsonb(fault.evidence)},
    )
    return cur.rowcount == 1


def faults_between(conn: Conn, home_id: int, start: datetime, end: datetime) -> list[Fault]:
    """The home's faults that touch [start, end), oldest first."""
    with conn.cursor(row_factory=kwargs_row(_fault)) as cur:
        return cur.execute(
            """
            SELECT id, home_id, sensor_id, kind, grade, raised_at, started_at, ended_at, explanation, evidence, revision
              FROM fault
             WHERE home_id = %(home_id)s AND started_at < %(end)s AND coalesce(ended_at, %(end)s) >= %(start)s
             ORDER BY started_at
            """,
            {"home_id": home_id, "start": start, "end": end},
        ).fetchall()


def open_faults(conn: Conn, home_id: int) -> list[Fault]:
    """The home's faults that are not over, oldest first."""
    with conn.cursor(row_factory=kwargs_row(_fault)) as cur:
        return cur.execute(
            """
            SELECT id, home_id, sensor_id, kind, grade, raised_at, started_at, ended_at, explanation, evidence, revision
              FROM fault
             WHERE home_id = %(home_id)s AND ended_at IS NULL
             ORDER BY started_at
            """,
            {"home_id": home_id},
        ).fetchall()


def undecided_faults(conn: Conn, *, limit: int) -> list[Fault]:
    """Faults, or new revisions of one, that `alerts` has not looked at; locked until the transaction ends."""
    with conn.cursor(row_factory=kwargs_row(_fault)) as cur:
        return cur.execute(
            """
            SELECT id, home_id, sensor_id, kind, grade, raised_at, started_at, ended_at, explanation, evidence, revision
              FROM fault
             WHERE decided_revision < revision
             ORDER BY raised_at
             LIMIT %(limit)s
               FOR UPDATE SKIP LOCKED
            """,
            {"limit": limit},
        ).fetchall()


def mark_fault_decided(conn: Conn, fault: Fault) -> None:
    """`alerts` has acted on this revision, in this transaction."""
    conn.execute(
        "UPDATE fault SET decided_revision = %(revision)s WHERE id = %(id)s",
        {"id": fault.id, "revision": fault.revision},
    )

"""Deviations: what the model found unusual. A finding, not yet anyone's job."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from psycopg.rows import kwargs_row
from psycopg.types.json import Jsonb

from store.database import Conn

EPISODE = "episode"  # evidence: id of the finding that people were told of already, about the same situation
GRADE_ALONE = "grade_alone"  # evidence: what this one would have been without it
_NAMESPACE = UUID("6f1d3c1e-2f0b-5c55-9a35-7a0f5d6f6f7e")


class DeviationKind(StrEnum):
    """What is unusual. The kinds that have a detector today stand in `anomaly.detectors`."""

    INACTIVITY = "inactivity"
    DWELL = "dwell"
    NOT_UP = "not_up"
    LATE_KITCHEN = "late_kitchen"
    NOT_TO_BED = "not_to_bed"
    NOT_RETURNED = "not_returned"
    UP_AT_NIGHT = "up_at_night"
    DOOR_AT_NIGHT = "door_at_night"
    TEMPERATURE = "temperature"
    GRADUAL = "gradual"
    CANNOT_OBSERVE = "cannot_observe"


class Grade(StrEnum):
    """How far a finding goes."""

    NOTICE = "notice"  # shown on the page only
    ATTENTION = "attention"  # somebody is told
    URGENT = "urgent"  # somebody is told now, at any hour

    @property
    def rank(self) -> int:
        """0, 1, 2: a finding only ever rises."""
        return list(Grade).index(self)


def finding_id(home_code: str, kind: str, started_at: datetime) -> UUID:
    """The same finding has the same id wherever and however often it is computed."""
    return uuid5(_NAMESPACE, f"{home_code}/{kind}/{started_at.timestamp():.3f}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """A finding about the resident's day."""

    id: UUID
    home_id: int
    kind: DeviationKind
    grade: Grade
    raised_at: datetime  # when a person would have been told
    started_at: datetime
    ended_at: datetime | None
    once_in_days: float | None  # by chance about once in so many days for this person
    explanation: str
    evidence: dict[str, Any] = field(default_factory=dict)
    revision: int = 1

    @property
    def episode(self) -> str:
        """The id of the finding that began the episode: its own, unless it joined another."""
        return str(self.evidence.get(EPISODE, self.id))

    @property
    def grade_alone(self) -> Grade:
        """How far it would go if nobody had been told of its episode."""
        return Grade(self.evidence.get(GRADE_ALONE, self.grade))


def _deviation(*, kind: str, grade: str, **columns: Any) -> Deviation:
    return Deviation(kind=DeviationKind(kind), grade=Grade(grade), **columns)


def save_deviation(conn: Conn, deviation: Deviation) -> bool:
    """Insert it, or raise its grade, or end it. True if anything new was said; then the revision has grown.

    It only ever rises, by itself or in what it would be without its episode, stops being news of the past (`late`)
    once, and ends once: so a story that is told again after a crash changes nothing.
    """
    cur = conn.execute(
        """
        INSERT INTO deviation (id, home_id, kind, grade, raised_at, started_at, ended_at, once_in_days,
                               explanation, evidence)
        VALUES (%(id)s, %(home_id)s, %(kind)s, %(grade)s, %(raised_at)s, %(started_at)s, %(ended_at)s,
                %(once_in_days)s, %(explanation)s, %(evidence)s)
            ON CONFLICT (id) DO UPDATE
           SET grade = excluded.grade, raised_at = excluded.raised_at, ended_at = excluded.ended_at,
               once_in_days = excluded.once_in_days, explanation = excluded.explanation,
               evidence = excluded.evidence, revision = deviation.revision + 1
         WHERE deviation.ended_at IS NULL
           AND (array_position(ARRAY['notice', 'attention', 'urgent'], excluded.grade)
                  > array_position(ARRAY['notice', 'attention', 'urgent'], deviation.grade)
                OR (excluded.grade = deviation.grade
                    AND coalesce(array_position(ARRAY['attention', 'urgent'], excluded.evidence ->> 'grade_alone'), 0)
                      > coalesce(array_position(ARRAY['attention', 'urgent'], deviation.evidence ->> 'grade_alone'), 0))
                OR (deviation.evidence ? 'late' AND NOT excluded.evidence ? 'late'))
        """,
        {
            "id": deviation.id,
            "home_id": deviation.home_id,
            "kind": deviation.kind,
            "grade": deviation.grade,
            "raised_at": deviation.raised_at,
            "started_at": deviation.started_at,
            "ended_at": deviation.ended_at,
            "once_in_days": deviation.once_in_days,
            "explanation": deviation.explanation,
            "evidence": Jsonb(deviation.evidence, dumps=_dumps),
        },
    )
    is_new = cur.rowcount == 1
    if deviation.ended_at is None:
        return is_new
    ended = conn.execute(
        """
        UPDATE deviation SET ended_at = %(ended_at)s, revision = revision + 1
         WHERE id = %(id)s AND ended_at IS NULL
        """,
        {"id": deviation.id, "ended_at": deviation.ended_at},
    )
    return is_new or ended.rowcount == 1


def _dumps(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def deviations_between(conn: Conn, home_id: int, start: datetime, end: datetime) -> list[Deviation]:
    """The home's deviations that touch [start, end), oldest first."""
    with conn.cursor(row_factory=kwargs_row(_deviation)) as cur:
        return cur.execute(
            """
            SELECT id, home_id, kind, grade, raised_at, started_at, ended_at, once_in_days, explanation,
                   evidence, revision
              FROM deviation
             WHERE home_id = %(home_id)s AND started_at < %(end)s AND coalesce(ended_at, %(end)s) >= %(start)s
             ORDER BY started_at
            """,
            {"home_id": home_id, "start": start, "end": end},
        ).fetchall()


def open_deviations(conn: Conn, home_id: int) -> list[Deviation]:
    """The home's deviations that are not over, oldest first."""
    with conn.cursor(row_factory=kwargs_row(_deviation)) as cur:
        return cur.execute(
            """
            SELECT id, home_id, kind, grade, raised_at, started_at, ended_at, once_in_days, explanation,
                   evidence, revision
              FROM deviation
             WHERE home_id = %(home_id)s AND ended_at IS NULL
             ORDER BY started_at
            """,
            {"home_id": home_id},
        ).fetchall()


def was_told_late(conn: Conn, finding: UUID) -> bool:
    """Was this deviation or fault written down as news of the past, for the page only?"""
    row = conn.execute(
        """
        SELECT EXISTS (SELECT FROM deviation WHERE id = %(id)s AND evidence ? 'late')
            OR EXISTS (SELECT FROM fault WHERE id = %(id)s AND evidence ? 'late')
        """,
        {"id": finding},
    ).fetchone()
    return row is not None and bool(row[0])


def undecided_deviations(conn: Conn, *, limit: int) -> list[Deviation]:
    """Deviations, or new revisions of one, that `alerts` has not looked at; locked until the transaction ends."""
    with conn.cursor(row_factory=kwargs_row(_deviation)) as cur:
        return cur.execute(
            """
            SELECT id, home_id, kind, grade, raised_at, started_at, ended_at, once_in_days, explanation,
                   evidence, revision
              FROM deviation
             WHERE decided_revision < revision
             ORDER BY raised_at
             LIMIT %(limit)s
               FOR UPDATE SKIP LOCKED
            """,
            {"limit": limit},
        ).fetchall()


def mark_deviation_decided(conn: Conn, deviation: Deviation) -> None:
    """`alerts` has acted on this revision, in this transaction."""
    conn.execute(
        "UPDATE deviation SET decided_revision = %(revision)s WHERE id = %(id)s",
        {"id": deviation.id, "revision": deviation.revision},
    )

"""How a home is watched, as staff have decided it: alert budget, shadow mode, whether the routine has changed.

No row means what it was before there were rows: watched and told of, one false alert a month.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row, kwargs_row

from store.database import Conn

DEFAULT_BUDGET = 1.0  # false alerts a month
BUDGETS = (0.5, 1.0, 2.0)  # what is offered; each has been evaluated
SHADOW_AT_MOST_DAYS = 92  # nobody is to be forgotten there
SHADOW_DAYS = 14  # of a new home: as long as the model's thresholds are those of a beginner


class Stage(StrEnum):
    """Who is told of what is found."""

    LIVE = "live"  # people are told
    SHADOW = "shadow"  # found and shown; until `told_from` nobody is told but of ceilings and what was measured
    NOT_LIVE = "not_live"  # being installed: nobody is told anything about a resident


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """What was decided about one home. `…_by` and `…_at`: who chose it and when; None: nobody has."""

    home_id: int
    false_alerts_a_month: float = DEFAULT_BUDGET
    stage: Stage = Stage.LIVE
    told_from: datetime | None = None  # None: always, or not live
    new_normal_from: datetime | None = None
    budget_by: str | None = None
    budget_at: datetime | None = None
    stage_by: str | None = None
    stage_at: datetime | None = None
    new_normal_by: str | None = None
    new_normal_at: datetime | None = None

    def stage_at_time(self, now: datetime) -> Stage:
        """A shadow ends by itself."""
        if self.stage is Stage.SHADOW and self.told_from is not None and now >= self.told_from:
            return Stage.LIVE
        return self.stage


def _watching(*, stage: str, **columns: Any) -> Watching:
    return Watching(stage=Stage(stage), **columns)


def watching_of(conn: Conn, home_id: int) -> Watching:
    """What was decided about this home."""
    with conn.cursor(row_factory=kwargs_row(_watching)) as cur:
        found = cur.execute("SELECT * FROM watching WHERE home_id = %(home_id)s", {"home_id": home_id}).fetchone()
    return found or Watching(home_id=home_id)


def watching_of_homes(conn: Conn, homes: Collection[int]) -> dict[int, tuple[Watching, float]]:
    """Of many homes in one query; with it the g of their organisation's governor, nats."""
    found: dict[int, tuple[Watching, float]] = {}
    with conn.cursor(row_factory=dict_row) as cur:
        for row in cur.execute(
            """
            SELECT home.id, coalesce(decided.nats, 0) AS nats, watching.*
              FROM home
              LEFT JOIN watching ON watching.home_id = home.id
              LEFT JOIN LATERAL (SELECT nats FROM governor_day
                                  WHERE governor_day.organisation_id = home.organisation_id
                                  ORDER BY day DESC LIMIT 1) AS decided ON true
             WHERE home.id = ANY(%(homes)s)
            """,
            {"homes": list(homes)},
        ):
            home_id, nats = row.pop("id"), row.pop("nats")
            found[home_id] = (Watching(home_id=home_id) if row["home_id"] is None else _watching(**row)), nats
    return found


def set_budget(conn: Conn, home_id: int, false_alerts_a_month: float, *, by: str, now: datetime) -> None:
    """How many false alerts a month this home may cost; the database refuses what is not between 0.1 and 10."""
    conn.execute(
        """
        INSERT INTO watching (home_id, false_alerts_a_month, budget_by, budget_at)
        VALUES (%(home_id)s, %(budget)s, %(by)s, %(now)s)
            ON CONFLICT (home_id) DO UPDATE
           SET false_alerts_a_month = excluded.false_alerts_a_month, budget_by = excluded.budget_by,
               budget_at = excluded.budget_at
        """,
        {"home_id": home_id, "budget": false_alerts_a_month, "by": by, "now": now},
    )


def set_stage(
    conn: Conn, home_id: int, stage: Stage, *, shadow_until: datetime | None = None, by: str, now: datetime
) -> None:
    """Whether people are told. `shadow_until` belongs to SHADOW; a home that goes live is told of from now on.

    A home that was live already keeps the time from which its rate is counted.
    """
    told_from = {Stage.LIVE: now, Stage.SHADOW: shadow_until, Stage.NOT_LIVE: None}[stage]
    conn.execute(
        """
        INSERT INTO watching (home_id, stage, told_from, stage_by, stage_at)
        VALUES (%(home_id)s, %(stage)s, CASE %(stage)s WHEN 'shadow' THEN %(told_from)s::timestamptz END, %(by)s,
                %(now)s)
            ON CONFLICT (home_id) DO UPDATE
           SET told_from = CASE WHEN %(stage)s = 'live'
                                 AND (watching.stage = 'live'
                                      OR watching.stage = 'shadow' AND watching.told_from <= %(now)s)
                                THEN watching.told_from ELSE %(told_from)s::timestamptz END,
               stage = excluded.stage, stage_by = excluded.stage_by, stage_at = excluded.stage_at
        """,
        {"home_id": home_id, "stage": stage, "told_from": told_from, "by": by, "now": now},
    )


def start_in_shadow(conn: Conn, home_id: int, *, days: float, now: datetime) -> None:
    """A new home: its findings are shown and not told for so many days."""
    if days > 0:
        set_stage(conn, home_id, Stage.SHADOW, shadow_until=now + timedelta(days=days), by="service", now=now)


def set_new_normal(conn: Conn, home_id: int, *, since: datetime, by: str, now: datetime) -> None:
    """Staff say that the routine has changed from then on; what was learned before counts for less."""
    conn.execute(
        """
        INSERT INTO watching (home_id, new_normal_from, new_normal_by, new_normal_at)
        VALUES (%(home_id)s, %(since)s, %(by)s, %(now)s)
            ON CONFLICT (home_id) DO UPDATE
           SET new_normal_from = excluded.new_normal_from, new_normal_by = excluded.new_normal_by,
               new_normal_at = excluded.new_normal_at
        """,
        {"home_id": home_id, "since": since, "by": by, "now": now},
    )


# Findings that were held back -----------------------------------------------------------------------


def hold_in_shadow(conn: Conn, deviation_id: UUID, home_id: int, *, now: datetime) -> None:
    """Nobody is told of this finding for now: for the page, and to be looked at when people are told again."""
    conn.execute(
        """
        INSERT INTO shadow_finding (deviation_id, home_id, held_at) VALUES (%(deviation_id)s, %(home_id)s, %(now)s)
            ON CONFLICT (deviation_id) DO UPDATE SET is_settled = false
        """,
        {"deviation_id": deviation_id, "home_id": home_id, "now": now},
    )


def release_from_shadow(conn: Conn, *, now: datetime) -> int:
    """Findings that go on in homes whose shadow has ended are decided anew. How many there are."""
    cur = conn.execute(
        """
        WITH over AS (
            UPDATE shadow_finding SET is_settled = true
              FROM deviation, home LEFT JOIN watching ON watching.home_id = home.id
             WHERE NOT shadow_finding.is_settled
               AND deviation.id = shadow_finding.deviation_id AND home.id = shadow_finding.home_id
               AND (deviation.ended_at IS NOT NULL OR watching.stage IS NULL OR watching.stage = 'live'
                    OR watching.stage = 'shadow' AND watching.told_from <= %(now)s)
         RETURNING shadow_finding.deviation_id)
        UPDATE deviation SET decided_revision = 0 FROM over
         WHERE deviation.id = over.deviation_id AND deviation.ended_at IS NULL
        """,
        {"now": now},
    )
    return cur.rowcount


def shadow_findings_of(conn: Conn, home_id: int) -> set[UUID]:
    """Findings of this home of which nobody was told when they were found."""
    rows = conn.execute(
        "SELECT deviation_id FROM shadow_finding WHERE home_id = %(home_id)s", {"home_id": home_id}
    ).fetchall()
    return {row[0] for row in rows}

"""What was promised and what came: alerts about residents by outcome, per month that could be observed. Only reads.

Alerts about the temperature, or that a home cannot be observed, are left out: they are measured, no budget is for them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.rows import kwargs_row

from store.database import Conn
from store.governor import UNGOVERNED
from store.watching import Stage

WINDOW = timedelta(days=90)
MONTH_DAYS = 30.0
ENOUGH_DAYS = 14.0  # observed; below it a number of alerts is told and no rate


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRate:
    """Of one home, in the last 90 days."""

    home_id: int
    code: str
    promised: float  # false alerts a month
    stage: Stage
    told_from: datetime | None
    observed_days: float  # complete UTC days, people told, resident not known to be away
    genuine: int
    false_alarm: int
    expected: int
    equipment: int
    unable_to_reach: int
    still_open: int
    held_in_shadow: int  # findings of which nobody was told

    @property
    def unconfirmed(self) -> int:
        """Closed, and not because the resident needed help. What is still open may turn out either way."""
        return self.false_alarm + self.expected + self.equipment + self.unable_to_reach

    @property
    def total(self) -> int:
        """All that people were told."""
        return self.unconfirmed + self.genuine + self.still_open

    @property
    def realised(self) -> float | None:
        """False alerts a month; None: too little was observed to say."""
        if self.observed_days < ENOUGH_DAYS:
            return None
        return self.unconfirmed * MONTH_DAYS / self.observed_days

    @property
    def one_more(self) -> float:
        """By how much one alert more would change `realised`."""
        return MONTH_DAYS / max(self.observed_days, ENOUGH_DAYS)


def _rate(*, stage: str, **columns: Any) -> AlertRate:
    return AlertRate(stage=Stage(stage), **columns)


def alert_rates(conn: Conn, organisation_id: int, *, now: datetime, code: str | None = None) -> list[AlertRate]:
    """Of the organisation's homes by code, or only of the one of this code. `stage` is that of now."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with conn.cursor(row_factory=kwargs_row(_rate)) as cur:
        return cur.execute(
            """
            SELECT home.id AS home_id, home.code,
                   coalesce(watching.false_alerts_a_month, 1) AS promised,
                   CASE WHEN watching.stage = 'shadow' AND watching.told_from <= %(now)s THEN 'live'
                        ELSE coalesce(watching.stage, 'live') END AS stage,
                   watching.told_from, seen.observed_days,
                   closed.genuine, closed.false_alarm, closed.expected, closed.equipment, closed.unable_to_reach,
                   closed.still_open,
                   (SELECT count(*) FROM shadow_finding
                     WHERE shadow_finding.home_id = home.id AND held_at >= %(since)s) AS held_in_shadow
              FROM home
              LEFT JOIN watching ON watching.home_id = home.id
             CROSS JOIN LATERAL (
                   SELECT coalesce(sum(coalesce((SELECT sum(second) FROM unnest(seconds) AS second), 86400)), 0)::float8
                          / 86400.0 AS observed_days
                     FROM coverage_day AS covered
                    WHERE covered.home_id = home.id AND room = '' AND day >= %(since)s::date AND day < %(today)s::date
                      AND coalesce(watching.stage, 'live') <> 'not_live'
                      AND day >= coalesce(watching.told_from, '-infinity')
                      AND NOT EXISTS (SELECT 1 FROM absence WHERE absence.home_id = home.id
                                         AND from_at <= day AND until_at >= day + 1)) AS seen
             CROSS JOIN LATERAL (
                   SELECT count(*) FILTER (WHERE outcome = 'genuine') AS genuine,
                          count(*) FILTER (WHERE outcome = 'false_alarm') AS false_alarm,
                          count(*) FILTER (WHERE outcome = 'expected') AS expected,
                          count(*) FILTER (WHERE outcome = 'equipment') AS equipment,
                          count(*) FILTER (WHERE outcome = 'unable_to_reach') AS unable_to_reach,
                          count(*) FILTER (WHERE outcome IS NULL) AS still_open
                     FROM alert
                    WHERE alert.home_id = home.id AND audience = 'person' AND opened_at >= %(since)s
                      AND EXISTS (SELECT 1 FROM alert_finding AS carried
                                    JOIN deviation ON deviation.id = carried.deviation_id
                                   WHERE alert_id = alert.id
                                     AND (deviation.kind <> ALL(%(ungoverned)s) OR evidence ? 'suspect'))) AS closed
             WHERE home.organisation_id = %(organisation_id)s AND (%(code)s::text IS NULL OR home.code = %(code)s)
             ORDER BY home.code
            """,
            {
                "organisation_id": organisation_id,
                "code": code,
                "now": now,
                "today": today,
                "since": today - WINDOW,
                "ungoverned": [str(kind) for kind in UNGOVERNED],
            },
        ).fetchall()

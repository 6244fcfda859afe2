"""The fleet's governor of false alerts: what there was to see of a day, and what was decided for every threshold.

The decision itself stands in `anomaly.fleet_governor`. One row an organisation and day, never changed.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from psycopg.rows import kwargs_row

from store.database import Conn
from store.deviation import DeviationKind

# Measured, or about the equipment: no threshold that g moves decides about them, and no budget counts them. But "cannot
# observe" with a suspected sensor is a quiet that was too rare (decision 15), and counts.
UNGOVERNED = (DeviationKind.TEMPERATURE, DeviationKind.CANNOT_OBSERVE)
_LOCK = 7_031_853_012  # any fixed number; one worker at a time decides
_OBSERVED_SHARE = 0.7  # of a day, as in the model: less is missing


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetDay:
    """One UTC day of an organisation's homes that are past their first fortnight and of which people are told."""

    homes: int
    home_days: float  # observed
    alerts: int  # about residents, that nobody has confirmed; none that a limit caused, which learning cannot move
    promised: float  # false alerts that the homes' budgets allow for that time


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernorDay:
    """What was decided on the grounds of a day."""

    organisation_id: int
    day: date
    homes: int
    home_days: float
    alerts: int
    promised: float
    nats: float  # g
    reason: str
    decided_at: datetime


def may_govern(conn: Conn) -> bool:
    """True if no other worker is at it; then none will be until this transaction ends."""
    row = conn.execute("SELECT pg_try_advisory_xact_lock(%(lock)s)", {"lock": _LOCK}).fetchone()
    return row is not None and bool(row[0])


def last_days(conn: Conn) -> dict[int, tuple[date, float] | None]:
    """Of every organisation the last day that was decided about, and g since."""
    rows = conn.execute(
        """
        SELECT organisation.id, last.day, last.nats
          FROM organisation
          LEFT JOIN LATERAL (SELECT day, nats FROM governor_day WHERE organisation_id = organisation.id
                              ORDER BY day DESC LIMIT 1) AS last ON true
         ORDER BY organisation.id
        """
    ).fetchall()
    return {id: None if day is None else (day, nats) for id, day, nats in rows}


def fleet_day(conn: Conn, organisation_id: int, day: date) -> FleetDay:
    """What is known by now of that day. A day with under 0.7 of it observed, or spent away, does not count."""
    start = datetime.combine(day, time(), UTC)
    row = conn.execute(
        """
        WITH seen AS (
            SELECT home.id, coalesce(watching.false_alerts_a_month, 1) AS budget,
                   coalesce((SELECT sum(second) FROM unnest(covered.seconds) AS second), 86400) / 86400.0 AS share
              FROM home
              JOIN routine ON routine.home_id = home.id AND routine.warm_up_days <= 0
              JOIN coverage_day AS covered ON covered.home_id = home.id AND covered.day = %(day)s AND covered.room = ''
              LEFT JOIN watching ON watching.home_id = home.id
             WHERE home.organisation_id = %(organisation_id)s
               AND coalesce(watching.stage, 'live') <> 'not_live'
               AND coalesce(watching.told_from, '-infinity') <= %(start)s
               AND NOT EXISTS (SELECT 1 FROM absence WHERE absence.home_id = home.id
                                  AND absence.from_at < %(end)s AND absence.until_at > %(start)s)),
        observed AS (SELECT * FROM seen WHERE share >= %(enough)s)
        SELECT count(*), coalesce(sum(share), 0)::float8, coalesce(sum(share * budget / 30), 0)::float8,
               (SELECT count(*)
                  FROM observed AS home
                  JOIN alert ON alert.home_id = home.id AND alert.audience = 'person'
                 WHERE alert.opened_at >= %(start)s AND alert.opened_at < %(end)s
                   AND coalesce(alert.outcome, 'open') NOT IN ('genuine', 'test')
                   AND EXISTS (SELECT 1 FROM alert_finding JOIN deviation ON deviation.id = deviation_id
                                WHERE alert_id = alert.id
                                  AND (deviation.kind <> ALL(%(ungoverned)s) OR evidence ? 'suspect')
                                  AND evidence ->> 'reason' IS DISTINCT FROM 'ceiling'))
          FROM observed
        """,
        {
            "organisation_id": organisation_id,
            "day": day,
            "start": start,
            "end": start + timedelta(days=1),
            "enough": _OBSERVED_SHARE,
            "ungoverned": [str(kind) for kind in UNGOVERNED],
        },
    ).fetchone()
    assert row is not None
    return FleetDay(homes=row[0], home_days=row[1], promised=row[2], alerts=row[3])


def keep_day(conn: Conn, decided: GovernorDay) -> bool:
    """Write down what was decided. False if that day has been decided already."""
    cur = conn.execute(
        """
        INSERT INTO governor_day (organisation_id, day, homes, home_days, alerts, promised, nats, reason, decided_at)
        VALUES (%(organisation_id)s, %(day)s, %(homes)s, %(home_days)s, %(alerts)s, %(promised)s, %(nats)s, %(reason)s,
                %(decided_at)s)
            ON CONFLICT (organisation_id, day) DO NOTHING
        """,
        {
            "organisation_id": decided.organisation_id,
            "day": decided.day,
            "homes": decided.homes,
            "home_days": decided.home_days,
            "alerts": decided.alerts,
            "promised": decided.promised,
            "nats": decided.nats,
            "reason": decided.reason,
            "decided_at": decided.decided_at,
        },
    )
    return cur.rowcount == 1


def governor_days(conn: Conn, organisation_id: int, *, limit: int = 30) -> list[GovernorDay]:
    """The last days, the newest first."""
    with conn.cursor(row_factory=kwargs_row(GovernorDay)) as cur:
        return cur.execute(
            """
            SELECT * FROM governor_day WHERE organisation_id = %(organisation_id)s ORDER BY day DESC LIMIT %(limit)s
            """,
            {"organisation_id": organisation_id, "limit": limit},
        ).fetchall()

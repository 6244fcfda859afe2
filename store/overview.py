"""What the pages show of many homes, or of a home's equipment, at one look. Only reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import kwargs_row

from store.database import Conn
from store.deviation import DeviationKind, Grade
from store.fault import FaultKind
from store.watching import Stage

BATTERY_LOW_PERCENT = 15  # a coin cell in a sensor lasts a few more weeks from here


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeOverview:
    """One home of the list: who, in what state, and what needs looking at."""

    id: int
    code: str
    time_zone: str
    check_in_interval: timedelta
    resident_names: tuple[str, ...]
    dialect: str
    hub_state: str
    last_heard_at: datetime | None  # any message of the home, our clock
    backlog: int | None
    hub_battery_percent: int | None
    last_activity_at: datetime | None  # newest event of a sensor that sees people, the hub's clock
    learned_days: float | None  # None: the model has seen nothing of this home
    warm_up_days: float | None
    routine_as_of: datetime | None
    absence_until: datetime | None
    absence_reason: str | None
    deviations: tuple[tuple[DeviationKind, Grade, datetime], ...]  # going on now: kind, grade, since
    faults: tuple[tuple[FaultKind, datetime], ...]  # going on now: kind, since
    open_alerts: int
    open_urgent_alerts: int
    sensors: int
    batteries_low: int
    sensors_unavailable: int
    stage: Stage = Stage.LIVE  # whether people are told, now
    told_from: datetime | None = None


def _overview(
    *,
    resident_names: list[str],
    stage: str,
    deviations: list[list[str]] | None,
    faults: list[list[str]] | None,
    **columns: Any,
) -> HomeOverview:
    return HomeOverview(
        resident_names=tuple(resident_names),
        stage=Stage(stage),
        deviations=tuple(
            (DeviationKind(kind), Grade(grade), datetime.fromisoformat(since))
            for kind, grade, since in deviations or []
        ),
        faults=tuple((FaultKind(kind), datetime.fromisoformat(since)) for kind, since in faults or []),
        **columns,
    )


def home_overviews(
    conn: Conn,
    organisation_id: int,
    *,
    now: datetime,
    code: str | None = None,
    audiences: Sequence[str] = ("person", "technical"),
) -> list[HomeOverview]:
    """The organisation's homes by code, or only the one of this code; alerts counted are those for `audiences`."""
    with conn.cursor(row_factory=kwargs_row(_overview)) as cur:
        return cur.execute(
            """
            SELECT home.id, home.code, home.time_zone, home.check_in_interval,
                   ARRAY(SELECT name FROM resident WHERE home_id = home.id ORDER BY id) AS resident_names,
                   hub.dialect, hub.state AS hub_state, hub.last_heard_at, hub.backlog,
                   hub.battery_percent AS hub_battery_percent,
                   routine.learned_days, routine.warm_up_days, routine.as_of AS routine_as_of,
                   absence.until_at AS absence_until, absence.reason AS absence_reason,
                   (SELECT json_agg(json_build_array(kind, grade, started_at) ORDER BY started_at)
                      FROM deviation WHERE home_id = home.id AND ended_at IS NULL) AS deviations,
                   (SELECT json_agg(json_build_array(kind, started_at) ORDER BY started_at)
                      FROM fault WHERE home_id = home.id AND ended_at IS NULL) AS faults,
                   alerts.open_alerts, alerts.open_urgent_alerts,
                   kit.sensors, kit.batteries_low, kit.sensors_unavailable, kit.last_activity_at,
                   CASE WHEN watching.stage = 'shadow' AND watching.told_from <= %(now)s THEN 'live'
                        ELSE coalesce(watching.stage, 'live') END AS stage, watching.told_from
              FROM home
              JOIN hub ON hub.home_id = home.id
              LEFT JOIN routine ON routine.home_id = home.id
              LEFT JOIN watching ON watching.home_id = home.id
              LEFT JOIN LATERAL (SELECT until_at, reason FROM absence
                                  WHERE home_id = home.id AND from_at <= %(now)s AND until_at > %(now)s
                                  ORDER BY until_at DESC LIMIT 1) AS absence ON true
             CROSS JOIN LATERAL (SELECT count(*) AS open_alerts,
                                        count(*) FILTER (WHERE severity = 'urgent') AS open_urgent_alerts
                                   FROM alert WHERE home_id = home.id AND state <> 'closed'
                                    AND audience = ANY(%(audiences)s)) AS alerts
             CROSS JOIN LATERAL (SELECT count(*) AS sensors,
                                        count(*) FILTER (WHERE battery_percent <= %(low)s) AS batteries_low,
                                        count(*) FILTER (WHERE is_available IS FALSE) AS sensors_unavailable,
                                        max(value_at) FILTER (WHERE kind NOT IN ('temperature', 'humidity',
                                            'illuminance', 'power')) AS last_activity_at
                                   FROM sensor WHERE home_id = home.id) AS kit
             WHERE home.organisation_id = %(organisation_id)s
               AND (%(code)s::text IS NULL OR home.code = %(code)s)
             ORDER BY home.code
            """,
            {
                "organisation_id": organisation_id,
                "now": now,
                "low": BATTERY_LOW_PERCENT,
                "code": code,
                "audiences": list(audiences),
            },
        ).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorOffer:
    """A sensor that a bridge lists and nobody has named and placed yet."""

    code: str
    kind: str
    model: str
    offered_at: datetime


def sensor_offers(conn: Conn, home_id: int) -> list[SensorOffer]:
    """What this home's bridge offers, by code."""
    with conn.cursor(row_factory=kwargs_row(SensorOffer)) as cur:
        return cur.execute(
            "SELECT code, kind, model, offered_at FROM sensor_offer WHERE home_id = %(home_id)s ORDER BY code",
            {"home_id": home_id},
        ).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedCount:
    """How many messages of a home could not be read, for one reason, with the newest as an example."""

    reason: str
    messages: int
    last_at: datetime
    last_detail: str


def rejected_counts(conn: Conn, home_id: int, *, since: datetime) -> list[RejectedCount]:
    """Rejected messages of the home since then by reason, the most frequent first."""
    with conn.cursor(row_factory=kwargs_row(RejectedCount)) as cur:
        return cur.execute(
            """
            SELECT reason, count(*) AS messages, max(received_at) AS last_at,
                   (array_agg(detail ORDER BY received_at DESC))[1] AS last_detail
              FROM rejected_message
             WHERE home_id = %(home_id)s AND received_at >= %(since)s
             GROUP BY reason
             ORDER BY count(*) DESC, reason
            """,
            {"home_id": home_id, "since": since},
        ).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Figures for IT: no home, no person. The pages see those of one organisation, and what belongs to none."""

    homes: int
    hubs_online: int
    sensors: int
    events_last_hour: int
    rejected_last_day: int
    rejected_of_no_home: int
    open_alerts: int
    notifications_waiting: int
    notifications_failed_last_day: int
    replies_waiting: int
    deviations_undecided: int
    database_bytes: int
    database_version: str


def totals(conn: Conn, *, now: datetime) -> Totals:
    """Count once over everything; meant for a page that is looked at now and then."""
    with conn.cursor(row_factory=kwargs_row(Totals)) as cur:
        found = cur.execute(
            """
            SELECT (SELECT count(*) FROM home) AS homes,
                   (SELECT count(*) FROM hub WHERE state = 'online') AS hubs_online,
                   (SELECT count(*) FROM sensor) AS sensors,
                   (SELECT count(*) FROM sensor_event
                     WHERE occurred_at > %(hour_ago)s AND received_at > %(hour_ago)s) AS events_last_hour,
                   (SELECT count(*) FROM rejected_message WHERE received_at > %(day_ago)s) AS rejected_last_day,
                   count_rejected_of_no_home(%(day_ago)s) AS rejected_of_no_home,
                   (SELECT count(*) FROM alert WHERE state <> 'closed') AS open_alerts,
                   (SELECT count(*) FROM notification
                     WHERE state IN ('due', 'claimed', 'unknown')) AS notifications_waiting,
                   (SELECT count(*) FROM notification WHERE state IN ('undelivered', 'failed')
                       AND created_at > %(day_ago)s) AS notifications_failed_last_day,
                   count_replies_waiting() AS replies_waiting,
                   (SELECT count(*) FROM deviation WHERE decided_revision < revision) AS deviations_undecided,
                   pg_database_size(current_database()) AS database_bytes,
                   current_setting('server_version') AS database_version
            """,
            {"hour_ago": now - timedelta(hours=1), "day_ago": now - timedelta(days=1)},
        ).fetchone()
    assert found is not None
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What the finding behind an alert rests on."""

    started_at: datetime
    raised_at: datetime
    ended_at: datetime | None
    once_in_days: float | None
    evidence: dict[str, Any]


def grounds_of(conn: Conn, *, deviation_id: UUID | None, fault_id: UUID | None) -> Grounds | None:
    """The deviation or fault of these ids, without its home: whoever asks has checked that."""
    with conn.cursor(row_factory=kwargs_row(Grounds)) as cur:
        return cur.execute(
            """
            SELECT started_at, raised_at, ended_at, once_in_days, evidence FROM deviation WHERE id = %(deviation_id)s
             UNION ALL
            SELECT started_at, raised_at, ended_at, NULL, evidence FROM fault WHERE id = %(fault_id)s
             LIMIT 1
            """,
            {"deviation_id": deviation_id, "fault_id": fault_id},
        ).fetchone()

"""What people said of alerts, for the model: what must not teach, what was genuine, which days were usual after all.

Read from the alerts themselves, so that it makes no difference by which way one was closed. Every alert about a person
masks its time, but one: a false alarm says that all was well, and then the day may teach.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.types.json import Jsonb

from store.alert import Alert, Event, How, Outcome, by_staff, note
from store.database import Conn
from store.deviation import Grade, finding_id
from store.fault import FaultKind
from store.home import add_absence
from store.wakeup import Channel, wake

AROUND_EMERGENCY = timedelta(hours=24)  # before and after a confirmed one: who falls was perhaps unwell the day before
OPEN_MASKS_FOR = timedelta(days=28)  # an alert that nobody ever closes must not keep the model from learning for ever
REMEMBERED = timedelta(days=400)  # as long as events are kept, so that a model that learns anew knows it too
_EXPLAINS = (
    FaultKind.HUB_SILENT,
    FaultKind.SENSOR_SILENT,
    FaultKind.SENSOR_STUCK,
    FaultKind.CLOCK_WRONG,
    FaultKind.REPORTED,
)
_USUAL_DAYS = 31  # of a change that crept in over weeks, the last ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One alert about a person, with what was found and what it turned out to be."""

    home_id: int
    opened_at: datetime
    closed_at: datetime | None
    outcome: Outcome | None  # None: still open
    findings: tuple[UUID, ...]
    started_at: datetime  # of the first finding
    ended_at: datetime | None  # of the last; None: it went on when it was last heard of


@dataclass(slots=True, kw_only=True)
class Feedback:
    """What a home's model is told."""

    masked: list[tuple[datetime, datetime]] = field(default_factory=list)
    confirmed: set[UUID] = field(default_factory=set)
    usual: set[date] = field(default_factory=set)
    emergencies: list[tuple[datetime, datetime]] = field(default_factory=list)  # of `masked`, those confirmed

    def add(self, said: Said) -> None:
        """Take one alert into account."""
        period = masked_by(said)
        if period is not None:
            self.masked.append(period)
        if said.outcome is Outcome.GENUINE and period is not None:
            self.confirmed |= set(said.findings)
            self.emergencies.append(period)

    def usual_days(self, zone: ZoneInfo) -> frozenset[date]:
        """The days that may teach after all; a day around a confirmed emergency may not, whatever was said before."""
        days = []
        for day in self.usual:
            begins = datetime.combine(day, time(), zone)
            ends = datetime.combine(day + timedelta(days=1), time(), zone)
            if not any(start < ends and end > begins for start, end in self.emergencies):
                days.append(day)
        return frozenset(days)


def masked_by(said: Said) -> tuple[datetime, datetime] | None:
    """From when until when an alert keeps its home from learning; None if it does not."""
    if said.outcome is None or said.closed_at is None:
        return said.started_at, max(said.opened_at, said.started_at) + OPEN_MASKS_FOR
    if said.outcome is Outcome.FALSE_ALARM:
        return None
    over = max(said.closed_at, said.ended_at or said.closed_at)
    if said.outcome is Outcome.GENUINE:
        return said.started_at - AROUND_EMERGENCY, over + AROUND_EMERGENCY
    return said.started_at, over


def feedback_of_homes(conn: Conn, homes: Collection[int], *, now: datetime) -> dict[int, Feedback]:
    """Of many homes in one query."""
    found = {home_id: Feedback() for home_id in homes}
    rows = conn.execute(
        """
        SELECT alert.home_id, alert.opened_at, alert.closed_at, alert.outcome, array_agg(deviation.id),
               min(deviation.started_at),
               CASE WHEN bool_and(deviation.ended_at IS NOT NULL) THEN max(deviation.ended_at) END,
               ARRAY(SELECT day FROM usual_day
                      WHERE usual_day.home_id = alert.home_id AND usual_day.alert_id = alert.id)
          FROM alert
          JOIN alert_finding ON alert_finding.alert_id = alert.id
          JOIN deviation ON deviation.id = alert_finding.deviation_id
         WHERE alert.home_id = ANY(%(homes)s) AND alert.audience = 'person' AND alert.opened_at >= %(since)s
         GROUP BY alert.id
         ORDER BY alert.home_id, alert.opened_at
        """,
        {"homes": list(homes), "since": now - REMEMBERED},
    )
    for home_id, opened_at, closed_at, outcome, findings, started_at, ended_at, usual in rows:
        found[home_id].usual.update(usual)
        found[home_id].add(
            Said(
                home_id=home_id, opened_at=opened_at, closed_at=closed_at,
                outcome=None if outcome is None else Outcome(outcome), findings=tuple(findings),
                started_at=started_at, ended_at=ended_at,
            )
        )  # fmt: skip
    return found


def days_of(start: datetime, end: datetime, zone: ZoneInfo) -> list[date]:
    """The civil days that [start, end] touches, the last ones if there are too many."""
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    first = max(first, last - timedelta(days=_USUAL_DAYS - 1))
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


# What a page or a program adds when an alert is closed, in the same transaction ----------------------


def say_usual(conn: Conn, alert: Alert, *, staff_id: int, now: datetime) -> int:
    """ "Usual for this resident": the days of what was found may teach. How many days."""
    row = conn.execute(
        """
        SELECT min(started_at), max(coalesce(ended_at, %(now)s))
          FROM alert_finding JOIN deviation ON deviation.id = alert_finding.deviation_id
         WHERE alert_id = %(alert_id)s
        """,
        {"alert_id": alert.id, "now": now},
    ).fetchone()
    if row is None or row[0] is None:
        return 0
    days = days_of(row[0], max(row[0], row[1]), ZoneInfo(alert.time_zone))
    _keep_usual(conn, alert, days, by=by_staff(staff_id), now=now)
    return len(days)


def _keep_usual(conn: Conn, alert: Alert, days: Iterable[date], *, by: str, now: datetime) -> None:
    conn.cursor().executemany(
        """
        INSERT INTO usual_day (home_id, day, alert_id, said_by, said_at)
        VALUES (%(home_id)s, %(day)s, %(alert_id)s, %(by)s, %(now)s)
            ON CONFLICT (home_id, day) DO NOTHING
        """,
        [{"home_id": alert.home_id, "day": day, "alert_id": alert.id, "by": by, "now": now} for day in days],
    )


def note_away(conn: Conn, alert: Alert, *, until: datetime, staff_id: int, how: How, now: datetime) -> None:
    """ "Expected": the resident is away until then, so that nobody is asked once more. Noted from now on."""
    by = by_staff(staff_id)
    add_absence(
        conn, alert.home_id, from_at=now, until_at=until, reason=f"said when alert {alert.code} was closed", noted_by=by
    )
    note(conn, alert.id, by=by, how=how, event=Event.UPDATED, reason=f"away until {until:%d %B %Y %H:%M}", now=now)


def report_equipment(conn: Conn, alert: Alert, *, staff_id: int, how: How, now: datetime) -> str:
    """The alert came of the equipment: an open fault that explains it is named, or a new one reported. What was noted.

    A low battery or a weak signal explains nothing, and must not keep a stuck sensor from being looked at.
    """
    known = conn.execute(
        """
        SELECT explanation FROM fault
         WHERE home_id = %(home_id)s AND ended_at IS NULL AND grade <> 'notice' AND kind = ANY(%(kinds)s)
         ORDER BY started_at LIMIT 1
        """,
        {"home_id": alert.home_id, "kinds": [str(kind) for kind in _EXPLAINS]},
    ).fetchone()
    if known is not None:
        reason = f"those who look after the equipment know already: {known[0]}"
    else:
        _report(conn, alert, now=now)
        reason = "those who look after the equipment are told"
    note(conn, alert.id, by=by_staff(staff_id), how=how, event=Event.UPDATED, reason=reason, now=now)
    return reason


def _report(conn: Conn, alert: Alert, *, now: datetime) -> None:
    conn.execute(
        """
        INSERT INTO fault (id, home_id, kind, grade, raised_at, started_at, explanation, evidence)
        VALUES (%(id)s, %(home_id)s, %(kind)s, %(grade)s, %(now)s, %(started_at)s, %(explanation)s, %(evidence)s)
            ON CONFLICT (id) DO NOTHING
        """,
        {
            "id": finding_id(alert.home_code, f"{FaultKind.REPORTED}/{alert.code}", alert.opened_at),
            "home_id": alert.home_id,
            "kind": FaultKind.REPORTED,
            "grade": Grade.ATTENTION,
            "now": now,
            "started_at": alert.opened_at,
            "explanation": f"Staff closed alert {alert.code} as caused by the equipment. Look what is wrong with it.",
            "evidence": Jsonb({"alert": alert.code, "kind": alert.kind}),
        },
    )
    wake(conn, Channel.FINDING)


def end_reported(conn: Conn, fault_id: UUID, *, now: datetime) -> bool:
    """Whoever was told of a reported fault has closed its alert: it is over. False for every other fault."""
    cur = conn.execute(
        """
        UPDATE fault SET ended_at = %(now)s, revision = revision + 1, decided_revision = revision + 1
         WHERE id = %(id)s AND kind = 'reported' AND ended_at IS NULL
        """,
        {"id": fault_id, "now": now},
    )
    return cur.rowcount == 1

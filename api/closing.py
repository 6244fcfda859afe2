"""What somebody says when they close an alert, and what follows from it. The same for the page and the JSON API.

Genuine, expected and equipment keep the time of the alert from teaching the model (`store.feedback`); here is what is
said beside: "usual for this resident", how long the resident is away, that the equipment needs somebody.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from store.alert import Alert, How, Outcome, by_staff, close
from store.database import Conn
from store.feedback import note_away, report_equipment, say_usual
from store.response import Audience

USUAL = "usual"  # on the page an answer of its own: a false alarm of which the model may learn
AWAY_AT_MOST = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What it was."""

    outcome: Outcome
    is_usual: bool = False
    away_until: datetime | None = None


class NotSaid(Exception):
    """Something about a closing cannot be taken; carries which field, and plain words."""

    def __init__(self, where: str, words: str) -> None:
        super().__init__(words)
        self.where = where


def read_closing(alert: Alert, *, outcome: str, away_until: str, now: datetime) -> Closing:
    """What a form says. Raises NotSaid."""
    if outcome == USUAL and alert.audience is Audience.PERSON:
        return Closing(outcome=Outcome.FALSE_ALARM, is_usual=True)
    if outcome not in set(Outcome):
        raise NotSaid("outcome", "Select what it was")
    if Outcome(outcome) is not Outcome.EXPECTED or not away_until.strip():
        return Closing(outcome=Outcome(outcome))
    try:
        last_day = date.fromisoformat(away_until.strip())
    except ValueError:
        raise NotSaid("away_until", "Enter the last day away as a date, like 2026-03-27") from None
    zone = ZoneInfo(alert.time_zone)
    until = datetime.combine(last_day + timedelta(days=1), time(), zone) if last_day < date.max else now
    return checked(alert, Closing(outcome=Outcome.EXPECTED, away_until=until), now=now)


def checked(alert: Alert, closing: Closing, *, now: datetime) -> Closing:
    """The same, if its parts fit each other and the alert. Raises NotSaid."""
    if closing.is_usual and (closing.outcome is not Outcome.FALSE_ALARM or alert.audience is not Audience.PERSON):
        raise NotSaid("is_usual", "Only a false alarm about a resident can be usual")
    if closing.away_until is None:
        return closing
    if closing.outcome is not Outcome.EXPECTED or alert.audience is not Audience.PERSON:
        raise NotSaid("away_until", "Only an expected alert about a resident can note that they are away")
    if not now < closing.away_until <= now + AWAY_AT_MOST:
        raise NotSaid("away_until", "The last day away must be today or later, and within a year")
    return closing


def close_with(
    conn: Conn, alert: Alert, closing: Closing, *, staff_id: int, how: How, note: str, now: datetime
) -> bool:
    """Close it and do what follows, in one transaction. False if somebody else was faster; then nothing is done."""
    if not close(conn, alert.id, closing.outcome, by=by_staff(staff_id), how=how, reason=note, now=now):
        return False
    if alert.deviation_id is None:
        return True
    if closing.is_usual:
        say_usual(conn, alert, staff_id=staff_id, now=now)
    if closing.away_until is not None:
        note_away(conn, alert, until=closing.away_until, staff_id=staff_id, how=how, now=now)
    if closing.outcome is Outcome.EQUIPMENT:
        report_equipment(conn, alert, staff_id=staff_id, how=how, now=now)
    return True

"""The alert board: what is open by severity and age, and what was closed lately."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.dependencies import Now, Parts, PartsOf, ReadConn, SignedIn, may
from api.pages.alert_words import OUTCOME, SEVERITY, SEVERITY_COLOUR, STATE, who_has_it
from api.pages.home_state import kind_words
from api.pages.services import late_services
from api.permissions import Permission, audiences
from store.alert import Alert, AlertState, closed_alerts_of, open_alerts_of
from store.database import Conn
from store.oversight import services_seen
from store.response import responders_of
from store.staff import staff_of

router = APIRouter()

RECENTLY_CLOSED = 20
MaySeeAlerts = Annotated[SignedIn, Depends(may(Permission.SEE_TECHNICAL_ALERTS), scope="function")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One alert of the list, in words."""

    code: str
    what: str
    home_code: str
    severity: str
    severity_words: str
    severity_colour: str
    state: str
    state_words: str
    opened_at: datetime
    closed_at: datetime | None
    time_zone: str
    who: str
    outcome: str


@router.get("/")
def board(request: Request, staff: MaySeeAlerts, conn: ReadConn, parts: PartsOf, now: Now) -> Response:
    """The page."""
    return parts.pages.render(request, "board.html", staff=staff, **contents(conn, parts, staff, now=now))


@router.get("/board")
def board_list(request: Request, staff: MaySeeAlerts, conn: ReadConn, parts: PartsOf, now: Now) -> Response:
    """Only the list, for the script that keeps the page fresh."""
    return parts.pages.render(request, "board_list.html", staff=staff, **contents(conn, parts, staff, now=now))


def contents(conn: Conn, parts: Parts, staff: SignedIn, *, now: datetime) -> dict[str, Any]:
    """What both templates need."""
    names = actor_names(conn, staff.organisation_id)
    seen = audiences(staff.role)
    open_ones = sorted(
        (alert for alert in open_alerts_of(conn, staff.organisation_id) if alert.audience in seen), key=_place
    )
    closed = closed_alerts_of(conn, staff.organisation_id, limit=5 * RECENTLY_CLOSED)
    return {
        "now": now,
        "zone": common_zone(open_ones),
        "open_alerts": [line(alert, names) for alert in open_ones],
        "closed_alerts": [line(alert, names) for alert in closed if alert.audience in seen][:RECENTLY_CLOSED],
        "late": late_services(services_seen(conn), now=now, tolerance=parts.clock.stretch(timedelta(minutes=2))),
        "stopped": [who.name for who in responders_of(conn, staff.organisation_id) if who.stopped_at],
    }


def _place(alert: Alert) -> tuple[int, bool, datetime]:
    """The most urgent first, then those that nobody has, then the oldest."""
    return (-alert.severity.rank, alert.state in {AlertState.ACKNOWLEDGED, AlertState.ATTENDING}, alert.opened_at)


def common_zone(alerts: list[Alert]) -> str:
    """The zone of the page's own time: the homes' if they share one."""
    zones = {alert.time_zone for alert in alerts}
    return zones.pop() if len(zones) == 1 else "Europe/London"


def actor_names(conn: Conn, organisation_id: int) -> dict[str, str]:
    """What 'staff:7' and 'responder:3' are called, for this organisation only."""
    names = {f"staff:{staff.id}": staff.name for staff in staff_of(conn, organisation_id)}
    names.update({f"responder:{responder.id}": responder.name for responder in responders_of(conn, organisation_id)})
    return names


def line(alert: Alert, names: dict[str, str]) -> Line:
    """The alert in words."""
    return Line(
        code=alert.code,
        what=kind_words(alert.kind),
        home_code=alert.home_code,
        severity=alert.severity,
        severity_words=SEVERITY[alert.severity],
        severity_colour=SEVERITY_COLOUR[alert.severity],
        state=alert.state,
        state_words=STATE[alert.state],
        opened_at=alert.opened_at,
        closed_at=alert.closed_at,
        time_zone=alert.time_zone,
        who=who_has_it(alert, names),
        outcome=OUTCOME[alert.outcome] if alert.outcome else "",
    )

"""For IT: which services work, and what the database holds. No home and no person.

The figures are those of the reader's organisation; what belongs to no organisation is counted whole.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.dependencies import Now, PartsOf, ReadConn, SignedIn, may
from api.pages.services import PARTITIONED, late_services, unserved_words, worker_states
from api.permissions import Permission
from store.audit import Action, count_audit
from store.migrate import is_current
from store.oversight import services_seen
from store.overview import totals

router = APIRouter()

MaySeeStatus = Annotated[SignedIn, Depends(may(Permission.SEE_STATUS), scope="function")]


@router.get("/status")
def status(request: Request, staff: MaySeeStatus, conn: ReadConn, parts: PartsOf, now: Now) -> Response:
    """The page."""
    seen = services_seen(conn)
    found = totals(conn, now=now)
    day_ago = now - timedelta(days=1)
    figures = [
        ("Homes", found.homes),
        ("Hubs online", found.hubs_online),
        ("Sensors", found.sensors),
        ("Sensor events in the last hour", found.events_last_hour),
        ("Messages rejected in the last 24 hours", found.rejected_last_day),
        ("… of which of no known home", found.rejected_of_no_home),
        ("Findings that alerts have not looked at yet", found.deviations_undecided),
        ("Open alerts", found.open_alerts),
        ("Texts waiting to be sent or checked", found.notifications_waiting),
        ("Texts not delivered in the last 24 hours", found.notifications_failed_last_day),
        ("Replies not acted on yet", found.replies_waiting),
        ("Sign-ins refused in the last 24 hours", count_audit(conn, action=Action.SIGN_IN_REFUSED, since=day_ago)),
        ("Webhooks refused in the last 24 hours", count_audit(conn, action=Action.WEBHOOK_REFUSED, since=day_ago)),
        ("Database", f"PostgreSQL {found.database_version}, {found.database_bytes / 1e6:.0f} MB"),
        ("Schema", "up to date" if is_current(conn) else "older than this program: run telecare migrate"),
    ]
    tolerance = parts.clock.stretch(timedelta(minutes=2))
    figures += [
        (
            f"Partitions of homes without a worker of {service}",
            unserved_words(seen, service, now=now, tolerance=tolerance),
        )
        for service in PARTITIONED
    ]
    late = late_services(seen, now=now, tolerance=tolerance)
    return parts.pages.render(
        request,
        "status.html",
        staff=staff,
        now=now,
        seen=seen,
        late=late,
        states=worker_states(seen, now=now, tolerance=tolerance),
        figures=figures,
        speed=parts.clock.speed,
    )

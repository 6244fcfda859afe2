"""The equipment of one home: hub, sensors, sensors that are offered, and messages that could not be read."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.dependencies import HomeOf, Now, PartsOf, SignedIn, WriteConn, may
from api.pages.home_state import equipment_states, kind_words
from api.permissions import Permission
from store.fault import faults_between
from store.home import sensors_of
from store.overview import BATTERY_LOW_PERCENT, home_overviews, rejected_counts, sensor_offers

router = APIRouter()

LOOK_BACK = timedelta(days=7)  # faults and rejected messages
MaySeeEquipment = Annotated[SignedIn, Depends(may(Permission.SEE_EQUIPMENT), scope="function")]


@router.get("/homes/{code}/equipment")
def equipment(
    request: Request, staff: MaySeeEquipment, home: HomeOf, conn: WriteConn, parts: PartsOf, now: Now
) -> Response:
    """The page."""
    overview = home_overviews(conn, staff.organisation_id, now=now, code=home.code)[0]
    sensors = sensors_of(conn, home.id)
    faults = faults_between(conn, home.id, now - LOOK_BACK, now + timedelta(days=1))
    return parts.pages.render(
        request,
        "equipment.html",
        staff=staff,
        now=now,
        zone=home.time_zone,
        home=home,
        overview=overview,
        states=equipment_states(overview, now=now),
        sensors=sensors,
        sensor_names={sensor.id: sensor.name or sensor.code for sensor in sensors},
        battery_low=BATTERY_LOW_PERCENT,
        faults=[(kind_words(fault.kind), fault) for fault in reversed(faults)],
        offers=sensor_offers(conn, home.id),
        rejected=rejected_counts(conn, home.id, since=now - LOOK_BACK),
    )

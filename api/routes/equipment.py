"""The equipment of one home: hub, sensors, coverage, faults, sensors to be placed, messages that could not be read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api import equipment as words
from api.dependencies import HomeOf, Now, PartsOf, SignedIn, WriteConn, may
from api.equipment import LOOK_BACK, load_equipment
from api.pages.home_state import equipment_states, kind_words
from api.permissions import Permission
from store.equipment import Unplaced
from store.overview import SensorOffer, home_overviews, rejected_counts, sensor_offers

router = APIRouter()

MaySeeEquipment = Annotated[SignedIn, Depends(may(Permission.SEE_EQUIPMENT), scope="function")]


@router.get("/homes/{code}/equipment")
def equipment(
    request: Request, staff: MaySeeEquipment, home: HomeOf, conn: WriteConn, parts: PartsOf, now: Now
) -> Response:
    """The page."""
    overview = home_overviews(conn, staff.organisation_id, now=now, code=home.code)[0]
    found = load_equipment(conn, home, now=now)
    return parts.pages.render(
        request,
        "equipment.html",
        staff=staff,
        now=now,
        today=now.astimezone(ZoneInfo(home.time_zone)).date(),
        zone=home.time_zone,
        home=home,
        overview=overview,
        states=equipment_states(overview, now=now),
        found=found,
        sensor_names={sensor.id: sensor.name or sensor.code for sensor, _ in found.sensors},
        words=words,
        kind_words=kind_words,
        days=[words.weekday_words(day.day) for day in found.places[0].days],
        unplaced=_unplaced(found.unplaced, sensor_offers(conn, home.id)),
        rejected=rejected_counts(conn, home.id, since=now - LOOK_BACK),
    )


def _unplaced(found: Sequence[Unplaced], offers: Sequence[SensorOffer]) -> list[tuple[str, str, str, datetime]]:
    """Code, kind, model and since when, of what is offered and of what only reports; the kind may be unknown."""
    lines = {offer.code: (offer.code, offer.kind, offer.model, offer.offered_at) for offer in offers}
    for each in found:
        lines.setdefault(each.code, (each.code, "", each.model, each.since))
    return sorted(lines.values())

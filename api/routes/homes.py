"""The list of homes: each in one line, with its state in words."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.dependencies import Address, Now, PartsOf, SignedIn, WriteConn, may
from api.pages.home_state import State, StateWords, equipment_states, states
from api.pages.services import late_services
from api.permissions import Permission, allows, audiences
from store.audit import Action, note_audit
from store.oversight import services_seen
from store.overview import HomeOverview, home_overviews

router = APIRouter()

MaySeeHomes = Annotated[SignedIn, Depends(may(Permission.SEE_HOMES), scope="function")]


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeLine:
    """One home of the list, in words."""

    home: HomeOverview
    states: list[StateWords]
    names: str  # empty if this role may not see them

    @property
    def rank(self) -> tuple[int, int, str]:
        """The gravest first, then by code."""
        gravest = list(State).index(self.states[0].state) if self.states else len(State)
        return (-self.home.open_urgent_alerts, gravest, self.home.code)


@router.get("/homes")
def list_homes(
    request: Request, staff: MaySeeHomes, conn: WriteConn, parts: PartsOf, now: Now, address: Address
) -> Response:
    """The page. That somebody looked at all homes is one line of the audit."""
    note_audit(
        conn,
        Action.VIEWED_HOMES,
        now=now,
        organisation_id=staff.organisation_id,
        staff_id=staff.staff_id,
        address=address,
    )
    with_names = allows(staff.role, Permission.SEE_NAMES)
    words_of = states if allows(staff.role, Permission.SEE_CHARTS) else equipment_states
    lines = [
        HomeLine(home=home, states=words_of(home, now=now), names=", ".join(home.resident_names) if with_names else "")
        for home in home_overviews(conn, staff.organisation_id, now=now, audiences=audiences(staff.role))
    ]
    return parts.pages.render(
        request,
        "homes.html",
        staff=staff,
        now=now,
        lines=sorted(lines, key=lambda line: line.rank),
        with_names=with_names,
        late=late_services(services_seen(conn), now=now, tolerance=parts.clock.stretch(timedelta(minutes=2))),
    )

"""Messages that could not be taken: how many of each home and for which reason, and the last ones of one home.

What a message said is not shown: it may tell what a resident did, and what is wrong with it stands in words beside it.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from api.dependencies import HomeOf, Now, PartsOf, ReadConn, SignedIn, WriteConn, may
from api.pages.rejected_words import reason_words
from api.permissions import Permission
from store.rejected_message import count_rejected_of_no_home, rejected_by_home, rejected_of_home

router = APIRouter()

LOOK_BACK = timedelta(days=7)
SHOWN = 100  # of one home, the newest
MaySeeEquipment = Annotated[SignedIn, Depends(may(Permission.SEE_EQUIPMENT), scope="function")]


@router.get("/rejected")
def rejected(request: Request, staff: MaySeeEquipment, conn: ReadConn, parts: PartsOf, now: Now) -> Response:
    """Counts by home and reason, the most first."""
    counts = rejected_by_home(conn, staff.organisation_id, since=now - LOOK_BACK)
    return parts.pages.render(
        request,
        "rejected.html",
        staff=staff,
        now=now,
        counts=counts,
        of_no_home=count_rejected_of_no_home(conn, since=now - LOOK_BACK),
        reason_words=reason_words,
        days=LOOK_BACK.days,
    )


@router.get("/homes/{code}/rejected")
def rejected_messages(
    request: Request, staff: MaySeeEquipment, home: HomeOf, conn: WriteConn, parts: PartsOf, now: Now
) -> Response:
    """The home's last ones."""
    messages = rejected_of_home(conn, home.id, since=now - LOOK_BACK, limit=SHOWN)
    return parts.pages.render(
        request,
        "rejected_home.html",
        staff=staff,
        now=now,
        home=home,
        zone=home.time_zone,
        messages=[(each, each.topic.split("/", 3)[-1]) for each in messages],
        is_cut=len(messages) == SHOWN,
        shown=SHOWN,
        reason_words=reason_words,
        days=LOOK_BACK.days,
    )

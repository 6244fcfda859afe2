"""How a home is watched: its alert budget, its shadow, whether the routine has changed; and the rates of all homes."""

from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from api.dependencies import Address, HomeOf, Now, PartsOf, SignedIn, WriteConn, form_is_ours, may
from api.errors import Unreadable
from api.pages.watching_words import GOVERNOR, STAGE_SHORT, fleet_words, number
from api.permissions import Permission
from store.alert import by_staff
from store.alert_rate import alert_rates
from store.audit import Action, note_audit
from store.database import Conn
from store.governor import governor_days
from store.home import Home
from store.watching import BUDGETS, SHADOW_AT_MOST_DAYS, Stage, set_budget, set_new_normal, set_stage

router = APIRouter()

SHADOW_AT_MOST = timedelta(days=SHADOW_AT_MOST_DAYS)
CHANGED_AT_MOST = timedelta(days=60)  # ago; what was before is forgotten by half already
HISTORY_DAYS = 14
MaySeeCharts = Annotated[SignedIn, Depends(may(Permission.SEE_CHARTS), scope="function")]
MayChange = Annotated[SignedIn, Depends(may(Permission.CHANGE_WATCHING), scope="function")]
MaySay = Annotated[SignedIn, Depends(may(Permission.SAY_ROUTINE_CHANGED), scope="function")]


@router.get("/alert-rates")
def rates_page(
    request: Request, staff: MaySeeCharts, conn: WriteConn, parts: PartsOf, now: Now, address: Address
) -> Response:
    """Every home: what was promised and what came; and what the governor makes of it."""
    note_audit(
        conn,
        Action.VIEWED_ALERT_RATES,
        now=now,
        organisation_id=staff.organisation_id,
        staff_id=staff.staff_id,
        address=address,
    )
    rates = alert_rates(conn, staff.organisation_id, now=now)
    days = governor_days(conn, staff.organisation_id, limit=HISTORY_DAYS)
    over = sorted(rates, key=lambda rate: (-(rate.realised or 0.0) / rate.promised, rate.code))
    return parts.pages.render(
        request,
        "alert_rates.html",
        staff=staff,
        now=now,
        fleet=fleet_words(rates, days),
        rates=over,
        days=days,
        reasons=GOVERNOR,
        stages=STAGE_SHORT,
        number=number,
    )


@router.post("/homes/{code}/budget", dependencies=[Depends(form_is_ours)])
def change_budget(
    staff: MayChange, home: HomeOf, conn: WriteConn, now: Now, address: Address, budget: Annotated[str, Form()] = ""
) -> Response:
    """How many false alerts a month this home may cost."""
    chosen = next((each for each in BUDGETS if budget == str(each)), None)
    if chosen is None:
        raise Unreadable("Select one of the alert budgets that are offered. Go back and choose one.")
    set_budget(conn, home.id, chosen, by=by_staff(staff.staff_id), now=now)
    return _changed(conn, staff, home, "budget", f"budget {number(chosen)} a month", now=now, address=address)


@router.post("/homes/{code}/stage", dependencies=[Depends(form_is_ours)])
def change_stage(
    staff: MayChange,
    home: HomeOf,
    conn: WriteConn,
    now: Now,
    address: Address,
    stage: Annotated[str, Form()] = "",
    shadow_until: Annotated[str, Form()] = "",
) -> Response:
    """Whether people are told of what is found in this home."""
    if stage not in set(Stage):
        raise Unreadable("Select whether people are told. Go back and choose one.")
    until = None
    if stage == Stage.SHADOW:
        until = _midnight(shadow_until, home, "the day from which people are told")
        if not now < until <= now + SHADOW_AT_MOST:
            raise Unreadable(
                f"A shadow ends after today and within {SHADOW_AT_MOST.days} days. Go back and change the date."
            )
    set_stage(conn, home.id, Stage(stage), shadow_until=until, by=by_staff(staff.staff_id), now=now)
    words = stage if until is None else f"{stage} until {until:%Y-%m-%d}"
    return _changed(conn, staff, home, "stage", words, now=now, address=address)


@router.post("/homes/{code}/routine-changed", dependencies=[Depends(form_is_ours)])
def routine_changed(
    staff: MaySay, home: HomeOf, conn: WriteConn, now: Now, address: Address, since: Annotated[str, Form()] = ""
) -> Response:
    """ "The routine has changed": what was learned before that day counts for less."""
    begun = _midnight(since, home, "the day from which the routine is another one")
    if not now - CHANGED_AT_MOST <= begun <= now:
        raise Unreadable(f"The day is today or one of the last {CHANGED_AT_MOST.days}. Go back and change the date.")
    set_new_normal(conn, home.id, since=begun, by=by_staff(staff.staff_id), now=now)
    words = f"routine changed from {begun:%Y-%m-%d}"
    return _changed(conn, staff, home, "routine-changed", words, now=now, address=address)


def _midnight(text: str, home: Home, what: str) -> datetime:
    """The beginning of that day where the home is. Raises Unreadable."""
    try:
        return datetime.combine(date.fromisoformat(text.strip()), time(), ZoneInfo(home.time_zone))
    except ValueError:
        raise Unreadable(f"Enter {what} as a date, like 2026-03-27. Go back and try again.") from None


def _changed(
    conn: Conn, staff: SignedIn, home: Home, done: str, words: str, *, now: datetime, address: str
) -> RedirectResponse:
    note_audit(
        conn,
        Action.CHANGED_WATCHING,
        now=now,
        organisation_id=staff.organisation_id,
        staff_id=staff.staff_id,
        home_id=home.id,
        subject=words,
        address=address,
    )
    return RedirectResponse(f"/homes/{home.code}?done={done}#watching", status_code=HTTPStatus.SEE_OTHER)

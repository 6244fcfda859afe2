"""Homes for programs: state, findings, routine, coverage."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query

from api.dependencies import Address, HomeOf, Now, SignedIn, WriteConn, may
from api.errors import NotFound, Unreadable
from api.pages.home_state import equipment_states, states
from api.permissions import Permission, allows, audiences
from api.routes.homes import MaySeeHomes
from api.v1.schemas import (
    AlertRateAnswer,
    CoverageAnswer,
    Finding,
    HomeAnswer,
    PlaceCoverageAnswer,
    RoutineAnswer,
    StateAnswer,
    StretchAnswer,
    UsualAnswer,
)
from store.alert_rate import alert_rates
from store.audit import Action, note_audit
from store.coverage import Interval, share_covered
from store.coverage_day import home_coverage
from store.deviation import Deviation, deviations_between
from store.fault import Fault, faults_between
from store.finding import finding_json
from store.home import sensors_of
from store.overview import HomeOverview, home_overviews
from store.routine import routine_of

router = APIRouter(prefix="/homes", tags=["homes"])

SPAN = timedelta(days=28)  # how far back a question without `from` looks
SPAN_MAX = timedelta(days=400)
MaySeeCharts = Annotated[SignedIn, Depends(may(Permission.SEE_CHARTS), scope="function")]
From = Annotated[datetime | None, Query(alias="from", description="with an offset; default 28 days before `until`")]
Until = Annotated[datetime | None, Query(description="with an offset; default now")]


@router.get("")
def list_homes(staff: MaySeeHomes, conn: WriteConn, now: Now, address: Address) -> list[HomeAnswer]:
    """The organisation's homes by code."""
    note_audit(
        conn,
        Action.VIEWED_HOMES,
        now=now,
        organisation_id=staff.organisation_id,
        staff_id=staff.staff_id,
        address=address,
    )
    return [
        _answer(home, staff, now)
        for home in home_overviews(conn, staff.organisation_id, now=now, audiences=audiences(staff.role))
    ]


@router.get("/{code}")
def one_home(staff: MaySeeHomes, home: HomeOf, conn: WriteConn, now: Now) -> HomeAnswer:
    """One home with its state and last sign of life."""
    return _answer(
        home_overviews(conn, staff.organisation_id, now=now, code=home.code, audiences=audiences(staff.role))[0],
        staff,
        now,
    )


@router.get("/{code}/findings")
def findings(
    staff: MaySeeCharts, home: HomeOf, conn: WriteConn, now: Now, start: From = None, until: Until = None
) -> list[Finding]:
    """Deviations and faults that touch the span, in order of `raised_at`; each as `telecare replay` prints it."""
    start, until = _span(start, until, now=now)
    found: list[Deviation | Fault] = [
        *deviations_between(conn, home.id, start, until),
        *faults_between(conn, home.id, start, until),
    ]
    zone = ZoneInfo(home.time_zone)
    return [finding_json(finding, zone) for finding in sorted(found, key=lambda finding: finding.raised_at)]


@router.get("/{code}/routine")
def routine(staff: MaySeeCharts, home: HomeOf, conn: WriteConn) -> RoutineAnswer:
    """What is usual for the resident, as the detectors use it; 404 before anything was learned."""
    known = routine_of(conn, home.id)
    if known is None:
        raise NotFound("Nothing has been learned of this home yet.")
    return RoutineAnswer(
        as_of=known.as_of,
        learned_days=known.learned_days,
        warm_up_days=known.warm_up_days,
        next_check_at=known.next_check_at,
        usual=UsualAnswer(**asdict(known.usual)),
    )


@router.get("/{code}/alert-rate")
def alert_rate(staff: MaySeeCharts, home: HomeOf, conn: WriteConn, now: Now) -> AlertRateAnswer:
    """What was promised of false alerts about this resident, and what came."""
    rate = alert_rates(conn, staff.organisation_id, now=now, code=home.code)[0]
    return AlertRateAnswer(
        promised_a_month=rate.promised,
        realised_a_month=rate.realised,
        observed_days=rate.observed_days,
        genuine=rate.genuine,
        false_alarm=rate.false_alarm,
        expected=rate.expected,
        equipment=rate.equipment,
        unable_to_reach=rate.unable_to_reach,
        still_open=rate.still_open,
        held_in_shadow=rate.held_in_shadow,
        stage=rate.stage,
        told_from=rate.told_from,
    )


@router.get("/{code}/coverage")
def coverage(
    staff: MaySeeCharts, home: HomeOf, conn: WriteConn, now: Now, start: From = None, until: Until = None
) -> CoverageAnswer:
    """When a movement would have been recorded."""
    start, until = _span(start, until, now=now)
    found = home_coverage(conn, home, sensors_of(conn, home.id), start, until)
    return CoverageAnswer(
        start=start,
        until=until,
        installed_at=found.installed_at,
        share=share_covered(found.home, start, until),
        covered=_stretches(found.home),
        places=[
            PlaceCoverageAnswer(room=room, share=share_covered(covered, start, until), covered=_stretches(covered))
            for room, covered in found.places.items()
        ],
    )


def _stretches(covered: Sequence[Interval]) -> list[StretchAnswer]:
    return [StretchAnswer(start=begin, until=end) for begin, end in covered]


def _span(start: datetime | None, until: datetime | None, *, now: datetime) -> tuple[datetime, datetime]:
    until = until or now
    if until.tzinfo is None or (start is not None and start.tzinfo is None):
        raise Unreadable("Times need an offset, as in 2026-03-10T12:00:00Z.")
    start = start or until - SPAN
    if not timedelta() < until - start <= SPAN_MAX:
        raise Unreadable(f"`until` must be after `from`, by at most {SPAN_MAX.days} days.")
    return start, until


def _answer(home: HomeOverview, staff: SignedIn, now: datetime) -> HomeAnswer:
    sees_days = allows(staff.role, Permission.SEE_CHARTS)
    words_of = states if sees_days else equipment_states
    return HomeAnswer(
        code=home.code,
        time_zone=home.time_zone,
        states=[StateAnswer(state=words.state, detail=words.detail) for words in words_of(home, now=now)],
        last_activity_at=home.last_activity_at if sees_days else None,
        hub_last_heard_at=home.last_heard_at,
        backlog=home.backlog,
        learned_days=home.learned_days,
        warm_up_days=home.warm_up_days,
        open_alerts=home.open_alerts,
        sensors=home.sensors,
        batteries_low=home.batteries_low,
    )

"""A home's page with its 24-hour chart, the chart as data for our script, and as a picture for browsers without one."""

from dataclasses import dataclass
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from api.charts.choice import WEEKS, Choice, read_choice
from api.charts.civil import View
from api.charts.load import HomeChart, current_segment, is_covered_now, last_seen, load_chart
from api.charts.page import finding_lines, grades_key, key_of, table_of
from api.charts.patterns import DEFINITIONS
from api.charts.picture import PICTURE_WIDTH, chart_picture
from api.charts.sentences import equipment_words, last_movement, next_alert_words
from api.charts.spec import picture_height
from api.dependencies import HomeOf, Now, PartsOf, ReadConn, SignedIn, may
from api.pages.alert_words import SEVERITY, SEVERITY_COLOUR, STATE
from api.pages.home_state import kind_words, states
from api.pages.watching_words import DONE
from api.permissions import Permission, audiences
from api.watching import watching_shown
from store.alert import AlertState, alerts_of_home
from store.database import Conn
from store.deviation import DeviationKind
from store.fault import FaultKind
from store.home import Home
from store.overview import home_overviews

router = APIRouter()

MaySeeCharts = Annotated[SignedIn, Depends(may(Permission.SEE_CHARTS), scope="function")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The words of the address, not yet looked at."""

    weeks: str | None = None
    until: str | None = None
    view: str | None = None
    room: str | None = None


def asked_of(
    weeks: str | None = None, until: str | None = None, view: str | None = None, room: str | None = None
) -> Asked:
    """Taken as they come: what is wrong with them is said in plain words, by us."""
    return Asked(weeks=weeks, until=until, view=view, room=room)


AskedOf = Annotated[Asked, Depends(asked_of)]


def choice_of(home: HomeOf, asked: AskedOf, now: Now) -> Choice:
    """Which weeks. Raises Unreadable."""
    return read_choice(
        weeks=asked.weeks, until=asked.until, view=asked.view, room=asked.room, zone=ZoneInfo(home.time_zone), now=now
    )


ChoiceOf = Annotated[Choice, Depends(choice_of, scope="function")]


@router.get("/homes/{code}")
def home_page(
    request: Request,
    staff: MaySeeCharts,
    home: HomeOf,
    choice: ChoiceOf,
    conn: ReadConn,
    parts: PartsOf,
    now: Now,
    done: str = "",
) -> Response:
    """How the home is now, its weeks, and how it is watched."""
    chart = load_chart(conn, home, choice, now=now)
    shown = _state(conn, staff, home, chart) | _chart(chart)
    shown |= {"watched": watching_shown(conn, home, now=now), "done": DONE.get(done, "")}
    return parts.pages.render(request, "home_chart.html", staff=staff, home=home, now=now, **shown)


@router.get("/homes/{code}/chart.json")
def chart_json(_: MaySeeCharts, home: HomeOf, choice: ChoiceOf, conn: ReadConn, now: Now) -> JSONResponse:
    """The Vega-Lite specification with its data, for `chart.js`."""
    return JSONResponse(load_chart(conn, home, choice, now=now).spec())


@router.get("/homes/{code}/chart.svg")
def chart_svg(_: MaySeeCharts, home: HomeOf, choice: ChoiceOf, conn: ReadConn, now: Now) -> Response:
    """The same as a picture."""
    svg = chart_picture(load_chart(conn, home, choice, now=now).spec(width=PICTURE_WIDTH))
    return Response(svg, media_type="image/svg+xml")


def _state(conn: Conn, staff: SignedIn, home: Home, chart: HomeChart) -> dict[str, Any]:
    """The top of the page: how it is now."""
    now, zone = chart.now, home.time_zone
    overview = home_overviews(conn, home.organisation_id, now=now, code=home.code)[0]
    is_covered = is_covered_now(conn, home, now=now)
    failing = sum(kind in (FaultKind.SENSOR_SILENT, FaultKind.SENSOR_STUCK) for kind, _ in overview.faults)
    is_partly_blind = any(kind is DeviationKind.CANNOT_OBSERVE for kind, _, _ in overview.deviations)
    audience = audiences(staff.role)
    return {
        "states": states(overview, now=now),
        "resident_names": overview.resident_names if staff.may(Permission.SEE_NAMES) else (),
        "last_movement": last_movement(last_seen(chart), current_segment(chart), time_zone=zone, now=now),
        "equipment": equipment_words(
            sensors=overview.sensors,
            failing=max(failing, overview.sensors_unavailable),
            is_covered=is_covered,
            covered_until=overview.last_heard_at,
            time_zone=zone,
            now=now,
            is_partly_blind=is_partly_blind,
        ),
        "next_alert": next_alert_words(
            chart.routine, is_covered=is_covered and not is_partly_blind, time_zone=zone, now=now
        ),
        "open_alerts": [
            {
                "code": alert.code,
                "what": kind_words(alert.kind),
                "severity": SEVERITY[alert.severity],
                "colour": SEVERITY_COLOUR[alert.severity],
                "state": STATE[alert.state],
                "opened_at": alert.opened_at,
                "explanation": alert.explanation,
            }
            for alert in alerts_of_home(conn, home.id)
            if alert.state is not AlertState.CLOSED and alert.audience in audience
        ],
    }


def _chart(chart: HomeChart) -> dict[str, Any]:
    """Everything below: the chart, its key, the findings and the table."""
    return {
        "choice": chart.choice,
        "zone": chart.zone.key,
        "weeks_offered": WEEKS,
        "views": [(View.DAY, "Days, 00 to 24"), (View.NIGHT, "Nights, noon to noon")],
        "sentence": chart.sentence,
        "picture_size": (PICTURE_WIDTH, picture_height(chart.choice.weeks)),
        "patterns": DEFINITIONS,
        "key": key_of(chart),
        "has_usual": chart.routine is not None,
        "grades": grades_key(),
        "findings": finding_lines(chart),
        "table": table_of(chart),
    }

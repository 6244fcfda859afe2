"""What the home page shows of how the home is watched: reads it and puts it into words."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from api.pages.watching_words import (
    BUDGET,
    STAGE,
    outcome_words,
    promise_words,
    realised_words,
    since_words,
    stage_words,
)
from api.routes.board import actor_names
from store.alert_rate import AlertRate, alert_rates
from store.database import Conn
from store.home import Home
from store.watching import Stage, Watching, watching_of


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchingShown:
    """For the template."""

    watching: Watching
    stage: Stage  # now
    rate: AlertRate
    promise: str
    outcomes: str
    realised: str
    stage_words: str
    budget_since: str
    stage_since: str
    new_normal: str
    budgets: list[tuple[float, str]]  # what is chosen now is among them, even if no page offers it any more
    stages: list[tuple[Stage, str]]
    today: date  # where the home is


def watching_shown(conn: Conn, home: Home, *, now: datetime) -> WatchingShown:
    """Of this home."""
    watching = watching_of(conn, home.id)
    rate = alert_rates(conn, home.organisation_id, now=now, code=home.code)[0]
    names, zone = actor_names(conn, home.organisation_id), home.time_zone
    here = ZoneInfo(zone)
    budgets = BUDGET | {watching.false_alerts_a_month: BUDGET.get(watching.false_alerts_a_month, "as it is now")}
    new_normal = ""
    if watching.new_normal_from is not None:
        said = since_words(watching.new_normal_by, watching.new_normal_at, names, zone=zone, now=now)
        since = watching.new_normal_from.astimezone(here)
        new_normal = f"Changed from {since.day} {since:%B %Y} on. {said}"
    return WatchingShown(
        watching=watching,
        stage=watching.stage_at_time(now),
        rate=rate,
        promise=promise_words(rate),
        outcomes=outcome_words(rate),
        realised=realised_words(rate),
        stage_words=stage_words(watching, zone=zone, now=now),
        budget_since=since_words(watching.budget_by, watching.budget_at, names, zone=zone, now=now),
        stage_since=since_words(watching.stage_by, watching.stage_at, names, zone=zone, now=now),
        new_normal=new_normal,
        budgets=sorted(budgets.items()),
        stages=list(STAGE.items()),
        today=now.astimezone(here).date(),
    )

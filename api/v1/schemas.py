"""What goes over the JSON API. Times carry an offset; the nouns of `store` stay inside."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from store.alert import AlertState, Event, How, Outcome, Severity
from store.staff import Role
from store.watching import Stage


class Schema(BaseModel):
    """Unknown fields are refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid")


Finding = dict[str, Any]  # `store.finding.finding_json`: the same object as `telecare replay` prints
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]  # PostgreSQL's text holds no NUL


class SignInBody(Schema):
    """E-mail address and password."""

    email: Text = Field(min_length=1, max_length=254)
    password: Text = Field(min_length=1, max_length=1000)


class TokenAnswer(Schema):
    """A bearer token; keep it as secret as the password."""

    token: str
    expires_at: datetime


class SessionAnswer(Schema):
    """Who is signed in. `csrf_token` goes into X-CSRF-Token when the session cookie is used."""

    name: str
    role: Role
    csrf_token: str


class NoteBody(Schema):
    """Why, in a few words; no names."""

    note: Text = Field(default="", max_length=500)


class CloseBody(NoteBody):
    """What it was."""

    outcome: Outcome
    is_usual: bool = Field(
        default=False, description="with false_alarm: usual for this resident, the model may learn it"
    )
    away_until: datetime | None = Field(default=None, description="with expected: the resident is away until then")


class HistoryAnswer(Schema):
    """One thing that happened to an alert."""

    at: datetime
    actor: str = Field(examples=["service", "staff:7", "responder:3"])
    how: How
    event: Event
    reason: str


class AlertAnswer(Schema):
    """An alert."""

    code: str
    home: str
    kind: str
    audience: str
    severity: Severity
    state: AlertState
    explanation: str
    opened_at: datetime
    notified_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    attended_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    outcome: Outcome | None


class NotificationAnswer(Schema):
    """One attempt to reach one responder; without the number and the text."""

    responder: str
    purpose: str
    channel: str
    state: str
    created_at: datetime
    accepted_at: datetime | None
    delivered_at: datetime | None
    error_code: int | None


class AlertDetailAnswer(AlertAnswer):
    """An alert with its history and messages."""

    history: list[HistoryAnswer]
    notifications: list[NotificationAnswer]


class StateAnswer(Schema):
    """One thing that holds of a home now."""

    state: str
    detail: str


class HomeAnswer(Schema):
    """A home; never a name."""

    code: str
    time_zone: str
    states: list[StateAnswer]
    last_activity_at: datetime | None
    hub_last_heard_at: datetime | None
    backlog: int | None
    learned_days: float | None
    warm_up_days: float | None
    open_alerts: int
    sensors: int
    batteries_low: int


class AlertRateAnswer(Schema):
    """Alerts about the resident in the last 90 days by outcome, against what was promised. Alerts about the temperature
    or coverage are left out: no budget is for them."""

    promised_a_month: float
    realised_a_month: float | None = Field(description="not confirmed, a month; null before 14 days were observed")
    observed_days: float
    genuine: int
    false_alarm: int
    expected: int
    equipment: int
    unable_to_reach: int
    still_open: int
    held_in_shadow: int
    stage: Stage
    told_from: datetime | None


class UsualAnswer(Schema):
    """What is usual, per quarter hour of the civil day."""

    active_share: list[float]
    usual_quiet_minutes: list[float]
    room_share: dict[str, list[float]]
    up_by: dict[str, list[str]]


class RoutineAnswer(Schema):
    """The routine the detectors use."""

    as_of: datetime
    learned_days: float
    warm_up_days: float
    next_check_at: datetime | None
    usual: UsualAnswer


class StretchAnswer(Schema):
    """A stretch of time."""

    start: datetime = Field(serialization_alias="from")
    until: datetime


class PlaceCoverageAnswer(Schema):
    """The same of one room: it can be darker than the home, never brighter."""

    room: str
    share: float = Field(ge=0, le=1)
    covered: list[StretchAnswer]


class CoverageAnswer(Schema):
    """When a movement would have been recorded; the rest could not be observed."""

    start: datetime = Field(serialization_alias="from")
    until: datetime
    installed_at: datetime | None = Field(description="the home's first message; before it there was nothing to cover")
    share: float = Field(ge=0, le=1)
    covered: list[StretchAnswer]
    places: list[PlaceCoverageAnswer]


class ForecastAnswer(Schema):
    """When a battery will be empty: in nine of ten cases between `earliest` and `latest` (null: not within a year)."""

    empty_on: date
    earliest: date
    latest: date | None
    points_per_day: float
    rests_on_days: int


class PartAnswer(Schema):
    """What the hub or a sensor says of itself. `signal` is in dBm for a hub, 0 to 255 for a sensor."""

    battery_percent: int | None
    battery_forecast: ForecastAnswer | None
    signal: int | None
    weak_hours: list[int] = Field(description="civil hours of the last week in which the link was weak most often")


class HubAnswer(PartAnswer):
    """The hub."""

    last_heard_at: datetime | None
    clock: str = Field(examples=["right", "corrected", "wrong", "unknown"])
    clock_skew_seconds: float | None = Field(description="ours less the hub's: a slow clock is positive")


class SensorAnswer(PartAnswer):
    """A sensor; nothing of what it saw."""

    id: str
    kind: str
    room: str
    is_essential: bool
    is_available: bool | None
    last_heard_at: datetime | None


class DayShareAnswer(Schema):
    """How much of a civil day a place could be observed; null before the home was installed."""

    day: date
    share: float | None


class PlaceDaysAnswer(Schema):
    """A room, or the whole home (null), over the last days."""

    room: str | None
    days: list[DayShareAnswer]


class UnplacedAnswer(Schema):
    """A sensor that nobody has placed."""

    id: str
    model: str
    since: datetime


class EquipmentAnswer(Schema):
    """The equipment of a home."""

    hub: HubAnswer
    sensors: list[SensorAnswer]
    coverage: list[PlaceDaysAnswer]
    unplaced: list[UnplacedAnswer]
    faults: list[Finding] = Field(description="of the last 7 days, the latest first; as `telecare replay` prints them")

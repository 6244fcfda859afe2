"""The equipment of one home as the page and the JSON API show it: read, put together, and put into words.

Forecasts and faults were worked out by `anomaly`; nothing is judged here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from api.pages.words import DAYS, MONTHS, duration
from store.coverage import Interval, share_covered, without
from store.coverage_day import WHOLE_HOME, Coverage, home_coverage
from store.database import Conn
from store.equipment import (
    HUB_ITSELF,
    BatteryForecast,
    EquipmentDay,
    HubCondition,
    Unplaced,
    battery_forecasts,
    equipment_days,
    hub_condition,
    unplaced_sensors,
    worst_hours,
)
from store.fault import Fault, FaultKind, faults_between
from store.home import Home, Sensor, sensors_of
from store.hub import HubClock, hub_clocks
from store.overview import BATTERY_LOW_PERCENT

LOOK_BACK = timedelta(days=7)  # faults, links, coverage
COVERAGE_DAYS = 7  # civil, with today
_MONTHS_FROM = 70  # days from which a forecast is told in months, and from 14 in weeks


class ClockState(StrEnum):
    """What is known of the hub's clock."""

    RIGHT = "right"
    CORRECTED = "corrected"  # it is off, and times are corrected on arrival
    WRONG = "wrong"  # an open fault says so
    UNKNOWN = "unknown"  # its protocol does not tell


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCondition:
    """What a sensor, or the hub, says of itself. The hub's link is in dBm, a sensor's 0 to 255."""

    battery_percent: int | None
    forecast: BatteryForecast | None
    signal: int | None
    worst_hours: list[int]  # civil, of the last days; empty: never weak

    @property
    def is_battery_low(self) -> bool:
        """Low enough to be told apart."""
        return self.battery_percent is not None and self.battery_percent <= BATTERY_LOW_PERCENT


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCoverage:
    """How much of a civil day a place could be observed."""

    day: date
    share: float | None  # None: the home was not installed yet
    dark: list[tuple[float, float]]  # stretches that could not, as shares of the day


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceCoverage:
    """A place over the last days, oldest first."""

    room: str  # `WHOLE_HOME` for all of it
    days: list[DayCoverage]


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """All of it."""

    hub: PartCondition
    clock: ClockState
    clock_skew: timedelta | None  # ours less the hub's
    sensors: list[tuple[Sensor, PartCondition]]
    places: list[PlaceCoverage]
    unplaced: list[Unplaced]
    faults: list[Fault]  # of the last days, the latest first


def load_equipment(conn: Conn, home: Home, *, now: datetime) -> Equipment:
    """Everything about the equipment of this home."""
    zone = ZoneInfo(home.time_zone)
    today = now.astimezone(zone).date()
    sensors, hub = sensors_of(conn, home.id), hub_condition(conn, home.id)
    days = equipment_days(conn, home.id, today - LOOK_BACK)
    forecasts = battery_forecasts(conn, home.id)
    faults = faults_between(conn, home.id, now - LOOK_BACK, now + timedelta(days=1))
    clock, skew = _clock(hub, hub_clocks(conn, home.id), faults)
    edges = [_midnight(today - timedelta(days=ago), zone) for ago in range(COVERAGE_DAYS - 1, -2, -1)]
    return Equipment(
        hub=_part(HUB_ITSELF, hub.battery_percent, hub.signal_dbm, days, forecasts),
        clock=clock,
        clock_skew=skew,
        sensors=[(s, _part(s.id, s.battery_percent, s.signal_quality, days, forecasts)) for s in sensors],
        places=place_days(home_coverage(conn, home, sensors, edges[0], now), edges, zone),
        unplaced=unplaced_sensors(conn, home.id, now=now, within=timedelta(days=1)),
        faults=faults[::-1],
    )


def place_days(coverage: Coverage, edges: Sequence[datetime], zone: ZoneInfo) -> list[PlaceCoverage]:
    """The home and its places, day by day; `edges` are the civil midnights, one more than days."""
    edges = [edge.astimezone(UTC) for edge in edges]  # in one zone Python subtracts what clocks show, not time
    by_room: dict[str, list[Interval]] = {WHOLE_HOME: coverage.home, **coverage.places}
    return [
        PlaceCoverage(
            room=room,
            days=[_day(covered, coverage, start, end, zone) for start, end in pairwise(edges) if start < coverage.end],
        )
        for room, covered in by_room.items()
    ]


def _day(
    covered: Sequence[Interval], coverage: Coverage, start: datetime, end: datetime, zone: ZoneInfo
) -> DayCoverage:
    day = start.astimezone(zone).date()
    installed_at, now = (coverage.installed_at or coverage.end).astimezone(UTC), coverage.end.astimezone(UTC)
    since, until = max(start, installed_at), min(end, now)
    if since >= until:
        return DayCoverage(day=day, share=None, dark=[])
    length = end - start
    dark = [((a - start) / length, (b - start) / length) for a, b in without([(since, until)], covered)]
    return DayCoverage(day=day, share=share_covered(covered, since, until), dark=dark)


def _part(
    sensor_id: int,
    battery: int | None,
    signal: int | None,
    days: Sequence[EquipmentDay],
    forecasts: Mapping[int, BatteryForecast],
) -> PartCondition:
    return PartCondition(
        battery_percent=battery,
        forecast=forecasts.get(sensor_id),
        signal=signal,
        worst_hours=worst_hours(day for day in days if day.sensor_id == sensor_id),
    )


def _clock(
    hub: HubCondition, clocks: Sequence[HubClock], faults: Sequence[Fault]
) -> tuple[ClockState, timedelta | None]:
    if hub.dialect != "native":
        return ClockState.UNKNOWN, None
    is_wrong = any(fault.kind is FaultKind.CLOCK_WRONG and fault.ended_at is None for fault in faults)
    newest = clocks[0] if clocks else None
    skew = newest.skew if newest is not None and newest.measured_at is not None and newest.skew else None
    if is_wrong:
        return ClockState.WRONG, skew
    return (ClockState.RIGHT, None) if skew is None else (ClockState.CORRECTED, skew)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)


# In words -------------------------------------------------------------------------------------------


def forecast_words(found: BatteryForecast, *, today: date) -> str:
    """'empty in about 3 weeks (12 Mar to 2 Apr)'."""
    left = (found.empty_on - today).days
    if left < 1:
        about = "may be empty today"
    elif left < 14:
        about = f"empty in about {left} {'day' if left == 1 else 'days'}"
    elif left < _MONTHS_FROM:
        about = f"empty in about {round(left / 7)} weeks"
    else:
        about = f"empty in about {round(left / 30.4)} months"
    if found.latest is None:
        return f"{about} ({day_words(found.earliest)} at the earliest)"
    return f"{about} ({day_words(found.earliest)} to {day_words(found.latest)})"


def hours_words(hours: Sequence[int]) -> str:
    """'19:00, 20:00 and 03:00'."""
    named = [f"{hour:02d}:00" for hour in hours]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def clock_words(state: ClockState, skew: timedelta | None) -> str:
    """What the hub's clock is worth."""
    if state is ClockState.UNKNOWN:
        return "not known: this protocol does not tell"
    off = ""
    if skew is not None:
        off = f"{duration(abs(skew))} {'slow' if skew > timedelta(0) else 'fast'}"
    if state is ClockState.RIGHT:
        return "agrees with ours"
    if state is ClockState.CORRECTED:
        return f"{off}; times are corrected on arrival"
    return f"wrong: {off}" if off else "wrong"


def share_words(share: float | None) -> str:
    """'97 %'; all and nothing only if it was."""
    if share is None:
        return "not installed yet"
    percent = round(100 * share)
    if percent == 100 and share < 1:
        return "over 99 %"
    return "under 1 %" if percent == 0 and share > 0 else f"{percent} %"


def day_words(day: date) -> str:
    """'12 Mar'."""
    return f"{day.day} {MONTHS[day.month - 1]}"


def weekday_words(day: date) -> str:
    """'Tue 10 Mar'."""
    return f"{DAYS[day.weekday()]} {day_words(day)}"

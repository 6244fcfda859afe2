"""Looks at what the equipment of one home says of itself: notes the day, decides, writes what has changed.

What is on the hub's and sensors' rows is looked at every time; what needs the weeks (forecasts, links, coverage of past
days) only four times an hour, because it does not change faster and there may be many homes.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from anomaly.battery import KEPT_DAYS
from anomaly.equipment import Condition, equipment_faults, forecasts_of
from store.coverage_day import derive_coverage
from store.database import Conn
from store.equipment import (
    HUB_ITSELF,
    WEAK_HUB_DBM,
    WEAK_LINK_QUALITY,
    BatteryForecast,
    EquipmentDay,
    HubCondition,
    Unplaced,
    equipment_days,
    forget_equipment_days,
    hub_condition,
    newest_boot,
    note_equipment_day,
    save_battery_forecasts,
    unplaced_sensors,
    weak_hour,
)
from store.fault import open_faults, retell_fault, save_fault
from store.home import Home, Sensor, sensors_of
from store.hub import HubClock, hub_clocks

_EVERY = timedelta(minutes=15)
_UNPLACED_WITHIN = timedelta(hours=24)
_HEARD_WITHIN = timedelta(minutes=30)  # what was said longer ago is no sample of now


class EquipmentWatch:
    """The equipment of one home."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._looked_at: datetime | None = None
        self._days: list[EquipmentDay] = []
        self._forecasts: dict[int, BatteryForecast] = {}
        self._unplaced: list[Unplaced] = []

    def look(self, conn: Conn, *, now: datetime) -> bool:
        """True if there is a new fault, or a worse or ended one."""
        sensors, hub = sensors_of(conn, self._home.id), hub_condition(conn, self._home.id)
        if self._looked_at is None or not timedelta(0) <= now - self._looked_at < _EVERY:
            self._looked_at = now
            self._note(conn, sensors, hub, now=now)
            if not hub.backlog:  # else more of those days is on its way
                derive_coverage(conn, self._home, sensors, now=now)
        condition = Condition(
            sensors=sensors,
            hub_battery_percent=hub.battery_percent,
            days=self._days,
            forecasts=self._forecasts,
            clock=_clock_now(conn, self._home.id),
            unplaced=self._unplaced,
        )
        changed = False
        for fault in equipment_faults(self._home, condition, open_faults(conn, self._home.id), now=now):
            is_news = save_fault(conn, fault)
            if not is_news:
                retell_fault(conn, fault)
            changed |= is_news
        return changed

    def _note(self, conn: Conn, sensors: Sequence[Sensor], hub: HubCondition, *, now: datetime) -> None:
        civil = now.astimezone(ZoneInfo(self._home.time_zone))
        midnight = civil.replace(hour=0, minute=0, second=0, microsecond=0)
        said = [
            (HUB_ITSELF, hub.last_heard_at, hub.battery_percent, hub.signal_dbm, WEAK_HUB_DBM),
            *((s.id, s.last_heard_at, s.battery_percent, s.signal_quality, WEAK_LINK_QUALITY) for s in sensors),
        ]
        today = []
        for part, heard_at, battery, strength, weak_below in said:
            if heard_at is None or heard_at < midnight or (battery is None and strength is None):
                continue
            sample = strength if now - heard_at < _HEARD_WITHIN else None
            weak = weak_hour(heard_at.astimezone(civil.tzinfo), sample, weak_below=weak_below)
            today.append(EquipmentDay(sensor_id=part, day=civil.date(), battery_percent=battery, weak_signal=weak))
        if today:
            note_equipment_day(conn, self._home.id, today)
        oldest = civil.date() - timedelta(days=KEPT_DAYS)
        forget_equipment_days(conn, self._home.id, oldest)
        self._days = equipment_days(conn, self._home.id, oldest)
        self._forecasts = forecasts_of(self._days, today=civil.date())
        save_battery_forecasts(conn, self._home.id, list(self._forecasts.values()))
        self._unplaced = unplaced_sensors(conn, self._home.id, now=now, within=_UNPLACED_WITHIN)


def _clock_now(conn: Conn, home_id: int) -> HubClock | None:
    """The clock of the hub as it runs now; what was wrong before its last start is over."""
    clocks = hub_clocks(conn, home_id)
    if not clocks:
        return None
    boot = newest_boot(conn, home_id)
    return next((clock for clock in clocks if boot is None or clock.boot in (boot, "")), None)

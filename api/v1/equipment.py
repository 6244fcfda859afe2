"""The equipment of a home for programs: what the page shows, in the same words and numbers."""

from dataclasses import asdict
from zoneinfo import ZoneInfo

from fastapi import APIRouter

from api.dependencies import HomeOf, Now, WriteConn
from api.equipment import PartCondition, load_equipment
from api.routes.equipment import MaySeeEquipment
from api.v1.schemas import (
    DayShareAnswer,
    EquipmentAnswer,
    ForecastAnswer,
    HubAnswer,
    PlaceDaysAnswer,
    SensorAnswer,
    UnplacedAnswer,
)
from store.equipment import hub_condition
from store.finding import finding_json

router = APIRouter(prefix="/homes", tags=["homes"])


@router.get("/{code}/equipment")
def equipment(staff: MaySeeEquipment, home: HomeOf, conn: WriteConn, now: Now) -> EquipmentAnswer:
    """Batteries with their forecasts, links, the hub's clock, coverage by place, faults, sensors to be placed."""
    found = load_equipment(conn, home, now=now)
    zone = ZoneInfo(home.time_zone)
    return EquipmentAnswer(
        hub=HubAnswer(
            battery_percent=found.hub.battery_percent,
            battery_forecast=_forecast(found.hub),
            signal=found.hub.signal,
            weak_hours=found.hub.worst_hours,
            last_heard_at=hub_condition(conn, home.id).last_heard_at,
            clock=found.clock,
            clock_skew_seconds=None if found.clock_skew is None else found.clock_skew.total_seconds(),
        ),
        sensors=[
            SensorAnswer(
                battery_percent=part.battery_percent,
                battery_forecast=_forecast(part),
                signal=part.signal,
                weak_hours=part.worst_hours,
                id=sensor.code,
                kind=sensor.kind,
                room=sensor.room,
                is_essential=sensor.is_essential,
                is_available=sensor.is_available,
                last_heard_at=sensor.last_heard_at,
            )
            for sensor, part in found.sensors
        ],
        coverage=[
            PlaceDaysAnswer(
                room=place.room or None, days=[DayShareAnswer(day=day.day, share=day.share) for day in place.days]
            )
            for place in found.places
        ],
        unplaced=[UnplacedAnswer(id=each.code, model=each.model, since=each.since) for each in found.unplaced],
        faults=[finding_json(fault, zone) for fault in found.faults],
    )


def _forecast(part: PartCondition) -> ForecastAnswer | None:
    if part.forecast is None:
        return None
    told = asdict(part.forecast)
    del told["sensor_id"]
    return ForecastAnswer(**told)

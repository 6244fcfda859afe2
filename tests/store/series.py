"""Homes and numbered rows as ingest would have stored them, for tests of the time series."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from store.database import Conn
from store.home import Home, Sensor, SensorKind, add_home, add_organisation, add_sensor
from store.hub import HubCheckIn, HubState, insert_check_ins
from store.intake import save_numbers
from store.intake_open import lock_homes
from store.sensor_event import SensorEvent, insert_events


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a home says; without a sensor it is a check-in."""

    at: datetime
    value: float = 1.0
    sensor: int | None = 0  # index


@dataclass(slots=True)
class SeriesHome:
    """A home and its sensors: a motion sensor, a door, a thermometer."""

    home: Home
    sensors: list[Sensor]
    number: int = 0

    def store(self, conn: Conn, said: Sequence[Said], *, received_at: datetime) -> list[SensorEvent | HubCheckIn]:
        """One batch in one transaction, as ingest does it."""
        rows: list[SensorEvent | HubCheckIn] = []
        with conn.transaction():
            number = lock_homes(conn, {self.home.code: 0})[self.home.code].last_number
            for one in said:
                number += 1
                if one.sensor is None:
                    rows.append(
                        HubCheckIn(
                            home_id=self.home.id, occurred_at=one.at, received_at=received_at, number=number,
                            state=HubState.CHECKIN, backlog=0,
                        )
                    )  # fmt: skip
                else:
                    rows.append(
                        SensorEvent(
                            home_id=self.home.id, sensor_id=self.sensors[one.sensor].id, occurred_at=one.at,
                            received_at=received_at, number=number, value=one.value,
                        )
                    )  # fmt: skip
            insert_events(conn, [row for row in rows if isinstance(row, SensorEvent)])
            insert_check_ins(conn, [row for row in rows if isinstance(row, HubCheckIn)])
            save_numbers(conn, {self.home.id: number})
        self.number = number
        return rows


def new_home(conn: Conn, *, now: datetime, time_zone: str = "Europe/London") -> SeriesHome:
    """A home of its own for one test."""
    with conn.transaction():
        organisation = add_organisation(conn, f"Series {uuid4().hex[:8]}", now=now)
        home = add_home(
            conn, organisation_id=organisation, code=f"S{uuid4().hex[:10]}", time_zone=time_zone,
            check_in_interval=timedelta(minutes=5), residents=1, dialect="native", now=now,
        )  # fmt: skip
        kinds = {"M001": SensorKind.MOTION, "D001": SensorKind.DOOR, "T001": SensorKind.TEMPERATURE}
        sensors = [add_sensor(conn, home.id, code=code, kind=kind, room="hall") for code, kind in kinds.items()]
    return SeriesHome(home, sensors)

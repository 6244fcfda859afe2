"""What an event costs on disk once its day is packed: of simulated residents, as their hubs would have told it.

Run as a program it measures a month and prints the figures of the README:
`python -m tests.store.timescale.test_disk 28`.
"""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from simulators.fleet import default_fleet
from simulators.world import persona_source
from store.database import Conn
from store.home import add_home, add_organisation, add_sensor
from store.hub import HubCheckIn, HubState, insert_check_ins
from store.intake import save_numbers
from store.migrate import migrate
from store.retention import KeepSettings
from store.sensor_event import SensorEvent, insert_events
from tests.store.timescale.conftest import connected, running_server
from tests.store.timescale.test_statements import pack

BEGIN = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MOST_BYTES = 100  # an event; issue 3


def measure(conn: Conn, *, days: int, homes: int) -> dict[str, float]:
    """Bytes an event before and after packing, of everything that grows with events, divided by their number."""
    events = check_ins = 0
    for number in range(homes):
        stored = _live(conn, number, days=days)
        events, check_ins = events + stored[0], check_ins + stored[1]
    before = _bytes(conn)
    pack(conn, before=BEGIN + (days + 2) * DAY)
    conn.execute(
        "CALL refresh_continuous_aggregate('sensor_quarter_kept', NULL, %(end)s::timestamptz)",
        {"end": BEGIN + (days + 2) * DAY},
    )
    conn.execute("SELECT compress_chunk(chunk) FROM show_chunks('sensor_quarter_kept') AS chunk").fetchall()
    after = _bytes(conn)
    return {
        "homes": homes,
        "days": days,
        "events": events,
        "check_ins": check_ins,
        "bytes_an_event_unpacked": round(before["sensor_event"] / events, 1),
        "bytes_an_event": round(after["sensor_event"] / events, 1),
        "bytes_a_check_in": round(after["hub_check_in"] / check_ins, 1),
        "bytes_of_figures_an_event": round(after["sensor_quarter_kept"] / events, 1),
        "bytes_of_all_an_event": round(sum(after.values()) / events, 1),
    }


def _live(conn: Conn, number: int, *, days: int) -> tuple[int, int]:
    fleet = default_fleet(BEGIN).homes
    pretend = fleet[number % len(fleet)]
    pretend = replace(pretend, seed=pretend.seed + 1_000 * number, incidents=())
    end = BEGIN + days * DAY
    with conn.transaction():
        home = add_home(
            conn, organisation_id=add_organisation(conn, "Disk", now=BEGIN), code=f"D{number}",
            time_zone="Europe/London", check_in_interval=timedelta(minutes=5), residents=1, dialect="native", now=BEGIN,
        )  # fmt: skip
        ids = {
            sensor.id: add_sensor(conn, home.id, code=sensor.id, kind=sensor.kind, room=sensor.room).id
            for sensor in pretend.file.sensors
        }
        told: list[tuple[datetime, str | None, float]] = []
        for reading in persona_source(pretend)(BEGIN.timestamp()):
            if reading.at >= end.timestamp():
                break
            told.append((datetime.fromtimestamp(reading.at, UTC), reading.sensor, float(reading.value)))
        told += [(BEGIN + step * timedelta(minutes=5), None, 0.0) for step in range(days * 288)]
        told.sort(key=lambda one: one[0])
        events: list[SensorEvent] = []
        check_ins: list[HubCheckIn] = []
        for count, (at, sensor, value) in enumerate(told, start=1):
            received = at + timedelta(milliseconds=150 + 37 * (count % 11))
            if sensor is None:
                check_ins.append(
                    HubCheckIn(
                        home_id=home.id, occurred_at=at, received_at=received, number=count, state=HubState.CHECKIN,
                        backlog=0, sent_at=at,
                    )
                )  # fmt: skip
            else:
                events.append(
                    SensorEvent(
                        home_id=home.id, sensor_id=ids[sensor], occurred_at=at, received_at=received, number=count,
                        value=value,
                    )
                )  # fmt: skip
        insert_events(conn, events)
        insert_check_ins(conn, check_ins)
        save_numbers(conn, {home.id: len(told)})
    return len(events), len(check_ins)


def _bytes(conn: Conn) -> dict[str, int]:
    return {
        name: int(size or 0)
        for name, size in conn.execute(
            """
            SELECT 'sensor_event', hypertable_size('sensor_event')
             UNION ALL SELECT 'hub_check_in', hypertable_size('hub_check_in')
             UNION ALL SELECT 'sensor_quarter_kept',
                   (SELECT hypertable_size(format('%I.%I', materialization_hypertable_schema,
                                                  materialization_hypertable_name)::regclass)
                      FROM timescaledb_information.continuous_aggregates WHERE view_name = 'sensor_quarter_kept')
             UNION ALL SELECT 'intake_day', pg_total_relation_size('intake_day')
            """
        ).fetchall()
    }


def test_an_event_takes_less_than_a_hundred_bytes_once_its_day_is_packed() -> None:
    with running_server() as settings, connected(settings) as conn:
        conn.execute("CREATE EXTENSION timescaledb")
        migrate(conn, KeepSettings())
        figures = measure(conn, days=3, homes=10)
    assert figures["events"] > 5_000, "too little to say anything"
    # With ten homes a chunk's own pages weigh most; with more homes it only becomes less.
    assert figures["bytes_an_event"] <= MOST_BYTES, figures
    assert figures["bytes_an_event"] < figures["bytes_an_event_unpacked"] / 1.5, figures


if __name__ == "__main__":
    with running_server() as settings, connected(settings) as conn:
        conn.execute("CREATE EXTENSION timescaledb")
        migrate(conn, KeepSettings())
        print(json.dumps(measure(conn, days=int(sys.argv[1]), homes=int(sys.argv[2]))))

"""Real homes, with stuck mats, chattering mats and sensors nobody placed. Skipped where the recordings are not."""

import os
from datetime import UTC, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from api.charts.civil import View, rows_until
from api.charts.figures import day_figures
from api.charts.marks import chart_marks
from api.charts.picture import PICTURE_WIDTH, chart_picture
from api.charts.places import Place
from api.charts.spec import chart_spec
from api.charts.timeline import LEAD_IN, Segment, build_timeline
from store.home import Sensor
from store.hub import HubState
from store.recording import read_home_file, read_recording
from store.sensor_event import SensorEvent

FOLDER = Path(os.environ.get("TELECARE_RECORDINGS", Path(__file__).parents[3] / "shared" / "data" / "recordings"))
NAMES = ["kasteren_houseA", "kasteren_houseB", "kasteren_houseC"]

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the recordings are not on this machine")


def recorded(name: str) -> tuple[list[SensorEvent], dict[int, Sensor], str]:
    home = read_home_file(FOLDER / f"{name}.home.json")
    sensors = {
        number: Sensor(
            id=number, home_id=1, code=each.id, name=each.name, kind=each.kind, room=each.room, is_exit=each.exit,
            is_essential=each.essential, value=None, value_at=None, last_heard_at=None, is_available=None,
            battery_percent=None, signal_quality=None,
        )
        for number, each in enumerate(home.sensors, start=1)
    }  # fmt: skip
    ids = {sensor.code: sensor.id for sensor in sensors.values()}
    events = [
        SensorEvent(
            home_id=1, sensor_id=ids[row.sensor], occurred_at=row.at, received_at=row.at, number=number, value=row.value
        )
        for number, row in enumerate(read_recording(FOLDER / f"{name}.csv.gz", home), start=1)
        if not isinstance(row.value, HubState)
    ]
    return events, sensors, home.time_zone


@pytest.mark.parametrize("name", NAMES)
def test_a_real_home_is_drawn(name: str) -> None:
    events, sensors, time_zone = recorded(name)
    zone = ZoneInfo(time_zone)
    now = events[-1].occurred_at
    rows = rows_until(now.astimezone(zone).date(), weeks=4, zone=zone, view=View.DAY)
    covered = [(events[0].occurred_at, now)]
    found = build_timeline(events, sensors, covered=covered, start=rows[0].start - LEAD_IN, end=now)
    assert all(one.end <= two.start for one, two in pairwise(found.segments))

    days = day_figures(rows, found, covered=covered, absences=(), now=now)
    assert sum(day.was_seen for day in days) >= 18
    drawn = chart_marks(
        rows, found.segments, absences=(), routine=None, findings=(), day_types={}, zone=zone, view=View.DAY, now=now
    )
    assert 300 < len(drawn.datasets["segments"]) < 5000  # enough to see a life, few enough for a phone
    svg = chart_picture(chart_spec(drawn, view=View.DAY, weeks=4, width=PICTURE_WIDTH))
    assert svg.count("<path") > 300


def test_a_mat_that_stuck_does_not_keep_somebody_in_bed_who_went_to_work() -> None:
    """House C, Thursday 4 December 2008; its resident noted: left the house 07:21, came back 16:48."""
    events, sensors, _ = recorded("kasteren_houseC")
    start = events[0].occurred_at.replace(year=2008, month=12, day=4, hour=6, minute=45, tzinfo=UTC)
    found = build_timeline(
        events, sensors, covered=[(start, start + timedelta(hours=8))], start=start, end=start + timedelta(hours=8)
    )
    longest: Segment = max(found.segments, key=lambda each: each.end - each.start)
    assert longest.place is Place.OUT
    assert longest.end - longest.start > timedelta(hours=7)

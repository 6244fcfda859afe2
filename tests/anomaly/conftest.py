"""A pretend life for the model: regular days made of a seed; simpler than the simulators' on purpose."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from store.database import Pool
from store.home_file import HomeFile
from store.hub import HubState
from store.recording import HUB, Row

LONDON = ZoneInfo("Europe/London")
FIRST_DAY = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "recordings"


def a_home(**changes: object) -> HomeFile:
    """A flat with a movement sensor in each room and a front door."""
    rooms = ("bedroom", "bathroom", "kitchen", "lounge", "hall")
    sensors: list[dict[str, object]] = [{"id": f"M-{room}", "kind": "motion", "room": room} for room in rooms]
    sensors.append({"id": "D1", "kind": "door", "room": "hall", "exit": True})
    given = {"id": "K7", "time_zone": "Europe/London", "checkin_minutes": 5, "sensors": sensors, **changes}
    return HomeFile.model_validate(given)


def a_life(
    days: int, *, seed: int = 1, first: datetime = FIRST_DAY, check_ins: bool = True, zone: ZoneInfo = LONDON
) -> Iterator[Row]:
    """Up at about seven, kitchen and lounge by day, a walk in the afternoon, one visit to the bathroom at night."""
    rng = random.Random(seed)
    for number in range(days):
        midnight = (first + timedelta(days=number)).astimezone(zone).replace(hour=0, minute=0, tzinfo=zone)
        yield from sorted(_day(rng, midnight, check_ins=check_ins), key=lambda row: row.at)


def _day(rng: random.Random, midnight: datetime, *, check_ins: bool) -> Iterator[Row]:
    start = midnight.astimezone(UTC)

    def motion(hour: float, room: str) -> Iterator[Row]:
        at = start + timedelta(seconds=round(hour * 3600, 3))
        yield Row(at=at, sensor=f"M-{room}", value=1.0)
        yield Row(at=at + timedelta(seconds=40), sensor=f"M-{room}", value=0.0)

    yield from motion(rng.uniform(2, 4), "bathroom")
    up, out, bed = 7 + rng.gauss(0, 0.3), 14 + rng.gauss(0, 0.3), 22.5 + rng.gauss(0, 0.3)
    hour = up
    while hour < bed:
        if out <= hour < out + 1:
            for second in (0, 4, 3600, 3604):
                at = start + timedelta(seconds=hour * 3600 + second)
                yield Row(at=at, sensor="D1", value=float(second % 3600 == 0))
            hour += 1.005
            yield from motion(hour, "hall")
            out = 99.0
        yield from motion(hour, rng.choice(("kitchen", "lounge", "lounge", "hall", "bathroom")))
        hour += rng.expovariate(1 / 0.2)
    yield from motion(bed, "bedroom")
    if check_ins:
        for minutes in range(0, 24 * 60, 5):
            yield Row(at=start + timedelta(minutes=minutes, seconds=7), sensor=HUB, value=HubState.CHECKIN)


def check_ins_only(start: datetime, end: datetime) -> Iterator[Row]:
    """The hub goes on while nobody moves."""
    at = start
    while at < end:
        yield Row(at=at, sensor=HUB, value=HubState.CHECKIN)
        at += timedelta(minutes=5)


@pytest.fixture
def pool(service_pool: Pool) -> Pool:
    """The service works with the rights that it has at a real site."""
    return service_pool


@pytest.fixture
def recordings() -> Path:
    """Real homes, where they are at hand."""
    if not RECORDINGS.is_dir():
        pytest.skip("the recordings are not at hand")
    return RECORDINGS

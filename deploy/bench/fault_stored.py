"""What the database has of the homes of one fault, asked while it may be away."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

import psycopg

from deploy.bench.fault_count import Key, key
from deploy.bench.fault_parts import Parts
from simulators.story import SENSOR, Story
from store.home import SensorKind, add_home, add_organisation, add_sensor

LOOK_SECONDS = 0.1


class Stored:
    """Rows of these homes, which are made here."""

    def __init__(self, parts: Parts, codes: Sequence[str]) -> None:
        self._parts, self._codes = parts, list(codes)
        self._total = 0
        now = parts.clock.now()
        with contextlib.closing(parts.connect()) as conn, conn.transaction():
            organisation = add_organisation(conn, "Faults", now=now)
            for code in codes:
                home = add_home(
                    conn,
                    organisation_id=organisation,
                    code=code,
                    time_zone="Europe/London",
                    check_in_interval=timedelta(minutes=5),
                    residents=1,
                    dialect="native",
                    now=now,
                )
                add_sensor(conn, home.id, code=SENSOR, kind=SensorKind.ILLUMINANCE, room="lounge")

    def wait_for_more(self, seconds: float) -> None:
        """Return when more is there than when this was asked last, or after so long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            total = self.total()
            if total is not None and total > self._total:
                self._total = total
                return
            time.sleep(LOOK_SECONDS / 2)

    def total(self) -> int | None:
        """How much was taken in, check-ins included; None while the database is away."""
        try:
            with contextlib.closing(self._parts.connect()) as conn:
                row = conn.execute(
                    "SELECT sum(last_number) FROM intake JOIN home ON home.id = home_id WHERE code = ANY(%(codes)s)",
                    {"codes": self._codes},
                ).fetchone()
        except psycopg.OperationalError:
            return None
        return int(row[0]) if row is not None and row[0] is not None else 0

    def recovered(self, stories: Mapping[str, Story], patience: float) -> float | None:
        """Seconds until what has happened by now is stored, of every home; None if that takes too long."""
        began, now = time.monotonic(), self._parts.clock.now().timestamp()
        wanted = {code: story.last_before(now) for code, story in stories.items()}
        while time.monotonic() - began < patience:
            newest = self._newest()
            if all(newest.get(code, -1) >= place for code, place in wanted.items()):
                return round(time.monotonic() - began, 1)
            time.sleep(LOOK_SECONDS)
        return None

    def rows(self) -> list[Key]:
        """Every row, with the time that the hub's own clock said."""
        with contextlib.closing(self._parts.connect()) as conn:
            rows = conn.execute(
                """
                SELECT home.code, sensor.code, extract(epoch FROM coalesce(hub_at, occurred_at))::float8,
                       sensor_event.value
                  FROM sensor_event
                  JOIN home ON home.id = sensor_event.home_id
                  JOIN sensor ON sensor.id = sensor_event.sensor_id
                 WHERE home.code = ANY(%(codes)s)
                """,
                {"codes": self._codes},
            ).fetchall()
        return [key(home, sensor, at, value) for home, sensor, at, value in rows]

    def _newest(self) -> dict[str, float]:
        """The value, which is its place in the story, of each home's newest reading."""
        try:
            with contextlib.closing(self._parts.connect()) as conn:
                rows = conn.execute(
                    """
                    SELECT home.code, newest.value
                      FROM home
                     CROSS JOIN LATERAL (SELECT value FROM sensor_event WHERE home_id = home.id
                                          ORDER BY number DESC LIMIT 1) AS newest
                     WHERE home.code = ANY(%(codes)s)
                    """,
                    {"codes": self._codes},
                ).fetchall()
        except psycopg.OperationalError:
            return {}
        return dict(rows)

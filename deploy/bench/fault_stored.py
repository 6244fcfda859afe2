"""What the database has of the homes of one fault, asked while it may be away."""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import timedelta

import psycopg

from deploy.bench.fault_count import Key, key
from deploy.bench.fault_parts import Parts
from simulators.story import SENSOR, Story
from store.database import Conn
from store.home import SensorKind, add_home, add_organisation, add_sensor

LOOK_SECONDS = 0.05
_ANSWER = "-c statement_timeout=10000"  # milliseconds; a database that hangs counts as away


class Stored:
    """Rows of these homes, which are made here. Close it."""

    def __init__(self, parts: Parts, codes: Sequence[str], *, dialect: str = "native") -> None:
        self._parts, self._codes = parts, list(codes)
        self._conn: Conn | None = None
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
                    dialect=dialect,
                    now=now,
                )
                add_sensor(conn, home.id, code=SENSOR, kind=SensorKind.ILLUMINANCE, room="lounge")

    def committed(self) -> dict[str, int] | None:
        """How many of each home's readings are committed without a gap before them; None while the database is away.

        As ingest tells the hubs: the sum over the hub's boots.
        """
        try:
            if self._conn is None:
                self._conn = psycopg.connect(
                    self._parts.postgres.url(), autocommit=True, connect_timeout=5, options=_ANSWER
                )
            rows = self._conn.execute(
                """
                SELECT home.code, coalesce(sum(hub_sequence.contiguous), 0)::bigint
                  FROM home
                  LEFT JOIN hub_sequence ON hub_sequence.home_id = home.id
                 WHERE home.code = ANY(%(codes)s)
                 GROUP BY home.code
                """,
                {"codes": self._codes},
            ).fetchall()
        except (psycopg.OperationalError, psycopg.InterfaceError):
            self.close()
            return None
        return dict(rows)

    def under_way(self, stories: Mapping[str, Story]) -> int | None:
        """How many readings have happened by now and are not committed; None while the database is away."""
        happened = until(stories, self._parts.clock.now().timestamp())
        committed = self.committed()
        if committed is None:
            return None
        return sum(max(0, number - committed.get(code, 0)) for code, number in happened.items())

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

    def close(self) -> None:
        """End the connection for looking; the next question makes another."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None


def until(stories: Mapping[str, Story], instant: float) -> dict[str, int]:
    """How many readings of each home have happened by then."""
    return {code: story.last_before(instant) + 1 for code, story in stories.items()}

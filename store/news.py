"""What is new of many homes at once: for readers with a cursor each, that live in the present.

One home at a time costs four questions, and a provider's homes have a turn every minute: so homes that are a little
behind, and whose news is of these days, are read together. All others are left to their own reader (`store.unread`).
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from store import arrays
from store.database import Conn
from store.hub import HubCheckIn, HubState
from store.sensor_event import SensorEvent

FEW = 200  # rows of a home: more is catching up
_THESE_DAYS = timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What there is above the cursors of some homes."""

    last_numbers: dict[int, int] = field(default_factory=dict)  # of those that have any
    rows: dict[int, list[SensorEvent | HubCheckIn]] = field(default_factory=dict)  # all of it, in order of number


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reach:
    """Whose rows, with which numbers, from when."""

    home_id: int
    after: int
    last_number: int
    earliest_at: datetime
    latest_at: datetime


def news_of(conn: Conn, cursors: Mapping[int, int]) -> News:
    """What is new of these homes, each with its cursor. A home in `last_numbers` and not in `rows` is to be read alone.

    Nothing can be passed by: the numbers are read first, and whatever has a number up to them is stored, and its days
    are noted, by then. What is stored later has higher numbers, and is read the next time.
    """
    found = _reaches(conn, cursors)
    last_numbers = {home_id: last_number for home_id, last_number, _, _ in found}
    few = [
        _Reach(home_id=home_id, after=cursors[home_id], last_number=last_number, earliest_at=earliest, latest_at=latest)
        for home_id, last_number, earliest, latest in found
        if earliest is not None and latest is not None and last_number - cursors[home_id] <= FEW
    ]
    newest = max((reach.latest_at for reach in few), default=None)
    near = [reach for reach in few if newest is not None and newest - reach.earliest_at <= _THESE_DAYS]
    rows: dict[int, list[SensorEvent | HubCheckIn]] = {reach.home_id: [] for reach in near}
    if near:
        for event in _events(conn, near):
            rows[event.home_id].append(event)
        for check_in in _check_ins(conn, near):
            rows[check_in.home_id].append(check_in)
        for of_one in rows.values():
            of_one.sort(key=lambda row: row.number)
    return News(last_numbers=last_numbers, rows=rows)


def _reaches(conn: Conn, cursors: Mapping[int, int]) -> Collection[tuple[int, int, datetime | None, datetime | None]]:
    """Home, newest number, and between which times its rows lie (None: not known), of homes that have any news."""
    return conn.execute(
        """
        SELECT told.home_id, intake.last_number,
               CASE WHEN noted.first_number <= told.after + 1 THEN noted.earliest_at END,
               CASE WHEN noted.first_number <= told.after + 1 THEN noted.latest_at END
          FROM unnest(%(homes)s::bigint[], %(cursors)s::bigint[]) AS told (home_id, after)
          JOIN intake ON intake.home_id = told.home_id AND intake.last_number > told.after
          LEFT JOIN LATERAL (
               SELECT min(first_number) AS first_number, min(earliest_at) AS earliest_at, max(latest_at) AS latest_at
                 FROM intake_day AS day
                WHERE day.home_id = told.home_id
                  AND day.first_number >= coalesce((SELECT max(holds.first_number) FROM intake_day AS holds
                                                     WHERE holds.home_id = told.home_id
                                                       AND holds.first_number <= told.after + 1), 0)) AS noted ON true
        """,
        {"homes": arrays.numbers(cursors), "cursors": arrays.numbers(cursors.values())},
    ).fetchall()


def _events(conn: Conn, reaches: Collection[_Reach]) -> Iterator[SensorEvent]:
    rows = conn.execute(
        """
        SELECT event.home_id, event.sensor_id, event.occurred_at, event.received_at, event.number, event.value
          FROM unnest(%(homes)s::bigint[], %(after)s::bigint[], %(last)s::bigint[]) AS told (home_id, after, last)
         CROSS JOIN LATERAL (
               SELECT * FROM sensor_event
                WHERE sensor_event.home_id = told.home_id
                  AND sensor_event.number > told.after AND sensor_event.number <= told.last
                  AND sensor_event.occurred_at >= %(earliest)s AND sensor_event.occurred_at < %(latest)s
                OFFSET 0) AS event
        """,
        _given(reaches),
    )
    for home_id, sensor_id, occurred_at, received_at, number, value in rows:
        yield SensorEvent(
            home_id=home_id, sensor_id=sensor_id, occurred_at=occurred_at, received_at=received_at, number=number,
            value=value,
        )  # fmt: skip


def _check_ins(conn: Conn, reaches: Collection[_Reach]) -> Iterator[HubCheckIn]:
    rows = conn.execute(
        """
        SELECT said.home_id, said.occurred_at, said.received_at, said.number, said.state, said.backlog, said.sent_at,
               said.hub_at, said.is_complete
          FROM unnest(%(homes)s::bigint[], %(after)s::bigint[], %(last)s::bigint[]) AS told (home_id, after, last)
         CROSS JOIN LATERAL (
               SELECT * FROM hub_check_in
                WHERE hub_check_in.home_id = told.home_id
                  AND hub_check_in.number > told.after AND hub_check_in.number <= told.last
                  AND hub_check_in.occurred_at >= %(earliest)s AND hub_check_in.occurred_at < %(latest)s
                OFFSET 0) AS said
        """,
        _given(reaches),
    )
    for home_id, occurred_at, received_at, number, state, backlog, sent_at, hub_at, is_complete in rows:
        yield HubCheckIn(
            home_id=home_id, occurred_at=occurred_at, received_at=received_at, number=number, state=HubState(state),
            backlog=backlog, sent_at=sent_at, hub_at=hub_at, is_complete=is_complete,
        )  # fmt: skip


def _given(reaches: Collection[_Reach]) -> dict[str, object]:
    return {
        "homes": arrays.numbers(reach.home_id for reach in reaches),
        "after": arrays.numbers(reach.after for reach in reaches),
        "last": arrays.numbers(reach.last_number for reach in reaches),
        "earliest": min(reach.earliest_at for reach in reaches),
        "latest": max(reach.latest_at for reach in reaches),
    }

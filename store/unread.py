"""Where in time the rows after a number lie: what lets a reader with a cursor ask a day or two instead of all of them.

Rows are asked for by number and stored by time. Whoever stores rows notes with `note_days` which days their numbers are
about; a reader asks `windows` first. A home's numbers from a row's `first_number` up to the next row's are of events
within its bounds: that holds for every stored row, because it is written in the same transaction, under the home's
lock, and bounds only ever widen. A window ends with the last number handed out at the moment it was read: a row that is
stored a moment later, about any time, is in a later window and cannot be passed by.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol, TypeVar

from store import arrays
from store.database import Conn

# For numbers older than our notes: no bound.
_ALWAYS = (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC))
_WINDOWS_AT_ONCE = 64
_DAY = timedelta(days=1)
_DAY_S = _DAY.total_seconds()


Row = TypeVar("Row")


class Numbered(Protocol):
    """What of an event or a check-in counts here."""

    @property
    def home_id(self) -> int:
        """Whose it is."""

    @property
    def number(self) -> int:
        """Per home, in commit order."""

    @property
    def occurred_at(self) -> datetime:
        """The hub's clock."""

    @property
    def received_at(self) -> datetime:
        """Ours."""


class Note(NamedTuple):
    """A home's newest note: rows with new numbers that it covers change nothing in our notes."""

    begun_at: datetime  # midnight of the day when it was begun, UTC, our clock
    earliest_at: datetime  # what it is about, from here …
    latest_at: datetime  # … to before here

    def covers(self, occurred_at: datetime, received_at: datetime) -> bool:
        """True if such a row is about what is noted, on the day when it was noted."""
        return self.earliest_at <= occurred_at < self.latest_at and self.begun_at <= received_at < self.begun_at + _DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Rows with these numbers occurred between these times, if there are any."""

    after: int  # exclusive
    until: int  # exclusive
    earliest_at: datetime
    latest_at: datetime  # exclusive


def homes_to_note(rows: Iterable[Numbered], notes: Mapping[int, Note]) -> set[int]:
    """Which homes' newest notes, read under their locks, do not cover all of these rows.

    All rows of a transaction at once: where one of a home begins a new note, that is about the others too.
    """
    nothing = Note(*3 * (_ALWAYS[0],))
    return {row.home_id for row in rows if not notes.get(row.home_id, nothing).covers(row.occurred_at, row.received_at)}


def note_days(conn: Conn, rows: Collection[Numbered], *, befores: Mapping[int, int] | None = None) -> None:
    """Note what these rows are about. In the transaction that stores them, under the home's lock.

    `befores` are the homes that have to be noted (`homes_to_note`) and their last numbers when they were locked;
    without it, all, and this has to come before `intake.save_numbers`. Writes about twice a day and home.
    """
    if befores is not None:
        rows = [row for row in rows if row.home_id in befores] if befores else []
    given: dict[int, tuple[int, int, int, int, int]] = {}
    for row in rows:
        number = row.number
        # Whole days since 1970, UTC: a number is much quicker than a time, and ingest waits for this.
        at, received = int(row.occurred_at.timestamp() // _DAY_S), int(row.received_at.timestamp() // _DAY_S)
        before = given.get(row.home_id)
        if before is None:
            given[row.home_id] = (number, number, at, at, received)
        else:
            first, last, earliest, latest, newest = before
            given[row.home_id] = (
                min(first, number), max(last, number), min(earliest, at), max(latest, at), max(newest, received),
            )  # fmt: skip
    if not given:
        return
    conn.execute(
        """
        WITH given AS (
            SELECT home_id, first, last, to_timestamp(earliest * 86400.0) AS earliest_at,
                   to_timestamp((latest + 1) * 86400.0) AS latest_at, DATE '1970-01-01' + day AS day,
                   coalesce(before, intake.last_number) AS before
              FROM unnest(%(homes)s::bigint[], %(firsts)s::bigint[], %(lasts)s::bigint[], %(earliest)s::integer[],
                          %(latest)s::integer[], %(days)s::integer[], %(befores)s::bigint[])
                   AS told (home_id, first, last, earliest, latest, day, before)
              JOIN intake USING (home_id)
        ), news AS (
            SELECT given.*, before + 1 AS next_number, open.first_number AS open_first,
                   given.first > before
                   AND (open.first_number IS NULL
                        OR (open.day <> given.day AND open.first_number <= before)) AS begins
              FROM given
              LEFT JOIN LATERAL (SELECT * FROM intake_day
                                  WHERE intake_day.home_id = given.home_id
                                  ORDER BY first_number DESC LIMIT 1) AS open ON true
             WHERE open.first_number IS NULL OR open.day <> given.day OR given.first < open.first_number
                OR given.earliest_at < open.earliest_at OR given.latest_at > open.latest_at
        ), begun AS (
            INSERT INTO intake_day (home_id, first_number, day, earliest_at, latest_at)
            SELECT home_id, next_number, day, earliest_at, latest_at FROM news WHERE begins
        )
        UPDATE intake_day
           SET earliest_at = least(intake_day.earliest_at, news.earliest_at),
               latest_at = greatest(intake_day.latest_at, news.latest_at)
          FROM news
         WHERE NOT news.begins
           AND intake_day.home_id = news.home_id
           AND intake_day.first_number <= news.last
           AND intake_day.first_number >= coalesce((SELECT max(holds.first_number) FROM intake_day AS holds
                                                     WHERE holds.home_id = news.home_id
                                                       AND holds.first_number <= news.first), 0)
           AND (news.earliest_at < intake_day.earliest_at OR news.latest_at > intake_day.latest_at)
        """,
        {
            "homes": arrays.numbers(given),
            "firsts": arrays.numbers([one[0] for one in given.values()]),
            "lasts": arrays.numbers([one[1] for one in given.values()]),
            "earliest": arrays.numbers([one[2] for one in given.values()]),
            "latest": arrays.numbers([one[3] for one in given.values()]),
            "days": arrays.numbers([one[4] for one in given.values()]),
            "befores": arrays.numbers([befores[home_id] if befores is not None else None for home_id in given]),
        },
    )


def windows(conn: Conn, home_id: int, number: int, *, rows: int) -> Iterator[Window]:
    """Where the home's rows after this number lie, in order of number. Neighbours are put together until they have room
    for `rows` numbers: so a reader rarely needs a second one.
    """
    waiting: Window | None = None
    for window in _each(conn, home_id, number):
        if waiting is not None:
            window = Window(
                after=waiting.after,
                until=window.until,
                earliest_at=min(waiting.earliest_at, window.earliest_at),
                latest_at=max(waiting.latest_at, window.latest_at),
            )
        if window.until - window.after > rows:
            yield window
            waiting = None
        else:
            waiting = window
    if waiting is not None:
        yield waiting


def neighbours(rows: Iterable[Row], at: Callable[[Row], datetime]) -> Iterator[list[Row]]:
    """The rows in groups that lie within two days of each other: one late row must not make a question about today one
    about every day since."""
    group: list[Row] = []
    for row in sorted(rows, key=at):
        if group and at(row) - at(group[0]) > 2 * _DAY:
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _each(conn: Conn, home_id: int, number: int) -> Iterator[Window]:
    """One statement, so one moment: whatever number had been handed out by then is stored, and noted here."""
    after = number
    while True:
        found = conn.execute(
            """
            SELECT intake.last_number, day.first_number, day.earliest_at, day.latest_at,
                   (SELECT min(later.first_number) FROM intake_day AS later
                     WHERE later.home_id = day.home_id AND later.first_number > day.first_number)
              FROM intake
              LEFT JOIN intake_day AS day
                ON day.home_id = intake.home_id
               AND day.first_number >= coalesce((SELECT max(holds.first_number) FROM intake_day AS holds
                                                  WHERE holds.home_id = %(home_id)s
                                                    AND holds.first_number <= %(after)s::bigint + 1), 0)
             WHERE intake.home_id = %(home_id)s AND intake.last_number > %(after)s
             ORDER BY day.first_number
             LIMIT %(limit)s
            """,
            {"home_id": home_id, "after": after, "limit": _WINDOWS_AT_ONCE},
        ).fetchall()
        for last_number, first_number, earliest_at, latest_at, next_first in found:
            end = last_number + 1
            if first_number is None or first_number > after + 1:
                until = end if first_number is None else min(first_number, end)
                yield Window(after=after, until=until, earliest_at=_ALWAYS[0], latest_at=_ALWAYS[1])
                after = until - 1
            if first_number is None or after >= last_number:
                return
            until = end if next_first is None else next_first
            yield Window(after=after, until=until, earliest_at=earliest_at, latest_at=latest_at)
            after = until - 1
        if len(found) < _WINDOWS_AT_ONCE:
            return

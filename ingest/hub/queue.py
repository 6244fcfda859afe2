"""What a native hub holds on its own disk until the service says that it is committed.

Everything is appended here before it is published, and deleted only by an acknowledgement. Nothing is thrown away for
lack of room before the disk bound is hit (`keep_within`), and then the oldest measurement goes first: alarms stay.
"""

import contextlib
import json
import secrets
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from store.hub import HubState

_SCHEMA = """
CREATE TABLE IF NOT EXISTS held (
    place  INTEGER PRIMARY KEY AUTOINCREMENT,   -- in the order it was recorded
    boot   TEXT NOT NULL,
    seq    INTEGER,                             -- 1, 2, 3 … of this boot; a check-in has none
    at     REAL NOT NULL,                       -- epoch seconds
    sensor TEXT NOT NULL,                       -- 'hub' for what the hub says of itself
    word   TEXT NOT NULL,                       -- JSON: true, false, a number; or a state of the hub
    urgent INTEGER NOT NULL DEFAULT 0,          -- an alarm: overtakes what waits
    before INTEGER NOT NULL DEFAULT 0           -- of a check-in: the last number of this boot before it
);
CREATE UNIQUE INDEX IF NOT EXISTS held_number ON held (boot, seq) WHERE seq IS NOT NULL;
CREATE INDEX IF NOT EXISTS held_urgent ON held (place) WHERE urgent;
CREATE TABLE IF NOT EXISTS lost (               -- numbers that were thrown away, until the service knows
    id INTEGER PRIMARY KEY, boot TEXT NOT NULL, last INTEGER NOT NULL, began REAL NOT NULL, ended REAL NOT NULL,
    spans TEXT NOT NULL                         -- JSON: [[first, last], …]
);
CREATE TABLE IF NOT EXISTS said (sensor TEXT PRIMARY KEY, word TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_DROPPED_AT_ONCE = 500
_SPANS = 2_000  # of one statement of what is lost
_OLD = "SELECT place, boot, seq, at FROM held WHERE at < ? AND NOT urgent ORDER BY place LIMIT ?"
_MEASUREMENTS = (
    "SELECT place, boot, seq, at FROM held WHERE seq IS NOT NULL AND NOT urgent AND word NOT IN ('true', 'false')"
    " ORDER BY place LIMIT ?"
)
_NO_ALARMS = "SELECT place, boot, seq, at FROM held WHERE NOT urgent ORDER BY place LIMIT ?"


class Item(NamedTuple):
    """Something to be recorded: a reading, or a word of the hub itself."""

    at: float  # epoch seconds
    sensor: str
    value: bool | float | HubState
    is_urgent: bool = False


class Held(NamedTuple):
    """The same, recorded: with its number, if it is a reading."""

    place: int
    boot: str
    seq: int | None
    at: float
    sensor: str
    value: bool | float | HubState
    before: int = 0  # of a word of the hub itself: the last number before it


class Lost(NamedTuple):
    """Readings that had a number and had to be thrown away."""

    boot: str
    spans: list[tuple[int, int]]  # (first, last) of each, lowest first
    began: float  # epoch seconds
    ended: float

    @property
    def readings(self) -> int:
        """How many."""
        return sum(last - first + 1 for first, last in self.spans)


class HubQueue:
    """The hub's disk. One thread only; each call that writes is one transaction, and durable when it returns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, timeout=10.0, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_SCHEMA)
        self.boot = secrets.token_hex(5)  # the counter below is only in memory: a new start is a new boot
        self._seq = 0

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def append(
        self, items: Iterable[Item], *, recorded_until: float, said: dict[str, str] | None = None
    ) -> tuple[int, int]:
        """Record them, and what each sensor said last in an input's own words; how many readings, the last place."""
        rows: list[tuple[str, int | None, float, str, str, bool, int]] = []
        seq = self._seq
        for item in items:
            if isinstance(item.value, HubState):
                rows.append((self.boot, None, item.at, item.sensor, item.value, False, seq))
            else:
                seq += 1
                rows.append((self.boot, seq, item.at, item.sensor, json.dumps(item.value), item.is_urgent, 0))
        with self._transaction():
            self._db.executemany(
                "INSERT INTO held (boot, seq, at, sensor, word, urgent, before) VALUES (?, ?, ?, ?, ?, ?, ?)", rows
            )
            self._db.executemany("INSERT OR REPLACE INTO said (sensor, word) VALUES (?, ?)", (said or {}).items())
            self._set("recorded_until", repr(recorded_until))
        readings, self._seq = seq - self._seq, seq
        return readings, self.last_place()

    def said(self) -> dict[str, str]:
        """What each sensor said last, as an input worded it."""
        return dict(self._db.execute("SELECT sensor, word FROM said").fetchall())

    # Reading ---------------------------------------------------------------------------------------

    def after(self, place: int, *, limit: int) -> list[Held]:
        """What is held behind that place, in the order it was recorded."""
        return _held(
            self._db.execute(
                "SELECT place, boot, seq, at, sensor, word, before FROM held WHERE place > ? ORDER BY place LIMIT ?",
                (place, limit),
            )
        )

    def at_places(self, places: Collection[int]) -> list[Held]:
        """What is held at those places."""
        return _held(
            self._db.execute(
                "SELECT place, boot, seq, at, sensor, word, before FROM held"
                " WHERE place IN (SELECT value FROM json_each(?)) ORDER BY place",
                (json.dumps(sorted(places)),),
            )
        )

    def urgent_after(self, place: int) -> list[int]:
        """The places of the alarms held behind that place, oldest first."""
        rows = self._db.execute("SELECT place FROM held WHERE urgent AND place > ? ORDER BY place", (place,))
        return [place for (place,) in rows]

    def newest_of_each(self, *, since: float) -> list[int]:
        """The place of each sensor's newest reading, where that is of `since` or later (epoch seconds)."""
        rows = self._db.execute(
            "SELECT max(place) FROM held WHERE seq IS NOT NULL GROUP BY sensor HAVING max(at) >= ? ORDER BY 1", (since,)
        )
        return [place for (place,) in rows]

    def readings_after(self, place: int) -> int:
        """How many readings are held behind that place."""
        row = self._db.execute("SELECT count(*) FROM held WHERE place > ? AND seq IS NOT NULL", (place,)).fetchone()
        return int(row[0])

    def oldest(self) -> float | None:
        """The time of the oldest reading held."""
        row = self._db.execute("SELECT at FROM held WHERE seq IS NOT NULL ORDER BY place LIMIT 1").fetchone()
        return None if row is None else float(row[0])

    def lowest(self, boot: str) -> int | None:
        """The lowest number of that boot of which the service may still hear, as held or as thrown away; None: of none.

        Of our own boot it is then the next.
        """
        row = self._db.execute("SELECT min(seq) FROM held WHERE boot = ? AND seq IS NOT NULL", (boot,)).fetchone()
        found = [first for lost in self.lost() if lost.boot == boot for first, _ in lost.spans]
        if row[0] is not None:
            found.append(int(row[0]))
        if boot == self.boot:
            found.append(self._seq + 1)
        return min(found, default=None)

    def last_place(self) -> int:
        """The newest place; 0 if nothing is held."""
        row = self._db.execute("SELECT coalesce(max(place), 0) FROM held").fetchone()
        return int(row[0])

    def lost(self) -> list[Lost]:
        """What was thrown away, as far as the service has not said that it knows."""
        rows = self._db.execute("SELECT boot, spans, began, ended FROM lost ORDER BY id")
        return [
            Lost(boot, [(first, last) for first, last in json.loads(spans)], began, ended)
            for boot, spans, began, ended in rows
        ]

    # Forgetting ------------------------------------------------------------------------------------

    def forget(self, boot: str, seq: int) -> int:
        """The service has committed this boot's readings up to `seq`; how many were held until now.

        What the hub said of itself before the last of them has been committed with it.
        """
        with self._transaction():
            self._db.execute("DELETE FROM lost WHERE boot = ? AND last <= ?", (boot, seq))
            row = self._db.execute("SELECT max(place) FROM held WHERE boot = ? AND seq <= ?", (boot, seq)).fetchone()
            if row is None or row[0] is None:
                return 0
            return self._db.execute(
                "DELETE FROM held WHERE boot = ? AND place <= ? AND (seq IS NULL OR seq <= ?)", (boot, row[0], seq)
            ).rowcount

    def size(self) -> int:
        """Bytes of the disk that are in use; what was deleted is used again first."""
        pages, free, size = (
            int(self._db.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size

    def keep_within(self, size: int, *, older_than: float | None = None) -> list[Lost]:
        """Throw away until no more than `size` bytes are in use, and what is from before `older_than`; what went.

        First measurements, then what else is no alarm, each from the oldest on. An alarm is never thrown away.
        """
        gone: list[Lost] = []
        if older_than is not None:
            while self._drop(_OLD, (older_than, _DROPPED_AT_ONCE), gone):
                pass
        for which in (_MEASUREMENTS, _NO_ALARMS):
            while (used := self.size()) > size:
                # Somewhat more than needed, so that not every minute something has to go.
                count = max(_DROPPED_AT_ONCE, int(self._rows() * (1.0 - 0.95 * size / used)))
                if not self._drop(which, (count,), gone):
                    break
                self._compact()
        return gone

    def _rows(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM held").fetchone()[0])

    def _compact(self) -> None:
        """Every second row of a page that is gone frees nothing yet."""
        with contextlib.suppress(sqlite3.OperationalError):  # no room for it: then pages that are empty are used again
            self._db.execute("VACUUM")

    def _drop(self, which: str, values: Sequence[float], gone: list[Lost]) -> bool:
        rows = self._db.execute(which, values).fetchall()
        fresh: list[Lost] = []
        for _, boot, seq, at in rows:
            if seq is None:
                continue
            if not fresh or fresh[-1].boot != boot or len(fresh[-1].spans) >= _SPANS:
                fresh.append(Lost(boot, [], at, at))
            lost = fresh[-1] = fresh[-1]._replace(ended=max(at, fresh[-1].ended))
            if lost.spans and lost.spans[-1][1] == seq - 1:
                lost.spans[-1] = (lost.spans[-1][0], seq)
            else:
                lost.spans.append((seq, seq))
        with self._transaction():
            self._db.executemany("DELETE FROM held WHERE place = ?", [(row[0],) for row in rows])
            self._db.executemany(
                "INSERT INTO lost (boot, last, began, ended, spans) VALUES (?, ?, ?, ?, ?)",
                [
                    (
                        lost.boot,
                        lost.spans[-1][1],
                        lost.began,
                        lost.ended,
                        json.dumps(lost.spans, separators=(",", ":")),
                    )
                    for lost in fresh
                ],
            )
        gone += fresh
        return bool(rows)

    # Time and facts --------------------------------------------------------------------------------

    def move(self, by: float, *, boots: Collection[str], noting: tuple[str, str]) -> int:
        """The clock was set: what those boots recorded happened so many seconds later; how many rows.

        With it, in the same transaction, a fact (name, value) is noted: so that nothing is ever moved twice.
        """
        with self._transaction():
            self._set(*noting)
            return self._db.execute(
                "UPDATE held SET at = at + ? WHERE boot IN (SELECT value FROM json_each(?))",
                (by, json.dumps(sorted(boots))),
            ).rowcount

    @property
    def recorded_until(self) -> float | None:
        """Up to when everything that happened is recorded; None on a new hub."""
        return self._number("recorded_until")

    @property
    def handed_over_at(self) -> float | None:
        """When another hub took the home over; None if it is still ours."""
        return self._number("handed_over_at")

    def hand_over(self, at: float) -> None:
        """Another hub reports from then on."""
        self.note("handed_over_at", repr(at))

    def fact(self, name: str) -> str | None:
        """What was noted under this name."""
        row = self._db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def note(self, name: str, value: str) -> None:
        """Keep it under this name."""
        with self._transaction():
            self._set(name, value)

    def _number(self, name: str) -> float | None:
        found = self.fact(name)
        return None if found is None else float(found)

    def _set(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO fact (name, value) VALUES (?, ?)", (name, value))

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)


class _Transaction:
    """Commits on leaving, rolls back on error."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._db.execute("COMMIT" if error is None else "ROLLBACK")


def _held(rows: Iterable[tuple[int, str, int | None, float, str, str, int]]) -> list[Held]:
    return [
        Held(place, boot, seq, at, sensor, HubState(word) if seq is None else json.loads(word), before)
        for place, boot, seq, at, sensor, word, before in rows
    ]

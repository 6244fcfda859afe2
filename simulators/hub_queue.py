"""What a native hub holds on its own disk until the service says that it is committed.

Everything is appended here before it is published, and deleted only by an acknowledgement. The service asks for
seven days of this; nothing is ever thrown away for lack of room, because two years of a home fit into 100 MB.
"""

import json
import secrets
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from store.hub import HubState

_SCHEMA = """
CREATE TABLE IF NOT EXISTS held (
    place  INTEGER PRIMARY KEY AUTOINCREMENT,   -- in order of time
    boot   TEXT NOT NULL,
    seq    INTEGER,                             -- 1, 2, 3 … of this boot; a check-in has none
    at     REAL NOT NULL,                       -- epoch seconds
    sensor TEXT NOT NULL,                       -- 'hub' for what the hub says of itself
    word   TEXT NOT NULL                        -- JSON: true, false, a number; or a state of the hub
);
CREATE UNIQUE INDEX IF NOT EXISTS held_number ON held (boot, seq) WHERE seq IS NOT NULL;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Item(NamedTuple):
    """Something to be recorded: a reading, or a word of the hub itself."""

    at: float  # epoch seconds
    sensor: str
    value: bool | float | HubState


class Held(NamedTuple):
    """The same, recorded: with its number, if it is a reading."""

    place: int
    boot: str
    seq: int | None
    at: float
    sensor: str
    value: bool | float | HubState


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

    def append(self, items: Iterable[Item], *, recorded_until: float) -> tuple[int, int]:
        """Record them; how many readings, and the last place."""
        rows: list[tuple[str, int | None, float, str, str]] = []
        seq = self._seq
        for item in items:
            if isinstance(item.value, HubState):
                rows.append((self.boot, None, item.at, item.sensor, item.value))
            else:
                seq += 1
                rows.append((self.boot, seq, item.at, item.sensor, json.dumps(item.value)))
        with self._transaction():
            self._db.executemany("INSERT INTO held (boot, seq, at, sensor, word) VALUES (?, ?, ?, ?, ?)", rows)
            self._set("recorded_until", recorded_until)
        readings, self._seq = seq - self._seq, seq
        return readings, self.last_place()

    def after(self, place: int, *, limit: int) -> list[Held]:
        """What is held behind that place, oldest first."""
        rows = self._db.execute(
            "SELECT place, boot, seq, at, sensor, word FROM held WHERE place > ? ORDER BY place LIMIT ?", (place, limit)
        )
        return [
            Held(place, boot, seq, at, sensor, HubState(word) if seq is None else json.loads(word))
            for place, boot, seq, at, sensor, word in rows
        ]

    def forget(self, boot: str, seq: int) -> int:
        """The service has committed this boot's readings up to `seq`; how many were held until now.

        What the hub said of itself before the last of them has been committed with it.
        """
        with self._transaction():
            row = self._db.execute("SELECT max(place) FROM held WHERE boot = ? AND seq <= ?", (boot, seq)).fetchone()
            if row is None or row[0] is None:
                return 0
            return self._db.execute(
                "DELETE FROM held WHERE boot = ? AND place <= ? AND (seq IS NULL OR seq <= ?)", (boot, row[0], seq)
            ).rowcount

    def readings_after(self, place: int) -> int:
        """How many readings are held behind that place."""
        row = self._db.execute("SELECT count(*) FROM held WHERE place > ? AND seq IS NOT NULL", (place,)).fetchone()
        return int(row[0])

    def oldest(self) -> float | None:
        """The time of the oldest reading held."""
        row = self._db.execute("SELECT at FROM held WHERE seq IS NOT NULL ORDER BY place LIMIT 1").fetchone()
        return None if row is None else float(row[0])

    def last_place(self) -> int:
        """The newest place; 0 if nothing is held."""
        row = self._db.execute("SELECT coalesce(max(place), 0) FROM held").fetchone()
        return int(row[0])

    @property
    def recorded_until(self) -> float | None:
        """Up to when everything that happened is recorded; None on a new hub."""
        return self._fact("recorded_until")

    @property
    def handed_over_at(self) -> float | None:
        """When another hub took the home over; None if it is still ours."""
        return self._fact("handed_over_at")

    def hand_over(self, at: float) -> None:
        """Another hub reports from then on."""
        with self._transaction():
            self._set("handed_over_at", at)

    def _fact(self, name: str) -> float | None:
        row = self._db.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return None if row is None else float(row[0])

    def _set(self, name: str, value: float) -> None:
        self._db.execute("INSERT OR REPLACE INTO fact (name, value) VALUES (?, ?)", (name, repr(value)))

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

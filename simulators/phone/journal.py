"""Where the network keeps its texts: one SQLite file, so that the phones survive a restart. Knows nothing of HTTP.

One connection behind a lock: the texts of a demo or a test are few. Times are Unix seconds of the service clock.
"""

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from simulators.phone.message import Direction, Message, Status

VERSION = 1
SCHEMA = """
    CREATE TABLE message (
        number                INTEGER PRIMARY KEY AUTOINCREMENT,
        sid                   TEXT NOT NULL UNIQUE,
        direction             TEXT NOT NULL,
        sender                TEXT NOT NULL,
        recipient             TEXT NOT NULL,
        body                  TEXT NOT NULL,
        status                TEXT NOT NULL,
        error_code            INTEGER,
        messaging_service_sid TEXT,
        status_callback       TEXT,
        validity              REAL,
        by_carrier            INTEGER NOT NULL DEFAULT 0,
        answer                TEXT,
        answer_due_at         REAL,
        note                  TEXT NOT NULL DEFAULT '',
        created_at            REAL NOT NULL,
        sent_at               REAL,
        updated_at            REAL NOT NULL,
        due_at                REAL                -- when the network must move it on
    );
    CREATE INDEX message_due ON message (due_at) WHERE due_at IS NOT NULL;
    CREATE INDEX message_answer ON message (answer_due_at) WHERE answer_due_at IS NOT NULL;
    CREATE INDEX message_recipient ON message (recipient, number);
    CREATE INDEX message_sender ON message (sender, number);
    CREATE TABLE opted_out (phone TEXT PRIMARY KEY, at REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which texts a list asks for; None means any."""

    recipient: str | None = None
    sender: str | None = None
    sent_from: datetime | None = None  # inclusive
    sent_until: datetime | None = None  # exclusive


class Journal:
    """All texts and who has said STOP. `path` None keeps them in memory only."""

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._opened = secrets.token_hex(4)
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing; a power cut may
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            self._connection.close()
            raise ValueError(f"{path}: made by another version of the phone network ({version}, not {VERSION})")
        if version == 0:
            self._connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and nobody else in between. May be entered again inside."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    # Writing ------------------------------------------------------------------------------------

    def add(self, message: Message, *, due_at: datetime | None) -> Message:
        """Keep a new text; its number is given here."""
        columns = _columns(message)
        with self.transaction():
            number = self._connection.execute(
                """
                INSERT INTO message (sid, direction, sender, recipient, body, status, error_code,
                       messaging_service_sid, status_callback, validity, by_carrier, note,
                       created_at, sent_at, updated_at, due_at)
                VALUES (:sid, :direction, :sender, :recipient, :body, :status, :error_code,
                       :messaging_service_sid, :status_callback, :validity, :by_carrier, :note,
                       :created_at, :sent_at, :updated_at, :due_at)
                """,
                {**columns, "due_at": _seconds(due_at)},
            ).lastrowid
        return self._one("SELECT * FROM message WHERE number = :number", number=number)

    def move_on(
        self,
        number: int,
        status: Status,
        *,
        now: datetime,
        due_at: datetime | None = None,
        error_code: int | None = None,
        note: str = "",
    ) -> Message:
        """The text's next status, and when it must be looked at again (None: never)."""
        with self.transaction():
            self._connection.execute(
                """
                UPDATE message
                   SET status = :status, error_code = :error_code, note = :note, due_at = :due_at, updated_at = :now,
                       sent_at = CASE WHEN :status IN ('sent', 'received') THEN coalesce(sent_at, :now)
                                      ELSE sent_at END
                 WHERE number = :number
                """,
                {
                    "number": number,
                    "status": status,
                    "error_code": error_code,
                    "note": note,
                    "due_at": _seconds(due_at),
                    "now": _seconds(now),
                },
            )
        return self._one("SELECT * FROM message WHERE number = :number", number=number)

    def intend_answer(self, number: int, answer: str, *, due_at: datetime) -> None:
        """The phone will reply to this text by itself."""
        with self.transaction():
            self._connection.execute(
                "UPDATE message SET answer = :answer, answer_due_at = :due_at WHERE number = :number",
                {"number": number, "answer": answer, "due_at": _seconds(due_at)},
            )

    def drop_answer(self, number: int) -> None:
        """The phone will not reply (again) to this text."""
        with self.transaction():
            self._connection.execute("UPDATE message SET answer_due_at = NULL WHERE number = ?", (number,))

    def opt_out(self, phone: str, *, now: datetime) -> None:
        """The phone wants no more texts."""
        with self.transaction():
            self._connection.execute("INSERT OR IGNORE INTO opted_out VALUES (?, ?)", (phone, _seconds(now)))

    def opt_in(self, phone: str) -> None:
        """The phone wants texts again."""
        with self.transaction():
            self._connection.execute("DELETE FROM opted_out WHERE phone = ?", (phone,))

    def take_up_again(self, *, now: datetime) -> None:
        """After a restart: what was being told to the service when we stopped is told again."""
        with self.transaction():
            self._connection.execute(
                "UPDATE message SET due_at = ? WHERE status = 'receiving' AND due_at IS NULL", (_seconds(now),)
            )

    def clear(self) -> None:
        """Forget everything."""
        with self.transaction():
            self._connection.execute("DELETE FROM message")
            self._connection.execute("DELETE FROM opted_out")

    # Reading ------------------------------------------------------------------------------------

    def find(self, sid: str) -> Message | None:
        """The text of that sid, unless it is the carrier's own."""
        found = self._many("SELECT * FROM message WHERE sid = :sid AND NOT by_carrier", sid=sid)
        return found[0] if found else None

    def page(self, wanted: Wanted, *, limit: int, before: int | None = None) -> list[Message]:
        """Newest first, as the API lists them. A text that is not sent yet has no date to compare with."""
        return self._many(
            """
            SELECT * FROM message
             WHERE NOT by_carrier
               AND (:recipient IS NULL OR recipient = :recipient)
               AND (:sender IS NULL OR sender = :sender)
               AND (:sent_from IS NULL OR sent_at >= :sent_from)
               AND (:sent_until IS NULL OR sent_at < :sent_until)
               AND (:before IS NULL OR number < :before)
             ORDER BY number DESC
             LIMIT :limit
            """,
            recipient=wanted.recipient,
            sender=wanted.sender,
            sent_from=_seconds(wanted.sent_from),
            sent_until=_seconds(wanted.sent_until),
            before=before,
            limit=limit,
        )

    def with_phone(self, phone: str, *, limit: int = 100_000) -> list[Message]:
        """The newest texts from or to the phone, oldest first."""
        newest = self._many(
            "SELECT * FROM message WHERE recipient = :phone OR sender = :phone ORDER BY number DESC LIMIT :limit",
            phone=phone,
            limit=limit,
        )
        return newest[::-1]

    def phones(self) -> list[str]:
        """Every phone that ever wrote or was written to."""
        with self._lock:
            rows = self._connection.execute(
                """
                SELECT DISTINCT CASE WHEN direction = 'inbound' THEN sender ELSE recipient END AS phone
                  FROM message ORDER BY phone
                """
            ).fetchall()
        return [row["phone"] for row in rows]

    def opted_out(self) -> frozenset[str]:
        """The phones that have said STOP."""
        with self._lock:
            rows = self._connection.execute("SELECT phone FROM opted_out").fetchall()
        return frozenset(row["phone"] for row in rows)

    def next_due(self, *, until: datetime) -> Message | None:
        """The text that has waited longest to be moved on."""
        due = self._many(
            "SELECT * FROM message WHERE due_at <= :until ORDER BY due_at, number LIMIT 1", until=_seconds(until)
        )
        return due[0] if due else None

    def intended_answers(self, phone: str | None = None, *, until: datetime | None = None) -> list[Message]:
        """Texts that a phone still means to answer by itself, first due first."""
        return self._many(
            """
            SELECT * FROM message
             WHERE answer_due_at IS NOT NULL
               AND (:phone IS NULL OR recipient = :phone) AND (:until IS NULL OR answer_due_at <= :until)
             ORDER BY answer_due_at, number
            """,
            phone=phone,
            until=_seconds(until),
        )

    def waits_until(self) -> datetime | None:
        """When there is something to do again; None when nothing is waiting."""
        with self._lock:
            row = self._connection.execute(
                """
                SELECT min(at) FROM (SELECT min(due_at) AS at FROM message WHERE due_at IS NOT NULL
                                      UNION ALL
                                     SELECT min(answer_due_at) FROM message WHERE answer_due_at IS NOT NULL)
                """
            ).fetchone()
        return _moment(row[0])

    def is_moving(self) -> bool:
        """True while a text has not reached its end."""
        with self._lock:
            row = self._connection.execute(
                "SELECT EXISTS (SELECT 1 FROM message WHERE due_at IS NOT NULL OR status = 'receiving')"
            ).fetchone()
        return bool(row[0])

    def version(self) -> str:
        """Changes whenever anything that the page shows has changed."""
        with self._lock:
            row = self._connection.execute("SELECT total_changes()").fetchone()
        return f"{self._opened}-{row[0]}"

    def _many(self, query: str, **parameters: Any) -> list[Message]:
        with self._lock:
            return [_message(row) for row in self._connection.execute(query, parameters).fetchall()]

    def _one(self, query: str, **parameters: Any) -> Message:
        return self._many(query, **parameters)[0]


def _columns(message: Message) -> dict[str, str | float | None]:
    return {
        "sid": message.sid,
        "direction": message.direction,
        "sender": message.sender,
        "recipient": message.recipient,
        "body": message.body,
        "status": message.status,
        "error_code": message.error_code,
        "messaging_service_sid": message.messaging_service_sid,
        "status_callback": message.status_callback,
        "validity": message.validity.total_seconds() if message.validity else None,
        "by_carrier": message.by_carrier,
        "note": message.note,
        "created_at": _seconds(message.created_at),
        "sent_at": _seconds(message.sent_at),
        "updated_at": _seconds(message.updated_at),
    }


def _message(row: sqlite3.Row) -> Message:
    columns: dict[str, Any] = dict(row)
    del columns["due_at"]
    columns["direction"] = Direction(columns["direction"])
    columns["status"] = Status(columns["status"])
    columns["validity"] = timedelta(seconds=columns["validity"]) if columns["validity"] is not None else None
    columns["by_carrier"] = bool(columns["by_carrier"])
    for name in ("created_at", "sent_at", "updated_at", "answer_due_at"):
        columns[name] = _moment(columns[name])
    return Message(**columns)


def _seconds(at: datetime | None) -> float | None:
    return at.timestamp() if at is not None else None


def _moment(seconds: float | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None

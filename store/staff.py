"""Our signed-in people: staff with their roles, their sessions, and the passwords they got wrong.

Hashing passwords and making tokens is not done here but in `api.security`; this file only keeps the results.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from psycopg.rows import kwargs_row

from store.database import Conn


class Role(StrEnum):
    """What somebody does here; `api.permissions` says what that allows."""

    OPERATOR = "operator"  # takes on alerts at the monitoring desk
    CLINICIAN = "clinician"  # reads charts and routines
    SUPERVISOR = "supervisor"  # looks after staff, homes and outcomes
    INSTALLER = "installer"  # looks after the equipment


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """One person who may sign in."""

    id: int
    organisation_id: int
    name: str
    email: str
    password_hash: str
    role: Role
    is_active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody is signed in, on one browser or one program."""

    token_hash: bytes
    staff_id: int
    csrf_token: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


def _staff(*, role: str, **columns: Any) -> Staff:
    return Staff(role=Role(role), **columns)


def add_staff(
    conn: Conn, *, organisation_id: int, name: str, email: str, password_hash: str, role: Role, now: datetime
) -> int:
    """A new member of staff; their id. Raises psycopg.errors.UniqueViolation if the e-mail address is taken."""
    row = conn.execute(
        """
        INSERT INTO staff (organisation_id, name, email, password_hash, role, created_at)
        VALUES (%(organisation_id)s, %(name)s, %(email)s, %(password_hash)s, %(role)s, %(now)s)
        RETURNING id
        """,
        {
            "organisation_id": organisation_id,
            "name": name,
            "email": email,
            "password_hash": password_hash,
            "role": role,
            "now": now,
        },
    ).fetchone()
    assert row is not None
    return int(row[0])


def staff_of(conn: Conn, organisation_id: int) -> list[Staff]:
    """Everybody of the organisation who may or might sign in, by name."""
    with conn.cursor(row_factory=kwargs_row(_staff)) as cur:
        return cur.execute(
            "SELECT * FROM staff WHERE organisation_id = %(organisation_id)s ORDER BY name, id",
            {"organisation_id": organisation_id},
        ).fetchall()


def staff_by_email(conn: Conn, email: str) -> Staff | None:
    """The member of staff with this e-mail address, whatever its capitals; also one who left."""
    with conn.cursor(row_factory=kwargs_row(_staff)) as cur:
        return cur.execute("SELECT * FROM staff_of_email(%(email)s)", {"email": email}).fetchone()


def set_password(conn: Conn, staff_id: int, password_hash: str) -> None:
    """Replace the password and end every session that was opened with the old one."""
    conn.execute("UPDATE staff SET password_hash = %(hash)s WHERE id = %(id)s", {"hash": password_hash, "id": staff_id})
    conn.execute("DELETE FROM session WHERE staff_id = %(id)s", {"id": staff_id})


def rehash_password(conn: Conn, staff_id: int, password_hash: str) -> None:
    """The same password, hashed anew because the parameters have grown; sessions stay."""
    conn.execute("UPDATE staff SET password_hash = %(hash)s WHERE id = %(id)s", {"hash": password_hash, "id": staff_id})


def deactivate_staff(conn: Conn, staff_id: int) -> None:
    """They may no longer sign in, and are signed out everywhere."""
    conn.execute("UPDATE staff SET is_active = false WHERE id = %(id)s", {"id": staff_id})
    conn.execute("DELETE FROM session WHERE staff_id = %(id)s", {"id": staff_id})


def open_session(conn: Conn, session: Session) -> None:
    """Somebody has signed in. Sessions that have run out are cleared away on the way."""
    conn.execute("DELETE FROM session WHERE expires_at <= %(now)s", {"now": session.created_at})
    conn.execute(
        """
        INSERT INTO session (token_hash, staff_id, csrf_token, created_at, last_seen_at, expires_at)
        VALUES (%(token_hash)s, %(staff_id)s, %(csrf_token)s, %(created_at)s, %(last_seen_at)s, %(expires_at)s)
        """,
        {
            "token_hash": session.token_hash,
            "staff_id": session.staff_id,
            "csrf_token": session.csrf_token,
            "created_at": session.created_at,
            "last_seen_at": session.last_seen_at,
            "expires_at": session.expires_at,
        },
    )


def live_session(
    conn: Conn, token_hash: bytes, *, now: datetime, idle_limit: timedelta
) -> tuple[Session, Staff] | None:
    """The session of this token with its owner; None if it ran out, lay idle too long, or its owner has left.

    Asked before the organisation is known, so through functions that give away nothing but this one session.
    """
    with conn.cursor(row_factory=kwargs_row(Session)) as sessions:
        session = sessions.execute(
            """
            SELECT token_hash, staff_id, csrf_token, created_at, last_seen_at, expires_at
              FROM session_of_token(%(token_hash)s)
             WHERE expires_at > %(now)s AND last_seen_at > %(seen_after)s
            """,
            {"token_hash": token_hash, "now": now, "seen_after": now - idle_limit},
        ).fetchone()
    if session is None:
        return None
    with conn.cursor(row_factory=kwargs_row(_staff)) as cur:
        staff = cur.execute(
            "SELECT * FROM staff_of_token(%(token_hash)s) WHERE is_active", {"token_hash": token_hash}
        ).fetchone()
    return None if staff is None else (session, staff)


def note_session_seen(conn: Conn, token_hash: bytes, *, now: datetime) -> None:
    """The session was used; it lies idle from now."""
    conn.execute(
        "UPDATE session SET last_seen_at = %(now)s WHERE token_hash = %(token_hash)s",
        {"now": now, "token_hash": token_hash},
    )


def close_session(conn: Conn, token_hash: bytes) -> None:
    """Sign out, whoever's session it was; nothing happens if it was closed already."""
    conn.execute("SELECT end_session(%(token_hash)s)", {"token_hash": token_hash})


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginFailures:
    """How many wrong passwords there were lately, and when the oldest of them was."""

    by_email: int
    oldest_by_email: datetime | None
    by_address: int
    oldest_by_address: datetime | None


def begin_login(conn: Conn, *, email: str, address: str, now: datetime, window: timedelta) -> LoginFailures | None:
    """What went wrong lately for this account and from this address.

    Until the transaction ends no other login of the account begins, so that parallel guesses cannot slip through;
    None if another one is under way.
    """
    row = conn.execute(
        "SELECT pg_try_advisory_xact_lock(hashtextextended(lower(%(email)s), 0))", {"email": email}
    ).fetchone()
    assert row is not None
    if not row[0]:
        return None
    conn.execute("DELETE FROM login_failure WHERE failed_at <= %(since)s", {"since": now - window})
    row = conn.execute(
        """
        SELECT count(*) FILTER (WHERE email = lower(%(email)s)), min(failed_at) FILTER (WHERE email = lower(%(email)s)),
               count(*) FILTER (WHERE address = %(address)s), min(failed_at) FILTER (WHERE address = %(address)s)
          FROM login_failure
         WHERE email = lower(%(email)s) OR address = %(address)s
        """,
        {"email": email, "address": address},
    ).fetchone()
    assert row is not None
    return LoginFailures(by_email=row[0], oldest_by_email=row[1], by_address=row[2], oldest_by_address=row[3])


def note_login_failure(conn: Conn, *, email: str, address: str, now: datetime) -> None:
    """A wrong password, or an account that does not exist."""
    conn.execute(
        "INSERT INTO login_failure (email, address, failed_at) VALUES (lower(%(email)s), %(address)s, %(now)s)",
        {"email": email, "address": address, "now": now},
    )


def forget_login_failures(conn: Conn, *, email: str) -> None:
    """The right password was given: the account starts afresh."""
    conn.execute("DELETE FROM login_failure WHERE email = lower(%(email)s)", {"email": email})

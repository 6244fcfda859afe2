"""Responders and response plans: who is told, in what order, after how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from psycopg.rows import kwargs_row

from store.database import Conn


class Audience(StrEnum):
    """For whom an alert is, and so which plan it follows."""

    PERSON = "person"  # the resident may need somebody
    TECHNICAL = "technical"  # the equipment needs somebody


@dataclass(frozen=True, slots=True, kw_only=True)
class Responder:
    """Somebody who is told: family, neighbour, key holder or a team's telephone."""

    id: int
    organisation_id: int
    name: str
    phone: str  # E.164
    stopped_at: datetime | None  # answered STOP: no SMS until START
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseStep:
    """These are told together; after `wait` without an answer the next step's turn comes."""

    wait: timedelta
    responder_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsePlan:
    """The ladder. An alert keeps its own copy, as it was when the alert was opened."""

    id: int | None  # None: made up because the home had no plan
    name: str
    audience: Audience
    steps: tuple[ResponseStep, ...]


def plan_json(plan: ResponsePlan) -> dict[str, Any]:
    """The plan as an alert keeps it."""
    return {
        "id": plan.id,
        "name": plan.name,
        "audience": str(plan.audience),
        "steps": [
            {"wait_seconds": step.wait.total_seconds(), "responders": list(step.responder_ids)} for step in plan.steps
        ],
    }


def plan_of_json(kept: dict[str, Any], audience: Audience) -> ResponsePlan:
    """The plan an alert kept. One that cannot be read has no steps, and then everybody is told: fail open."""
    try:
        return ResponsePlan(
            id=kept["id"],
            name=kept["name"],
            audience=audience,
            steps=tuple(
                ResponseStep(wait=timedelta(seconds=step["wait_seconds"]), responder_ids=tuple(step["responders"]))
                for step in kept["steps"]
            ),
        )
    except (KeyError, TypeError, ValueError):
        return ResponsePlan(id=None, name="unreadable plan", audience=audience, steps=())


def add_responder(conn: Conn, organisation_id: int, *, name: str, phone: str, now: datetime) -> Responder:
    """A new responder; the one with this number already, under the new name, if there is one."""
    with conn.cursor(row_factory=kwargs_row(Responder)) as cur:
        responder = cur.execute(
            """
            INSERT INTO responder (organisation_id, name, phone, created_at)
            VALUES (%(organisation_id)s, %(name)s, %(phone)s, %(now)s)
                ON CONFLICT (organisation_id, phone) DO UPDATE SET name = excluded.name
            RETURNING *
            """,
            {"organisation_id": organisation_id, "name": name, "phone": phone, "now": now},
        ).fetchone()
    assert responder is not None
    return responder


def responders_of(conn: Conn, organisation_id: int) -> list[Responder]:
    """The organisation's responders by name. Whoever has `stopped_at` set gets no SMS: the pages say so."""
    with conn.cursor(row_factory=kwargs_row(Responder)) as cur:
        return cur.execute(
            "SELECT * FROM responder WHERE organisation_id = %(organisation_id)s ORDER BY name, id",
            {"organisation_id": organisation_id},
        ).fetchall()


def responder_by_id(conn: Conn, responder_id: int) -> Responder | None:
    """The responder."""
    with conn.cursor(row_factory=kwargs_row(Responder)) as cur:
        return cur.execute("SELECT * FROM responder WHERE id = %(id)s", {"id": responder_id}).fetchone()


def responders_with_phone(conn: Conn, phone: str) -> list[Responder]:
    """Whoever has this number, in any organisation."""
    with conn.cursor(row_factory=kwargs_row(Responder)) as cur:
        return cur.execute("SELECT * FROM responder WHERE phone = %(phone)s ORDER BY id", {"phone": phone}).fetchall()


def stop_responder(conn: Conn, responder_id: int, *, now: datetime) -> bool:
    """They answered STOP. True if they had not before."""
    cur = conn.execute(
        "UPDATE responder SET stopped_at = %(now)s WHERE id = %(id)s AND stopped_at IS NULL",
        {"id": responder_id, "now": now},
    )
    return cur.rowcount == 1


def start_responder(conn: Conn, responder_id: int) -> bool:
    """They answered START. True if they had been stopped."""
    cur = conn.execute(
        "UPDATE responder SET stopped_at = NULL WHERE id = %(id)s AND stopped_at IS NOT NULL", {"id": responder_id}
    )
    return cur.rowcount == 1


def add_plan(
    conn: Conn, organisation_id: int, *, name: str, audience: Audience, steps: tuple[ResponseStep, ...]
) -> ResponsePlan:
    """A new plan, or new steps for the plan of that name. Open alerts keep the plan they were opened with."""
    row = conn.execute(
        """
        INSERT INTO response_plan (organisation_id, name, audience)
        VALUES (%(organisation_id)s, %(name)s, %(audience)s)
            ON CONFLICT (organisation_id, name) DO UPDATE SET audience = excluded.audience
        RETURNING id
        """,
        {"organisation_id": organisation_id, "name": name, "audience": audience},
    ).fetchone()
    assert row is not None
    plan = ResponsePlan(id=row[0], name=name, audience=audience, steps=steps)

    conn.execute("DELETE FROM response_step WHERE plan_id = %(id)s", {"id": plan.id})
    with conn.cursor() as cur:
        cur.executemany(
            """
            INSERT INTO response_step (plan_id, position, wait, responder_id)
            VALUES (%(plan_id)s, %(position)s, %(wait)s, %(responder_id)s)
            """,
            [
                {"plan_id": plan.id, "position": position, "wait": step.wait, "responder_id": responder_id}
                for position, step in enumerate(steps)
                for responder_id in step.responder_ids
            ],
        )
    return plan


def plans_of(conn: Conn, organisation_id: int) -> list[ResponsePlan]:
    """The organisation's plans, oldest first."""
    rows = conn.execute(
        "SELECT id, name, audience FROM response_plan WHERE organisation_id = %(organisation_id)s ORDER BY id",
        {"organisation_id": organisation_id},
    ).fetchall()
    return [_plan(conn, *row) for row in rows]


def plan_by_id(conn: Conn, plan_id: int) -> ResponsePlan | None:
    """The plan as it stands now."""
    row = conn.execute("SELECT id, name, audience FROM response_plan WHERE id = %(id)s", {"id": plan_id}).fetchone()
    return None if row is None else _plan(conn, *row)


def _plan(conn: Conn, plan_id: int, name: str, audience: str) -> ResponsePlan:
    rows = conn.execute(
        """
        SELECT max(wait), array_agg(responder_id ORDER BY responder_id)
          FROM response_step
         WHERE plan_id = %(id)s
         GROUP BY position
         ORDER BY position
        """,
        {"id": plan_id},
    ).fetchall()
    steps = tuple(ResponseStep(wait=wait, responder_ids=tuple(ids)) for wait, ids in rows)
    return ResponsePlan(id=plan_id, name=name, audience=Audience(audience), steps=steps)

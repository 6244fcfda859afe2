"""Who may touch which rows: one line a table, made into grants and row-level security by `guard`.

Three roles. The owner migrates. `service` (ingest, anomaly, alerts) works for all organisations, but owns nothing and
changes no table's shape. `pages` (api) sees only rows of the organisation that `act_for` names for its transaction.
This guards against a query that forgot its organisation, not against somebody who has taken over the api process: that
process may name any organisation. The roles themselves are made by `store.roles`.
"""

import hashlib
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from store.database import Conn

OWN = "(SELECT public.own_organisation())"  # a sub-select: computed once a query, not once a row
OF_ORGANISATION: LiteralString = f"organisation_id = {OWN}"
OF_HOME: LiteralString = "EXISTS (SELECT 1 FROM public.home WHERE home.id = home_id)"  # filtered by home's own policy
EVERYTHING: LiteralString = "SELECT, INSERT, UPDATE, DELETE"
ADD_ONLY: LiteralString = "SELECT, INSERT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What is decided about a table."""

    own: LiteralString | None  # holds for rows of the organisation that is acted for; None: belongs to no organisation
    pages: LiteralString = ""  # what the api process may do with those rows
    written: LiteralString | None = None  # holds for every row it adds or changes, if that is not `own`
    service: LiteralString = EVERYTHING


# A table that is not here gets no grant for the pages, and a test fails until somebody has decided.
ACCESS: dict[str, Access] = {
    "organisation": Access(own=f"id = {OWN}", pages="SELECT"),
    # Sign-in and sessions: before the organisation is known, the functions of migration 0009 stand in.
    "staff": Access(own=OF_ORGANISATION, pages="SELECT, UPDATE (password_hash)"),
    "session": Access(
        own="EXISTS (SELECT 1 FROM public.staff WHERE staff.id = staff_id)",
        pages="SELECT (token_hash, staff_id, expires_at), INSERT, UPDATE (last_seen_at), DELETE",
    ),
    "login_failure": Access(own=None, pages="SELECT, INSERT, DELETE"),  # of addresses that may be nobody's
    "responder": Access(own=OF_ORGANISATION, pages="SELECT"),
    "response_plan": Access(own=OF_ORGANISATION, pages="SELECT"),
    "response_step": Access(
        own="EXISTS (SELECT 1 FROM public.response_plan WHERE response_plan.id = plan_id)", pages="SELECT"
    ),
    "home": Access(own=OF_ORGANISATION, pages="SELECT"),
    "resident": Access(own=OF_HOME, pages="SELECT"),
    "absence": Access(own=OF_HOME, pages=ADD_ONLY),
    "watching": Access(own=OF_HOME, pages="SELECT, INSERT, UPDATE"),
    "shadow_finding": Access(own=OF_HOME, pages="SELECT"),
    "usual_day": Access(own=OF_HOME, pages=ADD_ONLY),
    "governor_day": Access(own=OF_ORGANISATION, pages="SELECT", service=ADD_ONLY),
    "hub": Access(own=OF_HOME, pages="SELECT"),
    "intake": Access(own=OF_HOME),
    "intake_day": Access(own=OF_HOME, pages="SELECT"),
    "hub_sequence": Access(own=OF_HOME),
    "bridge_delivery": Access(own=OF_HOME),
    "hub_clock": Access(own=OF_HOME, pages="SELECT"),
    "hub_gap": Access(own=OF_HOME, pages="SELECT"),
    "hub_credential": Access(own=OF_HOME),  # a broker's question is answered by hub_credential_of
    "sensor": Access(own=OF_HOME, pages="SELECT"),
    "plug_fall": Access(own="EXISTS (SELECT 1 FROM public.sensor WHERE sensor.id = sensor_id)"),
    "sensor_offer": Access(own=OF_HOME, pages="SELECT"),
    "rejected_message": Access(own=OF_HOME, pages="SELECT"),
    "rejected_hour": Access(own=OF_HOME, pages="SELECT"),
    "routine": Access(own=OF_HOME, pages="SELECT"),
    "routine_snapshot": Access(own=OF_HOME),
    "deviation": Access(own=OF_HOME, pages="SELECT"),
    "fault": Access(own=OF_HOME, pages=ADD_ONLY),  # adds: what staff report
    "equipment_day": Access(own=OF_HOME, pages="SELECT"),
    "battery_forecast": Access(own=OF_HOME, pages="SELECT"),
    "coverage_day": Access(own=OF_HOME, pages="SELECT"),
    "coverage_until": Access(own=OF_HOME),
    "alert": Access(own=OF_ORGANISATION, written=f"{OF_ORGANISATION} AND {OF_HOME}", pages="SELECT, UPDATE"),
    "alert_history": Access(
        own="EXISTS (SELECT 1 FROM public.alert WHERE alert.id = alert_id)", pages=ADD_ONLY, service=ADD_ONLY
    ),
    "alert_finding": Access(own="EXISTS (SELECT 1 FROM public.alert WHERE alert.id = alert_id)", pages="SELECT"),
    "notification": Access(
        own="EXISTS (SELECT 1 FROM public.responder WHERE responder.id = responder_id)", pages="SELECT"
    ),
    # What the provider posts belongs to nobody until `alerts` has read it: the pages add, and never look.
    "provider_callback": Access(own=None, pages="INSERT"),
    "inbound_message": Access(
        own="EXISTS (SELECT 1 FROM public.alert WHERE alert.id = alert_id)",
        pages="INSERT",
        written="alert_id IS NULL AND handled_at IS NULL",
    ),
    "audit": Access(
        own=OF_ORGANISATION,
        pages="INSERT",
        written=f"{OF_ORGANISATION} OR (organisation_id IS NULL AND staff_id IS NULL AND home_id IS NULL)",
        service=ADD_ONLY,
    ),
    "service_seen": Access(own=None, pages="SELECT, INSERT, UPDATE"),
    "restored": Access(own=None, service="SELECT, INSERT, UPDATE"),
    "migration": Access(own=None, pages="SELECT", service="SELECT"),
    "schema_compatibility": Access(own=None, pages="SELECT", service="SELECT"),
    # Hypertables: row-level security is not allowed there, so the pages see them through `guarded` only.
    "sensor_event": Access(own=None),
    "hub_check_in": Access(own=None),
}

# Relations with a home_id that the pages read through a view of the same name in the schema `guarded`.
GUARDED = ("sensor_event", "hub_check_in", "sensor_quarter", "sensor_hour", "home_day")

FUNCTIONS = (
    "staff_of_email(text)",
    "session_of_token(bytea)",
    "staff_of_token(bytea)",
    "end_session(bytea)",
    "count_audit(text, timestamptz)",
    "count_replies_waiting()",
    "count_rejected_of_no_home(timestamptz)",
    "hub_credential_of(text)",
)


_LOCK = 7_031_853_009  # any fixed number; two of `guard` never run at once


def act_for(conn: Conn, organisation_id: int) -> None:
    """Until this transaction ends, the role of the pages sees and changes rows of this organisation alone."""
    conn.execute("SELECT set_config('app.org', %(id)s, true)", {"id": str(organisation_id)})


def guard(conn: Conn, *, service: str, pages: str, anew: bool = False) -> bool:
    """Bring grants and policies to what stands above, in one transaction; False if they were so already.

    That is told by a mark; `anew` does it all the same, because somebody has taken a grant away since.
    Needs a connection of the tables' owner in autocommit. A role that does not exist is left out.
    Every table is locked for a moment, and only if something is to be changed.
    """
    with conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(%(lock)s)", {"lock": _LOCK})
        entry = _entry(conn, service=service, pages=pages)
        statements = _statements(conn, service=service, pages=pages)
        mark = _mark(conn, statements, service=service, pages=pages)
        if not anew and not entry and _kept_mark(conn) == mark:
            return False
        for statement in [*entry, *statements]:
            conn.execute(statement)
        conn.execute(sql.SQL("COMMENT ON SCHEMA guarded IS {}").format(mark))
    return True


def is_guarded(conn: Conn, *, service: str, pages: str) -> bool:
    """True if `guard` would change nothing."""
    statements = _statements(conn, service=service, pages=pages)
    return _kept_mark(conn) == _mark(conn, statements, service=service, pages=pages)


def _statements(conn: Conn, *, service: str, pages: str) -> list[sql.Composed]:
    owner = _one(conn, "SELECT current_user")
    there = _others_there(conn, service, pages)
    service_there = service if service in there else None
    pages_there = pages if pages in there else None
    found: list[sql.Composed] = []
    for table in relations(conn, "r", "p"):
        found += _table(table, owner=owner, service=service_there, pages=pages_there)
    if service_there:
        found += [_grant("SELECT", view, service_there) for view in relations(conn, "v", "m")]
    if pages_there:  # these read with the rights of whoever asks, so row-level security holds behind them
        found += [_grant("SELECT", view, pages_there) for view in invokers_views(conn)]
    found += _guarded_views(conn, pages_there)
    for role in there:
        found += [
            sql.SQL("GRANT EXECUTE ON FUNCTION public.{} TO {}").format(sql.SQL(function), sql.Identifier(role))
            for function in FUNCTIONS
        ]
    return found


def _entry(conn: Conn, *, service: str, pages: str) -> list[sql.Composed]:
    """Into the database and its schemas, and nothing to be made there except temporary tables for batches.

    Only what is lacking: PostgreSQL gives most of it to everybody, and not every owner of tables may give it.
    """
    database = _one(conn, "SELECT current_database()")
    wanted = [("DATABASE", database, "CONNECT"), ("SCHEMA", "public", "USAGE"), ("SCHEMA", "guarded", "USAGE")]
    found = []
    for role in _others_there(conn, service, pages):
        for kind, name, power in [*wanted, *([("DATABASE", database, "TEMPORARY")] if role == service else [])]:
            if not _may(conn, role, kind, name, power):
                found.append(
                    sql.SQL("GRANT {} ON {} {} TO {}").format(
                        sql.SQL(power), sql.SQL(kind), sql.Identifier(name), sql.Identifier(role)
                    )
                )
        if _may(conn, role, "SCHEMA", "public", "CREATE"):
            found.append(sql.SQL("REVOKE CREATE ON SCHEMA public FROM PUBLIC, {}").format(sql.Identifier(role)))
    return found


def _table(table: str, *, owner: str, service: str | None, pages: str | None) -> list[sql.Composed]:
    access = ACCESS.get(table, Access(own=None))
    name = sql.Identifier("public", table)
    found = [
        sql.SQL("REVOKE ALL ON {} FROM {}").format(name, sql.Identifier(role)) for role in (service, pages) if role
    ]
    if service:
        found.append(_grant(access.service, table, service))
    if pages and access.pages:
        found.append(_grant(access.pages, table, pages))
    if access.own is None:
        return found
    all_roles = sql.SQL(", ").join(sql.Identifier(role) for role in (owner, service) if role)
    found += [
        sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(name),
        sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(name),
        *(
            sql.SQL("DROP POLICY IF EXISTS {} ON {}").format(sql.Identifier(policy), name)
            for policy in ("all_organisations", "own_organisation")
        ),
        sql.SQL("CREATE POLICY all_organisations ON {} TO {} USING (true)").format(name, all_roles),
    ]
    if pages:
        found.append(
            sql.SQL("CREATE POLICY own_organisation ON {} TO {} USING ({}) WITH CHECK ({})").format(
                name, sql.Identifier(pages), sql.SQL(access.own), sql.SQL(access.written or access.own)
            )
        )
    return found


def _guarded_views(conn: Conn, pages: str | None) -> list[sql.Composed]:
    """`SELECT *` is expanded when a view is made: made anew, so that it has the columns of today."""
    found = []
    there = relations(conn, "r", "p", "v", "m")
    for relation in (name for name in GUARDED if name in there):
        view, base = sql.Identifier("guarded", relation), sql.Identifier("public", relation)
        found.append(sql.SQL("DROP VIEW IF EXISTS {}").format(view))
        found.append(
            sql.SQL(
                "CREATE VIEW {} WITH (security_barrier) AS SELECT seen.* FROM {} AS seen WHERE EXISTS (SELECT 1 "
                "FROM public.home WHERE home.id = seen.home_id AND home.organisation_id = {})"
            ).format(view, base, sql.SQL(OWN))
        )
        if pages:
            found.append(sql.SQL("GRANT SELECT ON {} TO {}").format(view, sql.Identifier(pages)))
    return found


def _grant(what: LiteralString, relation: str, role: str) -> sql.Composed:
    return sql.SQL("GRANT {} ON {} TO {}").format(
        sql.SQL(what), sql.Identifier("public", relation), sql.Identifier(role)
    )


def _mark(conn: Conn, statements: list[sql.Composed], *, service: str, pages: str) -> str:
    """Changes when any statement does, or a role or a relation was made anew."""
    made = conn.execute(
        """
        SELECT (SELECT array_agg(oid::bigint ORDER BY oid) FROM pg_roles WHERE rolname IN (%(service)s, %(pages)s)),
               (SELECT array_agg(attrelid::regclass::text || ' ' || attname ORDER BY attrelid::regclass::text, attnum)
                  FROM pg_attribute
                 WHERE attrelid = ANY(%(guarded)s::regclass[]) AND attnum > 0 AND NOT attisdropped)
        """,
        {
            "service": service,
            "pages": pages,
            "guarded": [f"public.{name}" for name in GUARDED if name in relations(conn, "r", "p", "v", "m")],
        },
    ).fetchone()
    text = "\n".join(statement.as_string(conn) for statement in statements)
    return "telecare access " + hashlib.sha256(f"{made}\n{text}".encode()).hexdigest()


def _kept_mark(conn: Conn) -> str:
    return _one(conn, "SELECT coalesce(obj_description(to_regnamespace('guarded'), 'pg_namespace'), '')")


def relations(conn: Conn, *kinds: str) -> list[str]:
    """Our tables or views by name; what an extension brought is not ours."""
    rows = conn.execute(
        """
        SELECT relname FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind = ANY(%(kinds)s::"char"[])
           AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
                                                     AND deptype = 'e')
         ORDER BY relname
        """,
        {"kinds": list(kinds)},
    ).fetchall()
    return [row[0] for row in rows]


def invokers_views(conn: Conn) -> list[str]:
    """Our views that read with the rights of whoever asks."""
    rows = conn.execute(
        """
        SELECT relname FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind = 'v' AND 'security_invoker=true' = ANY(reloptions)
         ORDER BY relname
        """
    ).fetchall()
    return [row[0] for row in rows]


def _others_there(conn: Conn, *names: str) -> list[str]:
    """Which of these roles exist and are not we ourselves."""
    rows = conn.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%(names)s) AND rolname <> current_user",
        {"names": list(names)},
    ).fetchall()
    there = {row[0] for row in rows}
    return [name for name in names if name in there]


def _may(conn: Conn, role: str, kind: LiteralString, name: str, power: LiteralString) -> bool:
    asked: LiteralString = "has_database_privilege" if kind == "DATABASE" else "has_schema_privilege"
    row = conn.execute(sql.SQL("SELECT {}({}, {}, {})").format(sql.SQL(asked), role, name, power)).fetchone()
    return row is not None and bool(row[0])


def _one(conn: Conn, query: LiteralString) -> str:
    row = conn.execute(query).fetchone()
    assert row is not None
    return str(row[0])

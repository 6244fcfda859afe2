"""The one place that knows TimescaleDB: which kind of database this is, and what becomes of tables and views there.

The migrations are ordinary SQL for every server. After them, `arrange` makes hypertables of the two time series, packs
what is older than a week by home, keeps the figures of every quarter hour ready in a continuous aggregate and sets the
policies. It looks at what is there and does what is missing, so that it may run after every migration, and so that a
plain installation moves over by creating the extension and migrating again.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import LiteralString

from psycopg import sql

from store.database import Conn

OLDEST = (2, 20)  # the columnstore under its present names, and quick writes into packed chunks
CHUNK = timedelta(days=1)
FIGURES = "sensor_quarter_kept"  # what the view `sensor_quarter` reads here
_SERIES: tuple[LiteralString, ...] = ("sensor_event", "hub_check_in")
_FRESH = timedelta(hours=1)  # quarter hours younger than this are computed when they are asked for
_REFRESH_EVERY = timedelta(minutes=30)  # and late events show in the figures after at most so long
_FIGURES_PACKED_AFTER = timedelta(days=30)


class Kind(StrEnum):
    """What kind of database this is; the value is for people."""

    PLAIN = "plain PostgreSQL"
    TIMESCALE = "TimescaleDB"


class UnfitTimescale(Exception):
    """TimescaleDB is there but cannot do what we need; `str()` says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """What the database does by itself as time goes by; None keeps for ever."""

    compress_after: timedelta
    keep_events: timedelta | None
    keep_check_ins: timedelta | None
    keep_activity: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One of TimescaleDB's background policies as it should be."""

    relation: LiteralString
    procedure: str  # TimescaleDB's name of it
    config: dict[str, timedelta | None]  # what of its configuration is ours
    add: sql.Composed | None  # None: there should be none
    remove: sql.Composed


def database_kind(conn: Conn) -> Kind:
    """Which kind of database this is: TimescaleDB if its extension has been created here."""
    row = conn.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    return Kind.PLAIN if row is None else Kind.TIMESCALE


def is_offered(conn: Conn) -> bool:
    """True if the server has TimescaleDB, whether or not this database uses it."""
    row = conn.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'").fetchone()
    return row is not None


def describe(conn: Conn) -> str:
    """The kind and versions of this database, in a sentence for whoever migrates it."""
    row = conn.execute(
        """
        SELECT current_setting('server_version'),
               (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb')
        """
    ).fetchone()
    assert row is not None
    server, extension = row
    if extension is not None:
        return f"PostgreSQL {server} with TimescaleDB {extension}: hypertables, compression, continuous aggregates"
    if is_offered(conn):
        return (
            f"plain PostgreSQL {server}; TimescaleDB is installed on this server but not used: "
            "CREATE EXTENSION timescaledb, then telecare migrate moves the time series over"
        )
    return f"plain PostgreSQL {server}: ordinary tables and views"


def arrange(conn: Conn, policies: Policies) -> list[str]:
    """Do what is missing, in one transaction; what was done. Nothing on plain PostgreSQL.

    Making a hypertable of a table with rows moves them and locks the table meanwhile. Raises UnfitTimescale.
    """
    if database_kind(conn) is Kind.PLAIN:
        return []
    _require_fit(conn)
    with conn.transaction():
        return [*_hypertables(conn), *_figures(conn), *_jobs(conn, policies)]


def _require_fit(conn: Conn) -> None:
    row = conn.execute(
        """
        SELECT extversion, current_setting('timescaledb.license', true) FROM pg_extension WHERE extname = 'timescaledb'
        """
    ).fetchone()
    assert row is not None
    version, edition = row
    numbers = tuple(int(part) for part in version.split("-")[0].split(".")[:2])
    if numbers < OLDEST:
        raise UnfitTimescale(
            f"TimescaleDB {version} is too old: at least {OLDEST[0]}.{OLDEST[1]} is needed "
            "(ALTER EXTENSION timescaledb UPDATE as the first statement of a new session)"
        )
    if edition != "timescale":
        raise UnfitTimescale(
            "this TimescaleDB is the Apache edition, which has no compression and no continuous aggregates: install "
            "the Community edition, or use a database without the extension"
        )


def _hypertables(conn: Conn) -> list[str]:
    done: list[str] = []
    for table in _SERIES:
        is_there = conn.execute(
            """
            SELECT compression_enabled FROM timescaledb_information.hypertables
             WHERE hypertable_schema = 'public' AND hypertable_name = %(table)s
            """,
            {"table": table},
        ).fetchone()
        if is_there is None:
            conn.execute(
                """
                SELECT create_hypertable(%(table)s::regclass, by_range('occurred_at', %(chunk)s::interval),
                                         create_default_indexes => false, migrate_data => true)
                """,
                {"table": f"public.{table}", "chunk": CHUNK},
            )
            done.append(f"{table} is a hypertable with chunks of a day")
        if is_there is None or not is_there[0]:
            # By home, in order: a home's day lies together, and is read alone.
            conn.execute(
                sql.SQL(
                    "ALTER TABLE public.{} SET (timescaledb.enable_columnstore, timescaledb.segmentby = 'home_id', "
                    "timescaledb.orderby = 'occurred_at, number')"
                ).format(sql.Identifier(table))
            )
            done.append(f"{table} is packed by home")
    return done


def _figures(conn: Conn) -> list[str]:
    """The same figures as the view of migration 0005 computes, kept ready; and the view reads them from now on."""
    is_there = conn.execute(
        """
        SELECT FROM timescaledb_information.continuous_aggregates
         WHERE view_schema = 'public' AND view_name = %(name)s
        """,
        {"name": FIGURES},
    ).fetchone()
    if is_there is not None:
        return []
    # `materialized_only = false`: what is not computed ahead yet is computed when asked for, so they are never behind.
    conn.execute(
        """
        CREATE MATERIALIZED VIEW public.sensor_quarter_kept
          WITH (timescaledb.continuous, timescaledb.materialized_only = false,
                timescaledb.create_group_indexes = false) AS
        SELECT home_id,
               sensor_id,
               time_bucket('15 minutes', occurred_at) AS quarter_at,
               count(*) AS events,
               count(*) FILTER (WHERE value > 0) AS on_events,
               min(occurred_at) FILTER (WHERE value > 0) AS first_on_at,
               max(occurred_at) FILTER (WHERE value > 0) AS last_on_at,
               min(value) AS lowest,
               max(value) AS highest,
               sum(value) AS total
          FROM public.sensor_event
         GROUP BY home_id, sensor_id, time_bucket('15 minutes', occurred_at)
          WITH NO DATA
        """
    )
    conn.execute("CREATE INDEX sensor_quarter_kept_home ON public.sensor_quarter_kept (home_id, quarter_at)")
    # Replaced, not dropped: grants stay, and so do the views built on it.
    conn.execute(
        """
        CREATE OR REPLACE VIEW public.sensor_quarter AS
        SELECT home_id, sensor_id, quarter_at, events, on_events, first_on_at, last_on_at, lowest, highest, total
          FROM public.sensor_quarter_kept
        """
    )
    conn.execute(
        """
        ALTER MATERIALIZED VIEW public.sensor_quarter_kept
          SET (timescaledb.enable_columnstore, timescaledb.segmentby = 'home_id, sensor_id',
               timescaledb.orderby = 'quarter_at')
        """
    )
    return ["sensor_quarter reads a continuous aggregate"]


def _jobs(conn: Conn, policies: Policies) -> list[str]:
    done: list[str] = []
    for job in _wanted(policies):
        found = _configuration(conn, job)
        if job.add is None:
            if found is not None:
                conn.execute(job.remove)
                done.append(f"{job.relation}: no {job.procedure} any more")
        elif found != job.config:
            conn.execute(job.remove)
            conn.execute(job.add)
            said = ", ".join(f"{key} {_in_words(value)}" for key, value in job.config.items() if value is not None)
            done.append(f"{job.relation}: {job.procedure} ({said})")
    return done


def _in_words(duration: timedelta) -> str:
    if duration % CHUNK:
        return f"{duration / timedelta(hours=1):g} hours"
    return f"{duration / CHUNK:g} days"


def _wanted(policies: Policies) -> list[_Job]:
    keep = {
        "sensor_event": policies.keep_events,
        "hub_check_in": policies.keep_check_ins,
        FIGURES: policies.keep_activity,
    }
    pack = dict.fromkeys(_SERIES, policies.compress_after) | {
        FIGURES: max(_FIGURES_PACKED_AFTER, policies.compress_after)
    }
    # A late event is rarely old, but may be: so every quarter hour that changed is computed again, whatever its age.
    # Not so what is about to be deleted, because its figures shall outlive it.
    begin = None if policies.keep_events is None else policies.keep_events - 2 * CHUNK
    wanted = [
        _Job(
            relation="sensor_quarter_kept",
            procedure="policy_refresh_continuous_aggregate",
            config={"start_offset": begin, "end_offset": _FRESH},
            add=sql.SQL(
                "SELECT add_continuous_aggregate_policy('public.sensor_quarter_kept', start_offset => {}::interval, "
                "end_offset => {}::interval, schedule_interval => {}::interval)"
            ).format(sql.Literal(begin), sql.Literal(_FRESH), sql.Literal(_REFRESH_EVERY)),
            remove=sql.SQL(
                "SELECT remove_continuous_aggregate_policy('public.sensor_quarter_kept', if_exists => true)"
            ).format(),
        )
    ]
    for relation in (*_SERIES, FIGURES):
        name = sql.Literal(f"public.{relation}")
        wanted.append(
            _Job(
                relation=relation,
                procedure="policy_compression",
                config={"compress_after": pack[relation]},
                add=sql.SQL("CALL add_columnstore_policy({}, after => {}::interval)").format(
                    name, sql.Literal(pack[relation])
                ),
                remove=sql.SQL("CALL remove_columnstore_policy({}, if_exists => true)").format(name),
            )
        )
        kept = keep[relation]
        wanted.append(
            _Job(
                relation=relation,
                procedure="policy_retention",
                config={"drop_after": kept},
                add=None
                if kept is None
                else sql.SQL("SELECT add_retention_policy({}, drop_after => {}::interval)").format(
                    name, sql.Literal(kept)
                ),
                remove=sql.SQL("SELECT remove_retention_policy({}, if_exists => true)").format(name),
            )
        )
    return wanted


def _configuration(conn: Conn, job: _Job) -> dict[str, timedelta | None] | None:
    """What of the policy's configuration is ours, as it is now; None if there is no such policy."""
    row = conn.execute(
        """
        SELECT config FROM timescaledb_information.jobs
         WHERE proc_name = %(procedure)s AND hypertable_schema = 'public' AND hypertable_name = %(relation)s
        """,
        {"procedure": job.procedure, "relation": job.relation},
    ).fetchone()
    if row is None:
        return None
    found: dict[str, timedelta | None] = {}
    for key in job.config:
        said = conn.execute("SELECT %(text)s::text::interval", {"text": row[0].get(key)}).fetchone()
        assert said is not None
        found[key] = said[0]
    return found

"""Row-level security, generated from the catalogue: every table there is, and every table somebody will add."""

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege, UniqueViolation

from store.access import ACCESS, FUNCTIONS, GUARDED, act_for
from store.database import Conn, DatabaseSettings
from store.roles import powers_of
from tests.conftest import Database
from tests.store.catalogue import Rows, Table, add_rows, condition, insert, of_an_organisation, row_of, tables

pytestmark = pytest.mark.database


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A row of ours and one of theirs in every table that belongs to an organisation."""

    tables: list[Table]
    ours: Rows
    theirs: Rows
    settings: DatabaseSettings
    database: Database

    @contextlib.contextmanager
    def as_pages(self, *, acting_for: Rows | None) -> Iterator[Conn]:
        with contextlib.closing(psycopg.connect(self.database.as_pages(self.settings).database_url)) as conn:
            if acting_for is not None:
                act_for(conn, acting_for.of["organisation"]["id"])
            yield conn
            conn.rollback()


@pytest.fixture
def scene(conn: Conn, settings: DatabaseSettings, database: Database) -> Scene:
    ordered = of_an_organisation(tables(conn))
    numbers = itertools.count(1)
    made = [add_rows(conn, ordered, numbers) for _ in range(2)]
    conn.commit()
    return Scene(tables=ordered, ours=made[0], theirs=made[1], settings=settings, database=database)


def may(conn: Conn, table: Table, power: str) -> bool:
    """Whether the role has this power over any column; through the view where there is one."""
    row = conn.execute(
        "SELECT has_any_column_privilege(to_regclass(%(table)s), %(power)s)", {"table": table.name, "power": power}
    ).fetchone()
    return bool(row and row[0])


def sees(conn: Conn, table: Table, rows: Rows) -> int:
    key = rows.of[table.name]
    statement = sql.SQL("SELECT count(*) FROM {} WHERE {}").format(sql.Identifier(table.name), condition(key))
    row = conn.execute(statement, key).fetchone()
    assert row is not None
    return int(row[0])


def test_every_table_has_been_decided_about(conn: Conn) -> None:
    undecided = set(tables(conn)) - set(ACCESS)
    assert not undecided, "say in store/access.py who may touch it, or the pages cannot read it"
    assert not set(ACCESS) - set(tables(conn)), "store/access.py speaks of tables that are gone"


def test_every_table_of_an_organisation_is_under_forced_row_level_security_or_behind_a_view(
    conn: Conn, scene: Scene
) -> None:
    rows = conn.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relrowsecurity"
        " AND relforcerowsecurity"
    ).fetchall()
    forced = {row[0] for row in rows}
    assert {table.name for table in scene.tables} - forced == {"sensor_event", "hub_check_in"}


def test_the_pages_read_rows_of_their_own_organisation_and_of_no_other(scene: Scene) -> None:
    read = []
    with scene.as_pages(acting_for=scene.ours) as conn:
        for table in scene.tables:
            if not may(conn, table, "SELECT"):
                continue
            assert sees(conn, table, scene.ours) == 1, f"{table.name}: our own row"
            assert sees(conn, table, scene.theirs) == 0, f"{table.name}: their row"
            read.append(table.name)
    assert {"home", "resident", "alert", "notification", "sensor_event", "hub_check_in", "routine"} <= set(read)


def test_without_an_organisation_the_pages_see_no_row_at_all(scene: Scene) -> None:
    for was_set_before in (False, True):
        with scene.as_pages(acting_for=None) as conn:
            if was_set_before:  # an emptied setting is not the same to PostgreSQL as one that never was
                act_for(conn, scene.ours.of["organisation"]["id"])
                conn.commit()
            for table in scene.tables:
                if may(conn, table, "SELECT"):
                    key = scene.ours.of[table.name]
                    first = sql.Identifier(next(iter(key)))
                    found = conn.execute(
                        sql.SQL("SELECT count({}) FROM {}").format(first, sql.Identifier(table.name))
                    ).fetchone()
                    assert found == (0,), table.name


def test_the_pages_change_and_delete_nothing_of_another_organisation(conn: Conn, scene: Scene) -> None:
    changed = set()
    with scene.as_pages(acting_for=scene.ours) as pages:
        for table in scene.tables:
            column = next((c.name for c in table.columns if changeable(pages, table, c.name)), None)
            if column is not None:
                cur = pages.execute(
                    sql.SQL("UPDATE {0} SET {1} = {1}").format(sql.Identifier(table.name), sql.Identifier(column))
                )
                assert cur.rowcount == 1, f"{table.name}: only our own row"
                changed.add(table.name)
            elif not may(pages, table, "UPDATE"):
                name = sql.Identifier(next(c.name for c in table.columns if not c.is_made_by_database))
                with pytest.raises(InsufficientPrivilege), pages.transaction():
                    pages.execute(sql.SQL("UPDATE {0} SET {1} = {1}").format(sql.Identifier(table.name), name))
            if may_delete(pages, table):
                assert pages.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name))).rowcount == 1
                changed.add(table.name)
            else:
                with pytest.raises(InsufficientPrivilege), pages.transaction():
                    pages.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)))
    assert changed == {"staff", "session", "alert", "watching"}
    for table in scene.tables:
        assert sees(conn, table, scene.theirs) == 1, f"{table.name}: theirs is as it was"


def test_the_pages_add_nothing_to_another_organisation(scene: Scene) -> None:
    added = set()
    numbers = itertools.count(1000)
    for table in scene.tables:
        with scene.as_pages(acting_for=scene.ours) as conn:
            with pytest.raises(InsufficientPrivilege), conn.transaction():
                insert(conn, table, row_of(table, scene.theirs, next(numbers)), returning=False)
            if may(conn, table, "INSERT") and table.name != "inbound_message":
                with contextlib.suppress(UniqueViolation):  # one a home: that is found out after the policy was asked
                    insert(conn, table, row_of(table, scene.ours, next(numbers)), returning=False)
                added.add(table.name)
    assert added == {"session", "alert_history", "audit", "absence", "watching", "usual_day", "fault"}


def test_an_alert_cannot_be_moved_to_another_organisation_or_home(scene: Scene) -> None:
    for column, value in (
        ("organisation_id", scene.theirs.of["organisation"]["id"]),
        ("home_id", scene.theirs.of["home"]["id"]),
    ):
        with scene.as_pages(acting_for=scene.ours) as conn, pytest.raises(InsufficientPrivilege):
            conn.execute(sql.SQL("UPDATE alert SET {} = %s").format(sql.Identifier(column)), [value])


def test_a_reply_can_be_left_by_anybody_and_read_by_no_page(scene: Scene) -> None:
    with scene.as_pages(acting_for=None) as conn:
        row = {"provider_id": "SM1", "phone": "+447700900001", "body": "1", "received_at": "2026-03-10T12:00:00Z"}
        added = (
            "INSERT INTO inbound_message (provider_id, phone, body, received_at)"
            " VALUES (%(provider_id)s, %(phone)s, %(body)s, %(received_at)s) ON CONFLICT DO NOTHING"
        )
        assert conn.execute(added, row).rowcount == 1
        assert conn.execute(added, row).rowcount == 0
        for forbidden in ("SELECT body FROM inbound_message", "SELECT status FROM provider_callback"):
            with pytest.raises(InsufficientPrivilege), conn.transaction():
                conn.execute(forbidden.encode())


def test_the_time_series_cannot_be_read_past_their_views(scene: Scene) -> None:
    with scene.as_pages(acting_for=scene.ours) as conn:
        for name in GUARDED:
            with pytest.raises(InsufficientPrivilege), conn.transaction():
                conn.execute(sql.SQL("SELECT 1 FROM public.{}").format(sql.Identifier(name)))


def test_the_services_see_everything_and_change_no_table(scene: Scene) -> None:
    with contextlib.closing(psycopg.connect(scene.database.as_service(scene.settings).database_url)) as conn:
        assert powers_of(conn).words == ""
        for table in scene.tables:
            assert sees(conn, table, scene.ours) == sees(conn, table, scene.theirs) == 1, table.name
        for statement in (
            "CREATE TABLE public.mine (id integer)",
            "CREATE TABLE guarded.mine (id integer)",
            "ALTER TABLE home ADD COLUMN mine integer",
            "ALTER TABLE home DISABLE ROW LEVEL SECURITY",
            "DROP TABLE plug_fall",
            "TRUNCATE sensor_event",
            "CREATE POLICY mine ON home USING (true)",
            "CREATE OR REPLACE FUNCTION own_organisation() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
            "CREATE ROLE mine",
            "UPDATE audit SET subject = 'nothing'",
            "DELETE FROM alert_history",
        ):
            with pytest.raises(InsufficientPrivilege), conn.transaction():
                conn.execute(statement.encode())


def test_functions_with_the_owners_rights_are_for_the_services_alone_and_trust_no_search_path(conn: Conn) -> None:
    rows = conn.execute(
        """
        SELECT oid::regprocedure::text, has_function_privilege('public', oid, 'EXECUTE'), proconfig
          FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace
        """
    ).fetchall()
    assert {row[0].replace("timestamp with time zone", "timestamptz") for row in rows} == {
        name.replace(", ", ",") for name in FUNCTIONS
    }
    for name, is_public, config in rows:
        assert not is_public, name
        assert config == ["search_path=pg_catalog, public, pg_temp"], name


def changeable(conn: Conn, table: Table, column: str) -> bool:
    row = conn.execute(
        "SELECT has_column_privilege(to_regclass(%(table)s), %(column)s, 'UPDATE')"
        " AND has_column_privilege(to_regclass(%(table)s), %(column)s, 'SELECT')"
        " AND (SELECT attidentity = '' FROM pg_attribute"
        "       WHERE attrelid = to_regclass(%(table)s) AND attname = %(column)s)",
        {"table": table.name, "column": column},
    ).fetchone()
    return bool(row and row[0])


def may_delete(conn: Conn, table: Table) -> bool:
    row = conn.execute("SELECT has_table_privilege(to_regclass(%(table)s), 'DELETE')", {"table": table.name}).fetchone()
    return bool(row and row[0])


@pytest.mark.parametrize("table", ["sensor_event", "hub_check_in"])
def test_the_view_finds_a_homes_rows_by_home_and_time_as_the_table_itself_does(
    conn: Conn, scene: Scene, table: str
) -> None:
    home = scene.ours.of["home"]["id"]
    columns = {"sensor_event": "sensor_id, value", "hub_check_in": "state, backlog"}[table]
    values = {"sensor_event": "1, 1", "hub_check_in": "'checkin', 0"}[table]
    statement = (
        f"INSERT INTO {table} (home_id, received_at, occurred_at, number, {columns})"  # noqa: S608 names of ours
        f" SELECT %s, %s, '2026-01-01Z'::timestamptz + g * interval '5 minutes', g, {values}"
        " FROM generate_series(2, 20000) g"
    )
    conn.execute(statement.encode(), [home, "2026-03-10T12:00:00Z"])
    conn.commit()
    conn.autocommit = True
    conn.execute(f"ANALYZE {table}".encode())
    with scene.as_pages(acting_for=scene.ours) as pages:
        question = (
            f"EXPLAIN (COSTS OFF) SELECT * FROM {table} WHERE home_id = %s"  # noqa: S608 a name of ours
            " AND occurred_at >= '2026-01-10Z' AND occurred_at < '2026-01-11Z'"
        )
        plan = pages.execute(question.encode(), [home]).fetchall()
    text = "\n".join(row[0] for row in plan)
    assert any("Index Cond" in line and "home_id" in line and "occurred_at" in line for line in text.splitlines()), text
    assert "InitPlan" in text, "which organisation is computed once, not once a row"

"""Roles on TimescaleDB: an owner who is no superuser, a service that owns nothing, pages with their own rows only."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql

from store.access import act_for
from store.database import Conn
from store.migrate import migrate
from store.retention import KeepSettings
from store.roles import RoleSettings, prepare_roles
from store.sensor_event import events_after
from tests.store.series import Said, SeriesHome, new_home
from tests.store.timescale.conftest import connected, running_server
from tests.store.timescale.test_statements import pack

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
ROLES = RoleSettings(database_service_role="site_service", database_pages_role="site_pages")


@pytest.fixture(scope="module")
def site() -> Iterator[Conn]:
    """Migrated by its owner. The one session takes the roles in turn."""
    with running_server() as settings, connected(settings) as conn:
        conn.execute("CREATE EXTENSION timescaledb")
        conn.execute("CREATE ROLE site_owner LOGIN CREATEROLE")
        row = conn.execute("SELECT current_database()").fetchone()
        assert row is not None
        conn.execute(sql.SQL("ALTER DATABASE {} OWNER TO site_owner").format(sql.Identifier(row[0])))
        conn.execute("ALTER SCHEMA public OWNER TO site_owner")
        conn.execute("SET SESSION AUTHORIZATION site_owner")
        assert "sensor_quarter reads a continuous aggregate" in migrate(conn, KeepSettings())
        prepare_roles(conn, ROLES)
        assert migrate(conn, KeepSettings(keep_events_days=400)) != []
        assert migrate(conn, KeepSettings(keep_events_days=400)) == []
        yield conn


@pytest.fixture
def home(site: Conn) -> SeriesHome:
    site.execute("SET SESSION AUTHORIZATION site_service")
    home = new_home(site, now=NOW)
    home.store(site, [Said(at=NOW), Said(at=NOW, sensor=None)], received_at=NOW)
    return home


def test_the_service_stores_and_reads_and_changes_no_shape(site: Conn, home: SeriesHome) -> None:
    assert len(events_after(site, home.home.id, 0, limit=9)) == 1
    assert site.execute("SELECT count(*) FROM home_day WHERE home_id = %(id)s", {"id": home.home.id}).fetchone() == (1,)
    for statement in (
        "DROP TABLE sensor_event",
        "SELECT drop_chunks('sensor_event', older_than => timestamptz '2100-01-01')",
        "SELECT remove_columnstore_policy('sensor_event')",
    ):
        with pytest.raises(psycopg.Error):
            site.execute(statement)


def test_the_pages_see_events_of_their_organisation_only_packed_or_not(site: Conn, home: SeriesHome) -> None:
    other = new_home(site, now=NOW)
    other.store(site, [Said(at=NOW)], received_at=NOW)
    for is_packed in (False, True):
        if is_packed:
            site.execute("SET SESSION AUTHORIZATION site_owner")
            pack(site, before=datetime(2027, 1, 1, tzinfo=UTC))
        site.execute("SET SESSION AUTHORIZATION site_pages")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            site.execute("SELECT * FROM public.sensor_event")
        with site.transaction():
            act_for(site, home.home.organisation_id)
            found = site.execute("SELECT DISTINCT home_id FROM guarded.sensor_event").fetchall()
            figures = site.execute("SELECT DISTINCT home_id FROM guarded.home_day").fetchall()
        assert found == figures == [(home.home.id,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        site.execute("SELECT * FROM _timescaledb_internal._hyper_1_1_chunk")  # nor past the table, at its chunks

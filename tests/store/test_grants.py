"""A role that lacks something is found out by `telecare migrate --check`, and `telecare migrate` gives it back."""

from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from deploy.cli import main
from store.access import ACCESS
from store.database import DatabaseSettings
from store.grants import missing_grants
from tests.conftest import Database

pytestmark = pytest.mark.database


@pytest.fixture
def administrator(database: Database, settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> DatabaseSettings:
    """The owner of the tables at the command line, the roles named as in the tests."""
    owner = database.as_owner(settings)
    with psycopg.connect(settings.database_url, autocommit=True) as conn:  # `migrate` makes its own table if need be
        conn.execute(sql.SQL("GRANT CREATE ON SCHEMA public TO {}").format(sql.Identifier(database.owner)))
    monkeypatch.setenv("TELECARE_DATABASE_URL", owner.database_url)
    monkeypatch.setenv("TELECARE_DATABASE_SERVICE_ROLE", database.roles.database_service_role)
    monkeypatch.setenv("TELECARE_DATABASE_PAGES_ROLE", database.roles.database_pages_role)
    return owner


def lacking(settings: DatabaseSettings, database: Database) -> list[str]:
    with psycopg.connect(settings.database_url, autocommit=True) as conn:
        return missing_grants(
            conn, service=database.roles.database_service_role, pages=database.roles.database_pages_role
        )


def test_a_migrated_database_lacks_nothing(database: Database, administrator: DatabaseSettings) -> None:
    assert lacking(administrator, database) == []
    assert main(["migrate", "--check"]) == 0


@pytest.mark.parametrize(
    ("taken", "words"),
    [
        ("REVOKE INSERT ON sensor_event FROM {service}", "{service} lacks INSERT on public.sensor_event"),
        ("REVOKE DELETE ON hub_clock FROM {service}", "{service} lacks DELETE on public.hub_clock"),
        ("REVOKE SELECT ON home FROM {pages}", "{pages} lacks SELECT on public.home"),
        (
            "REVOKE UPDATE (password_hash) ON staff FROM {pages}",
            "{pages} lacks UPDATE (password_hash) on public.staff",
        ),
        ("REVOKE SELECT ON guarded.sensor_event FROM {pages}", "{pages} lacks SELECT on guarded.sensor_event"),
        ("REVOKE USAGE ON SCHEMA guarded FROM {pages}", "{pages} lacks USAGE on schema guarded"),
        (
            "REVOKE EXECUTE ON FUNCTION staff_of_email(text) FROM PUBLIC, {pages}",
            "{pages} lacks EXECUTE on function public.staff_of_email(text)",
        ),
        ("ALTER TABLE home NO FORCE ROW LEVEL SECURITY", "row-level security is off on public.home"),
        ("DROP POLICY own_organisation ON alert", "{pages} lacks the policy own_organisation on public.alert"),
        ("DROP POLICY all_organisations ON alert", "{service} lacks the policy all_organisations on public.alert"),
    ],
)
def test_what_is_taken_away_is_named_by_check_and_given_back_by_migrate(
    database: Database,
    administrator: DatabaseSettings,
    capsys: pytest.CaptureFixture[str],
    taken: LiteralString,
    words: str,
) -> None:
    service, pages = database.roles.database_service_role, database.roles.database_pages_role
    with psycopg.connect(administrator.database_url, autocommit=True) as conn:
        conn.execute(sql.SQL(taken).format(service=sql.Identifier(service), pages=sql.Identifier(pages)))
    expected = words.format(service=service, pages=pages)
    assert expected in lacking(administrator, database)
    assert main(["migrate", "--check"]) == 1
    assert expected in capsys.readouterr().err
    assert main(["migrate"]) == 0
    assert lacking(administrator, database) == []
    assert main(["migrate", "--check"]) == 0


def test_every_grant_of_the_list_is_looked_for(database: Database, administrator: DatabaseSettings) -> None:
    """With all of them taken away at once, no table of the list is passed over."""
    service, pages = database.roles.database_service_role, database.roles.database_pages_role
    with psycopg.connect(administrator.database_url, autocommit=True) as conn:
        for role in (service, pages):
            conn.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(sql.Identifier(role)))
    found = lacking(administrator, database)
    for table, access in ACCESS.items():
        assert any(line.startswith(f"{service} lacks") and line.endswith(f" public.{table}") for line in found), table
        if access.pages:
            assert any(line.startswith(f"{pages} lacks") and line.endswith(f" public.{table}") for line in found), table


def test_a_role_that_is_not_there_lacks_nothing(administrator: DatabaseSettings) -> None:
    with psycopg.connect(administrator.database_url, autocommit=True) as conn:
        assert missing_grants(conn, service="nobody_at_all", pages="nor_this_one") == []

"""Which code may run on which schema, and what `telecare migrate` says of it."""

import threading

import psycopg
import pytest

from deploy.cli import main
from deploy.schema import fits
from store.database import Conn, DatabaseSettings
from store.migrate import UnfitSchema, migrate, migrations, missing, require_fit, schema_version
from store.retention import KeepSettings

pytestmark = pytest.mark.database


def test_a_migrated_database_fits_and_migrating_again_does_nothing(settings: DatabaseSettings) -> None:
    with psycopg.connect(settings.database_url, autocommit=True) as conn:
        require_fit(conn)
        assert missing(conn) == []
        assert migrate(conn, KeepSettings()) == []


def test_numbers_of_migrations_are_unique() -> None:
    numbers = [number for number, _, _ in migrations()]
    assert len(numbers) == len(set(numbers))
    assert schema_version() == max(numbers)


def test_a_schema_that_is_too_old_is_named_with_what_to_do(conn: Conn) -> None:
    newest = schema_version()
    conn.execute("DELETE FROM migration WHERE number = %(number)s", {"number": newest})
    name = next(name for number, name, _ in migrations() if number == newest)
    with pytest.raises(UnfitSchema, match=f"lacks {name}.*run telecare migrate"):
        require_fit(conn)


def test_a_newer_schema_is_fine_as_long_as_it_says_so(conn: Conn) -> None:
    conn.execute(
        "INSERT INTO migration (number, name) VALUES (%(number)s, 'of_tomorrow')", {"number": schema_version() + 1}
    )
    require_fit(conn)


def test_a_newer_schema_that_older_code_cannot_live_with_is_refused(settings: DatabaseSettings) -> None:
    newer = schema_version() + 1
    with psycopg.connect(settings.database_url, autocommit=True) as conn:
        conn.execute("UPDATE schema_compatibility SET oldest_code = %(newer)s", {"newer": newer})
        sentence = f"older than schema {newer} must not use it; this version knows schema {schema_version()}"
        with pytest.raises(UnfitSchema, match=sentence):
            require_fit(conn)
        with pytest.raises(UnfitSchema, match=sentence):
            migrate(conn, KeepSettings())  # and does not touch it either


def test_an_empty_database_is_too_old(settings: DatabaseSettings) -> None:
    with psycopg.connect(settings.database_url, autocommit=True) as conn:
        conn.execute("DROP TABLE migration, schema_compatibility")
        with pytest.raises(UnfitSchema, match="lacks 0001_first and others"):
            require_fit(conn)


@pytest.mark.parametrize("service", ["ingest", "anomaly", "alerts", "api"])
def test_a_service_does_not_start_on_a_schema_it_does_not_know(
    settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, service: str
) -> None:
    with psycopg.connect(settings.database_url, autocommit=True) as conn:
        conn.execute("DELETE FROM migration WHERE number = %(number)s", {"number": schema_version()})
    monkeypatch.setenv("TELECARE_DATABASE_URL", settings.database_url)
    assert main([service]) == 1
    assert "not started: the database lacks" in caplog.text


def test_a_service_waits_for_a_database_that_is_away_until_it_is_told_to_stop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    away = DatabaseSettings(database_url="postgresql://telecare@127.0.0.1:1/telecare")
    stop = threading.Event()
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(fits(away, stop=stop)))
    waiting.start()
    waiting.join(1.5)
    assert waiting.is_alive()
    stop.set()
    waiting.join(20)
    assert answers == [False]
    assert "waiting for it" in caplog.text


def test_the_pages_begin_without_a_database_after_a_while() -> None:
    away = DatabaseSettings(database_url="postgresql://telecare@127.0.0.1:1/telecare")
    assert fits(away, stop=threading.Event(), patience=0.01)


def test_migrate_says_what_it_found_and_check_changes_nothing(
    settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TELECARE_DATABASE_URL", settings.database_url)
    assert main(["migrate", "--check"]) == 0
    said = capsys.readouterr().out
    assert "PostgreSQL" in said
    assert f"the schema is current (version {schema_version()})" in said
    with psycopg.connect(settings.database_url, autocommit=True) as conn:
        conn.execute("DELETE FROM migration WHERE number = %(number)s", {"number": schema_version()})
        assert main(["migrate", "--check"]) == 1
        assert "run telecare migrate" in capsys.readouterr().err
        assert len(missing(conn)) == 1


def test_a_setting_that_would_starve_the_model_is_refused_with_its_name(
    settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TELECARE_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("TELECARE_KEEP_EVENTS_DAYS", "3")
    assert main(["migrate"]) == 2
    said = capsys.readouterr().err
    assert "keep_events_days" in said
    assert "at least 60 days" in said

"""`telecare health`, and what a service says at its start about the role it was given."""

import logging
import threading
from datetime import timedelta

import pytest

from deploy.cli import main
from deploy.schema import fits
from store.clock import ClockSettings, make_clock
from store.database import Conn, DatabaseSettings
from store.oversight import note_seen
from tests.conftest import Database

pytestmark = pytest.mark.database
REAL = ClockSettings(file=None, start=None, real_start=None, speed=1.0)


def test_a_service_is_healthy_while_it_finishes_rounds_and_not_when_it_has_stopped_doing_so(
    conn: Conn,
    pages_settings: DatabaseSettings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TELECARE_DATABASE_URL", pages_settings.database_url)
    now = make_clock(REAL).now()
    note_seen(conn, "alerts", now=now - timedelta(seconds=5))
    note_seen(conn, "ingest 00-31", now=now - timedelta(minutes=5), note="12 messages")
    conn.commit()
    assert main(["health", "alerts"]) == 0
    assert main(["health", "anomaly"]) == 1
    assert main(["health", "ingest", "--partitions", "00-31"]) == 1
    assert "ingest 00-31 finished its last round" in capsys.readouterr().err
    assert main(["health", "ingest", "--partitions", "00-31", "--within", "600"]) == 0
    assert "12 messages" in capsys.readouterr().out
    monkeypatch.setenv("TELECARE_DATABASE_URL", "postgresql://telecare@127.0.0.1:1/telecare")
    assert main(["health", "alerts"]) == 1
    assert "the database does not answer" in capsys.readouterr().err


@pytest.mark.parametrize("role", ["superuser", "owner", "service", "pages"])
def test_a_service_says_at_its_start_that_its_role_has_too_much_and_starts_all_the_same(
    database: Database, settings: DatabaseSettings, role: str, caplog: pytest.LogCaptureFixture
) -> None:
    given = {
        "superuser": settings,
        "owner": database.as_owner(settings),
        "service": database.as_service(settings),
        "pages": database.as_pages(settings),
    }[role]
    with caplog.at_level(logging.WARNING):
        assert fits(given, stop=threading.Event())
    warned = [record.getMessage() for record in caplog.records if "signs in to the database as" in record.getMessage()]
    assert len(warned) == (role in {"superuser", "owner"})
    assert all("is a superuser" in line for line in warned if role == "superuser")
    assert all("owns the tables" in line for line in warned if role == "owner")


def test_a_restore_by_other_means_is_noted_with_its_time(
    conn: Conn, settings: DatabaseSettings, database: Database, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("TELECARE_DATABASE_URL", database.as_service(settings).database_url)
    assert main(["restored", "2026-03-10T06:50:00Z"]) == 0
    assert conn.execute("SELECT taken_at = '2026-03-10T06:50:00Z' FROM restored").fetchall() == [(True,)]
    for wrong in ("yesterday", "2026-03-10T06:50:00", "2999-01-01T00:00:00Z"):
        assert main(["restored", wrong]) == 2
        assert "TIME" in capsys.readouterr().err

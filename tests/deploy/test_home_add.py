"""`telecare home add`: a new home begins in shadow, unless it is said otherwise."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.cli import main
from store.database import Conn, DatabaseSettings
from store.home import home_by_code
from store.watching import SHADOW_DAYS, Stage, Watching, watching_of

pytestmark = pytest.mark.database


@pytest.fixture
def home_file(tmp_path: Path, settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TELECARE_DATABASE_URL", settings.database_url)
    file = tmp_path / "home.json"
    told = {"id": "K7", "time_zone": "Europe/London", "residents": 1, "checkin_minutes": 5,
            "sensors": [{"id": "M001", "kind": "motion", "room": "bedroom"}]}  # fmt: skip
    file.write_text(json.dumps(told))
    return file


def added(conn: Conn) -> Watching:
    home = home_by_code(conn, "K7")
    assert home is not None
    return watching_of(conn, home.id)


def test_a_new_home_is_in_shadow_for_a_fortnight_and_the_command_says_so(
    conn: Conn, home_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["home", "add", str(home_file), "--organisation", "Ours"]) == 0
    assert "for 14 days its findings are shown and not told" in capsys.readouterr().out
    found = added(conn)
    assert found.stage is Stage.SHADOW
    assert found.told_from is not None
    assert found.stage_at is not None
    assert found.told_from - found.stage_at == timedelta(days=SHADOW_DAYS)


def test_without_a_shadow_people_are_told_from_the_beginning(conn: Conn, home_file: Path) -> None:
    assert main(["home", "add", str(home_file), "--organisation", "Ours", "--shadow-days", "0"]) == 0
    assert added(conn).stage is Stage.LIVE


@pytest.mark.parametrize("days", ["-1", "93", "soon", ""])
def test_a_shadow_of_no_sensible_length_is_refused(home_file: Path, conn: Conn, days: str) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["home", "add", str(home_file), "--organisation", "Ours", "--shadow-days", days])
    assert refused.value.code == 2
    assert home_by_code(conn, "K7") is None

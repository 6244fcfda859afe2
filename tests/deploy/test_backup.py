"""Backed up while homes send, destroyed, put back: nothing a hub still held is lost, nothing is there twice."""

import json
import os
import shutil
import subprocess
import tarfile
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from deploy.backup import back_up
from deploy.cli import main
from deploy.local_stack.archive import BadArchive, read_manifest
from deploy.local_stack.kept_roles import OWNER, PAGES, SERVICE
from deploy.local_stack.postgres import Postgres
from deploy.local_stack.stack import LocalStack
from deploy.restore import Refused, restore
from ingest.dialects.native import NativeReading, encode_readings
from store.access import is_guarded
from store.home import SensorKind
from tests.deploy.mqtt import Connection, eventually, own_topic
from tests.ingest.homes import make_home

pytestmark = pytest.mark.database

START = datetime(2026, 3, 10, 8, tzinfo=UTC)
CODE = "K7"


class Hub:
    """Numbers its readings and holds all of them, as a hub's own disk does; `send` publishes any stretch of them."""

    def __init__(self, stack: LocalStack) -> None:
        self._line = Connection(stack.broker.port, stack.broker.add_homes([CODE])[CODE])
        self._line.subscribe(f"acks/{CODE}", qos=0)

    def send(self, first: int, last: int) -> None:
        for begin in range(first, last + 1, 20):
            numbers = range(begin, min(begin + 20, last + 1))
            readings = [
                NativeReading(boot="b1", seq=seq, sensor="M1", value=True, at=START + timedelta(seconds=seq))
                for seq in numbers
            ]
            assert self._line.publish(own_topic(CODE, "native/events"), encode_readings(readings).decode())

    def acknowledged(self) -> int:
        return max((json.loads(payload)["seq"] for payload in self._line.payloads), default=0)

    def close(self) -> None:
        self._line.close()


def stored(url: str) -> list[int]:
    """The seconds of the readings that are stored: each should be there once."""
    with closing(psycopg.connect(url)) as conn:
        rows = conn.execute("SELECT occurred_at FROM sensor_event ORDER BY occurred_at").fetchall()
    return [round((row[0] - START).total_seconds()) for row in rows]


def started(data_dir: Path) -> LocalStack:
    return LocalStack(data_dir, start=START + timedelta(hours=1), durable=False)


def with_ingest(stack: LocalStack) -> LocalStack:
    stack.run([stack.service("ingest", TELECARE_BROKER_REDELIVERY_SECONDS="0", **stack.ingest_environment())])
    return stack


def test_backed_up_under_traffic_destroyed_and_restored_nothing_a_hub_still_holds_is_lost_or_doubled(
    data_dir: Path, empty_dir: Path
) -> None:
    file = empty_dir / "telecare.backup"
    with started(data_dir) as stack:
        with closing(psycopg.connect(stack.postgres.url())) as conn:
            make_home(conn, {"M1": SensorKind.MOTION}, now=START, code=CODE)
        with closing(Hub(with_ingest(stack))) as hub:
            hub.send(1, 200)
            assert eventually(lambda: hub.acknowledged() == 200, 60)
            traffic = threading.Thread(target=hub.send, args=(201, 600))
            traffic.start()
            assert main(["backup", str(file), "--data", str(data_dir)]) == 0
            traffic.join()
            hub.send(601, 700)
            assert eventually(lambda: hub.acknowledged() == 700, 60)
        before = stored(stack.postgres.url())
        credentials = stack.broker.credentials.homes()[CODE]
        reached = stack.clock.now()
    assert before == list(range(1, 701))
    shutil.rmtree(data_dir / "postgres")
    shutil.rmtree(data_dir / "broker")
    assert file.stat().st_mode & 0o777 == 0o600

    elsewhere = empty_dir / "again"
    assert main(["restore", str(file), "--data", str(elsewhere)]) == 0
    with started(elsewhere) as stack:
        kept = stored(stack.postgres.url())
        assert 200 <= len(kept) < 700
        assert kept == list(range(1, len(kept) + 1)), "one moment, without holes"
        assert stack.broker.credentials.homes()[CODE] == credentials
        assert stack.clock.now() >= reached - timedelta(seconds=10)
        with closing(Hub(with_ingest(stack))) as hub:
            hub.send(101, 750)  # what it still held, some of which is in the backup
            assert eventually(lambda: hub.acknowledged() == 750, 60)
        assert stored(stack.postgres.url()) == list(range(1, 751))
        with closing(psycopg.connect(stack.postgres.url())) as conn:
            found = conn.execute("SELECT restored_at > taken_at FROM restored").fetchall()
        assert found == [(True,)]
        with closing(psycopg.connect(stack.postgres.url_as(OWNER))) as conn:
            assert is_guarded(conn, service=SERVICE, pages=PAGES)


@pytest.fixture(scope="module")
def of_a_stopped_stack(scratch: Path, stopped_postgres: Path) -> tuple[Path, Path]:
    """A data directory with one home, whose stack does not run, and a backup of it."""
    folder = scratch / "to-back-up"
    folder.mkdir(mode=0o711)
    subprocess.run(["cp", "-a", stopped_postgres, folder], check=True)
    (folder / "postgres" / "port").unlink(missing_ok=True)
    with Postgres(folder, durable=False) as postgres:
        postgres.bring_up_to_date()
        with closing(psycopg.connect(postgres.url())) as conn:
            make_home(conn, {"M1": SensorKind.MOTION}, now=START, code=CODE)
    (folder / "logins.json").write_text("[]")
    file = scratch / "stopped.backup"
    back_up(folder, file)
    return folder, file


@pytest.fixture
def backup(of_a_stopped_stack: tuple[Path, Path], empty_dir: Path) -> Path:
    """A copy of its backup, in a folder of this test."""
    return Path(shutil.copy(of_a_stopped_stack[1], empty_dir / "stopped.backup"))


def test_a_restore_into_a_place_that_is_taken_is_refused_and_with_replace_keeps_what_was_there(
    data_dir: Path, backup: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data_dir / "logins.json").write_text("[1]")
    assert main(["restore", str(backup), "--data", str(data_dir)]) == 2
    assert "is not empty" in capsys.readouterr().err
    done = restore(backup, data_dir, replace=True)
    assert (data_dir / "logins.json").read_text() == "[]"
    assert done.before is not None
    assert (done.before / "logins.json").read_text() == "[1]"
    assert (done.before / "postgres" / "cluster").exists()


def test_a_stack_that_runs_is_not_replaced(data_dir: Path, backup: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with LocalStack(data_dir, durable=False):
        assert main(["restore", str(backup), "--data", str(data_dir), "--replace"]) == 2
        assert f"process {os.getpid()}" in capsys.readouterr().err


def spoilt(backup: Path, how: str) -> Path:
    content = bytearray(backup.read_bytes())
    if how == "cut off":
        content = content[: len(content) // 2]
    elif how == "one bit":
        content[len(content) * 3 // 4] ^= 1
    elif how == "something else":
        content = bytearray(b"hello " * 1000)
    bad = backup.with_name(f"{how}.backup")
    bad.write_bytes(content)
    return bad


@pytest.mark.parametrize("how", ["cut off", "one bit", "something else"])
def test_a_spoilt_backup_is_refused_with_a_reason_and_leaves_nothing_behind(
    backup: Path, empty_dir: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = spoilt(backup, how)
    there = set(empty_dir.iterdir())
    assert main(["restore", str(bad), "--data", str(empty_dir / "again")]) == 2
    assert str(bad) in capsys.readouterr().err
    assert set(empty_dir.iterdir()) == there


def test_a_backup_of_a_newer_version_and_one_with_missing_rows_are_refused(backup: Path, empty_dir: Path) -> None:
    manifest = read_manifest(backup)
    changes: list[tuple[dict[str, object], type[Exception]]] = [
        ({"migrations": [*manifest.migrations, "9999_later"]}, Refused),
        ({"tables": {**manifest.tables, "home": 7}}, BadArchive),
    ]
    for change, error in changes:
        changed = rewritten(backup, change)
        there = set(empty_dir.iterdir())
        with pytest.raises(error):
            restore(changed, empty_dir / "again")
        assert set(empty_dir.iterdir()) == there


def rewritten(backup: Path, change: dict[str, object]) -> Path:
    """The same backup with another manifest."""
    folder = backup.with_name("unpacked")
    with tarfile.open(backup) as tar:
        tar.extractall(folder, filter="data")
    told = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(told | change))
    changed = backup.with_name("changed.backup")
    with tarfile.open(changed, "w") as tar:
        tar.add(folder / "manifest.json", "manifest.json")
        for name in told["members"]:
            tar.add(folder / name, name)
    shutil.rmtree(folder)
    return changed


def test_where_there_is_nothing_to_back_up_or_no_place_for_it_the_command_says_so(
    empty_dir: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = empty_dir / "nowhere"
    assert main(["backup", str(empty_dir / "x"), "--data", str(nowhere)]) == 2
    assert str(nowhere) in capsys.readouterr().err
    assert main(["backup", str(nowhere / "x"), "--data", str(data_dir)]) == 2
    assert str(nowhere) in capsys.readouterr().err

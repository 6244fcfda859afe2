"""`telecare bench faults` in short: each fault once, on real parts; nothing is lost or doubled, or it would be seen."""

import json
import sys
from pathlib import Path

import pytest

from deploy import cli
from deploy.bench.fault_parts import usual_broker
from deploy.bench.fault_rows import FAULTS, SHORT
from deploy.bench.faults import Row, tell_all

pytestmark = pytest.mark.journey


def test_nothing_is_lost_or_doubled_whatever_breaks(scratch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = scratch / "faults"
    assert cli.main(["bench", "faults", "--short", "--readings", "3600", "--json", "--folder", str(folder)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["lost"], said["doubled"], said["is_good"]) == (0, 0, True)
    assert said["readings"] == 3600
    assert [row["name"] for row in said["faults"]] == [fault.name for fault in FAULTS]
    assert all(row["stored"] == row["readings"] == 400 for row in said["faults"])
    assert all(row["recover_s"] is not None for row in said["faults"])


@pytest.mark.parametrize("defect", ["forgetful", "repetitive"])
def test_a_service_that_loses_or_doubles_is_found_out(defect: str, scratch: Path) -> None:
    folder = scratch / f"faults-{defect}"
    folder.mkdir()
    folder.chmod(0o711)
    (none,) = [fault for fault in FAULTS if fault.name == "none"]
    spoilt = (sys.executable, "-m", "tests.journey.spoilt_ingest", defect)
    rows: list[Row] = list(
        tell_all(folder, [none], readings=400, homes=4, broker=usual_broker(), size=SHORT, ingest=spoilt, patience=20.0)
    )
    (row,) = rows
    assert not row.is_good
    assert row.counted.unacknowledged == 0
    if defect == "forgetful":
        assert row.counted.lost > 0
        assert row.counted.doubled == 0
    else:
        assert row.counted.doubled > 0
        assert row.counted.lost == 0


def test_a_folder_in_use_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").touch()
    assert cli.main(["bench", "faults", "--folder", str(tmp_path)]) == 2
    assert "is not empty" in capsys.readouterr().err

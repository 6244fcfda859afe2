"""`telecare bench faults` in short: each fault once, on real parts; nothing is lost or doubled, or it would be seen."""

import json
import sys
from pathlib import Path

import pytest

from deploy import cli
from deploy.bench.fault_parts import Parts, usual_broker
from deploy.bench.fault_report import BEGINS, ENDS, Row
from deploy.bench.fault_rows import FAULTS, SHORT
from deploy.bench.faults import tell_all

pytestmark = pytest.mark.journey


def test_nothing_is_lost_or_doubled_whatever_breaks(scratch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, page = scratch / "faults", scratch / "page.md"
    page.write_text(f"before\n{BEGINS}\nold\n{ENDS}\nafter\n")
    possible = [fault for fault in FAULTS if fault.is_possible and usual_broker() in fault.brokers]
    command = ["bench", "faults", "--short", "--readings", str(400 * len(possible)), "--json"]
    assert cli.main([*command, "--folder", str(folder), "--markdown", str(page)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["lost"], said["doubled"], said["is_good"]) == (0, 0, True)
    assert said["readings"] == 400 * len(possible)
    assert [row["name"] for row in said["faults"]] == [fault.name for fault in possible]
    assert all(row["stored"] == row["readings"] == 400 for row in said["faults"])
    rows = {row["name"]: row for row in said["faults"]}
    for fault in possible:
        row = rows[fault.name]
        assert len(row["recover_s"]) == len(row["under_way"]) == fault.strikes(SHORT)
        assert None not in row["recover_s"]
        assert row["struck"] >= min(1, fault.strikes(SHORT))
    queue = rows.get("queue")
    if queue is not None:  # Mosquitto drops what it has confirmed: a hub tells it again, a bridge cannot
        assert queue["published"] > queue["readings"]
        assert queue["bridged"]["lost"] > 0
    text = page.read_text()
    assert text.startswith(f"before\n{BEGINS}\n| fault")
    assert text.endswith(f"{ENDS}\nafter\n")
    assert all(row["fault"] in text for row in said["faults"])


def told_with(defect: str, name: str, scratch: Path, *, patience: float) -> Row:
    """The row of one fault, with a service that has this defect."""
    folder = scratch / f"faults-{defect}"
    folder.mkdir()
    folder.chmod(0o711)
    (fault,) = [fault for fault in FAULTS if fault.name == name]
    spoilt = (sys.executable, "-m", "tests.journey.spoilt_ingest", defect)
    with Parts(folder, broker=usual_broker(), ingest=spoilt) as parts:
        (row,) = tell_all(parts, [fault], readings=400, homes=4, size=SHORT, patience=patience)
    return row


@pytest.mark.parametrize("defect", ["forgetful", "repetitive"])
def test_a_service_that_loses_or_doubles_is_found_out(defect: str, scratch: Path) -> None:
    row = told_with(defect, "none", scratch, patience=20.0)
    assert not row.is_good
    assert row.counted.unacknowledged == 0
    if defect == "forgetful":
        assert row.counted.lost > 0
        assert row.counted.doubled == 0
    else:
        assert row.counted.doubled > 0
        assert row.counted.lost == 0


def test_a_service_that_acknowledges_before_it_stores_is_found_out_when_it_is_killed(scratch: Path) -> None:
    row = told_with("hasty", "ingest", scratch, patience=6.0)
    assert not row.is_good
    assert row.counted.lost > 0
    assert row.counted.doubled == 0


def test_a_folder_in_use_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").touch()
    assert cli.main(["bench", "faults", "--folder", str(tmp_path)]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_a_page_without_a_section_for_the_table_is_named_before_anything_is_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    assert cli.main(["bench", "faults", "--markdown", str(page)]) == 2
    assert f"{page} cannot be read" in capsys.readouterr().err
    page.write_text("no section")
    assert cli.main(["bench", "faults", "--markdown", str(page)]) == 2
    said = capsys.readouterr().err
    assert f"{page} has no section for the table" in said
    assert BEGINS in said
    assert page.read_text() == "no section"

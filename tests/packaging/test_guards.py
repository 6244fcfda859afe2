"""Cheap guards over the tree itself: what must never creep in."""

import re
import subprocess
import sys
import tokenize
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("alerts", "anomaly", "api", "deploy", "ingest", "simulators", "store")
LONGEST = 350  # lines


def tracked(*endings: str) -> list[Path]:
    """The project's own files: what git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    found = (ROOT / name for name in listed.stdout.splitlines())
    return [path for path in found if path.is_file() and path.name.endswith(endings)]


def python_names(path: Path) -> Iterator[tuple[int, str]]:
    """Every identifier of a file with its line."""
    with path.open("rb") as source:
        for token in tokenize.tokenize(source.readline):
            if token.type == tokenize.NAME:
                yield token.start[0], token.string


def test_no_file_is_longer_than_a_person_reads_in_one_go() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked(".py", ".sql", ".html", ".js", ".css")
        if (lines := path.read_text().count("\n")) > LONGEST and "migrations" not in path.parts
    }
    assert not long


def test_time_is_made_in_one_place_only() -> None:
    call = re.compile(r"\bdatetime\.now\(|\bdatetime\.utcnow\(|\bdate\.today\(")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked(".py")
        if path.relative_to(ROOT).parts[0] in PACKAGES and path != ROOT / "store" / "clock.py"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if call.search(line)
    ]
    assert not found


def test_no_query_asks_the_database_for_the_time() -> None:
    call = re.compile(r"\b(now\(\)|current_timestamp|clock_timestamp\(\)|localtimestamp)", re.IGNORECASE)
    allowed = re.compile(r"clock\.now\(\)|\.now\(\)|`now\(\)`")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked(".py", ".sql")
        if path.relative_to(ROOT).parts[0] == "store" and path.name != "clock.py"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if call.search(allowed.sub("", line)) and not line.lstrip().startswith("--")
    ]
    assert not found


@pytest.mark.parametrize("package", PACKAGES)
def test_the_people_of_this_service_are_called_by_their_names(package: str) -> None:
    never = {"user", "users", "patient", "patients", "elder", "carer"}
    library_names = {"user"}  # subprocess.Popen(user=…): the operating system's word
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in tracked(".py")
        if path.relative_to(ROOT).parts[0] == package
        for line, name in python_names(path)
        if name.lower() in never and not (name in library_names and "local_stack" in path.parts)
    ]
    assert not found


def test_no_page_text_or_document_makes_a_medical_claim() -> None:
    claim = re.compile(r"\b(diagnos\w+|predicts? falls?|detects? (an )?infections?|\bUTI\b|treats?\b)", re.IGNORECASE)
    allowed = re.compile(r"(does not|never|not) (a )?diagnos\w+", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked(".html", ".md", "wording.py", "explain.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if claim.search(allowed.sub("", line))
    ]
    assert not found


def test_nothing_names_a_registry_or_this_machine() -> None:
    address = re.compile(
        r"registry\.npmjs|pypi\.org|pythonhosted|\"resolved\": *\"http|index-url|/"
        + r"work/|/"
        + "root/|/"
        + r"home/\w+/"
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked("")
        if path != Path(__file__) and path.suffix not in {".png", ".ico", ".woff2"} and path.name != "LICENSE"
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if address.search(line)
    ]
    assert not found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            str(folder),
            str(ROOT),
        ],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("telecare-*.whl")
    return zipfile.ZipFile(built)


def test_the_wheel_holds_our_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    top = {name.split("/")[0] for name in wheel.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)


def test_the_wheel_holds_what_the_code_reads_at_run_time(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert "store/migrations/0001_first.sql" in names
    assert {"anomaly/prior_data.json", "anomaly/cusum_table.json"} <= set(names)
    assert any(name.startswith("api/pages/templates/") for name in names)
    assert any(name.startswith("api/static/") for name in names)
    wheel.close()

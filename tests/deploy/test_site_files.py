"""The files for a real site against the code they speak of: what they name must exist. Docker itself is not needed."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ruamel.yaml import YAML

from deploy.cli import main, parser_of
from deploy.local_stack.lifeline import Lifeline
from deploy.local_stack.postgres import Postgres
from deploy.local_stack.programs import installed_package
from store.roles import powers_of
from tests.packaging.test_settings_documented import settings_in_code, settings_in_example

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OURS = ("migrate", "ingest", "anomaly", "alerts", "api", "admin")
OF_COMPOSE = {"TELECARE_ETC", "TELECARE_DATA", "TELECARE_IMAGE", "TELECARE_BROKER_NAME"}  # in its own .env: RUNBOOK


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load((DEPLOY / "compose.yaml").read_text())
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = compose["services"]
    return found


def parses(words: list[str]) -> bool:
    """True if `telecare` with these words is a command with known options."""
    try:
        parser_of(words).parse_args(words)
    except SystemExit as ended:
        return ended.code == 0  # --help
    return True


def test_compose_yaml_fits_the_compose_specification() -> None:
    program = str(Path(sys.executable).with_name("check-jsonschema"))
    checked = subprocess.run(
        [program, "--builtin-schema", "vendor.compose-spec", str(DEPLOY / "compose.yaml")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_setting_in_compose_yaml_exists(services: dict[str, Any]) -> None:
    named = {name for service in services.values() for name in service.get("environment", {})}
    files = {secret["target"].upper() for name in OURS for secret in services[name].get("secrets", [])}
    ours = {name for name in named | files if name.startswith("TELECARE_")}
    assert ours <= settings_in_example() & settings_in_code()
    assert {"TELECARE_DATABASE_URL", "TELECARE_TWILIO_AUTH_TOKEN", "TELECARE_BROKER_PASSWORD"} <= files


def test_every_variable_of_compose_is_explained_in_the_runbook_and_every_secret_is_made_there() -> None:
    text, runbook = (DEPLOY / "compose.yaml").read_text(), (DEPLOY / "RUNBOOK.md").read_text()
    assert set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", text)) == OF_COMPOSE
    assert all(f"{name}=" in runbook for name in OF_COMPOSE)
    for secret in re.findall(r"^  ([a-z_]+): \{file:", text, re.MULTILINE):
        pattern = secret if not secret.startswith("database_url_") else "database_url_$role"
        assert pattern in runbook, secret


def test_every_service_of_compose_runs_a_real_command_and_asks_for_its_own_health(services: dict[str, Any]) -> None:
    for name in OURS:
        assert parses(services[name]["command"]), name
    for name in ("ingest", "anomaly", "alerts", "api"):
        test = services[name]["healthcheck"]["test"]
        assert test[:4] == ["CMD", "telecare", "health", name]
        assert parses(test[2:])
    assert set(services) == {*OURS, "database", "broker"}
    assert all("healthcheck" in services[name] for name in ("database", "broker"))


def test_no_container_of_ours_is_root_or_writes_to_its_own_files_and_the_database_has_no_port(
    services: dict[str, Any],
) -> None:
    for name in OURS:
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        assert service.get("user", "10001:10001").split(":")[0] != "0"
    assert re.search(r"^USER 10001:10001$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert "ports" not in services["database"]
    assert services["database"]["networks"] == ["inside"]
    assert services["api"]["ports"] == ["127.0.0.1:8080:8080"]
    assert all("latest" not in service.get("image", "") for service in services.values())
    assert re.fullmatch(r"timescale/timescaledb:\d+\.\d+\.\d+-pg\d+", services["database"]["image"])


def test_each_service_is_given_the_database_role_that_is_meant_for_it(services: dict[str, Any]) -> None:
    given = {
        name: secret["source"]
        for name in OURS
        for secret in services[name]["secrets"]
        if secret["target"] == "telecare_database_url"
    }
    assert given.pop("migrate") == "database_url_owner"
    assert given.pop("api") == "database_url_pages"
    assert set(given.values()) == {"database_url_service"}


def test_the_image_is_made_of_the_wheel_alone() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(\S+)", text, re.MULTILINE)
    assert copied == ["constraints.txt", "dist/telecare-*.whl"]
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"python:3.13-slim-bookworm"}
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert [line for line in ignored if not line.startswith(("#", "!"))] == ["*", "dist/*"]
    assert parses(["health", "api"])


def commands_of_the_runbook() -> Iterator[tuple[str, list[str]]]:
    """Each `telecare …` of a code block or of running text, as written there, and its words after `telecare`."""
    text = (DEPLOY / "RUNBOOK.md").read_text()
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ")
    spans = re.findall(r"`((?:telecare|docker compose run) [^`]*)`", text)
    for line in [*blocks.splitlines(), *spans]:
        line = re.sub(r" \| .*| [<>] .*", "", line.strip())
        found = re.match(r"(?:docker compose run --rm (?:admin|migrate)|telecare) (.+)", line)
        if found:
            yield line, shlex.split(found[1])


@pytest.mark.parametrize(("line", "words"), list(commands_of_the_runbook()))
def test_every_command_of_the_runbook_exists(line: str, words: list[str]) -> None:
    assert parses(words), line


def test_the_runbook_names_enough_commands_for_the_test_above_to_mean_something() -> None:
    verbs = {words[0] for _, words in commands_of_the_runbook()}
    assert {"migrate", "home", "staff", "restored", "backup", "restore", "health", "ingest"} <= verbs
    images = set(re.findall(r"eclipse-mosquitto:\S+", (DEPLOY / "RUNBOOK.md").read_text()))
    assert images == set(re.findall(r"eclipse-mosquitto:\S+", (DEPLOY / "compose.yaml").read_text()))


@pytest.fixture(scope="module")
def postgres(scratch: Path, lifeline: Lifeline) -> Iterator[Postgres]:
    with Postgres(scratch / "site", durable=False, lifeline=lifeline) as postgres:
        yield postgres


@pytest.mark.database
def test_a_database_as_the_site_makes_it_ends_up_with_three_roles_none_of_which_has_too_much(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "owner").write_text("owner's '\"\\ password")
    with closing(psycopg.connect(postgres.url())) as conn:
        known = conn.info
        environment = {
            "PATH": f"{installed_package() / 'pginstall' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PGHOST": known.host,
            "PGPORT": str(known.port),
            "PGPASSWORD": known.password,
            "POSTGRES_USER": known.user,
            "POSTGRES_DB": known.dbname,
            "TELECARE_OWNER_PASSWORD_FILE": str(tmp_path / "owner"),
        }
    for _ in range(2):  # a second time changes nothing
        made = subprocess.run(
            ["sh", str(DEPLOY / "database-roles.sh")], env=environment, capture_output=True, text=True, timeout=60
        )
        assert made.returncode == 0, made.stderr

    def url(role: str, password: str) -> str:
        return psycopg.conninfo.make_conninfo(postgres.url(), user=role, password=password)

    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "telecare_database_url").write_text(url("telecare_owner", "owner's '\"\\ password") + "\n")
    (secrets / "telecare_database_service_password").write_text("s3rvice")
    (secrets / "telecare_database_pages_password").write_text("p4ges")
    monkeypatch.setenv("TELECARE_SECRETS_DIR", str(secrets))
    assert main(["migrate"]) == 0
    assert "roles:" not in capsys.readouterr().err
    for role, password in (("telecare_service", "s3rvice"), ("telecare_pages", "p4ges")):
        with closing(psycopg.connect(url(role, password))) as conn:
            assert powers_of(conn).words == ""
    assert main(["migrate"]) == 0
    assert main(["migrate", "--check"]) == 0


@pytest.mark.database
def test_an_owner_who_may_not_make_roles_is_told_what_to_ask_for_and_goes_on_alone(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(psycopg.connect(postgres.url(), autocommit=True)) as conn:
        conn.execute("CREATE ROLE hosted LOGIN PASSWORD 'hosted'")
        conn.execute("CREATE DATABASE hosted OWNER hosted")
    monkeypatch.setenv(
        "TELECARE_DATABASE_URL",
        psycopg.conninfo.make_conninfo(postgres.url(), user="hosted", password="hosted", dbname="hosted"),
    )
    monkeypatch.setenv("TELECARE_DATABASE_SERVICE_ROLE", "missing_service")
    monkeypatch.setenv("TELECARE_DATABASE_PAGES_ROLE", "missing_pages")
    assert main(["migrate"]) == 0
    told = capsys.readouterr().err
    assert 'CREATE ROLE "missing_service" LOGIN' in told
    assert 'CREATE ROLE "missing_pages" LOGIN' in told
    assert main(["home", "list"]) == 0  # one role for everything still works
    assert main(["health", "api"]) == 1
    assert "api has never reported" in capsys.readouterr().err

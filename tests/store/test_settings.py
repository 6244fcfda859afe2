"""Settings come from the environment, then from files of secrets, for every settings class there is."""

import importlib
import pkgutil
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from alerts.twilio import TwilioSettings
from store.database import DatabaseSettings
from store.settings import SecretsSettings, Settings
from tests.packaging.test_settings_documented import PACKAGES, ROOT


def test_a_secret_may_stand_in_a_file_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "telecare_database_url").write_text("postgresql://from/file\n")
    (tmp_path / "telecare_twilio_auth_token").write_text("token-of-the-file\n")
    monkeypatch.setenv("TELECARE_SECRETS_DIR", str(tmp_path))
    monkeypatch.delenv("TELECARE_DATABASE_URL", raising=False)
    assert DatabaseSettings().database_url == "postgresql://from/file"
    assert TwilioSettings().twilio_auth_token.get_secret_value() == "token-of-the-file"
    assert "token-of-the-file" not in repr(TwilioSettings())
    monkeypatch.setenv("TELECARE_DATABASE_URL", "postgresql://from/environment")
    assert DatabaseSettings().database_url == "postgresql://from/environment"
    assert DatabaseSettings(database_url="postgresql://from/code").database_url == "postgresql://from/code"


def test_a_folder_of_secrets_that_is_not_there_is_an_error_and_not_a_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELECARE_SECRETS_DIR", str(tmp_path / "missing"))
    with pytest.raises(ValidationError, match="secrets_dir"):
        DatabaseSettings()


def test_every_settings_class_reads_files_of_secrets() -> None:
    others = {
        kind.__name__
        for package in PACKAGES
        for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}.")
        if not module.name.endswith("__main__")
        for kind in vars(importlib.import_module(module.name)).values()
        if isinstance(kind, type) and issubclass(kind, BaseSettings) and not issubclass(kind, Settings)
    }
    # The hub runs in a home, not here, and has one file of its own for everything.
    assert others <= {"BaseSettings", SecretsSettings.__name__, "HubSettings"}
